//! What is printed.

use super::{Calibrate, Found};
use crate::analysis::{folded, number, shown};
use crate::output::Output;
use serde_json::json;
use tenfold_analysis::{CalibrationError, GapBound};
use tenfold_core_tensor::stats::Estimate;

/// Where the values of fields begin.
const FIELD: usize = 23;

impl Calibrate {
    pub(super) fn say(&self, found: &Found) -> Output {
        let Found { models, points, randomness, calibration, .. } = found;
        let error = |e: &CalibrationError| format!("{} plain, {} debiased", number(e.plain), shown(&e.debiased));
        let mut output = Output::new().field("models", models, *models).field("points", points, *points).field(
            "differ_in",
            randomness,
            json!(randomness),
        );
        if let Some(t) = &found.temperature {
            let text =
                format!("{:.4}, cross-entropy {:.4} to {:.4} on validation points", t.temperature, t.before, t.after);
            output = output.field("temperature", text, json!(t));
        }
        let [plain, debiased] = found.class_wise();
        let text = format!("{} plain, {} debiased (mean over classes)", shown(&plain), shown(&debiased));
        output = output
            .field("top_label_error", error(&calibration.top_label), json!(calibration.top_label))
            .field("class_wise_error", folded(&text, FIELD), json!(calibration.classes))
            .hidden("class_wise_mean", json!({"plain": plain, "debiased": debiased}));
        if let (Some(path), Some(given)) = (&self.by, &found.given) {
            let text = format!("{}, given {path} in {} bins", error(given), given.bins.len());
            output = output.field("error_given", folded(&text, FIELD), json!(given));
        }
        if let Some((d, bound, gaps)) = &found.ensemble {
            let verdict = format!("{} debiased right minus left: {}", shown(&bound.difference), verdict(bound));
            let more = |text: &str| format!("{:<22} {}", "", folded(text, FIELD));
            output = output
                .field("error", shown(&d.error), json!(d.error))
                .field("disagreement", shown(&d.disagreement), json!(d.disagreement))
                .field("difference", shown(&d.difference), json!(d.difference))
                .field("soft_error", shown(&d.soft_error), json!(d.soft_error))
                .field("soft_disagreement", shown(&d.soft_disagreement), json!(d.soft_disagreement))
                .field("soft_difference", shown(&d.soft_difference), json!(d.soft_difference))
                .field("gap_bound", format!("{} left side", shown(&bound.left)), json!(bound))
                .line(more(&format!("{} right side, plain", shown(&bound.right))))
                .line(more(&format!("{} right side, debiased", shown(&bound.right_debiased))))
                .line(more(&verdict))
                .hidden("gap_by_confidence", json!(gaps));
        } else {
            output = output.line("Disagreement and the gap need at least three models.");
        }
        if let Some(path) = &self.report {
            output = output.field("report", path.display(), path.display().to_string());
        }
        output
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
