//! What the numbers of an array are, and how a row of them becomes errors on the simplex.

use crate::error::{AnalysisError, require};
use serde::{Deserialize, Serialize};

/// How far a row of probabilities may be from one by default: the rounding of a thousand numbers in half precision.
pub const SUM_TOLERANCE: f64 = 2e-3;

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

/// Writes the error `d = p - e_y` of a row: the probabilities, but `-(1 - p_y)` at the label, where `1 - p_y` is the sum of the
/// others. Model and point name the row in an error.
#[inline(always)]
pub(crate) fn errors_of(
    scale: Scale,
    row: &[f32],
    label: usize,
    d: &mut [f64],
    [model, point]: [usize; 2],
) -> Result<Row, AnalysisError> {
    let value = |class: usize, rule| AnalysisError::Value { model, point, class, value: row[class], rule };
    let (least, largest) = extremes(row);
    let (rest, squares, margin) = match scale {
        Scale::Probabilities { tolerance } => {
            d.iter_mut().zip(row).for_each(|(d, p)| *d = f64::from(*p));
            let right = d[label];
            d[label] = 0.0;
            let (rest, squares) = sums(d);
            let sum = rest + right;
            if !sum.is_finite() {
                let class = row.iter().position(|p| !p.is_finite()).unwrap_or(label);
                return Err(value(class, "must be a finite number"));
            }
            if least < 0.0 {
                let class = row.iter().position(|p| *p < 0.0).unwrap_or(label);
                return Err(value(class, "must be a probability, from 0 to 1"));
            }
            if (sum - 1.0).abs() > tolerance {
                return Err(AnalysisError::Sum { model, point, sum, tolerance });
            }
            (rest, squares, right.ln() - rest.ln())
        }
        Scale::Logits { temperature } => {
            if let Some(class) = row.iter().position(|z| !z.is_finite()) {
                return Err(value(class, "must be a finite number"));
            }
            let largest = f64::from(largest);
            d.iter_mut().zip(row).for_each(|(d, z)| *d = ((f64::from(*z) - largest) / temperature).exp());
            let right = d[label];
            d[label] = 0.0;
            let total = sums(d).0 + right;
            d.iter_mut().for_each(|d| *d /= total);
            let (rest, squares) = sums(d);
            (rest, squares, log_odds(row, label, temperature))
        }
    };
    d[label] = -rest;
    let prediction = row.iter().position(|v| *v == largest).unwrap_or(0);
    Ok(Row { rest, margin, prediction, square: squares + rest * rest })
}

/// The smallest and the largest number; without meaning where one is NaN.
#[inline(always)]
fn extremes(row: &[f32]) -> (f32, f32) {
    let (mut least, mut most) = ([f32::INFINITY; 8], [f32::NEG_INFINITY; 8]);
    let (eights, rest) = row.as_chunks::<8>();
    for eight in eights {
        for (lane, &v) in eight.iter().enumerate() {
            least[lane] = if v < least[lane] { v } else { least[lane] };
            most[lane] = if v > most[lane] { v } else { most[lane] };
        }
    }
    let all = |lanes: [f32; 8], f: fn(f32, f32) -> f32, start| lanes.iter().chain(rest).copied().fold(start, f);
    (all(least, f32::min, f32::INFINITY), all(most, f32::max, f32::NEG_INFINITY))
}

/// The sum and the sum of squares, in lanes that do not wait for each other.
#[inline(always)]
fn sums(d: &[f64]) -> (f64, f64) {
    let (mut sum, mut squares) = ([0.0; 8], [0.0; 8]);
    let (eights, rest) = d.as_chunks::<8>();
    for eight in eights {
        for (lane, v) in eight.iter().enumerate() {
            sum[lane] += v;
            squares[lane] += v * v;
        }
    }
    let of_rest = rest.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
    (sum.iter().sum::<f64>() + of_rest.0, squares.iter().sum::<f64>() + of_rest.1)
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
