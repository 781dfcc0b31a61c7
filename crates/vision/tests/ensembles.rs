//! Ensembles: the same results as trainings one by one, whatever computes them, and whatever kills them.

use burn::tensor::Device;
use ndarray::{Array2, Axis};
use rand::RngExt;
use std::ops::ControlFlow;
use std::sync::Arc;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Architecture, Augmentation, ConvNetConfig, Ensemble, EpochLog, ImageShape, Inputs, Member, MlpConfig, Model,
    OptimiserConfig, ResNetConfig, Samples, Schedule, Shortcut, Strategy, Targets, TrainConfig, Trained, TrainingSet,
    evaluate, train,
};

const IMAGE: ImageShape = ImageShape::new(2, 8, 7);
const SAMPLES: usize = 37;

fn data() -> (Array2<f32>, Targets) {
    let mut rng = Seed::new(3).rng();
    let labels: Vec<usize> = (0..SAMPLES).map(|i| i % 3).collect();
    let pixels = Array2::from_shape_fn((SAMPLES, IMAGE.features()), |(i, pixel)| {
        rng.random::<f32>() - 0.5 + if pixel % 3 == labels[i] { 0.7 } else { 0.0 }
    });
    (pixels, Targets::Hard(labels))
}

fn architectures() -> [Architecture; 5] {
    [
        MlpConfig::new(IMAGE.features(), &[], 3).into(),
        MlpConfig::new(IMAGE.features(), &[12, 9], 3).into(),
        ConvNetConfig::new(IMAGE, 3).with_width(4).with_blocks(2).into(),
        ResNetConfig::new(8, IMAGE, 3).with_width(0.25).into(),
        ResNetConfig::new(8, IMAGE, 3).with_width(0.25).with_shortcut(Shortcut::Projection).into(),
    ]
}

/// Members that differ in all that members of one shape may differ in.
fn unlike(architecture: Architecture, optimiser: OptimiserConfig, k: usize) -> Member {
    let rate = if matches!(optimiser, OptimiserConfig::AdamW { .. }) { 2e-3 } else { 0.02 };
    let mut config = TrainConfig::default()
        .with_epochs(3)
        .with_batch_size(10)
        .with_optimiser(optimiser)
        .with_learning_rate(rate * (1.0 + k as f64))
        .with_weight_decay([0.0, 1e-2, 0.3][k % 3])
        .with_label_smoothing([0.0, 0.1][k % 2]);
    if k % 4 == 1 {
        config = config.with_max_gradient_norm(0.5).with_schedule(Schedule::step(&[1], 0.5));
    }
    if k % 3 == 2 {
        config = config.with_augmentation(Augmentation::PadCropFlip { padding: 1, flip: true });
    }
    let soft = || {
        let mut q = Array2::from_elem((SAMPLES, 3), 0.1);
        q.column_mut(k % 3).fill(0.8);
        Arc::new(Targets::Soft(q))
    };
    // 25 samples each.
    let samples = match k % 3 {
        0 => Samples::Mask((0..SAMPLES).map(|i| i >= k && i < 25 + k).collect()),
        1 => Samples::Rows((0..25).map(|i| (i * i + k as u32) % SAMPLES as u32).collect()),
        _ => Samples::Rows((12..37).rev().collect()),
    };
    let member = Member::new(Seed::new(11).child(k as u64), architecture, config).with_samples(samples);
    if k % 5 == 4 { member.with_targets(soft()) } else { member }
}

/// What the single training of a member gives, on a copy of its samples.
fn alone(member: &Member, pixels: &Array2<f32>, targets: &Targets) -> Trained<Model> {
    let rows: Vec<usize> = match &member.samples {
        Samples::All => (0..SAMPLES).collect(),
        Samples::Mask(mask) => mask.rows().map(|row| row as usize).collect(),
        Samples::Rows(rows) => rows.iter().map(|&row| row as usize).collect(),
    };
    let pixels = pixels.select(Axis(0), &rows);
    let targets = match member.targets.as_deref().unwrap_or(targets) {
        Targets::Hard(labels) => Targets::Hard(rows.iter().map(|&row| labels[row]).collect()),
        Targets::Soft(q) => Targets::Soft(q.select(Axis(0), &rows)),
    };
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let net = member.architecture.init(member.seed, &Device::flex()).unwrap();
    train(net, &set, &member.config, member.seed, |_| ControlFlow::Continue(())).unwrap()
}

fn bytes(net: &Model) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    net.save(dir.path().join("a")).unwrap();
    std::fs::read(dir.path().join("a")).unwrap()
}

fn timeless(run: &Trained<Model>) -> Vec<EpochLog> {
    run.history.iter().map(|log| EpochLog { seconds: 0.0, ..log.clone() }).collect()
}

/// The saved network and the history of each member.
fn results(ensemble: &Ensemble, n: usize, member: impl Fn(usize) -> Member + Sync) -> Vec<(Vec<u8>, Vec<EpochLog>)> {
    ensemble.collect(n, member, |_, run| Ok((bytes(&run.model), timeless(run)))).unwrap()
}

#[test]
fn workers_give_the_bytes_of_single_trainings_whatever_their_number() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let architectures = architectures();
    let member = |k: usize| unlike(architectures[k % 5].clone(), OptimiserConfig::sgd(), k);
    let single: Vec<_> = (0..10)
        .map(|k| {
            let run = alone(&member(k), &pixels, &targets);
            (bytes(&run.model), timeless(&run))
        })
        .collect();
    for count in [1, 4] {
        let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(Strategy::Workers { count });
        assert!(results(&ensemble, 10, member) == single, "{count} workers");
    }
}

/// The largest difference that rounding may make after some steps of a smooth loss: each step rounds every number
/// about as often as it sums terms, and the errors add up.
fn tolerance(steps: usize, terms: usize) -> f32 {
    f32::EPSILON * (steps * terms) as f32
}

#[test]
fn stacks_give_single_trainings_up_to_rounding() {
    let (pixels, targets) = data();
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    for architecture in architectures() {
        for optimiser in [OptimiserConfig::sgd(), OptimiserConfig::adamw()] {
            let member = |k: usize| unlike(architecture.clone(), optimiser.clone(), k);
            let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(Strategy::Stacked { at_once: 4 });
            let read = |_: usize, run: &Trained<Model>| {
                let logits = evaluate(&run.model, &inputs, SAMPLES)?.logits;
                Ok((logits.into_iter().collect::<Vec<f32>>(), timeless(run)))
            };
            let stacked = ensemble.collect(6, member, read).unwrap();
            for (k, (logits, history)) in stacked.into_iter().enumerate() {
                let run = alone(&member(k), &pixels, &targets);
                let expected = evaluate(&run.model, &inputs, SAMPLES).unwrap().logits;
                let bound = tolerance(9, 1000);
                let mut worst = 0.0_f32;
                for (found, expected) in logits.iter().zip(&expected) {
                    worst = worst.max((found - expected).abs() / expected.abs().max(1.0));
                }
                eprintln!("{architecture:?} {optimiser:?} {k}: {worst:e} of {bound:e}");
                assert!(worst <= bound, "{architecture:?} {optimiser:?} {k}: {worst} > {bound}");
                for (found, expected) in history.iter().zip(&run.history) {
                    assert!((found.loss - expected.loss).abs() < f64::from(bound), "{found:?} {expected:?}");
                    assert_eq!((found.epoch, found.learning_rate), (expected.epoch, expected.learning_rate));
                }
            }
        }
    }
}
