//! The weights of a stack.

use crate::architecture::Architecture;
use crate::container::{Tensors, Values};
use crate::error::VisionError;
use crate::weights::{Weights, to_host};
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;
use tenfold_core_tensor::seed::Seed;

/// Weights and running statistics of m networks of one architecture.
pub(super) struct Stack {
    architecture: Architecture,
    members: usize,
    /// What comes before the names below in a single network: its kind.
    kind: String,
    leaves: BTreeMap<String, Leaf>,
}

/// One tensor of the network, of all members.
pub(super) struct Leaf {
    /// Its shape in a single network.
    pub(super) shape: Vec<usize>,
    /// `[m, numbers of one]`, without autodiff.
    pub(super) value: Tensor<2>,
}

impl Leaf {
    /// Whether it is learned: running statistics are not.
    pub(super) fn is_learned(name: &str) -> bool {
        !name.ends_with(".running_mean") && !name.ends_with(".running_var")
    }
}

impl Stack {
    /// Each member starts as the single network of its seed would.
    pub(super) fn new(
        architecture: &Architecture,
        seeds: impl ExactSizeIterator<Item = Seed>,
        device: &Device,
    ) -> Result<Self, VisionError> {
        let members = seeds.len();
        let mut kind = String::new();
        let mut joined: BTreeMap<String, Values> = BTreeMap::new();
        for seed in seeds {
            for (name, Values { shape, values }) in Weights::capture(&architecture.init(seed, device)?).into_tensors() {
                let (before, name) = name.split_once('.').unwrap_or(("", &name));
                kind = before.to_string();
                let leaf = joined.entry(name.to_string()).or_insert(Values { shape, values: Vec::new() });
                leaf.values.extend(values);
            }
        }
        let leaf = |Values { shape, values }: Values| {
            let data = TensorData::new(values, [members, shape.iter().product()]);
            Leaf { shape, value: Tensor::from_data(data, device) }
        };
        let leaves = joined.into_iter().map(|(name, values)| (name, leaf(values))).collect();
        Ok(Self { architecture: architecture.clone(), members, kind, leaves })
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How many networks, m.
    pub(super) fn members(&self) -> usize {
        self.members
    }

    pub(super) fn leaves(&self) -> &BTreeMap<String, Leaf> {
        &self.leaves
    }

    /// The tensor of that name.
    ///
    /// # Panics
    /// If the architecture has none: `net` asks for those that the single networks have.
    pub(super) fn leaf(&self, name: &str) -> &Leaf {
        self.leaves.get(name).unwrap_or_else(|| panic!("{:?} has no tensor {name}", self.architecture))
    }

    /// Gives tensors new values.
    pub(super) fn replace(&mut self, values: impl IntoIterator<Item = (String, Tensor<2>)>) {
        for (name, value) in values {
            if let Some(leaf) = self.leaves.get_mut(&name) {
                leaf.value = value;
            }
        }
    }

    /// The weights of each member, as a single network has them.
    pub(super) fn into_weights(self) -> Vec<Weights> {
        let mut members: Vec<Tensors> = (0..self.members).map(|_| Tensors::new()).collect();
        for (name, Leaf { shape, value }) in self.leaves {
            let values = to_host(value);
            let size = shape.iter().product();
            for (tensors, values) in members.iter_mut().zip(values.chunks_exact(size)) {
                let values = Values { shape: shape.clone(), values: values.to_vec() };
                tensors.insert(format!("{}.{name}", self.kind), values);
            }
        }
        members.into_iter().map(Weights::from_tensors).collect()
    }
}
