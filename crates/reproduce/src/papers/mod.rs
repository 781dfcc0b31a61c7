//! One module a paper.

pub(crate) mod memorisation;
pub(crate) mod resmem;
