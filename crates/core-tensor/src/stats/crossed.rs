//! The mean of a table whose rows (seeds) and columns (test points) are both samples.

use super::estimate::{mean, variance};
use super::{Estimate, StatsError, need};
use ndarray::{ArrayView2, Axis};

/// The grand mean of `values[seed, point]` with an interval over **both** seeds and test points.
///
/// A few seeds that share one test set are not independent: a percentile bootstrap over three of them is no
/// interval, and a t interval over them leaves out the luck of the test set. Here the model is
/// `v_si = mu + a_s + b_i + e_si`, and with row means `r_s` (S of them) and column means `c_i` (n of them)
///
/// `se^2 = var(r)/S + var(c)/n`,
///
/// which counts `var(e)/(Sn)` twice and so errs on the wide side. The degrees of freedom are
/// Welch and Satterthwaite's, `se^4 / (g_r^2/(S-1) + g_c^2/(n-1))` with `g_r = var(r)/S`, `g_c = var(c)/n`.
/// The result's `n` is the number of seeds.
///
/// ```
/// use ndarray::array;
/// use tenfold_core_tensor::stats::crossed_interval;
/// // Gains of three seeds on four test points: fixed (1), broken (-1) or unchanged (0).
/// let gains = array![[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]];
/// let e = crossed_interval(gains.view())?;
/// assert_eq!(e.n, 3);
/// assert!((e.value - 5.0 / 12.0).abs() < 1e-12 && e.lo < 0.0);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two seeds or two points, or a value that is not finite.
pub fn crossed_interval(values: ArrayView2<f64>) -> Result<Estimate, StatsError> {
    let (seeds, points) = values.dim();
    need("crossed_interval (seeds)", seeds, 2)?;
    need("crossed_interval (points)", points, 2)?;
    if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(StatsError::NotFinite { statistic: "crossed_interval", index, value });
    }
    let rows: Vec<f64> = values.axis_iter(Axis(0)).map(|r| r.sum() / points as f64).collect();
    let columns: Vec<f64> = values.axis_iter(Axis(1)).map(|c| c.sum() / seeds as f64).collect();
    let of_seeds = variance(&rows) / seeds as f64;
    let of_points = variance(&columns) / points as f64;
    let total = of_seeds + of_points;
    let df = if total > 0.0 {
        total * total / (of_seeds * of_seeds / (seeds - 1) as f64 + of_points * of_points / (points - 1) as f64)
    } else {
        1.0
    };
    Ok(Estimate::from_t(mean(&rows), total.sqrt(), df, seeds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    fn draw(sd_seed: f64, sd_point: f64, sd_noise: f64, seed: Seed) -> Array2<f64> {
        let mut rng = seed.rng();
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let a: Vec<f64> = (0..3).map(|_| sd_seed * normal()).collect();
        let b: Vec<f64> = (0..50).map(|_| sd_point * normal()).collect();
        Array2::from_shape_fn((3, 50), |(s, i)| a[s] + b[i] + sd_noise * normal())
    }

    #[test]
    fn covers_at_least_as_often_as_it_says_whichever_component_rules() {
        for (k, (s, p, e)) in [(1.0, 0.1, 1.0), (0.01, 1.0, 0.5), (0.0, 0.0, 1.0), (0.2, 1.0, 1.0)].iter().enumerate() {
            let trials = 1500;
            let covered = (0..trials)
                .filter(|&t| {
                    let x = draw(*s, *p, *e, Seed::new(k as u64).child(t));
                    let i = crossed_interval(x.view()).unwrap();
                    i.lo <= 0.0 && 0.0 <= i.hi
                })
                .count() as f64
                / trials as f64;
            // Four binomial standard errors, and two points for the approximation of the degrees of freedom.
            let least = 0.95 - 0.02 - 4.0 * (0.95 * 0.05 / trials as f64).sqrt();
            assert!(covered > least, "case {k}: coverage {covered}");
        }
    }

    #[test]
    fn no_spread_gives_a_point() {
        let e = crossed_interval(Array2::from_elem((3, 4), 2.0).view()).unwrap();
        assert_eq!((e.value, e.lo, e.hi), (2.0, 2.0, 2.0));
    }

    #[test]
    fn one_seed_is_refused() {
        let error = crossed_interval(Array2::zeros((1, 4)).view()).unwrap_err();
        assert_eq!(error.to_string(), "crossed_interval (seeds): 1 observations, needs at least 2");
    }
}
