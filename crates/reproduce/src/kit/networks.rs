//! Networks that a run trains once and keeps: one, or many of a kind.

use crate::context::Context;
use crate::error::ReproduceError;
use std::ops::ControlFlow;
use tenfold_core_tensor::device::is_cpu;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{Architecture, Ensemble, MlpConfig, Model, Strategy, TrainConfig, TrainingSet, resume};

/// A network of some size: its name in tables and the number it is plotted at.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) size: f64,
    pub(crate) architecture: Architecture,
}

/// A perceptron with one hidden layer of `width` units.
pub(crate) fn perceptron(width: usize, inputs: usize, classes: usize) -> Size {
    Size {
        name: format!("mlp-{width}"),
        size: width as f64,
        architecture: MlpConfig::new(inputs, &[width], classes).into(),
    }
}

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

/// Networks of a kind, trained side by side as the run asks and kept in `units/NAME` as they are done.
pub(crate) fn ensemble<'a>(context: &'a Context, data: &'a TrainingSet, name: &str) -> Ensemble<'a> {
    let ensemble = Ensemble::new(data, &context.device)
        .with_folder(context.folder.path(&format!("units/{name}")))
        .with_shard(context.shard)
        .with_progress(&context.progress);
    if is_cpu(&context.device) { ensemble.with_strategy(Strategy::Workers { count: context.jobs }) } else { ensemble }
}
