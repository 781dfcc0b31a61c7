//! One module a paper.

pub(crate) mod resmem;
