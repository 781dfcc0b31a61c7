//! An experiment: what a paper claims, and what is measured to decide it.

use crate::claim::Claim;
use crate::context::Context;
use crate::decided::Decided;
use crate::error::ReproduceError;
use crate::finding::Finding;
use crate::scale::Scale;
use tenfold_report::Section;

/// A claim, and how what was measured decides it. Both stand in one place, so that no claim can be forgotten.
pub struct Decision<M> {
    /// What is claimed.
    pub claim: Claim,
    /// What the measurements say of it.
    pub find: fn(&M) -> Result<Finding, ReproduceError>,
}

/// One paper's experiment.
///
/// The run calls [`measure`](Self::measure) once, then every claim's function, then [`sections`](Self::sections) and
/// [`metrics`](Self::metrics), all on the same measurements.
pub trait Experiment {
    /// Everything that was measured.
    type Measured: 'static;
    /// The paper's name on the command line.
    const NAME: &'static str;
    /// Its title.
    const TITLE: &'static str;
    /// Authors, venue, year.
    const CITATION: &'static str;
    /// Whether its networks can be shared among machines (`--shard`).
    const SHARDS: bool = false;
    /// What it claims, written before any run.
    const CLAIMS: &'static [Decision<Self::Measured>];

    /// The data sets it needs at a scale, given the one asked for on the command line.
    fn data_sets(scale: Scale, data: Option<&str>) -> Vec<String>;

    /// Does the work; what is long is kept in the run folder as it is done.
    ///
    /// # Errors
    /// Whatever stops it.
    fn measure(context: &Context) -> Result<Self::Measured, ReproduceError>;

    /// The report's chapters after the table of claims.
    ///
    /// # Errors
    /// If one cannot be drawn.
    fn sections(measured: &Self::Measured) -> Result<Vec<Section>, ReproduceError>;

    /// One line each of `metrics.jsonl`, in an order that does not depend on time or threads.
    fn metrics(measured: &Self::Measured) -> Vec<serde_json::Value>;
}

/// A paper as the run knows it, whatever its experiment measures.
pub struct Paper {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Authors, venue, year.
    pub citation: &'static str,
    /// Whether its networks can be shared among machines.
    pub shards: bool,
    /// Its claims.
    pub claims: fn() -> Vec<&'static Claim>,
    /// The data sets it needs.
    pub data_sets: fn(Scale, Option<&str>) -> Vec<String>,
    /// Runs its experiment.
    pub run: fn(&Context) -> Result<Outcome, ReproduceError>,
}

/// What an experiment found.
pub struct Outcome {
    /// The claims, decided, in the order in which they were written.
    pub decided: Vec<Decided>,
    /// The report's chapters.
    pub sections: Vec<Section>,
    /// Lines of `metrics.jsonl`.
    pub metrics: Vec<serde_json::Value>,
}

impl Paper {
    /// The paper of an experiment.
    pub const fn of<E: Experiment>() -> Self {
        Self {
            name: E::NAME,
            title: E::TITLE,
            citation: E::CITATION,
            shards: E::SHARDS,
            claims: || E::CLAIMS.iter().map(|decision| &decision.claim).collect(),
            data_sets: E::data_sets,
            run: outcome::<E>,
        }
    }
}

fn outcome<E: Experiment>(context: &Context) -> Result<Outcome, ReproduceError> {
    let measured = E::measure(context)?;
    let decide = |decision: &Decision<E::Measured>| -> Result<Decided, ReproduceError> {
        Ok(Decided::new(&decision.claim, (decision.find)(&measured)?, E::NAME, &context.scale.to_string()))
    };
    Ok(Outcome {
        decided: E::CLAIMS.iter().map(decide).collect::<Result<_, _>>()?,
        sections: E::sections(&measured)?,
        metrics: E::metrics(&measured),
    })
}
