//! Collapse: the simple model, and how far the networks have come.

use super::super::findings::All;
use super::super::networks::Measured;
use super::super::synthetic::Form;
use crate::error::ReproduceError;
use tenfold_analysis::collapse::{FrameFit, QuantileFit};
use tenfold_report::{Axis, AxisScale, Chart, Point, Section, Series, Table, estimate, number};

pub(super) fn collapse(all: &All) -> Result<Section, ReproduceError> {
    let row = |f: &Form| {
        vec![
            f.classes.to_string(),
            number(f.scale),
            number(f.exact.bias),
            number(f.exact.variance),
            number(f.exact.log_ratio()),
            estimate(&f.bias),
            estimate(&f.variance),
        ]
    };
    let fits = frames(all)?;
    let caption = "Closed forms, and the relative deviation of Monte Carlo (95 % over repetitions).";
    let header = ["K", "s'", "Bias^2", "Var", "log Bias^2 / log Var, label's entry", "deviation of Bias^2", "of Var"];
    let forms = Table::new(caption, header).rows(all.synthetic.forms.iter().map(row));
    let caption = "How far the networks have collapsed, means over models on training images (0 is collapsed); and the test logits \
                   of each first model as a simplex frame with noise: positive differences favour Gumbel's law, which the model \
                   supposes.";
    let header = [
        "network",
        "NC1",
        "NC2, lengths",
        "NC2, angles",
        "nearest mean's error",
        "share that the frame explains",
        "quantiles: Gumbel's correlation",
        "Gauss's",
        "Gumbel's less Gauss's",
    ];
    let networks = all.networks.all.iter().zip(&fits).map(|(m, fit)| network(m, fit));
    Ok(Section::new("Collapse")
        .text(
            "Its ratio of Bias^2 to Var drifts from above one to far below as the scale grows: alignment over a middle range, \
             not slope one in the limit (derived in this project).",
        )
        .table(forms)
        .table(Table::new(caption, header).rows(networks))
        .chart(
            "bias-variance-noise",
            quantiles(all, &fits),
            "Noise of the logits about the frame; the law that it has lies on the dashed line.",
        ))
}

/// The test logits of each network's first model as a simplex frame with noise.
fn frames(all: &All) -> Result<Vec<FrameFit>, ReproduceError> {
    let first = |m: &Measured| FrameFit::of(m.test.index_axis(ndarray::Axis(0), 0), &all.data.test.labels);
    Ok(all.networks.all.iter().map(first).collect::<Result<Vec<_>, _>>()?)
}

fn network(m: &Measured, fit: &FrameFit) -> Vec<String> {
    let mut row = vec![m.network.name.clone()];
    match m.collapse {
        Some(of) => row.extend(of.map(number)),
        None => row.extend(["not defined", "", "", ""].map(String::from)),
    }
    row.push(number(fit.explained));
    row.extend([&fit.gumbel.correlation, &fit.gaussian.correlation, &fit.difference].map(estimate));
    row
}

/// The widest perceptron's quantiles against both laws'.
fn quantiles(all: &All, fits: &[FrameFit]) -> Chart {
    let largest = all.networks.largest();
    let at = all.networks.all.iter().position(|m| std::ptr::eq(m, largest)).unwrap_or(0);
    let fit = &fits[at];
    let series = |name: &str, fit: &QuantileFit| {
        Series::new(name, fit.quantiles.iter().step_by(4).map(|(law, seen)| Point::bare(*law, *seen)).collect())
    };
    Chart {
        title: format!("{}, {}: noise of the logits", all.data.name, largest.network.name),
        x: Axis::new("quantile of the law (standard deviations)", AxisScale::Linear),
        y: Axis::new("quantile of the noise (standard deviations)", AxisScale::Linear),
        series: vec![
            series("Gumbel", &fit.gumbel),
            series("Gauss", &fit.gaussian),
            Series::reference("that law", [-3.0, 3.0].map(|v| Point::bare(v, v)).to_vec()),
        ],
    }
}
