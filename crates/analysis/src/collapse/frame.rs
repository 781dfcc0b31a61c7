//! Whether logits are a simplex frame with noise, and of what law.

use crate::error::{AnalysisError, require, require_labels, require_shape};
use ndarray::ArrayView2;
use rand_distr::{Distribution, Exp1, StandardNormal};
use serde::Serialize;
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_core_tensor::stats::{Estimate, paired_bootstrap, pearson};

/// Quantiles that are compared.
const QUANTILES: usize = 199;
/// Points drawn for the quantiles of a law.
const REFERENCE: usize = 100_000;
/// Draws behind an interval.
const DRAWS: usize = 400;

/// A law of noise whose mean over classes is taken away, as that of logits is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Gumbel's.
    Gumbel,
    /// Gauss's.
    Gaussian,
}

/// How well residuals follow a law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuantileFit {
    /// Correlation of the residuals' quantiles with the law's, with a bootstrap interval over points: 1 for that law at any scale.
    pub correlation: Estimate,
    /// Largest distance of the two distribution functions at one standard deviation (Kolmogorov and Smirnov's).
    pub distance: f64,
    /// Pairs of quantiles: the law's, the residuals', both at standard deviation one.
    pub quantiles: Vec<(f64, f64)>,
}

/// Logits as `z = s w_y + v`, with the frame `w_y = sqrt(K/(K-1)) (e_y - 1/K)`, after their mean over classes is taken away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameFit {
    /// s, by least squares.
    pub scale: f64,
    /// Share of the logits' squares that the frame explains.
    pub explained: f64,
    /// Standard deviation of the residuals v.
    pub noise: f64,
    /// Against Gumbel's law.
    pub gumbel: QuantileFit,
    /// Against Gauss's law.
    pub gaussian: QuantileFit,
    /// Correlation under Gumbel minus that under Gauss, on the same points: positive favours Gumbel.
    pub difference: Estimate,
}

impl FrameFit {
    /// Fits logits `[n, K]`.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use rand_distr::{Distribution, StandardNormal};
    /// use tenfold_analysis::collapse::FrameFit;
    /// use tenfold_core_tensor::seed::Seed;
    ///
    /// // Corners of the frame, ten times as long as the noise, which is Gaussian.
    /// let mut rng = Seed::new(1).rng();
    /// let labels: Vec<usize> = (0..500).map(|i| i % 4).collect();
    /// let z = Array2::from_shape_fn((500, 4), |(i, k)| {
    ///     let noise: f32 = StandardNormal.sample(&mut rng);
    ///     noise + if labels[i] == k { 10.0 } else { 0.0 }
    /// });
    /// let fit = FrameFit::of(z.view(), &labels)?;
    /// // 10 (e_y - 1/4) = 10 sqrt(3/4) w_y.
    /// assert!((fit.scale - 10.0 * 0.75_f64.sqrt()).abs() < 0.2);
    /// assert!(fit.difference.hi < 0.0 && fit.gaussian.correlation.value > 0.995);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than twenty points or two classes, labels that do not fit, or a logit that is not finite.
    pub fn of(logits: ArrayView2<f32>, labels: &[usize]) -> Result<Self, AnalysisError> {
        let (n, classes) = logits.dim();
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        require(n >= 20, "points", n, "must be at least 20")?;
        require_shape("logits and labels", &[n], &[labels.len()], "one label for each point")?;
        require_labels(labels, classes)?;
        if let Some(((point, class), &value)) = logits.indexed_iter().find(|(_, z)| !z.is_finite()) {
            return Err(AnalysisError::Value { model: 0, point, class, value, rule: "must be a finite number" });
        }
        let k = classes as f64;
        let length = (k / (k - 1.0)).sqrt();
        let corner = |label: usize, class: usize| length * (f64::from(u8::from(label == class)) - 1.0 / k);
        let centred: Vec<Vec<f64>> = logits
            .outer_iter()
            .map(|row| {
                let mean = row.iter().map(|z| f64::from(*z)).sum::<f64>() / k;
                row.iter().map(|z| f64::from(*z) - mean).collect()
            })
            .collect();
        let rows = || centred.iter().zip(labels);
        // The corners have length one.
        let along =
            |(row, &label): (&Vec<f64>, &usize)| row.iter().enumerate().map(|(c, z)| z * corner(label, c)).sum::<f64>();
        let scale = rows().map(along).sum::<f64>() / n as f64;
        let residuals: Vec<Vec<f64>> = rows()
            .map(|(row, &label)| row.iter().enumerate().map(|(c, z)| z - scale * corner(label, c)).collect())
            .collect();
        let squares = |rows: &[Vec<f64>]| rows.iter().flatten().map(|v| v * v).sum::<f64>();
        let (left, all) = (squares(&residuals), squares(&centred));
        require(left > 0.0, "logits", "without noise", "residuals of the frame must have a spread")?;
        let laws = [Law::Gumbel, Law::Gaussian].map(|law| law.quantiles(classes));
        let correlation = |reference: &[f64], picked: &[usize]| -> f64 {
            let mut values: Vec<f64> = picked.iter().flat_map(|&i| residuals[i].iter().copied()).collect();
            values.sort_unstable_by(f64::total_cmp);
            pearson(reference, &at_quantiles(&values)).unwrap_or(f64::NAN)
        };
        let seed = Seed::new(0).named("frame");
        let mut fits = Vec::with_capacity(2);
        for law in [Law::Gumbel, Law::Gaussian] {
            let reference = &laws[law as usize];
            let correlation = paired_bootstrap(n, DRAWS, seed, |picked| correlation(reference, picked))?;
            let mut values: Vec<f64> = residuals.iter().flatten().copied().collect();
            values.sort_unstable_by(f64::total_cmp);
            let (seen, deviation) = (at_quantiles(&values), (left / (n * classes) as f64).sqrt());
            let quantiles: Vec<(f64, f64)> = reference.iter().zip(&seen).map(|(r, s)| (*r, s / deviation)).collect();
            let distance = distance(&law.sample(classes), &values, deviation);
            fits.push(QuantileFit { correlation, distance, quantiles });
        }
        let difference =
            paired_bootstrap(n, DRAWS, seed, |picked| correlation(&laws[0], picked) - correlation(&laws[1], picked))?;
        let gaussian = fits.pop().expect("two laws");
        let gumbel = fits.pop().expect("two laws");
        let noise = (left / (n * classes) as f64).sqrt();
        Ok(Self { scale, explained: 1.0 - left / all, noise, gumbel, gaussian, difference })
    }
}

impl Law {
    fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Gumbel => {
                let e: f64 = Exp1.sample(rng);
                -e.ln()
            }
            Self::Gaussian => StandardNormal.sample(rng),
        }
    }

    /// Noise of K classes without its mean over them, sorted, at standard deviation one.
    fn sample(self, classes: usize) -> Vec<f64> {
        let mut rng = Seed::new(0).named("law").child(self as u64).rng();
        let mut values = Vec::with_capacity(REFERENCE);
        while values.len() < REFERENCE {
            let row: Vec<f64> = (0..classes).map(|_| self.draw(&mut rng)).collect();
            let mean = row.iter().sum::<f64>() / classes as f64;
            values.extend(row.iter().map(|v| v - mean));
        }
        let deviation = (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt();
        values.iter_mut().for_each(|v| *v /= deviation);
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    fn quantiles(self, classes: usize) -> Vec<f64> {
        at_quantiles(&self.sample(classes))
    }
}

/// The quantiles 1/200, 2/200, ... of sorted values.
fn at_quantiles(sorted: &[f64]) -> Vec<f64> {
    let at = |q: usize| q as f64 / (QUANTILES + 1) as f64;
    (1..=QUANTILES).map(|q| tenfold_core_tensor::stats::quantile_of_sorted(sorted, at(q))).collect()
}

/// The largest distance between the distribution functions of a law's sample and of values with this deviation, both sorted.
fn distance(law: &[f64], values: &[f64], deviation: f64) -> f64 {
    let below = |v: f64| law.partition_point(|l| *l <= v) as f64 / law.len() as f64;
    let n = values.len() as f64;
    let at = |(i, v): (usize, &f64)| {
        let f = below(v / deviation);
        (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
    };
    values.iter().enumerate().map(at).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn gumbel_noise_is_told_from_gaussian() {
        let mut rng = Seed::new(3).rng();
        let labels: Vec<usize> = (0..400).map(|i| i % 5).collect();
        let z = Array2::from_shape_fn((400, 5), |(i, k)| {
            let noise = Law::Gumbel.draw(&mut rng) as f32;
            2.0 * noise + if labels[i] == k { 8.0 } else { 1.0 }
        });
        let fit = FrameFit::of(z.view(), &labels).unwrap();
        assert!(fit.difference.lo > 0.0, "{:?}", fit.difference);
        assert!(fit.gumbel.distance < fit.gaussian.distance);
        assert!((fit.scale - 7.0 * 0.8_f64.sqrt()).abs() < 0.4, "{}", fit.scale);
        // Noise without its mean over five classes has 4/5 of Gumbel's variance, pi^2/6.
        let expected = 2.0 * (0.8_f64 * std::f64::consts::PI.powi(2) / 6.0).sqrt();
        assert!((fit.noise / expected - 1.0).abs() < 0.1, "{}", fit.noise);
    }

    #[test]
    fn exact_corners_have_no_law() {
        let z = Array2::from_shape_fn((30, 3), |(i, k)| if i % 3 == k { 1.0 } else { 0.0 });
        let labels: Vec<usize> = (0..30).map(|i| i % 3).collect();
        let error = FrameFit::of(z.view(), &labels);
        // Rounding may leave a spread of 1e-16; then the fit explains everything.
        assert!(error.is_err() || error.unwrap().explained > 1.0 - 1e-12);
    }
}
