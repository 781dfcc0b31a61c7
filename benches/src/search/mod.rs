//! The bench `search`: nearest neighbours, exact and along a graph.
//!
//! | `work` | what |
//! |---|---|
//! | `exact-k64-...` | 64 nearest of 50,000 Gaussian keys of 64 numbers, for 10,000 queries, beside faiss' flat index |
//! | `hnsw-build-...` | a graph over the 60,000 training images of Fashion-MNIST (784 numbers), built on all threads |
//! | `hnsw-recall0.95-...` | 10 nearest for the 10,000 test images, with the narrowest beam that finds that share of them |
//! | `hnsw-frontier-ef64-...` | the same with one beam width for all: recall and time, for drawing the frontier |
//!
//! Everyone runs on the threads of the current pool, one after the other.

mod exact;
mod hnsw;
mod peers;

use crate::Settings;
use crate::error::BenchError;
use crate::row::Row;
use peers::SearchPeers;
use tenfold_data::catalogue;

/// The `bench` of the rows.
const NAME: &str = "search";

/// The data set of the graph searches.
const DATA: &str = "fashion-mnist";

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Data that is missing, saying how to get it; files that cannot be written. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    // Loaded first: whoever lacks the data is told at once.
    let data = catalogue::load(DATA, &catalogue::data_root())?;
    let mut peers = settings.peers.as_ref().map(|peers| SearchPeers::start(peers, rayon::current_num_threads()));
    stage(format!("{} threads, {} rounds", rayon::current_num_threads(), settings.rounds));
    let mut rows = exact::run(settings.rounds, peers.as_mut())?;
    rows.extend(hnsw::run(&data, settings.rounds, peers.as_mut())?);
    Ok(rows)
}

fn stage(what: impl std::fmt::Display) {
    eprintln!("{NAME}: {what}");
}
