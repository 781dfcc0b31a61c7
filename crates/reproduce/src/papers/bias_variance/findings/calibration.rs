//! What calibration implies, and what a temperature mends.

use super::super::networks::Measured;
use super::super::settings::TEMPERATURES;
use super::{All, Side, on_images, on_synthetic};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use rayon::prelude::*;
use tenfold_analysis::{Bins, Calibration, Decomposition, Disagreement, GapBound, Scale, Temperature, mean_model};
use tenfold_core_tensor::stats::Estimate;

pub(super) fn calibrated(all: &All) -> Finding {
    let n = format!("20 models, {} points", all.settings.synthetic_points);
    let mut finding = on_synthetic(all, "bias-variance.calibration-implies-equality", Ok(all.synthetic.gap), n);
    finding.parts.push(Part::new(
        "the same with labels from a sharper model",
        all.synthetic.sharper,
        "synthetic",
        Role::Control,
    ));
    finding
}

pub(super) fn sweep(largest: &Measured, labels: &[usize]) -> Result<Vec<Side>, ReproduceError> {
    let at = |&temperature: &f64| -> Result<Side, ReproduceError> {
        let scale = Scale::Logits { temperature };
        let found = Decomposition::of(largest.test.view(), labels, scale, largest.network.randomness)?;
        let calibration = Calibration::of(mean_model(largest.test.view(), scale)?.view(), labels, Bins::default())?;
        let GapBound { left, right_debiased: right, .. } = GapBound::of(&found, &calibration)?;
        Ok(Side { temperature, left, right })
    };
    TEMPERATURES.par_iter().map(at).collect()
}

pub(super) fn bound(all: &All, sweep: &[Side]) -> Finding {
    let differences: Vec<Estimate> = sweep
        .iter()
        .map(|side| {
            let se = side.left.se.hypot(side.right.se);
            Estimate::from_t(side.right.value - side.left.value, se, (side.left.n - 1) as f64, side.left.n)
        })
        .collect();
    let mut finding = on_images(all, "bias-variance.calibration-bound-holds", Finding::least(&differences));
    for (side, e) in sweep.iter().zip(&differences) {
        let name = format!("right minus left side, T = {}", side.temperature);
        finding.parts.push(Part::new(name, *e, &all.data.name, Role::Decides));
    }
    finding
}

pub(super) fn equals_error(all: &All, temperature: Temperature, [before, after]: &[Disagreement; 2]) -> Finding {
    let id = "bias-variance.disagreement-equals-error-after-temperature";
    let mut finding = on_images(all, id, Ok(after.soft_difference));
    let data = &all.data.name;
    for (when, d) in [("before", before), ("after", after)] {
        finding.parts.push(Part::new(format!("soft difference {when}"), d.soft_difference, data, Role::Shown));
        finding.parts.push(Part::new(format!("soft error {when}"), d.soft_error, data, Role::Shown));
        finding.parts.push(Part::new(format!("hard difference {when}"), d.difference, data, Role::Shown));
    }
    let e = Estimate {
        value: temperature.temperature,
        se: 0.0,
        lo: temperature.temperature,
        hi: temperature.temperature,
        n: 1,
    };
    finding.parts.push(Part::new("temperature", e, data, Role::Shown));
    finding.remark =
        "One temperature makes single models calibrated on average; their mean is less sure than they are.".into();
    finding
}
