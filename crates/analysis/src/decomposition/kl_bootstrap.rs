//! The bootstrap over models of the cross-entropy.

use super::bootstrap::{BootstrapAverages, check_draws};
use super::draws::{Draws, weights};
use super::kl::{KlDecomposition, logarithms, of_means};
use crate::error::{AnalysisError, require};
use crate::predictions::{Block, OneByOne, PerPoint, add};
use ndarray::ArrayView3;
use tenfold_core_tensor::seed::Seed;

/// Ensembles drawn with replacement from the models of a [`KlDecomposition`], and what each makes of every point.
///
/// A draw takes model t `w_t` times, N in all; its geometric mean has the logarithms `sum_t w_t log h_t / N`. Its variance, which
/// counts a model that is drawn twice as two that agree, is widened by `1 / (1 - sum_t w_t^2 / N^2)` for averages: exact to first
/// order, where the divergence is a square.
///
/// The predictions are read a second time, in the same order.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{KlBootstrap, KlDecomposition, Randomness, Scale};
/// use tenfold_core_tensor::seed::Seed;
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((20, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
/// let found = KlDecomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
/// let mut bootstrap = KlBootstrap::new(&found, 200, Seed::new(1))?;
/// bootstrap.add(z.view(), &[0; 50])?;
/// let averages = bootstrap.averages()?;
/// assert!(averages.variance.over_models.lo < averages.variance.over_models.hi);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KlBootstrap<'a> {
    pub(crate) found: &'a KlDecomposition,
    /// `w_t`, draws of N.
    weights: Vec<f64>,
    draws: usize,
    seed: Seed,
    /// Plug-in bias and variance, points of draws.
    pairs: Vec<[f64; 2]>,
}

impl<'a> KlBootstrap<'a> {
    /// Draws ensembles, without points yet.
    ///
    /// # Errors
    /// Fewer than [`FEWEST_DRAWS`](crate::FEWEST_DRAWS), more than [`MOST_DRAWS`](crate::MOST_DRAWS), or more than 2^28 draws times
    /// points.
    pub fn new(found: &'a KlDecomposition, draws: usize, seed: Seed) -> Result<Self, AnalysisError> {
        check_draws(draws, found.points.len(), 2)?;
        Ok(Self { found, weights: weights(found.models, draws, seed), draws, seed, pairs: Vec::new() })
    }

    /// Adds a block of points, `[N, points, C]`, the next of those that were decomposed. A block with an error adds nothing.
    ///
    /// # Errors
    /// As [`KlDecomposition::add`], and more points than were decomposed or another label.
    pub fn add(&mut self, block: ArrayView3<f32>, labels: &[usize]) -> Result<(), AnalysisError> {
        let first = self.pairs.len() / self.draws;
        add(self, block, labels, first)
    }

    /// What was drawn, once all points were added.
    pub(crate) fn draws(&self) -> Result<Draws, AnalysisError> {
        let (points, all) = (self.pairs.len() / self.draws, self.found.points.len());
        require(points == all && points >= 2, "points", points, format!("must be all {all} that were decomposed"))?;
        Ok(Draws { count: self.draws, points, models: self.found.models, seed: self.seed })
    }

    /// Bias and variance of a point in a draw.
    pub(crate) fn pair(&self, draw: usize, i: usize, corrected: bool) -> (f64, f64) {
        let [bias, variance] = self.pairs[i * self.draws + draw];
        if !corrected {
            return (bias, variance);
        }
        let n = self.found.models as f64;
        let squares: f64 = self.weights[draw * self.found.models..][..self.found.models].iter().map(|w| w * w).sum();
        let wider = variance / (1.0 - squares / (n * n));
        (bias + variance - wider, wider)
    }

    /// Percentile intervals of averages over all points.
    ///
    /// # Errors
    /// Points that were not added yet.
    pub fn averages(&self) -> Result<BootstrapAverages, AnalysisError> {
        let points = &self.found.points;
        let whole: [Vec<f64>; 3] = [
            points.iter().map(|p| p.corrected_bias).collect(),
            points.iter().map(|p| p.corrected_variance).collect(),
            points.iter().map(|p| p.loss).collect(),
        ];
        let [bias, variance, loss] = self.draws()?.averages(&whole, |draw, i| self.pair(draw, i, true));
        Ok(BootstrapAverages { randomness: self.found.randomness, bias, variance, loss })
    }
}

impl PerPoint for KlBootstrap<'_> {
    type Found = Vec<[f64; 2]>;

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        let (models, (scale, classes)) = (self.found.models, self.found.reading());
        block.require(models, classes)?;
        let mut rows = OneByOne::default();
        let mut found = Vec::with_capacity(block.len() * self.draws);
        let mut mean = vec![0.0; classes];
        for i in 0..block.len() {
            let (label, point) = (block.label(i), block.number(i));
            let same = self.found.points.get(point).is_some_and(|p| p.label == label);
            require(same, "labels", format!("{label} of point {point}"), "must be those of the decomposition")?;
            let (logs, _) = logarithms(scale, block, i, &mut rows)?;
            for weights in self.weights.chunks_exact(models) {
                mean.fill(0.0);
                for (w, logs) in weights.iter().zip(logs.chunks_exact(classes)).filter(|(w, _)| **w > 0.0) {
                    mean.iter_mut().zip(logs).for_each(|(m, l)| *m += w * l);
                }
                let [bias, variance, _] = of_means(mean.iter().map(|m| m / models as f64), label);
                found.push([bias, variance]);
            }
        }
        Ok(found)
    }

    fn keep(&mut self, found: Self::Found) {
        self.pairs.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{Randomness, Scale};
    use ndarray::{Array3, Axis};
    use rand_distr::{Distribution, StandardNormal};

    fn decomposed(models: usize, points: usize) -> (Array3<f32>, Vec<usize>, KlDecomposition) {
        let mut rng = Seed::new(8).rng();
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let centre: Vec<f32> = (0..points * 3).map(|_| 2.0 * draw()).collect();
        let z = Array3::from_shape_fn((models, points, 3), |(_, i, k)| centre[i * 3 + k] + 0.7 * draw());
        let y: Vec<usize> = (0..points).map(|i| i % 3).collect();
        let found = KlDecomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
        (z, y, found)
    }

    #[test]
    fn a_draw_is_the_decomposition_of_the_models_drawn() {
        let (z, y, found) = decomposed(5, 6);
        let mut bootstrap = KlBootstrap::new(&found, 200, Seed::new(3)).unwrap();
        bootstrap.add(z.view(), &y).unwrap();
        for draw in 0..20 {
            let weights = &bootstrap.weights[draw * 5..][..5];
            let drawn: Vec<usize> = (0..5).flat_map(|t| vec![t; weights[t] as usize]).collect();
            let of = KlDecomposition::of(z.select(Axis(0), &drawn).view(), &y, Scale::logits(), Randomness::Seed);
            for (i, p) in of.unwrap().points.iter().enumerate() {
                let (bias, variance) = bootstrap.pair(draw, i, false);
                assert!((bias - p.bias).abs() < 1e-12 && (variance - p.variance).abs() < 1e-12, "{draw} {i}");
            }
        }
    }

    #[test]
    fn intervals_agree_with_the_jackknife_and_other_points_are_refused() {
        let (z, y, found) = decomposed(30, 200);
        let mut bootstrap = KlBootstrap::new(&found, 600, Seed::new(4)).unwrap();
        let early = bootstrap.averages().unwrap_err().to_string();
        assert!(early.starts_with("points = 0: must be all 200"), "{early}");
        bootstrap.add(z.view(), &y).unwrap();
        let (ours, [bias, variance]) = (bootstrap.averages().unwrap(), found.averages().unwrap());
        for (ours, theirs) in [(ours.bias, bias), (ours.variance, variance)] {
            for (a, b) in [(ours.over_models, theirs.over_models), (ours.over_both, theirs.over_both)] {
                assert!((a.value - b.value).abs() < 1e-12 && (a.se / b.se - 1.0).abs() < 0.25, "{a:?} {b:?}");
                assert!(a.lo < a.value && a.value < a.hi, "{a:?}");
            }
        }
        let error = bootstrap.add(z.view(), &y).unwrap_err().to_string();
        assert!(error.contains("must be those of the decomposition"), "{error}");
    }
}
