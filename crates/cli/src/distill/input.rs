//! What the verbs read, and which option is behind a fault.

use crate::error::CliError;
use crate::output::within;
use clap::Args;
use ndarray::Array2;
use serde::de::DeserializeOwned;
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix_f64};
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::seed::Seed;
use tenfold_distill::{DistillError, FEWEST_DRAWS, MOST_DRAWS, Predictions, Teacher, Warning};

/// An option and the file that it names.
pub(super) type Named<'a> = (&'static str, &'a ArrayPath);

/// What stored numbers are.
#[derive(Args)]
pub(super) struct Stored {
    /// The numbers are logits, not probabilities: the better choice, since nothing of sure examples is rounded away.
    #[arg(long)]
    pub(super) logits: bool,
    /// The temperature that was applied before the numbers were stored: it is never applied twice, since every other temperature
    /// is relative to the network's own logits.
    #[arg(long, allow_negative_numbers = true, value_name = "T0", default_value_t = 1.0)]
    applied_temperature: f64,
}

impl Stored {
    /// The teacher that the numbers of a file are of.
    pub(super) fn teacher<'a>(&self, file: Named, values: &'a Array2<f64>) -> Result<Teacher<'a, f64>, CliError> {
        let teacher = match self.logits {
            true => Teacher::logits(values.view(), self.applied_temperature),
            false => Teacher::probabilities(values.view(), self.applied_temperature),
        };
        teacher.map_err(|error| named(error, file, file))
    }

    /// The classes that the numbers of a file predict.
    pub(super) fn predictions(
        &self,
        file: Named,
        values: &Array2<f64>,
        labels: Named,
        classes_of: &[usize],
    ) -> Result<Predictions, CliError> {
        predictions(self.logits, file, values, labels, classes_of)
    }
}

/// The bootstrap, and which means of the lowest recalls are of interest.
#[derive(Args)]
pub(super) struct Resampling {
    /// The k of the means of the k lowest recalls, separated by commas; 1 is the worst class.
    #[arg(long, value_name = "K,...", value_delimiter = ',', default_value = "1")]
    pub(super) worst: Vec<usize>,
    /// Draws of the bootstrap over test points, from 200 to 100,000.
    #[arg(long, default_value_t = 1000)]
    pub(super) draws: usize,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Resampling {
    /// Before anything is read.
    pub(super) fn check(&self) -> Result<(), CliError> {
        within("--draws", self.draws, FEWEST_DRAWS..=MOST_DRAWS)?;
        self.worst.iter().try_for_each(|k| within("--worst", *k, 1..=usize::MAX))
    }

    /// Once the classes are known.
    pub(super) fn check_classes(&self, classes: usize) -> Result<(), CliError> {
        self.worst.iter().try_for_each(|k| within("--worst", *k, 1..=classes))
    }

    pub(super) fn seed(&self) -> Seed {
        Seed::new(self.seed)
    }
}

/// Reads numbers `[examples, classes]` and the labels of the examples.
pub(super) fn read(numbers: Named, labels: Named) -> Result<(Array2<f64>, Vec<usize>), CliError> {
    let (values, found) = (read_matrix_f64(numbers.1)?, read_labels(labels.1)?);
    if found.len() != values.nrows() {
        let (left, right) = (format!("{} {}", numbers.0, numbers.1), format!("{} {}", labels.0, labels.1));
        return Err(CliError::Rows { left, left_rows: values.nrows(), right, right_rows: found.len() });
    }
    Ok((values, found))
}

/// The classes that numbers predict: probabilities, or logits.
pub(super) fn predictions(
    logits: bool,
    file: Named,
    values: &Array2<f64>,
    labels: Named,
    classes_of: &[usize],
) -> Result<Predictions, CliError> {
    let found = match logits {
        true => Predictions::of_logits(values.view(), classes_of),
        false => Predictions::of_probabilities(values.view(), classes_of),
    };
    found.map_err(|error| named(error, file, labels))
}

/// Refuses numbers of other classes than those of another file.
pub(super) fn same_classes(file: Named, classes: usize, other: Named, expected: usize) -> Result<(), CliError> {
    if classes == expected {
        return Ok(());
    }
    let rule = format!("has {classes} classes, {} {} has {expected}; they must be the same", other.0, other.1);
    Err(CliError::Option { option: file.0, value: file.1.to_string(), rule })
}

/// Reads a value from JSON.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| FileError::new(path, e))?;
    serde_json::from_str(&text).map_err(|e| CliError::Params {
        file: path.display().to_string(),
        line: e.line().max(1),
        rule: e.to_string(),
    })
}

/// Settings of the library by their options.
const SETTINGS: [(&str, &str); 8] = [
    ("applied temperature", "--applied-temperature"),
    ("temperature", "--temperature"),
    ("folds", "--folds"),
    ("shrinkage", "--shrinkage"),
    ("threshold", "--threshold"),
    ("power", "--power"),
    ("trade_off", "--trade-off"),
    ("step", "--step"),
];

/// Names the option behind a setting, or the file behind what is wrong with numbers or labels.
pub(super) fn named(error: DistillError, numbers: Named, labels: Named) -> CliError {
    if let DistillError::Setting { field, value, rule } = &error
        && let Some((_, option)) = SETTINGS.iter().find(|(name, _)| name == field)
    {
        return CliError::Option { option, value: value.clone(), rule: rule.clone() };
    }
    let (option, path) = match error {
        DistillError::Label { .. } | DistillError::FewExamples { .. } => labels,
        _ => numbers,
    };
    let text = error.to_string();
    let rule = ["teacher: ", "predictions: "].iter().fold(text.as_str(), |rule, what| rule.trim_start_matches(what));
    CliError::Option { option, value: path.to_string(), rule: rule.to_string() }
}

/// Says warnings on standard error, with the file that they are of, and gives them as text.
pub(super) fn warn(file: Named, warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(|warning| say(format!("{} {}: {warning}", file.0, file.1))).collect()
}

/// Says a warning on standard error, and gives it back.
pub(super) fn say(text: String) -> String {
    eprintln!("warning: {text}");
    text
}
