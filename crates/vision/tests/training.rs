//! The training loop: what it learns, what it refuses, and that it can be killed.

use burn::tensor::Device;
use ndarray::{Array2, Axis};
use rand::RngExt;
use rayon::prelude::*;
use std::ops::ControlFlow;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Architecture, Augmentation, ConvNetConfig, EpochLog, ImageShape, Inputs, MlpConfig, Model, OptimiserConfig,
    ResNetConfig, Schedule, Targets, TrainConfig, Trained, TrainingSet, VisionError, evaluate, resume, train,
};

const IMAGE: ImageShape = ImageShape::new(1, 8, 8);

/// Noise whose upper or lower half is brighter.
fn halves(n: usize, seed: u64) -> (Array2<f32>, Vec<usize>) {
    let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let mut rng = Seed::new(seed).rng();
    let pixels = Array2::from_shape_fn((n, IMAGE.features()), |(i, pixel)| {
        let bright = pixel / 32 == labels[i];
        rng.random::<f32>() - 0.5 + if bright { 0.5 } else { 0.0 }
    });
    (pixels, labels)
}

fn convnet(seed: u64) -> Model {
    Architecture::from(ConvNetConfig::new(IMAGE, 2).with_width(4)).init(Seed::new(seed), &Device::flex()).unwrap()
}

fn mlp(seed: u64) -> Model {
    Architecture::from(MlpConfig::new(64, &[16], 2)).init(Seed::new(seed), &Device::flex()).unwrap()
}

fn go_on(_: &EpochLog) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn bytes(net: &Model) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    net.save(dir.path().join("a")).unwrap();
    std::fs::read(dir.path().join("a")).unwrap()
}

fn without_seconds(run: &Trained<Model>) -> Vec<EpochLog> {
    run.history.iter().map(|e| EpochLog { seconds: 0.0, ..e.clone() }).collect()
}

#[test]
fn every_network_learns_a_separable_set() {
    let (pixels, labels) = halves(128, 1);
    let (test_pixels, test_labels) = halves(200, 2);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let resnet = ResNetConfig::new(8, IMAGE, 2).with_width(0.25);
    let resnet = Architecture::from(resnet).init(Seed::new(1), &Device::flex()).unwrap();
    for optimiser in [OptimiserConfig::sgd(), OptimiserConfig::adamw()] {
        let rate = if optimiser == OptimiserConfig::sgd() { 0.05 } else { 0.01 };
        let config = TrainConfig::default()
            .with_epochs(8)
            .with_batch_size(16)
            .with_optimiser(optimiser)
            .with_learning_rate(rate)
            .with_max_gradient_norm(5.0);
        for net in [mlp(1), convnet(1), resnet.clone()] {
            let run = train(net, &set, &config, Seed::new(1), go_on).unwrap();
            let test = Inputs::new(test_pixels.view(), IMAGE).unwrap();
            let accuracy = evaluate(&run.model, &test, 64).unwrap().accuracy(&test_labels).unwrap();
            assert!(accuracy > 0.97, "{:?}: {accuracy}", run.model.architecture());
            assert!(run.history[7].loss < 0.5 * run.history[0].loss);
            assert!(run.history[7].accuracy > 0.97);
        }
    }
}

/// A run killed after its second checkpoint and resumed equals one that was never interrupted.
fn assert_resumes(net: fn(u64) -> Model, config: TrainConfig) {
    let (pixels, labels) = halves(50, 3);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let seed = Seed::new(11);

    let unbroken = train(net(1), &set, &config, seed, go_on).unwrap();
    let kept = config.with_checkpoint(dir.path().join("run.safetensors"), 2);
    let stop = |log: &EpochLog| if log.epoch == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let broken = resume(net(1), &set, &kept, seed, stop).unwrap();
    assert_eq!(broken.history.len(), 3);
    // The third epoch was after the last checkpoint, and the network starts from other weights: neither may matter.
    let mut epochs = Vec::new();
    let resumed = resume(net(2), &set, &kept, seed, |log| {
        epochs.push(log.epoch);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(epochs, [2, 3, 4]);
    assert_eq!(bytes(&resumed.model), bytes(&unbroken.model));
    assert_eq!(without_seconds(&resumed), without_seconds(&unbroken));

    // The last checkpoint holds the finished run.
    let finished = resume(net(3), &set, &kept, seed, |_| panic!("nothing is left to do")).unwrap();
    assert_eq!(bytes(&finished.model), bytes(&unbroken.model));
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let config = TrainConfig::default().with_epochs(5).with_batch_size(16).with_label_smoothing(0.1);
    let augmentation = Augmentation::PadCropFlip { padding: 2, flip: true };
    assert_resumes(convnet, config.clone().with_augmentation(augmentation).with_schedule(Schedule::step(&[3], 0.1)));
    assert_resumes(mlp, config.clone().with_optimiser(OptimiserConfig::adamw()).with_learning_rate(1e-3));
    assert_resumes(mlp, config.with_optimiser(OptimiserConfig::Sgd { momentum: 0.0, nesterov: false }));
}

#[test]
fn threads_do_not_change_a_byte() {
    let (pixels, labels) = halves(300, 4);
    let wide = ndarray::concatenate![Axis(1), pixels, pixels, pixels, pixels];
    let image = ImageShape::new(1, 16, 16);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(wide.view(), image).unwrap(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(2).with_batch_size(128);
    // Large enough that the back end splits its work.
    let architectures: [Architecture; 3] = [
        MlpConfig::new(256, &[512, 256], 2).into(),
        ConvNetConfig::new(image, 2).with_width(16).into(),
        ResNetConfig::new(8, image, 2).into(),
    ];
    for architecture in architectures {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let net = architecture.init(Seed::new(5), &Device::flex()).unwrap();
                let run = train(net, &set, &config, Seed::new(5), go_on).unwrap();
                (bytes(&run.model), evaluate(&run.model, set.inputs(), 100).unwrap())
            })
        };
        assert!(run(1) == run(2), "{architecture:?}");
    }
}

/// Work stealing may run one training inside a wait of another: neither may deadlock or leak into the other.
#[test]
fn trainings_side_by_side_equal_trainings_one_after_another() {
    let (pixels, labels) = halves(96, 4);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(2).with_batch_size(48);
    let one = |seed: u64| {
        let net = if seed.is_multiple_of(2) { convnet(seed) } else { mlp(seed) };
        bytes(&train(net, &set, &config, Seed::new(seed), go_on).unwrap().model)
    };
    let after: Vec<_> = (0..12).map(one).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let beside: Vec<_> = pool.install(|| (0..12).into_par_iter().map(one).collect());
    assert!(after == beside);
}

#[test]
fn soft_targets_that_are_one_hot_equal_hard_ones() {
    let (pixels, labels) = halves(40, 5);
    let one_hot = Array2::from_shape_fn((40, 2), |(i, k)| if labels[i] == k { 1.0 } else { 0.0 });
    let config = TrainConfig::default().with_epochs(3).with_batch_size(8).with_label_smoothing(0.1);
    let run = |targets: Targets| {
        let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
        train(mlp(1), &set, &config, Seed::new(2), go_on).unwrap()
    };
    let (hard, soft) = (run(Targets::Hard(labels.clone())), run(Targets::Soft(one_hot)));
    assert_eq!(without_seconds(&hard), without_seconds(&soft));
    // The smoothed target is rounded along two paths that differ in the last bit.
    for (a, b) in evaluated(&hard.model, &pixels).iter().zip(&evaluated(&soft.model, &pixels)) {
        assert!((a - b).abs() < 1e3 * f32::EPSILON, "{a} != {b}");
    }
}

#[test]
fn a_weight_of_two_equals_standing_there_twice() {
    let (pixels, labels) = halves(12, 6);
    let weights: Vec<f32> = (0..12).map(|i| [1.0, 2.0, 0.0][i % 3]).collect();
    let rows: Vec<usize> = (0..12).flat_map(|i| vec![i; weights[i] as usize]).collect();
    let repeated = pixels.select(Axis(0), &rows);
    let repeated_labels: Vec<usize> = rows.iter().map(|&i| labels[i]).collect();
    let config = TrainConfig::default().with_epochs(10).with_batch_size(12);

    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let weighted = train(mlp(1), &set.with_weights(&weights).unwrap(), &config, Seed::new(2), go_on).unwrap();
    let targets = Targets::Hard(repeated_labels);
    let set = TrainingSet::new(Inputs::new(repeated.view(), IMAGE).unwrap(), &targets).unwrap();
    let duplicated = train(mlp(1), &set, &config, Seed::new(2), go_on).unwrap();

    // Ten steps in single precision, in another order of summation.
    for (a, b) in evaluated(&weighted.model, &pixels).iter().zip(&evaluated(&duplicated.model, &pixels)) {
        assert!((a - b).abs() < 1e3 * f32::EPSILON, "{a} != {b}");
    }
    for (a, b) in weighted.history.iter().zip(&duplicated.history) {
        assert!((a.loss - b.loss).abs() < 1e2 * f64::from(f32::EPSILON), "{a:?} {b:?}");
    }
}

fn evaluated(net: &Model, pixels: &Array2<f32>) -> Array2<f32> {
    evaluate(net, &Inputs::new(pixels.view(), IMAGE).unwrap(), 16).unwrap().logits
}

#[test]
fn evaluation_leaves_the_network_alone_and_does_not_depend_on_the_batch() {
    let (pixels, labels) = halves(30, 7);
    let targets = Targets::Hard(labels);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(2).with_batch_size(10);
    let trained = train(convnet(1), &set, &config, Seed::new(1), go_on).unwrap().model;
    for net in [trained.clone(), burn::module::Module::train(trained)] {
        let before = bytes(&net);
        let one = evaluate(&net, &inputs, 1).unwrap();
        let seven = evaluate(&net, &inputs, 7).unwrap();
        let all = evaluate(&net, &inputs, 1000).unwrap();
        assert_eq!(bytes(&net), before, "running statistics moved");
        for other in [one, seven] {
            for (a, b) in other.logits.iter().zip(&all.logits).chain(other.embedding.iter().zip(&all.embedding)) {
                assert!((a - b).abs() <= 64.0 * f32::EPSILON * b.abs().max(1.0), "{a} != {b}");
            }
        }
    }
}

#[test]
fn a_divergent_run_names_epoch_step_and_rate_and_keeps_the_last_good_checkpoint() {
    let (pixels, labels) = halves(32, 8);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.safetensors");
    let calm = TrainConfig::default().with_epochs(3).with_batch_size(8).with_schedule(Schedule::constant());
    let calm = calm.with_checkpoint(&path, 1);
    let stop = |_: &EpochLog| ControlFlow::Break(());
    train(mlp(1), &set, &calm, Seed::new(1), stop).unwrap();
    let good = std::fs::read(&path).unwrap();

    let wild = calm.with_learning_rate(1e30);
    let error = train(mlp(1), &set, &wild, Seed::new(1), go_on).unwrap_err();
    let VisionError::NotFinite { epoch: 0, step, learning_rate: 1e30, .. } = error else { panic!("{error}") };
    assert!((1..4).contains(&step), "{error}");
    assert!(error.to_string().contains("not finite at epoch 0, step"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

#[test]
fn a_step_too_far_at_the_very_end_is_found_too() {
    let (pixels, labels) = halves(8, 8);
    let targets = Targets::Hard(labels);
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    // One step: its loss is finite, its result is not.
    let config = TrainConfig::default().with_epochs(1).with_learning_rate(1e300);
    let error = train(mlp(1), &set, &config, Seed::new(1), go_on).unwrap_err();
    assert!(matches!(error, VisionError::NotFinite { epoch: 0, step: 0, .. }), "{error}");
}

#[test]
fn a_checkpoint_of_another_run_is_refused_with_the_field_that_differs() {
    let (pixels, labels) = halves(32, 9);
    let targets = Targets::Hard(labels);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.safetensors");
    let config = TrainConfig::default().with_epochs(2).with_checkpoint(&path, 1);
    train(mlp(1), &set, &config, Seed::new(1), |_| ControlFlow::Break(())).unwrap();

    let refused = |net: Model, config: &TrainConfig, seed: u64, field: &str| {
        let error = resume(net, &set, config, Seed::new(seed), go_on).unwrap_err();
        let VisionError::Checkpoint { path: file, key, rule } = &error else { panic!("{error}") };
        assert_eq!((file.as_path(), key.as_str()), (path.as_path(), field), "{rule}");
    };
    refused(mlp(1), &config, 2, "seed");
    refused(mlp(1), &config.clone().with_learning_rate(0.1), 1, "config.learning_rate");
    refused(mlp(1), &config.clone().with_epochs(4), 1, "config.epochs");
    refused(convnet(1), &config, 1, "model");
    // The same sizes, other data.
    let mut other = pixels.clone();
    other[[31, 63]] += 1.0;
    let swapped = Targets::Hard((0..32).map(|i| (i + 1) % 2).collect());
    let weights = [1.0; 32];
    for changed in [
        TrainingSet::new(Inputs::new(other.view(), IMAGE).unwrap(), &targets).unwrap(),
        TrainingSet::new(inputs.clone(), &swapped).unwrap(),
        set.clone().with_weights(&weights).unwrap(),
    ] {
        let error = resume(mlp(1), &changed, &config, Seed::new(1), go_on).unwrap_err();
        assert!(matches!(&error, VisionError::Checkpoint { key, .. } if key == "data"), "{error}");
    }
    let file = std::fs::read(&path).unwrap();
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 0x40;
    std::fs::write(&path, &damaged).unwrap();
    refused(mlp(1), &config, 1, "sha256");
    std::fs::write(&path, &file[..file.len() - 9]).unwrap();
    refused(mlp(1), &config, 1, "header");
    mlp(1).save(&path).unwrap();
    refused(mlp(1), &config, 1, "kind");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "litter");
}

#[test]
fn what_does_not_fit_is_refused_before_training() {
    let (pixels, labels) = halves(8, 10);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let refused = |net: Model, targets: Targets, config: TrainConfig| {
        let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
        train(net, &set, &config, Seed::new(1), go_on).unwrap_err().to_string()
    };
    let config = TrainConfig::default();
    let good = Targets::Hard(labels);
    let narrow = Architecture::from(MlpConfig::new(60, &[], 2)).init(Seed::new(1), &Device::flex()).unwrap();
    let error = refused(narrow.clone(), good.clone(), config.clone());
    assert_eq!(error, "input of the network: expected shape [60], found [64]");
    assert!(evaluate(&narrow, &inputs, 4).unwrap_err().to_string().contains("[60]"));
    assert!(evaluate(&mlp(1), &inputs, 0).unwrap_err().to_string().starts_with("batch = 0"));
    let error = refused(mlp(1), Targets::Hard(vec![7; 8]), config.clone());
    assert!(error.starts_with("label of sample 0 is 7"), "{error}");
    let error = refused(mlp(1), good.clone(), config.clone().with_epochs(0));
    assert!(error.starts_with("epochs = 0"), "{error}");
    let error = refused(mlp(1), good, config.with_augmentation(Augmentation::PadCropFlip { padding: 8, flip: false }));
    assert!(error.starts_with("augmentation.padding = 8"), "{error}");
}
