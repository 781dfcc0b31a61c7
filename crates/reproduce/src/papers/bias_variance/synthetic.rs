//! Where the truth is known: a calibrated ensemble, and the simple model of collapse.

use super::settings::Settings;
use crate::error::ReproduceError;
use ndarray::Array3;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;
use tenfold_analysis::collapse::{Collapsed, closed_form, simulate};
use tenfold_analysis::{Decomposition, GapBin, Randomness, Scale, gap_by};
use tenfold_core_tensor::ops::softmax::softmax_in_place;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean_interval};

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

pub(super) struct Synthetic {
    /// Mean over points of plug-in `Bias^2 - Var - G`.
    pub(super) gap: Estimate,
    /// The same where the labels come from a sharper model than the ensemble: a control that must fail.
    pub(super) sharper: Estimate,
    pub(super) bins: Vec<GapBin>,
    pub(super) forms: Vec<Form>,
    pub(super) seconds: f64,
}

pub(super) fn run(settings: &Settings) -> Result<Synthetic, ReproduceError> {
    let start = Instant::now();
    let (p, labels, sharp) = calibrated(settings.synthetic_points);
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
        bins: gap_by(&found, |p| p.confidence, 10)?,
        forms,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Probabilities of an ensemble, labels drawn from its mean model, and labels drawn from a sharper one.
fn calibrated(points: usize) -> (Array3<f32>, Vec<usize>, Vec<usize>) {
    let mut rng = Seed::new(0).named("bias-variance-calibrated").rng();
    let mut normal =
        |scale: f64| -> f64 { scale * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng) };
    let centre: Vec<f64> = (0..points * CLASSES).map(|_| normal(2.0)).collect();
    let mut p = Array3::<f32>::zeros((MODELS, points, CLASSES));
    for mut model in p.outer_iter_mut() {
        for (i, mut row) in model.outer_iter_mut().enumerate() {
            let mut z: Vec<f64> = (0..CLASSES).map(|k| centre[i * CLASSES + k] + normal(1.0)).collect();
            softmax_in_place(&mut z);
            row.iter_mut().zip(z).for_each(|(to, v)| *to = v as f32);
        }
    }
    let mut rng = Seed::new(0).named("bias-variance-labels").rng();
    let mut draw = |i: usize, power: f64| {
        let weights: Vec<f64> = (0..CLASSES)
            .map(|k| {
                (p.slice(ndarray::s![.., i, k]).iter().map(|v| f64::from(*v)).sum::<f64>() / MODELS as f64).powf(power)
            })
            .collect();
        let mut u = rng.random::<f64>() * weights.iter().sum::<f64>();
        weights
            .iter()
            .position(|w| {
                u -= w;
                u < 0.0
            })
            .unwrap_or(CLASSES - 1)
    };
    let labels = (0..points).map(|i| draw(i, 1.0)).collect();
    let sharp = (0..points).map(|i| draw(i, 2.0)).collect();
    (p, labels, sharp)
}
