//! The report.

use super::text::verdict;
use super::{Calibrate, Found};
use tenfold_analysis::{CalibrationError, Disagreement, GapBin, GapBound, charts};
use tenfold_core_tensor::stats::{CalibrationBin, Estimate, wilson};
use tenfold_report::{Axis, AxisScale, Chart, Page, Point, Section, Series, Table, estimate, number};

impl Calibrate {
    pub(super) fn page(&self, found: &Found) -> Page {
        let Found { models, points, randomness, .. } = found;
        let mut page = Page::new("Calibration").text(&format!(
            "The mean of {models} models on {points} points from {}; what differs from model to model: {randomness}.",
            self.input.predictions
        ));
        if let Some(t) = &found.temperature {
            page = page.text(&format!("Logits are divided by {}, fitted on validation points.", number(t.temperature)));
        }
        page = page.section(errors(found));
        if let (Some(path), Some(given)) = (&self.by, &found.given) {
            page = page.section(by_statistic(&path.to_string(), given));
        }
        match &found.ensemble {
            Some((disagreement, bound, gaps)) => page.section(gap(gaps, bound)).section(disagreements(disagreement)),
            None => page,
        }
    }
}

fn errors(found: &Found) -> Section {
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
    let row = |name: String, e: &CalibrationError| {
        [name, number(e.plain), estimate(&e.debiased), number(e.debiased_root_square)]
    };
    let [plain, debiased] = found.class_wise();
    let classes = calibration.classes.iter().enumerate().map(|(k, e)| row(format!("class {k}"), e));
    let table = Table::new("", ["", "plain", "debiased, 95 % over points", "root square, debiased"])
        .row(row("most probable class".into(), &calibration.top_label))
        .row(["mean over classes", &estimate(&plain), &estimate(&debiased)])
        .rows(classes);
    Section::new("Calibration errors")
        .chart("reliability", chart, "Below the dashed line the mean model is surer than it is right.")
        .table(table)
}

/// The share that is right, with its interval over the points of the bin.
fn share(bin: &CalibrationBin) -> Option<Estimate> {
    wilson((bin.outcome * bin.n as f64).round() as usize, bin.n).ok()
}

fn by_statistic(path: &str, given: &CalibrationError) -> Section {
    let row = |(k, bin): (usize, &CalibrationBin)| {
        let right = share(bin).map_or_else(|| number(bin.outcome), |e| estimate(&e));
        [format!("bin {}", k + 1), bin.n.to_string(), number(bin.confidence), right]
    };
    let header = ["", "points", "mean probability", "share that is right, 95 % (Wilson)"];
    Section::new(format!("Given {path}"))
        .text(format!(
            "Points in bins of equal mass by the statistic, in ascending order; points of one value stay together. The error \
             given it is {} plain and {} debiased, 95 % over points.",
            number(given.plain),
            estimate(&given.debiased)
        ))
        .table(Table::new("", header).rows(given.bins.iter().enumerate().map(row)))
}

fn gap(bins: &[GapBin], bound: &GapBound) -> Section {
    let table = Table::new("The bound, 95 % over points.", ["side", "estimate"])
        .row(["left: |E Bias^2 - E Var - E G|", &estimate(&bound.left)])
        .row(["right: twice the class-wise errors, plain", &estimate(&bound.right)])
        .row(["right, debiased", &estimate(&bound.right_debiased)])
        .row(["debiased right minus left", &estimate(&bound.difference)]);
    Section::new("Bias^2 - Var against the Gini impurity")
        .chart(
            "gap",
            charts::gap_chart("gap of squared bias and variance", bins),
            "For a calibrated mean model the two are equal in every bin.",
        )
        .table(table)
        .text(format!(
            "At 95 %, {}. Debiasing leaves a part of what is noise alone in the right side, which makes it look larger.",
            verdict(bound)
        ))
}

fn disagreements(d: &Disagreement) -> Section {
    let row = |name: &str, of: [&Estimate; 3]| std::iter::once(name.to_string()).chain(of.map(estimate));
    let table = Table::new("95 % over points.", ["", "error", "disagreement", "difference"])
        .row(row("predictions", [&d.error, &d.disagreement, &d.difference]))
        .row(row("probabilities", [&d.soft_error, &d.soft_disagreement, &d.soft_difference]));
    Section::new("Error and disagreement").table(table)
}
