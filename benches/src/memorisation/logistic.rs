//! Logistic regression to the last digit: small enough that every leave-one-out is trained, and convex, so that it is exact.

use ndarray::{Array1, ArrayView2};

/// Newton steps at most; seven or eight are the rule.
const STEPS: usize = 50;

/// Two classes, with the summed loss and the penalty `penalty/2 |w|^2` on all weights but the intercept.
pub(super) struct Logistic<'a> {
    pub(super) x: ArrayView2<'a, f32>,
    pub(super) labels: &'a [usize],
    pub(super) penalty: f64,
}

impl Logistic<'_> {
    /// The weights that minimise the loss of some examples, the intercept last, from a start near them.
    pub(super) fn fit(&self, examples: &[usize], start: Option<&Array1<f64>>) -> Array1<f64> {
        let d = self.x.ncols() + 1;
        let mut w = start.cloned().unwrap_or_else(|| Array1::zeros(d));
        for _ in 0..STEPS {
            let mut gradient = vec![0.0; d];
            let mut hessian = vec![0.0; d * d];
            for &i in examples {
                let row = |a: usize| if a + 1 == d { 1.0 } else { f64::from(self.x[[i, a]]) };
                let p = 1.0 / (1.0 + (-self.score(&w, i)).exp());
                for a in 0..d {
                    gradient[a] += (p - self.labels[i] as f64) * row(a);
                    for b in 0..=a {
                        hessian[a * d + b] += p * (1.0 - p) * row(a) * row(b);
                    }
                }
            }
            for a in 0..d - 1 {
                gradient[a] += self.penalty * w[a];
                hessian[a * d + a] += self.penalty;
            }
            let step = solve(&mut hessian, gradient);
            w.iter_mut().zip(&step).for_each(|(w, s)| *w -= s);
            if step.iter().all(|s| s.abs() < 1e-12) {
                break;
            }
        }
        w
    }

    /// The logit of class 1.
    fn score(&self, w: &Array1<f64>, i: usize) -> f64 {
        let weights = self.x.row(i).iter().zip(w).map(|(x, w)| f64::from(*x) * w).sum::<f64>();
        weights + w[w.len() - 1]
    }

    /// The log-likelihood of the label of each point.
    pub(super) fn log_likelihoods(&self, w: &Array1<f64>) -> Vec<f64> {
        let of = |(i, &label): (usize, &usize)| {
            let margin = if label == 1 { self.score(w, i) } else { -self.score(w, i) };
            // log sigmoid, without the overflow.
            margin.min(0.0) - (-margin.abs()).exp().ln_1p()
        };
        self.labels.iter().enumerate().map(of).collect()
    }
}

/// Solves `A x = b` for a positive definite `A`, given by its lower triangle, in place: Cholesky.
fn solve(a: &mut [f64], mut b: Vec<f64>) -> Vec<f64> {
    let d = b.len();
    for j in 0..d {
        for i in j..d {
            let inner: f64 = (0..j).map(|k| a[i * d + k] * a[j * d + k]).sum();
            let left = a[i * d + j] - inner;
            a[i * d + j] = if i == j { left.sqrt() } else { left / a[j * d + j] };
        }
    }
    for i in 0..d {
        let inner: f64 = (0..i).map(|k| a[i * d + k] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i * d + i];
    }
    for i in (0..d).rev() {
        let inner: f64 = (i + 1..d).map(|k| a[k * d + i] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i * d + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_system_by_hand() {
        // [[4, 2], [2, 3]] x = [2, 1] has the solution [0.5, 0].
        assert_eq!(solve(&mut [4.0, 0.0, 2.0, 3.0], vec![2.0, 1.0]), [0.5, 0.0]);
    }

    #[test]
    fn the_gradient_vanishes_at_the_fit() {
        let x = array![[0.0_f32], [1.0], [2.0], [3.0]];
        let labels = [0, 1, 0, 1];
        let model = Logistic { x: x.view(), labels: &labels, penalty: 0.5 };
        let w = model.fit(&[0, 1, 2, 3], None);
        let p = |x: f64| 1.0 / (1.0 + (-(w[0] * x + w[1])).exp());
        let errors = [p(0.0), p(1.0) - 1.0, p(2.0), p(3.0) - 1.0];
        assert!(errors.iter().sum::<f64>().abs() < 1e-10);
        let slope: f64 = errors.iter().enumerate().map(|(x, e)| x as f64 * e).sum();
        assert!((slope + 0.5 * w[0]).abs() < 1e-10);
        assert!((model.log_likelihoods(&w)[3] - p(3.0).ln()).abs() < 1e-12);
    }
}
