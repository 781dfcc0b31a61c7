//! Theorem 2 on problems with finitely many points, where every term can be computed.

use crate::error::{DistillError, require, require_fit, require_shape, require_table};
use crate::rows::{Real, check_rows, require_finite, require_probability};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::Serialize;
use tenfold_core_tensor::ops::softmax::log_sum_exp;

/// A problem with finitely many points x: their mass `P(x)`, `[k]`, the true `eta_y(x)` and a teacher's `p_y(x)`, both `[k, m]`.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::Discrete;
/// let problem = Discrete::new(
///     array![0.5, 0.5].view(),
///     array![[0.8, 0.2], [0.2, 0.8]].view(),
///     array![[0.9, 0.1], [0.1, 0.9]].view(),
/// )?;
/// let found = problem.theorem2(array![[1.0, 0.0], [0.0, 1.0]].view())?;
/// assert!(found.gap() <= found.half_bound());
/// // Scaling a class of the teacher's scores changes its calibration error by nothing; here both are off by 0.2.
/// assert!(problem.calibration().iter().all(|c| (c - 0.2).abs() < 1e-12));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Discrete {
    mass: Array1<f64>,
    posterior: Array2<f64>,
    teacher: Array2<f64>,
    prior: Array1<f64>,
    teacher_marginal: Array1<f64>,
}

/// The two sides of theorem 2 for a student's scores f:
///
/// `| L_rob-d(f) - L_rob(f) | <= B max_y E_x | p_y(x) / pi^t_y - eta_y(x) / pi_y | + max_y | phi_y(f) - phi^_y(f) |`
///
/// with cross-entropy bounded by B, `L_rob(f) = max_y (1 / pi_y) E[eta_y l(y, f)]`, `phi_y(f) = (1 / pi^t_y) E[p_y l(y, f)]`, its
/// sample version `phi^` and `L_rob-d(f) = max_y phi^_y(f)`. On the population the last term is zero.
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), theorem 2.
/// That B/2 takes the place of B is derived in this project: the signed weights `p_y / pi^t_y - eta_y / pi_y` have mean zero, so that
/// `B/2` may be taken from the loss, whose magnitude is then at most B/2.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Theorem2 {
    /// `L_rob-d(f)`.
    pub distilled: f64,
    /// `L_rob(f)`.
    pub robust: f64,
    /// B: the largest loss of a class at a point.
    pub largest_loss: f64,
    /// `max_y E_x | p_y / pi^t_y - eta_y / pi_y |`.
    pub calibration: f64,
    /// `max_y | phi_y - phi^_y |`; 0 on the population.
    pub deviation: f64,
}

impl Theorem2 {
    /// The left side.
    pub fn gap(&self) -> f64 {
        (self.distilled - self.robust).abs()
    }

    /// The right side as printed.
    pub fn bound(&self) -> f64 {
        self.largest_loss * self.calibration + self.deviation
    }

    /// The right side with B/2.
    pub fn half_bound(&self) -> f64 {
        self.largest_loss * self.calibration / 2.0 + self.deviation
    }
}

impl Discrete {
    /// A problem.
    ///
    /// # Errors
    /// Shapes that differ, rows that are no probabilities, or a class of which there is nothing in the posterior or the teacher.
    pub fn new<T: Real>(
        mass: ArrayView1<T>,
        posterior: ArrayView2<T>,
        teacher: ArrayView2<T>,
    ) -> Result<Self, DistillError> {
        require_table("posterior", posterior.dim())?;
        require_shape("posterior and teacher", posterior.shape(), teacher.shape(), "the same points and classes")?;
        require_shape("mass and posterior", &[mass.len()], &[posterior.nrows()], "one mass for each point")?;
        check_rows(&mass.insert_axis(Axis(0)), |i, row| require_probability("mass", i, row))?;
        check_rows(&posterior, |i, row| require_probability("posterior", i, row))?;
        check_rows(&teacher, |i, row| require_probability("teacher", i, row))?;
        let mass = mass.mapv(Real::wide);
        let mass = &mass / mass.sum();
        let [posterior, teacher] = [posterior, teacher].map(|p| p.mapv(Real::wide));
        let (prior, teacher_marginal) = (mass.dot(&posterior), mass.dot(&teacher));
        for (what, marginal) in [("prior", &prior), ("teacher marginal", &teacher_marginal)] {
            let zero = marginal.iter().position(|pi| *pi <= 0.0);
            require(zero.is_none(), what, format!("0 for class {}", zero.unwrap_or(0)), "must be above 0")?;
        }
        Ok(Self { mass, posterior, teacher, prior, teacher_marginal })
    }

    /// `E_x | p_y(x) / pi^t_y - eta_y(x) / pi_y |` of each class, `[m]`: zero where the teacher's scores of the class are the true
    /// probabilities times a number, however wrong its predictions.
    pub fn calibration(&self) -> Vec<f64> {
        let apart = &self.teacher / &self.teacher_marginal - &self.posterior / &self.prior;
        self.mass.dot(&apart.mapv(f64::abs)).to_vec()
    }

    /// Both sides on the population, for scores `[k, m]`.
    ///
    /// # Errors
    /// Scores that do not fit or are not finite.
    pub fn theorem2<T: Real>(&self, scores: ArrayView2<T>) -> Result<Theorem2, DistillError> {
        let losses = self.losses(scores)?;
        let phi = self.per_class(&self.mass, &self.teacher, &self.teacher_marginal, &losses);
        Ok(self.sides(&losses, &phi, &phi))
    }

    /// Both sides for a sample that has each point `counts[x]` times, with the sample's own marginal of the teacher.
    ///
    /// # Errors
    /// Scores that do not fit or are not finite; not one count for each point; a sample without points, or in which the teacher gives
    /// a class nothing.
    pub fn theorem2_of_sample<T: Real>(
        &self,
        scores: ArrayView2<T>,
        counts: &[usize],
    ) -> Result<Theorem2, DistillError> {
        let losses = self.losses(scores)?;
        require_shape("counts and points", &[counts.len()], &[self.mass.len()], "one count for each point")?;
        let n: usize = counts.iter().sum();
        require(n > 0, "counts", n, "must have at least one point")?;
        let share = Array1::from_iter(counts.iter().map(|count| *count as f64 / n as f64));
        let marginal = share.dot(&self.teacher);
        let zero = marginal.iter().position(|pi| *pi <= 0.0);
        let value = format!("0 for class {}", zero.unwrap_or(0));
        require(zero.is_none(), "sample marginal of the teacher", value, "must be above 0")?;
        let phi = self.per_class(&self.mass, &self.teacher, &self.teacher_marginal, &losses);
        let sample = self.per_class(&share, &self.teacher, &marginal, &losses);
        Ok(self.sides(&losses, &phi, &sample))
    }

    /// Cross-entropy of each class at each point.
    fn losses<T: Real>(&self, scores: ArrayView2<T>) -> Result<Array2<f64>, DistillError> {
        require_fit(self.posterior.dim(), scores.dim())?;
        check_rows(&scores, |i, row| require_finite("student scores", i, row))?;
        let mut losses = scores.mapv(Real::wide);
        for mut row in losses.outer_iter_mut() {
            let norm = log_sum_exp(&row.to_vec());
            row.mapv_inplace(|f| norm - f);
        }
        Ok(losses)
    }

    /// `(1 / pi_y) sum_x mass(x) p_y(x) l(y, x)`.
    fn per_class(&self, mass: &Array1<f64>, p: &Array2<f64>, marginal: &Array1<f64>, losses: &Array2<f64>) -> Vec<f64> {
        (mass.dot(&(p * losses)) / marginal).to_vec()
    }

    fn sides(&self, losses: &Array2<f64>, phi: &[f64], sample: &[f64]) -> Theorem2 {
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        Theorem2 {
            distilled: largest(&mut sample.iter().copied()),
            robust: largest(&mut self.per_class(&self.mass, &self.posterior, &self.prior, losses).into_iter()),
            largest_loss: largest(&mut losses.iter().copied()),
            calibration: largest(&mut self.calibration().into_iter()),
            deviation: largest(&mut phi.iter().zip(sample).map(|(a, b)| (a - b).abs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robust::{EgParams, Multipliers};
    use crate::testing::{probabilities, scores};
    use ndarray::array;
    use proptest::prelude::*;
    use rand::RngExt;
    use tenfold_core_tensor::seed::Seed;

    fn golden() -> Discrete {
        Discrete::new(
            array![0.4, 0.3, 0.2, 0.1].view(),
            array![[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.25, 0.25, 0.5], [0.1, 0.2, 0.7]].view(),
            array![[0.9, 0.08, 0.02], [0.4, 0.55, 0.05], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]].view(),
        )
        .unwrap()
    }

    #[test]
    fn golden_problem() {
        let problem = golden();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-11, "{a} against {b}");
        let f = array![[1.0, 0.2, -0.5], [0.1, 0.9, 0.0], [0.2, 0.1, 0.8], [-0.3, 0.0, 1.1]];
        let golden = [0.120_322_817_315, 0.156_049_842_786, 0.202_797_202_797];
        problem.calibration().into_iter().zip(golden).for_each(|(a, b)| close(a, b));
        let found = problem.theorem2(f.view()).unwrap();
        close(found.robust, 0.942_211_233_696);
        close(found.distilled, 0.939_226_007_069);
        close(found.largest_loss, 2.014_295_072_821);
        close(found.bound(), 0.408_493_406_376);
        close(found.gap(), 0.002_985_226_627);
    }

    #[test]
    fn multipliers_and_best_responses_make_all_risks_equal() {
        // Theorem 1: the best scores for lambda are log (lambda_y eta_y / pi_y).
        let problem = golden();
        let mut lambda = Multipliers::uniform(3, EgParams::default().with_step(1.0)).unwrap();
        let risks = |lambda: &[f64]| {
            let weights = Array1::from(lambda.to_vec()) / &problem.prior;
            let losses = problem.losses((&problem.posterior * &weights).mapv(f64::ln).view()).unwrap();
            problem.per_class(&problem.mass, &problem.posterior, &problem.prior, &losses)
        };
        for _ in 0..2000 {
            lambda.update(&risks(&lambda.values())).unwrap();
        }
        let golden = [0.323_770_049_425, 0.375_771_921_844, 0.300_458_028_731];
        assert!(lambda.values().iter().zip(golden).all(|(l, golden)| (l - golden).abs() < 1e-9), "{lambda:?}");
        let risks = risks(&lambda.values());
        assert!(risks.iter().all(|r| (r - 0.834_453_363_171).abs() < 1e-9), "{risks:?}");
    }

    #[test]
    fn bad_problems_are_named() {
        let (mass, p) = (array![0.5, 0.5], array![[0.5, 0.5], [0.1, 0.9]]);
        let message = |mass: &Array1<f64>, eta: &Array2<f64>, p: &Array2<f64>| {
            Discrete::new(mass.view(), eta.view(), p.view()).unwrap_err().to_string()
        };
        assert!(message(&array![0.5, 0.4], &p, &p).starts_with("mass: row 0: the probabilities sum to 0.9"));
        assert!(message(&array![1.0], &p, &p).contains("one mass for each point"));
        let none = array![[1.0, 0.0], [1.0, 0.0]];
        assert_eq!(message(&mass, &none, &p), "prior = 0 for class 1: must be above 0");
        assert_eq!(message(&mass, &p, &none), "teacher marginal = 0 for class 1: must be above 0");
        assert!(message(&mass, &array![[0.5, 0.6], [0.1, 0.9]], &p).starts_with("posterior: row 0"));
        let problem = Discrete::new(mass.view(), p.view(), p.view()).unwrap();
        let error = problem.theorem2(array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]].view()).unwrap_err();
        assert_eq!(error, DistillError::Classes { teacher: 2, student: 3 });
        assert!(
            problem.theorem2_of_sample(p.view(), &[0, 0]).is_err()
                && problem.theorem2_of_sample(p.view(), &[1]).is_err()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn the_bound_holds_even_with_half_of_b(points in 1_usize..7, classes in 2_usize..6, seed: u64, scale in 0.1..5.0_f64) {
            let mass = probabilities(1, points, seed % 999).row(0).to_owned();
            let (eta, p) = (probabilities(points, classes, seed % 1777), probabilities(points, classes, seed % 3331));
            let problem = Discrete::new(mass.view(), eta.view(), p.view()).unwrap();
            let f = scores(points, classes, seed) * scale;
            let found = problem.theorem2(f.view()).unwrap();
            prop_assert!(found.gap() <= found.half_bound() + 1e-12 && found.half_bound() <= found.bound());
            let mut rng = Seed::new(seed).rng();
            let counts: Vec<usize> = (0..points).map(|_| rng.random_range(1..9)).collect();
            let sampled = problem.theorem2_of_sample(f.view(), &counts).unwrap();
            prop_assert!(sampled.gap() <= sampled.half_bound() + 1e-12);
        }
    }
}
