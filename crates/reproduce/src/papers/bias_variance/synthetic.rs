//! Where the truth is known: a calibrated ensemble, and the simple model of collapse.

use super::settings::{Settings, TEMPERATURES};
use crate::error::ReproduceError;
use ndarray::ArrayView1;
use std::time::Instant;
use tenfold_analysis::collapse::{Collapsed, closed_form, simulate};
use tenfold_analysis::{Decomposition, GapBin, Randomness, Scale, gap_by};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, StatsError, mean, mean_interval};
use tenfold_data::noise::draw;
use tenfold_data::synthetic::{CalibratedEnsemble, CalibratedEnsembleParams};

/// Classes of the calibrated ensemble.
const CLASSES: usize = 5;
/// Its models.
const MODELS: usize = 20;
/// Classes and scales at which closed forms meet Monte Carlo.
pub(super) const SETTINGS: [(usize, f64); 9] =
    [(2, 1.0), (2, 2.0), (2, 4.0), (10, 1.0), (10, 2.0), (10, 4.0), (100, 2.0), (100, 4.0), (100, 6.0)];

/// One setting of the closed forms.
pub(super) struct Form {
    pub(super) classes: usize,
    pub(super) scale: f64,
    pub(super) exact: Collapsed,
    /// Relative deviation of Monte Carlo's Bias^2 and Var, over repetitions.
    pub(super) bias: Estimate,
    pub(super) variance: Estimate,
}

/// Both sides of the bound on the gap, where labels of two classes follow `h_k^a`.
pub(super) struct Bound {
    /// a: 1 is calibrated, below it the mean model is too sure, above not sure enough.
    pub(super) power: f64,
    pub(super) left: Estimate,
    /// Right side, without bins, minus left side.
    pub(super) difference: Estimate,
    /// Half of the right side minus left side: for two classes that is a bound too, and a near one.
    pub(super) half: Estimate,
}

pub(super) struct Synthetic {
    /// Mean over points of plug-in `Bias^2 - Var - G`.
    pub(super) gap: Estimate,
    /// The same where the labels come from a sharper model than the ensemble: a control that must fail.
    pub(super) sharper: Estimate,
    /// The bound over laws of the labels.
    pub(super) bounds: Vec<Bound>,
    pub(super) bins: Vec<GapBin>,
    pub(super) forms: Vec<Form>,
    pub(super) seconds: f64,
}

pub(super) fn run(settings: &Settings) -> Result<Synthetic, ReproduceError> {
    let start = Instant::now();
    let (ensemble, mut labels) = calibrated(CLASSES, settings.synthetic_points, &[1.0, 2.0])?;
    let (p, sharp, labels) = (ensemble.probabilities, labels.remove(1), labels.remove(0));
    let gap = |labels: &[usize]| -> Result<(Estimate, Decomposition), ReproduceError> {
        let found = Decomposition::of(p.view(), labels, Scale::probabilities(), Randomness::Unknown)?;
        let gaps: Vec<f64> = found.points().iter().map(|p| p.bias - p.variance - p.gini).collect();
        Ok((mean_interval(&gaps)?, found))
    };
    let (exact, found) = gap(&labels)?;
    let mut forms = Vec::new();
    for (classes, scale) in SETTINGS {
        let exact = closed_form(classes, scale)?;
        let [repetitions, draws] = settings.monte_carlo;
        let (mut bias, mut variance) = (Vec::new(), Vec::new());
        for r in 0..repetitions as u64 {
            let seed = Seed::new(0).named("bias-variance-collapse").child(classes as u64).child(scale as u64).child(r);
            let drawn = simulate(classes, scale, draws, seed)?;
            bias.push(drawn.bias / exact.bias - 1.0);
            variance.push(drawn.variance / exact.variance - 1.0);
        }
        forms.push(Form { classes, scale, exact, bias: mean_interval(&bias)?, variance: mean_interval(&variance)? });
    }
    Ok(Synthetic {
        gap: exact,
        sharper: gap(&sharp)?.0,
        bounds: bounds(settings.synthetic_points)?,
        bins: gap_by(&found, |p| p.confidence, 10)?,
        forms,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The mean model of an ensemble whose labels it is calibrated for, and labels drawn from a law that follows its probabilities to a
/// power: the first with one, for which it is calibrated.
fn calibrated(
    classes: usize,
    points: usize,
    powers: &[f64],
) -> Result<(CalibratedEnsemble, Vec<Vec<usize>>), ReproduceError> {
    let parameters =
        CalibratedEnsembleParams::default().with_n_members(MODELS).with_n_points(points).with_n_classes(classes);
    let ensemble = CalibratedEnsemble::new(&parameters, Seed::new(0).named("bias-variance-calibrated"))?;
    let labels = powers.iter().enumerate().map(|(k, power)| {
        let mut rng = Seed::new(0).named("bias-variance-labels").child(k as u64).rng();
        let of = |h: ArrayView1<f64>| draw(powered(h.iter().copied(), *power).into_iter(), &mut rng);
        ensemble.mean.outer_iter().map(of).collect()
    });
    let labels = labels.collect();
    Ok((ensemble, labels))
}

/// Both sides of the bound where labels of two classes follow `h_k^a`.
fn bounds(points: usize) -> Result<Vec<Bound>, ReproduceError> {
    let (ensemble, labels) = calibrated(2, points, &TEMPERATURES)?;
    let bound = |(&power, labels): (&f64, &Vec<usize>)| -> Result<Bound, ReproduceError> {
        let of = Decomposition::of(ensemble.probabilities.view(), labels, Scale::probabilities(), Randomness::Unknown)?;
        let gaps: Vec<f64> = of.points().iter().map(|p| p.bias - p.variance - p.gini).collect();
        let sign = mean(&gaps).signum();
        let left: Vec<f64> = gaps.iter().map(|gap| sign * gap).collect();
        // 2 sum_k |h_k - P(Y = k | h_k)|, the same for both classes.
        let right = ensemble.mean.outer_iter().map(|h| 4.0 * (h[0] - powered(h.iter().copied(), power)[0]).abs());
        let right: Vec<f64> = right.collect();
        let apart = |share: f64| -> Result<Estimate, StatsError> {
            mean_interval(&right.iter().zip(&left).map(|(right, left)| share * right - left).collect::<Vec<f64>>())
        };
        Ok(Bound { power, left: mean_interval(&left)?, difference: apart(1.0)?, half: apart(0.5)? })
    };
    TEMPERATURES.iter().zip(&labels).map(bound).collect()
}

/// Probabilities to a power, scaled to sum to one again.
fn powered(p: impl Iterator<Item = f64>, power: f64) -> Vec<f64> {
    let powers: Vec<f64> = p.map(|p| p.powf(power)).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}
