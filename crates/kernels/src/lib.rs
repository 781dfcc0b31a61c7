//! CPU kernels on plain slices of single-precision numbers.
//!
//! The ground below `tenfold-core-tensor`, without Burn: what is fast here is used through
//! `tenfold_core_tensor::ops::tensor`, which gives each kernel its gradient and other devices an equal.
//!
//! | module | what |
//! |---|---|
//! | [`simd`] | vectors, chosen when the program runs |
//! | [`dropout`] | dropout from a key |
//! | [`elementwise`] | functions of one number, and their slopes |
//! | [`softmax`] | softmax, its logarithm, cross-entropy |
//! | [`norm`] | layer norm and RMS norm |
//! | [`math`] | elementary functions of vectors |
//! | [`parallel`] | tasks whose results do not depend on the number of threads |
//! | [`eights`] | sums over rows of doubles, eight at a time |
//! | [`extremes`] | the largest and the least number of rows |
//! | [`distance`] | squared distances that stop at a bound |
//! | [`below`] | the few entries of a long row below a threshold |
//! | [`bits`] | products of tables of zeros and ones |
//! | [`attention`] | scaled dot-product attention |
//! | [`batch_norm`] | batch normalisation with residual and ReLU, and its gradients |
//! | [`conv`] | two-dimensional convolution and its two gradients |
//! | [`product`] | matrix products |
//! | [`linear`] | linear layers with bias and ReLU |
//! | [`optimiser`] | steps of SGD and AdamW |
//! | [`perceptron`] | training of multi-layer perceptrons, without a graph |
//! | [`pool`] | pooling |
//! | [`subsample`] | every s-th pixel, for shortcuts |
//! | [`walsh_hadamard`] | the fast Walsh-Hadamard transform |
//! | [`reduce`] | sums over channels and columns |
//!
//! # Conventions
//! - Arrays are row-major and contiguous; images are `[batch, channels, height, width]`.
//! - A function writes all of its output, whatever was there: buffers can be reused.
//! - Lengths that do not fit are a bug of the caller and panic; shapes that a user may get wrong are checked by
//!   constructors that return a [`KernelError`].
//! - NaN in, NaN out.
//! - For the same input and processor the result has the same bytes, whatever the number of threads.

#![allow(unsafe_code)]

pub mod attention;
pub mod batch_norm;
pub mod below;
pub mod bits;
pub mod conv;
pub mod disjoint;
pub mod distance;
pub mod dropout;
pub mod eights;
pub mod elementwise;
pub mod error;
pub mod extremes;
pub mod linear;
pub mod math;
pub mod norm;
pub mod optimiser;
pub mod parallel;
pub mod perceptron;
pub mod pool;
pub mod product;
pub mod reduce;
mod scratch;
pub mod simd;
pub mod softmax;
pub mod subsample;
pub mod walsh_hadamard;

pub use error::KernelError;

#[cfg(test)]
mod testing;
