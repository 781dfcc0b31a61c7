//! The paper's linear setting, where every term of the risk can be computed.
//!
//! Inputs have identity covariance in `R^d`, `y = <theta*, x>` with `|theta*| = 1`, and the base model is least squares
//! under `|theta| <= L` with `L < 1`: too weak to fit. Its residuals are corrected by those of the nearest training point
//! `x~`, whence `F(x) - <theta*, x> = <theta_n - theta*, x - x~>` exactly, and with `theta_inf = L theta*`
//!
//! `risk <= 2 (T1 + T2)`, `T1 = E <theta_n - theta_inf, x - x~>^2`, `T2 = E <theta_inf - theta*, x - x~>^2`.

use crate::error::ResmemError;
use crate::linalg::solve_positive_definite;
use crate::memory::check_rows;
use crate::params::positive;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use statrs::function::gamma::gamma;
use tenfold_core_tensor::ops::nearest::{Metric, nearest};

/// Halvings of the interval of the multiplier: more than a double has bits.
const BISECTIONS: usize = 128;

/// `argmin |X theta - y|^2 / n` over `|theta| <= bound`, for `x` `[n, d]` and `y` `[n]`.
///
/// Where plain least squares is too long, `theta(mu) = (X'X/n + mu I)^-1 X'y/n` for the multiplier `mu > 0` at which
/// `|theta(mu)| = bound`; the norm falls with `mu`, so bisection finds it to working precision.
///
/// ```
/// use ndarray::array;
/// use tenfold_resmem::theory::norm_constrained_least_squares;
/// // Orthogonal columns: the constraint shortens the solution (3, 4) to length 1.
/// let x = array![[1.0_f32, 0.0], [0.0, 1.0]];
/// let theta = norm_constrained_least_squares(x.view(), array![3.0, 4.0].view(), 1.0)?;
/// assert!((theta[0] - 0.6).abs() < 1e-12 && (theta[1] - 0.8).abs() < 1e-12);
/// # Ok::<(), tenfold_resmem::ResmemError>(())
/// ```
///
/// # Errors
/// A bound that is negative or not finite, no rows, shapes that do not agree, values that are not finite, fewer
/// independent rows than columns.
pub fn norm_constrained_least_squares(
    x: ArrayView2<f32>,
    y: ArrayView1<f64>,
    bound: f64,
) -> Result<Array1<f64>, ResmemError> {
    if !(bound.is_finite() && bound >= 0.0) {
        return Err(ResmemError::parameter("bound", bound, "must be finite and at least 0"));
    }
    check_rows("inputs and targets", x.shape(), y.shape())?;
    if x.is_empty() {
        return Err(ResmemError::parameter("inputs", format!("{:?}", x.shape()), "must not be empty"));
    }
    if !(x.iter().all(|v| v.is_finite()) && y.iter().all(|v| v.is_finite())) {
        return Err(ResmemError::parameter("inputs and targets", "NaN or infinity", "must be finite"));
    }
    let (n, d) = (x.nrows() as f64, x.ncols());
    if bound == 0.0 {
        return Ok(Array1::zeros(d));
    }
    let x = x.mapv(f64::from);
    let gram = x.t().dot(&x) / n;
    let moment = (x.t().dot(&y) / n).insert_axis(Axis(1));
    let theta = |multiplier: f64| -> Result<Array1<f64>, ResmemError> {
        let shifted = &gram + &(Array2::<f64>::eye(d) * multiplier);
        match solve_positive_definite(&shifted, &moment) {
            Some(theta) => Ok(theta.remove_axis(Axis(1))),
            None => Err(ResmemError::parameter("inputs", format!("{n} rows"), "columns must be independent")),
        }
    };
    let free = theta(0.0)?;
    if norm(&free) <= bound {
        return Ok(free);
    }
    // |theta(mu)| <= |X'y/n| / mu, so this multiplier is large enough.
    let (mut low, mut high) = (0.0, moment.iter().map(|v| v * v).sum::<f64>().sqrt() / bound);
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if norm(&theta(middle)?) > bound { low = middle } else { high = middle }
    }
    theta(high)
}

fn norm(v: &Array1<f64>) -> f64 {
    v.dot(v).sqrt()
}

/// The terms of the risk on one test set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// `E <theta_n - theta*, x>^2`: the base model alone; about `(1 - L)^2`, however many training points.
    pub base: f64,
    /// The base model corrected by the mean residual of the `k` nearest training points.
    pub resmem: f64,
    /// kNN alone: the mean target of the `k` nearest training points.
    pub knn: f64,
    /// Estimation: `E <theta_n - L theta*, x - x~>^2`, with `x~` the nearest training point.
    pub t1: f64,
    /// What the base model cannot learn: `(1 - L)^2 E <theta*, x - x~>^2`.
    pub t2: f64,
}

/// Measures the risk against the noiseless target `<theta*, x>` on `test` (`[m, d]`), after fitting `train` (`[n, d]`)
/// with targets `y` (`[n]`, noisy if wished), with equal weights for the `k` nearest.
///
/// # Errors
/// As [`norm_constrained_least_squares`], `k` outside `1..=n`, widths that do not agree.
pub fn residual_knn_risk(
    train: ArrayView2<f32>,
    y: ArrayView1<f64>,
    test: ArrayView2<f32>,
    theta_star: ArrayView1<f64>,
    bound: f64,
    k: usize,
) -> Result<Risk, ResmemError> {
    let theta = norm_constrained_least_squares(train, y, bound)?;
    if theta_star.len() != theta.len() {
        return Err(ResmemError::Shape {
            what: "inputs and theta*",
            left: train.shape().to_vec(),
            right: theta_star.shape().to_vec(),
            rule: "widths must agree",
        });
    }
    let found = nearest(train, test, k, Metric::Euclidean)?;
    let (train, test) = (train.mapv(f64::from), test.mapv(f64::from));
    let targets = y.to_owned();
    let residuals = &targets - &train.dot(&theta);
    let (off, shortfall) = (&theta - &(&theta_star * bound), &theta_star * (bound - 1.0));
    let m = test.nrows() as f64;
    let mut risk = Risk { base: 0.0, resmem: 0.0, knn: 0.0, t1: 0.0, t2: 0.0 };
    for (x, rows) in test.outer_iter().zip(found.indices.outer_iter()) {
        let mean = |values: &Array1<f64>| rows.iter().map(|&i| values[i as usize]).sum::<f64>() / k as f64;
        let (truth, base) = (x.dot(&theta_star), x.dot(&theta));
        let step = &x - &train.row(rows[0] as usize);
        risk.base += (base - truth).powi(2) / m;
        risk.resmem += (base + mean(&residuals) - truth).powi(2) / m;
        risk.knn += (mean(&targets) - truth).powi(2) / m;
        risk.t1 += step.dot(&off).powi(2) / m;
        risk.t2 += step.dot(&shortfall).powi(2) / m;
    }
    Ok(risk)
}

/// The law of `T2` for `x` uniform on the ball of radius `sqrt(d + 2)`, ignoring its boundary:
/// `(1 - L)^2 ((d + 2) / d) Gamma(1 + 2/d) n^(-2/d)` (derived in the spec, section 4).
///
/// ```
/// use tenfold_resmem::theory::t2_law;
/// assert!((t2_law(4, 30_000, 0.5)? - 0.00192).abs() < 5e-6);
/// assert!((t2_law(8, 30_000, 0.5)? - 0.0215).abs() < 5e-5);
/// # Ok::<(), tenfold_resmem::ResmemError>(())
/// ```
///
/// # Errors
/// `d` or `n` of zero, a bound that is not finite.
pub fn t2_law(d: usize, n: usize, bound: f64) -> Result<f64, ResmemError> {
    positive("d", d as f64)?;
    positive("n", n as f64)?;
    if !bound.is_finite() {
        return Err(ResmemError::parameter("bound", bound, "must be finite"));
    }
    let d = d as f64;
    Ok((1.0 - bound).powi(2) * ((d + 2.0) / d) * gamma(1.0 + 2.0 / d) * (n as f64).powf(-2.0 / d))
}
