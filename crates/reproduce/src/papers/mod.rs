//! One module a paper.

pub(crate) mod bias_variance;
pub(crate) mod memorisation;
pub(crate) mod resmem;
