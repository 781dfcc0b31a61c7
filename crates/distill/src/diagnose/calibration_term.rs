//! The calibration term of theorem 2, from a reference posterior.

use crate::error::{DistillError, require, require_fit, require_table};
use crate::rows::{Real, check_rows, column_sums, fold_rows, read, require_probability};
use crate::teacher::Teacher;
use ndarray::ArrayView2;
use serde::Serialize;
use tenfold_core_tensor::stats::Estimate;

/// `E_x | p_y(x) / pi^t_y - eta_y(x) / pi_y |` of each class, for a teacher's probabilities p and a reference posterior eta (the truth
/// of a synthetic problem, or a far better model), on points x.
///
/// It does not change when the teacher's scores of a class are multiplied by a number: a teacher may never predict a class and be
/// calibrated in it. [`of`](Self::of) takes the points as they come; [`balanced`](Self::balanced) weighs them as a set with equal
/// classes would (`w(x) ∝ sum_y eta_y(x) / pi_y`), with both marginals taken under these weights. On the problems of this project the
/// balanced form went together with the quality of robust students more closely than the plain form.
///
/// Intervals are Student's t over points, with the marginals as they were found.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{CalibrationTerm, Teacher};
/// let eta = array![[0.8, 0.2], [0.6, 0.4], [0.2, 0.8]];
/// let teacher = Teacher::probabilities(eta.view(), 1.0)?;
/// assert_eq!(CalibrationTerm::of(&teacher, 1.0, eta.view())?.worst().1.value, 0.0);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), theorem 2;
/// the balanced form is derived in this project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationTerm {
    /// Of each class; unit: points.
    pub classes: Vec<Estimate>,
}

impl CalibrationTerm {
    /// On points as they come, for a teacher at a temperature and a posterior `[n, m]`.
    ///
    /// # Errors
    /// A posterior that does not fit the teacher or is none, fewer than two points, a class without any mass, or a temperature that is
    /// not above 0.
    pub fn of<T: Real, P: Real>(
        teacher: &Teacher<T>,
        temperature: f64,
        posterior: ArrayView2<P>,
    ) -> Result<Self, DistillError> {
        let prior = prior(teacher, temperature, &posterior)?;
        Self::weighted(teacher, temperature, &posterior, |_| 1.0, &prior)
    }

    /// On points weighted as a set with equal classes would be.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn balanced<T: Real, P: Real>(
        teacher: &Teacher<T>,
        temperature: f64,
        posterior: ArrayView2<P>,
    ) -> Result<Self, DistillError> {
        let prior = prior(teacher, temperature, &posterior)?;
        let weight = |eta: &[f64]| eta.iter().zip(&prior).map(|(eta, pi)| eta / pi).sum::<f64>();
        Self::weighted(teacher, temperature, &posterior, weight, &prior)
    }

    /// The class of the largest term, and the term.
    pub fn worst(&self) -> (usize, Estimate) {
        let values: Vec<f64> = self.classes.iter().map(|e| e.value).collect();
        let class = tenfold_core_tensor::ops::top_k::argmax(&values);
        (class, self.classes[class])
    }

    fn weighted<T: Real, P: Real>(
        teacher: &Teacher<T>,
        temperature: f64,
        posterior: &ArrayView2<P>,
        weight: impl Fn(&[f64]) -> f64 + Sync,
        prior: &[f64],
    ) -> Result<Self, DistillError> {
        let (n, m) = posterior.dim();
        // A row of the room: eta, then p.
        let look = |i: usize, room: &mut [f64]| {
            let (eta, p) = room.split_at_mut(m);
            read(posterior, i, eta);
            teacher.row(i, temperature, p);
            weight(eta)
        };
        // The weights' total and squares, and the marginals under them.
        let marginals = fold_rows(
            n,
            2 * m,
            || vec![0.0; 2 * m + 2],
            |sums: &mut Vec<f64>, i, room| {
                let w = look(i, room);
                sums[2 * m] += w;
                sums[2 * m + 1] += w * w;
                sums.iter_mut().zip(&*room).for_each(|(to, v)| *to += w * v);
                Ok(())
            },
        )?;
        let sums = add_up(marginals, 2 * m + 2);
        let total = sums[2 * m];
        let pi: Vec<f64> = sums[..2 * m].iter().map(|v| v / total).collect();
        let zero = (0..m).find(|&y| pi[m + y] <= 0.0 || prior[y] <= 0.0);
        let value = format!("0 for class {}", zero.unwrap_or(0));
        require(zero.is_none(), "teacher marginal", value, "must be above 0")?;
        // First and second moments of the deviations: sum w a, sum w^2 a, sum w^2 a^2.
        let moments = fold_rows(
            n,
            2 * m,
            || vec![0.0; 3 * m],
            |sums: &mut Vec<f64>, i, room| {
                let w = look(i, room);
                for y in 0..m {
                    let a = (room[m + y] / pi[m + y] - room[y] / pi[y]).abs();
                    sums[y] += w * a;
                    sums[m + y] += w * w * a;
                    sums[2 * m + y] += w * w * a * a;
                }
                Ok(())
            },
        )?;
        let moments = add_up(moments, 3 * m);
        let squares = sums[2 * m + 1];
        let estimate = |y: usize| {
            let mean = moments[y] / total;
            let spread = (moments[2 * m + y] - 2.0 * mean * moments[m + y] + mean * mean * squares).max(0.0);
            let se = (spread * n as f64 / (n - 1) as f64).sqrt() / total;
            Estimate::from_t(mean, se, (n - 1) as f64, n)
        };
        Ok(Self { classes: (0..m).map(estimate).collect() })
    }
}

/// The marginal of a posterior that fits a teacher.
fn prior<T: Real, P: Real>(
    teacher: &Teacher<T>,
    temperature: f64,
    posterior: &ArrayView2<P>,
) -> Result<Vec<f64>, DistillError> {
    crate::error::require_positive("temperature", temperature)?;
    require_table("posterior", posterior.dim())?;
    require_fit((teacher.rows(), teacher.classes()), posterior.dim())?;
    require(teacher.rows() >= 2, "points", teacher.rows(), "must be at least 2")?;
    check_rows(posterior, |i, row| require_probability("posterior", i, row))?;
    let (n, m) = posterior.dim();
    let sums = column_sums(n, m, |sums, i, room| {
        read(posterior, i, room);
        sums.iter_mut().zip(&*room).for_each(|(to, v)| *to += v);
        Ok(())
    })?;
    let zero = sums.iter().position(|v| *v <= 0.0);
    require(zero.is_none(), "prior", format!("0 for class {}", zero.unwrap_or(0)), "must be above 0")?;
    Ok(sums.into_iter().map(|v| v / n as f64).collect())
}

fn add_up(blocks: Vec<Vec<f64>>, width: usize) -> Vec<f64> {
    let mut total = vec![0.0; width];
    blocks.iter().for_each(|block| total.iter_mut().zip(block).for_each(|(to, v)| *to += v));
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robust::Discrete;
    use crate::testing::probabilities;
    use ndarray::{Array1, Axis, array};
    use tenfold_core_tensor::stats::mean_interval;

    #[test]
    fn on_equally_likely_points_it_is_that_of_the_discrete_problem() {
        let (eta, p) = (probabilities(30, 4, 1), probabilities(30, 4, 2));
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let found = CalibrationTerm::of(&teacher, 1.0, eta.view()).unwrap();
        let problem = Discrete::new(Array1::from_elem(30, 1.0 / 30.0).view(), eta.view(), p.view()).unwrap();
        for (e, golden) in found.classes.iter().zip(problem.calibration()) {
            assert!((e.value - golden).abs() < 1e-12);
        }
        let (pi, pt) = (eta.mean_axis(Axis(0)).unwrap(), p.mean_axis(Axis(0)).unwrap());
        let each: Vec<f64> = (0..30).map(|i| (p[[i, 2]] / pt[2] - eta[[i, 2]] / pi[2]).abs()).collect();
        let by_hand = mean_interval(&each).unwrap();
        assert!((found.classes[2].lo - by_hand.lo).abs() < 1e-9 && (found.classes[2].hi - by_hand.hi).abs() < 1e-9);
    }

    #[test]
    fn balanced_weights_are_those_of_a_set_with_equal_classes() {
        // Points that are certain: the weights make both classes' masses equal.
        let eta = array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let p = array![[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.3, 0.7]];
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let found = CalibrationTerm::balanced(&teacher, 1.0, eta.view()).unwrap();
        let problem = Discrete::new(array![1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 0.5].view(), eta.view(), p.view()).unwrap();
        for (e, golden) in found.classes.iter().zip(problem.calibration()) {
            assert!((e.value - golden).abs() < 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let p = probabilities(4, 3, 1);
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let message =
            |eta: ndarray::Array2<f64>| CalibrationTerm::of(&teacher, 1.0, eta.view()).unwrap_err().to_string();
        assert!(message(probabilities(4, 2, 1)).starts_with("the teacher has 3 classes"));
        assert!(message(&probabilities(4, 3, 1) * 2.0).starts_with("posterior: row 0"));
        let mut none = ndarray::Array2::zeros((4, 3));
        none.column_mut(0).fill(1.0);
        assert_eq!(message(none), "prior = 0 for class 1: must be above 0");
        assert!(CalibrationTerm::of(&teacher, 0.0, p.view()).is_err());
    }
}
