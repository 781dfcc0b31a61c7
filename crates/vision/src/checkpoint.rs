//! What a run keeps to go on after a kill as if nothing had happened.

use crate::classifier::Classifier;
use crate::container::{self, Tensors, damaged};
use crate::engine::Core;
use crate::error::VisionError;
use crate::params::TrainConfig;
use crate::train::EpochLog;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use tenfold_core_tensor::seed::Seed;

/// The word that opens the record of a checkpoint.
const KIND: &str = "tenfold-checkpoint";

/// What a run is: a checkpoint serves only the run that wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Without the field `checkpoint`: a run may be moved.
    pub(crate) config: TrainConfig,
    pub(crate) seed: Seed,
    /// What [`Classifier::describe`](crate::Classifier::describe) says.
    pub(crate) model: Value,
    /// [`TrainingSet::fingerprint`](crate::TrainingSet::fingerprint).
    pub(crate) data: String,
}

#[derive(Serialize, Deserialize)]
struct Record {
    identity: Identity,
    optimiser_steps: u64,
    history: Vec<EpochLog>,
}

/// Writes the state after the last epoch of `history`: the weights, and the optimiser's steps and averages.
pub(crate) fn write(
    path: &Path,
    identity: &Identity,
    weights: Weights,
    (optimiser_steps, state): (u64, Tensors),
    history: &[EpochLog],
) -> Result<(), VisionError> {
    let prefixed = |prefix: &'static str, tensors: Tensors| {
        tensors.into_iter().map(move |(name, values)| (format!("{prefix}/{name}"), values))
    };
    let tensors = prefixed("model", weights.into_tensors()).chain(prefixed("optimiser", state)).collect();
    let record = Record { identity: identity.clone(), optimiser_steps, history: history.to_vec() };
    container::write(path, KIND, &record, tensors)
}

/// Puts the state of a checkpoint of the same run into a network.
pub(crate) fn read<C: Classifier>(
    path: &Path,
    identity: &Identity,
    core: Core<C>,
) -> Result<(Core<C>, Vec<EpochLog>), VisionError> {
    let (record, tensors) = container::read::<Record>(path, KIND)?;
    if let Some((key, rule)) = difference(&record.identity, identity) {
        return Err(damaged(path, key, rule));
    }
    let (mut weights, mut state) = (Tensors::new(), Tensors::new());
    for (name, values) in tensors {
        match name.split_once('/') {
            Some(("model", rest)) => weights.insert(rest.to_string(), values),
            Some(("optimiser", rest)) => state.insert(rest.to_string(), values),
            _ => return Err(damaged(path, name, "a checkpoint has no such tensor")),
        };
    }
    let core = core.restore(Weights::from_tensors(weights), record.optimiser_steps, state, path)?;
    Ok((core, record.history))
}

/// The first field in which two runs differ, and how.
fn difference(found: &Identity, expected: &Identity) -> Option<(String, String)> {
    let fields = |identity: &Identity| serde_json::to_value(identity).unwrap_or_default();
    first_difference("", &fields(found), &fields(expected))
}

/// The first key in which two values differ, and how.
pub(crate) fn first_difference(key: &str, found: &Value, expected: &Value) -> Option<(String, String)> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) if found.keys().eq(expected.keys()) => {
            let join = |name: &str| if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
            found.iter().find_map(|(name, value)| first_difference(&join(name), value, &expected[name]))
        }
        _ if found == expected => None,
        _ => Some((key.to_string(), format!("it is of another run: {found} there, {expected} here"))),
    }
}
