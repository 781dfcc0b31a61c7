//! What can stop a run.

use tenfold_analysis::AnalysisError;
use tenfold_core_tensor::arrays::ArrayError;
use tenfold_core_tensor::device::DeviceError;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::ops::OpsError;
use tenfold_core_tensor::stats::StatsError;
use tenfold_data::DataError;
use tenfold_distill::{DistillError, StudentError};
use tenfold_memorisation::MemorisationError;
use tenfold_report::ReportError;
use tenfold_resmem::ResmemError;
use tenfold_vision::VisionError;

/// What can stop a run. A verdict never does.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// A word of the command line is wrong.
    #[error("{field} {value:?}: {rule}")]
    Argument {
        /// The argument.
        field: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// A shard has done its part: what is left is not its to do.
    #[error("{0}")]
    Part(String),
    /// A file of the run folder is not what this program wrote.
    #[error("{file}: {rule}")]
    RunFolder {
        /// The file.
        file: String,
        /// What is wrong with it.
        rule: String,
    },
    /// A chart could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An array file could not be read or written.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// Data are missing or broken.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// An operation refused its input.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A statistic could not be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// The estimator refused its input.
    #[error(transparent)]
    Memorisation(#[from] MemorisationError),
    /// A tree could not be grown.
    #[error("trees: {0}")]
    Tree(String),
    /// A decomposition refused its input.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A teacher, labels or settings of distillation are not what they must be.
    #[error(transparent)]
    Distill(#[from] DistillError),
    /// A student could not be trained.
    #[error(transparent)]
    Student(#[from] StudentError),
    /// The memory refused its input.
    #[error(transparent)]
    ResMem(#[from] ResmemError),
    /// A network could not be made, trained or read.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

impl ReproduceError {
    /// The program's exit code: 0 where a shard has done its part, 2 where the input is at fault, 1 for anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Part(_) => 0,
            Self::Argument { .. } | Self::RunFolder { .. } | Self::Device(_) => 2,
            Self::Data(e) if e.is_bad_input() => 2,
            _ => 1,
        }
    }
}
