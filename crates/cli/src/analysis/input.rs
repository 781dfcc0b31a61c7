//! What models say, and the labels.

use crate::error::CliError;
use clap::{Args, ValueEnum};
use ndarray::Array3;
use tenfold_analysis::{AnalysisError, PerPoint, Randomness, SUM_TOLERANCE, Scale, pass};
use tenfold_core_tensor::arrays::{ArrayPath, Dtype, Slabs, read_labels};
use tenfold_core_tensor::progress::Progress;

/// What models say of points.
#[derive(Args)]
pub(super) struct Predictions {
    /// What every model says of every point, `[models, points, classes]`: probabilities, or logits with --logits.
    #[arg(long, value_name = "ARRAY")]
    pub(super) predictions: ArrayPath,
    /// The class of every point, `[points]`, from 0.
    #[arg(long, value_name = "ARRAY")]
    pub(super) labels: ArrayPath,
    /// The predictions are logits: the better choice, since nothing of confident points is rounded away.
    #[arg(long)]
    pub(super) logits: bool,
    /// Divides logits before the softmax.
    #[arg(long, value_name = "T", requires = "logits")]
    pub(super) temperature: Option<f64>,
    /// How far the probabilities of a point may be from summing to one.
    #[arg(long, default_value_t = SUM_TOLERANCE, conflicts_with = "logits")]
    sum_tolerance: f64,
    /// What differs from model to model; every result carries it.
    #[arg(long, value_enum, default_value_t = Source::Unknown)]
    randomness: Source,
}

#[derive(Clone, Copy, ValueEnum)]
enum Source {
    /// Initial weights alone.
    Initialisation,
    /// Order of the samples alone.
    Order,
    /// Initial weights and order.
    Seed,
    /// Bootstrap samples of the training set, and the seed.
    Bootstrap,
    /// Disjoint parts of the training set, and the seed.
    DisjointSplits,
    /// New training sets and seeds.
    All,
    /// Nobody said.
    Unknown,
}

impl Predictions {
    pub(super) fn scale(&self) -> Scale {
        match self.logits {
            true => Scale::Logits { temperature: self.temperature.unwrap_or(1.0) },
            false => Scale::Probabilities { tolerance: self.sum_tolerance },
        }
    }

    pub(super) fn randomness(&self) -> Randomness {
        match self.randomness {
            Source::Initialisation => Randomness::Initialisation,
            Source::Order => Randomness::Order,
            Source::Seed => Randomness::Seed,
            Source::Bootstrap => Randomness::Bootstrap,
            Source::DisjointSplits => Randomness::DisjointSplits,
            Source::All => Randomness::All,
            Source::Unknown => Randomness::Unknown,
        }
    }

    /// Opens the predictions and reads the labels, which must be as many as the points.
    pub(super) fn open(&self) -> Result<(Slabs, Vec<usize>), CliError> {
        let opened = open("--predictions", &self.predictions, "--labels", &self.labels)?;
        if !self.logits && opened.0.dtype() == Dtype::Float(8) {
            eprintln!(
                "warning: --predictions {}: double precision is rounded to single; where probabilities near 1 matter, give logits",
                self.predictions
            );
        }
        Ok(opened)
    }

    /// Reads the predictions once, for everything that is found of each point.
    pub(super) fn pass<P: PerPoint>(
        &self,
        slabs: &Slabs,
        labels: &[usize],
        found: P,
        name: &'static str,
    ) -> Result<P, CliError> {
        let progress = Progress::new(name, labels.len() as u64);
        let found = pass(slabs, labels, found, |count| progress.advance(count as u64));
        let found = found.map_err(|error| self.named(error))?;
        progress.finish();
        Ok(found)
    }

    /// A fault of the predictions as a whole.
    pub(super) fn refused(&self, rule: impl Into<String>) -> CliError {
        CliError::Option { option: "--predictions", value: self.predictions.to_string(), rule: rule.into() }
    }

    /// Names the file behind what is wrong with the numbers, or the option behind a setting.
    pub(super) fn named(&self, error: AnalysisError) -> CliError {
        let option = match &error {
            AnalysisError::Setting { field: "temperature", .. } => Some("--temperature"),
            AnalysisError::Setting { field: "tolerance", .. } => Some("--sum-tolerance"),
            _ => None,
        };
        if let (Some(option), AnalysisError::Setting { value, rule, .. }) = (option, &error) {
            return CliError::Option { option, value: value.clone(), rule: rule.clone() };
        }
        named(("--predictions", &self.predictions), ("--labels", &self.labels), error)
    }
}

/// Names the option and file behind what is wrong with predictions or labels.
pub(super) fn named(
    predictions: (&'static str, &ArrayPath),
    labels: (&'static str, &ArrayPath),
    error: AnalysisError,
) -> CliError {
    let (option, path) = match error {
        // Names the file itself, and the place in it.
        AnalysisError::Array(error) => return error.into(),
        AnalysisError::Label { .. } => labels,
        _ => predictions,
    };
    CliError::Option { option, value: path.to_string(), rule: error.to_string() }
}

/// Opens an array `[models, points, classes]` and the labels of its points.
pub(super) fn open(
    option: &'static str,
    predictions: &ArrayPath,
    labels_option: &'static str,
    labels: &ArrayPath,
) -> Result<(Slabs, Vec<usize>), CliError> {
    let slabs = Slabs::open(predictions)?;
    let found = read_labels(labels)?;
    let [_, points, _] = slabs.shape();
    if found.len() != points {
        let (left, right) = (format!("{option} {predictions}"), format!("{labels_option} {labels}"));
        return Err(CliError::Rows { left, left_rows: points, right, right_rows: found.len() });
    }
    Ok((slabs, found))
}

/// The whole array.
pub(super) fn whole(slabs: &Slabs) -> Result<Array3<f32>, CliError> {
    let [models, points, classes] = slabs.shape();
    let mut values = Vec::new();
    slabs.read(0..points, &mut values)?;
    Ok(Array3::from_shape_vec((models, points, classes), values).expect("as many numbers as the shape says"))
}
