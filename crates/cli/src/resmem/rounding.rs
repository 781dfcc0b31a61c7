//! Whether numbers of a regression survive single precision, in which a memory keeps them.
//!
//! What matters of a target and a prediction is their difference. Doubles, and whole numbers, are rounded to 24 binary
//! digits: near a thousand million that is to a multiple of 64, and a residual of 5 is lost.

use crate::error::CliError;
use ndarray::{Array2, ArrayView1};
use tenfold_core_tensor::arrays::{ArrayPath, read_matrix_f64};
use tenfold_resmem::Memory;

/// Rounding may move a residual by this share of a typical one.
const OF_RESIDUAL: f64 = 1e-3;
/// ... or by this share of how far the numbers of the column are spread: of a model that is as good, nothing else is left.
const OF_SPREAD: f64 = 1e-6;

/// Refuses predictions and targets whose residuals single precision does not hold.
pub(super) fn check_residuals(predictions: &ArrayPath, targets: &ArrayPath) -> Result<(), CliError> {
    let (f, y) = (read_matrix_f64(predictions)?, read_matrix_f64(targets)?);
    let moved = (single(&y) - single(&f)) - (&y - &f);
    let residuals = &y - &f;
    for (column, moved) in moved.columns().into_iter().enumerate() {
        let typical = root_mean_square(residuals.column(column));
        check(("--targets", targets), column, moved, [typical, spread(y.column(column))])?;
    }
    Ok(())
}

/// Refuses predictions that single precision moves by more than the residuals of the memory that is to correct them.
pub(super) fn check_predictions(predictions: &ArrayPath, memory: &Memory) -> Result<(), CliError> {
    let f = read_matrix_f64(predictions)?;
    let residuals = memory.residuals(1.0)?;
    let moved = single(&f) - &f;
    for (column, moved) in moved.columns().into_iter().enumerate().take(residuals.ncols()) {
        let typical = root_mean_square(residuals.column(column));
        check(("--predictions", predictions), column, moved, [typical, spread(f.column(column))])?;
    }
    Ok(())
}

fn check(
    (option, path): (&'static str, &ArrayPath),
    column: usize,
    moved: ArrayView1<f64>,
    [typical, spread]: [f64; 2],
) -> Result<(), CliError> {
    let most = moved.iter().map(|v| v.abs()).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    match most {
        Some((row, moved)) if moved > OF_RESIDUAL * typical && moved > OF_SPREAD * spread => {
            let rule = format!(
                "row {row}, column {column}: single precision, in which a memory keeps numbers, moves it by {moved:.2e}, \
                 where residuals are some {typical:.2e}; subtract a constant from targets and predictions first"
            );
            Err(CliError::Option { option, value: path.to_string(), rule })
        }
        _ => Ok(()),
    }
}

fn single(values: &Array2<f64>) -> Array2<f64> {
    values.mapv(|v| f64::from(v as f32))
}

fn root_mean_square(values: ArrayView1<f64>) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// The standard deviation.
fn spread(values: ArrayView1<f64>) -> f64 {
    let mean = values.sum() / values.len().max(1) as f64;
    root_mean_square(values.mapv(|v| v - mean).view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use tenfold_core_tensor::arrays::write_npy;

    #[test]
    fn residuals_that_rounding_would_move_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        // Targets that rise by ten from row to row, and a model that is off by up to five, from some number on.
        let check = |offset: f64, size: f64| {
            let path = |name: &str| ArrayPath::from(folder.path().join(name));
            let y = Array2::from_shape_fn((40, 1), |(i, _)| offset + size * 10.0 * i as f64);
            let f = Array2::from_shape_fn((40, 1), |(i, _)| y[[i, 0]] + size * ((i * 7 % 11) as f64 - 5.0));
            write_npy(path("y.npy").file, y.view()).unwrap();
            write_npy(path("f.npy").file, f.view()).unwrap();
            check_residuals(&path("f.npy"), &path("y.npy"))
        };
        for (offset, size) in [(0.0, 1.0), (0.1, 0.37), (0.0, 1e-30), (1000.0, 1.0), (1e30, 1e30)] {
            check(offset, size).unwrap();
        }
        for (offset, size) in [(1e9, 1.0), (1e6, 0.1), (1e30, 1e20)] {
            let error = check(offset, size).unwrap_err().to_string();
            assert!(error.contains("y.npy: row ") && error.contains("subtract a constant"), "{error}");
        }
        // Numbers of the same size that differ by rounding alone: nothing else is left of the model's errors.
        check(0.1, 1e-9).unwrap_err();
    }
}
