//! The report's chapters: plots, tables, and a gallery.

use super::data::Planted;
use super::findings::{All, Found, ShapeShare, first_saturated, fitted};
use super::settings::TEMPERATURES;
use super::sizes::{Measured, Sizes};
use crate::error::ReproduceError;
use serde_json::{Value, json};
use tenfold_core_tensor::stats::{Estimate, spearman};
use tenfold_memorisation::proxies::TrainingProxies;
use tenfold_memorisation::{Score, bimodality};
use tenfold_report::{
    Axis, AxisScale, Card, Chart, Gallery, Picture, Pixels, Point, ReportError, Section, Series, Table, estimate,
    interval, number, percent,
};

pub(super) fn sections(all: &All, found: &Found) -> Result<Vec<Section>, ReproduceError> {
    let mut sections = vec![sizes(all, found), spread(all)?, trajectories(all, found)];
    sections.extend(gallery(all)?);
    sections.extend([distillation(all, found), proxies(all), removal(all), provenance(all)]);
    Ok(sections)
}

fn axis_of_sizes(sizes: &Sizes) -> Axis {
    let name = if sizes.sizes[0].size.name.starts_with("mlp") { "width of the hidden layer (units)" } else { "depth" };
    Axis::new(name, AxisScale::Log).with_ticks(sizes.sizes.iter().map(|s| s.size.size))
}

fn series(name: &str, sizes: &Sizes, f: fn(&Score) -> f64, examples: &[usize]) -> Series {
    let point = |m: &Measured| Point::bare(m.size.size, m.mean(f, examples));
    Series::new(name, sizes.sizes.iter().map(point).collect())
}

fn sizes(all: &All, found: &Found) -> Section {
    let mut section = Section::new("Scores over sizes");
    for (data, sizes, file) in [(all.images, all.real, "images"), (all.rule, all.synthetic, "rule")] {
        let everything: Vec<usize> = (0..data.len()).collect();
        let mut mem = series("mem", sizes, |s| s.mem.value, &everything);
        if file == "images" {
            let points = sizes.sizes.iter().zip(&found.means);
            mem.points = points.map(|(m, e)| Point::of(m.size.size, e)).collect();
        }
        let chart = Chart {
            title: format!("{}: mean score, p in and p out", data.name),
            x: axis_of_sizes(sizes),
            y: Axis::new("mean over examples (share of models)", AxisScale::Linear),
            series: vec![
                mem,
                series("p in", sizes, |s| s.p_in, &everything),
                series("p out", sizes, |s| s.p_out, &everything),
            ],
        };
        let saturated = first_saturated(&fitted(sizes, &everything)).map_or_else(
            || "No size is saturated (mean p in of at least 0.99).".into(),
            |t| format!("From {} on sizes are saturated (mean p in of at least 0.99).", sizes.sizes[t].size.name),
        );
        let caption = format!(
            "{saturated} There mem is 1 - p out, and it falls where held-out accuracy rises, whatever is memorised."
        );
        section = section.chart(format!("memorisation-sizes-{file}"), chart, caption).table(planted(data, sizes));
    }
    section
}

fn planted(data: &Planted, sizes: &Sizes) -> Table {
    let everything: Vec<usize> = (0..data.len()).collect();
    let tail: Option<Vec<usize>> =
        data.clusters.as_ref().map(|c| data.untouched().into_iter().filter(|&i| c[0][i].is_some()).collect());
    let mut header =
        vec!["network", "p in", "p out", "test accuracy", "mean mem", "single flips", "duplicated flips", "untouched"];
    header.extend(tail.as_ref().map(|_| "tail clusters"));
    let row = |m: &Measured| {
        let cell = |f: fn(&Score) -> f64, examples: &[usize]| number(m.mean(f, examples));
        let mem: fn(&Score) -> f64 = |s| s.mem.value;
        let mut cells = vec![
            m.size.name.clone(),
            cell(|s| s.p_in, &everything),
            cell(|s| s.p_out, &everything),
            number(m.test_accuracy()),
            cell(mem, &everything),
            cell(mem, &data.single),
            cell(mem, &data.double),
            cell(mem, &data.untouched()),
        ];
        cells.extend(tail.as_ref().map(|tail| cell(mem, tail)));
        cells
    };
    Table::new(format!("{}: mean score by what was planted.", data.name), header).rows(sizes.sizes.iter().map(row))
}

fn spread(all: &All) -> Result<Section, ReproduceError> {
    let bins = 12;
    let share = |m: &Measured, b: usize| {
        let edge = |b: usize| -0.1 + 1.1 * b as f64 / bins as f64;
        let inside = |v: f64| v > edge(b) - 1e-12 && (v <= edge(b + 1) || b + 1 == bins);
        let count = m.scores.iter().filter(|s| inside(s.mem.value.max(-0.1 + 1e-9))).count();
        Point::bare((edge(b) + edge(b + 1)) / 2.0, count as f64 / m.scores.len() as f64)
    };
    let chart = Chart {
        title: format!("{}: distribution of scores", all.images.name),
        x: Axis::new("score mem", AxisScale::Linear),
        y: Axis::new("share of examples per bin", AxisScale::Linear),
        series: all
            .real
            .sizes
            .iter()
            .map(|m| Series::new(m.size.name.clone(), (0..bins).map(|b| share(m, b)).collect()))
            .collect(),
    };
    let row = |m: &Measured| {
        let values: Vec<f64> = m.scores.iter().map(|s| s.mem.value).collect();
        let b = bimodality(&values)?;
        Ok(vec![
            m.size.name.clone(),
            percent(b.low),
            percent(b.between),
            percent(b.high),
            number(b.sarle),
            number(b.dip),
        ])
    };
    let rows = all.real.sizes.iter().map(row).collect::<Result<Vec<_>, ReproduceError>>()?;
    let caption = "Sarle's coefficient is 5/9 for a uniform distribution and 1 for two points; the dip is the distance from the \
                   nearest distribution with one mode.";
    let header = ["network", "below 0.1 (%)", "between (%)", "above 0.9 (%)", "Sarle", "dip"];
    Ok(Section::new("Are scores at two ends?")
        .chart("memorisation-spread", chart, "Scores of few models lie on a grid and are widened by chance.")
        .table(Table::new(caption, header).rows(rows)))
}

fn trajectories(all: &All, found: &Found) -> Section {
    let header = ["shape", "share (%)", "95 % over models (%)", "mean in the null (%)", "97.5 % of the null (%)"];
    let table = |name: &str, shapes: &[ShapeShare]| {
        let row = |s: &ShapeShare| {
            let between = format!("{} to {}", percent(s.share.lo), percent(s.share.hi));
            [s.shape.name().to_string(), percent(s.share.value), between, percent(s.null), percent(s.null_high)]
        };
        Table::new(format!("{name}: shapes of trajectories."), header).rows(shapes.iter().map(row))
    };
    let sizes = all.real.sizes.len();
    Section::new("Trajectories")
        .text(format!(
            "The rule is ours: the paper's was not found. A change counts from delta = max({}, z median SE of a difference) \
             on, z = {:.2} for {sizes} sizes (Bonferroni over their pairs). In the null every example keeps its p in and p out at \
             all sizes, drawn again with as many models.",
            all.settings.rule.least,
            all.settings.rule.z(sizes),
        ))
        .table(table(&all.images.name, &found.shapes[0]))
        .table(table(&all.rule.name, &found.shapes[1]))
}

/// None where examples are no images.
fn gallery(all: &All) -> Result<Option<Section>, ReproduceError> {
    let Some(pixels) = &all.images.pixels else { return Ok(None) };
    let largest = &all.real.sizes[all.real.sizes.len() - 1];
    let mem = |i: usize| largest.scores[i].mem;
    let card = |i: &usize| -> Result<Card, ReportError> {
        let e = mem(*i);
        let picture = Picture::new(Pixels::ChannelsFirst(pixels.pixels(*i)), all.images.image)?;
        let name = all.images.class_names[all.images.labels[*i]].as_str();
        Ok(Card::new(name, picture).line(interval(|v| format!("{v:.2}"), e.value, e.lo, e.hi)))
    };
    let order = |mut examples: Vec<usize>| {
        examples.sort_by(|a, b| mem(*b).value.total_cmp(&mem(*a).value).then(a.cmp(b)));
        examples
    };
    let cards = |examples: &[usize]| examples.iter().take(6).map(card).collect::<Result<Vec<_>, _>>();
    let untouched = order(all.images.untouched());
    let least: Vec<usize> = untouched.iter().rev().copied().collect();
    let title = format!("{}: scores at {}", all.images.name, largest.size.name);
    let gallery = Gallery::new(title, "Label, score and its 95 % interval over models.")
        .row("Planted wrong labels", cards(&order(all.images.single.clone()))?)
        .row("Most memorised, labels untouched", cards(&untouched)?)
        .row("Least memorised, labels untouched", cards(&least)?);
    let caption = "Untouched images with high scores are rare views, ambiguous classes, or wrong in the original.";
    Ok(Some(Section::new("What was memorised").gallery("memorisation-gallery", gallery, caption)))
}

fn distillation(all: &All, found: &Found) -> Section {
    let students = || all.distilled.students.iter().zip(&found.students[1..]);
    let line = |larger: bool, name: &str| {
        let points = students().filter(|(s, _)| s.temperature.is_some() && s.larger == larger);
        Series::new(name, points.map(|(s, e)| Point::of(s.temperature.unwrap_or(1.0), e)).collect())
    };
    let level = |name: String, v: f64| {
        Series::reference(
            name,
            vec![Point::bare(TEMPERATURES[0], v), Point::bare(TEMPERATURES[TEMPERATURES.len() - 1], v)],
        )
    };
    let mut series = vec![line(true, "larger teacher"), line(false, "teacher of the same size")];
    series.push(level("trained on labels".into(), found.students[0].value));
    for (student, e) in students().filter(|(s, _)| s.temperature.is_none()) {
        series.push(level(student.name.clone(), e.value));
    }
    let small = &all.real.sizes[all.settings.student(all.real.sizes.len())];
    let chart = Chart {
        title: format!("{}: mean score of {} by how it was trained", all.images.name, small.size.name),
        x: Axis::new("temperature T", AxisScale::Log).with_ticks(TEMPERATURES),
        y: Axis::new("mean score mem", AxisScale::Linear),
        series,
    };
    let everything: Vec<usize> = (0..all.images.len()).collect();
    let row = |name: &str, m: &Measured, e: &Estimate| {
        let means = [m.mean(|s| s.p_in, &everything), m.mean(|s| s.p_out, &everything), m.test_accuracy()];
        let [p_in, p_out, accuracy] = means.map(number);
        [name.to_string(), estimate(e), p_in, p_out, accuracy]
    };
    let table =
        Table::new("By how the student was trained.", ["training", "mean mem", "p in", "p out", "test accuracy"])
            .row(row("labels", small, &found.students[0]))
            .rows(students().map(|(s, e)| row(&s.name, &s.measured, e)));
    let caption = format!(
        "Teacher and student see the same subset. Intervals over models. The smoothing of {:.3} gives labels the mean entropy of \
         the larger teacher's outputs at T = 4.",
        all.distilled.smoothing
    );
    Section::new("Distillation").chart("memorisation-distillation", chart, caption).table(table)
}

fn proxies(all: &All) -> Section {
    type Of = fn(&TrainingProxies) -> Vec<f64>;
    let kinds: [(&str, Of); 5] = [
        ("CSL", |p| p.csl.clone()),
        ("1 - cprox", |p| p.cprox.iter().map(|v| 1.0 - v).collect()),
        ("-AUM", |p| p.aum.iter().map(|v| -v).collect()),
        ("forgetting", |p| p.forgetting.iter().map(|f| f64::from(*f)).collect()),
        ("final loss", |p| p.final_loss.clone()),
    ];
    let of = |f: Of| {
        let both = all.real.sizes.iter().zip(&all.proxies.sizes);
        both.map(|(m, p)| {
            let mem: Vec<f64> = m.scores.iter().map(|s| s.mem.value).collect();
            Point::bare(m.size.size, spearman(&f(p), &mem).unwrap_or(f64::NAN))
        })
        .filter(|p| !p.y.is_nan())
        .collect()
    };
    let chart = Chart {
        title: format!("{}: how proxies rank examples", all.images.name),
        x: axis_of_sizes(all.real),
        y: Axis::new("Spearman's correlation with mem", AxisScale::Linear),
        series: kinds.map(|(name, f)| Series::new(name, of(f))).to_vec(),
    };
    let everything: Vec<usize> = (0..all.images.len()).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let means = all.real.sizes.iter().zip(&all.proxies.sizes).map(|(m, p)| {
        let means = [m.mean(|s| s.mem.value, &everything), 1.0 - mean(&p.cprox), mean(&p.csl)];
        let [mem, cprox, csl] = means.map(number);
        [m.size.name.clone(), mem, cprox, csl]
    });
    let caption = "Means over examples: proxies fall with size, whatever the score does.";
    Section::new("Proxies")
        .chart("memorisation-proxies", chart, "One run on all examples at each size, beside the score of all models.")
        .table(Table::new(caption, ["network", "mem", "1 - cprox", "CSL (nats)"]).rows(means))
}

fn removal(all: &All) -> Section {
    let accuracy = |tested: &[tenfold_core_tensor::mask::BitMask]| {
        let shares = tested.iter().map(|t| t.count() as f64 / t.len() as f64);
        percent(shares.sum::<f64>() / tested.len() as f64)
    };
    let whole = accuracy(&all.removal.whole);
    let arms = all.removal.arms.iter();
    let caption = format!(
        "{}: test accuracy (%) of the largest network without some examples; planted wrong labels and copies are left out \
         everywhere, and both arms keep as many examples.",
        all.images.name
    );
    let table = Table::new(caption, ["removed", "random", "most memorised"])
        .row(["0", &whole, &whole])
        .rows(arms.map(|a| [a.removed.to_string(), accuracy(&a.random), accuracy(&a.memorised)]));
    Section::new("Removal").table(table)
}

fn provenance(all: &All) -> Section {
    let section = Section::new("Setting and data").text(format!(
        "Subsets: complementary design, p = 0.7, {} models of each size on images and {} on synthetic data; the same subsets \
         for all sizes, a seed of its own for each network. What is estimated is the memorisation of training on 70 % of \
         the examples.",
        all.real.masks.len(),
        all.synthetic.masks.len()
    ));
    let Some(source) = &all.images.source else { return section };
    let files: Vec<String> = source.files.iter().map(|f| format!("{} (SHA-256 {})", f.name, f.sha256)).collect();
    section.text(format!("{}, licence {}: {}.", source.title, source.licence, files.join(", ")))
}

pub(super) fn metrics(all: &All) -> Vec<Value> {
    let mut lines = Vec::new();
    for (data, sizes) in [(all.images, all.real), (all.rule, all.synthetic)] {
        for m in &sizes.sizes {
            let of = |f: fn(&Score) -> f64| m.scores.iter().map(f).collect::<Vec<f64>>();
            lines.push(json!({
                "data": data.name, "network": m.size.name, "test_accuracy": m.test_accuracy(),
                "mem": of(|s| s.mem.value), "p_in": of(|s| s.p_in), "p_out": of(|s| s.p_out),
            }));
        }
    }
    for s in &all.distilled.students {
        let mem: Vec<f64> = s.measured.scores.iter().map(|s| s.mem.value).collect();
        lines.push(json!({"data": all.images.name, "student": s.name, "mem": mem}));
    }
    lines
}
