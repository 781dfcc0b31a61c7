//! `tenfold distill diagnose`: who gained and who lost, class by class.

use super::accuracy::{BIAS, Line, share, tables};
use super::classes::{list, lowest, not_all, shown};
use super::input::{Named, Resampling, named, predictions, read, same_classes};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use crate::page::write_page;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use tenfold_core_tensor::arrays::ArrayPath;
use tenfold_distill::{
    Amplification, ClassChange, ClassRecall, Comparison, Gap, Predictions, Summary, Verdict, charts,
};
use tenfold_report::{Page, Section, Table, number};

/// Look at a student class by class: recalls, the worst classes, and what changed against the same student trained on labels.
///
/// With --baseline, every change is the student's number minus the baseline's on the same points. Compare with the same student
/// trained on labels, not with the teacher: the sign of most findings depends on it. Only the largest number of each row counts, so
/// temperatures change nothing here.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold distill diagnose --student student.npy --baseline baseline.npy --teacher teacher.npy \\\n    --labels y.npy --worst 1,3 --report diagnose.html"
)]
pub(crate) struct Diagnose {
    /// What the student that is looked at says of every test point, `[points, classes]`: probabilities, or logits with --logits.
    #[arg(long, value_name = "ARRAY")]
    student: ArrayPath,
    /// The class of every test point, `[points]`, from 0.
    #[arg(long, value_name = "ARRAY")]
    labels: ArrayPath,
    /// What the same student trained on labels says of the same points: changes are student minus baseline.
    #[arg(long, value_name = "ARRAY")]
    baseline: Option<ArrayPath>,
    /// What the teacher says of the same points: with --baseline, also how often either student repeats the teacher's errors.
    #[arg(long, value_name = "ARRAY")]
    teacher: Option<ArrayPath>,
    /// What the student says of validation points that it was chosen or tuned on: also how much better it looks there.
    #[arg(long, value_name = "ARRAY", requires = "validation_labels")]
    validation_student: Option<ArrayPath>,
    /// The class of every validation point.
    #[arg(long, value_name = "ARRAY", requires = "validation_student")]
    validation_labels: Option<ArrayPath>,
    /// All numbers are logits, not probabilities.
    #[arg(long)]
    logits: bool,
    #[command(flatten)]
    resampling: Resampling,
    /// Page to write: recalls and changes of every class as charts and tables.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

/// A model on the test points.
struct Model {
    name: &'static str,
    predictions: Predictions,
    recalls: Vec<ClassRecall>,
    summary: Summary,
}

/// All that was found.
struct Found {
    student: Model,
    baseline: Option<Model>,
    teacher: Option<Model>,
    change: Option<Comparison>,
    /// A teacher without errors is a finding, not a fault of the input.
    repeated: Option<Result<Amplification, String>>,
    gap: Option<Gap>,
}

impl Diagnose {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--report", &self.report)?;
        self.resampling.check()?;
        let found = self.find()?;
        if let Some(path) = &self.report {
            write_page(path, &self.page(&found).html()?)?;
        }
        Ok(self.say(&found))
    }

    fn find(&self) -> Result<Found, CliError> {
        let (student_file, labels) = (("--student", &self.student), ("--labels", &self.labels));
        let predictions = self.predictions(student_file, labels, None)?;
        let classes = predictions.classes();
        self.resampling.check_classes(classes)?;
        let Resampling { worst, draws, .. } = &self.resampling;
        let seed = self.resampling.seed();
        let wrong = |error| named(error, student_file, labels);
        let model = |name, predictions: Predictions| {
            let summary = Summary::of(&predictions, worst, *draws, seed).map_err(wrong)?;
            Ok(Model { name, recalls: predictions.recalls().map_err(wrong)?, summary, predictions })
        };
        let beside = |option, name, path: &Option<ArrayPath>| -> Result<Option<Model>, CliError> {
            let Some(path) = path else { return Ok(None) };
            let predictions = self.predictions((option, path), labels, Some(classes))?;
            model(name, predictions).map(Some)
        };
        let baseline = beside("--baseline", "baseline", &self.baseline)?;
        let teacher = beside("--teacher", "teacher", &self.teacher)?;
        let student = model("student", predictions)?;
        let gap = match (&self.validation_student, &self.validation_labels) {
            (Some(path), Some(labels)) => {
                let (file, labels) = (("--validation-student", path), ("--validation-labels", labels));
                let validation = self.predictions(file, labels, Some(classes))?;
                let gap = Gap::of(&validation, &student.predictions, worst, *draws, seed);
                Some(gap.map_err(|error| named(error, file, labels))?)
            }
            _ => None,
        };
        let (of_student, of_baseline) = (&student.predictions, baseline.as_ref().map(|b| &b.predictions));
        let change =
            of_baseline.map(|b| Comparison::of(b, of_student, worst, *draws, seed)).transpose().map_err(wrong)?;
        let repeated = teacher.as_ref().zip(of_baseline).map(|(teacher, b)| {
            Amplification::of(&teacher.predictions, of_student, b).map_err(|error| error.to_string())
        });
        Ok(Found { student, baseline, teacher, change, repeated, gap })
    }

    /// What a file predicts; its classes must be those of the student.
    fn predictions(&self, file: Named, labels: Named, classes: Option<usize>) -> Result<Predictions, CliError> {
        let (values, classes_of) = read(file, labels)?;
        if let Some(classes) = classes {
            same_classes(file, values.ncols(), ("--student", &self.student), classes)?;
        }
        predictions(self.logits, file, &values, labels, &classes_of)
    }

    fn say(&self, found: &Found) -> Output {
        let student = &found.student.predictions;
        let (points, classes) = (student.points(), student.classes());
        let mut output = Output::new().field("points", points, points).field("classes", classes, classes);
        output = tables(&found.lines()).iter().fold(output, Output::table);
        let recalls: Vec<f64> = found.student.recalls.iter().map(|r| r.recall.value).collect();
        output = output.table(&found.recalls(&lowest(&recalls)));
        for model in found.models() {
            output = output.hidden(model.name, json!({"summary": model.summary, "recalls": model.recalls}));
        }
        if let Some(change) = &found.change {
            let (of, by) = (|class: usize| &change.classes[class], |c: &ClassChange| (c.adjusted, c.change.value));
            let surest = shown(classes, |a, b| by(of(a)).partial_cmp(&by(of(b))).unwrap_or(std::cmp::Ordering::Equal));
            let of_verdict = |verdict| list(change.classes.iter().filter(|c| c.verdict == verdict).map(|c| c.class));
            let lost = change.losses().into_iter().map(|c| c.class);
            output = output
                .table(&found.changes(&surest))
                .field("classes_that_gained", of_verdict(Verdict::Gain), classes_of(change, Verdict::Gain))
                .field("classes_that_lost", list(lost), classes_of(change, Verdict::Loss))
                .hidden("student_minus_baseline", json!(change));
        }
        output = not_all(output, classes);
        output = match &found.repeated {
            Some(Ok(a)) => output
                .field("teacher_errors", a.errors, a.errors)
                .field("repeated_by_student", format!("{} % of them", share(&a.distilled)), json!(a.distilled))
                .field("repeated_by_baseline", format!("{} % of them", share(&a.one_hot)), json!(a.one_hot))
                .field("difference", format!("{} %, p = {}", share(&a.difference), number(a.p)), json!(a.difference))
                .hidden("repeated_errors", json!(a)),
            Some(Err(reason)) => output.field("repeated_errors", format!("none: {reason}"), Value::Null),
            None if self.teacher.is_some() => output.field("repeated_errors", "needs --baseline", Value::Null),
            None => output,
        };
        if let Some(gap) = &found.gap {
            output = output.hidden("validation_minus_test", json!(gap));
        }
        output.hidden("draws", self.resampling.draws).file("report", self.report.as_ref())
    }

    fn page(&self, found: &Found) -> Page {
        let student = &found.student.predictions;
        let all: Vec<usize> = (0..student.classes()).collect();
        let accuracy = tables(&found.lines()).into_iter().fold(Section::new("Accuracy"), Section::table).text(BIAS);
        let models: Vec<(&str, &[ClassRecall])> = found.models().map(|m| (m.name, m.recalls.as_slice())).collect();
        let recalls = Section::new("Recall of each class")
            .chart("recalls", charts::recalls(&models), "Classes in their own order.")
            .table(found.recalls(&all));
        let changes = found.change.as_ref().map(|change| {
            let caption = "Above the dashed line a class gained, below it lost; intervals are for one class alone.";
            Section::new("Student minus baseline")
                .chart("changes", charts::changes(change), caption)
                .table(found.changes(&all))
        });
        let repeated = found.repeated.as_ref().map(|repeated| {
            let section = Section::new("Errors of the teacher that are repeated");
            match repeated {
                Err(reason) => section.text(format!("None: {reason}.")),
                Ok(a) => section.table(
                    Table::new(
                        format!(
                            "Of {} errors, the same wrong class is predicted, in %; 95 % over these points.",
                            a.errors
                        ),
                        ["", "share"],
                    )
                    .row(["student", &share(&a.distilled)])
                    .row(["baseline", &share(&a.one_hot)])
                    .row(["student minus baseline", &format!("{} (p = {})", share(&a.difference), number(a.p))]),
                ),
            }
        });
        Page::new("A student, class by class")
            .text(&format!("{} on {} points of {} classes.", self.student, student.points(), student.classes()))
            .section(accuracy)
            .section(recalls)
            .sections(changes)
            .sections(repeated)
    }
}

impl Found {
    fn models(&self) -> impl Iterator<Item = &Model> {
        std::iter::once(&self.student).chain(&self.baseline).chain(&self.teacher)
    }

    fn lines(&self) -> Vec<Line> {
        let models = self.models().map(|model| Line::of(model.name, &model.summary));
        let change = self.change.as_ref().map(|change| Line::change("student - baseline", change));
        models.chain(change).chain(self.gap.as_ref().map(|gap| Line::gap("validation - test", gap))).collect()
    }

    fn recalls(&self, classes: &[usize]) -> Table {
        let header = ["class", "points"].into_iter().chain(self.models().map(|model| model.name));
        let row = |&class: &usize| {
            let start = [class.to_string(), self.student.recalls[class].count.to_string()];
            start.into_iter().chain(self.models().map(move |model| share(&model.recalls[class].recall)))
        };
        Table::new("recall in %, 95 % (Wilson)", header).rows(classes.iter().map(row))
    }

    fn changes(&self, classes: &[usize]) -> Table {
        let header = ["class", "gained", "lost", "change", "p", "Holm's p", "verdict"];
        let row = |c: &ClassChange| {
            let verdict = match c.verdict {
                Verdict::Gain => "gain",
                Verdict::Loss => "loss",
                Verdict::Undecided => "undecided",
            };
            let [p, adjusted] = [c.p, c.adjusted].map(number);
            [
                c.class.to_string(),
                c.gained.to_string(),
                c.lost.to_string(),
                share(&c.change),
                p,
                adjusted,
                verdict.into(),
            ]
        };
        let caption =
            "student minus baseline: points that only one gets right, change of recall in %, 95 % (Newcombe, paired)";
        let change = self.change.iter();
        Table::new(caption, header)
            .rows(change.flat_map(|change| classes.iter().map(|&class| row(&change.classes[class]))))
    }
}

fn classes_of(change: &Comparison, verdict: Verdict) -> Value {
    json!(change.classes.iter().filter(|c| c.verdict == verdict).map(|c| c.class).collect::<Vec<_>>())
}
