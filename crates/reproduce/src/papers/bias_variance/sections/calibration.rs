//! Calibration, and the cross-entropy.

use super::super::findings::{All, Found, Side};
use crate::error::ReproduceError;
use tenfold_analysis::Disagreement;
use tenfold_analysis::charts::gap_chart;
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{Axis, AxisScale, Chart, Cloud, Point, Scatter, Section, Series, Table, estimate};

pub(super) fn calibration(all: &All, found: &Found) -> Result<Section, ReproduceError> {
    let sides = |of: &dyn Fn(&Side) -> Estimate| {
        found.sweep.iter().map(|side| Point::of(side.temperature, &of(side))).collect::<Vec<Point>>()
    };
    let sweep = Chart {
        title: format!("{}: the gap and its bound over temperature", all.data.name),
        x: Axis::new("temperature of the softmax", AxisScale::Log).with_ticks([0.25, 0.5, 1.0, 2.0, 4.0]),
        y: Axis::new("squared probability", AxisScale::Linear),
        series: vec![
            Series::new("|E Bias^2 - E Var - E G|", sides(&|s| s.bound.left)),
            Series::new("twice the calibration errors", sides(&|s| s.bound.right_debiased)),
            Series::new(
                "... of labels drawn from the model: should be 0",
                found.sweep.iter().map(|side| Point::bare(side.temperature, side.floor)).collect(),
            ),
        ],
    };
    let largest = all.networks.largest();
    let bins = tenfold_analysis::gap_by(&largest.found, |p| p.confidence, 10)?;
    let gap = |name: &str, bins| gap_chart(format!("{name}: gap of squared bias and variance"), bins);
    let name = &largest.network.name;
    let found = &found.disagreements;
    let row = |name: &str, d: &Disagreement| {
        let estimates = [&d.soft_error, &d.soft_disagreement, &d.soft_difference, &d.difference].map(estimate);
        std::iter::once(name.to_string()).chain(estimates)
    };
    let caption = format!(
        "Disagreement and error, {name}, before and after temperatures fitted on validation images: {:.3} to single models, {:.3} \
         to their mean, whose calibration the equality needs.",
        found.single.temperature, found.of_mean.temperature
    );
    let table = Table::new(caption, ["", "soft error", "soft disagreement", "soft difference", "hard difference"])
        .row(row("before", &found.before))
        .row(row("single models", &found.after_single))
        .row(row("mean model", &found.after));
    Ok(Section::new("Calibration")
        .chart("bias-variance-bound", sweep, format!("{name}; debiased errors in 15 bins, 95 % over points."))
        .chart(
            "bias-variance-gap-synthetic",
            gap("calibrated ensemble (synthetic)", &all.synthetic.bins),
            "Labels drawn from the mean model: the two are equal in every bin.",
        )
        .chart("bias-variance-gap", gap(name, &bins), "Where the network is not calibrated the two part.")
        .table(table))
}

pub(super) fn cross_entropy(all: &All, found: &Found) -> Result<Section, ReproduceError> {
    let cloud = |name: &str, right: bool| Cloud {
        name: name.into(),
        points: found.kl.points.iter().filter(|p| p.correct == right).map(|p| (p.variance, p.bias)).collect(),
    };
    let name = &all.networks.largest().network.name;
    let scatter = Scatter {
        title: format!("{}, {name}: bias and variance of the cross-entropy", all.data.name),
        x: Axis::new("variance (nats)", AxisScale::Log),
        y: Axis::new("bias (nats)", AxisScale::Log),
        clouds: vec![cloud("right", true), cloud("wrong", false)],
        lines: Vec::new(),
    };
    let [bias, variance] = found.kl.averages()?;
    let caption = format!(
        "Mean bias {} and variance {} nats without what few models add, 95 % over models and images.",
        estimate(&bias.over_both),
        estimate(&variance.over_both)
    );
    let title = "The cross-entropy in place of the squared loss";
    Ok(Section::new(title).chart("bias-variance-kl", scatter, caption))
}
