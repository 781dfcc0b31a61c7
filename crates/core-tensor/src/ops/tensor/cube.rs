//! Kernels for GPUs, written once for every CubeCL runtime.
//!
//! Only where Burn is wrong or slow there: on CubeCL its GELU is exact, by the error function, while the gradient is that
//! of the approximation by tanh.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;
use cubecl::std::tensor::layout::linear::{LinearView, LinearViewMut};

/// Whether a tensor is on a CubeCL device, in single precision.
pub(super) fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    fn is_cube(device: &DispatchDevice) -> bool {
        match device {
            DispatchDevice::Cube(_) => true,
            DispatchDevice::Autodiff(inner) => is_cube(inner),
            #[allow(unreachable_patterns)] // reached where further back ends are built in
            _ => false,
        }
    }
    x.dtype() == DType::F32 && is_cube(x.device().as_dispatch())
}

/// `x Phi(x)`, with its exact gradient.
pub(super) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as CubeKernels>::exact_gelu(x.into_dispatch()))
}

/// Operations on CubeCL tensors.
#[backend_extension(Cube, Autodiff)]
pub(super) trait CubeKernels: Backend {
    /// `x Phi(x)`.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `dy (Phi(x) + x phi(x))`.
    fn exact_gelu_gradient(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
}

#[derive(Debug)]
struct GeluStep;

impl<B: CubeKernels> Backward<B, 1> for GeluStep {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<FloatTensor<B>, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        if let Some(parent) = parent {
            gradients.register::<B>(parent.id, B::exact_gelu_gradient(ops.state, dy));
        }
    }
}

impl<B: CubeKernels, C: CheckpointStrategy> CubeKernels for Autodiff<B, C> {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let y = B::exact_gelu(x.clone());
        match GeluStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(x, y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn exact_gelu_gradient(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        panic!("gradients of gradients are not recorded: Burn's autodiff is of first order")
    }
}

#[cube]
fn normal_cdf<F: Float>(x: F) -> F {
    F::new(0.5_f32) * (F::new(1.0_f32) + (x * F::new(std::f32::consts::FRAC_1_SQRT_2)).erf())
}

#[cube(launch)]
fn gelu_kernel<F: Float>(x: LinearView<'_, F>, mut y: LinearViewMut<'_, F>, #[define(F)] _dtype: ElemType) {
    if !y.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let x = x.read(ABSOLUTE_POS);
    y.write(ABSOLUTE_POS, x * normal_cdf::<F>(x));
}

#[cube(launch)]
fn gelu_gradient_kernel<F: Float>(
    x: LinearView<'_, F>,
    dy: LinearView<'_, F>,
    mut dx: LinearViewMut<'_, F>,
    #[define(F)] _dtype: ElemType,
) {
    if !dx.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let x = x.read(ABSOLUTE_POS);
    // 1 / sqrt(2 pi)
    let density = F::new(0.398_942_3_f32) * (x * x * F::new(-0.5_f32)).exp();
    dx.write(ABSOLUTE_POS, dy.read(ABSOLUTE_POS) * (normal_cdf::<F>(x) + x * density));
}

fn like(x: &CubeTensor) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), x.shape(), x.dtype)
}

impl CubeKernels for CubeBackend {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let y = like(&x);
        let n = x.meta.num_elements();
        let dim = CubeDim::new(&x.client, n);
        let count = calculate_cube_count_elemwise(&x.client, n, dim);
        let dtype = dtype_to_storage_type(x.dtype);
        gelu_kernel::launch(&y.client, count, dim, x.into_linear_view(), y.clone().into_linear_view(), dtype);
        y
    }

    fn exact_gelu_gradient(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (into_contiguous(x), into_contiguous(dy));
        let dx = like(&x);
        let n = x.meta.num_elements();
        let dim = CubeDim::new(&x.client, n);
        let count = calculate_cube_count_elemwise(&x.client, n, dim);
        let dtype = dtype_to_storage_type(x.dtype);
        let views = (x.into_linear_view(), dy.into_linear_view(), dx.clone().into_linear_view());
        gelu_gradient_kernel::launch(&dx.client, count, dim, views.0, views.1, views.2, dtype);
        dx
    }
}
