//! What is printed.

use super::{Calibrate, Found};
use crate::output::Output;
use serde_json::json;
use tenfold_analysis::{CalibrationError, GapBound};
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{estimate, number};

impl Calibrate {
    pub(super) fn say(&self, found: &Found) -> Output {
        let Found { models, points, randomness, calibration, .. } = found;
        let error = |e: &CalibrationError| format!("{} plain, {} debiased", number(e.plain), estimate(&e.debiased));
        let mut output = Output::new().field("models", models, *models).field("points", points, *points).field(
            "differ_in",
            randomness,
            json!(randomness),
        );
        if let Some(t) = &found.temperature {
            let text = format!(
                "{}, cross-entropy {} to {} on validation points",
                number(t.temperature),
                number(t.before),
                number(t.after)
            );
            output = output.field("temperature", text, json!(t));
        }
        let [plain, debiased] = found.class_wise();
        let text = format!("{} plain, {} debiased (mean over classes)", estimate(&plain), estimate(&debiased));
        output = output
            .field("top_label_error", error(&calibration.top_label), json!(calibration.top_label))
            .field("class_wise_error", text, json!(calibration.classes))
            .hidden("class_wise_mean", json!({"plain": plain, "debiased": debiased}));
        if let (Some(path), Some(given)) = (&self.by, &found.given) {
            let text = format!("{}, given {path} in {} bins", error(given), given.bins.len());
            output = output.field("error_given", text, json!(given));
        }
        if let Some((d, bound, gaps)) = &found.ensemble {
            let verdict = format!("{} debiased right minus left: {}", estimate(&bound.difference), verdict(bound));
            output = output
                .field("error", estimate(&d.error), json!(d.error))
                .field("disagreement", estimate(&d.disagreement), json!(d.disagreement))
                .field("difference", estimate(&d.difference), json!(d.difference))
                .field("soft_error", estimate(&d.soft_error), json!(d.soft_error))
                .field("soft_disagreement", estimate(&d.soft_disagreement), json!(d.soft_disagreement))
                .field("soft_difference", estimate(&d.soft_difference), json!(d.soft_difference))
                .field("gap_bound", format!("{} left side", estimate(&bound.left)), json!(bound))
                .more(format!("{} right side, plain", estimate(&bound.right)))
                .more(format!("{} right side, debiased", estimate(&bound.right_debiased)))
                .more(verdict)
                .hidden("gap_by_confidence", json!(gaps));
        } else {
            output = output.line("Disagreement and the gap need at least three models.");
        }
        output.file("report", self.report.as_ref())
    }
}

impl Found {
    /// The class-wise errors' mean over classes, plain and debiased.
    pub(super) fn class_wise(&self) -> [Estimate; 2] {
        let by = self.calibration.classes.len() as f64;
        [self.calibration.sum_over_classes(), self.calibration.debiased_sum_over_classes()].map(|e| Estimate {
            value: e.value / by,
            se: e.se / by,
            lo: e.lo / by,
            hi: e.hi / by,
            n: e.n,
        })
    }
}

/// What the interval of the difference says of the bound.
pub(super) fn verdict(bound: &GapBound) -> &'static str {
    match bound.difference {
        e if e.above(0.0) => "the left side is below the right",
        e if e.below(0.0) => "the left side is above the right as bins see it, so that they hide a part of the error",
        _ => "the sides cannot be told apart",
    }
}
