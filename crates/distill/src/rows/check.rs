//! Whether a row is one of probabilities, or of finite numbers.

use super::real::Real;
use crate::error::DistillError;

/// How far a row of probabilities may be from one: the rounding of a thousand numbers in half precision.
pub const SUM_TOLERANCE: f64 = 2e-3;

/// Lanes of a sum, so that the compiler can use vectors.
const LANES: usize = 16;

/// The sum of a row, and whether every number is finite and none negative.
fn sum_and_sign<T: Real>(row: &[T]) -> (f64, bool) {
    let (mut sums, mut least) = ([0.0; LANES], [0.0_f64; LANES]);
    let (whole, rest) = row.as_chunks::<LANES>();
    for part in whole {
        for lane in 0..LANES {
            let v = part[lane].wide();
            sums[lane] += v;
            least[lane] = if v < least[lane] { v } else { least[lane] };
        }
    }
    for (lane, v) in rest.iter().enumerate() {
        sums[lane] += v.wide();
        least[lane] = least[lane].min(v.wide());
    }
    let sum: f64 = sums.iter().sum();
    // What is not finite and not negative shows in the sum.
    (sum, sum.is_finite() && least.iter().all(|v| *v >= 0.0))
}

/// Whether a row is a probability vector, within the tolerance.
pub(crate) fn is_probability<T: Real>(row: &[T]) -> bool {
    let (sum, fine) = sum_and_sign(row);
    fine && (sum - 1.0).abs() <= SUM_TOLERANCE
}

/// Fails unless a row is a probability vector; names what is wrong with it.
pub(crate) fn require_probability<T: Real>(what: &'static str, row: usize, values: &[T]) -> Result<(), DistillError> {
    let (sum, fine) = sum_and_sign(values);
    if fine && (sum - 1.0).abs() <= SUM_TOLERANCE {
        return Ok(());
    }
    require_finite(what, row, values)?;
    match values.iter().position(|p| p.wide() < 0.0) {
        Some(class) => Err(DistillError::Value {
            what,
            row,
            class,
            value: values[class].wide(),
            rule: "must be a probability, from 0 to 1 (are these logits?)",
        }),
        None => Err(DistillError::Sum { what, row, sum, tolerance: SUM_TOLERANCE }),
    }
}

/// Fails unless a row has no negative number and none that is not finite; it need not sum to one.
pub(crate) fn require_weights<T: Real>(what: &'static str, row: usize, values: &[T]) -> Result<(), DistillError> {
    if sum_and_sign(values).1 {
        return Ok(());
    }
    require_finite(what, row, values)?;
    let class = values.iter().position(|p| p.wide() < 0.0).unwrap_or(0);
    let value = values[class].wide();
    Err(DistillError::Value { what, row, class, value, rule: "must not be negative, and the row's sum must be finite" })
}

/// Fails unless every number of a row is finite.
pub(crate) fn require_finite<T: Real>(what: &'static str, row: usize, values: &[T]) -> Result<(), DistillError> {
    // Zero times what is not finite is NaN.
    let mut zeros = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    whole.iter().for_each(|part| (0..LANES).for_each(|lane| zeros[lane] += 0.0 * part[lane].wide()));
    rest.iter().enumerate().for_each(|(lane, v)| zeros[lane] += 0.0 * v.wide());
    if zeros.iter().sum::<f64>() == 0.0 {
        return Ok(());
    }
    match values.iter().position(|v| !v.wide().is_finite()) {
        Some(class) => {
            Err(DistillError::Value { what, row, class, value: values[class].wide(), rule: "must be a finite number" })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_named() {
        let message = |row: &[f32]| require_probability("teacher", 7, row).unwrap_err().to_string();
        let starts = |row: &[f32], text: &str| assert!(message(row).starts_with(text), "{}", message(row));
        starts(&[0.5, 0.4], "teacher: row 7: the probabilities sum to 0.9");
        starts(&[1.2, -0.2], "teacher: row 7, class 1: -0.2");
        starts(&[0.5, f32::NAN], "teacher: row 7, class 1: NaN, must be a finite number");
        starts(&[f32::INFINITY, f32::NEG_INFINITY], "teacher: row 7, class 0: inf");
        for at in 0..40 {
            let mut row = [1.0 / 40.0_f64; 40];
            assert!(require_probability("teacher", 0, &row).is_ok() && is_probability(&row));
            row[at] = -row[at];
            assert!(require_probability("teacher", 0, &row).is_err() && !is_probability(&row));
            assert!(require_weights("targets", 0, &row).is_err() && require_finite("logits", 0, &row).is_ok());
            row[at] = f64::NAN;
            assert!(require_finite("logits", 0, &row).is_err() && require_weights("targets", 0, &row).is_err());
        }
    }
}
