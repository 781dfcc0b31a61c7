//! Our numbers against other people's, on the same input: rows show the difference, not a time.

use super::NAME;
use crate::Peers;
use crate::agreement::Agreement;
use crate::error::BenchError;
use crate::inputs::gaussian;
use crate::packages::Packages;
use crate::row::Row;
use ndarray::{Array2, Array3, s};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use tenfold_analysis::{Bins, Calibration, Decomposition, Randomness, Scale};
use tenfold_core_tensor::arrays::{ArrayPath, read_matrix, write_npz};
use tenfold_core_tensor::ops::softmax::tempered_softmax;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Binning, mean};

/// The worker's script.
const SCRIPT: &str = "analysis.py";
/// Points and classes of the calibration errors.
const POINTS: usize = 5_000;
const CLASSES: usize = 10;
const BINS: usize = 15;
/// Double precision on both sides.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Bootstraps {
    bias: f64,
    variance: f64,
    loss: f64,
    seconds: f64,
    /// What each model said of each point: the probability of class 1, `[models, points]`.
    predictions: PathBuf,
    labels: Vec<usize>,
}

#[derive(Deserialize)]
struct Number {
    value: f64,
}

pub(super) fn run(peers: &Peers, folder: &Path) -> Result<Vec<Row>, BenchError> {
    let threads = rayon::current_num_threads();
    let python = peers.own.as_ref().unwrap_or(&peers.python);
    let mut packages = Packages::start(python, &peers.folder.join(SCRIPT), threads, &[]);
    let mut rows = vec![bootstraps(&mut packages, folder)];
    let (probabilities, labels) = predictions();
    let file = folder.join("calibration.npz");
    let y: ndarray::Array1<i64> = labels.iter().map(|&label| label as i64).collect();
    write_npz(&file, &[("p", &probabilities.view()), ("y", &y.view())])?;
    let bins = Bins { count: BINS, binning: Binning::EqualWidth };
    let ours = Calibration::of(probabilities.view(), &labels, bins)?;
    let top = &ours.top_label;
    for (work, peer, op, mine) in [
        ("calibration-top-label", "netcal", "netcal_ece", top.plain),
        ("calibration-top-label", "uncertainty-calibration", "uncertainty_ece", top.plain),
        (
            "calibration-root-square-debiased",
            "uncertainty-calibration",
            "uncertainty_debiased",
            top.debiased_root_square,
        ),
    ] {
        let row = Row { unit: "error".into(), ..Row::ours(NAME, work, mine) };
        let asked = packages.version(peer).and_then(|version| {
            let theirs: Number = packages.ask(&json!({"op": op, "arrays": file, "bins": BINS}))?;
            Ok((version, theirs.value))
        });
        rows.push(match asked {
            Err(error) => row.without_peer(peer, error),
            Ok((version, theirs)) => compared(row, version, &[mine], &[theirs]),
        });
    }
    Ok(rows)
}

/// A row that says whether numbers agree.
fn compared(row: Row, version: String, ours: &[f64], theirs: &[f64]) -> Row {
    let agreement = Agreement::of(ours.iter().copied(), theirs.iter().copied(), TOLERANCE);
    let row = row.with_peer(version, theirs[0]).with_quality(agreement.to_string());
    if agreement.holds() { row } else { row.without_ratio() }
}

fn bootstraps(packages: &mut Packages, folder: &Path) -> Row {
    let row = |ours: f64| Row { unit: "squared error".into(), ..Row::ours(NAME, "bias-variance-mlxtend", ours) };
    let mut ask = || -> Result<Row, BenchError> {
        let version = packages.version("mlxtend")?;
        let theirs: Bootstraps = packages.ask(&json!({"op": "bootstraps", "folder": folder, "models": 50}))?;
        let one = read_matrix(&ArrayPath::from(theirs.predictions))?;
        let mut both = Array3::<f32>::zeros((one.nrows(), one.ncols(), 2));
        both.slice_mut(s![.., .., 1]).assign(&one);
        // Multiples of 2^-20: their complements are exact in single precision.
        both.slice_mut(s![.., .., 0]).assign(&one.mapv(|p| 1.0 - p));
        let found = Decomposition::of(both.view(), &theirs.labels, Scale::probabilities(), Randomness::Bootstrap)?;
        let of = |f: fn(&tenfold_analysis::Point) -> f64| mean(&found.points().iter().map(f).collect::<Vec<f64>>());
        // Both classes count the same error.
        let ours = [of(|p| p.bias) / 2.0, of(|p| p.variance) / 2.0, of(|p| p.loss) / 2.0];
        let row = compared(row(ours[0]), version, &ours, &[theirs.bias, theirs.variance, theirs.loss]);
        let quality =
            format!("{}; bias, variance and loss of 50 bootstrap models in {:.1} s there", row.quality, theirs.seconds);
        Ok(row.with_quality(quality))
    };
    ask().unwrap_or_else(|error| row(f64::NAN).without_peer("mlxtend", error))
}

/// Probabilities of a network that is too sure, and labels.
fn predictions() -> (Array2<f64>, Vec<usize>) {
    let logits = gaussian(POINTS, CLASSES, Seed::new(7).named("bench-analysis-logits"));
    let mut p = Array2::<f64>::zeros((POINTS, CLASSES));
    for (row, mut to) in logits.outer_iter().zip(p.outer_iter_mut()) {
        tempered_softmax(row.iter().copied(), 0.4, to.as_slice_mut().expect("a row of a new matrix"));
    }
    // The best class of noisy logits.
    let noise = gaussian(POINTS, CLASSES, Seed::new(7).named("bench-analysis-noise"));
    let label = |i: usize| {
        let at = |k: usize| logits[[i, k]] + 0.7 * noise[[i, k]];
        (1..CLASSES).fold(0, |best, k| if at(k) > at(best) { k } else { best })
    };
    (p, (0..POINTS).map(label).collect())
}
