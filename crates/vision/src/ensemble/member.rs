//! One network of an ensemble: what is its own.

use crate::architecture::Architecture;
use crate::error::VisionError;
use crate::params::TrainConfig;
use crate::targets::{Targets, TrainingSet};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use tenfold_core_tensor::files::sha256;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;

/// The samples of the shared data set that a member trains on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// All of them.
    #[default]
    All,
    /// Those of a mask, in ascending order.
    Mask(BitMask),
    /// These rows, in this order. One may come more than once, as in a bootstrap sample.
    Rows(Vec<u32>),
}

/// One network of an ensemble.
///
/// Its result is that of `train(architecture.init(seed), set, config, seed)`, where `set` is what
/// [`TrainingSet::select`] makes of the shared set with its samples.
///
/// ```
/// use std::sync::Arc;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{BitMask, Member, MlpConfig, Samples, Targets, TrainConfig};
///
/// let mask: BitMask = (0..100).map(|i| i % 10 < 7).collect();
/// let member = Member::new(Seed::new(7).child(3), MlpConfig::new(64, &[32], 10), TrainConfig::default())
///     .with_samples(Samples::Mask(mask))
///     .with_targets(Arc::new(Targets::Hard(vec![0; 100])));
/// assert_eq!(member.architecture.classes(), 10);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Initial weights, order of the samples and augmentation follow from it.
    pub seed: Seed,
    /// The network.
    pub architecture: Architecture,
    /// How it is trained. A `checkpoint` is refused: the ensemble keeps what is to be kept.
    pub config: TrainConfig,
    /// What it trains on.
    pub samples: Samples,
    /// Its own targets, one for each sample of the shared set, or `None` for those of the set.
    pub targets: Option<Arc<Targets>>,
}

impl Member {
    /// A member that sees the whole shared set with its targets.
    pub fn new(seed: Seed, architecture: impl Into<Architecture>, config: TrainConfig) -> Self {
        Self { seed, architecture: architecture.into(), config, samples: Samples::All, targets: None }
    }

    /// Sets the samples it trains on.
    pub fn with_samples(mut self, samples: Samples) -> Self {
        self.samples = samples;
        self
    }

    /// Gives it targets of its own, one for each sample of the shared set, whether it trains on it or not.
    pub fn with_targets(mut self, targets: Arc<Targets>) -> Self {
        self.targets = Some(targets);
        self
    }

    /// The rows of its samples, unless it sees all.
    fn rows(&self, n: usize) -> Result<Option<Cow<'_, [u32]>>, VisionError> {
        match &self.samples {
            Samples::All => Ok(None),
            Samples::Rows(rows) => Ok(Some(Cow::Borrowed(rows))),
            Samples::Mask(mask) if mask.len() == n => Ok(Some(Cow::Owned(mask.rows().collect()))),
            Samples::Mask(mask) => {
                Err(VisionError::Shape { what: "mask of samples", expected: vec![n], found: vec![mask.len()] })
            }
        }
    }

    /// The member's part of the shared set, or what does not fit.
    pub(super) fn part<'a>(&'a self, shared: &'a TrainingSet) -> Result<Part<'a>, VisionError> {
        let whole = match self.targets.as_deref() {
            Some(targets) => shared.with_targets(targets)?,
            None => shared.reborrow(),
        };
        Ok(Part { whole, rows: self.rows(shared.len())? })
    }

    /// Checks that it can be trained on the shared set; returns how many samples it has.
    pub(super) fn validate(&self, shared: &TrainingSet) -> Result<usize, VisionError> {
        let classes = self.architecture.classes();
        self.architecture.validate()?;
        self.architecture.accepts(shared.inputs().image())?;
        self.config.validate()?;
        self.config.augmentation.validate(shared.inputs().image())?;
        if let Some(checkpoint) = &self.config.checkpoint {
            let rule = "members of an ensemble have no checkpoints: give the ensemble a folder";
            return Err(VisionError::setting("config.checkpoint", checkpoint.path.display(), rule));
        }
        let part = self.part(shared)?;
        let set = part.set()?;
        set.validate(classes)?;
        Ok(set.len())
    }

    /// What makes it the member it is, with checksums in place of data.
    pub(super) fn identity(&self, shared: &TrainingSet) -> Result<Identity, VisionError> {
        let n = shared.len();
        Ok(Identity {
            seed: self.seed,
            architecture: self.architecture.clone(),
            config: self.config.clone(),
            samples: self
                .rows(n)?
                .map(|rows| sha256(&rows.iter().flat_map(|row| row.to_le_bytes()).collect::<Vec<u8>>())),
            targets: self.targets.as_deref().map(|targets| targets.fingerprint(0..n)),
        })
    }
}

/// A shared set with a member's targets, and which of its rows the member sees.
pub(super) struct Part<'a> {
    whole: TrainingSet<'a>,
    rows: Option<Cow<'a, [u32]>>,
}

impl Part<'_> {
    /// What the member trains on.
    pub(super) fn set(&self) -> Result<TrainingSet<'_>, VisionError> {
        match &self.rows {
            Some(rows) => self.whole.select(rows),
            None => Ok(self.whole.reborrow()),
        }
    }
}

/// A line of an ensemble's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    seed: Seed,
    architecture: Architecture,
    config: TrainConfig,
    /// Checksum of the rows, if not all.
    samples: Option<String>,
    /// Checksum of the member's own targets, if any.
    targets: Option<String>,
}
