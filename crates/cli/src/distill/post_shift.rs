//! `tenfold distill post-shift`: weights of classes that help the worst of them, without a student.

use super::accuracy::{BIAS, Line, tables};
use super::classes::{not_all, shown};
use super::input::{Named, Resampling, Stored, named, read, same_classes, warn};
use super::margins::write_json;
use super::write;
use crate::error::CliError;
use crate::output::{Output, ending, within, writable};
use crate::page::write_page;
use clap::Args;
use ndarray::Array2;
use serde_json::json;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, read_matrix_f64};
use tenfold_distill::{
    Comparison, DistillError, Gap, PostShift, Predictions, Shift, ShiftQuality, SoftTargets, Summary, Teacher, charts,
};
use tenfold_report::{Page, Section, Table, number, percent};

/// More passes over the validation examples than this are refused.
const MOST_PASSES: usize = 1_000_000;

/// Find a weight for each class such that the class of the largest weighted probability has the best worst class on validation.
///
/// The search fits the validation examples very well and others less so: give a test set that nothing was chosen on, and believe
/// what is found there.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold distill post-shift --validation val.npy --validation-labels val_y.npy --test test.npy \\\n    --test-labels test_y.npy --out weights.json"
)]
pub(crate) struct Search {
    /// What a model says of every validation example, `[examples, classes]`: probabilities, or logits with --logits.
    #[arg(long, value_name = "ARRAY")]
    validation: ArrayPath,
    /// The class of every validation example, `[examples]`, from 0.
    #[arg(long, value_name = "ARRAY")]
    validation_labels: ArrayPath,
    /// What it says of test points, `[points, classes]`.
    #[arg(long, value_name = "ARRAY")]
    test: Option<ArrayPath>,
    /// The class of every test point: before and after are compared there, with intervals.
    #[arg(long, value_name = "ARRAY", requires = "test")]
    test_labels: Option<ArrayPath>,
    #[command(flatten)]
    stored: Stored,
    /// The temperature of the probabilities that are weighted.
    #[arg(long, allow_negative_numbers = true, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Steps of the exponentiated gradient; each reads all validation examples once.
    #[arg(long, default_value_t = PostShift::default().steps)]
    steps: usize,
    /// Size of the first step.
    #[arg(long, allow_negative_numbers = true, default_value_t = PostShift::default().step)]
    step: f64,
    /// Random moves of single classes after that.
    #[arg(long, default_value_t = PostShift::default().moves)]
    moves: usize,
    #[command(flatten)]
    resampling: Resampling,
    /// Weights to write: `log_weights`, the largest 0, and the temperature.
    #[arg(long, value_name = "FILE.json", value_parser = ending("json"))]
    out: Option<PathBuf>,
    /// Weighted probabilities of the test points to write, normalised, single precision, as `probabilities`.
    #[arg(long, value_name = "FILE.npy|.npz|.safetensors", value_parser = write::path, requires = "test")]
    shifted: Option<PathBuf>,
    /// Page to write: the weights, and recalls on test before and after.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

/// A test set as it was read.
struct Test<'a> {
    file: Named<'a>,
    values: Array2<f64>,
    /// What is predicted without weights, where there are labels.
    before: Option<Predictions>,
}

/// Before and after on test points with labels.
struct Tested {
    before: Summary,
    after: Summary,
    change: Comparison,
    /// How much better the weights look on validation.
    gap: Gap,
}

impl Search {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", &self.out)?;
        writable("--shifted", &self.shifted)?;
        writable("--report", &self.report)?;
        within("--steps", self.steps, 0..=MOST_PASSES)?;
        within("--moves", self.moves, 0..=MOST_PASSES)?;
        self.resampling.check()?;
        let (file, labels) = (("--validation", &self.validation), ("--validation-labels", &self.validation_labels));
        let (values, classes_of) = read(file, labels)?;
        let validation = self.stored.teacher(file, &values)?;
        self.resampling.check_classes(validation.classes())?;
        // All that can be wrong with the test set is found before the search, which takes long.
        let test = self.read_test(validation.classes())?;
        let teacher = test.as_ref().map(|test| self.stored.teacher(test.file, &test.values)).transpose()?;
        let test = test.as_ref().zip(teacher.as_ref());

        let search = PostShift { steps: self.steps, step: self.step, moves: self.moves };
        let wrong = |error| named(error, file, labels);
        let shift = search.search(&validation, &classes_of, self.temperature, self.resampling.seed()).map_err(wrong)?;
        let tested = match test {
            Some((Test { before: Some(before), .. }, teacher)) => {
                let fitted = predictions(&shift, &validation, &classes_of).map_err(wrong)?;
                let after = predictions(&shift, teacher, before.labels()).map_err(wrong)?;
                Some(self.tested(before, &after, &fitted).map_err(wrong)?)
            }
            _ => None,
        };
        let shifted = match (&self.shifted, test) {
            (Some(path), Some((test, teacher))) => {
                let weights: Vec<f64> = shift.log_weights.iter().map(|log| log.exp()).collect();
                let shifted = SoftTargets::with_costs(teacher, &weights, self.temperature);
                Some((path, shifted.map_err(|error| named(error, test.file, test.file))?.values))
            }
            _ => None,
        };
        let page = match &self.report {
            Some(path) => Some((path, self.page(&shift, tested.as_ref()).html()?)),
            None => None,
        };
        let mut warnings = warn(file, validation.warnings());
        warnings.extend(test.iter().flat_map(|(test, teacher)| warn(test.file, teacher.warnings())));
        if let Some(path) = &self.out {
            write_json(path, &shift)?;
        }
        if let Some((path, values)) = shifted {
            write::write(path, "probabilities", &values, None)?;
        }
        if let Some((path, page)) = page {
            write_page(path, &page)?;
        }
        Ok(self.say(&shift, tested.as_ref(), warnings))
    }

    fn read_test(&self, classes: usize) -> Result<Option<Test<'_>>, CliError> {
        let Some(path) = &self.test else { return Ok(None) };
        let file: Named = ("--test", path);
        let labels = self.test_labels.as_ref().map(|path| ("--test-labels", path));
        let (values, classes_of) = match labels {
            None => (read_matrix_f64(path)?, Vec::new()),
            Some(labels) => read(file, labels)?,
        };
        same_classes(file, values.ncols(), ("--validation", &self.validation), classes)?;
        let before = labels.map(|labels| self.stored.predictions(file, &values, labels, &classes_of)).transpose()?;
        Ok(Some(Test { file, values, before }))
    }

    fn tested(&self, before: &Predictions, after: &Predictions, fitted: &Predictions) -> Result<Tested, DistillError> {
        let (Resampling { worst, draws, .. }, seed) = (&self.resampling, self.resampling.seed());
        Ok(Tested {
            before: Summary::of(before, worst, *draws, seed)?,
            after: Summary::of(after, worst, *draws, seed)?,
            change: Comparison::of(before, after, worst, *draws, seed)?,
            gap: Gap::of(fitted, after, worst, *draws, seed)?,
        })
    }

    fn say(&self, shift: &Shift, tested: Option<&Tested>, warnings: Vec<String>) -> Output {
        let both = |of: fn(&ShiftQuality) -> f64| {
            format!("{} % before, {} % after", percent(of(&shift.before)), percent(of(&shift.after)))
        };
        let logs = &shift.log_weights;
        let largest = shown(logs.len(), |a, b| logs[b].total_cmp(&logs[a]));
        let mut output = Output::new()
            .field("validation_worst", both(|q| q.worst), json!([shift.before.worst, shift.after.worst]))
            .field("validation_balanced", both(|q| q.balanced), json!([shift.before.balanced, shift.after.balanced]))
            .hidden("log_weights", shift.log_weights.clone())
            .table(&weights(shift, &largest));
        output = not_all(output, shift.log_weights.len());
        match tested {
            None => {
                output = output.line("Fitted on validation: give --test and --test-labels to see what is left of it.")
            }
            Some(tested) => {
                output = tables(&tested.lines()).iter().fold(output, Output::table);
                output = output.hidden("test_before", json!(tested.before)).hidden("test_after", json!(tested.after));
                output = output.hidden("after_minus_before", json!(tested.change));
                output = output.hidden("validation_minus_test", json!(tested.gap));
            }
        }
        output
            .hidden("temperature", shift.temperature)
            .hidden("warnings", warnings)
            .file("written", self.out.as_ref())
            .file("shifted", self.shifted.as_ref())
            .file("report", self.report.as_ref())
    }

    fn page(&self, shift: &Shift, tested: Option<&Tested>) -> Page {
        let chart = charts::per_class("weight of each class", "log weight", &[("log weight", &shift.log_weights)]);
        let all: Vec<usize> = (0..shift.log_weights.len()).collect();
        let caption = "The largest weight is 1, its logarithm 0.";
        let found = format!(
            "On the {} that they were found on: worst class {} % before and {} % after, mean of recalls {} % and {} %.",
            self.validation,
            percent(shift.before.worst),
            percent(shift.after.worst),
            percent(shift.before.balanced),
            percent(shift.after.balanced)
        );
        let test = tested.map(|tested| {
            let section = tables(&tested.lines()).into_iter().fold(Section::new("On test points"), Section::table);
            let changes = "Above the dashed line a class gained, below it lost; intervals are for one class alone.";
            section.text(BIAS).chart("changes", charts::changes(&tested.change), changes)
        });
        Page::new("Post-shift: weights of classes")
            .text(&found)
            .section(Section::new("Weights").chart("weights", chart, caption).table(weights(shift, &all)))
            .sections(test)
    }
}

impl Tested {
    fn lines(&self) -> [Line; 4] {
        [
            Line::of("before", &self.before),
            Line::of("after", &self.after),
            Line::change("after - before", &self.change),
            Line::gap("validation - test", &self.gap),
        ]
    }
}

/// What weighted probabilities predict.
fn predictions(shift: &Shift, teacher: &Teacher<f64>, labels: &[usize]) -> Result<Predictions, DistillError> {
    Predictions::of_classes(shift.predict(teacher)?, labels, teacher.classes())
}

fn weights(shift: &Shift, classes: &[usize]) -> Table {
    let row = |&class: &usize| {
        let log = shift.log_weights[class];
        [class.to_string(), number(log), number(log.exp())]
    };
    Table::new("weights of the classes", ["class", "log weight", "weight"]).rows(classes.iter().map(row))
}
