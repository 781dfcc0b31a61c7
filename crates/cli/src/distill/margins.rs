//! `tenfold distill margins`: on which classes a teacher can be trusted.

use super::classes::{list, lowest, not_all};
use super::input::{Stored, named, read, read_json, say, warn};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use crate::page::write_page;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::{ArrayPath, read_labels};
use tenfold_core_tensor::files::{FileError, write_atomic};
use tenfold_core_tensor::stats::Estimate;
use tenfold_distill::{ClassTrust, MarginSource, Margins, Trust, charts};
use tenfold_report::{Page, Section, Table, estimate, number};

/// Measure a teacher's margin on every class, with its interval, and say on which classes it can be trusted.
///
/// The margin is the label's probability minus the mean of the others': 1 where the teacher is sure and right, 0 at chance. Say
/// where the examples come from: on its own training set a teacher's margins are near 1 on every class, rare or not.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold distill margins --teacher val_logits.npy --logits --labels val_y.npy --source external \\\n    --out margins.json"
)]
pub(crate) struct Measure {
    /// What the teacher says of every example, `[examples, classes]`: probabilities, or logits with --logits.
    #[arg(long, value_name = "ARRAY")]
    teacher: ArrayPath,
    /// The class of every example, `[examples]`, from 0.
    #[arg(long, value_name = "ARRAY")]
    labels: ArrayPath,
    #[command(flatten)]
    stored: Stored,
    /// Where the examples come from; the file carries it.
    #[arg(long, value_enum)]
    source: Source,
    /// With --source cross-fit: the number of folds, and of teachers.
    #[arg(long, value_name = "K", conflicts_with = "fold_of")]
    folds: Option<usize>,
    /// ... or the fold of every example, `[examples]`, from 0, whose teacher was trained without it: checks that each of these
    /// teachers saw every class.
    #[arg(long, value_name = "ARRAY")]
    fold_of: Option<ArrayPath>,
    /// The temperature of the margins, which need not be that of the targets.
    #[arg(long, allow_negative_numbers = true, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Draw the margin of a class of n examples towards the mean over classes, as if so many more examples had that mean.
    #[arg(long, allow_negative_numbers = true, value_name = "EXAMPLES", default_value_t = 0.0)]
    shrinkage: f64,
    /// Trust the teacher on a class where the interval of its margin lies above this; 0 is chance.
    #[arg(long, allow_negative_numbers = true, default_value_t = 0.0)]
    threshold: f64,
    /// Margins to write, for `targets`.
    #[arg(long, value_name = "FILE.json", value_parser = ending("json"))]
    out: Option<PathBuf>,
    /// Page to write: the margins as a chart and a table.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Source {
    /// The teacher's own training examples.
    InSample,
    /// A part of the training set that the teacher was not trained on.
    HoldOut,
    /// Every training example, each from a teacher that was trained without its fold.
    CrossFit,
    /// Examples from elsewhere, such as a validation set.
    External,
}

/// Margins as a file.
#[derive(Serialize, Deserialize)]
struct Kept {
    source: MarginSource,
    temperature: f64,
    shrinkage: f64,
    /// In the order of the classes.
    classes: Vec<KeptClass>,
}

#[derive(Serialize, Deserialize)]
struct KeptClass {
    class: usize,
    /// What targets use: after shrinkage. Not read again.
    #[serde(skip_deserializing)]
    used: f64,
    #[serde(flatten)]
    margin: Estimate,
    /// Not read again.
    #[serde(skip_deserializing)]
    trust: Option<Trust>,
}

impl Measure {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", &self.out)?;
        writable("--report", &self.report)?;
        let (file, labels) = (("--teacher", &self.teacher), ("--labels", &self.labels));
        let (values, classes_of) = read(file, labels)?;
        let teacher = self.stored.teacher(file, &values)?;
        let source = self.source(&classes_of)?;
        let wrong = |error| named(error, file, labels);
        let margins = Margins::of(&teacher, &classes_of, self.temperature, source).map_err(wrong)?;
        let margins = margins.with_shrinkage(self.shrinkage).map_err(wrong)?;
        let trust = ClassTrust::of(&margins, self.threshold).map_err(wrong)?;
        let page = match &self.report {
            Some(path) => Some((path, self.page(&margins, &trust).html()?)),
            None => None,
        };
        let mut warnings = warn(file, teacher.warnings());
        if source == MarginSource::InSample {
            let text = "margins of a teacher's own training examples say little: where it fits them they are near 1 on every class";
            warnings.push(say(text.to_string()));
        }
        if let Some(path) = &self.out {
            write_json(path, &kept(&margins, &trust))?;
        }
        if let Some((path, page)) = page {
            write_page(path, &page)?;
        }
        Ok(self.say(&margins, &trust, warnings))
    }

    /// Where the examples come from, once folds are what they must be.
    fn source(&self, labels: &[usize]) -> Result<MarginSource, CliError> {
        let refuse = |option, value: String, rule: &str| Err(CliError::Option { option, value, rule: rule.into() });
        match (self.source, self.folds, &self.fold_of) {
            (Source::CrossFit, Some(folds), _) => Ok(MarginSource::CrossFit { folds }),
            (Source::CrossFit, None, Some(path)) => Ok(MarginSource::CrossFit { folds: folds_of(path, labels)? }),
            (Source::CrossFit, None, None) => refuse("--source", "cross-fit".into(), "needs --folds or --fold-of"),
            (_, Some(folds), _) => refuse("--folds", folds.to_string(), "only --source cross-fit has folds"),
            (_, _, Some(path)) => refuse("--fold-of", path.to_string(), "only --source cross-fit has folds"),
            (Source::InSample, ..) => Ok(MarginSource::InSample),
            (Source::HoldOut, ..) => Ok(MarginSource::HoldOut),
            (Source::External, ..) => Ok(MarginSource::External),
        }
    }

    fn say(&self, margins: &Margins, trust: &[ClassTrust], warnings: Vec<String>) -> Output {
        let examples = margins.counts().iter().sum::<usize>();
        let of = |which: Trust| trust.iter().filter(move |t| t.trust == which).map(|t| t.class);
        let mut output = Output::new()
            .field("examples", examples, examples)
            .field("source", source_in_words(margins.source()), json!(margins.source()))
            .table(&table(margins, trust, &lowest(&margins.per_class())))
            .field("spread", format!("{} between classes", number(margins.spread())), margins.spread());
        output = not_all(output, trust.len());
        for (name, which) in
            [("trusted", Trust::Trusted), ("distrusted", Trust::Distrusted), ("undecided", Trust::Undecided)]
        {
            output = output.field(name, list(of(which)), of(which).collect::<Vec<_>>());
        }
        output
            .hidden("temperature", margins.temperature())
            .hidden("shrinkage", margins.shrinkage())
            .hidden("threshold", self.threshold)
            .hidden("classes", json!(kept(margins, trust).classes))
            .hidden("warnings", warnings)
            .file("written", self.out.as_ref())
            .file("report", self.report.as_ref())
    }

    fn page(&self, margins: &Margins, trust: &[ClassTrust]) -> Page {
        let all: Vec<usize> = (0..trust.len()).collect();
        let caption =
            "Where the interval lies above the dashed line the teacher can be trusted, below it labels are better.";
        Page::new("The teacher's margin on each class")
            .text(&format!("{} on {}; {}.", self.teacher, self.labels, source_in_words(margins.source())))
            .section(
                Section::new("Margins")
                    .chart("margins", charts::margins(trust, self.threshold), caption)
                    .table(table(margins, trust, &all)),
            )
    }
}

/// Reads the folds of examples and gives their number: each has an example, and the teacher of each saw every class.
fn folds_of(path: &ArrayPath, labels: &[usize]) -> Result<usize, CliError> {
    let folds = read_labels(path)?;
    let refuse = |rule: String| Err(CliError::Option { option: "--fold-of", value: path.to_string(), rule });
    if folds.len() != labels.len() {
        let (left, right) = (format!("--fold-of {path}"), "--labels".to_string());
        return Err(CliError::Rows { left, left_rows: folds.len(), right, right_rows: labels.len() });
    }
    // As many folds as examples at most: nothing is made of a larger number's size.
    if let Some((row, fold)) = folds.iter().enumerate().find(|(_, fold)| **fold >= folds.len()) {
        return refuse(format!("row {row} is {fold}: must be below the {} examples", folds.len()));
    }
    let count = folds.iter().max().map_or(0, |fold| fold + 1);
    let mut used = vec![false; count];
    folds.iter().for_each(|&fold| used[fold] = true);
    if let Some(fold) = used.iter().position(|used| !used) {
        return refuse(format!("no example is in fold {fold}; folds must be 0 to {}", count - 1));
    }
    let mut first = std::collections::BTreeMap::new();
    let mut alone = std::collections::BTreeMap::new();
    for (&fold, &label) in folds.iter().zip(labels) {
        let seen = *first.entry(label).or_insert(fold);
        *alone.entry(label).or_insert(true) &= seen == fold;
    }
    match alone.iter().find(|(_, alone)| **alone) {
        Some((class, _)) => {
            refuse(format!("class {class} lies in fold {} alone: the teacher of that fold never saw it", first[class]))
        }
        None => Ok(count),
    }
}

fn table(margins: &Margins, trust: &[ClassTrust], classes: &[usize]) -> Table {
    let word = |trust: Trust| match trust {
        Trust::Trusted => "trusted",
        Trust::Distrusted => "distrusted",
        Trust::Undecided => "undecided",
    };
    let used = margins.per_class();
    let row = |t: &ClassTrust| {
        [
            t.class.to_string(),
            t.margin.n.to_string(),
            estimate(&t.margin),
            number(used[t.class]),
            word(t.trust).to_string(),
        ]
    };
    let header = ["class", "examples", "margin", "after shrinkage", "teacher is"];
    Table::new("margin, 95 % over examples of the class", header).rows(classes.iter().map(|&class| row(&trust[class])))
}

/// Where margins come from, as a person reads it.
pub(super) fn source_in_words(source: MarginSource) -> String {
    match source {
        MarginSource::InSample => "in-sample: the teacher's own training examples".into(),
        MarginSource::HoldOut => "hold-out: training examples that the teacher did not see".into(),
        MarginSource::CrossFit { folds } => {
            format!("cross-fit: {folds} teachers, each on the fold that it did not see")
        }
        MarginSource::External => "external: examples from elsewhere".into(),
    }
}

fn kept(margins: &Margins, trust: &[ClassTrust]) -> Kept {
    let used = margins.per_class();
    let class =
        |t: &ClassTrust| KeptClass { class: t.class, used: used[t.class], margin: t.margin, trust: Some(t.trust) };
    Kept {
        source: margins.source(),
        temperature: margins.temperature(),
        shrinkage: margins.shrinkage(),
        classes: trust.iter().map(class).collect(),
    }
}

/// Reads margins that `margins` wrote.
pub(super) fn read_margins(option: &'static str, path: &Path) -> Result<Margins, CliError> {
    let kept: Kept = read_json(path)?;
    let refuse = |rule: String| CliError::Option { option, value: path.display().to_string(), rule };
    if let Some((at, class)) = kept.classes.iter().enumerate().find(|(at, class)| class.class != *at) {
        return Err(refuse(format!("class {} stands at place {at}; classes must be in order, from 0", class.class)));
    }
    let estimates = kept.classes.iter().map(|class| class.margin).collect();
    let margins = Margins::of_classes(estimates, kept.temperature, kept.source);
    margins.and_then(|margins| margins.with_shrinkage(kept.shrinkage)).map_err(|error| refuse(error.to_string()))
}

/// Writes a value as JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let value: Value = json!(value);
    write_atomic(path, |w| writeln!(w, "{value:#}"))
}
