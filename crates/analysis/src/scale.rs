//! What the numbers of an array are, and how a row of them becomes errors on the simplex.

use crate::error::{AnalysisError, require};
use serde::{Deserialize, Serialize};
use tenfold_kernels::simd::{EIGHT, Number, Plain, Simd};

/// How far a row of probabilities may be from one by default: the rounding of a thousand numbers in half precision.
pub const SUM_TOLERANCE: f64 = 2e-3;

/// Sums of exponentials below this may have lost digits to underflow.
const VANISHING: f64 = 1e-290;

/// What the numbers of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Probabilities; each row sums to one within the tolerance.
    Probabilities {
        /// How far a sum may be from one.
        tolerance: f64,
    },
    /// Logits z: the probabilities are `softmax(z / T)`.
    Logits {
        /// T.
        temperature: f64,
    },
}

impl Scale {
    /// Probabilities whose rows sum to one within [`SUM_TOLERANCE`].
    pub fn probabilities() -> Self {
        Self::Probabilities { tolerance: SUM_TOLERANCE }
    }

    /// Logits as they are.
    pub fn logits() -> Self {
        Self::Logits { temperature: 1.0 }
    }

    /// Checks the tolerance or the temperature.
    pub(crate) fn validate(self) -> Result<(), AnalysisError> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        match self {
            Self::Probabilities { tolerance } => {
                require(positive(tolerance), "tolerance", tolerance, "must be above 0")
            }
            Self::Logits { temperature } => {
                require(positive(temperature), "temperature", temperature, "must be above 0")
            }
        }
    }
}

/// What is read off a row beside its errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    /// `1 - p_y`, never by subtraction.
    pub(crate) rest: f64,
    /// `log p_y - log (1 - p_y)`.
    pub(crate) margin: f64,
    /// The class of the largest number, the first of equals.
    pub(crate) prediction: usize,
    /// `||p - e_y||^2`.
    pub(crate) square: f64,
}

/// The length of a row with zeros at its end, so that it is whole eights.
pub(crate) fn padded(classes: usize) -> usize {
    classes.next_multiple_of(EIGHT)
}

/// Writes the error `d = p - e_y` of a row on any scale. Model and point name the row in an error.
pub(crate) fn errors_of(
    scale: Scale,
    row: &[f32],
    label: usize,
    d: &mut [f64],
    at: [usize; 2],
) -> Result<Row, AnalysisError> {
    let mut sums = vec![0.0; padded(row.len())];
    let mut wide = sums.clone();
    let read = match scale {
        Scale::Probabilities { tolerance } => {
            let mut narrow = vec![0.0; padded(row.len())];
            Tolerance(tolerance).others(Plain, row, label, &mut narrow, &mut sums, at)?
        }
        Scale::Logits { temperature } => {
            Temperature(temperature).others(Plain, row, label, &mut wide, &mut sums, at)?
        }
    };
    d.copy_from_slice(&sums[..row.len()]);
    d[label] = -read.rest;
    Ok(read)
}

/// How a row becomes probabilities.
pub(crate) trait Reading: Copy {
    /// What the probabilities are kept in.
    type Number: Number;

    /// Writes the probabilities `d` of a row but 0 at the label, whose error `-(1 - p_y)` is minus the sum of the others', and adds
    /// them to `sums`. Both are [`padded`], with zeros after the row. Model and point name the row in an error.
    fn others<S: Simd>(
        self,
        simd: S,
        row: &[f32],
        label: usize,
        d: &mut [Self::Number],
        sums: &mut [f64],
        at: [usize; 2],
    ) -> Result<Row, AnalysisError>;
}

/// Rows of probabilities that may be so far from one.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance(pub(crate) f64);

impl Reading for Tolerance {
    type Number = f32;

    #[inline(always)]
    fn others<S: Simd>(
        self,
        simd: S,
        row: &[f32],
        label: usize,
        d: &mut [f32],
        sums: &mut [f64],
        [model, point]: [usize; 2],
    ) -> Result<Row, AnalysisError> {
        d[..row.len()].copy_from_slice(row);
        d[label] = 0.0;
        let right = f64::from(row[label]);
        let (least, largest) = extremes(simd, row);
        let (rest, squares) = add_up(simd, d, sums);
        let sum = rest + right;
        // Comparisons with NaN are false.
        let fine = (sum - 1.0).abs() <= self.0 && least >= 0.0;
        if !fine {
            return Err(fault_of_probabilities(row, sum, self.0, [model, point]));
        }
        // One logarithm of the quotient, which is rounded once.
        Ok(Row { rest, margin: (right / rest).ln(), prediction: first_of(row, largest), square: squares + rest * rest })
    }
}

/// What is wrong with a row.
#[cold]
fn fault_of_probabilities(row: &[f32], sum: f64, tolerance: f64, [model, point]: [usize; 2]) -> AnalysisError {
    let value = |class: usize, rule| AnalysisError::Value { model, point, class, value: row[class], rule };
    if let Some(class) = row.iter().position(|p| !p.is_finite()) {
        return value(class, "must be a finite number");
    }
    match row.iter().position(|p| *p < 0.0) {
        Some(class) => value(class, "must be a probability, from 0 to 1"),
        None => AnalysisError::Sum { model, point, sum, tolerance },
    }
}

/// Rows of logits, divided by a temperature.
#[derive(Clone, Copy)]
pub(crate) struct Temperature(pub(crate) f64);

impl Reading for Temperature {
    type Number = f64;

    #[inline(always)]
    fn others<S: Simd>(
        self,
        simd: S,
        row: &[f32],
        label: usize,
        d: &mut [f64],
        sums: &mut [f64],
        [model, point]: [usize; 2],
    ) -> Result<Row, AnalysisError> {
        let temperature = self.0;
        if let Some(class) = row.iter().position(|z| !z.is_finite()) {
            let (value, rule) = (row[class], "must be a finite number");
            return Err(AnalysisError::Value { model, point, class, value, rule });
        }
        let (_, most) = extremes(simd, row);
        let largest = f64::from(most);
        d.iter_mut().zip(row).for_each(|(d, z)| *d = ((f64::from(*z) - largest) / temperature).exp());
        let right = std::mem::take(&mut d[label]);
        let others = d.iter().sum::<f64>();
        let total = right + others;
        d.iter_mut().for_each(|d| *d /= total);
        let (rest, squares) = add_up(simd, d, sums);
        // Next to a label that is far above all others, their exponentials vanish.
        let margin = match others > VANISHING {
            true => (f64::from(row[label]) - largest) / temperature - others.ln(),
            false => log_odds(row, label, temperature),
        };
        Ok(Row { rest, margin, prediction: first_of(row, most), square: squares + rest * rest })
    }
}

/// The smallest and the largest number; without meaning where one is NaN.
#[inline(always)]
fn extremes<S: Simd>(simd: S, row: &[f32]) -> (f32, f32) {
    // The first number again where a vector is not full.
    let mut least = simd.splat(row[0]);
    let mut most = least;
    for part in row.chunks(S::LANES) {
        let v = if part.len() == S::LANES { simd.load(part) } else { simd.load_part(part, row[0]) };
        least = simd.min(v, least);
        most = simd.max(v, most);
    }
    (-simd.largest(simd.sub(simd.zero(), least)), simd.largest(most))
}

/// The sum and the sum of squares, in lanes that do not wait for each other; adds the numbers to `sums` on the way. Both are
/// whole eights, with zeros at the end.
#[inline(always)]
fn add_up<S: Simd, T: Number>(simd: S, d: &[T], sums: &mut [f64]) -> (f64, f64) {
    let (mut sum, mut squares) = (simd.splat_double(0.0), simd.splat_double(0.0));
    for (eight, sums) in d.as_chunks::<EIGHT>().0.iter().zip(sums.as_chunks_mut::<EIGHT>().0) {
        let v = T::eight(simd, eight);
        sum = simd.add_double(sum, v);
        squares = simd.fma_double(v, v, squares);
        let all = simd.add_double(simd.load_double(sums), v);
        simd.store_double(sums, all);
    }
    (simd.sum_double(sum), simd.sum_double(squares))
}

/// Where the number is first, eight at a time.
#[inline(always)]
fn first_of(row: &[f32], value: f32) -> usize {
    let (eights, _) = row.as_chunks::<8>();
    let there = |eight: &[f32; 8]| eight.iter().fold(false, |there, v| there | (*v == value));
    let skip = 8 * eights.iter().position(there).unwrap_or(eights.len());
    skip + row[skip..].iter().position(|v| *v == value).unwrap_or(0)
}

/// `log p_y - log (1 - p_y)` from logits: the label's minus the log-sum-exp of the others.
fn log_odds(row: &[f32], label: usize, temperature: f64) -> f64 {
    let others = || row.iter().enumerate().filter(|(k, _)| *k != label).map(|(_, z)| f64::from(*z) / temperature);
    let largest = others().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = others().map(|z| (z - largest).exp()).sum();
    f64::from(row[label]) / temperature - largest - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(scale: Scale, row: &[f32], label: usize) -> Result<(Row, Vec<f64>), AnalysisError> {
        let mut d = vec![0.0; row.len()];
        errors_of(scale, row, label, &mut d, [3, 5]).map(|r| (r, d))
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
