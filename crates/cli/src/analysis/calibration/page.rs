//! The report.

use super::text::verdict;
use super::{Calibrate, Found};
use crate::analysis::{number, shown};
use crate::error::CliError;
use crate::page::Report;
use tenfold_analysis::{CalibrationError, Disagreement, GapBound, charts};
use tenfold_charts::{Axis, AxisScale, Chart, Point, Series};
use tenfold_core_tensor::stats::{CalibrationBin, wilson};

impl Calibrate {
    pub(super) fn page(&self, found: &Found) -> Result<String, CliError> {
        let mut page = Report::new("Calibration");
        let Found { models, points, randomness, .. } = found;
        page.paragraph(&format!(
            "The mean of {models} models on {points} points from {}; what differs from model to model: {randomness}.",
            self.input.predictions
        ));
        if let Some(t) = &found.temperature {
            page.paragraph(&format!("Logits are divided by {:.4}, fitted on validation points.", t.temperature));
        }
        errors(&mut page, found)?;
        if let (Some(path), Some(given)) = (&self.by, &found.given) {
            page.heading(&format!("Given {path}"));
            by_statistic(&mut page, given);
        }
        if let Some((disagreement, bound, gaps)) = &found.ensemble {
            page.heading("Bias^2 - Var against the Gini impurity");
            let chart = charts::gap_chart("gap of squared bias and variance", gaps);
            page.drawing(&chart.svg()?, "For a calibrated mean model the two are equal in every bin.");
            sides(&mut page, bound);
            disagreements(&mut page, disagreement);
        }
        Ok(page.html())
    }
}

fn errors(page: &mut Report, found: &Found) -> Result<(), CliError> {
    let calibration = &found.calibration;
    let bins = &calibration.top_label.bins;
    let confidences = || bins.iter().map(|b| b.confidence);
    let (lo, hi) = confidences().fold((1.0_f64, 0.0_f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let shares = bins.iter().map(|b| {
        let interval = share(b).map(|e| (e.lo, e.hi));
        Point { x: b.confidence, y: b.outcome, interval }
    });
    let chart = Chart {
        title: "reliability of the most probable class".into(),
        x: Axis::new("mean probability in the bin", AxisScale::Linear),
        y: Axis::new("share that is right", AxisScale::Linear),
        series: vec![
            Series::new("observed, 95 % (Wilson)", shares.collect()),
            Series::reference("calibrated", vec![Point::bare(lo, lo), Point::bare(hi, hi)]),
        ],
    };
    page.drawing(&chart.svg()?, "Below the dashed line the mean model is surer than it is right.");
    let row = |name: String, e: &CalibrationError| {
        vec![name, number(e.plain), shown(&e.debiased), number(e.debiased_root_square)]
    };
    let [plain, debiased] = found.class_wise();
    let mut rows = vec![
        row("most probable class".into(), &calibration.top_label),
        vec!["mean over classes".into(), shown(&plain), shown(&debiased), String::new()],
    ];
    rows.extend(calibration.classes.iter().enumerate().map(|(k, e)| row(format!("class {k}"), e)));
    page.table(&["", "plain", "debiased, 95 % over points", "root square, debiased"], &rows);
    Ok(())
}

/// The share that is right, with its interval over the points of the bin.
fn share(bin: &CalibrationBin) -> Option<tenfold_core_tensor::stats::Estimate> {
    wilson((bin.outcome * bin.n as f64).round() as usize, bin.n).ok()
}

fn by_statistic(page: &mut Report, given: &CalibrationError) {
    page.paragraph(&format!(
        "Points in bins of equal mass by the statistic, in ascending order; points of one value stay together. The error given \
         it is {} plain and {} debiased, 95 % over points.",
        number(given.plain),
        shown(&given.debiased)
    ));
    let row = |(k, bin): (usize, &CalibrationBin)| {
        let right = share(bin).map_or_else(|| number(bin.outcome), |e| shown(&e));
        vec![format!("bin {}", k + 1), bin.n.to_string(), number(bin.confidence), right]
    };
    let rows: Vec<Vec<String>> = given.bins.iter().enumerate().map(row).collect();
    page.table(&["", "points", "mean probability", "share that is right, 95 % (Wilson)"], &rows);
}

fn sides(page: &mut Report, bound: &GapBound) {
    page.table(
        &["the bound, 95 % over points", ""],
        &[
            vec!["left: |E Bias^2 - E Var - E G|".into(), shown(&bound.left)],
            vec!["right: twice the class-wise errors, plain".into(), shown(&bound.right)],
            vec!["right, debiased".into(), shown(&bound.right_debiased)],
            vec!["debiased right minus left".into(), shown(&bound.difference)],
        ],
    );
    page.paragraph(&format!(
        "At 95 %, {}. Debiasing leaves a part of what is noise alone in the right side, which makes it look larger.",
        verdict(bound)
    ));
}

fn disagreements(page: &mut Report, d: &Disagreement) {
    page.heading("Error and disagreement");
    let row = |name: &str, a: &_, b: &_, c: &_| vec![name.to_string(), shown(a), shown(b), shown(c)];
    page.table(
        &["", "error", "disagreement", "difference"],
        &[
            row("predictions", &d.error, &d.disagreement, &d.difference),
            row("probabilities", &d.soft_error, &d.soft_disagreement, &d.soft_difference),
        ],
    );
}
