//! The report's chapters: plots and tables.

use super::findings::{All, Found, over_points};
use super::networks::Measured;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::{Block, Section, number, save_svg};
use serde_json::{Value, json};
use tenfold_analysis::charts::{gap_chart, scatter};
use tenfold_analysis::{Alignment, Decomposition, Null, Selection, above_diagonal};
use tenfold_charts::{Axis, AxisScale, Chart, Cloud, Point, Scatter, Series};
use tenfold_core_tensor::stats::Estimate;

pub(super) fn sections(context: &Context, all: &All, found: &Found) -> Result<Vec<Section>, ReproduceError> {
    Ok(vec![
        points(context, all)?,
        alignment(all),
        widths(context, all)?,
        sources(all),
        calibration(context, all, found)?,
        cross_entropy(context, all, found)?,
        collapse(all),
        provenance(all),
    ])
}

fn shown(e: &Estimate) -> String {
    format!("{} [{}, {}]", number(e.value), number(e.lo), number(e.hi))
}

/// What a scatter shows beside the points.
fn both(aligned: &Result<(Alignment, Null), String>) -> Option<(&Alignment, &Null)> {
    aligned.as_ref().ok().map(|(alignment, null)| (alignment, null))
}

fn points(context: &Context, all: &All) -> Result<Section, ReproduceError> {
    let widths = all.networks.widths();
    let mut blocks = vec![Block::Text(
        "One dot a test image, plug-in estimates. Slope one comes by itself from independent noise of one size: look at what \
         differs from the null."
            .into(),
    )];
    let residual = all.networks.all.iter().rfind(|m| m.network.name.starts_with("resnet"));
    for m in [widths.first().copied(), widths.last().copied(), residual].into_iter().flatten() {
        let title = format!("{}, {}: squared bias against variance", all.data.name, m.network.name);
        let file = format!("bias-variance-{}", m.network.name.replace('.', "-"));
        let svg = scatter(title, &m.found, both(&m.aligned)).svg();
        let caption = format!(
            "{} models, test accuracy of their mean {:.3}. No dot can lie below Var / {}.",
            m.averages.models,
            m.averages.accuracy,
            m.averages.models - 1
        );
        blocks.push(Block::Plot { file: save_svg(context.folder, &file, svg)?, caption });
    }
    for o in &all.others.all {
        let title = format!("{}, {}: squared bias against variance", all.data.name, o.name);
        let file = format!("bias-variance-{}", o.name.replace(' ', "-"));
        let svg = scatter(title, &o.found, both(&o.aligned)).svg();
        let caption = "No network: bootstrap samples, votes with one added to every class.".to_string();
        blocks.push(Block::Plot { file: save_svg(context.folder, &file, svg)?, caption });
    }
    Ok(Section { title: "Every point".into(), blocks })
}

fn alignment(all: &All) -> Section {
    let header =
        ["ensemble", "right points", "slope", "R^2", "R^2, null", "log ratio", "log ratio, null", "c of 95 %", "tau"];
    let networks = all.networks.all.iter().map(|m| (m.network.name.as_str(), &m.aligned));
    let others = all.others.all.iter().map(|o| (o.name, &o.aligned));
    let row = |(name, found): (&str, &Result<(Alignment, Null), String>)| match found {
        Err(reason) => {
            let mut row = vec![name.to_string(), reason.clone()];
            row.resize(header.len(), String::new());
            row
        }
        Ok((a, null)) => vec![
            name.to_string(),
            a.points.to_string(),
            shown(&a.fit.total_slope),
            shown(&a.fit.r_squared),
            number(null.drawn.r_squared.mean),
            shown(&a.fit.log_ratio),
            number(null.drawn.log_ratio.mean),
            shown(&a.fit.bound_95),
            number(null.tau),
        ],
    };
    let rows = networks.chain(others).map(row).collect();
    let wrong = |m: &Measured| {
        let selection = Selection { correct: false, ..Selection::default() };
        let count = m.found.points().iter().filter(|p| !p.correct()).count();
        let zero = m.found.points().iter().filter(|p| p.variance <= 0.0).count();
        let (above, ratio) = above_diagonal(&m.found, selection);
        vec![m.network.name.clone(), count.to_string(), number(above), number(ratio), zero.to_string()]
    };
    Section {
        title: "Alignment beside the null".into(),
        blocks: vec![
            Block::Table {
                caption: "Right points: slope of total least squares, R^2 of log Bias^2 on log Var, median log (Bias^2/Var), largest \
                          c; 95 % over models. The null has noise tau, one size for all points."
                    .into(),
                header: header.map(String::from).to_vec(),
                rows,
            },
            Block::Table {
                caption: "Wrong points stand apart: share with Bias^2 above Var, mean log ratio; and points without variance.".into(),
                header: ["network", "wrong points", "share above", "mean log ratio", "zero variance"].map(String::from).to_vec(),
                rows: all.networks.all.iter().map(wrong).collect(),
            },
        ],
    }
}

fn widths(context: &Context, all: &All) -> Result<Section, ReproduceError> {
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
    let aligned = |m: &&&Measured| m.aligned.is_ok();
    let of_null = |f: fn(&Null) -> Point, name: &str| {
        let points = widths
            .iter()
            .filter(aligned)
            .filter_map(|m| m.aligned.as_ref().ok().map(|(_, null)| Point { x: m.network.size, ..f(null) }));
        Series::new(name, points.collect())
    };
    let observed =
        widths.iter().filter_map(|m| m.aligned.as_ref().ok().map(|(a, _)| Point::of(m.network.size, &a.fit.r_squared)));
    let r_squared = Chart {
        title: format!("{}: how much of log Bias^2 the line explains", all.data.name),
        x: axis(),
        y: Axis::new("R^2, right points", AxisScale::Linear),
        series: vec![
            Series::new("observed, 95 % over models", observed.collect()),
            of_null(
                |null| {
                    let drawn = null.drawn.r_squared;
                    Point { x: 0.0, y: drawn.mean, interval: Some((drawn.lo, drawn.hi)) }
                },
                "null, 95 % of draws",
            ),
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
                file: save_svg(context.folder, "bias-variance-r-squared", r_squared.svg())?,
                caption: "Alignment over width, beside the null of each width.".into(),
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

fn sources(all: &All) -> Section {
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
    let halves = |m: &Measured| {
        let first = over_points(&m.found, |p| p.first_bias);
        let second = over_points(&m.found, |p| p.second_variance);
        vec![m.network.name.clone(), number(first), number(second)]
    };
    Section {
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
                caption: "Two-split check: Bias^2 from the first half of the models, Var from the other.".into(),
                header: ["network", "Bias^2, first half (plug-in)", "Var, second half"].map(String::from).to_vec(),
                rows: all.networks.all.iter().map(halves).collect(),
            },
        ],
    }
}

fn calibration(context: &Context, all: &All, found: &Found) -> Result<Section, ReproduceError> {
    let sides = |of: &dyn Fn(&super::findings::Side) -> Estimate| {
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

fn cross_entropy(context: &Context, all: &All, found: &Found) -> Result<Section, ReproduceError> {
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

fn collapse(all: &All) -> Section {
    let row = |f: &super::synthetic::Form| {
        vec![
            f.classes.to_string(),
            number(f.scale),
            number(f.exact.bias),
            number(f.exact.variance),
            number(f.exact.log_ratio()),
            shown(&f.bias),
            shown(&f.variance),
        ]
    };
    Section {
        title: "The simple model of collapse".into(),
        blocks: vec![
            Block::Text(
                "Its ratio of Bias^2 to Var drifts from above one to far below as the scale grows: alignment over a middle range, \
                 not slope one in the limit (derived in this project)."
                    .into(),
            ),
            Block::Table {
                caption: "Closed forms, and the relative deviation of Monte Carlo (95 % over repetitions).".into(),
                header: ["K", "s'", "Bias^2", "Var", "log Bias^2 / log Var, label's entry", "deviation of Bias^2", "of Var"]
                    .map(String::from)
                    .to_vec(),
                rows: all.synthetic.forms.iter().map(row).collect(),
            },
        ],
    }
}

fn provenance(all: &All) -> Section {
    let [train, validation, test] = all.settings.counts;
    let source = &all.data.source;
    let files: Vec<String> = source.files.iter().map(|f| format!("{} (SHA-256 {})", f.name, f.sha256)).collect();
    let files = format!("{}, licence {}: {}.", source.title, source.licence, files.join(", "));
    let text = format!(
        "{}: {train} training, {validation} validation and {test} test images. Unless said otherwise models differ in initial \
         weights and the order of the samples. Temperatures are fitted on validation images. Nearest neighbours and trees see \
         bootstrap samples. Networks took {:.1} s, neighbours and trees {:.1} s, synthetic data {:.1} s.",
        all.data.name, all.networks.seconds, all.others.seconds, all.synthetic.seconds
    );
    Section { title: "What was run".into(), blocks: vec![Block::Text(text), Block::Text(files)] }
}

/// Bias^2 and variance of every point of every ensemble.
pub(super) fn metrics(all: &All) -> Vec<Value> {
    let line = |name: &str, found: &Decomposition, train_accuracy: Option<f64>| {
        let column = |k: usize| found.table().column(k).to_vec();
        json!({
            "data": all.data.name, "ensemble": name, "models": found.models(), "differ_in": found.randomness(),
            "train_accuracy": train_accuracy, "bias": column(0), "variance": column(1),
            "correct": found.points().iter().map(|p| p.correct()).collect::<Vec<_>>(),
        })
    };
    let networks = all.networks.all.iter().map(|m| line(&m.network.name, &m.found, Some(m.train_accuracy)));
    networks.chain(all.others.all.iter().map(|o| line(o.name, &o.found, None))).collect()
}
