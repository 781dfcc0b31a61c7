//! Proxies of one run on all examples, at every size.

use super::data::Planted;
use super::settings::{Settings, Size};
use crate::context::Context;
use crate::error::ReproduceError;
use std::ops::ControlFlow;
use std::time::Instant;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::proxies::{TrainingLog, TrainingProxies};
use tenfold_vision::{Inputs, Targets, TrainingSet, evaluate, resume};

/// Proxies at every size.
pub(super) struct Proxies {
    pub(super) sizes: Vec<TrainingProxies>,
    pub(super) seconds: f64,
}

pub(super) fn run(context: &Context, settings: &Settings, data: &Planted) -> Result<Proxies, ReproduceError> {
    let start = Instant::now();
    let sizes = settings.sizes(data.image, data.classes);
    let sizes = context.parallel(&sizes, |size| {
        context.folder.unit(&format!("memorisation/proxies-{}", size.name), || one(context, settings, data, size))
    })?;
    Ok(Proxies { sizes, seconds: start.elapsed().as_secs_f64() })
}

/// A run that stops after each epoch to be read.
fn one(context: &Context, settings: &Settings, data: &Planted, size: &Size) -> Result<TrainingProxies, ReproduceError> {
    let targets = Targets::Hard(data.labels.clone());
    let inputs = Inputs::new(data.x.view(), data.image)?;
    let set = TrainingSet::new(inputs.clone(), &targets)?;
    let checkpoint = context.folder.path(&format!("units/memorisation/proxies-{}.checkpoint", size.name));
    // Begun again from the first epoch where it was interrupted: the log of the epochs is not kept.
    remove(&checkpoint)?;
    let config = settings.training.clone().with_checkpoint(&checkpoint, 1);
    let seed = Seed::new(0).named("memorisation-proxies").named(&size.name);
    let mut log = TrainingLog::new(data.labels.clone());
    for _ in 0..config.epochs {
        let model = size.architecture.init(seed, &context.device)?;
        let run = resume(model, &set, &config, seed, |_| ControlFlow::Break(()))?;
        log.add(evaluate(&run.model, &inputs, 1024)?.logits.view())?;
    }
    remove(&checkpoint)?;
    Ok(log.finish()?)
}

fn remove(file: &std::path::Path) -> Result<(), ReproduceError> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(FileError::new(file, e).into()),
        _ => Ok(()),
    }
}
