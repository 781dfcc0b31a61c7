//! Operations with a CPU kernel and a gradient of their own.
//!
//! [`CpuOp`] is all that an operation writes: what it computes from slices, what it keeps for the gradient, and the
//! gradient. [`apply`] runs it on tensors of Burn's CPU back end, with or without autodiff; [`fits`] says whether a tensor
//! is one of those. For other devices an operation is composed of Burn's own, which is also what it is tested against.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::tensor::{Device, Tensor};
//! use tenfold_core_tensor::ops::tensor::cpu::{Array, CpuOp, Forward, apply, fits};
//!
//! /// `y = x^2`.
//! #[derive(Debug)]
//! struct Square;
//!
//! impl CpuOp for Square {
//!     fn forward(&self, inputs: Vec<Array>) -> Forward {
//!         let output = Array::from_fn(inputs[0].shape(), |y| {
//!             y.iter_mut().zip(inputs[0].data()).for_each(|(y, x)| *y = x * x);
//!         });
//!         Forward::new(output).keeping(inputs)
//!     }
//!     fn backward(&self, kept: &[Array], gradient: Array, _wanted: &[bool]) -> Vec<Option<Array>> {
//!         let dx = Array::from_fn(gradient.shape(), |dx| {
//!             let pairs = kept[0].data().iter().zip(gradient.data());
//!             dx.iter_mut().zip(pairs).for_each(|(dx, (x, dy))| *dx = 2.0 * x * dy);
//!         });
//!         vec![Some(dx)]
//!     }
//! }
//!
//! fn square(x: Tensor<1>) -> Tensor<1> {
//!     if fits(&x) { apply(Square, [x.into_dispatch()]).output() } else { x.clone() * x }
//! }
//!
//! let x = Tensor::<1>::from_data([3.0_f32], &Device::flex().autodiff()).require_grad();
//! let y = square(x.clone());
//! assert_eq!(y.clone().into_scalar::<f32>(), 9.0);
//! assert_eq!(x.grad(&y.backward()).unwrap().into_scalar::<f32>(), 6.0);
//! # }
//! ```

mod array;
mod extension;

pub use array::Array;

use crate::device::is_cpu;
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{DType, Tensor};
use extension::{Several, Shared, SliceKernels};
use std::fmt::Debug;
use std::sync::Arc;

/// An operation on single-precision arrays in memory.
pub trait CpuOp: Debug + Send + Sync + 'static {
    /// The output, with what the gradient needs.
    fn forward(&self, inputs: Vec<Array>) -> Forward;

    /// The gradients in the inputs, in their order; those that are not `wanted` may be left out. `kept` is what
    /// [`forward`](Self::forward) kept.
    fn backward(&self, kept: &[Array], gradient: Array, wanted: &[bool]) -> Vec<Option<Array>>;

    /// How many further outputs [`forward`](Self::forward) returns, through which no gradient flows.
    fn asides(&self) -> usize {
        0
    }
}

/// What a forward pass returns.
#[derive(Debug)]
pub struct Forward {
    output: Array,
    asides: Vec<Array>,
    kept: Vec<Array>,
}

impl Forward {
    /// An output that needs nothing for its gradient.
    pub fn new(output: Array) -> Self {
        Self { output, asides: Vec::new(), kept: Vec::new() }
    }

    /// Further outputs without a gradient, as many as [`CpuOp::asides`] says.
    pub fn with_asides(self, asides: Vec<Array>) -> Self {
        Self { asides, ..self }
    }

    /// Arrays that the gradient needs. Keeping an input costs no copy.
    pub fn keeping(self, kept: Vec<Array>) -> Self {
        Self { kept, ..self }
    }
}

/// What an operation made of tensors.
#[derive(Debug)]
pub struct Applied(std::vec::IntoIter<DispatchTensor>);

impl Applied {
    /// The output.
    ///
    /// # Panics
    /// If `D` is not its rank.
    pub fn output<const D: usize>(mut self) -> Tensor<D> {
        self.take()
    }

    /// The output first, then each further output.
    ///
    /// # Panics
    /// If all were taken.
    pub fn take<const D: usize>(&mut self) -> Tensor<D> {
        Tensor::from_dispatch(self.0.next().expect("an operation takes no more than it declared"))
    }
}

/// Whether a tensor holds single-precision numbers on the CPU, so that [`apply`] can take it.
pub fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && is_cpu(&x.device())
}

/// Runs an operation on tensors that [`fits`] accepted, and records its gradient where one of them is tracked.
///
/// # Panics
/// If a tensor is on another device or of another type, or there are none or more than eight.
pub fn apply(op: impl CpuOp, inputs: impl IntoIterator<Item = DispatchTensor>) -> Applied {
    let op: Shared = Arc::new(op);
    let outputs = <Dispatch as SliceKernels>::slice_forward(op, Several(inputs.into_iter().collect()));
    Applied(outputs.0.into_iter())
}
