//! Influence against exact leave-one-out, where the exact answer can be had: logistic regression.
//!
//! The value of an example is how much the mean log-likelihood of the test points falls without it. Our exact values must be
//! pyDVL's; then the estimates from random subsets, ours and pyDVL's Banzhaf values, are ranked against them.

use super::NAME;
use super::logistic::Logistic;
use super::valuation::{PYDVL, Valuation, Values};
use crate::Peers;
use crate::agreement::Agreement;
use crate::error::BenchError;
use crate::rounds::timed;
use crate::row::Row;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::write_npz;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{paired_bootstrap, spearman};
use tenfold_data::embedded;
use tenfold_data::images::{Images, Standardiser};
use tenfold_memorisation::{Influence, SubsetDesign};

/// T-shirts and shirts of Fashion-MNIST.
const PAIR: [usize; 2] = [0, 6];
const EXAMPLES: usize = 200;
const TESTS: usize = 400;
/// Blocks of seven by seven pixels are averaged: sixteen numbers an image.
const BLOCK: usize = 7;
const PENALTY: f64 = 10.0;
/// Models on random subsets, for everybody who estimates.
const MODELS: usize = 4_000;
const DRAWS: usize = 1_000;
/// Two solvers of one convex problem.
const TOLERANCE: f64 = 1e-5;

/// Images as sixteen numbers, and which of the pair they are.
struct Points {
    x: Array2<f32>,
    labels: Vec<usize>,
}

pub(super) fn run(peers: Option<&Peers>, folder: &Path) -> Result<Vec<Row>, BenchError> {
    let slice = embedded::fashion_mnist_slice()?;
    let (train, test) = (Points::of(&slice.train, EXAMPLES)?, Points::of(&slice.test, TESTS)?);
    let mut valuation = peers.map(Valuation::start);
    let file = write(&train, &test, folder)?;
    let mut ask = |op: &str| -> Option<Result<(String, Values), BenchError>> {
        let request = json!({"op": op, "arrays": file, "penalty": PENALTY, "models": MODELS});
        let valuation = valuation.as_mut()?;
        Some(valuation.version(PYDVL).and_then(|version| Ok((version, valuation.values(&request, EXAMPLES)?))))
    };

    let (seconds, exact) = timed(|| leave_one_out(&train, &test));
    let row = Row::ours(NAME, format!("leave-one-out-logistic-{EXAMPLES}"), seconds);
    let mut rows = vec![match ask("leave_one_out") {
        None => row,
        Some(Err(error)) => row.without_peer(PYDVL, error),
        Some(Ok((version, theirs))) => {
            let agreement = Agreement::of(exact.iter().copied(), theirs.numbers, TOLERANCE);
            let row = row.with_peer(version, theirs.seconds).with_quality(agreement.to_string());
            if agreement.holds() { row } else { row.without_ratio() }
        }
    }];

    let theirs = ask("banzhaf");
    for (what, (seconds, values)) in subsets(&train, &test)? {
        let name = format!("influence-{what}-logistic-{MODELS}");
        let rank = |values: &[f64], picked: &[usize]| {
            let of = |values: &[f64]| picked.iter().map(|&i| values[i]).collect::<Vec<_>>();
            spearman(&of(values), &of(&exact)).unwrap_or(f64::NAN)
        };
        let say = |who: &str, values: &[f64], seconds: f64| -> Result<(f64, String), BenchError> {
            let seed = Seed::new(7).named("bench-exact-draws");
            let e = paired_bootstrap(EXAMPLES, DRAWS, seed, |picked| rank(values, picked))?;
            let said =
                format!("{who}: Spearman {:.3} [{:.3}, {:.3}] with exact in {seconds:.1} s", e.value, e.lo, e.hi);
            Ok((1.0 - e.value, said))
        };
        let (mine, said) = say("ours", &values, seconds)?;
        let row = Row { unit: "1-rho".into(), ..Row::ours(NAME, name, mine) };
        rows.push(match &theirs {
            None => row.with_quality(said),
            Some(Err(error)) => row.without_peer(PYDVL, error),
            Some(Ok((version, peer))) => {
                let (other, also) = say("Banzhaf", &peer.numbers, peer.seconds)?;
                row.with_peer(version, other).with_quality(format!("{said}; {also}"))
            }
        });
    }
    Ok(rows)
}

impl Points {
    fn of(images: &Images, count: usize) -> Result<Self, BenchError> {
        let rows: Vec<usize> = (0..images.len()).filter(|&i| PAIR.contains(&images.labels()[i])).collect();
        let rows: Vec<usize> = (0..count).map(|i| rows[i * rows.len() / count]).collect();
        let chosen = images.select(&rows)?;
        let (pixels, shape) = (chosen.to_matrix(&Standardiser::fit(&chosen))?, chosen.shape());
        let across = shape.width / BLOCK;
        let x = Array2::from_shape_fn((count, across * (shape.height / BLOCK)), |(i, b)| {
            let (top, left) = (b / across * BLOCK, b % across * BLOCK);
            let pixel = |k: usize| pixels[[i, (top + k / BLOCK) * shape.width + left + k % BLOCK]];
            (0..BLOCK * BLOCK).map(pixel).sum::<f32>() / (BLOCK * BLOCK) as f32
        });
        Ok(Self { x, labels: chosen.labels().iter().map(|&label| usize::from(label == PAIR[1])).collect() })
    }

    fn model(&self) -> Logistic<'_> {
        Logistic { x: self.x.view(), labels: &self.labels, penalty: PENALTY }
    }
}

fn write(train: &Points, test: &Points, folder: &Path) -> Result<PathBuf, BenchError> {
    let file = folder.join("logistic.npz");
    // Double precision, so that both sides solve the same problem.
    let [x, test_x] = [train, test].map(|points| points.x.mapv(f64::from));
    let [y, test_y] = [train, test].map(|points| points.labels.iter().map(|&y| y as i64).collect::<Array1<_>>());
    write_npz(&file, &[("x", &x.view()), ("y", &y.view()), ("test_x", &test_x.view()), ("test_y", &test_y.view())])?;
    Ok(file)
}

/// How much the mean log-likelihood of the test points falls without each example.
fn leave_one_out(train: &Points, test: &Points) -> Vec<f64> {
    let (model, tested) = (train.model(), test.model());
    let mean = |w: &Array1<f64>| tested.log_likelihoods(w).iter().sum::<f64>() / TESTS as f64;
    let everybody: Vec<usize> = (0..EXAMPLES).collect();
    let whole = model.fit(&everybody, None);
    let utility = mean(&whole);
    let without = |i: usize| {
        let rest: Vec<usize> = everybody.iter().copied().filter(|&j| j != i).collect();
        utility - mean(&model.fit(&rest, Some(&whole)))
    };
    (0..EXAMPLES).into_par_iter().map(without).collect()
}

/// Mean influence on the test points from models on random subsets: on being right, and on the log-likelihood.
#[expect(clippy::type_complexity, reason = "two estimates, each with its name and seconds")]
fn subsets(train: &Points, test: &Points) -> Result<[(&'static str, (f64, Vec<f64>)); 2], BenchError> {
    let (seconds, models) = timed(|| -> Result<_, BenchError> {
        let masks = SubsetDesign::new(EXAMPLES, MODELS).masks(Seed::new(7).named("bench-exact-masks"))?;
        let (model, tested) = (train.model(), test.model());
        let read = |mask: &BitMask| {
            let rows: Vec<usize> = mask.rows().map(|i| i as usize).collect();
            tested.log_likelihoods(&model.fit(&rows, None)).into_iter().map(|v| v as f32).collect::<Vec<_>>()
        };
        let values: Vec<f32> = masks.par_iter().flat_map_iter(read).collect();
        Ok((Influence::new(&masks)?, Array2::from_shape_vec((MODELS, TESTS), values)?))
    });
    let (influence, values) = models?;
    let means = |matrix: Array2<f32>| matrix.mapv(f64::from).mean_axis(Axis(1)).unwrap_or_default().to_vec();
    let (of_values, smooth) = timed(|| influence.on_values(values.view()).map(means));
    let (of_bits, hard) = timed(|| {
        // A label is right where its probability is above one half.
        let half = 0.5_f32.ln();
        let right: Vec<BitMask> = values.outer_iter().map(|row| row.iter().map(|&v| v > half).collect()).collect();
        influence.on(&right).map(means)
    });
    Ok([("correctness", (seconds + of_bits, hard?)), ("likelihood", (seconds + of_values, smooth?))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_classes_are_there_and_an_example_can_matter() {
        let slice = embedded::fashion_mnist_slice().unwrap();
        let train = Points::of(&slice.train, EXAMPLES).unwrap();
        assert_eq!(train.x.dim(), (EXAMPLES, 16));
        let ones = train.labels.iter().sum::<usize>();
        assert!((70..130).contains(&ones), "{ones}");
        let test = Points::of(&slice.test, TESTS).unwrap();
        let exact = leave_one_out(&train, &test);
        assert!(exact.iter().any(|v| *v > 0.0) && exact.iter().any(|v| *v < 0.0));
    }
}
