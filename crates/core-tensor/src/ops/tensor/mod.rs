//! The operations on Burn tensors: differentiable, on whichever device the inputs are.
//!
//! Models call these and nothing else decides: on the CPU in single precision a kernel of `tenfold-kernels` with a gradient
//! of its own runs, everywhere else the composition of Burn's operations in the module `reference` of each operation, which
//! is also what the kernel is tested against.

#[cfg(feature = "flex")]
pub mod cpu;

mod batch_norm;
mod convolution;
mod linear;
mod pooling;
mod soft_targets;
mod step;

pub use batch_norm::{BatchNormOptions, Normalised, batch_norm, batch_norm_with};
pub use convolution::{Conv2dOptions, conv2d};
pub use linear::{Activation, linear};
pub use pooling::{Pool2dOptions, avg_pool2d, max_pool2d};
pub use soft_targets::{masked_softmax, soft_cross_entropy, walsh_hadamard};
pub use step::{AdamW, Sgd, adamw_step, sgd_step};

#[cfg(all(test, feature = "flex"))]
mod testing;
