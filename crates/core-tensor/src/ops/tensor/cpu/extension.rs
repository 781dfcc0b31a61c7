//! How Burn comes to know an operation: one backend extension for all of them, and one backward step.

use super::array::Array;
use super::{CpuOp, Forward};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor,
    DispatchTensorKind, ExtensionType, Flex, backend_extension,
};
use std::sync::Arc;

/// An operation that a recorded step keeps.
pub(super) type Shared = Arc<dyn CpuOp>;

/// Some tensors of one back end. Burn's macro knows structs with a fixed number of them; this is what it would derive.
#[derive(Debug)]
pub(super) struct Several<B: Backend>(pub(super) Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Several<B> {
    type Target = Several<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Several<Dispatch>
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Several(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(target: Several<Dispatch>, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Self(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Several<Dispatch>) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Several<Dispatch>) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Several<Dispatch>) -> DispatchAutodiffContext {
        let merge = |context: DispatchAutodiffContext, tensor: &DispatchTensor| context.merge(tensor.autodiff);
        target.0.iter().fold(DispatchAutodiffContext::Disabled, merge)
    }
}

/// Operations on slices, on the back ends that have them.
#[backend_extension(Flex, Autodiff)]
pub(super) trait SliceKernels: Backend {
    /// The output, the asides, and what is kept for the gradient.
    fn slice_forward(op: Shared, #[extension_type] inputs: Several<Self>) -> Several<Self>;

    /// The gradients in the inputs that are wanted, in their order. The last of the tensors is the output's gradient,
    /// those before it were kept.
    fn slice_backward(op: Shared, #[extension_type] tensors: Several<Self>, wanted: Vec<bool>) -> Several<Self>;
}

impl SliceKernels for Flex {
    fn slice_forward(op: Shared, inputs: Several<Self>) -> Several<Self> {
        let Forward { output, asides, kept } = op.forward(inputs.0.into_iter().map(Array::new).collect());
        assert_eq!(asides.len(), op.asides(), "{op:?} returns as many further outputs as it declares");
        let all = std::iter::once(output).chain(asides).chain(kept);
        Several(all.map(Array::into_primitive).collect())
    }

    fn slice_backward(op: Shared, tensors: Several<Self>, wanted: Vec<bool>) -> Several<Self> {
        let mut kept: Vec<Array> = tensors.0.into_iter().map(Array::new).collect();
        let gradient = kept.pop().expect("the gradient is always there");
        let gradients = op.backward(&kept, gradient, &wanted);
        let pairs = gradients.into_iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let missing = || panic!("{op:?} returns every gradient that is wanted");
        Several(pairs.map(|(gradient, _)| gradient.unwrap_or_else(missing).into_primitive()).collect())
    }
}

/// The backward step of an operation with `N` inputs.
#[derive(Debug)]
struct Step<const N: usize>;

/// What a recorded step keeps.
#[derive(Debug)]
struct Kept<B: Backend> {
    op: Shared,
    tensors: Vec<FloatTensor<B>>,
}

impl<B: Backend> Clone for Kept<B> {
    fn clone(&self) -> Self {
        Self { op: self.op.clone(), tensors: self.tensors.clone() }
    }
}

impl<B: SliceKernels, const N: usize> Backward<B, N> for Step<N> {
    type State = Kept<B>;

    fn backward(self, ops: Ops<Kept<B>, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let wanted: Vec<bool> = ops.parents.iter().map(Option::is_some).collect();
        let Kept { op, mut tensors } = ops.state;
        tensors.push(gradient);
        let found = B::slice_backward(op, Several(tensors), wanted);
        for (parent, gradient) in ops.parents.into_iter().flatten().zip(found.0) {
            gradients.register::<B>(parent.id, gradient);
        }
    }
}

impl<B: SliceKernels, C: CheckpointStrategy> SliceKernels for Autodiff<B, C> {
    fn slice_forward(op: Shared, inputs: Several<Self>) -> Several<Self> {
        let (primitives, nodes): (Vec<_>, Vec<_>) = inputs.0.into_iter().map(|x| x.into_parts()).unzip();
        let mut outputs = B::slice_forward(op.clone(), Several(primitives)).0;
        let kept = Kept { tensors: outputs.split_off(1 + op.asides()), op };
        let asides = outputs.split_off(1);
        let output = outputs.pop().expect("an operation has an output");
        let recorded = match nodes.len() {
            1 => record::<B, C, 1>(nodes, output, kept),
            2 => record::<B, C, 2>(nodes, output, kept),
            3 => record::<B, C, 3>(nodes, output, kept),
            4 => record::<B, C, 4>(nodes, output, kept),
            5 => record::<B, C, 5>(nodes, output, kept),
            6 => record::<B, C, 6>(nodes, output, kept),
            7 => record::<B, C, 7>(nodes, output, kept),
            8 => record::<B, C, 8>(nodes, output, kept),
            n => panic!("an operation has one to eight inputs, not {n}"),
        };
        Several(std::iter::once(recorded).chain(asides.into_iter().map(Self::from_inner)).collect())
    }

    fn slice_backward(_: Shared, _: Several<Self>, _: Vec<bool>) -> Several<Self> {
        panic!("gradients of gradients are not recorded: Burn's autodiff is of first order")
    }
}

fn record<B: SliceKernels, C: CheckpointStrategy, const N: usize>(
    nodes: Vec<NodeGuard>,
    output: FloatTensor<B>,
    kept: Kept<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes: [NodeGuard; N] = nodes.try_into().expect("as many as matched");
    match Step::<N>.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => preparation.finish(kept, output),
        OpsKind::UnTracked(preparation) => preparation.finish(output),
    }
}
