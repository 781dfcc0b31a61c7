//! A large array of probabilities, decomposed as fast as it is read.

use super::NAME;
use crate::agreement::Agreement;
use crate::contest::{self, Entry, Peer, Work};
use crate::error::BenchError;
use crate::rounds::timed;
use crate::row::Row;
use ndarray::{Array2, ArrayView3};
use rand::RngExt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tenfold_analysis::{AnalysisError, Block, Decomposition, PerPoint, Randomness, Scale, pass};
use tenfold_core_tensor::arrays::{ArrayPath, Slabs, write_npy_blocks};
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::largest_deviation;
use tenfold_kernels::reduce::plane_means;

const MODELS: usize = 50;
const POINTS: usize = 50_000;
const CLASSES: usize = 100;
/// Bytes of a plain read.
const STEP: usize = 4 << 20;
/// Parts of a model that are added up at a time.
const PARTS: usize = 500;

pub(super) fn run(rounds: usize, folder: &Path) -> Result<Vec<Row>, BenchError> {
    let path = folder.join("probabilities.npy");
    write(&path)?;
    let labels: Vec<usize> = (0..POINTS).map(|i| i % CLASSES).collect();
    let bytes = (MODELS * POINTS * CLASSES * 4) as f64;
    let decompose = || -> Result<f64, BenchError> {
        let slabs = Slabs::open(&ArrayPath::from(path.clone()))?;
        let found = Decomposition::new(MODELS, CLASSES, Scale::probabilities(), Randomness::Unknown)?;
        let found = pass(&slabs, &labels, found, |_| ())?;
        Ok(largest_deviation(found.points().iter().map(|p| p.bias + p.variance - p.loss)))
    };
    let misfit = decompose()?;
    let turn = || {
        let (seconds, found) = timed(decompose);
        found.map(|_| seconds)
    };
    let agreement = Agreement { difference: misfit, tolerance: 1e-12 };
    let plain = plain_read(&path, agreement);
    let blocks = Entry {
        version: "same blocks, nothing found".into(),
        agreement,
        note: String::new(),
        turn: Box::new(|| {
            let (seconds, done) = timed(|| -> Result<(), BenchError> {
                pass(&Slabs::open(&ArrayPath::from(path.clone()))?, &labels, Nothing, |_| ())?;
                Ok(())
            });
            done.map(|()| seconds)
        }),
    };
    let say = |seconds: f64| {
        let peak = peak_memory().map_or_else(String::new, |mib| format!(", {mib:.0} MiB at the peak of this process"));
        format!("{:.2} GB/s, largest misfit of a point {misfit:.1e}{peak}", bytes / seconds / 1e9)
    };
    let name = format!("decompose-{MODELS}x{POINTS}x{CLASSES}");
    let mut rows = contest::rows(
        Work { bench: NAME, name: &name, rounds, warm_up: 1 },
        Box::new(turn),
        say,
        vec![Peer { name: "plain read", entry: Ok(plain) }, Peer { name: "blocks alone", entry: Ok(blocks) }],
    )?;
    rows.extend(in_memory(rounds, &path, &labels)?);
    Ok(rows)
}

/// The file from its beginning to its end by one thread, as `cat` would read it.
fn plain_read(path: &Path, agreement: Agreement) -> Entry<'_> {
    let read = move || -> Result<(), BenchError> {
        let failed = |error| FileError::new(path, error);
        let mut file = File::open(path).map_err(failed)?;
        let mut buffer = vec![0_u8; STEP];
        while file.read(&mut buffer).map_err(failed)? > 0 {}
        Ok(())
    };
    let turn = Box::new(move || {
        let (seconds, done) = timed(read);
        done.map(|()| seconds)
    });
    Entry { version: "plain read, one thread".into(), agreement, note: String::new(), turn }
}

/// The same numbers as an array in memory, against reading them from the file and adding them up by all threads.
fn in_memory(rounds: usize, path: &Path, labels: &[usize]) -> Result<Vec<Row>, BenchError> {
    let slabs = Slabs::open(&ArrayPath::from(path.to_path_buf()))?;
    let mut values = Vec::new();
    slabs.read(0..POINTS, &mut values)?;
    let array = ArrayView3::from_shape((MODELS, POINTS, CLASSES), &values).expect("as many numbers as the shape says");
    let decompose = || -> Result<f64, BenchError> {
        let found = Decomposition::of(array, labels, Scale::probabilities(), Randomness::Unknown)?;
        Ok(largest_deviation(found.points().iter().map(|p| p.bias + p.variance - p.loss)))
    };
    let misfit = decompose()?;
    let mut means = vec![0.0; MODELS * PARTS];
    let ours = || {
        let (seconds, found) = timed(decompose);
        found.map(|_| seconds)
    };
    let agreement = Agreement { difference: misfit, tolerance: 1e-12 };
    let sum = Entry {
        version: "sum of all numbers, all threads".into(),
        agreement,
        note: String::new(),
        turn: Box::new(|| {
            let (seconds, ()) = timed(|| plane_means(&values, POINTS * CLASSES / PARTS, &mut means));
            Ok(seconds)
        }),
    };
    let say = |seconds: f64| {
        let bytes = size_of_val(values.as_slice()) as f64;
        format!("{:.2} GB/s, largest misfit of a point {misfit:.1e}", bytes / seconds / 1e9)
    };
    let name = format!("decompose-in-memory-{MODELS}x{POINTS}x{CLASSES}");
    let work = Work { bench: NAME, name: &name, rounds, warm_up: 1 };
    let read = Peer { name: "plain read", entry: Ok(plain_read(path, agreement)) };
    contest::rows(work, Box::new(ours), say, vec![read, Peer { name: "plain sum", entry: Ok(sum) }])
}

/// Reads the predictions for nothing: what the system takes to bring them to the threads in the same pieces.
struct Nothing;

impl PerPoint for Nothing {
    type Found = ();

    fn find(&self, _: &Block) -> Result<(), AnalysisError> {
        Ok(())
    }

    fn keep(&mut self, (): ()) {}
}

/// Sure of one class, the rest spread at random; a model at a time.
fn write(path: &Path) -> Result<(), BenchError> {
    write_npy_blocks::<f32, 3>(path, [MODELS, POINTS, CLASSES], |push| {
        for t in 0..MODELS {
            let mut rng = Seed::new(7).named("bench-analysis").child(t as u64).rng();
            let mut block = Array2::<f32>::zeros((POINTS, CLASSES));
            for (i, mut row) in block.outer_iter_mut().enumerate() {
                row.iter_mut().for_each(|p| *p = rng.random::<f32>());
                row[i % CLASSES] += 100.0;
                let sum = row.sum();
                row.iter_mut().for_each(|p| *p /= sum);
            }
            push(block.view())?;
        }
        Ok(())
    })?;
    Ok(())
}

/// The most memory that this process has had, in MiB, where the system says so.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
