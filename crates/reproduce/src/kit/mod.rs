//! What experiments share: data, networks, many trainings with one cache, provenance, statistics that decide.

pub(crate) mod data;
pub(crate) mod long_tail;
pub(crate) mod networks;
pub(crate) mod provenance;
pub(crate) mod recalls;
pub(crate) mod rules;
#[cfg(test)]
pub(crate) mod simulation;
pub(crate) mod students;
