//! What experiments share: data, networks, many trainings with one cache, provenance.

pub(crate) mod data;
pub(crate) mod networks;
pub(crate) mod provenance;
