//! What alignment independent noise makes by itself.
//!
//! Let `p_wrong = sigmoid(-z)` with `z ~ N(mu_i, tau^2)`, independent over models, one tau for all points. Then for confident
//! points `Bias^2 / Var -> 1 / (exp(tau^2) - 1)` whatever mu_i is: slope one by construction. A slope near one says nothing; what
//! differs from this says something. (Derived in this project, not in the paper.)

use crate::alignment::{Alignment, Fit, Selection, fit, selected};
use crate::decomposition::Decomposition;
use crate::error::{AnalysisError, require};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal, Uniform};
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_core_tensor::stats::{Estimate, mean, quantile_of_sorted, variance};

/// The null of some points, and what was observed against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Null {
    /// The noise of the logits, from the points' own: the root of their mean variance over models.
    pub tau: f64,
    /// `log (1 / (exp(tau^2) - 1))`, the log-ratio that the law has in the limit of confident points and many models.
    pub limit: f64,
    /// Ensembles that were drawn.
    pub draws: usize,
    /// Of each statistic: mean, 2.5 % and 97.5 % points over the draws.
    pub drawn: Fit<Drawn>,
    /// Of each statistic: what was observed minus the null's mean, with the interval of the observation over models.
    pub beyond: Fit<Estimate>,
    /// Bias^2 and variance of the points in the first draw, to be shown beside the observed ones.
    #[serde(skip)]
    pub example: Vec<(f64, f64)>,
}

/// A statistic under the null.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawn {
    /// Its mean.
    pub mean: f64,
    /// Its 2.5 % point.
    pub lo: f64,
    /// Its 97.5 % point.
    pub hi: f64,
}

impl Null {
    /// Draws ensembles like the observed one but for one thing: the margins `log p_y - log (1 - p_y)` of every point have noise of
    /// one size, independent over models. Each point keeps its mean margin, and the way its mean model spreads the error over
    /// the wrong classes.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use tenfold_analysis::{Alignment, Decomposition, Null, Randomness, Scale, Selection};
    /// use tenfold_core_tensor::seed::Seed;
    ///
    /// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
    /// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
    /// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
    /// let alignment = Alignment::of(&found, Selection::default())?;
    /// let null = Null::of(&found, &alignment, 200, Seed::new(1))?;
    /// // Slope one is what the null has too.
    /// assert!((null.drawn.slope.mean - 1.0).abs() < 0.1 && null.tau < 0.4);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than 200 draws, a margin that is not finite (a probability of exactly 0 or 1), or draws without spread.
    pub fn of(found: &Decomposition, observed: &Alignment, draws: usize, seed: Seed) -> Result<Self, AnalysisError> {
        require(draws >= 200, "draws", draws, "must be at least 200")?;
        let points = selected(found, observed.selection);
        let of = |i: &usize| &found.points()[*i];
        let finite = points.iter().filter(|i| of(i).margin.is_finite() && of(i).margin_variance.is_finite());
        let points: Vec<usize> = finite.copied().collect();
        require(points.len() >= 3, "points", points.len(), "at least 3 must have finite margins")?;
        let variances: Vec<f64> = points.iter().map(|i| of(i).margin_variance).collect();
        let tau = mean(&variances).sqrt();
        let models = found.models();
        let draw = |b: u64| -> Vec<(f64, f64)> {
            let mut rng = seed.named("null").child(b).rng();
            let noisy = |i: &usize| {
                let point = of(i);
                let (b, v) = noisy(point.margin, tau, models, &mut rng);
                pair(b, v, point.spread, models, observed.selection)
            };
            points.iter().map(noisy).collect()
        };
        let fits =
            (0..draws as u64).into_par_iter().map(|b| fit(&draw(b))).collect::<Result<Vec<_>, AnalysisError>>()?;
        let column = |k: usize| -> Vec<f64> { fits.iter().map(|fit| fit.values()[k]).collect() };
        let drawn: [Drawn; 10] = std::array::from_fn(|k| {
            let mut values = column(k);
            values.sort_unstable_by(f64::total_cmp);
            let [lo, hi] = [0.025, 0.975].map(|q| quantile_of_sorted(&values, q));
            Drawn { mean: mean(&values), lo, hi }
        });
        let seen = observed.fit.values();
        let beyond = std::array::from_fn(|k| {
            // The null's own mean is known to the error of its draws.
            let of_draws = variance(&column(k)) / draws as f64;
            let se = seen[k].se.hypot(of_draws.sqrt());
            Estimate::from_t(seen[k].value - drawn[k].mean, se, (models - 1) as f64, models)
        });
        Ok(Self {
            tau,
            limit: -(tau * tau).exp_m1().ln(),
            draws,
            drawn: Fit::from_values(drawn),
            beyond: Fit::from_values(beyond),
            example: draw(0),
        })
    }
}

/// Statistics of the null of the specification, on its own points: mean margins uniform from 0.5 to 12, correct or not.
///
/// ```
/// use tenfold_analysis::uniform_null;
/// use tenfold_core_tensor::seed::Seed;
/// let f = uniform_null(0.83, 50, 5_000, false, Seed::new(1))?;
/// assert!((f.slope - 1.04).abs() < 0.02 && (f.r_squared - 0.995).abs() < 0.004);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// Fewer than two models or three points.
pub fn uniform_null(
    tau: f64,
    models: usize,
    points: usize,
    unbiased: bool,
    seed: Seed,
) -> Result<Fit<f64>, AnalysisError> {
    require(models >= 2, "models", models, "must be at least 2")?;
    let mut rng = seed.named("uniform-null").rng();
    let margins = Uniform::new(0.5, 12.0).expect("a range");
    let selection = Selection { unbiased, ..Selection::default() };
    let pairs: Vec<(f64, f64)> = (0..points)
        .map(|_| {
            let mu = rng.sample(margins);
            let (b, v) = noisy(mu, tau, models, &mut rng);
            pair(b, v, 1.0, models, selection)
        })
        .collect();
    fit(&pairs)
}

/// Squared mean and plug-in variance of `sigmoid(-z)`, `z ~ N(mu, tau^2)`, over so many models.
fn noisy(mu: f64, tau: f64, models: usize, rng: &mut Rng) -> (f64, f64) {
    let wrong: Vec<f64> = (0..models)
        .map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            1.0 / (1.0 + (mu + tau * z).exp())
        })
        .collect();
    let centre = mean(&wrong);
    (centre * centre, wrong.iter().map(|p| (p - centre).powi(2)).sum::<f64>() / models as f64)
}

fn pair(b: f64, v: f64, spread: f64, models: usize, selection: Selection) -> (f64, f64) {
    let n = models as f64;
    let (b, v) = (b * spread, v * spread);
    if selection.unbiased { (b - v / (n - 1.0), v * n / (n - 1.0)) } else { (b, v) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Randomness, Scale};
    use ndarray::Array3;

    #[test]
    fn the_table_of_the_specification() {
        // tau, N, slope, R^2, median log ratio plug-in, unbiased.
        let rows = [
            (0.5, 5, 1.00, 0.984, 1.98, 1.72),
            (0.5, 50, 1.02, 0.997, 1.44, 1.41),
            (0.83, 5, 1.00, 0.984, 1.06, 0.75),
            (0.83, 50, 1.04, 0.995, 0.37, 0.33),
            (1.5, 5, 1.00, 0.985, 0.17, -0.29),
            (1.5, 50, 1.06, 0.988, -0.83, -0.90),
        ];
        for (tau, models, slope, r_squared, plug_in, unbiased) in rows {
            let f = uniform_null(tau, models, 5_000, false, Seed::new(3)).unwrap();
            assert!((f.slope - slope).abs() < 0.02, "{tau} {models}: slope {}", f.slope);
            assert!((f.r_squared - r_squared).abs() < 0.006, "{tau} {models}: R^2 {}", f.r_squared);
            assert!((f.log_ratio - plug_in).abs() < 0.08, "{tau} {models}: {}", f.log_ratio);
            let f = uniform_null(tau, models, 5_000, true, Seed::new(3)).unwrap();
            assert!((f.log_ratio - unbiased).abs() < 0.09, "{tau} {models}: unbiased {}", f.log_ratio);
        }
    }

    #[test]
    fn an_ensemble_made_by_the_null_is_not_beyond_it() {
        let mut rng = Seed::new(9).rng();
        let (models, points) = (10, 800);
        let centre: Vec<f64> = (0..points).map(|_| rng.random_range(1.0..8.0)).collect();
        let mut draw = |i: usize| -> f64 { centre[i] + 0.8 * rng.sample::<f64, _>(StandardNormal) };
        let z = Array3::from_shape_fn((models, points, 2), |(_, i, k)| if k == 0 { draw(i) as f32 } else { 0.0 });
        let found = Decomposition::of(z.view(), &vec![0; points], Scale::logits(), Randomness::Seed).unwrap();
        let observed = Alignment::of(&found, Selection::default()).unwrap();
        let null = Null::of(&found, &observed, 200, Seed::new(2)).unwrap();
        assert!((null.tau - 0.8).abs() < 0.03, "{}", null.tau);
        for (name, beyond) in Fit::<Estimate>::NAMES.iter().zip(null.beyond.values()) {
            assert!(beyond.value.abs() < 4.0 * beyond.se + 0.02, "{name}: {beyond:?}");
        }
    }
}
