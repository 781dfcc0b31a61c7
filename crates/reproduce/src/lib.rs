//! The experiments of Tenfold: each paper's claims, decided on real data, in one run folder.
//!
//! A [`paper::Paper`] lists its [`claim::Claim`]s before anything runs; its experiment returns a
//! [`claim::Finding`] for each; [`run`] decides them and writes the folder. Long work is kept in the folder as it is
//! done, so that an interrupted run goes on where it was and ends in the same result.

pub mod claim;
pub mod context;
mod error;
pub mod folder;
mod nets;
pub mod paper;
mod papers;
pub mod report;
mod run;
pub mod scale;

pub use error::ReproduceError;
pub use run::{Request, list, run};
pub use tenfold_vision::Shard;
