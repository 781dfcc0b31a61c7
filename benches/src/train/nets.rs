//! Classifiers, trained by `tenfold_vision::train`.

use super::NAME;
use crate::Settings;
use crate::agreement::Agreement;
use crate::contest::{self, Entry, Peer, Work};
use crate::error::BenchError;
use crate::inputs::gaussian;
use crate::row::Row;
use crate::torch::{self, TORCH, Torch};
use ndarray::{Array1, Array2};
use rayon::ThreadPool;
use serde::Deserialize;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;
use tenfold_core_tensor::arrays::write_npz;
use tenfold_core_tensor::device::{Backend, DeviceSpec};
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Architecture, ImageShape, Inputs, MlpConfig, Model, OptimiserConfig, ResNetConfig, Schedule, Targets, TrainConfig,
    TrainingSet, train,
};

/// The losses of both sides are compared after so many steps.
const COMPARED: usize = 10;

/// What rounding makes of the loss before the first step, and after ten: sums of thousands of products differ in their
/// last bits, and every step multiplies that.
const TOLERANCES: [f64; 2] = [1e-5, 1e-3];

/// On GPUs products of matrices have ten bits of fraction (tf32) in place of twenty-three.
pub(super) const SLACK: f64 = 100.0;

/// Classes of all networks.
const CLASSES: usize = 10;

/// A network and how it is trained.
pub(super) struct Net {
    /// Name of the work.
    pub(super) work: &'static str,
    architecture: Architecture,
    image: ImageShape,
    batch: usize,
    optimiser: OptimiserConfig,
    learning_rate: f64,
    /// Steps of one turn, each from the same weights.
    steps: usize,
}

/// The networks of the bench.
pub(super) fn all() -> [Net; 4] {
    let image = ImageShape::new(3, 32, 32);
    let digit = ImageShape::new(1, 28, 28);
    let small = MlpConfig::new(784, &[128], CLASSES);
    [
        Net {
            work: "resnet8-train-b128-sgd",
            architecture: ResNetConfig::new(8, image, CLASSES).into(),
            image,
            batch: 128,
            optimiser: OptimiserConfig::sgd(),
            learning_rate: 0.05,
            steps: COMPARED + 1,
        },
        Net {
            work: "mlp-train-b128-adamw",
            architecture: MlpConfig::new(784, &[512, 512], CLASSES).into(),
            image: digit,
            batch: 128,
            optimiser: OptimiserConfig::adamw(),
            learning_rate: 1e-4,
            steps: 50,
        },
        Net {
            work: "mlp-train-b64-sgd",
            architecture: small.clone().into(),
            image: digit,
            batch: 64,
            optimiser: OptimiserConfig::sgd(),
            learning_rate: 0.01,
            steps: 100,
        },
        Net {
            work: "mlp-train-b64-adamw",
            architecture: small.into(),
            image: digit,
            batch: 64,
            optimiser: OptimiserConfig::adamw(),
            learning_rate: 1e-4,
            steps: 100,
        },
    ]
}

/// Mean seconds of a step, and the loss before each.
#[derive(Debug, Deserialize)]
struct Turn {
    seconds: f64,
    losses: Vec<f64>,
}

#[derive(Deserialize)]
struct Loaded {
    variant: String,
}

/// Times one network. A data set of one batch makes every epoch a step, whose time and loss `train` reports.
pub(super) fn run(
    net: &Net,
    name: &str,
    settings: &Settings,
    pool: &ThreadPool,
    torch: Option<&mut Torch>,
    folder: &Path,
) -> Result<Vec<Row>, BenchError> {
    let seed = Seed::new(7).named("bench-train");
    let pixels = gaussian(net.batch, net.image.features(), seed.named("pixels"));
    let labels: Vec<usize> = (0..net.batch).map(|i| i % CLASSES).collect();
    let targets = Targets::Hard(labels.clone());
    let set = TrainingSet::new(Inputs::new(pixels.view(), net.image)?, &targets)?;
    let config = TrainConfig::default()
        .with_epochs(net.steps)
        .with_batch_size(net.batch)
        .with_optimiser(net.optimiser.clone())
        .with_learning_rate(net.learning_rate)
        .with_schedule(Schedule::constant());
    let initial = net.architecture.init(seed, &settings.device.open()?)?;
    let turn = || pool.install(|| ours(initial.clone(), &set, &config, seed));

    let mine = turn()?;
    let said = format!("{}, loss after {COMPARED} steps {:.5}", optimiser(&net.optimiser), mine.losses[COMPARED]);
    let mut peers = Vec::new();
    if let Some(torch) = torch {
        let entry = enter(net, &initial, &config, &pixels, &labels, &mine, settings.device, torch, folder);
        peers.push(Peer { name: TORCH, entry });
    }
    contest::rows(
        Work { bench: NAME, name, rounds: settings.rounds, warm_up: 1 },
        Box::new(|| Ok(turn()?.seconds)),
        |_| said.clone(),
        peers,
    )
}

fn ours(initial: Model, set: &TrainingSet, config: &TrainConfig, seed: Seed) -> Result<Turn, BenchError> {
    let run = train(initial, set, config, seed, |_| ControlFlow::Continue(()))?;
    let seconds = run.history.iter().map(|step| step.seconds).sum::<f64>() / run.history.len() as f64;
    Ok(Turn { seconds, losses: run.history.iter().map(|step| step.loss).collect() })
}

/// Hands network and batch to PyTorch and compares the losses of its first turn with ours.
#[expect(clippy::too_many_arguments, reason = "everything that both sides must share")]
fn enter<'a>(
    net: &Net,
    initial: &Model,
    config: &TrainConfig,
    pixels: &Array2<f32>,
    labels: &[usize],
    mine: &Turn,
    device: DeviceSpec,
    torch: &'a mut Torch,
    folder: &Path,
) -> Result<Entry<'a>, BenchError> {
    let version = torch.version()?;
    let (weights, batch) = (folder.join("weights.safetensors"), folder.join("batch.npz"));
    initial.save(&weights)?;
    let [channels, height, width] = net.image.dims();
    let x = pixels.view().into_shape_with_order((net.batch, channels, height, width))?;
    let y: Array1<i64> = labels.iter().map(|&label| label as i64).collect();
    write_npz(&batch, &[("x", &x), ("y", &y.view())])?;
    let loaded: Loaded = torch.ask(&json!({
        "op": "load", "architecture": net.architecture, "config": config, "weights": weights, "batch": batch,
        "device": torch::device(device),
    }))?;
    let request = json!({"op": "turn", "steps": net.steps});
    let theirs: Turn = torch.ask(&request)?;
    let slack = if device.backend == Backend::Flex { 1.0 } else { SLACK };
    let at = |losses: &[f64], step: usize| losses.get(step).copied().unwrap_or(f64::NAN);
    let agreement = |step, tolerance| Agreement::of([at(&mine.losses, step)], [at(&theirs.losses, step)], tolerance);
    Ok(Entry {
        version,
        agreement: agreement(0, TOLERANCES[0] * slack).and(agreement(COMPARED, TOLERANCES[1] * slack)),
        note: format!("theirs {:.5}, {}", at(&theirs.losses, COMPARED), loaded.variant),
        turn: Box::new(move || Ok(torch.ask::<Turn>(&request)?.seconds)),
    })
}

fn optimiser(config: &OptimiserConfig) -> &'static str {
    match config {
        OptimiserConfig::Sgd { .. } => "SGD with Nesterov momentum",
        OptimiserConfig::AdamW { .. } => "AdamW",
    }
}
