//! From measurements to findings, the claims one kind a file.

pub(super) mod comparison;
pub(super) mod exact;
pub(super) mod linear;
pub(super) mod synthetic;
