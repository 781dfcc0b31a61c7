//! The operations on Burn tensors: differentiable, on whichever device the inputs are.
//!
//! Models call these and nothing else decides: on the CPU in single precision a kernel of `tenfold-kernels` with a gradient
//! of its own runs, everywhere else the composition of Burn's operations in the module `reference` of each operation, which
//! is also what the kernel is tested against.

#[cfg(feature = "flex")]
pub mod cpu;
#[cfg(feature = "cube")]
mod cube;

mod attention;
mod batch_norm;
mod convolution;
mod dropout;
mod elementwise;
mod linear;
mod norm;
mod pooling;
mod shortcut;
mod soft_targets;
mod softmax;
mod step;

pub use attention::{AttentionOptions, attention};
pub use batch_norm::{BatchNormOptions, Normalised, batch_norm, batch_norm_with};
pub use convolution::{Conv2dOptions, conv2d};
pub use dropout::dropout;
pub use elementwise::{add, exp, gelu, log, relu, sigmoid, silu, tanh};
pub use linear::{Activation, linear};
pub use norm::{layer_norm, rms_norm};
pub use pooling::{Pool2dOptions, avg_pool2d, max_pool2d};
pub use shortcut::{mean_over_pixels, subsample};
pub use soft_targets::{masked_softmax, soft_cross_entropy, walsh_hadamard};
pub use softmax::{log_softmax, softmax};
pub use step::{AdamW, Sgd, adamw_step, sgd_step};

#[cfg(all(test, feature = "flex"))]
mod testing;
