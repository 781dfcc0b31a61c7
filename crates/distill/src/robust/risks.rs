//! The risk of each class on a set of examples.

use crate::error::{DistillError, require_examples, require_fit, require_labels, require_positive, require_table};
use crate::rows::{Real, fold_rows, read, require_finite, with_row};
use crate::teacher::{MARGINAL_FLOOR, Marginal, Teacher};
use crate::warning::Warning;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::softmax::softmax_row;

/// The loss `l(y, f)` of a risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    /// 1 where `argmax f` (the first of equals) is not y: what the robust paper's experiments update multipliers with.
    #[default]
    ZeroOne,
    /// `logsumexp(f) - f_y`, in nats.
    CrossEntropy,
}

/// The risk of each class, `[m]`: `R_y = (1 / pi_y) (1/n) sum_i p_y(x_i) l(y, f(x_i))`, with p a teacher's probabilities or the
/// one-hot labels, and `pi_y = (1/n) sum_i p_y(x_i)` **of the same examples**: a balanced validation set has another marginal than a
/// long-tailed training set.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{ClassRisks, RiskKind, Teacher};
/// let scores = array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]];
/// let risks = ClassRisks::of_labels(&[0, 0, 1, 1], scores.view(), RiskKind::ZeroOne)?;
/// assert_eq!(risks.values(), [0.5, 1.0]);
/// assert_eq!(risks.worst(), (1, 1.0));
/// // A teacher that is never wrong says the same.
/// let p = array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]];
/// let by_teacher = ClassRisks::of_teacher(&Teacher::probabilities(p.view(), 1.0)?, 1.0, scores.view(), RiskKind::ZeroOne)?;
/// assert_eq!(by_teacher.values(), risks.values());
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), algorithm 1
/// and supplement; the printed update with one-hot labels omits the indicator that its metric has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRisks {
    values: Vec<f64>,
    marginal: Marginal,
}

impl ClassRisks {
    /// By a teacher's probabilities on the examples at a temperature: no labels are needed. A teacher that is nearly certain never
    /// sees its own errors on rare classes: prefer labels where there are some.
    ///
    /// # Errors
    /// Scores `[n, m]` that do not fit the teacher or are not finite, or a temperature that is not above 0.
    pub fn of_teacher<T: Real, S: Real>(
        teacher: &Teacher<T>,
        temperature: f64,
        scores: ArrayView2<S>,
        kind: RiskKind,
    ) -> Result<Self, DistillError> {
        require_positive("temperature", temperature)?;
        let (rows, classes) = (teacher.rows(), teacher.classes());
        require_fit((rows, classes), scores.dim())?;
        let sums = sums(&scores, kind, |i, p| teacher.row(i, temperature, p), classes)?;
        let (mass, lost) = sums.split_at(classes);
        let n = rows as f64;
        let marginal = Marginal::above(mass.iter().map(|v| v / n).collect(), MARGINAL_FLOOR)?;
        let values = lost.iter().zip(marginal.values()).map(|(v, pi)| v / n / pi).collect();
        Ok(Self { values, marginal })
    }

    /// By labels `[n]`: the mean loss of each class's examples.
    ///
    /// # Errors
    /// Scores `[n, m]` that do not fit the labels or are not finite, or a class with fewer than two examples.
    pub fn of_labels<S: Real>(labels: &[usize], scores: ArrayView2<S>, kind: RiskKind) -> Result<Self, DistillError> {
        require_table("scores", scores.dim())?;
        let classes = scores.ncols();
        require_labels(labels, scores.nrows(), classes)?;
        let counts = require_examples("class risks", labels, classes, 2)?;
        let one_hot = |i: usize, p: &mut [f64]| {
            p.fill(0.0);
            p[labels[i]] = 1.0;
        };
        let sums = sums(&scores, kind, one_hot, classes)?;
        let values = sums[classes..].iter().zip(&counts).map(|(lost, count)| lost / *count as f64).collect();
        Ok(Self { values, marginal: Marginal::of_labels(labels, classes)? })
    }

    /// R of each class.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// pi of each class on these examples.
    pub fn marginal(&self) -> &Marginal {
        &self.marginal
    }

    /// Classes whose marginal was raised: their risk is not to be trusted.
    pub fn warnings(&self) -> &[Warning] {
        self.marginal.warnings()
    }

    /// The class of the largest risk (the first of equals), and the risk.
    pub fn worst(&self) -> (usize, f64) {
        let class = tenfold_core_tensor::ops::top_k::argmax(&self.values);
        (class, self.values[class])
    }
}

/// The sums over rows of p_y, and after them those of `p_y l(y, f)`.
fn sums<S: Real>(
    scores: &ArrayView2<S>,
    kind: RiskKind,
    weights: impl Fn(usize, &mut [f64]) + Sync,
    classes: usize,
) -> Result<Vec<f64>, DistillError> {
    let blocks = fold_rows(
        scores.nrows(),
        2 * classes,
        || vec![0.0; 2 * classes],
        |sums: &mut Vec<f64>, i, room| {
            let (p, f) = room.split_at_mut(classes);
            weights(i, p);
            let (mass, lost) = sums.split_at_mut(classes);
            mass.iter_mut().zip(&*p).for_each(|(to, p)| *to += p);
            match kind {
                RiskKind::ZeroOne => {
                    let predicted = with_row(scores, i, |row| S::largest(row).ok_or_else(|| not_finite(i, row)))?;
                    p[predicted] = 0.0;
                    lost.iter_mut().zip(&*p).for_each(|(to, p)| *to += p);
                }
                RiskKind::CrossEntropy => {
                    with_row(scores, i, |row| require_finite("student scores", i, row))?;
                    read(scores, i, f);
                    let norm = softmax_row(f);
                    // The softmax has taken the scores' place: they are read anew, where they are needed.
                    read(scores, i, f);
                    lost.iter_mut().zip(p.iter().zip(&*f)).for_each(|(to, (p, f))| *to += p * (norm - f));
                }
            }
            Ok(())
        },
    )?;
    let mut total = vec![0.0; 2 * classes];
    blocks.iter().for_each(|block| total.iter_mut().zip(block).for_each(|(to, v)| *to += v));
    Ok(total)
}

/// What is wrong with a row that has no largest number.
fn not_finite<S: Real>(i: usize, row: &[S]) -> DistillError {
    require_finite("student scores", i, row).expect_err("a number that is not finite")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{RowLoss, SoftCrossEntropy};
    use crate::testing::{probabilities, scores};
    use ndarray::Array2;

    #[test]
    fn risks_are_their_definition() {
        let (p, f) = (probabilities(40, 4, 1), scores(40, 4, 2));
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        for kind in [RiskKind::ZeroOne, RiskKind::CrossEntropy] {
            let found = ClassRisks::of_teacher(&teacher, 1.0, f.view(), kind).unwrap();
            for y in 0..4 {
                let loss = |i: usize| match kind {
                    RiskKind::ZeroOne => f64::from(u8::from(f64::largest(f.row(i).as_slice().unwrap()) != Some(y))),
                    RiskKind::CrossEntropy => f.row(i).mapv(f64::exp).sum().ln() - f[[i, y]],
                };
                let (mass, lost): (f64, f64) =
                    ((0..40).map(|i| p[[i, y]]).sum(), (0..40).map(|i| p[[i, y]] * loss(i)).sum());
                assert!((found.values()[y] - lost / mass).abs() < 1e-12);
            }
        }
        // The mean over classes is the balanced objective by weights.
        let risks = ClassRisks::of_teacher(&teacher, 1.0, f.view(), RiskKind::CrossEntropy).unwrap();
        let weights: Vec<f64> = risks.marginal().values().iter().map(|pi| 0.25 / pi).collect();
        let loss = SoftCrossEntropy::new(p.view()).unwrap().with_class_weights(&weights).unwrap();
        assert!((loss.mean(f.view()).unwrap() - risks.values().iter().sum::<f64>() / 4.0).abs() < 1e-12);
    }

    #[test]
    fn each_set_has_its_own_marginal_and_an_unseen_class_is_warned_of() {
        let (p, f) = (ndarray::array![[0.6_f32, 0.4, 0.0], [0.2, 0.8, 0.0]], scores(2, 3, 1));
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let risks = ClassRisks::of_teacher(&teacher, 1.0, f.view(), RiskKind::ZeroOne).unwrap();
        assert!((risks.marginal().values()[0] - 0.4).abs() < 1e-7 && risks.values()[2] == 0.0);
        assert!(matches!(risks.warnings(), [Warning::MarginalRaised { class: 2, .. }]));
    }

    #[test]
    fn bad_input_is_named() {
        let f = scores(4, 3, 1);
        let of = |labels: &[usize], f: &Array2<f64>, kind| ClassRisks::of_labels(labels, f.view(), kind).unwrap_err();
        let few = |class, count| DistillError::FewExamples { what: "class risks", class, count, least: 2 };
        assert_eq!(of(&[0, 0, 1, 1], &f, RiskKind::ZeroOne), few(2, 0));
        assert_eq!(of(&[0, 1, 1, 2], &f, RiskKind::ZeroOne), few(0, 1));
        let mut g = scores(6, 3, 1);
        g[[3, 2]] = f64::NAN;
        for kind in [RiskKind::ZeroOne, RiskKind::CrossEntropy] {
            let error = of(&[0, 0, 1, 1, 2, 2], &g, kind).to_string();
            assert_eq!(error, "student scores: row 3, class 2: NaN, must be a finite number");
        }
        let p = probabilities(4, 2, 1);
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let error = ClassRisks::of_teacher(&teacher, 1.0, f.view(), RiskKind::ZeroOne).unwrap_err();
        assert_eq!(error, DistillError::Classes { teacher: 2, student: 3 });
    }
}
