//! The report's chapters: plots, tables, and a gallery.

use super::compare::{Changed, Compared, Method};
use super::findings::{Changes, gain, synthetic_gain};
use super::real::Real;
use super::settings::Settings;
use super::synthetic::{NOISE, Synthetic, WIDTHS};
use super::theory::{BOUND, DIMENSIONS, NEIGHBOURS, NOISE_LEVELS, SIZES, Theory};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::adapter::{Block, Gallery, GalleryRow, Section, Tile, save_svg};
use crate::report::number;
use ndarray::Array2;
use serde_json::{Value, json};
use tenfold_core_tensor::stats::{Estimate, StatsError, crossed_interval, mean, mean_interval};
use tenfold_data::Images;
use tenfold_report::{Axis, AxisScale, Chart, Point, Series};
use tenfold_resmem::theory::{Risk, t2_law};

pub(super) fn sections(
    context: &Context,
    settings: &Settings,
    real: &Real,
    synthetic: &Synthetic,
    theory: &Theory,
) -> Result<Vec<Section>, ReproduceError> {
    Ok(vec![
        on_images(context, settings, real)?,
        gallery(context, real)?,
        on_rule(context, synthetic)?,
        linear(context, theory)?,
        provenance(settings, real),
    ])
}

fn accuracy(results: &[Compared], method: Method) -> Result<Estimate, StatsError> {
    let correct = |s: usize, i: usize| f64::from(u8::from(results[s].correct(method)[i]));
    let points = results[0].correct(method).len();
    crossed_interval(Array2::from_shape_fn((results.len(), points), |(s, i)| correct(s, i)).view())
}

/// An estimate where there are enough seeds for one, else the bare mean.
fn point(x: f64, estimate: Result<Estimate, StatsError>, bare: f64) -> Point {
    estimate.map_or(Point::bare(x, bare), |e| Point::of(x, &e))
}

fn mean_accuracy(results: &[Compared], method: Method) -> f64 {
    mean(&results.iter().map(|c| c.accuracy(method)).collect::<Vec<_>>())
}

fn percent(v: f64) -> String {
    format!("{:.2}", 100.0 * v)
}

fn on_images(context: &Context, settings: &Settings, real: &Real) -> Result<Section, ReproduceError> {
    let data = &real.source.title;
    let sizes: Vec<f64> = real.capacities.iter().map(|c| c.size).collect();
    let against_capacity = Chart {
        title: format!("{data}: accuracy against capacity"),
        x: Axis::new("width of the penultimate layer", AxisScale::Log).with_ticks(sizes.iter().copied()),
        y: Axis::new("test accuracy (share)", AxisScale::Linear),
        series: [Method::Base, Method::ResMem, Method::Knn, Method::Mixture]
            .map(|m| {
                let points = sizes.iter().zip(&real.by_capacity);
                Series::new(m.words(), points.map(|(x, r)| point(*x, accuracy(r, m), mean_accuracy(r, m))).collect())
            })
            .to_vec(),
    };
    let of_gain = |r: &[Compared], x: f64, m: Method| {
        point(x, gain(r, m, Method::Base), mean_accuracy(r, m) - mean_accuracy(r, Method::Base))
    };
    let gains = Chart {
        title: format!("{data}: gain over the base against capacity"),
        x: Axis::new("width of the penultimate layer", AxisScale::Log).with_ticks(sizes.iter().copied()),
        y: Axis::new("gain in test accuracy over the base (share)", AxisScale::Linear),
        series: [Method::ResMem, Method::Knn, Method::Mixture, Method::Shuffled]
            .map(|m| {
                let points = sizes.iter().zip(&real.by_capacity);
                Series::new(m.words(), points.map(|(x, r)| of_gain(r, *x, m)).collect())
            })
            .into_iter()
            .chain([Series::reference("no gain", sizes.iter().map(|x| Point::bare(*x, 0.0)).collect())])
            .collect(),
    };
    let against_n = Chart {
        title: format!("{data}: gain against training points ({})", real.capacities[sizes.len() / 2].name),
        x: Axis::new("training points", AxisScale::Log).with_ticks(real.sizes.iter().map(|n| *n as f64)),
        y: Axis::new("gain in test accuracy over the base (share)", AxisScale::Linear),
        series: [Method::ResMem, Method::Shuffled]
            .map(|m| {
                let points = real.sizes.iter().zip(&real.by_size);
                Series::new(m.words(), points.map(|(n, r)| of_gain(r, *n as f64, m)).collect())
            })
            .to_vec(),
    };
    let mut blocks = vec![
        Block::Text(format!(
            "Networks of three capacities were trained on {} images; k, sigma, T (and lambda) were chosen on {} % of the \
             training images held out, the test images serve the final figures only. Bars are 95 % intervals over \
             training seeds and test points.",
            real.sizes.last().copied().unwrap_or_default(),
            100.0 * settings.validation
        )),
        Block::Plot {
            file: save_svg(context.folder, "resmem-capacity", against_capacity.svg())?,
            caption: "Test accuracy with and without the memory. Bars here are not paired; the next plot's are.".into(),
        },
        Block::Plot {
            file: save_svg(context.folder, "resmem-gain", gains.svg())?,
            caption: "Gain over the base, paired by seed and test point; the shuffled memory is the control.".into(),
        },
        Block::Plot {
            file: save_svg(context.folder, "resmem-n", against_n.svg())?,
            caption:
                "Gain from the memory as the training set grows, with equal gradient steps; the shuffled memory is \
                      the control and should show none."
                    .into(),
        },
    ];
    for (name, label, scale, of) in [
        ("k", "neighbours k", AxisScale::Log, (|c| &c.curves.k) as fn(&Compared) -> &Vec<(f64, f64)>),
        ("sigma", "kernel width sigma (multiples of the median first-neighbour distance)", AxisScale::Log, |c| {
            &c.curves.sigma
        }),
        ("temperature", "temperature T", AxisScale::Log, |c| &c.curves.temperature),
    ] {
        let series = real.capacities.iter().zip(&real.by_capacity).map(|(c, r)| {
            let grid = of(&r[0]).iter().map(|p| p.0);
            let at = |i: usize| mean_interval(&r.iter().map(|c| of(c)[i].1).collect::<Vec<_>>());
            let bare = |i: usize| mean(&r.iter().map(|c| of(c)[i].1).collect::<Vec<_>>());
            Series::new(c.name.clone(), grid.enumerate().map(|(i, x)| point(x, at(i), bare(i))).collect())
        });
        let ticks: Vec<f64> = of(&real.by_capacity[0][0]).iter().map(|p| p.0).collect();
        let chart = Chart {
            title: format!("{data}: validation accuracy over {name}"),
            x: Axis::new(label, scale).with_ticks(ticks),
            y: Axis::new("validation accuracy (share)", AxisScale::Linear),
            series: series.collect(),
        };
        blocks.push(Block::Plot {
            file: save_svg(context.folder, &format!("resmem-{name}"), chart.svg())?,
            caption: format!(
                "ResMem's validation accuracy over {name}, the other two at their chosen values; bars are t intervals over seeds."
            ),
        });
    }
    blocks.push(table(real));
    Ok(Section { title: format!("Real images: {data}"), blocks })
}

fn table(real: &Real) -> Block {
    let mut rows = Vec::new();
    for (c, results) in real.capacities.iter().zip(&real.by_capacity) {
        for method in Method::ALL {
            let gained = gain(results, method, Method::Base);
            rows.push(vec![
                c.name.clone(),
                method.words().into(),
                percent(mean_accuracy(results, method)),
                gained.map_or_else(
                    |_| "".into(),
                    |e| format!("{} [{}, {}]", percent(e.value), percent(e.lo), percent(e.hi)),
                ),
                results[0].judged(method).setting.clone(),
            ]);
        }
    }
    Block::Table {
        caption:
            "Test accuracy of every method (%, mean over seeds), gain over the base with its 95 % interval, and the \
                  setting chosen on validation by the first seed"
                .into(),
        header: ["network", "method", "accuracy", "gain", "setting (first seed)"].map(String::from).to_vec(),
        rows,
    }
}

fn gallery(context: &Context, real: &Real) -> Result<Section, ReproduceError> {
    let first = &real.by_capacity[0][0];
    let names = real.test.class_names();
    let shape = real.test.shape();
    let tile = |images: &Images, row: usize, lines: Vec<String>| Tile {
        pixels: images.pixels(row).to_vec(),
        shape: (shape.channels, shape.height, shape.width),
        lines,
    };
    let row = |what: &str, c: &Changed| {
        let truth = &names[real.test.labels()[c.row]];
        let mut tiles = vec![tile(&real.test, c.row, vec![truth.clone(), "test image".into()])];
        tiles.extend(c.neighbours.iter().map(|(i, weight, label)| {
            tile(&real.first_training, *i, vec![names[*label].clone(), format!("weight {weight:.2}")])
        }));
        let label = vec![
            format!("{what}, test {}", c.row),
            format!("base: {}", names[c.base]),
            format!("ResMem: {}", names[c.resmem]),
        ];
        GalleryRow { label, tiles }
    };
    let mut rows: Vec<GalleryRow> = first.fixed.iter().map(|c| row("fixed", c)).collect();
    rows.extend(first.broken.iter().map(|c| row("broken", c)));
    let sheet = Gallery {
        title: format!("Fixed and broken test images, {}, first seed", real.capacities[0].name),
        subtitle: "left the test image with its class, then its nearest training images with label and weight".into(),
        rows,
    };
    let count = |fixed: bool| {
        let (base, ours) = (first.correct(Method::Base), first.correct(Method::ResMem));
        base.iter().zip(ours).filter(|(b, o)| b != o && **o == fixed).count()
    };
    Ok(Section {
        title: "What the memory changes".into(),
        blocks: vec![
            Block::Text(format!(
                "At the smallest capacity and the first seed the memory fixed {} test images and broke {}; these are the \
                 first of each in the order of the test set.",
                count(true),
                count(false)
            )),
            Block::Plot {
                file: sheet.save(context.folder, "resmem-gallery")?,
                caption: "Test images whose prediction the memory changed, with the neighbours that changed it.".into(),
            },
        ],
    })
}

fn on_rule(context: &Context, synthetic: &Synthetic) -> Result<Section, ReproduceError> {
    let mut blocks = vec![Block::Text(
        "Synthetic control: three quarters of the points follow a linear rule, one quarter are exceptions in tight clusters \
         with random labels (specification section 7). Every seed has a world and test points of its own; intervals are t \
         intervals over seeds."
            .into(),
    )];
    let x = WIDTHS.map(|w| w as f64);
    let chart = Chart {
        title: "Rule and exceptions (synthetic): accuracy against width".into(),
        x: Axis::new("width of the hidden layer", AxisScale::Log).with_ticks(x),
        y: Axis::new("test accuracy (share)", AxisScale::Linear),
        series: [Method::Base, Method::ResMem, Method::Knn, Method::Mixture]
            .map(|m| {
                let points = x.iter().zip(&synthetic.rule[0]).map(|(x, r)| {
                    let values: Vec<f64> = r.iter().map(|r| r.embedded.accuracy(m)).collect();
                    point(*x, mean_interval(&values), mean(&values))
                });
                Series::new(m.words(), points.collect())
            })
            .to_vec(),
    };
    blocks.push(Block::Plot {
        file: save_svg(context.folder, "resmem-rule", chart.svg())?,
        caption: "The regime ResMem is made for: the network learns the rule, the memory the exceptions. Keys are \
                  embeddings."
            .into(),
    });
    let mut rows = Vec::new();
    for (noise, by_width) in NOISE.iter().zip(&synthetic.rule) {
        for (w, results) in WIDTHS.iter().zip(by_width) {
            let of = |m: Method| percent(mean(&results.iter().map(|r| r.embedded.accuracy(m)).collect::<Vec<_>>()));
            let raw = percent(mean(&results.iter().map(|r| r.raw.accuracy(Method::ResMem)).collect::<Vec<_>>()));
            let gain = synthetic_gain(results.iter().map(|r| &r.embedded), Method::ResMem, Method::Base);
            let gain = gain
                .map_or_else(|_| "".into(), |e| format!("{} [{}, {}]", percent(e.value), percent(e.lo), percent(e.hi)));
            let changes: Vec<Changes> = results.iter().map(Changes::of).collect();
            let total = |f: fn(&Changes) -> usize| changes.iter().map(f).sum::<usize>().to_string();
            rows.push(vec![
                number(*noise),
                w.to_string(),
                of(Method::Base),
                of(Method::ResMem),
                of(Method::Knn),
                of(Method::Mixture),
                of(Method::Shuffled),
                of(Method::Ridge),
                raw,
                gain,
                format!("{} / {}", total(|c| c.fixed), total(|c| c.broken)),
            ]);
        }
    }
    blocks.push(Block::Table {
        caption:
            "Test accuracy in % (mean over seeds); gain of ResMem over base with its interval; points fixed / broken, \
                  all seeds together"
                .into(),
        header: [
            "label noise",
            "width",
            "base",
            "ResMem",
            "kNN",
            "mixture",
            "shuffled",
            "ridge",
            "ResMem, raw keys",
            "gain",
            "fixed / broken",
        ]
        .map(String::from)
        .to_vec(),
        rows,
    });
    Ok(Section { title: "Rule and exceptions (synthetic control)".into(), blocks })
}

fn linear(context: &Context, theory: &Theory) -> Result<Section, ReproduceError> {
    let mut series = Vec::new();
    let ns = SIZES.map(|n| n as f64);
    let term = |d: usize, i: usize, f: fn(&Risk) -> f64| {
        let bare = mean(&theory.rates[d].risks.iter().map(|r| f(&r[i])).collect::<Vec<_>>());
        point(ns[i], theory.term(d, i, f), bare)
    };
    for (at, d) in DIMENSIONS.iter().enumerate() {
        series.push(Series::new(
            format!("ResMem, d = {d}"),
            (0..SIZES.len()).map(|i| term(at, i, |r| r.resmem)).collect(),
        ));
    }
    for (at, d) in DIMENSIONS.into_iter().enumerate() {
        let law = SIZES.iter().map(|&n| Ok(Point::bare(n as f64, t2_law(d, n, BOUND)?)));
        series.push(
            Series::reference(format!("law, d = {d}"), law.collect::<Result<_, ReproduceError>>()?).with_colour_of(at),
        );
    }
    series.push(Series::reference("base alone, (1-L)²", ns.map(|n| Point::bare(n, (1.0 - BOUND).powi(2))).to_vec()));
    let rate = Chart {
        title: "Linear setting (synthetic): risk against training points".into(),
        x: Axis::new("training points n", AxisScale::Log),
        y: Axis::new("risk (squared error)", AxisScale::Log),
        series,
    };
    let at = DIMENSIONS.len() / 2;
    let terms = Chart {
        title: format!("Linear setting, d = {}: the two terms of the risk", DIMENSIONS[at]),
        x: Axis::new("training points n", AxisScale::Log),
        y: Axis::new("term (squared error)", AxisScale::Log),
        series: vec![
            Series::new("T1, estimation", (0..SIZES.len()).map(|i| term(at, i, |r| r.t1)).collect()),
            Series::new("T2, what the base cannot learn", (0..SIZES.len()).map(|i| term(at, i, |r| r.t2)).collect()),
            Series::reference("base alone, (1-L)²", ns.map(|n| Point::bare(n, (1.0 - BOUND).powi(2))).to_vec()),
        ],
    };
    let ks = NEIGHBOURS.map(|k| k as f64);
    let noise = Chart {
        title: "Linear setting, d = 4, n = 3000: risk over k under label noise".into(),
        x: Axis::new("neighbours k", AxisScale::Log).with_ticks(ks),
        y: Axis::new("risk (squared error)", AxisScale::Log),
        series: NOISE_LEVELS
            .iter()
            .zip(&theory.noise)
            .map(|(level, runs)| {
                let points = ks.iter().enumerate().map(|(i, k)| {
                    let values: Vec<f64> = runs.iter().map(|r| r.by_k[i]).collect();
                    point(*k, mean_interval(&values), mean(&values))
                });
                Series::new(format!("noise sd {level}"), points.collect())
            })
            .chain([Series::reference(
                "base alone, (1-L)²",
                ks.map(|k| Point::bare(k, (1.0 - BOUND).powi(2))).to_vec(),
            )])
            .collect(),
    };
    let plot = |chart: &Chart, name: &str, caption: &str| -> Result<Block, ReproduceError> {
        Ok(Block::Plot { file: save_svg(context.folder, name, chart.svg())?, caption: caption.into() })
    };
    Ok(Section {
        title: "Theory: a linear target and a base of bounded norm (synthetic)".into(),
        blocks: vec![
            Block::Text(format!(
                "Inputs uniform on a ball with identity covariance, base by least squares under a norm bound of L = {BOUND}, one \
                 nearest neighbour on its residuals. The law is (1-L)² (d+2)/d Γ(1+2/d) n^(-2/d), which leaves the boundary \
                 of the ball out."
            )),
            plot(
                &rate,
                "resmem-risk",
                "Risk against n, by dimension, beside the law; bars are t intervals over seeds.",
            )?,
            plot(&terms, "resmem-terms", "The estimation term falls faster than the part that only closeness cures.")?,
            plot(
                &noise,
                "resmem-noise",
                "With noisy labels one neighbour is worse than the base, and the best k grows.",
            )?,
        ],
    })
}

fn provenance(settings: &Settings, real: &Real) -> Section {
    let source = &real.source;
    let note = source.note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
    let rows = source.files.iter().map(|f| vec![f.name.clone(), f.bytes.to_string(), f.sha256.clone()]).collect();
    Section {
        title: "Data and settings".into(),
        blocks: vec![
            Block::Text(format!("{} ({}), licence {}.{note}", source.title, source.name, source.licence)),
            Block::Table {
                caption: "Files read".into(),
                header: ["file", "bytes", "sha256"].map(String::from).to_vec(),
                rows,
            },
            Block::Text(format!("Training on real images: {}", json!(settings.training))),
            Block::Text(format!("Training on synthetic data: {}", json!(settings.synthetic_training))),
            Block::Text(
                "The ablation with residuals from held-out folds (specification section 3) is in the library \
                 (tenfold_resmem::Folds) and not part of this run."
                    .into(),
            ),
        ],
    }
}

/// One line for every network and method, and for every theory seed.
pub(super) fn metrics(real: &Real, synthetic: &Synthetic, theory: &Theory) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut add = |data: &str, net: &str, keys: &str, n: usize, noise: f64, seed: usize, c: &Compared| {
        for j in &c.judged {
            lines.push(json!({
                "paper": "resmem", "data": data, "net": net, "keys": keys, "train": n, "label_noise": noise, "seed": seed,
                "method": j.method, "validation_accuracy": j.validation, "test_accuracy": c.accuracy(j.method),
                "setting": j.setting,
            }));
        }
    };
    let whole = real.sizes.last().copied().unwrap_or_default();
    for (c, results) in real.capacities.iter().zip(&real.by_capacity) {
        for (seed, r) in results.iter().enumerate() {
            add(&real.source.name, &c.name, "embedding", whole, 0.0, seed, r);
        }
    }
    for (n, results) in real.sizes.iter().zip(&real.by_size).take(real.sizes.len().saturating_sub(1)) {
        for (seed, r) in results.iter().enumerate() {
            add(&real.source.name, &real.capacities[real.capacities.len() / 2].name, "embedding", *n, 0.0, seed, r);
        }
    }
    let n = super::synthetic::SIZES[0];
    for (noise, by_width) in NOISE.iter().zip(&synthetic.rule) {
        for (w, results) in WIDTHS.iter().zip(by_width) {
            for (seed, r) in results.iter().enumerate() {
                add("rule-and-exceptions", &format!("mlp-{w}"), "embedding", n, *noise, seed, &r.embedded);
                add("rule-and-exceptions", &format!("mlp-{w}"), "raw", n, *noise, seed, &r.raw);
            }
        }
    }
    for (seed, r) in synthetic.clusters.iter().enumerate() {
        add("pure-clusters", &format!("mlp-{}", WIDTHS[1]), "raw", n, 0.0, seed, r);
    }
    for (d, rate) in DIMENSIONS.iter().zip(&theory.rates) {
        for (seed, risks) in rate.risks.iter().enumerate() {
            for (n, risk) in SIZES.iter().zip(risks) {
                lines.push(
                    json!({ "paper": "resmem", "data": "linear-ball", "d": d, "n": n, "seed": seed, "risk": risk }),
                );
            }
        }
    }
    lines
}
