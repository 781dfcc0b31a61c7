//! The papers that this build can reproduce.

use crate::claim::{Claim, Finding};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::papers;
use crate::report::Section;
use crate::scale::Scale;

/// One paper: what it claims, and the experiment that decides it.
pub struct Paper {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Authors, venue, year.
    pub citation: &'static str,
    /// What it claims, written before any run.
    pub claims: fn() -> Vec<Claim>,
    /// The data sets it needs at a scale, given the one asked for on the command line.
    pub data_sets: fn(Scale, Option<&str>) -> Vec<String>,
    /// Whether its networks can be shared among machines (`--shard`).
    pub shards: bool,
    /// The experiment.
    pub run: fn(&Context) -> Result<Outcome, ReproduceError>,
}

/// What an experiment found.
pub struct Outcome {
    /// One finding for every claim, in any order.
    pub findings: Vec<Finding>,
    /// The report's chapters after the table of claims.
    pub sections: Vec<Section>,
    /// One line each of `metrics.jsonl`, in an order that does not depend on time or threads.
    pub metrics: Vec<serde_json::Value>,
}

/// The papers in this build, in the order they are run.
pub const PAPERS: &[Paper] = &[papers::bias_variance::PAPER, papers::memorisation::PAPER, papers::resmem::PAPER];

/// The names of all ten papers, built or not.
const ALL: [&str; 10] = [
    "reuse-transformer",
    "teachers-pet",
    "robust-distillation",
    "memorisation",
    "resmem",
    "bias-variance",
    "metric-aware-inference",
    "kaft",
    "promot",
    "hd-cos",
];

/// The papers named, or all there are where none is.
///
/// # Errors
/// A name that is no paper of ours, or one that this build does not have yet.
pub fn select(names: &[String]) -> Result<Vec<&'static Paper>, ReproduceError> {
    let built = || PAPERS.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        PAPERS.iter().find(|p| p.name == name).ok_or_else(|| ReproduceError::Argument {
            field: "paper",
            value: name.clone(),
            rule: if ALL.contains(&name.as_str()) {
                format!("planned, but not built yet; there is: {}", built())
            } else {
                format!("not one of ours; there is: {}", built())
            },
        })
    };
    if names.is_empty() { Ok(PAPERS.iter().collect()) } else { names.iter().map(find).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn claims_have_ids_of_their_own_that_begin_with_their_paper() {
        let mut seen = HashSet::new();
        for paper in PAPERS {
            assert!(ALL.contains(&paper.name));
            for claim in (paper.claims)() {
                assert!(claim.id.starts_with(&format!("{}.", paper.name)), "{}", claim.id);
                assert!(seen.insert(claim.id), "{} stands twice", claim.id);
            }
        }
    }

    #[test]
    fn unknown_and_planned_papers_are_told_apart() {
        let text = |name: &str| select(&[name.to_string()]).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text("kaft").contains("planned, but not built yet"));
        assert!(text("nonsense").contains("not one of ours"));
        assert_eq!(select(&[]).unwrap().len(), PAPERS.len());
    }
}
