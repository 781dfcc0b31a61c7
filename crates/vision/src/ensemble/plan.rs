//! What an ensemble is to do, checked before any of it is done.

use super::Work;
use super::member::{Identity, Member};
use crate::error::VisionError;
use crate::params::TrainConfig;
use crate::targets::TrainingSet;
use std::collections::BTreeMap;

/// The members of an ensemble, sorted into jobs.
pub(super) struct Plan {
    /// What makes each member the one it is; empty unless it was asked for.
    pub(super) identities: Vec<Identity>,
    /// Members that are trained together, by ascending first member: one, or a stack.
    pub(super) jobs: Vec<Vec<usize>>,
}

impl Plan {
    /// Looks at each member once.
    pub(super) fn new(
        members: usize,
        member: impl Fn(usize) -> Member,
        shared: &TrainingSet,
        work: Work,
        identified: bool,
    ) -> Result<Self, VisionError> {
        let mut identities = Vec::new();
        let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in 0..members {
            let of_member = |source| VisionError::Member { member: index, source: Box::new(source) };
            let member = member(index);
            let samples = member.validate(shared).map_err(of_member)?;
            if identified {
                identities.push(member.identity(shared).map_err(of_member)?);
            }
            shapes.entry(shape(&member, samples)).or_default().push(index);
        }
        let jobs = match work {
            Work::Workers { .. } => (0..members).map(|index| vec![index]).collect(),
            Work::Stacked { at_once } => {
                let mut stacks: Vec<_> =
                    shapes.values().flat_map(|alike| alike.chunks(at_once)).map(<[usize]>::to_vec).collect();
                stacks.sort_unstable();
                stacks
            }
        };
        Ok(Self { identities, jobs })
    }
}

/// Members of one shape take the same steps on tensors of the same sizes, and can be stacked.
fn shape(member: &Member, samples: usize) -> String {
    let Member { architecture, config, .. } = member;
    let TrainConfig { batch_size, epochs, optimiser, criterion, temperature, .. } = config;
    format!("{architecture:?} {samples} {batch_size} {epochs} {optimiser:?} {criterion:?} {temperature}")
}
