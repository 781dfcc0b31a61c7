//! Exact search beside faiss' flat index.

use super::peers::SearchPeers;
use super::{NAME, stage};
use crate::error::BenchError;
use crate::inputs::gaussian;
use crate::rounds::{in_turn, timed};
use crate::row::Row;
use ndarray::{Array2, ArrayView1};
use tenfold_core_tensor::ops::nearest::{Metric, nearest};
use tenfold_core_tensor::seed::Seed;

const KEYS: usize = 50_000;
const QUERIES: usize = 10_000;
const WIDTH: usize = 64;
const K: usize = 64;
const PEER: &str = "faiss";

/// Times whole calls: the norms of the keys are part of the work, for both.
pub(super) fn run(rounds: usize, mut peers: Option<&mut SearchPeers>) -> Result<Vec<Row>, BenchError> {
    let work = format!("exact-k{K}-{QUERIES}x{KEYS}x{WIDTH}");
    stage(&work);
    let seed = Seed::new(7).named("bench-search");
    let (keys, queries) = (gaussian(KEYS, WIDTH, seed.named("keys")), gaussian(QUERIES, WIDTH, seed.named("queries")));
    let search = || timed(|| nearest(keys.view(), queries.view(), K, Metric::Euclidean));

    // The first search of each is not timed: it warms up, and its result tells the quality.
    let ours = search().1?;
    let theirs = peers.as_deref_mut().map(|peers| -> Result<_, BenchError> {
        peers.load(keys.view(), queries.view())?;
        Ok((peers.version(PEER)?, peers.exact(PEER, K)?.1))
    });

    let contenders = 1 + usize::from(matches!(theirs, Some(Ok(_))));
    let spreads = in_turn(rounds, contenders, |who| match &mut peers {
        Some(peers) if who == 1 => Ok(peers.exact(PEER, K)?.0),
        _ => {
            let (seconds, found) = search();
            found?;
            Ok::<_, BenchError>(seconds)
        }
    });
    let mut spreads = spreads.into_iter();
    let Some(ours_spread) = spreads.next().transpose()? else { return Ok(Vec::new()) };
    let row = Row::ours(NAME, work, ours_spread.median);
    let timed = theirs.map(|theirs| theirs.and_then(|theirs| Ok((theirs, spreads.next().transpose()?))));
    Ok(vec![match timed {
        Some(Ok(((version, ids), Some(spread)))) => row
            .with_peer(version, spread.median)
            .with_quality(format!("{:.2} % of neighbour sets equal", 100.0 * equal_sets(&ours.indices, &ids)))
            .with_spreads(ours_spread, Some(spread)),
        Some(Err(error)) => row.without_peer(PEER, error).with_spreads(ours_spread, None),
        _ => row.with_quality("exact").with_spreads(ours_spread, None),
    }])
}

/// The share of rows that hold the same set.
fn equal_sets(a: &Array2<u32>, b: &Array2<u32>) -> f64 {
    let sorted = |row: ArrayView1<u32>| {
        let mut row = row.to_vec();
        row.sort_unstable();
        row
    };
    let equal = a.outer_iter().zip(b.outer_iter()).filter(|(a, b)| sorted(*a) == sorted(*b)).count();
    equal as f64 / a.nrows() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn sets_are_equal_whatever_their_order() {
        assert_eq!(equal_sets(&array![[1, 2], [3, 4]], &array![[2, 1], [3, 5]]), 0.5);
    }
}
