//! Networks that a run trains once and keeps.

use crate::context::Context;
use crate::error::ReproduceError;
use std::ops::ControlFlow;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{Architecture, Model, TrainConfig, TrainingSet, resume};

/// The network `name`: read from the run folder where an earlier run finished it, else trained (from its last
/// checkpoint, if there is one) and kept there.
pub(crate) fn trained(
    context: &Context,
    name: &str,
    architecture: &Architecture,
    data: &TrainingSet,
    config: &TrainConfig,
    seed: Seed,
) -> Result<Model, ReproduceError> {
    let kept = context.folder.path(&format!("units/{name}.safetensors"));
    if kept.exists() {
        return Ok(Model::load(&kept, &context.device)?);
    }
    let checkpoint = context.folder.path(&format!("units/{name}.checkpoint"));
    // Reading a checkpoint costs more than an epoch of a small net: write about ten in a training.
    let config = config.clone().with_checkpoint(&checkpoint, config.epochs.div_ceil(10).max(1));
    context.progress.note(name);
    let model = architecture.init(seed, &context.device)?;
    let model = resume(model, data, &config, seed, |_| ControlFlow::Continue(()))?.model;
    model.save(&kept)?;
    match std::fs::remove_file(&checkpoint) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(FileError::new(checkpoint, e).into()),
        _ => Ok(model),
    }
}
