//! Scores as files: one row for each example.

use crate::error::CliError;
use ndarray::Array1;
use std::io::Write;
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, Npy, read_vector_f64, write_npz};
use tenfold_core_tensor::files::write_atomic;
use tenfold_memorisation::Score;

/// What a file of scores holds, by its keys.
type Column = (&'static str, fn(&Score) -> f64);

const COLUMNS: [Column; 8] = [
    ("mem", |s| s.mem.value),
    ("se", |s| s.mem.se),
    ("lo", |s| s.mem.lo),
    ("hi", |s| s.mem.hi),
    ("p_in", |s| s.p_in),
    ("p_out", |s| s.p_out),
    ("k_in", |s| s.k_in as f64),
    ("k_out", |s| s.k_out as f64),
];

/// Writes scores as `.npz`, one array a column, or as `.csv`; an example without a score is NaN, or empty.
pub(super) fn write(path: &Path, scores: &[Option<Score>]) -> Result<(), CliError> {
    if path.extension().is_some_and(|e| e == "csv") {
        write_atomic(path, |w| {
            let names: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
            writeln!(w, "example,{}", names.join(","))?;
            for (i, score) in scores.iter().enumerate() {
                let cell = |(_, f): &Column| score.as_ref().map_or_else(String::new, |s| f(s).to_string());
                writeln!(w, "{i},{}", COLUMNS.iter().map(cell).collect::<Vec<_>>().join(","))?;
            }
            Ok(())
        })?;
        return Ok(());
    }
    let columns: Vec<Array1<f64>> =
        COLUMNS.iter().map(|(_, f)| scores.iter().map(|s| s.as_ref().map_or(f64::NAN, f)).collect()).collect();
    let views: Vec<_> = columns.iter().map(|c| c.view()).collect();
    let arrays: Vec<(&str, &dyn Npy)> =
        COLUMNS.iter().zip(&views).map(|((name, _), v)| (*name, v as &dyn Npy)).collect();
    Ok(write_npz(path, &arrays)?)
}

/// Parses the path of a table of scores.
pub(super) fn path(text: &str) -> Result<std::path::PathBuf, String> {
    let path = std::path::PathBuf::from(text);
    match path.extension().and_then(|e| e.to_str()) {
        Some("npz" | "csv") => Ok(path),
        _ => Err("must end in .npz or .csv".into()),
    }
}

/// Reads a column of a file of scores.
pub(super) fn column(file: &Path, key: &str) -> Result<Vec<f64>, CliError> {
    let path = ArrayPath { file: file.to_path_buf(), key: Some(key.to_string()) };
    Ok(read_vector_f64(&path)?.to_vec())
}
