//! The bootstrap over models.

use super::average::Average;
use super::draws::{Draws, weights};
use super::squared::Decomposition;
use crate::error::{AnalysisError, require};
use crate::predictions::{Block, OneByOne, PerPoint, Randomness, add};
use ndarray::ArrayView3;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_kernels::eights::squares_of_sums;
use tenfold_kernels::simd::EIGHT;

/// Draws below which the ends of an interval are noise.
pub const FEWEST_DRAWS: usize = 200;
/// Most draws of a bootstrap or a null: the ends of an interval have three digits long before.
pub const MOST_DRAWS: usize = 100_000;
/// Most numbers that a bootstrap keeps, draws times points: 4 GiB of them.
const MOST_KEPT: usize = 1 << 29;

/// Refuses numbers of draws that make no interval, or more than there is memory for, `each` numbers for each draw and point.
pub(crate) fn check_draws(draws: usize, points: usize, each: usize) -> Result<(), AnalysisError> {
    require(draws >= FEWEST_DRAWS, "draws", draws, format!("must be at least {FEWEST_DRAWS}"))?;
    require(draws <= MOST_DRAWS, "draws", draws, format!("must be at most {MOST_DRAWS}"))?;
    let most = MOST_KEPT / each / points.max(1);
    require(
        draws <= most,
        "draws",
        draws,
        format!("must be at most {most} for {points} points, for whose draws there is memory"),
    )
}

/// Ensembles drawn with replacement from the models of a decomposition, and what each makes of every point.
///
/// A draw takes model t `w_t` times, N in all. With `e_t = d_t - d` and `delta = sum_t w_t e_t / N`,
///
/// ```text
/// Bias^2_w = ||d||^2 + 2 sum_t w_t <d, e_t> / N + ||delta||^2,   Var_w = sum_t w_t ||e_t||^2 / N - ||delta||^2,
/// ```
///
/// so that one number for each draw and point has to be kept. The unbiased estimates of a draw leave pairs of a model with itself
/// out: `(N^2 Bias^2_w - sum_t w_t^2 ||d_t||^2) / (N^2 - sum_t w_t^2)`; otherwise every model that is drawn twice would count as
/// two that agree.
///
/// The predictions are read a second time, in the same order. Twenty models are few for percentiles: compare with the jackknife's
/// intervals, which [`Decomposition::averages`] and [`Alignment::of`](crate::Alignment::of) give without a second reading.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Alignment, Decomposition, ModelBootstrap, Randomness, Scale, Selection};
/// use tenfold_core_tensor::seed::Seed;
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((20, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
/// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
/// let mut bootstrap = ModelBootstrap::new(&found, 200, Seed::new(1))?;
/// bootstrap.add(z.view(), &[0; 50])?;
/// let averages = bootstrap.averages()?;
/// assert!(averages.bias.over_models.lo < averages.bias.over_models.hi);
/// let fit = bootstrap.fit(Selection::default())?;
/// assert!(fit.r_squared.hi <= 1.0 && fit.slope.lo < fit.slope.value);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelBootstrap<'a> {
    pub(crate) found: &'a Decomposition,
    /// `w_t`, draws of N.
    weights: Vec<f64>,
    draws: usize,
    seed: Seed,
    /// `||delta||^2`, points of draws.
    shifts: Vec<f64>,
}

/// Bootstrap intervals of averages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BootstrapAverages {
    /// What differed from model to model.
    pub randomness: Randomness,
    /// Unbiased Bias^2.
    pub bias: Average,
    /// Unbiased variance.
    pub variance: Average,
    /// Mean loss of single models.
    pub loss: Average,
}

impl<'a> ModelBootstrap<'a> {
    /// Draws ensembles, without points yet.
    ///
    /// # Errors
    /// Fewer than three models, fewer draws than [`FEWEST_DRAWS`], more than [`MOST_DRAWS`], or more than 2^29 draws times points.
    pub fn new(found: &'a Decomposition, draws: usize, seed: Seed) -> Result<Self, AnalysisError> {
        let models = found.models();
        require(models >= 3, "models", models, "the bootstrap needs at least 3")?;
        check_draws(draws, found.points().len(), 1)?;
        let weights = weights(models, draws, seed);
        Ok(Self { found, weights, draws, seed, shifts: Vec::new() })
    }

    /// Adds a block of points, `[N, points, C]`, the next of those that were decomposed. A block with an error adds nothing.
    ///
    /// # Errors
    /// As [`Decomposition::add`], and more points than were decomposed or another label.
    pub fn add(&mut self, block: ArrayView3<f32>, labels: &[usize]) -> Result<(), AnalysisError> {
        let first = self.shifts.len() / self.draws;
        add(self, block, labels, first)
    }

    /// Bias^2 and variance of a point in a draw.
    pub(crate) fn pair(&self, draw: usize, i: usize, unbiased: bool) -> (f64, f64) {
        let models = self.found.models();
        let (weights, n) = (&self.weights[draw * models..][..models], models as f64);
        let [away, along] = self.found.spread(i);
        let of = |values: &[f64]| weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / n;
        let (centre, shift) = (self.found.points()[i].bias, self.shifts[i * self.draws + draw]);
        let (lean, spread) = (of(along), of(away));
        let (bias, variance) = (centre + 2.0 * lean + shift, (spread - shift).max(0.0));
        if !unbiased {
            return (bias, variance);
        }
        // ||d_t||^2 = ||d||^2 + 2 <d, e_t> + ||e_t||^2.
        let squares = weights.iter().zip(along.iter().zip(away));
        let of_itself: f64 = squares.map(|(w, (along, away))| w * w * (centre + 2.0 * along + away)).sum();
        let weight: f64 = weights.iter().map(|w| w * w).sum();
        let unbiased = (n * n * bias - of_itself) / (n * n - weight);
        (unbiased, bias + variance - unbiased)
    }

    /// What was drawn, once all points were added.
    pub(crate) fn draws(&self) -> Result<Draws, AnalysisError> {
        let (points, all) = (self.shifts.len() / self.draws, self.found.points().len());
        require(points == all && points >= 2, "points", points, format!("must be all {all} that were decomposed"))?;
        Ok(Draws { count: self.draws, points, models: self.found.models(), seed: self.seed })
    }

    /// Percentile intervals of averages over all points.
    ///
    /// # Errors
    /// Points that were not added yet.
    pub fn averages(&self) -> Result<BootstrapAverages, AnalysisError> {
        let draws = self.draws()?;
        let whole: [Vec<f64>; 3] = [
            self.found.points().iter().map(|p| p.unbiased_bias()).collect(),
            self.found.points().iter().map(|p| p.unbiased_variance()).collect(),
            self.found.points().iter().map(|p| p.loss).collect(),
        ];
        let [bias, variance, loss] = draws.averages(&whole, |draw, i| self.pair(draw, i, true));
        Ok(BootstrapAverages { randomness: self.found.randomness(), bias, variance, loss })
    }
}

impl PerPoint for ModelBootstrap<'_> {
    /// `||delta||^2`, points of draws.
    type Found = Vec<f64>;

    fn find(&self, block: &Block) -> Result<Vec<f64>, AnalysisError> {
        let (models, classes) = (self.found.models(), self.found.classes());
        block.require(models, classes)?;
        let width = classes.next_multiple_of(EIGHT);
        let mut found = vec![0.0; block.len() * self.draws];
        let (mut errors, mut mean) = (vec![0.0; models * width], vec![0.0; width]);
        let mut rows = OneByOne::default();
        for (i, shifts) in found.chunks_exact_mut(self.draws).enumerate() {
            let (label, point) = (block.label(i), block.number(i));
            let same = self.found.points().get(point).is_some_and(|p| p.label == label);
            require(same, "labels", format!("{label} of point {point}"), "must be those of the decomposition")?;
            mean.fill(0.0);
            for (t, d) in errors.chunks_exact_mut(width).enumerate() {
                rows.errors_of(self.found.scale(), block.row(t, i), label, &mut d[..classes], [t, point])?;
                mean.iter_mut().zip(d.iter()).for_each(|(m, d)| *m += d / models as f64);
            }
            for d in errors.chunks_exact_mut(width) {
                d.iter_mut().zip(&mean).for_each(|(d, m)| *d -= m);
            }
            squares_of_sums(&errors, width, &self.weights, shifts);
            shifts.iter_mut().for_each(|shift| *shift /= (models * models) as f64);
        }
        Ok(found)
    }

    fn keep(&mut self, found: Vec<f64>) {
        self.shifts.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{Randomness, Scale};
    use ndarray::{Array3, Axis, s};
    use rand_distr::{Distribution, StandardNormal};

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
    fn a_draw_is_the_decomposition_of_the_models_drawn() {
        let (z, y) = logits(5, 7, 1);
        let found = decomposed(&z, &y);
        let mut bootstrap = ModelBootstrap::new(&found, 200, Seed::new(3)).unwrap();
        bootstrap.add(z.slice(s![.., ..4, ..]), &y[..4]).unwrap();
        bootstrap.add(z.slice(s![.., 4.., ..]), &y[4..]).unwrap();
        for draw in 0..20 {
            let weights = &bootstrap.weights[draw * 5..][..5];
            let drawn: Vec<usize> = (0..5).flat_map(|t| vec![t; weights[t] as usize]).collect();
            assert_eq!(drawn.len(), 5);
            let direct = decomposed(&z.select(Axis(0), &drawn), &y);
            for (i, p) in direct.points().iter().enumerate() {
                let (bias, variance) = bootstrap.pair(draw, i, false);
                assert!((bias - p.bias).abs() < 1e-12 && (variance - p.variance).abs() < 1e-12, "{draw} {i}");
                // Pairs of different models, by hand.
                let single = |t: usize| decomposed(&z.select(Axis(0), &[t, t]), &y).points()[i].bias;
                let both = |t: usize, u: usize| {
                    // ||d_t + d_u||^2 / 4 is the bias of the two.
                    2.0 * decomposed(&z.select(Axis(0), &[t, u]), &y).points()[i].bias - (single(t) + single(u)) / 2.0
                };
                let (mut product, mut weight) = (0.0, 0.0);
                for (t, u) in (0..5).flat_map(|t| (0..5).map(move |u| (t, u))).filter(|(t, u)| t != u) {
                    product += weights[t] * weights[u] * both(t, u);
                    weight += weights[t] * weights[u];
                }
                let (unbiased, rest) = bootstrap.pair(draw, i, true);
                assert!((unbiased - product / weight).abs() < 1e-12, "{draw} {i}");
                assert!((unbiased + rest - p.loss).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn intervals_agree_with_the_jackknife() {
        let (z, y) = logits(30, 200, 2);
        let found = decomposed(&z, &y);
        let mut bootstrap = ModelBootstrap::new(&found, 1000, Seed::new(4)).unwrap();
        bootstrap.add(z.view(), &y).unwrap();
        let (ours, theirs) = (bootstrap.averages().unwrap(), found.averages().unwrap());
        for (ours, theirs) in [(ours.bias, theirs.bias), (ours.variance, theirs.variance), (ours.loss, theirs.loss)] {
            assert_eq!(ours.over_models.value, theirs.over_models.value);
            let ratios = [ours.over_models.se / theirs.over_models.se, ours.over_both.se / theirs.over_both.se];
            assert!(ratios.iter().all(|r| (0.8..1.25).contains(r)), "{ratios:?}");
            assert!(ours.over_models.lo < ours.over_models.value && ours.over_models.value < ours.over_models.hi);
        }
    }

    #[test]
    fn faults_are_named() {
        let (z, y) = logits(4, 3, 5);
        let found = decomposed(&z, &y);
        let text = |error: AnalysisError| error.to_string();
        assert_eq!(text(ModelBootstrap::new(&found, 9, Seed::new(0)).unwrap_err()), "draws = 9: must be at least 200");
        let mut bootstrap = ModelBootstrap::new(&found, 200, Seed::new(0)).unwrap();
        assert!(text(bootstrap.averages().unwrap_err()).starts_with("points = 0: must be all 3"));
        let other = text(bootstrap.add(z.view(), &[2, 2, 2]).unwrap_err());
        assert_eq!(other, "labels = 2 of point 0: must be those of the decomposition");
        bootstrap.add(z.view(), &y).unwrap();
        assert!(bootstrap.add(z.view(), &y).is_err());
    }
}
