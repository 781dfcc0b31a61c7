//! Averages and alignment over sizes, and where variance comes from.

use super::super::findings::{All, z};
use super::super::networks::Measured;
use super::shown;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::{Block, Section, number, save_svg};
use tenfold_analysis::{Alignment, Nulls, TwoSplit};
use tenfold_charts::{Axis, AxisScale, Chart, Point, Series};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::StatsError;

pub(super) fn over_sizes(context: &Context, all: &All) -> Result<Section, ReproduceError> {
    let widths = all.networks.widths();
    let series =
        |name: &str, of: &dyn Fn(&Measured) -> Point| Series::new(name, widths.iter().map(|m| of(m)).collect());
    let axis = || {
        Axis::new("width of the hidden layer (units)", AxisScale::Log).with_ticks(widths.iter().map(|m| m.network.size))
    };
    let averages = Chart {
        title: format!("{}: averages over test images", all.data.name),
        x: axis(),
        y: Axis::new("squared probability", AxisScale::Linear),
        series: vec![
            series("Bias^2", &|m| Point::of(m.network.size, &m.averages.bias.over_models)),
            series("Var", &|m| Point::of(m.network.size, &m.averages.variance.over_models)),
            series("mean loss", &|m| Point::of(m.network.size, &m.averages.loss.over_models)),
        ],
    };
    let beside = || widths.iter().filter_map(|m| m.aligned.as_ref().ok().map(|(a, nulls)| (m.network.size, a, nulls)));
    let of_null = |k: usize, name: &str| {
        let point = |(size, _, nulls): (f64, &Alignment, &Nulls)| {
            let drawn = nulls.each()[k].range(z);
            Point { x: size, y: drawn.mean, interval: Some((drawn.lo, drawn.hi)) }
        };
        Series::new(name, beside().map(point).collect())
    };
    let observed = beside()
        .map(|(size, a, _)| Ok(Point::of(size, &a.estimate(z)?)))
        .collect::<Result<Vec<Point>, StatsError>>()?;
    let correlation = Chart {
        title: format!("{}: how close right points are to a line", all.data.name),
        x: axis(),
        y: Axis::new("atanh r of log Bias^2 and log Var", AxisScale::Linear),
        series: vec![
            Series::new("observed, 95 % over models", observed),
            of_null(0, "noise dealt out, 95 % of draws"),
            of_null(1, "normal noise, 95 % of draws"),
        ],
    };
    let row = |m: &Measured| {
        let a = &m.averages;
        vec![
            m.network.name.clone(),
            m.network.randomness.to_string(),
            number(m.train_accuracy),
            number(a.accuracy),
            shown(&a.bias.over_both),
            shown(&a.variance.over_both),
            number(a.gini),
        ]
    };
    Ok(Section {
        title: "Over sizes".into(),
        blocks: vec![
            Block::Plot {
                file: save_svg(context.folder, "bias-variance-widths", averages.svg())?,
                caption: "Unbiased estimates, 95 % over models.".into(),
            },
            Block::Plot {
                file: save_svg(context.folder, "bias-variance-correlation", correlation.svg())?,
                caption: "Correlation over width, beside both nulls of each width: 0 is none, below it points with more variance have less bias.".into(),
            },
            Block::Table {
                caption: "All networks. Widths are compared at the training accuracy shown: narrow ones do not fit."
                    .into(),
                header: [
                    "network",
                    "models differ in",
                    "training accuracy",
                    "accuracy of the mean",
                    "Bias^2",
                    "Var",
                    "G",
                ]
                .map(String::from)
                .to_vec(),
                rows: all.networks.all.iter().map(row).collect(),
            },
        ],
    })
}

pub(super) fn sources(all: &All) -> Result<Section, ReproduceError> {
    let with = |m: &&Measured| m.network.name.starts_with("mlp-64");
    let row = |m: &Measured| {
        let a = &m.averages;
        vec![
            m.network.randomness.to_string(),
            shown(&a.bias.over_models),
            shown(&a.variance.over_models),
            number(a.accuracy),
        ]
    };
    let halves = |m: &Measured| -> Result<Vec<String>, ReproduceError> {
        let right = m.found.points().iter().filter(|p| p.correct());
        let split = TwoSplit::of(&m.found, right, Seed::new(0).named("bias-variance-halves"))?;
        let mut row = vec![m.network.name.clone()];
        match split {
            None => row.extend(["needs four models", "", "", ""].map(String::from)),
            Some(TwoSplit { first_bias, second_variance, line, .. }) => {
                row.extend([shown(&first_bias), shown(&second_variance)]);
                row.extend(
                    line.map_or_else(|reason| [reason, String::new()], |l| [shown(&l.slope), number(l.r_squared)]),
                );
            }
        }
        Ok(row)
    };
    Ok(Section {
        title: "Where the variance comes from".into(),
        blocks: vec![
            Block::Table {
                caption: "One perceptron (64 units) under three sources of randomness; disjoint parts are a twentieth of the \
                          training set each."
                    .into(),
                header: ["models differ in", "Bias^2", "Var", "accuracy of the mean"].map(String::from).to_vec(),
                rows: all.networks.all.iter().filter(with).map(row).collect(),
            },
            Block::Table {
                caption: "Two-split check: Bias^2 (plug-in) from the first half of the models, Var (unbiased) from the other, and the \
                          line through right points; 95 % over points. The two share no noise."
                    .into(),
                header: ["network", "Bias^2, first half", "Var, second half", "slope", "R^2"].map(String::from).to_vec(),
                rows: all.networks.all.iter().map(halves).collect::<Result<_, _>>()?,
            },
        ],
    })
}
