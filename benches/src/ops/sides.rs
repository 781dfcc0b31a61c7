//! The peers of one operation: PyTorch and plain Burn.

use super::cases::{Case, Op, Side};
use crate::agreement::Agreement;
use crate::contest::Entry;
use crate::error::BenchError;
use crate::rounds::timed;
use crate::torch::Torch;
use ndarray::{ArrayD, ArrayViewD};
use rayon::ThreadPool;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::{ArrayPath, Npy, read_array, write_npz};

/// Plain Burn, as rows show it.
pub(super) const BURN: &str = "burn 0.22.1";

/// A turn repeats an operation for at least so many seconds.
const LEAST: f64 = 0.03;

/// What rounding makes of sums of up to a hundred thousand products, relative to the largest number of an output.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Loaded {
    variant: String,
}

#[derive(Deserialize)]
struct Results {
    arrays: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Timed {
    seconds: f64,
}

/// Mean seconds of an operation over as many repetitions as fill a turn.
pub(super) fn seconds(op: &mut Op) -> f64 {
    let mut repetitions = 0;
    let mut total = 0.0;
    while total < LEAST {
        // What comes out is dropped within the time, as PyTorch does.
        total += timed(|| drop(op())).0;
        repetitions += 1;
    }
    total / f64::from(repetitions)
}

/// Plain Burn on the same inputs.
pub(super) fn burn<'a>(case: &Case, drawn: &[ArrayD<f32>], mine: &[Vec<f32>], pool: &'a ThreadPool) -> Entry<'a> {
    let theirs = pool.install(|| case.results(drawn, Side::Burn));
    let mut op = case.prepare(drawn, Side::Burn);
    Entry {
        version: BURN.to_owned(),
        agreement: compare(mine, &theirs),
        note: String::new(),
        turn: Box::new(move || Ok(pool.install(|| seconds(&mut *op)))),
    }
}

/// PyTorch on the same inputs.
pub(super) fn torch<'a>(
    case: &Case,
    drawn: &[ArrayD<f32>],
    mine: &[Vec<f32>],
    torch: &'a mut Torch,
    folder: &Path,
) -> Result<Entry<'a>, BenchError> {
    let version = torch.version()?;
    let file = folder.join("inputs.npz");
    let views: Vec<ArrayViewD<f32>> = drawn.iter().map(|array| array.view()).collect();
    let names = case.inputs.iter().map(|input| input.name).chain(["gradient"]);
    let arrays: Vec<(&str, &dyn Npy)> = names.zip(&views).map(|(name, view)| (name, view as &dyn Npy)).collect();
    write_npz(&file, &arrays)?;
    let inputs: Vec<_> = case.inputs.iter().map(|input| json!([input.name, input.tracked])).collect();
    let loaded: Loaded = torch.ask(&json!({
        "op": "load", "function": case.function, "inputs": inputs, "file": file, "backward": case.both(),
    }))?;
    let results: Results = torch.ask(&json!({"op": "results", "folder": folder}))?;
    let read = |path: PathBuf| Ok(read_array(&ArrayPath::from(path))?.iter().copied().collect());
    let theirs = results.arrays.into_iter().map(read).collect::<Result<Vec<Vec<f32>>, BenchError>>()?;
    Ok(Entry {
        version,
        agreement: compare(mine, &theirs),
        note: loaded.variant,
        turn: Box::new(move || Ok(torch.ask::<Timed>(&json!({"op": "turn", "least": LEAST}))?.seconds)),
    })
}

/// The worst of the arrays, each by its own largest number. Another number of arrays is no rounding.
fn compare(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> Agreement {
    if ours.len() != theirs.len() {
        return Agreement { difference: f64::INFINITY, tolerance: TOLERANCE };
    }
    let numbers = |array: &[f32]| array.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let pairs = ours.iter().zip(theirs).map(|(a, b)| Agreement::of(numbers(a), numbers(b), TOLERANCE));
    pairs.fold(Agreement { difference: 0.0, tolerance: TOLERANCE }, Agreement::and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::cases;

    #[test]
    fn arrays_are_compared_each_by_its_own_size() {
        let ours = [vec![1000.0, 1.0], vec![1e-3]];
        assert!(compare(&ours, &[vec![1000.05, 1.0], vec![1e-3]]).holds());
        assert!(!compare(&ours, &[vec![1000.0, 1.0], vec![1.001e-3]]).holds());
        assert!(!compare(&ours, &ours[..1]).holds());
    }

    #[test]
    fn the_named_version_of_burn_is_the_one_in_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let (name, version) = BURN.split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")));
    }

    #[test]
    fn both_sides_compute_the_same_for_what_is_no_product() {
        for case in cases::all() {
            // Products take seconds each in plain Burn; the bench itself compares them.
            if case.flops() > 0.0 {
                continue;
            }
            let drawn = case.draw();
            let agreement = compare(&case.results(&drawn, Side::Ours), &case.results(&drawn, Side::Burn));
            assert!(agreement.holds(), "{}: {agreement}", case.work());
        }
    }
}
