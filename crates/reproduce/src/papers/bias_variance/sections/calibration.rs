//! Calibration, and the cross-entropy.

use super::super::findings::{All, Found, Side};
use super::shown;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::{Block, Section, save_svg};
use tenfold_analysis::charts::gap_chart;
use tenfold_charts::{Axis, AxisScale, Chart, Cloud, Point, Scatter, Series};
use tenfold_core_tensor::stats::Estimate;

pub(super) fn calibration(context: &Context, all: &All, found: &Found) -> Result<Section, ReproduceError> {
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
    let title = |name: &str| format!("{name}: gap of squared bias and variance");
    let found_at = &found.disagreements;
    let row = |name: &str, d: &tenfold_analysis::Disagreement| {
        vec![
            name.to_string(),
            shown(&d.soft_error),
            shown(&d.soft_disagreement),
            shown(&d.soft_difference),
            shown(&d.difference),
        ]
    };
    Ok(Section {
        title: "Calibration".into(),
        blocks: vec![
            Block::Plot {
                file: save_svg(context.folder, "bias-variance-bound", sweep.svg())?,
                caption: format!("{}; debiased errors in 15 bins, 95 % over points.", largest.network.name),
            },
            Block::Plot {
                file: save_svg(
                    context.folder,
                    "bias-variance-gap-synthetic",
                    gap_chart(title("calibrated ensemble (synthetic)"), &all.synthetic.bins).svg(),
                )?,
                caption: "Labels drawn from the mean model: the two are equal in every bin.".into(),
            },
            Block::Plot {
                file: save_svg(
                    context.folder,
                    "bias-variance-gap",
                    gap_chart(title(&largest.network.name), &bins).svg(),
                )?,
                caption: "Where the network is not calibrated the two part.".into(),
            },
            Block::Table {
                caption: format!(
                    "Disagreement and error, {}, before and after temperatures fitted on validation images: {:.3} to single models, \
                     {:.3} to their mean, whose calibration the equality needs.",
                    largest.network.name, found_at.single.temperature, found_at.of_mean.temperature
                ),
                header: ["", "soft error", "soft disagreement", "soft difference", "hard difference"]
                    .map(String::from)
                    .to_vec(),
                rows: vec![
                    row("before", &found_at.before),
                    row("single models", &found_at.after_single),
                    row("mean model", &found_at.after),
                ],
            },
        ],
    })
}

pub(super) fn cross_entropy(context: &Context, all: &All, found: &Found) -> Result<Section, ReproduceError> {
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
    Ok(Section {
        title: "The cross-entropy in place of the squared loss".into(),
        blocks: vec![Block::Plot {
            file: save_svg(context.folder, "bias-variance-kl", scatter.svg())?,
            caption: format!(
                "Mean bias {} and variance {} nats without what few models add, 95 % over models and images.",
                shown(&bias.over_both),
                shown(&variance.over_both)
            ),
        }],
    })
}
