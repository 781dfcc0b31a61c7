//! The batches of a stack.

use super::super::member::Member;
use crate::architecture::Architecture;
use crate::augment::Augmentation;
use crate::feed::Pass;
use crate::inputs::Inputs;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::ops::Range;

/// Where the inputs of a stack's batches come from.
pub(super) struct Source<'a> {
    inputs: &'a Inputs<'a>,
    /// All inputs, `[n, C H W]`, where no member changes them: rows are gathered on the device then, and a step sends
    /// row numbers there instead of images.
    resident: Option<Tensor<2>>,
    members_lead: bool,
    device: Device,
}

impl<'a> Source<'a> {
    /// `inputs` are those of the whole set, of which each member has its rows; `device` is without autodiff.
    pub(super) fn new(
        inputs: &'a Inputs<'a>,
        architecture: &Architecture,
        members: &[Member],
        device: &Device,
    ) -> Self {
        let unchanged = members.iter().all(|m| m.config.augmentation == Augmentation::None);
        let resident = || {
            let shape = [inputs.len(), inputs.image().features()];
            Tensor::from_data(TensorData::new(inputs.rows(0..inputs.len()).to_vec(), shape), device)
        };
        Self {
            inputs,
            resident: unchanged.then(resident),
            members_lead: matches!(architecture, Architecture::Mlp(_)),
            device: device.clone(),
        }
    }

    /// The inputs of all members at the same places of their orders, on the autodiff device: `[m, b, C H W]` for an
    /// MLP, which multiplies member by member, `[b, m, C H W]` for the others, which have channels side by side.
    pub(super) fn batch(&self, passes: &mut [Pass], places: Range<usize>) -> Tensor<3> {
        let features = self.inputs.image().features();
        let (m, b) = (passes.len(), places.len());
        let shape = if self.members_lead { [m, b, features] } else { [b, m, features] };
        let order: Vec<(usize, usize)> = if self.members_lead {
            (0..m).flat_map(|member| places.clone().map(move |place| (member, place))).collect()
        } else {
            places.flat_map(|place| (0..m).map(move |member| (member, place))).collect()
        };
        let batch = match &self.resident {
            Some(inputs) => {
                let rows: Vec<i64> =
                    order.into_iter().map(|(member, place)| passes[member].row(place) as i64).collect();
                let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [m * b]), &self.device);
                inputs.clone().select(0, rows).reshape(shape)
            }
            None => {
                let mut pixels = Vec::with_capacity(m * b * features);
                order.into_iter().for_each(|(member, place)| passes[member].push(place, &mut pixels));
                Tensor::from_data(TensorData::new(pixels, shape), &self.device)
            }
        };
        Tensor::from_inner(batch)
    }
}
