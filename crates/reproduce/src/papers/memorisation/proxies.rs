//! Proxies of one run on all examples, at every size.

use super::data::Planted;
use super::settings::{Settings, Size};
use crate::context::Context;
use crate::error::ReproduceError;
use std::ops::ControlFlow;
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::proxies::{TrainingLog, TrainingProxies};
use tenfold_vision::{Inputs, Model, Targets, TrainingSet, evaluate, watch};

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

/// A run that is read after each epoch.
fn one(context: &Context, settings: &Settings, data: &Planted, size: &Size) -> Result<TrainingProxies, ReproduceError> {
    let targets = Targets::Hard(data.labels.clone());
    let inputs = Inputs::new(data.x.view(), data.image)?;
    let set = TrainingSet::new(inputs.clone(), &targets)?;
    let seed = Seed::new(0).named("memorisation-proxies").named(&size.name);
    let model = size.architecture.init(seed, &context.device)?;
    let mut log = TrainingLog::new(data.labels.clone());
    let mut read = Ok(());
    watch(model, &set, &settings.training, seed, |_, model| {
        read = note(&mut log, model, &inputs);
        if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    read?;
    Ok(log.finish()?)
}

/// Adds an epoch to the log.
fn note(log: &mut TrainingLog, model: &Model, inputs: &Inputs) -> Result<(), ReproduceError> {
    Ok(log.add(evaluate(model, inputs, 1024)?.logits.view())?)
}
