//! Graph search beside hnswlib and usearch: the time of a build, the frontier of recall and time, and the time at equal
//! recall.

use super::peers::{Found, GraphWork, SearchPeers};
use super::{DATA, NAME, stage};
use crate::error::BenchError;
use crate::rounds::{in_turn, timed};
use crate::row::Row;
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::ops::nearest::{Metric, nearest};
use tenfold_core_tensor::seed::Seed;
use tenfold_data::{Standardiser, TrainTest};
use tenfold_resmem::index::{Hnsw, Index};
use tenfold_resmem::{HnswConfig, Storage};

const PEERS: [&str; 2] = ["hnswlib", "usearch"];
const K: usize = 10;
const GRAPH: GraphWork = GraphWork { m: 16, ef_construction: 200, seed: 7 };
/// Beam widths of the frontier, each some 1.4 times the one before; none can be below `K`.
const FRONTIER: [usize; 11] = [K, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320];
/// The shares of true neighbours that are asked for.
const TARGETS: [f64; 3] = [0.90, 0.95, 0.99];

/// Who searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ours,
    Peer(&'static str),
}

/// A search of all queries with one beam width.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    ef: usize,
    recall: f64,
    seconds: f64,
}

/// Everyone's graphs over the same keys, the queries, and the truth.
struct Field<'a> {
    index: Hnsw,
    queries: ArrayView2<'a, f32>,
    truth: Array2<u32>,
    peers: Option<&'a mut SearchPeers>,
}

impl Field<'_> {
    fn search(&mut self, who: Who, ef: usize) -> Result<Found, BenchError> {
        match (who, &mut self.peers) {
            (Who::Peer(name), Some(peers)) => Ok(peers.search(name, K, ef)?),
            _ => {
                self.index.set_ef(ef)?;
                let (seconds, found) = timed(|| self.index.search(self.queries, K));
                Ok((seconds, found?.indices))
            }
        }
    }

    fn point(&mut self, who: Who, ef: usize) -> Result<Point, BenchError> {
        let (seconds, found) = self.search(who, ef)?;
        Ok(Point { ef, recall: recall(&found, &self.truth), seconds })
    }
}

/// One that takes part.
struct Entrant {
    who: Who,
    version: String,
    /// What was measured, by ascending `ef`.
    points: Vec<Point>,
    /// Why a peer dropped out, if it did.
    gone: Option<BenchError>,
}

impl Entrant {
    fn new(who: Who, version: String) -> Self {
        Self { who, version, points: Vec::new(), gone: None }
    }

    /// Keeps a measurement; a peer's failure is its own, ours ends the bench.
    fn take(&mut self, measured: Result<Point, BenchError>) -> Result<(), BenchError> {
        match (measured, self.who) {
            (Ok(point), _) => {
                let at = self.points.partition_point(|p| p.ef < point.ef);
                self.points.insert(at, point);
            }
            (Err(error), Who::Ours) => return Err(error),
            (Err(error), Who::Peer(_)) => self.gone = Some(error),
        }
        Ok(())
    }

    /// A row that says why this peer has no number.
    fn absent(&self, row: Row) -> Row {
        match &self.gone {
            Some(error) => row.without_peer(&self.version, error),
            None => row.without_peer(&self.version, "recall not reached"),
        }
    }
}

pub(super) fn run(
    data: &TrainTest,
    rounds: usize,
    mut peers: Option<&mut SearchPeers>,
) -> Result<Vec<Row>, BenchError> {
    let unit = Standardiser::unit(data.train.shape().channels);
    let (keys, queries) = (data.train.to_matrix(&unit)?, data.test.to_matrix(&unit)?);
    stage(format!("hnsw: true neighbours of {} queries among {} keys", queries.nrows(), keys.nrows()));
    let truth = nearest(keys.view(), queries.view(), K, Metric::Euclidean)?.indices;

    stage("hnsw: build, ours");
    let config = HnswConfig::default().with_m(GRAPH.m).with_ef_construction(GRAPH.ef_construction);
    let config = config.with_seed(Seed::new(GRAPH.seed)).with_parallel(true);
    let (seconds, index) = timed(|| Hnsw::new(keys.view(), Metric::Euclidean, Storage::F32, &config));
    let (mut rows, built) = build_peers(seconds, keys.view(), queries.view(), peers.as_deref_mut());
    let mut entrants = vec![Entrant::new(Who::Ours, String::new())];
    entrants.extend(built);
    let mut field = Field { index: index?, queries: queries.view(), truth, peers };

    for ef in FRONTIER {
        stage(format!("hnsw: frontier, ef {ef}"));
        for entrant in entrants.iter_mut().filter(|entrant| entrant.gone.is_none()) {
            entrant.take(field.point(entrant.who, ef))?;
        }
    }
    let frontier = frontier_rows(&entrants);
    for target in TARGETS {
        stage(format!("hnsw: recall {target:.2}"));
        rows.extend(at_recall(&mut field, &mut entrants, target, rounds)?);
    }
    rows.extend(frontier);
    Ok(rows)
}

/// Lets the peers build their graphs, once each; `ours` is how long we took. Those that could are entered.
fn build_peers(
    ours: f64,
    keys: ArrayView2<f32>,
    queries: ArrayView2<f32>,
    peers: Option<&mut SearchPeers>,
) -> (Vec<Row>, Vec<Entrant>) {
    let GraphWork { m, ef_construction, .. } = GRAPH;
    let row = || {
        Row::ours(NAME, format!("hnsw-build-{DATA}"), ours)
            .with_quality(format!("one build each, M {m}, ef_construction {ef_construction}"))
    };
    let Some(peers) = peers else { return (vec![row()], Vec::new()) };
    if let Err(error) = peers.load(keys, queries) {
        return (PEERS.map(|name| row().without_peer(name, &error)).to_vec(), Vec::new());
    }
    let (mut rows, mut entrants) = (Vec::new(), Vec::new());
    for name in PEERS {
        stage(format!("hnsw: build, {name}"));
        match peers.version(name).and_then(|version| Ok((version, peers.build(name, GRAPH)?))) {
            Ok((version, seconds)) => {
                rows.push(row().with_peer(&version, seconds));
                entrants.push(Entrant::new(Who::Peer(name), version));
            }
            Err(error) => rows.push(row().without_peer(name, error)),
        }
    }
    (rows, entrants)
}

/// One row for each beam width and peer. Recalls differ, so there is no ratio.
fn frontier_rows(entrants: &[Entrant]) -> Vec<Row> {
    let Some((ours, peers)) = entrants.split_first() else { return Vec::new() };
    let mut rows = Vec::new();
    for point in &ours.points {
        let row = || Row::ours(NAME, format!("hnsw-frontier-ef{}-{DATA}", point.ef), point.seconds);
        let mine = format!("recall {:.4}", point.recall);
        if peers.is_empty() {
            rows.push(row().with_quality(&mine));
        }
        for peer in peers {
            rows.push(match peer.points.iter().find(|p| p.ef == point.ef) {
                Some(p) => row()
                    .with_peer(&peer.version, p.seconds)
                    .without_ratio()
                    .with_quality(format!("{mine}, peer {:.4}", p.recall)),
                None => peer.absent(row()),
            });
        }
    }
    rows
}

/// Times everyone, in turn, with the narrowest beam that finds the `target` share of true neighbours.
fn at_recall(field: &mut Field, entrants: &mut [Entrant], target: f64, rounds: usize) -> Result<Vec<Row>, BenchError> {
    for entrant in entrants.iter_mut() {
        while let (None, Some(ef)) = (&entrant.gone, to_measure(&entrant.points, target)) {
            entrant.take(field.point(entrant.who, ef))?;
        }
    }
    let Some((ours, peers)) = entrants.split_first() else { return Ok(Vec::new()) };
    let Some(mine) = narrowest(&ours.points, target) else { return Ok(vec![missed(ours, target)]) };
    let reached: Vec<(&Entrant, Option<Point>)> =
        peers.iter().map(|peer| (peer, narrowest(&peer.points, target).filter(|_| peer.gone.is_none()))).collect();
    let racing: Vec<(Who, usize)> = std::iter::once((Who::Ours, mine.ef))
        .chain(reached.iter().filter_map(|(peer, point)| point.map(|point| (peer.who, point.ef))))
        .collect();
    let mut spreads =
        in_turn(rounds, racing.len(), |i| field.search(racing[i].0, racing[i].1).map(|found| found.0)).into_iter();
    let Some(spread) = spreads.next().transpose()? else { return Ok(Vec::new()) };

    let row = || Row::ours(NAME, work(target), spread.median).with_spreads(spread, None);
    let quality = format!("recall {:.4} (ef {})", mine.recall, mine.ef);
    if reached.is_empty() {
        return Ok(vec![row().with_quality(quality)]);
    }
    let beside = |(peer, point): (&Entrant, Option<Point>)| match point.and_then(|p| Some((p, spreads.next()?))) {
        Some((point, Ok(theirs))) => row()
            .with_peer(&peer.version, theirs.median)
            .with_spreads(spread, Some(theirs))
            .with_quality(format!("{quality}, peer {:.4} (ef {})", point.recall, point.ef)),
        Some((_, Err(error))) => row().without_peer(&peer.version, error),
        None => peer.absent(row()),
    };
    Ok(reached.into_iter().map(beside).collect())
}

fn work(target: f64) -> String {
    format!("hnsw-recall{target:.2}-{DATA}")
}

/// The row of a target that we do not reach: our widest beam, and nobody beside it.
fn missed(ours: &Entrant, target: f64) -> Row {
    let widest = ours.points.last();
    let (seconds, recall) = widest.map_or((f64::NAN, f64::NAN), |point| (point.seconds, point.recall));
    Row::ours(NAME, work(target), seconds).with_quality(format!("target not reached: recall {recall:.4}"))
}

/// Of the points (by ascending `ef`), the narrowest beam that reaches `target`.
fn narrowest(points: &[Point], target: f64) -> Option<Point> {
    points.iter().find(|point| point.recall >= target).copied()
}

/// The beam width to measure next, by bisection between the last that misses `target` and the first that reaches it.
fn to_measure(points: &[Point], target: f64) -> Option<usize> {
    let reached = points.iter().position(|point| point.recall >= target)?;
    let (below, above) = (points[reached.checked_sub(1)?].ef, points[reached].ef);
    (above - below > 1).then(|| (below + above) / 2)
}

/// The share of true neighbours that were found.
fn recall(found: &Array2<u32>, truth: &Array2<u32>) -> f64 {
    let rows = found.outer_iter().zip(truth.outer_iter());
    let hits: usize = rows.map(|(found, truth)| truth.iter().filter(|t| found.iter().any(|f| f == *t)).count()).sum();
    hits as f64 / truth.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Points whose recall grows with `ef`: 1 - 1 / ef.
    fn points(efs: &[usize]) -> Vec<Point> {
        efs.iter().map(|&ef| Point { ef, recall: 1.0 - 1.0 / ef as f64, seconds: ef as f64 }).collect()
    }

    #[test]
    fn bisection_ends_at_the_narrowest_beam() {
        let mut entrant = Entrant::new(Who::Ours, String::new());
        entrant.points = points(&[10, 14, 40]);
        // 1 - 1 / ef reaches 0.95 at ef = 20.
        let mut asked = Vec::new();
        while let Some(ef) = to_measure(&entrant.points, 0.95) {
            asked.push(ef);
            entrant.take(Ok(points(&[ef])[0])).unwrap();
        }
        assert_eq!(narrowest(&entrant.points, 0.95).unwrap().ef, 20);
        assert!(asked.len() <= 5 && entrant.points.is_sorted_by_key(|p| p.ef), "{asked:?}");
        // The narrowest beam of all may be good enough, and the widest too narrow.
        assert_eq!((to_measure(&entrant.points, 0.5), narrowest(&entrant.points, 0.5).unwrap().ef), (None, 10));
        assert_eq!((to_measure(&entrant.points, 0.99), narrowest(&entrant.points, 0.99)), (None, None));
    }

    #[test]
    fn recall_counts_true_neighbours() {
        assert_eq!(recall(&array![[1, 2], [7, u32::MAX]], &array![[2, 3], [7, 8]]), 0.5);
    }
}
