//! What calibration implies, and what a temperature mends.

use super::super::networks::Measured;
use super::super::settings::TEMPERATURES;
use super::{All, Disagreements, Side, on_images, on_synthetic};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use ndarray::{Array2, ArrayView3, Axis};
use rand::RngExt;
use rayon::prelude::*;
use tenfold_analysis::{
    AnalysisError, Bins, Calibration, Decomposition, Disagreement, GapBound, Randomness, Scale, fit_mean_temperature,
    fit_temperature, mean_model,
};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{
    Binning, Estimate, StatsError, calibration_bins, debiased_calibration_error, mean, variance,
};
use tenfold_data::noise::draw;

/// Draws of labels from the mean model, for what the right side of the bound has where it should have nothing.
const CALIBRATED: u64 = 20;
/// Resamples of the validation images, for the error of a temperature.
const TEMPERATURE_DRAWS: u64 = 40;
/// Resamples that may have no temperature.
const LOST: usize = 4;

pub(in super::super) fn calibrated(all: &All) -> Finding {
    let n = format!("one ensemble of 20 models, {} points", all.settings.synthetic_points);
    let mut finding = on_synthetic(all, Ok(all.synthetic.gap), 1, n);
    finding.parts.push(Part::new(
        "the same with labels from a sharper model",
        all.synthetic.sharper,
        "synthetic",
        Role::Control,
    ));
    finding
}

/// Both sides of the bound on the test images over temperatures, shown beside the exact case.
pub(super) fn sweep(largest: &Measured, labels: &[usize]) -> Result<Vec<Side>, ReproduceError> {
    let at = |&temperature: &f64| -> Result<Side, ReproduceError> {
        let scale = Scale::Logits { temperature };
        let found = Decomposition::of(largest.test.view(), labels, scale, largest.network.randomness)?;
        let h = mean_model(largest.test.view(), scale)?;
        let bound = GapBound::of(&found, &Calibration::of(h.view(), labels, Bins::default())?)?;
        Ok(Side { temperature, bound, floor: floor(&h)? })
    };
    TEMPERATURES.par_iter().map(at).collect()
}

/// What the debiased right side is on average where the labels follow the mean model, so that it should be zero.
fn floor(h: &Array2<f64>) -> Result<f64, StatsError> {
    let Bins { count, .. } = Bins::default();
    let right = |k: u64| -> Result<f64, StatsError> {
        let mut rng = Seed::new(0).named("bias-variance-floor").child(k).rng();
        let labels: Vec<usize> = h.outer_iter().map(|row| draw(row.iter().copied(), &mut rng)).collect();
        let of_class = |(class, column): (usize, ndarray::ArrayView1<f64>)| {
            let outcome: Vec<f64> = labels.iter().map(|y| f64::from(u8::from(*y == class))).collect();
            Ok(debiased_calibration_error(&calibration_bins(&column.to_vec(), &outcome, count, Binning::EqualMass)?))
        };
        Ok(2.0 * h.axis_iter(Axis(1)).enumerate().map(of_class).sum::<Result<f64, StatsError>>()?)
    };
    Ok(mean(&(0..CALIBRATED).map(right).collect::<Result<Vec<f64>, _>>()?))
}

pub(in super::super) fn bound(all: &All, sweep: &[Side]) -> Finding {
    let differences: Vec<Estimate> = all.synthetic.bounds.iter().map(|b| b.difference).collect();
    let n = format!("{} points for each law of the labels", all.settings.synthetic_points);
    let mut finding = on_synthetic(all, least(&differences), 1, n);
    for b in &all.synthetic.bounds {
        let of = |what: &str| format!("{what}, a = {}", b.power);
        finding.parts.push(Part::new(of("right minus left side"), b.difference, "synthetic", Role::Decides));
        finding.parts.push(Part::new(of("left side"), b.left, "synthetic", Role::Shown));
        finding.parts.push(Part::new(of("half of the right minus left side"), b.half, "synthetic", Role::Shown));
    }
    for side in sweep {
        let name = format!("right minus left side less what calibrated labels have, T = {}", side.temperature);
        finding.parts.push(Part::new(name, side.clear(), &all.data.name, Role::Shown));
    }
    finding
}

/// Error and disagreement of the widest perceptron, as it is and at the two temperatures.
pub(super) fn disagreements(all: &All) -> Result<Disagreements, ReproduceError> {
    let largest = all.networks.largest();
    let test = (largest.test.view(), all.data.test.labels.as_slice());
    let validation = (largest.validation.view(), all.data.validation.labels.as_slice());
    Ok(disagreements_of(test, validation, largest.network.randomness, TEMPERATURE_DRAWS)?)
}

/// Logits `[N, n, C]` and labels.
type Labelled<'a> = (ArrayView3<'a, f32>, &'a [usize]);

/// Error and disagreement of an ensemble, as it is and at the temperatures that are fitted on validation points, which are drawn again
/// so often.
pub(super) fn disagreements_of(
    (test, of_test): Labelled,
    (validation, labels): Labelled,
    randomness: Randomness,
    draws: u64,
) -> Result<Disagreements, AnalysisError> {
    let at = |temperature: f64| -> Result<Disagreement, AnalysisError> {
        let of = Decomposition::of(test, of_test, Scale::Logits { temperature }, randomness)?;
        Disagreement::of(&of)
    };
    let [single, of_mean] = [fit_temperature(validation, labels)?, fit_mean_temperature(validation, labels)?];
    let resampled = |k: u64| -> Result<f64, AnalysisError> {
        let mut rng = Seed::new(0).named("bias-variance-temperature").child(k).rng();
        let rows: Vec<usize> = labels.iter().map(|_| rng.random_range(0..labels.len())).collect();
        let picked: Vec<usize> = rows.iter().map(|&i| labels[i]).collect();
        let temperature = fit_mean_temperature(validation.select(Axis(1), &rows).view(), &picked)?.temperature;
        Ok(at(temperature)?.soft_difference.value)
    };
    // A resample whose classes the logits separate has no temperature.
    let moved: Vec<f64> = (0..draws).into_par_iter().filter_map(|k| resampled(k).ok()).collect();
    let lost = draws as usize - moved.len();
    let temperature_se = if lost > LOST { f64::NAN } else { variance(&moved).sqrt() };
    Ok(Disagreements {
        before: at(1.0)?,
        after_single: at(single.temperature)?,
        after: at(of_mean.temperature)?,
        single,
        of_mean,
        temperature_se,
    })
}

/// Disagreement minus error at the temperature of the mean model, with what the temperature adds to its error.
pub(super) fn equality(found: &Disagreements) -> Result<Estimate, String> {
    let (e, se) = (found.after.soft_difference, found.temperature_se);
    match se.is_finite() {
        true => Ok(Estimate::from_t(e.value, e.se.hypot(se), (e.n - 1) as f64, e.n)),
        false => Err("too many resamples of the validation images have no temperature".to_string()),
    }
}

pub(in super::super) fn equals_error(all: &All, found: &Disagreements) -> Finding {
    let mut finding = on_images(all, equality(found));
    let data = &all.data.name;
    let whens = [
        ("before", &found.before),
        ("after the temperature of single models", &found.after_single),
        ("after that of the mean model", &found.after),
    ];
    for (when, d) in whens {
        finding.parts.push(Part::new(format!("soft difference {when}"), d.soft_difference, data, Role::Shown));
        finding.parts.push(Part::new(format!("soft error {when}"), d.soft_error, data, Role::Shown));
        finding.parts.push(Part::new(format!("hard difference {when}"), d.difference, data, Role::Shown));
    }
    for (name, t) in [("single models", found.single), ("the mean model", found.of_mean)] {
        let value = t.temperature;
        let e = Estimate { value, se: 0.0, lo: value, hi: value, n: 1 };
        finding.parts.push(Part::new(format!("temperature of {name}"), e, data, Role::Shown));
    }
    finding
}
