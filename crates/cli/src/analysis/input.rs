//! What models say, and the labels.

use crate::error::CliError;
use clap::{Args, ValueEnum};
use ndarray::{Array3, ArrayView3};
use tenfold_analysis::{AnalysisError, Randomness, SUM_TOLERANCE, Scale};
use tenfold_core_tensor::arrays::{ArrayPath, Slabs, read_labels};

/// Numbers of a block of points: few enough to stay in the cache between reading and use.
const BLOCK: usize = 1 << 20;

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
        open("--predictions", &self.predictions, "--labels", &self.labels)
    }

    /// Names the file behind what is wrong with the numbers.
    pub(super) fn named(&self, error: AnalysisError) -> CliError {
        named("--predictions", &self.predictions, error)
    }
}

/// Names the option and file behind what is wrong with an array.
pub(super) fn named(option: &'static str, path: &ArrayPath, error: AnalysisError) -> CliError {
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

/// The next block of points.
pub(super) fn next_block(slabs: &mut Slabs) -> Result<Option<ArrayView3<'_, f32>>, CliError> {
    let [models, _, classes] = slabs.shape();
    Ok(slabs.next_slab((BLOCK / (models * classes).max(1)).max(1))?)
}

/// The whole array.
pub(super) fn whole(slabs: &mut Slabs) -> Result<Array3<f32>, CliError> {
    let [models, points, classes] = slabs.shape();
    Ok(slabs.next_slab(points)?.map_or_else(|| Array3::zeros((models, 0, classes)), |all| all.to_owned()))
}
