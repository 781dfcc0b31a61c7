//! Bias^2 and variance of a simple model of collapsed networks.
//!
//! Each model's logits are the corner of the simplex frame of the label, times s, plus independent Gumbel noise. Then
//! `h_k = a_k E_k / sum_j a_j E_j` with independent standard exponentials E, `a_y = e^{s'}`, the others 1, and
//! `s' = s sqrt(K/(K-1))`. The model is the paper's; the forms below are derived in this project.

use crate::error::{AnalysisError, require};
use rand_distr::{Distribution, Exp1};
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;

/// Bias^2 and variance of the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Collapsed {
    /// `Bias^2 = (1 - m)^2 K/(K-1)`, with `m = E h_y`.
    pub bias: f64,
    /// `Var = q (1 + 2/K) - Bias^2`, with `q = E (1 - h_y)^2`.
    pub variance: f64,
    /// Bias^2 of the label's entry alone, `(1 - m)^2`.
    pub label_bias: f64,
    /// Variance of the label's entry alone.
    pub label_variance: f64,
}

impl Collapsed {
    fn new(classes: usize, wrong: f64, q: f64) -> Self {
        let k = classes as f64;
        let bias = wrong * wrong * k / (k - 1.0);
        let variance = q * (1.0 + 2.0 / k) - bias;
        Self { bias, variance, label_bias: wrong * wrong, label_variance: q - wrong * wrong }
    }

    /// `log Bias^2 / log Var` of the label's entry: 1 where the two are aligned with slope one.
    ///
    /// ```
    /// use tenfold_analysis::collapse::closed_form;
    /// // It rises with the scale, and past 1 on the way: alignment is of a middle range.
    /// let at = |scale: f64| closed_form(10, scale).map(|form| form.log_ratio());
    /// assert!(at(0.0)? < 0.1 && at(4.0)? > 0.8 && at(12.0)? > 1.3);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    pub fn log_ratio(&self) -> f64 {
        self.label_bias.ln() / self.label_variance.ln()
    }
}

/// The model's Bias^2 and variance at scale s', by quadrature over `U ~ Beta(1, K - 1)`: `1 - h_y = (1 - U) / (1 + (a - 1) U)`.
///
/// ```
/// use tenfold_analysis::collapse::closed_form;
/// let c = closed_form(10, 3.0)?;
/// // An independent Monte Carlo, to its noise.
/// assert!((c.bias - 0.2068).abs() < 1e-3 && (c.variance - 0.0878).abs() < 1e-3);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// Fewer than two classes, or a scale outside 0 to 600, where `e^{s'}` overflows.
pub fn closed_form(classes: usize, scale: f64) -> Result<Collapsed, AnalysisError> {
    check(classes, scale)?;
    let a = scale.exp();
    let wrong = |u: f64, rest: f64| rest / (1.0 + (a - 1.0) * u);
    let density = |rest: f64| (classes - 1) as f64 * rest.powi(classes as i32 - 2);
    let moment = |power: i32| over_unit_interval(|u, rest| wrong(u, rest).powi(power) * density(rest));
    Ok(Collapsed::new(classes, moment(1), moment(2)))
}

/// The same for two classes in closed form: `m = a/(a-1) - a ln a/(a-1)^2` and
/// `E h_y^2 = a^2/(a-1)^3 [(a-1) - 2 ln a + 1 - 1/a]`.
///
/// ```
/// use tenfold_analysis::collapse::{closed_form, closed_form_binary};
/// let (exact, quadrature) = (closed_form_binary(4.0)?, closed_form(2, 4.0)?);
/// assert!((exact.bias - quadrature.bias).abs() < 1e-12 && (exact.variance - quadrature.variance).abs() < 1e-12);
/// // At a = 1, log Bias^2 / log Var = ln 4 / ln 12; it rises to 2, but slowly.
/// assert!((closed_form(2, 0.0)?.log_ratio() - 4f64.ln() / 12f64.ln()).abs() < 1e-9);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// A scale below 0.1, where the closed form loses its digits to cancellation, or above 300.
pub fn closed_form_binary(scale: f64) -> Result<Collapsed, AnalysisError> {
    require((0.1..=300.0).contains(&scale), "scale", scale, "must be from 0.1 to 300: use `closed_form` below")?;
    let a = scale.exp();
    let b = a - 1.0;
    let wrong = (a * scale - b) / (b * b);
    // E (1 - h)^2 is E h^2 with the classes exchanged, a becoming 1/a.
    let q = (b - 2.0 * a * scale + a * b) / (b * b * b);
    Ok(Collapsed::new(2, wrong, q))
}

/// Monte Carlo of the model: plug-in Bias^2 and variance of `draws` models at one point.
///
/// ```
/// use tenfold_analysis::collapse::{closed_form, simulate};
/// use tenfold_core_tensor::seed::Seed;
/// let (exact, drawn) = (closed_form(10, 3.0)?, simulate(10, 3.0, 20_000, Seed::new(1))?);
/// assert!((drawn.bias - exact.bias).abs() < 0.01 && (drawn.variance - exact.variance).abs() < 0.01);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// As [`closed_form`], and fewer than two draws.
pub fn simulate(classes: usize, scale: f64, draws: usize, seed: Seed) -> Result<Collapsed, AnalysisError> {
    check(classes, scale)?;
    require(draws >= 2, "draws", draws, "must be at least 2")?;
    let mut rng = seed.named("collapse").rng();
    let a = scale.exp();
    let (mut sums, mut squares) = (vec![0.0; classes], vec![0.0; classes]);
    let mut h = vec![0.0; classes];
    for _ in 0..draws {
        h.iter_mut().for_each(|e| *e = Exp1.sample(&mut rng));
        h[0] *= a;
        let total: f64 = h.iter().sum();
        // The error, so that the label's entry keeps its digits.
        let others: f64 = h[1..].iter().sum();
        h[0] = -others / total;
        h[1..].iter_mut().for_each(|v| *v /= total);
        sums.iter_mut().zip(&h).for_each(|(s, h)| *s += h);
        squares.iter_mut().zip(&h).for_each(|(s, h)| *s += h * h);
    }
    let n = draws as f64;
    let bias: f64 = sums.iter().map(|s| (s / n).powi(2)).sum();
    let loss: f64 = squares.iter().sum::<f64>() / n;
    let label_bias = (sums[0] / n).powi(2);
    Ok(Collapsed { bias, variance: loss - bias, label_bias, label_variance: squares[0] / n - label_bias })
}

fn check(classes: usize, scale: f64) -> Result<(), AnalysisError> {
    require(classes >= 2, "classes", classes, "must be at least 2")?;
    require((0.0..=600.0).contains(&scale), "scale", scale, "must be from 0 to 600")
}

/// The integral of `f(u, 1 - u)` over 0 to 1 by the tanh-sinh rule, which does not mind what `f` does at the ends, and is given
/// `1 - u` with all its digits.
fn over_unit_interval(f: impl Fn(f64, f64) -> f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    let term = |i: i32| {
        let t = f64::from(i) * STEP;
        let s = std::f64::consts::FRAC_PI_2 * t.sinh();
        // u = 1 / (1 + e^{-2s}), du/dt = pi cosh(t) u (1 - u).
        let (u, rest) = (1.0 / (1.0 + (-2.0 * s).exp()), 1.0 / (1.0 + (2.0 * s).exp()));
        let weight = std::f64::consts::PI * t.cosh() * u * rest;
        if weight == 0.0 { 0.0 } else { f(u, rest) * weight }
    };
    (-450..=450).map(term).sum::<f64>() * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_independent_calculation() {
        for (scale, bias, variance) in [(2.0, 0.430, 0.093), (4.0, 0.0773, 0.0652), (6.0, 0.0059, 0.0187)] {
            let c = closed_form(10, scale).unwrap();
            assert!((c.bias - bias).abs() < 6e-4 && (c.variance - variance).abs() < 6e-4, "{scale}: {c:?}");
        }
        let c = closed_form(10, 8.0).unwrap();
        assert!((c.bias - 0.00027).abs() < 6e-6 && (c.variance - 0.0033).abs() < 6e-5, "{c:?}");
        // For large s' it is 2 - 2 ln(s' - 1) / s'. At 14 that is 1.634, where an earlier calculation had 1.60.
        for (scale, ratio) in [(4.0, 1.32), (8.0, 1.51), (14.0, 2.0 - 2.0 * 13.0_f64.ln() / 14.0)] {
            let found = closed_form(2, scale).unwrap().log_ratio();
            assert!((found - ratio).abs() < 6e-3, "{scale}: {found}");
        }
    }

    #[test]
    fn quadrature_closed_form_and_simulation_agree() {
        for scale in [0.1, 1.0, 3.0, 10.0] {
            let (a, b) = (closed_form(2, scale).unwrap(), closed_form_binary(scale).unwrap());
            assert!((a.bias / b.bias - 1.0).abs() < 1e-8, "{scale}: {a:?} {b:?}");
            assert!((a.variance / b.variance - 1.0).abs() < 1e-7, "{scale}: {a:?} {b:?}");
        }
        for (classes, scale) in [(2, 2.0), (10, 3.0), (100, 5.0)] {
            let c = closed_form(classes, scale).unwrap();
            let s = simulate(classes, scale, 200_000, Seed::new(1)).unwrap();
            assert!((c.bias - s.bias).abs() < 3e-3 && (c.variance - s.variance).abs() < 3e-3, "{c:?} {s:?}");
        }
        // Without a label's corner every class is alike.
        assert!((closed_form(4, 0.0).unwrap().bias - 0.75).abs() < 1e-12);
    }

    #[test]
    fn rules_are_named() {
        assert!(closed_form(1, 1.0).unwrap_err().to_string().starts_with("classes = 1"));
        assert!(closed_form(3, -1.0).unwrap_err().to_string().starts_with("scale = -1"));
        assert!(closed_form_binary(0.01).unwrap_err().to_string().starts_with("scale = 0.01"));
    }
}
