//! Rows that are read one by one.

use super::models::Models;
use super::reading::{Place, Reading, Temperature, Tolerance};
use super::scale::Scale;
use crate::error::AnalysisError;
use tenfold_kernels::eights::{Cut, zeros};
use tenfold_kernels::simd::{Kernel, Simd, dispatch};

/// What is read off a row beside its errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    /// `1 - p_y`, never by subtraction.
    pub(crate) rest: f64,
    /// `log p_y - log (1 - p_y)`.
    pub(crate) margin: f64,
    /// The class of the largest number, the first of equals.
    pub(crate) prediction: usize,
}

/// Rows on some scale that are read one by one, with memory that goes from row to row.
#[derive(Debug, Default)]
pub(crate) struct OneByOne {
    probabilities: Vec<f32>,
    logits: Vec<f64>,
    sums: Vec<f64>,
    models: Models,
}

impl OneByOne {
    /// Writes the error `d = p - e_y` of a row. Model and point name the row in an error.
    pub(crate) fn errors_of(
        &mut self,
        scale: Scale,
        row: &[f32],
        label: usize,
        d: &mut [f64],
        [model, point]: [usize; 2],
    ) -> Result<Row, AnalysisError> {
        let Self { probabilities, logits, sums, models } = self;
        let at = Place { label, model, point };
        match scale {
            Scale::Probabilities { tolerance } => {
                dispatch(One { reading: Tolerance(tolerance), row, at, d, room: probabilities, sums, models })
            }
            Scale::Logits { temperature } => {
                dispatch(One { reading: Temperature(temperature), row, at, d, room: logits, sums, models })
            }
        }
    }
}

/// One row by itself.
struct One<'a, R: Reading> {
    reading: R,
    row: &'a [f32],
    at: Place,
    d: &'a mut [f64],
    room: &'a mut Vec<R::Number>,
    sums: &'a mut Vec<f64>,
    models: &'a mut Models,
}

impl<R: Reading> Kernel for One<'_, R> {
    type Output = Result<Row, AnalysisError>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self { reading, row, at, d, room, sums, models } = self;
        room.clear();
        room.resize(R::room(row.len()), R::Number::default());
        let sums = zeros(sums, row.len());
        models.resize(1);
        let cut = &Cut::new(row.len(), at.label);
        if !reading.read(simd, (cut, at.label), [row], room, sums, (models, 0)) || !reading.fine(simd, models) {
            return Err(reading.fault([row], at));
        }
        models.finish(simd);
        d.copy_from_slice(&sums[..row.len()]);
        d[at.label] = -models.rest[0];
        Ok(Row { rest: models.rest[0], margin: models.margin[0], prediction: models.prediction[0] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(scale: Scale, row: &[f32], label: usize) -> Result<(Row, Vec<f64>), AnalysisError> {
        let mut d = vec![0.0; row.len()];
        OneByOne::default().errors_of(scale, row, label, &mut d, [3, 5]).map(|r| (r, d))
    }

    #[test]
    fn a_confident_row_keeps_its_small_error() {
        let (row, d) = errors(Scale::logits(), &[100.0, 0.0, 0.0], 0).unwrap();
        // In single precision the probability of the label is exactly one.
        let small = (-100.0_f64).exp();
        assert!((row.rest / (2.0 * small) - 1.0).abs() < 1e-12 && (d[1] / small - 1.0).abs() < 1e-12);
        assert!((row.margin - (100.0 - 2.0_f64.ln())).abs() < 1e-12);
        let (row, d) = errors(Scale::probabilities(), &[1.0, 3e-30, 1e-30], 0).unwrap();
        assert!((row.rest / 4e-30 - 1.0).abs() < 1e-6 && d[0] == -row.rest && row.prediction == 0);
    }

    #[test]
    fn the_first_of_equals_is_predicted() {
        for at in 0..20 {
            let mut row = [0.0_f32; 20];
            (row[at], row[19]) = (0.5, 0.5);
            let (read, d) = errors(Scale::Probabilities { tolerance: 2.0 }, &row, 3).unwrap();
            assert_eq!(read.prediction, at);
            assert_eq!(d[3], -read.rest);
        }
    }

    #[test]
    fn temperature_divides() {
        let (hot, _) = errors(Scale::Logits { temperature: 2.0 }, &[2.0, 0.0], 1).unwrap();
        assert!((hot.margin + 1.0).abs() < 1e-12 && hot.prediction == 0);
        assert!((hot.rest - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn rows_that_are_no_probabilities_are_named() {
        let fails = |scale, row: &[f32], text: &str| {
            let error = errors(scale, row, 0).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        };
        fails(Scale::probabilities(), &[0.5, 0.4], "model 3, point 5: the probabilities sum to 0.9");
        fails(Scale::probabilities(), &[1.2, -0.2], "model 3, point 5, class 1: -0.2, must be a probability");
        fails(Scale::probabilities(), &[0.5, f32::NAN], "model 3, point 5, class 1: NaN, must be a finite");
        fails(Scale::logits(), &[f32::INFINITY, 0.0], "model 3, point 5, class 0: inf, must be a finite");
    }
}
