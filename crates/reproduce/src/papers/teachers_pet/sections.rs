//! Chapters of the report.

use super::arms::Arm;
use super::ridge::{MASSES, PENALTY, difference};
use super::settings::TEMPERATURES;
use super::study::{Study, Task};
use crate::error::ReproduceError;
use crate::kit::provenance;
use crate::kit::recalls::share;
use serde_json::{Value, json};
use tenfold_core_tensor::stats::{mean, mean_interval};
use tenfold_report::{
    Axis, AxisScale, Chart, Cloud, Line, Point, Scatter, Section, Series, Stroke, Table, interval, number, percent,
};

pub(super) fn all(study: &Study) -> Result<Vec<Section>, ReproduceError> {
    Ok(vec![gains(study), classes(study)?, margins(study)?, ridge(study)?, provenance(study)])
}

/// Every arm's accuracies.
fn gains(study: &Study) -> Section {
    let section = Section::new("Who gains").text(
        "Balanced accuracy and least recall on the balanced test set. Each seed has its own training cut, teacher and students; students of \
         a seed begin with the same weights and see the same order of rows. Intervals are over seeds and test points.",
    );
    study.tasks.iter().fold(section, |section, task| {
        let counts = task.records.len();
        let table = Table::new(
            format!("{}: {counts} seeds.", task.name),
            ["arm", "average", "worst class", "average over labels", "worst over labels", "training rows right"],
        );
        let rows = Arm::ALL.map(|arm| {
            let i = arm.index();
            let trained: Vec<f64> = task.records.iter().filter_map(|r| r.said[i].train_accuracy).collect();
            [
                arm.name(),
                share(task.interval(|s| s.average(i))),
                share(task.interval(|s| s.worst(i))),
                share(task.average_gain(arm, Arm::OneHot)),
                share(task.worst_gain(arm, Arm::OneHot)),
                percent(mean(&trained)),
            ]
        });
        section.table(table.rows(rows))
    })
}

/// Class by class, from the most frequent.
fn classes(study: &Study) -> Result<Section, ReproduceError> {
    let mut section = Section::new("Which classes gain").text(format!(
        "Change of recall from the student of labels to the distilled student (T = {}), by the rank of the class's frequency.",
        TEMPERATURES[1]
    ));
    for (task, name) in [(study.long_tail(), "long-tail"), (study.mixture(), "mixture"), (study.balanced(), "balanced")]
    {
        let series = |arm: Arm, over: Arm, name: String| {
            let k = task.records[0].cross_fit.len();
            let points = (0..k).filter_map(|class| {
                let e = task.interval(|s| Task::change(&s, arm, over)[class]).ok()?;
                Some(Point::of((class + 1) as f64, &e))
            });
            Series::new(name, points.collect())
        };
        let chart = Chart {
            title: format!("{}: change of recall by class", task.name),
            x: Axis::new("rank of the class by frequency", AxisScale::Linear),
            y: Axis::new("change of recall", AxisScale::Linear),
            series: vec![
                series(Arm::Warm, Arm::OneHot, format!("distilled, T = {}", TEMPERATURES[1])),
                series(Arm::AdaAlpha, Arm::OneHot, "AdaAlpha, cross-fit".into()),
            ],
        };
        section = section.chart(
            format!("teachers-pet-classes-{name}"),
            chart,
            "Over the student of labels; bars are intervals over seeds and test points.",
        );
    }
    Ok(section)
}

/// Change against margin.
fn margins(study: &Study) -> Result<Section, ReproduceError> {
    let task = study.long_tail();
    let cloud = |name: &str, of: fn(&super::arms::Record) -> &Vec<f64>| {
        let points = task.seeds().flat_map(|s| {
            let change = Task::change(&s, Arm::Warm, Arm::OneHot);
            of(&task.records[s.seed]).iter().copied().zip(change).collect::<Vec<_>>()
        });
        Cloud { name: name.into(), points: points.collect() }
    };
    let chart = Scatter {
        title: format!("{}: change of recall against the teacher's margin", task.name),
        x: Axis::new("teacher's margin on the class", AxisScale::Linear),
        y: Axis::new("change of recall", AxisScale::Linear),
        clouds: vec![cloud("cross-fit margin", |r| &r.cross_fit), cloud("in-sample margin", |r| &r.in_sample)],
        lines: vec![Line { name: "no change".into(), from: (-0.2, 0.0), to: (1.0, 0.0), stroke: Stroke::Level }],
    };
    let mut table = Table::new(
        "The teacher's margin on each class (mean over seeds), by the rank of its frequency.",
        ["rank", "cross-fit", "in-sample", "on the test set", "change, T = 5"],
    );
    for class in 0..task.records[0].cross_fit.len() {
        let of = |f: fn(&super::arms::Record) -> &Vec<f64>| {
            let values: Vec<f64> = task.records.iter().map(|r| f(r)[class]).collect();
            mean_interval(&values).map_or_else(|_| number(mean(&values)), |e| interval(number, e.value, e.lo, e.hi))
        };
        table = table.row([
            (class + 1).to_string(),
            of(|r| &r.cross_fit),
            of(|r| &r.in_sample),
            of(|r| &r.test),
            share(task.interval(|s| Task::change(&s, Arm::Warm, Arm::OneHot)[class])),
        ]);
    }
    Ok(Section::new("Margins")
        .text(
            "The margin is the probability of the true class minus the mean of the others, at T = 1. Cross-fitting asks teachers that were \
             trained without the row; these see fewer rare examples, so that their margins are low there.",
        )
        .chart(
            "teachers-pet-margins",
            chart,
            format!("A point is a class of a seed; distilled at T = {} over the student of labels.", TEMPERATURES[1]),
        )
        .table(table))
}

fn ridge(study: &Study) -> Result<Section, ReproduceError> {
    let mut table = Table::new(
        format!("Ridge regression of independent groups, w = sigma = 1, lambda = {PENALTY}; exact."),
        [
            "mass",
            "shrinkage",
            "harm above",
            "risk, ridge",
            "risk, distilled",
            "difference",
            "best share of the teacher",
        ],
    );
    for (mass, g) in MASSES.iter().zip(&study.ridge.groups) {
        table = table.row([
            number(*mass),
            format!("{:.6}", g.shrinkage()),
            format!("{:.6}", g.threshold()),
            format!("{:.6}", g.risk_one_hot()),
            format!("{:.6}", g.risk_distilled(1.0)?),
            format!("{:+.6}", difference(g)?),
            format!("{:.4}", g.best_alpha()),
        ]);
    }
    Ok(Section::new("A case in closed form")
        .text(
            "A student of a ridge's own values shrinks twice. Groups with little data lose by it where groups with much data gain, and the \
             best share of the teacher grows with the data: the reason for AdaAlpha in one line.",
        )
        .table(table))
}

fn provenance(study: &Study) -> Section {
    let settings = &study.settings;
    let sources: Vec<_> = study.source.iter().collect();
    provenance::section(
        &sources,
        &[
            (
                "Teacher, one hidden layer".into(),
                json!({"units": settings.teacher.hidden, "epochs": settings.teacher.epochs}),
            ),
            (
                "Student, one hidden layer".into(),
                json!({"units": settings.student.hidden, "epochs": settings.student.epochs}),
            ),
            (
                "Optimiser".into(),
                json!("SGD, momentum 0.9, rate 0.05, warm-up and cosine, batch 64, weight decay 1e-4"),
            ),
            (
                "Long tail".into(),
                json!({"largest": settings.long_tail.tail.n_max, "ratio": settings.long_tail.tail.ratio}),
            ),
            ("Folds of the margins".into(), json!(settings.folds)),
        ],
    )
}

/// One line for each arm of each task and seed.
pub(super) fn metrics(study: &Study) -> Vec<Value> {
    let of_task = |task: &Task| -> Vec<Value> {
        task.seeds()
            .flat_map(|s| {
                let record = &task.records[s.seed];
                Arm::ALL.map(|arm| {
                    json!({
                        "data": task.name, "seed": s.seed, "arm": arm.name(), "recall": s.of(arm.index()),
                        "train_accuracy": record.said[arm.index()].train_accuracy,
                        "cross_fit_margin": record.cross_fit, "in_sample_margin": record.in_sample,
                    })
                })
            })
            .collect()
    };
    study.tasks.iter().flat_map(of_task).collect()
}
