//! The gap of Bias^2 and variance, which calibration ties to the Gini impurity.

use super::binned::{Calibration, resamples, spread_of};
use crate::decomposition::{Decomposition, Point};
use crate::error::{AnalysisError, require, require_shape};
use serde::Serialize;
use tenfold_core_tensor::stats::{Binning, Dealer, Estimate, mean, variance};

/// Values nearer than this share of themselves are equal: predictions come in single precision.
const ROUNDING: f64 = f32::EPSILON as f64;

/// Gap and Gini of the points of a bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GapBin {
    /// Mean of the statistic that made the bins.
    pub statistic: f64,
    /// Mean of `Bias^2 - Var`, plug-in.
    pub gap: f64,
    /// Its standard error over points.
    pub gap_se: f64,
    /// Mean of G.
    pub gini: f64,
    /// Number of points.
    pub n: usize,
}

/// `E[Bias^2] - E[Var]` against `E[G]`, in bins of any statistic of the predictions alone, such as the confidence of the mean
/// model: for a calibrated mean model the two are equal in every bin. Plug-in estimates, since the equality is of the mean model
/// that is there.
///
/// Bins are of equal mass. Points of one value of the statistic, as single precision tells them apart, stay in one bin, so that
/// the order of the points does not matter, and a bin with a single point, which has no spread, joins its neighbour: there may
/// be fewer bins than were asked for.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Decomposition, Randomness, Scale, gap_by};
/// // Three models that all say 0.8, on ten points of which eight have that label: calibrated.
/// let p = Array3::from_shape_fn((3, 10, 2), |(_, _, k)| if k == 0 { 0.8_f32 } else { 0.2 });
/// let labels: Vec<usize> = (0..10).map(|i| usize::from(i >= 8)).collect();
/// let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Seed)?;
/// let bins = gap_by(&found, |point| point.confidence, 5)?;
/// // One confidence, one bin. The models do not differ: Bias^2 is 0.08 on eight points and 1.28 on two, G is 1 - 0.68.
/// assert!(bins.len() == 1 && bins[0].n == 10);
/// assert!((bins[0].gap - 0.32).abs() < 1e-6 && (bins[0].gini - 0.32).abs() < 1e-6);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// No bins, fewer than two points for each, or a statistic that is not finite.
pub fn gap_by(
    found: &Decomposition,
    statistic: impl Fn(&Point) -> f64,
    bins: usize,
) -> Result<Vec<GapBin>, AnalysisError> {
    let points = found.points();
    require(bins >= 1 && bins <= points.len() / 2, "bins", bins, "needs at least two points for each")?;
    let values: Vec<f64> = points.iter().map(statistic).collect();
    let finite = values.iter().all(|v| v.is_finite());
    require(finite, "statistic", "not finite", "must be a finite number at every point")?;
    let mut dealt: Vec<Vec<usize>> = Vec::with_capacity(bins);
    for members in Dealer::new(&joined(&values), bins, Binning::EqualMass)?.members() {
        match dealt.last_mut() {
            Some(last) if last.len() < 2 || members.len() < 2 => last.extend(members),
            _ => dealt.push(members),
        }
    }
    let bin = |members: &Vec<usize>| {
        let of = |of: &dyn Fn(usize) -> f64| members.iter().map(|&i| of(i)).collect::<Vec<f64>>();
        let gaps = of(&|i| points[i].bias - points[i].variance);
        let n = members.len();
        GapBin {
            statistic: mean(&of(&|i| values[i])),
            gap: mean(&gaps),
            gap_se: (variance(&gaps) / n as f64).sqrt(),
            gini: mean(&of(&|i| points[i].gini)),
            n,
        }
    };
    Ok(dealt.iter().map(bin).collect())
}

/// The values, where those that differ by rounding alone are one. The probability of the label is found from the others, which
/// sum to one only as single precision has it: without this, ties of the confidence would be split by being right.
fn joined(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut joined = values.to_vec();
    for pair in order.windows(2) {
        let (before, v) = (joined[pair[0]], values[pair[1]]);
        if v - before <= ROUNDING * v.abs() {
            joined[pair[1]] = before;
        }
    }
    joined
}

/// The two sides of the bound on the gap: `|E[Bias^2] - E[Var] - E[G]| = 2 |E sum_k h_k (h_k - 1[Y = k])|` and twice the sum over
/// classes of the calibration errors.
///
/// The bound is on the errors as they are. They are estimated in bins, which hide a part, from a sample, which adds to them;
/// both the plain and the debiased sum are given. Debiased absolute errors keep about 59 % of what is noise alone (see
/// [`debiased_calibration_error`](tenfold_core_tensor::stats::debiased_calibration_error)), so that `difference` leans towards
/// the bound: an interval above 0 is no proof where `right_debiased` is of the size of that noise, one below 0 says that bins
/// hide what the bound needs.
///
/// All intervals are 95 % over points, which are resampled together for every class and both sides. The models are those that
/// are there.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Bins, Calibration, Decomposition, GapBound, Randomness, Scale, mean_model};
/// // Three models that say 0.9 of 100 points and are right on half of them.
/// let p = Array3::from_shape_fn((3, 100, 2), |(_, _, k)| if k == 0 { 0.9_f32 } else { 0.1 });
/// let labels: Vec<usize> = (0..100).map(|i| i % 2).collect();
/// let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Seed)?;
/// let h = mean_model(p.view(), Scale::probabilities())?;
/// let bound = GapBound::of(&found, &Calibration::of(h.view(), &labels, Bins::default())?)?;
/// // 2 |0.9 (0.9 - 0.5) + 0.1 (0.1 - 0.5)| = 0.64, and 2 (0.4 + 0.4) = 1.6.
/// assert!((bound.left.value - 0.64).abs() < 1e-6 && (bound.right.value - 1.6).abs() < 1e-6);
/// assert!(bound.difference.lo > 0.0);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GapBound {
    /// The left side; 0 is the lower end of its interval where what stands between the bars may have either sign.
    pub left: Estimate,
    /// The right side, plain.
    pub right: Estimate,
    /// The right side, debiased.
    pub right_debiased: Estimate,
    /// `right_debiased - left`, in every resample anew.
    pub difference: Estimate,
}

impl GapBound {
    /// From a decomposition, and the calibration of its mean model on the same points.
    ///
    /// # Errors
    /// Another number of points.
    pub fn of(found: &Decomposition, calibration: &Calibration) -> Result<Self, AnalysisError> {
        let (points, n) = (found.points(), found.points().len());
        require_shape("decomposition and calibration", &[n], &[calibration.points()], "must be of the same points")?;
        let gaps: Vec<f64> = points.iter().map(|p| p.bias - p.variance - p.gini).collect();
        let of =
            |counts: &Vec<u8>| counts.iter().zip(&gaps).map(|(c, gap)| f64::from(*c) * gap).sum::<f64>() / n as f64;
        let lefts: Vec<f64> = resamples(n)?.iter().map(of).collect();
        let signed = spread_of(mean(&gaps), &lefts, n);
        let [right, right_debiased] =
            [calibration.sum_over_classes(), calibration.debiased_sum_over_classes()].map(twice);
        let differences: Vec<f64> =
            lefts.iter().zip(calibration.draws()).map(|(left, [_, right])| 2.0 * right - left.abs()).collect();
        let difference = spread_of(right_debiased.value - signed.value.abs(), &differences, n);
        Ok(Self { left: size(signed), right, right_debiased, difference })
    }
}

fn twice(e: Estimate) -> Estimate {
    Estimate { value: 2.0 * e.value, se: 2.0 * e.se, lo: 2.0 * e.lo, hi: 2.0 * e.hi, n: e.n }
}

/// The absolute value, with the absolute values that are in the interval.
fn size(e: Estimate) -> Estimate {
    let (a, b) = (e.lo.abs(), e.hi.abs());
    let lo = if e.lo <= 0.0 && e.hi >= 0.0 { 0.0 } else { a.min(b) };
    Estimate { value: e.value.abs(), lo, hi: a.max(b), ..e }
}

#[cfg(test)]
mod tests {
    use super::super::Bins;
    use super::*;
    use crate::predictions::{Randomness, Scale, mean_model};
    use ndarray::{Array2, Array3};
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::seed::Seed;

    /// An ensemble whose mean model is calibrated: labels are drawn from it.
    fn calibrated(models: usize, points: usize) -> (Array3<f32>, Vec<usize>, Array2<f64>) {
        let mut rng = Seed::new(12).rng();
        let centre: Vec<f64> = (0..points * 3).map(|_| 2.0 * rng.sample::<f64, _>(StandardNormal)).collect();
        let p = Array3::from_shape_fn((models, points, 3), |(_, i, k)| {
            let noise: f64 = StandardNormal.sample(&mut rng);
            (centre[i * 3 + k] + noise) as f32
        });
        let mut mean = Array2::<f64>::zeros((points, 3));
        let mut probabilities = p.clone();
        for mut row in probabilities.rows_mut() {
            let mut z: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
            tenfold_core_tensor::ops::softmax::softmax_in_place(&mut z);
            row.iter_mut().zip(z).for_each(|(to, v)| *to = v as f32);
        }
        for model in probabilities.outer_iter() {
            mean.zip_mut_with(&model, |m, v| *m += f64::from(*v) / models as f64);
        }
        let labels = mean.outer_iter().map(|row| {
            let u = rng.random::<f64>() * row.sum();
            if u < row[0] {
                0
            } else if u < row[0] + row[1] {
                1
            } else {
                2
            }
        });
        let labels = labels.collect();
        (probabilities, labels, mean)
    }

    #[test]
    fn of_a_calibrated_ensemble_the_gap_is_the_gini() {
        let (p, labels, mean) = calibrated(10, 8_000);
        let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Unknown).unwrap();
        for bin in gap_by(&found, |p| p.confidence, 8).unwrap() {
            assert!((bin.gap - bin.gini).abs() < 4.0 * bin.gap_se, "{bin:?}");
        }
        let calibration = Calibration::of(mean.view(), &labels, Bins::default()).unwrap();
        let bound = GapBound::of(&found, &calibration).unwrap();
        assert!(bound.left.value < 0.03 && bound.left.value <= bound.right.value, "{bound:?}");
        assert!(bound.left.lo == 0.0 && bound.left.hi < 0.06, "{bound:?}");
        assert!(calibration.top_label.debiased.lo < 0.005, "{:?}", calibration.top_label.debiased);
    }

    #[test]
    fn ties_of_the_statistic_stay_together_and_a_point_alone_joins_its_neighbour() {
        let (p, labels, _) = calibrated(4, 21);
        let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Unknown).unwrap();
        let sizes = |statistic: fn(&Point) -> f64, bins: usize| -> Vec<usize> {
            gap_by(&found, statistic, bins).unwrap().iter().map(|bin| bin.n).collect()
        };
        let of_labels = |label: usize| labels.iter().filter(|l| **l == label).count();
        assert_eq!(sizes(|p| p.label as f64, 10), [of_labels(0), of_labels(1), of_labels(2)]);
        assert_eq!(sizes(|_| 1.0, 3), [21]);
        // The largest confidence is alone in its value.
        let top = found.points().iter().map(|p| p.confidence).fold(0.0, f64::max);
        let alone = gap_by(&found, |p| f64::from(u8::from(p.confidence == top)), 10).unwrap();
        assert!(alone.len() == 1 && alone[0].gap_se.is_finite(), "{alone:?}");
    }

    #[test]
    fn sharpening_breaks_it_and_the_bound_holds() {
        let (p, labels, _) = calibrated(10, 4_000);
        let sharp = p.mapv(|p| 3.0 * p.max(1e-30).ln());
        let found = Decomposition::of(sharp.view(), &labels, Scale::logits(), Randomness::Unknown).unwrap();
        let h = mean_model(sharp.view(), Scale::logits()).unwrap();
        let calibration = Calibration::of(h.view(), &labels, Bins::default()).unwrap();
        let bound = GapBound::of(&found, &calibration).unwrap();
        assert!(bound.left.lo > 0.05 && bound.difference.lo > 0.0, "{bound:?}");
        let apart = bound.right_debiased.value - bound.left.value;
        assert!((bound.difference.value - apart).abs() < 1e-15, "{bound:?}");
        // Both sides see the same points: what they share does not count twice.
        let apart = bound.left.se.hypot(bound.right_debiased.se);
        assert!(bound.difference.se > 0.0 && bound.difference.se < 1.05 * apart, "{bound:?}");
        let few = Calibration::of(h.slice(ndarray::s![..100, ..]), &labels[..100], Bins::default()).unwrap();
        let error = GapBound::of(&found, &few).unwrap_err().to_string();
        assert!(error.starts_with("decomposition and calibration: [4000] against [100]"), "{error}");
        assert!(calibration.top_label.debiased.lo > 0.02);
    }
}
