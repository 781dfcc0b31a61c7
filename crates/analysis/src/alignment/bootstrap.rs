//! The statistics of an alignment, with intervals from ensembles that were drawn anew.

use super::fit::{Fit, fit_of};
use super::jackknife::Alignment;
use crate::decomposition::{Draws, KlBootstrap, ModelBootstrap, Selection};
use crate::error::AnalysisError;
use rayon::prelude::*;
use tenfold_core_tensor::stats::{Estimate, StatsError};

/// Draws that may have no line through their points.
const LOST: f64 = 0.1;

impl ModelBootstrap<'_> {
    /// Percentile intervals of the statistics of [`Alignment`], over models.
    ///
    /// The points are those that the whole ensemble selects. A draw has fewer than N different models, hence less plug-in variance
    /// and more plug-in bias, which would put all percentiles beside the statistic. Plug-in estimates of a draw are therefore
    /// made from its unbiased ones, as N different models would have them: `v = v_u (N - 1) / N`, `b = b_u + v_u / N`.
    ///
    /// # Errors
    /// Points that were not added yet, or draws without a line: all of their points without variance.
    pub fn fit(&self, selection: Selection) -> Result<Fit<Estimate>, AnalysisError> {
        let draws = self.draws()?;
        let whole = Alignment::of(self.found, selection)?;
        let n = self.found.models() as f64;
        draws.fit(&whole, |draw, i| {
            let (bias, variance) = self.pair(draw, i, true);
            if selection.unbiased { (bias, variance) } else { (bias + variance / n, variance * (n - 1.0) / n) }
        })
    }
}

impl KlBootstrap<'_> {
    /// Percentile intervals of the statistics of [`Alignment`], over models, plug-in: with the variance that N different models would
    /// have, to first order, as [`ModelBootstrap::fit`](crate::ModelBootstrap::fit).
    ///
    /// # Errors
    /// Points that were not added yet, unbiased estimates, or draws without a line.
    pub fn fit(&self, selection: Selection) -> Result<Fit<Estimate>, AnalysisError> {
        let draws = self.draws()?;
        let n = self.found.models as f64;
        draws.fit(&Alignment::of(self.found, selection)?, |draw, i| {
            let (bias, variance) = self.pair(draw, i, true);
            (bias + variance / n, variance * (n - 1.0) / n)
        })
    }
}

impl Draws {
    /// The statistics of an alignment, on its points.
    ///
    /// # Errors
    /// Draws without a line.
    fn fit(
        &self,
        whole: &Alignment,
        pair: impl Fn(usize, usize) -> (f64, f64) + Sync,
    ) -> Result<Fit<Estimate>, AnalysisError> {
        let of_draw = |draw: usize| fit_of(&whole.at.iter().map(|&i| pair(draw, i)).collect::<Vec<(f64, f64)>>()).ok();
        let fits: Vec<Fit<f64>> = (0..self.count).into_par_iter().filter_map(of_draw).collect();
        let lost = self.count - fits.len();
        if lost as f64 > LOST * self.count as f64 {
            return Err(StatsError::TooFew { statistic: "draws with a line", n: fits.len(), least: self.count }.into());
        }
        Ok(Fit::each(|statistic| {
            self.estimate(whole.whole.get(statistic), fits.iter().map(|fit| fit.get(statistic)).collect())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decomposition::{Decomposition, KlDecomposition};
    use crate::predictions::{Randomness, Scale};
    use ndarray::Array3;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::seed::Seed;

    fn logits(models: usize, points: usize, seed: u64) -> (Array3<f32>, Vec<usize>) {
        let mut rng = Seed::new(seed).rng();
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let centre: Vec<f32> = (0..points * 3).map(|_| 3.0 * draw()).collect();
        let z = Array3::from_shape_fn((models, points, 3), |(_, i, k)| centre[i * 3 + k] + draw());
        (z, (0..points).map(|i| i % 3).collect())
    }

    fn decomposed(z: &Array3<f32>, y: &[usize]) -> Decomposition {
        Decomposition::of(z.view(), y, Scale::logits(), Randomness::Seed).unwrap()
    }

    #[test]
    fn intervals_agree_with_the_jackknife() {
        let (z, y) = logits(30, 200, 2);
        let found = decomposed(&z, &y);
        let mut bootstrap = ModelBootstrap::new(&found, 1000, Seed::new(4)).unwrap();
        bootstrap.add(z.view(), &y).unwrap();
        let ours = bootstrap.fit(Selection::default()).unwrap();
        let theirs = Alignment::of(&found, Selection::default()).unwrap().fit;
        assert!((0.6..1.6).contains(&(ours.slope.se / theirs.slope.se)), "{:?} {:?}", ours.slope, theirs.slope);
        assert!(ours.r_squared.hi <= 1.0 && ours.r_squared.lo < ours.r_squared.hi);
        // Draws have no less variance than the models have: what they say lies about the statistic.
        for (ours, theirs) in [(ours.slope, theirs.slope), (ours.log_ratio, theirs.log_ratio)] {
            assert!(ours.lo < theirs.value && theirs.value < ours.hi, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn intervals_of_the_cross_entropy_agree_with_the_jackknife() {
        let mut rng = Seed::new(8).rng();
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let centre: Vec<f32> = (0..200 * 3).map(|_| 2.0 * draw()).collect();
        let z = Array3::from_shape_fn((30, 200, 3), |(_, i, k)| centre[i * 3 + k] + 0.7 * draw());
        let y: Vec<usize> = (0..200).map(|i| i % 3).collect();
        let found = KlDecomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
        let mut bootstrap = KlBootstrap::new(&found, 600, Seed::new(4)).unwrap();
        bootstrap.add(z.view(), &y).unwrap();
        let seen = Alignment::of(&found, Selection::default()).unwrap();
        let drawn = bootstrap.fit(Selection::default()).unwrap();
        for (a, b) in [(drawn.slope, seen.fit.slope), (drawn.log_ratio, seen.fit.log_ratio)] {
            assert!(a.lo < b.value && b.value < a.hi && (a.se / b.se - 1.0).abs() < 0.5, "{a:?} {b:?}");
        }
    }
}
