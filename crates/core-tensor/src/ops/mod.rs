//! Numerical operations on plain arrays, and on Burn tensors where gradients are wanted.
//!
//! | operation | arrays | tensors (feature `tensor`) |
//! |---|---|---|
//! | Walsh-Hadamard transform | [`walsh_hadamard`] (floats, wrapping integers) | [`tensor::walsh_hadamard`] |
//! | softmax, log-sum-exp, masks | [`softmax`] | [`tensor::masked_softmax`] |
//! | cross-entropy with soft targets | | [`tensor::soft_cross_entropy`] |
//! | nearest neighbours | [`nearest`] | |
//! | k largest | [`top_k`] | |
//! | projection onto the simplex | [`simplex`] | |
//!
//! Fused CPU kernels belong here, beside the composition of Burn's own operations that is their oracle.

mod error;
pub mod nearest;
pub mod simplex;
pub mod softmax;
#[cfg(feature = "tensor")]
pub mod tensor;
pub mod top_k;
pub mod walsh_hadamard;

pub use error::OpsError;
