//! Rows that are read one by one.

use crate::eights::{Cut, zeros};
use crate::error::AnalysisError;
use crate::models::Models;
use crate::reading::{Place, Reading, Temperature, Tolerance};
use crate::scale::Scale;
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
