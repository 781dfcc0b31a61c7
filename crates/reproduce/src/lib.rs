//! The experiments of Tenfold: each paper's claims, decided on real data, in one run folder.
//!
//! An [`experiment::Experiment`] lists its [`claim::Claim`]s before anything runs, each with the function that makes a
//! [`finding::Finding`] of what was measured; [`run`] decides them and writes the folder. Long work is kept in the folder as it is
//! done, so that an interrupted run goes on where it was and ends in the same result.

pub mod claim;
pub mod context;
pub mod decided;
mod error;
pub mod experiment;
pub mod finding;
pub mod folder;
mod kit;
mod papers;
pub mod report;
mod run;
pub mod scale;

pub use error::ReproduceError;
pub use run::{Request, list, run};
pub use tenfold_vision::Shard;

/// The skeleton of an experiment in the book is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/add-paper.md")]
struct AddPaper;
