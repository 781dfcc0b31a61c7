//! Averages and alignment over sizes, and where variance comes from.

use super::super::findings::{All, z};
use super::super::networks::Measured;
use crate::error::ReproduceError;
use tenfold_analysis::{Alignment, Nulls, TwoSplit};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::StatsError;
use tenfold_report::{Axis, AxisScale, Chart, Point, Section, Series, Table, estimate, number};

pub(super) fn over_sizes(all: &All) -> Result<Section, ReproduceError> {
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
            estimate(&a.bias.over_both),
            estimate(&a.variance.over_both),
            number(a.gini),
        ]
    };
    let caption = "All networks. Widths are compared at the training accuracy shown: narrow ones do not fit.";
    let header = ["network", "models differ in", "training accuracy", "accuracy of the mean", "Bias^2", "Var", "G"];
    let beside_nulls = "Correlation over width, beside both nulls of each width: 0 is none, below it points with more variance have less bias.";
    Ok(Section::new("Over sizes")
        .chart("bias-variance-widths", averages, "Unbiased estimates, 95 % over models.")
        .chart("bias-variance-correlation", correlation, beside_nulls)
        .table(Table::new(caption, header).rows(all.networks.all.iter().map(row))))
}

pub(super) fn sources(all: &All) -> Result<Section, ReproduceError> {
    let with = |m: &&Measured| m.network.name.starts_with("mlp-64");
    let row = |m: &Measured| {
        let a = &m.averages;
        vec![
            m.network.randomness.to_string(),
            estimate(&a.bias.over_models),
            estimate(&a.variance.over_models),
            number(a.accuracy),
        ]
    };
    let halves = |m: &Measured| -> Result<Vec<String>, ReproduceError> {
        let right = m.found.points().iter().filter(|p| p.correct());
        let split = TwoSplit::of(&m.found, right, Seed::new(0).named("bias-variance-halves"))?;
        let mut row = vec![m.network.name.clone()];
        match split {
            None => row.push("needs four models".into()),
            Some(TwoSplit { first_bias, second_variance, line, .. }) => {
                row.extend([estimate(&first_bias), estimate(&second_variance)]);
                row.extend(
                    line.map_or_else(|reason| [reason, String::new()], |l| [estimate(&l.slope), number(l.r_squared)]),
                );
            }
        }
        Ok(row)
    };
    let caption = "One perceptron (64 units) under three sources of randomness; disjoint parts are a twentieth of the training set \
                   each.";
    let of_one = Table::new(caption, ["models differ in", "Bias^2", "Var", "accuracy of the mean"]);
    let caption = "Two-split check: Bias^2 (plug-in) from the first half of the models, Var (unbiased) from the other, and the line \
                   through right points; 95 % over points. The two share no noise.";
    let of_halves = Table::new(caption, ["network", "Bias^2, first half", "Var, second half", "slope", "R^2"]);
    Ok(Section::new("Where the variance comes from")
        .table(of_one.rows(all.networks.all.iter().filter(with).map(row)))
        .table(of_halves.rows(all.networks.all.iter().map(halves).collect::<Result<Vec<_>, _>>()?)))
}
