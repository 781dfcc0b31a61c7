//! Benchmarks of Tenfold, alone and beside their peers.
//!
//! Two kinds live in this package. `cargo bench -p tenfold-benches` runs the criterion benches of the folder `benches`:
//! small fixed shapes, for finding out whether a change made something slower. `cargo xtask bench NAME` runs the program
//! `tenfold-bench`: the work that a claim of speed is about, timed in turn with other people's libraries.
//!
//! | module | what |
//! |---|---|
//! | [`rounds`] | timing in turn, medians and spreads |
//! | [`contest`] | ours beside any number of peers: from turns to rows |
//! | [`agreement`] | whether both sides computed the same |
//! | [`row`] | what is printed and written |
//! | [`peer`] | the worker process that holds the peers |
//! | [`packages`] | which peers such a process has |
//! | [`torch`] | PyTorch in such a process |
//! | [`threads`] | pools of all cores and of one |
//! | [`inputs`] | seeded inputs |
//! | [`analysis`] | the bench `analysis`: numbers against other libraries, and the speed of the decomposition |
//! | [`ensemble`] | the bench `ensemble`: many networks trained together |
//! | [`memorisation`] | the bench `memorisation`: subset trainings and influence |
//! | [`ops`] | the bench `ops`: single operations against the machine's peaks |
//! | [`search`] | the bench `search`: nearest neighbours, exact and along a graph |
//! | [`train`] | the bench `train`: steps of training |
//!
//! A new bench is a module with a `run` like [`search::run`] and a line in [`BENCHES`].

pub mod agreement;
pub mod analysis;
pub mod contest;
pub mod ensemble;
pub mod error;
pub mod inputs;
pub mod memorisation;
pub mod ops;
pub mod packages;
pub mod peer;
pub mod rounds;
pub mod row;
pub mod search;
pub mod threads;
pub mod torch;
pub mod train;

use error::BenchError;
use row::Row;
use std::path::PathBuf;
use tenfold_core_tensor::device::{Backend, DeviceSpec};

/// A bench by name.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// The name that the command line takes, and the `bench` of its rows.
    pub name: &'static str,
    /// What it times, in one line.
    pub about: &'static str,
    /// Whether it runs on GPUs too.
    pub any_device: bool,
    /// Runs it.
    pub run: fn(&Settings) -> Result<Vec<Row>, BenchError>,
}

/// All benches.
pub const BENCHES: [Bench; 6] = [
    Bench {
        name: "search",
        about: "exact and graph search of nearest neighbours, beside faiss, hnswlib and usearch",
        any_device: false,
        run: search::run,
    },
    Bench {
        name: "train",
        about: "training steps of a residual network, an encoder and perceptrons, beside PyTorch",
        any_device: true,
        run: train::run,
    },
    Bench {
        name: "ensemble",
        about: "many networks trained together, beside PyTorch one after another and in several processes",
        any_device: true,
        run: ensemble::run,
    },
    Bench {
        name: "memorisation",
        about: "small trainings on subsets and influence from bits, beside PyTorch",
        any_device: false,
        run: memorisation::run,
    },
    Bench {
        name: "analysis",
        about: "bias, variance and calibration against mlxtend, netcal and uncertainty-calibration; a large file decomposed",
        any_device: false,
        run: analysis::run,
    },
    Bench {
        name: "ops",
        about: "single operations beside PyTorch and plain Burn, as shares of this machine's peaks",
        any_device: false,
        run: ops::run,
    },
];

/// What every bench is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often each contender is timed, in turn with the others.
    pub rounds: usize,
    /// Where our tensors, and PyTorch's, live.
    pub device: DeviceSpec,
    /// Where the peers are, if they are wanted.
    pub peers: Option<Peers>,
}

impl Settings {
    /// What is put behind the name of work that does not run on the CPU.
    pub fn suffix(&self) -> String {
        if self.device.backend == Backend::Flex { String::new() } else { format!("-{}", self.device.backend.name()) }
    }
}

/// Where the peers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers {
    /// The Python interpreter of the environment in which they are installed.
    pub python: PathBuf,
    /// The folder of the worker scripts, one for each bench.
    pub folder: PathBuf,
    /// The interpreter of the environment that this bench has for itself, if it has one.
    pub own: Option<PathBuf>,
}

/// The bench of that name.
///
/// ```
/// assert_eq!(tenfold_benches::find("search")?.name, "search");
/// assert!(tenfold_benches::find("sarch").unwrap_err().to_string().contains("search"));
/// # Ok::<(), tenfold_benches::error::BenchError>(())
/// ```
///
/// # Errors
/// [`BenchError::UnknownBench`], listing the names there are.
pub fn find(name: &str) -> Result<&'static Bench, BenchError> {
    BENCHES.iter().find(|bench| bench.name == name).ok_or_else(|| {
        let known: Vec<String> = BENCHES.iter().map(|b| format!("\n  {:<8} {}", b.name, b.about)).collect();
        BenchError::UnknownBench { name: name.to_owned(), known: known.concat() }
    })
}
