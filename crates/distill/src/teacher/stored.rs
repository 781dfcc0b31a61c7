//! A teacher's predictions as they are stored, with the temperature that was applied already.

use crate::error::{DistillError, require_positive, require_table};
use crate::rows::{Real, check_rows, fold_rows, is_probability, read, require_finite, require_probability};
use crate::rows::{sum, with_row, write_rows};
use crate::warning::Warning;
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::ops::softmax::softmax_row;

/// What the stored numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Probabilities,
    Logits,
}

/// A teacher's probabilities or logits `[n examples, m classes]`, checked once, with the temperature `T0` that was applied before
/// they were stored (1 where none was).
///
/// Stored logits are `z / T0` of the network's logits z, stored probabilities `softmax(z / T0)`. [`tempered`](Self::tempered) gives
/// `softmax(z / T)` for any T from either: of stored logits s it is `softmax(s T0 / T)`, of stored probabilities `p^(T0 / T)`
/// normalised. A probability that was stored as zero stays zero. Every temperature in this crate is relative to z, so that a
/// temperature is never applied twice.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::Teacher;
/// let z = array![[2.0_f64, 0.5, -1.0]];
/// let teacher = Teacher::logits(z.view(), 1.0)?;
/// let warm = teacher.tempered(3.0)?;
/// assert!((warm[[0, 0]] - 0.506_480_391_056).abs() < 1e-12);
/// // Stored at T = 3, the same targets come back, and those at T = 1 too.
/// let stored = Teacher::probabilities(warm.view(), 3.0)?;
/// assert!((stored.tempered(3.0)?[[0, 0]] - warm[[0, 0]]).abs() < 1e-15);
/// assert!((stored.tempered(1.0)?[[0, 0]] - 0.785_597_034_589).abs() < 1e-12);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Teacher<'a, T> {
    values: ArrayView2<'a, T>,
    kind: Kind,
    applied: f64,
    warnings: Vec<Warning>,
}

impl<'a, T: Real> Teacher<'a, T> {
    /// Stored probabilities; rows sum to one within [`SUM_TOLERANCE`](crate::SUM_TOLERANCE).
    ///
    /// # Errors
    /// No rows, fewer than two classes, a row that cannot be probabilities, a temperature that is not above 0.
    pub fn probabilities(values: ArrayView2<'a, T>, applied: f64) -> Result<Self, DistillError> {
        require_table("teacher", values.dim())?;
        require_positive("applied temperature", applied)?;
        check_rows(&values, |i, row| require_probability("teacher", i, row))?;
        Ok(Self { values, kind: Kind::Probabilities, applied, warnings: Vec::new() })
    }

    /// Stored logits. That they look like probabilities is a [`Warning`], since a nearly uniform teacher's logits may.
    ///
    /// # Errors
    /// No rows, fewer than two classes, a logit that is not finite, a temperature that is not above 0.
    pub fn logits(values: ArrayView2<'a, T>, applied: f64) -> Result<Self, DistillError> {
        require_table("teacher", values.dim())?;
        require_positive("applied temperature", applied)?;
        let (rows, classes) = values.dim();
        let alike = fold_rows(
            rows,
            classes,
            || true,
            |alike, i, _| {
                with_row(&values, i, |row| {
                    *alike = *alike && is_probability(row);
                    require_finite("teacher", i, row)
                })
            },
        )?;
        let alike = alike.into_iter().all(|alike| alike);
        let warnings = if alike { vec![Warning::LogitsLookLikeProbabilities] } else { Vec::new() };
        Ok(Self { values, kind: Kind::Logits, applied, warnings })
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.values.nrows()
    }

    /// m.
    pub fn classes(&self) -> usize {
        self.values.ncols()
    }

    /// The temperature that was applied before the numbers were stored.
    pub fn applied_temperature(&self) -> f64 {
        self.applied
    }

    /// What a person should know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// `softmax(z / T)`, `[n, m]`, in the precision of the stored numbers: targets for a student.
    ///
    /// # Errors
    /// A temperature that is not above 0.
    pub fn tempered(&self, temperature: f64) -> Result<Array2<T>, DistillError> {
        require_positive("temperature", temperature)?;
        let write = |i: usize, row: &mut [f64]| {
            self.row(i, temperature, row);
            Ok(())
        };
        Ok(write_rows(self.values.dim(), write)?.0)
    }

    /// Writes one row at a temperature above 0.
    pub(crate) fn row(&self, i: usize, temperature: f64, to: &mut [f64]) {
        read(&self.values, i, to);
        let power = (self.applied / temperature).min(f64::MAX);
        match self.kind {
            Kind::Logits => {
                if power > 1.0 {
                    // The largest goes first, so that no power makes a logit infinite.
                    let largest = to.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    to.iter_mut().for_each(|z| *z = ((*z - largest).max(f64::MIN) * power).max(f64::MIN));
                } else if power < 1.0 {
                    to.iter_mut().for_each(|z| *z *= power);
                }
                softmax_row(to);
            }
            Kind::Probabilities => {
                if power != 1.0 {
                    let largest = to.iter().copied().fold(0.0, f64::max);
                    to.iter_mut().for_each(|p| *p = (*p / largest).powf(power));
                }
                let share = 1.0 / sum(to);
                to.iter_mut().for_each(|p| *p *= share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scores;
    use ndarray::array;

    #[test]
    fn golden_temperatures() {
        let z = array![[2.0_f64, 0.5, -1.0]];
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let golden: [(f64, [f64; 3]); 4] = [
            (1.0, [0.785_597_034_589, 0.175_290_392_140, 0.039_112_573_271]),
            (3.0, [0.506_480_391_056, 0.307_195_885_718, 0.186_323_723_226]),
            (5.0, [0.436_751_816_911, 0.323_553_703_883, 0.239_694_479_206]),
            (0.1, [0.999_999_694_098, 3.059_02e-7, 0.0_f64]),
        ];
        for (t, row) in golden {
            let p = teacher.tempered(t).unwrap();
            assert!(p.iter().zip(row).all(|(p, golden)| (p - golden).abs() < 1e-12), "T = {t}: {p}");
        }
    }

    #[test]
    fn temperatures_compose_through_either_kind() {
        let z = scores(6, 5, 1);
        let plain = Teacher::logits(z.view(), 1.0).unwrap();
        let divided = z.mapv(|z| z / 2.0);
        let (p2, p7) = (plain.tempered(2.0).unwrap(), plain.tempered(7.0).unwrap());
        let kinds = [
            Teacher::logits(divided.view(), 2.0).unwrap(),
            Teacher::probabilities(p2.view(), 2.0).unwrap(),
            Teacher::probabilities(p7.view(), 7.0).unwrap(),
        ];
        for teacher in kinds {
            for t in [0.5, 1.0, 2.0, 7.0] {
                let (a, b) = (teacher.tempered(t).unwrap(), plain.tempered(t).unwrap());
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-13));
            }
        }
    }

    #[test]
    fn extreme_temperatures_give_probabilities() {
        let z = array![[1e300_f64, -1e300, 0.0], [1e-300, 0.0, 0.0]];
        let p = array![[1.0_f64, 0.0, 0.0], [1e-300, 0.5, 0.5]];
        for t in [1e-300, 1e-9, 1e9, 1e300] {
            for teacher in [Teacher::logits(z.view(), 1.0).unwrap(), Teacher::probabilities(p.view(), 1.0).unwrap()] {
                for row in teacher.tempered(t).unwrap().outer_iter() {
                    assert!((row.sum() - 1.0).abs() < 1e-12 && row.iter().all(|p| *p >= 0.0), "T = {t}: {row}");
                }
            }
        }
    }

    #[test]
    fn bad_teachers_are_named() {
        let z = array![[2.0_f32, 0.5], [1.0, 1.0]];
        let error = Teacher::probabilities(z.view(), 1.0).unwrap_err().to_string();
        assert!(
            error.starts_with("teacher: row 0: the probabilities sum to 2.5") && error.contains("are these logits"),
            "{error}"
        );
        let negative = array![[2.0_f32, -1.0]];
        assert!(Teacher::probabilities(negative.view(), 1.0).unwrap_err().to_string().contains("class 1: -1"));
        let error = Teacher::logits(z.view(), 0.0).unwrap_err().to_string();
        assert_eq!(error, "applied temperature = 0: must be finite and above 0");
        let bad = array![[2.0_f32, f32::INFINITY]];
        assert!(Teacher::logits(bad.view(), 1.0).unwrap_err().to_string().contains("row 0, class 1: inf"));
        assert!(Teacher::logits(z.view(), 1.0).unwrap().tempered(-1.0).is_err());
        assert!(Teacher::logits(Array2::<f32>::zeros((0, 3)).view(), 1.0).is_err());
    }

    #[test]
    fn probabilities_given_as_logits_are_noticed() {
        let p = array![[0.5_f32, 0.5], [0.9, 0.1]];
        assert_eq!(Teacher::logits(p.view(), 1.0).unwrap().warnings(), [Warning::LogitsLookLikeProbabilities]);
        let z = array![[0.5_f32, 0.5], [0.9, 0.2]];
        assert!(Teacher::logits(z.view(), 1.0).unwrap().warnings().is_empty());
    }
}
