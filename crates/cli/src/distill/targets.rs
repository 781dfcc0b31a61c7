//! `tenfold distill targets`: soft targets that a student of any framework trains on with plain soft cross-entropy.

use super::classes::{list, lowest, not_all};
use super::input::{Named, Stored, named, read_json, say, warn};
use super::margins::{read_margins, source_in_words};
use super::write::{self, holds_several};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use crate::page::write_page;
use clap::{Args, ValueEnum};
use ndarray::Array1;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix_f64, read_vector_f64, write_npy};
use tenfold_distill::{
    AdaAlpha, AlphaMap, EgParams, MarginScope, MarginSource, Marginal, Margins, Multipliers, SoftTargets, Teacher,
    charts,
};
use tenfold_report::{Page, Section, Table, number};

/// Write soft targets: a teacher's probabilities, adjusted so that plain soft cross-entropy on them does not fail the rare classes.
///
/// The temperature and the adjustment are in the targets already: a student trains on them with mean over rows of
/// -sum(target * log_softmax(logits)), without a temperature of its own.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold distill targets --method adaalpha --teacher train_logits.npy --logits --temperature 3 \\\n    --labels train_y.npy --margins margins.json --out targets.npy"
)]
pub(crate) struct Targets {
    /// How the teacher's probabilities are adjusted.
    #[arg(long, value_enum)]
    method: Method,
    /// What the teacher says of every training example, `[examples, classes]`: probabilities, or logits with --logits.
    #[arg(long, value_name = "ARRAY")]
    teacher: ArrayPath,
    #[command(flatten)]
    stored: Stored,
    /// The temperature of the targets.
    #[arg(long, allow_negative_numbers = true, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// For adaalpha: the class of every training example, `[examples]`, from 0.
    #[arg(long, value_name = "ARRAY")]
    labels: Option<ArrayPath>,
    /// For adaalpha: margins that `margins` wrote.
    #[arg(long, value_name = "FILE.json", conflicts_with = "per_example")]
    margins: Option<PathBuf>,
    /// For adaalpha: each example's own margin instead, from --teacher, whose numbers must come from teachers that did not see it.
    #[arg(long)]
    per_example: bool,
    /// For adaalpha: the teacher's share is the margin to this power; 1 without it.
    #[arg(long, allow_negative_numbers = true, value_name = "P")]
    power: Option<f64>,
    /// For robust: a multiplier for each class, `[classes]`: an array, or JSON such as [0.2, 0.8] or {"multipliers": [0.2, 0.8]}.
    #[arg(long, value_name = "ARRAY|FILE.json")]
    multipliers: Option<ArrayPath>,
    /// For robust: from the balanced targets (0) to those of the multipliers alone (1).
    #[arg(long, allow_negative_numbers = true, value_name = "ALPHA")]
    trade_off: Option<f64>,
    /// Targets to write, single precision: `targets` and, for balanced and robust, `weights`; a .npy file has the targets alone.
    #[arg(long, value_name = "FILE.npy|.npz|.safetensors", value_parser = write::path)]
    out: PathBuf,
    /// For balanced and robust: what each row's loss may be multiplied by, `[examples]`, to have the weighted objective itself.
    #[arg(long, value_name = "FILE.npy", value_parser = ending("npy"))]
    weights: Option<PathBuf>,
    /// Page to write: the share of each class in the teacher's probabilities and in the targets.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// The teacher's probabilities at the temperature.
    Plain,
    /// Labels where the teacher's margin is low, the teacher where it is high.
    #[value(name = "adaalpha")]
    AdaAlpha,
    /// Divided by the teacher's marginal, so that every class has the same mass.
    Balanced,
    /// The same times a multiplier for each class, such as those of the worst-class objective.
    Robust,
}

/// Multipliers as JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Bare(Vec<f64>),
    Named { multipliers: Vec<f64> },
}

/// Targets, and what is said of them.
struct Made {
    targets: SoftTargets<f64>,
    /// What the method did to each class: alpha, or a cost.
    per_class: Option<(&'static str, Vec<f64>)>,
    source: Option<MarginSource>,
    warnings: Vec<String>,
}

impl Targets {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        self.check()?;
        let file = ("--teacher", &self.teacher);
        let values = read_matrix_f64(&self.teacher)?;
        let teacher = self.stored.teacher(file, &values)?;
        let marginal = Marginal::of_teacher(&teacher, self.temperature).map_err(|e| named(e, file, file))?;
        let mut made = self.make(&teacher, &marginal)?;
        let shares = [marginal.values().to_vec(), self.shares(&made)];
        let page = match &self.report {
            Some(path) => Some((path, self.page(&made, &shares).html()?)),
            None => None,
        };
        let mut warnings = warn(file, teacher.warnings());
        warnings.append(&mut made.warnings);
        let weights = self.weighted().then_some(made.targets.weights.as_slice());
        if weights.is_some() && self.weights.is_none() && !holds_several(&self.out) {
            let text = "a .npy file has no room for the weights of the rows: without them every row counts alike; see --weights";
            warnings.push(say(format!("--out {}: {text}", self.out.display())));
        }
        write::write(&self.out, "targets", &made.targets.values, weights)?;
        if let (Some(path), Some(weights)) = (&self.weights, weights) {
            let weights: Array1<f32> = weights.iter().map(|w| *w as f32).collect();
            write_npy(path, weights.view())?;
        }
        if let Some((path, page)) = page {
            write_page(path, &page)?;
        }
        Ok(self.say(&made, &shares, warnings))
    }

    /// Whether the method weighs rows.
    fn weighted(&self) -> bool {
        matches!(self.method, Method::Balanced | Method::Robust)
    }

    /// Refuses what cannot be written, and options of another method, which would be left aside in silence.
    fn check(&self) -> Result<(), CliError> {
        writable("--out", [&self.out])?;
        writable("--weights", &self.weights)?;
        writable("--report", &self.report)?;
        let (ada, robust) = (self.method == Method::AdaAlpha, self.method == Method::Robust);
        let options = [
            ("--labels", self.labels.as_ref().map(ArrayPath::to_string), ada, "only --method adaalpha takes labels"),
            (
                "--margins",
                self.margins.as_ref().map(|m| m.display().to_string()),
                ada,
                "only --method adaalpha takes margins",
            ),
            ("--per-example", self.per_example.then(|| "given".to_string()), ada, "only --method adaalpha has margins"),
            ("--power", self.power.map(|p| p.to_string()), ada, "only --method adaalpha has a power"),
            (
                "--multipliers",
                self.multipliers.as_ref().map(ArrayPath::to_string),
                robust,
                "only --method robust takes multipliers",
            ),
            ("--trade-off", self.trade_off.map(|a| a.to_string()), robust, "only --method robust has a trade-off"),
            (
                "--weights",
                self.weights.as_ref().map(|w| w.display().to_string()),
                self.weighted(),
                "only --method balanced and robust weigh rows",
            ),
        ];
        match options.into_iter().find(|(_, given, fits, _)| given.is_some() && !fits) {
            Some((option, value, _, rule)) => {
                Err(CliError::Option { option, value: value.unwrap_or_default(), rule: rule.into() })
            }
            None => Ok(()),
        }
    }

    fn make(&self, teacher: &Teacher<f64>, marginal: &Marginal) -> Result<Made, CliError> {
        let file = ("--teacher", &self.teacher);
        let wrong = |error| named(error, file, file);
        let bare = |targets| Made { targets, per_class: None, source: None, warnings: Vec::new() };
        let costs = |costs: Vec<f64>| -> Result<Made, CliError> {
            let targets = SoftTargets::with_costs(teacher, &costs, self.temperature).map_err(wrong)?;
            // A marginal matters only where it is divided by.
            Ok(Made { warnings: warn(file, marginal.warnings()), per_class: Some(("cost", costs)), ..bare(targets) })
        };
        match self.method {
            Method::Plain => {
                let values = teacher.tempered(self.temperature).map_err(wrong)?;
                let weights = vec![1.0; values.nrows()];
                Ok(bare(SoftTargets { values, weights, temperature: self.temperature }))
            }
            Method::AdaAlpha => self.ada_alpha(teacher),
            Method::Balanced => {
                let uniform = Multipliers::uniform(teacher.classes(), EgParams::default()).map_err(wrong)?;
                costs(uniform.costs(marginal).map_err(wrong)?)
            }
            Method::Robust => costs(self.read_multipliers(teacher.classes())?.costs(marginal).map_err(wrong)?),
        }
    }

    fn ada_alpha(&self, teacher: &Teacher<f64>) -> Result<Made, CliError> {
        let method = || "adaalpha".to_string();
        let needs =
            |what: &str| CliError::Option { option: "--method", value: method(), rule: format!("needs {what}") };
        let path = self.labels.as_ref().ok_or_else(|| needs("--labels"))?;
        let (file, labels): (Named, Named) = (("--teacher", &self.teacher), ("--labels", path));
        let classes_of = read_labels(path)?;
        if classes_of.len() != teacher.rows() {
            let (left, right) = (format!("--teacher {}", self.teacher), format!("--labels {path}"));
            return Err(CliError::Rows { left, left_rows: teacher.rows(), right, right_rows: classes_of.len() });
        }
        let wrong = |error| named(error, file, labels);
        let (margins, scope) = match &self.margins {
            Some(path) => {
                let margins = read_margins("--margins", path)?;
                if margins.counts().len() != teacher.classes() {
                    let rule = format!(
                        "has {} classes, --teacher {} has {}",
                        margins.counts().len(),
                        self.teacher,
                        teacher.classes()
                    );
                    let value = path.display().to_string();
                    return Err(CliError::Option {
                        option: "--margins",
                        value,
                        rule: format!("{rule}; they must be the same"),
                    });
                }
                (margins, MarginScope::PerClass)
            }
            None if self.per_example => {
                let margins = Margins::of(teacher, &classes_of, 1.0, MarginSource::InSample).map_err(wrong)?;
                (margins, MarginScope::PerExample)
            }
            None => return Err(needs("--margins or --per-example")),
        };
        let map = self.power.map_or(AlphaMap::Clip, |power| AlphaMap::ClipPow { power });
        let method = AdaAlpha { map, scope };
        let targets = method.targets(teacher, &classes_of, &margins, self.temperature).map_err(wrong)?;
        let of_classes = scope == MarginScope::PerClass;
        let alphas = of_classes.then(|| method.alphas(&margins)).transpose().map_err(wrong)?;
        let mut warnings = Vec::new();
        if of_classes && margins.source() == MarginSource::InSample {
            let text =
                "margins of the teacher's own training examples: where it fits them these are nearly plain targets";
            warnings.push(say(text.to_string()));
        }
        let source = of_classes.then(|| margins.source());
        Ok(Made { targets, per_class: alphas.map(|alphas| ("alpha", alphas)), source, warnings })
    }

    fn read_multipliers(&self, classes: usize) -> Result<Multipliers, CliError> {
        let Some(path) = &self.multipliers else {
            let rule = "needs --multipliers".into();
            return Err(CliError::Option { option: "--method", value: "robust".into(), rule });
        };
        let values = match path.file.extension().is_some_and(|own| own == "json") {
            true => match read_json(&path.file)? {
                Given::Bare(multipliers) | Given::Named { multipliers } => multipliers,
            },
            false => read_vector_f64(path)?.to_vec(),
        };
        let file = ("--multipliers", path);
        if values.len() != classes {
            let rule = format!("has {} numbers, must have one for each of the {classes} classes", values.len());
            return Err(CliError::Option { option: file.0, value: path.to_string(), rule });
        }
        let params = EgParams::default().with_trade_off(self.trade_off.unwrap_or(1.0));
        Multipliers::given(&values, params).map_err(|error| named(error, file, file))
    }

    /// The share of each class in the targets, weighted where rows have weights.
    fn shares(&self, made: &Made) -> Vec<f64> {
        let SoftTargets { values, weights, .. } = &made.targets;
        let mut sums = vec![0.0; values.ncols()];
        for (row, weight) in values.outer_iter().zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, q)| *sum += weight * q);
        }
        sums.into_iter().map(|sum| sum / values.nrows() as f64).collect()
    }

    fn table(&self, made: &Made, [before, after]: &[Vec<f64>; 2], classes: &[usize]) -> Table {
        let weighted = if self.weighted() { "targets, weighted" } else { "targets" };
        let name = made.per_class.as_ref().map(|(name, _)| *name);
        let row = |&class: &usize| {
            let start = [class.to_string(), number(before[class]), number(after[class])];
            start.into_iter().chain(made.per_class.iter().map(move |(_, values)| number(values[class])))
        };
        let header = ["class", "teacher", weighted].into_iter().chain(name);
        Table::new("share of each class", header).rows(classes.iter().map(row))
    }

    fn say(&self, made: &Made, shares: &[Vec<f64>; 2], warnings: Vec<String>) -> Output {
        let (rows, classes) = made.targets.values.dim();
        let temperature = made.targets.temperature;
        let mut output = Output::new()
            .field("examples", rows, rows)
            .field("classes", classes, classes)
            .field("temperature", format!("{temperature}, applied: a student needs none"), temperature)
            .table(&self.table(made, shares, &lowest(&shares[0])))
            .hidden("teacher_marginal", shares[0].clone())
            .hidden("targets_marginal", shares[1].clone());
        output = not_all(output, classes);
        if let Some((name, values)) = &made.per_class {
            output = output.hidden(name, values.clone());
            if *name == "alpha" {
                let labels_only: Vec<usize> = (0..classes).filter(|&class| values[class] == 0.0).collect();
                output = output.field("labels_alone", list(labels_only.iter().copied()), labels_only);
            }
        }
        if let Some(source) = made.source {
            output = output.field("margins", source_in_words(source), json!(source));
        }
        if self.weighted() {
            let (lo, hi) =
                made.targets.weights.iter().fold((f64::INFINITY, 0.0_f64), |(lo, hi), w| (lo.min(*w), hi.max(*w)));
            output =
                output.field("weights_of_rows", format!("{} to {}, mean 1", number(lo), number(hi)), json!([lo, hi]));
        }
        output
            .hidden("warnings", warnings)
            .file("written", Some(&self.out))
            .file("weights", self.weights.as_ref())
            .file("report", self.report.as_ref())
    }

    fn page(&self, made: &Made, shares: &[Vec<f64>; 2]) -> Page {
        let all: Vec<usize> = (0..shares[0].len()).collect();
        let kinds = [("teacher", shares[0].as_slice()), ("targets", shares[1].as_slice())];
        let chart = charts::per_class("share of each class", "share", &kinds);
        let section = Section::new("Share of each class")
            .chart("shares", chart, "Means over rows, weighted where the method weighs rows.")
            .table(self.table(made, shares, &all));
        Page::new("Soft targets")
            .text(&format!("Made of {}; written to {}.", self.teacher, self.out.display()))
            .section(section)
    }
}
