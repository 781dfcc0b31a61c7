//! Chapters of the report.

use super::arms::{Aim, Arm};
use super::calibration::{Found, KINDS};
use super::settings::TEMPERATURE;
use super::study::{Exact, Study, Task, Who};
use crate::error::ReproduceError;
use crate::kit::provenance;
use crate::kit::recalls::share;
use serde_json::{Value, json};
use tenfold_core_tensor::stats::{Estimate, mean};
use tenfold_distill::pareto;
use tenfold_report::{Axis, AxisScale, Chart, Cloud, Point, Scatter, Section, Series, Table, number, percent};

pub(super) fn all(study: &Study) -> Result<Vec<Section>, ReproduceError> {
    let mut sections = vec![pairs(study)?, trade_off(study), others(study), calibration(study)];
    sections.push(provenance(study));
    Ok(sections)
}

/// Teachers by students, and the Pareto set of the trade-offs.
fn pairs(study: &Study) -> Result<Section, ReproduceError> {
    let mut section = Section::new("Teachers by students").text(format!(
        "Least recall (and average) on the balanced test set; students have a quarter of the teacher's units, T = {TEMPERATURE} on the \
         teacher alone. Costs enter as margins; multipliers follow labels on the validation set unless said otherwise. Each seed has its \
         own cut and teachers; students of a seed begin with the same weights. Intervals are over seeds and test points."
    ));
    for (task, short) in [(study.features(), "features"), (study.mixture(), "mixture")] {
        let header: Vec<String> = ["student", "no teacher"]
            .map(String::from)
            .into_iter()
            .chain(Aim::TEACHERS.map(|t| format!("{} teacher", t.name())))
            .collect();
        let cell = |arm: Arm| {
            format!("{} ({})", share(task.worst(arm)), task.average(arm).map_or_else(|why| why, |e| percent(e.value)))
        };
        let mut table = Table::new(format!("{}: worst class (average).", task.name), header);
        let own = Aim::TEACHERS.map(|t| cell(Arm::Teacher(t)));
        table = table.row(["none, the teacher itself".to_string(), String::new()].into_iter().chain(own));
        for student in Aim::STUDENTS {
            let alone = if Aim::ALONE.contains(&student) { cell(Arm::Alone(student)) } else { String::new() };
            let cells = Aim::TEACHERS.map(|t| cell(Arm::Student(t, student)));
            table = table.row([student.name().to_string(), alone].into_iter().chain(cells));
        }
        section = section.table(table).chart(
            format!("robust-distillation-pareto-{short}"),
            front(task)?,
            "Points are pairs of teacher and student; those on the line are not worse than any other in both.",
        );
    }
    Ok(section)
}

/// Average against worst class, and the pairs that no other beats in both.
fn front(task: &Task) -> Result<Chart, ReproduceError> {
    let at = |arm: Arm| -> Option<(f64, Estimate)> { Some((task.average(arm).ok()?.value, task.worst(arm).ok()?)) };
    let mut series = Vec::new();
    let mut runs = Vec::new();
    for t in Aim::TEACHERS {
        let found: Vec<(f64, Estimate)> = Aim::TRADE_OFFS.iter().filter_map(|s| at(Arm::Student(t, *s))).collect();
        runs.extend(found.iter().map(|(average, worst)| (*average, worst.value)));
        let points = found.iter().map(|(average, worst)| Point::of(*average, worst)).collect();
        series.push(Series::new(format!("{} teacher, trade-off 0 to 1", t.name()), points));
    }
    for arm in [Arm::Student(Aim::Standard, Aim::Standard), Arm::Alone(Aim::Robust), Arm::Shifted] {
        if let Some((average, worst)) = at(arm) {
            runs.push((average, worst.value));
            series.push(Series::new(arm.name(), vec![Point::of(average, &worst)]));
        }
    }
    let mut best: Vec<(f64, f64)> = pareto(&runs)?.into_iter().map(|i| runs[i]).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    series.push(Series::reference(
        "no pair is better in both",
        best.into_iter().map(|(x, y)| Point::bare(x, y)).collect(),
    ));
    Ok(Chart {
        title: format!("{}: average and worst class", task.name),
        x: Axis::new("balanced accuracy", AxisScale::Linear),
        y: Axis::new("least recall", AxisScale::Linear),
        series,
    })
}

/// Along the student's alpha.
fn trade_off(study: &Study) -> Section {
    let mut section = Section::new("Along the student's trade-off")
        .text("From the balanced student (0) to the robust one (1), by teacher. The worst class need not be best at the robust end.");
    for (task, short) in [(study.features(), "features"), (study.mixture(), "mixture")] {
        for (what, name) in [("least recall", "worst"), ("balanced accuracy", "average")] {
            let series = Aim::TEACHERS.map(|t| {
                let points = Aim::TRADE_OFFS.iter().filter_map(|s| {
                    let arm = Arm::Student(t, *s);
                    let e = if name == "worst" { task.worst(arm) } else { task.average(arm) };
                    Some(Point::of(s.alpha(), &e.ok()?))
                });
                Series::new(format!("{} teacher", t.name()), points.collect())
            });
            let chart = Chart {
                title: format!("{}: {what} along alpha", task.name),
                x: Axis::new("student's alpha", AxisScale::Linear),
                y: Axis::new(what, AxisScale::Linear),
                series: series.to_vec(),
            };
            section = section.chart(
                format!("robust-distillation-alpha-{short}-{name}"),
                chart,
                "Bars are intervals over seeds and test points.",
            );
        }
    }
    section
}

/// What the pairs are compared with.
fn others(study: &Study) -> Section {
    let mut section = Section::new("Weights, post-shift, means of iterates").text(
        "The gap is the least recall on the validation set minus that on a fresh set of the same size: how far a method was fitted to the \
         validation set. Means of iterates are tested on the test set alone.",
    );
    let arms: Vec<Arm> = Arm::all()
        .into_iter()
        .filter(|arm| !matches!(arm, Arm::Teacher(_) | Arm::Student(..) | Arm::Alone(_)))
        .chain([Arm::Student(Aim::Standard, Aim::Robust), Arm::Student(Aim::Balanced, Aim::Balanced)])
        .collect();
    for task in &study.tasks {
        let mut table =
            Table::new(format!("{}.", task.name), ["arm", "average", "worst class", "gap", "training rows right"]);
        for &arm in &arms {
            let averaged = matches!(arm, Arm::Averaged(_));
            let gap = if averaged { String::new() } else { share(Task::over_seeds(&task.gaps(arm))) };
            let fitted = if averaged {
                String::new()
            } else {
                task.train_accuracy(arm).map_or_else(|why| why, |e| percent(e.value))
            };
            table = table.row([arm.name(), share(task.average(arm)), share(task.worst(arm)), gap, fitted]);
        }
        section = section.table(table);
    }
    section
}

/// Teachers of many kinds on the mixture.
fn calibration(study: &Study) -> Section {
    let exact = &study.exact;
    let mut table = Table::new(
        format!("{}: means over seeds; term of theorem 2, largest over classes; T = {TEMPERATURE}.", exact.name),
        [
            "teacher",
            "own worst",
            "term, balanced points",
            "term, training law",
            "student, labels",
            "student, teacher's labels",
        ],
    );
    let mut points = Vec::new();
    for (i, kind) in KINDS.iter().enumerate() {
        let of = |f: fn(&Found) -> f64| mean(&exact.records.iter().map(|r| f(&r[i])).collect::<Vec<_>>());
        let worst = |who: Who| {
            let arm = Exact::arm(i, who);
            exact.interval(|s| s.worst(arm))
        };
        let student = worst(Who::ByLabels);
        points.extend(student.iter().map(|e| (of(|found| found.balanced), e.value)));
        table = table.row([
            kind.name.to_string(),
            share(worst(Who::Teacher)),
            number(of(|found| found.balanced)),
            number(of(|found| found.long_tailed)),
            share(student.clone()),
            share(worst(Who::ByTeacher)),
        ]);
    }
    let chart = Scatter {
        title: format!("{}: calibration of the teacher and its robust student", exact.name),
        x: Axis::new("calibration term on balanced points", AxisScale::Linear),
        y: Axis::new("student's least recall", AxisScale::Linear),
        clouds: vec![Cloud { name: "a teacher".into(), points }],
        lines: Vec::new(),
    };
    Section::new("Calibration")
        .text(
            "On the mixture the posterior is known, so that calibration is, and the posterior itself can teach. Multipliers follow labels on \
             the validation set; those that follow the teacher's labels are in the last column.",
        )
        .chart("robust-distillation-calibration", chart, "A point is a teacher, the mean over seeds.")
        .table(table)
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
            ("Long tail".into(), json!({"largest": settings.profile.tail.n_max, "ratio": settings.profile.tail.ratio})),
            ("Validation examples of each class".into(), json!(settings.profile.validation)),
            ("Multipliers of networks of labels".into(), json!(super::settings::Settings::of_labels(1.0))),
            ("Multipliers of distilled students".into(), json!(super::settings::Settings::of_student(1.0))),
        ],
    )
}

/// One line for each arm of each task and seed, and for each teacher of the exact case.
pub(super) fn metrics(study: &Study) -> Vec<Value> {
    let names: Vec<(usize, String)> = Arm::all().iter().map(|arm| (arm.index(), arm.name())).collect();
    let of_task = |task: &Task| -> Vec<Value> {
        let line = |(s, (i, name)): (crate::kit::recalls::OfSeed, &(usize, String))| json!({"data": task.name, "seed": s.seed, "arm": name, "recall": s.of(*i)});
        task.seeds().flat_map(|s| names.iter().map(move |name| (s, name))).map(line).collect()
    };
    let teachers = study.exact.records.iter().enumerate().flat_map(|(seed, found)| {
        KINDS.iter().zip(found).map(move |(kind, found)| {
            json!({
                "data": "exact", "seed": seed, "teacher": kind.name,
                "term_balanced": found.balanced, "term_long_tailed": found.long_tailed,
            })
        })
    });
    study.tasks.iter().flat_map(of_task).chain(teachers).collect()
}
