//! What can go wrong with a bench, and the exit code it has.

use std::path::PathBuf;
use std::process::ExitStatus;
use tenfold_analysis::AnalysisError;
use tenfold_core_tensor::arrays::ArrayError;
use tenfold_core_tensor::device::DeviceError;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::ops::OpsError;
use tenfold_core_tensor::stats::StatsError;
use tenfold_data::DataError;
use tenfold_memorisation::MemorisationError;
use tenfold_resmem::ResmemError;
use tenfold_vision::VisionError;

/// Every failure of a bench.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No bench has that name.
    #[error("no bench is called {name:?}; there are:{known}")]
    UnknownBench {
        /// The name asked for.
        name: String,
        /// The names there are, each with what it times.
        known: String,
    },
    /// A bench that runs on the CPU alone was asked for another device.
    #[error("--backend {backend}: the bench {bench} runs on flex only")]
    CpuOnly {
        /// The bench.
        bench: &'static str,
        /// The device asked for.
        backend: String,
    },
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Data that the bench works on is missing or broken.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An array for the peers could not be written.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Our exact search refused its input.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// Our decomposition refused its input.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// Our subset estimator refused its input.
    #[error(transparent)]
    Memorisation(#[from] MemorisationError),
    /// Our graph search refused its input.
    #[error(transparent)]
    Resmem(#[from] ResmemError),
    /// Our training refused its input, or diverged.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// A statistic of a result is not defined.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// An array has not the size that its shape says.
    #[error(transparent)]
    Shape(#[from] ndarray::ShapeError),
    /// The system does not give us threads.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A peer failed. Benches turn this into a row that says so, and go on.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

impl BenchError {
    /// 2 where the request or the data is at fault, 1 where the machine is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownBench { .. } | Self::CpuOnly { .. } | Self::Device(_) => 2,
            Self::Data(error) if error.is_bad_input() => 2,
            _ => 1,
        }
    }
}

/// Why a peer's number is not there.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The worker could not be started.
    #[error("cannot start {program}: {source}", program = program.display())]
    Start {
        /// The interpreter.
        program: PathBuf,
        /// The operating system's word.
        #[source]
        source: std::io::Error,
    },
    /// The worker is gone.
    #[error("the worker ended during `{op}`{}", .status.map(|s| format!(": {s}")).unwrap_or_default())]
    Died {
        /// What it was asked for.
        op: String,
        /// How it ended, if the system says.
        status: Option<ExitStatus>,
    },
    /// The worker refused or failed.
    #[error("`{op}`: {reason}")]
    Refused {
        /// What it was asked for.
        op: String,
        /// The worker's word.
        reason: String,
    },
    /// The worker's answer is not what the protocol says.
    #[error("`{op}`: answer {answer:?}: {rule}")]
    Answer {
        /// What it was asked for.
        op: String,
        /// The line, cut short.
        answer: String,
        /// What it must be.
        rule: String,
    },
    /// The array that the worker left could not be read.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// The array that the worker left has another shape.
    #[error("{what}: shape {found:?}, must be {expected:?}")]
    Shape {
        /// The array.
        what: &'static str,
        /// What it must be.
        expected: Vec<usize>,
        /// What it is.
        found: Vec<usize>,
    },
    /// The peer is not in the worker's environment.
    #[error("not installed")]
    NotInstalled,
}
