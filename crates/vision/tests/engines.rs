//! The kernels of a perceptron take the steps that tensors take, whatever the configuration.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use ndarray::Array2;
use rand::RngExt;
use std::ops::ControlFlow;
use std::sync::Arc;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Augmentation, Classifier, Criterion, Engine, EpochLog, ImageShape, Inputs, Mlp, MlpConfig, Moment, OptimiserConfig,
    Output, RowLoss, Schedule, Targets, TrainConfig, Trained, TrainingSet, VisionError, evaluate, resume, steer, train,
    watch,
};

const IMAGE: ImageShape = ImageShape::new(1, 4, 6);

const CLASSES: usize = 5;

/// A perceptron that says so.
#[derive(Module, Debug)]
struct Known {
    net: Mlp,
}

/// A perceptron that does not.
#[derive(Module, Debug)]
struct Unknown {
    net: Mlp,
}

impl Classifier for Known {
    fn forward(&self, x: Tensor<4>) -> Output {
        self.net.forward(x)
    }
    fn classes(&self) -> usize {
        CLASSES
    }
    fn perceptron(&self) -> Option<MlpConfig> {
        Some(self.net.config().clone())
    }
}

impl Classifier for Unknown {
    fn forward(&self, x: Tensor<4>) -> Output {
        self.net.forward(x)
    }
    fn classes(&self) -> usize {
        CLASSES
    }
}

fn mlp(hidden: &[usize]) -> Mlp {
    MlpConfig::new(IMAGE.features(), hidden, CLASSES).init(Seed::new(3), &Device::flex()).unwrap()
}

fn noise(n: usize, seed: u64) -> Array2<f32> {
    let mut rng = Seed::new(seed).rng();
    Array2::from_shape_fn((n, IMAGE.features()), |_| rng.random::<f32>() - 0.5)
}

/// Distributions in which one class stands out.
fn soft(n: usize) -> Targets {
    let share = |i: usize, k: usize| if i % CLASSES == k { 0.6 } else { 0.1 };
    Targets::Soft(Array2::from_shape_fn((n, CLASSES), |(i, k)| share(i, k)))
}

/// What both say after training, the history without its seconds, and who took the steps.
fn summary<C: Classifier>(run: &Trained<C>, inputs: &Inputs) -> (Array2<f32>, Vec<EpochLog>, Engine) {
    let history = run.history.iter().map(|log| EpochLog { seconds: 0.0, ..log.clone() }).collect();
    (evaluate(&run.model, inputs, 16).unwrap().logits, history, run.engine)
}

fn compare<A: Classifier, B: Classifier>(name: &str, kernels: &Trained<A>, tensors: &Trained<B>, inputs: &Inputs) {
    let (found, logs, engine) = summary(kernels, inputs);
    let (want, wanted_logs, other) = summary(tensors, inputs);
    assert_eq!((engine, other), (Engine::Perceptron, Engine::Autodiff), "{name}");
    // Single precision, some hundred steps of numbers of size one.
    let worst = found.iter().zip(&want).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0_f32, f32::max);
    assert!(worst < 2e-3, "{name}: logits differ by {worst}");
    assert!(want.iter().any(|z| z.abs() > 0.1), "{name}: nothing was learned");
    for (log, want) in logs.iter().zip(&wanted_logs) {
        assert!((log.loss - want.loss).abs() < 1e-3 * (1.0 + want.loss), "{name}: {log:?} {want:?}");
        // A sample on the edge may fall either way.
        assert!((log.accuracy - want.accuracy).abs() <= 2.0 / inputs.len() as f64, "{name}: {log:?} {want:?}");
        assert_eq!(log.learning_rate, want.learning_rate);
    }
    assert_eq!(logs.len(), wanted_logs.len());
}

#[test]
fn every_configuration_gives_the_same_weights_to_rounding() {
    let pixels = noise(70, 1);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let labels = Targets::Hard((0..70).map(|i| i * 3 % CLASSES).collect());
    let weights: Vec<f32> = (0..70).map(|i| [1.0, 0.0, 2.5][i % 3]).collect();
    let base = TrainConfig::default().with_epochs(6).with_batch_size(16).with_learning_rate(0.05);
    let plain = OptimiserConfig::Sgd { momentum: 0.0, nesterov: false };
    let adamw = base.clone().with_optimiser(OptimiserConfig::adamw()).with_learning_rate(3e-3);
    let flips = Augmentation::PadCropFlip { padding: 1, flip: true };
    let cases = [
        ("as it comes", base.clone(), vec![32], false, false),
        ("deep", base.clone(), vec![20, 33, 7], false, false),
        ("linear", base.clone(), vec![], false, false),
        ("plain", base.clone().with_optimiser(plain).with_schedule(Schedule::step(&[2], 0.1)), vec![16], false, false),
        ("adam", adamw.clone(), vec![17], false, false),
        ("adam, limited", adamw.with_max_gradient_norm(0.1), vec![17], false, false),
        ("limited", base.clone().with_max_gradient_norm(0.05), vec![17], true, true),
        ("soft, weighted", base.clone(), vec![9], true, true),
        ("smoothed", base.clone().with_label_smoothing(0.2), vec![9], false, true),
        ("softened", base.clone().with_temperature(4.0), vec![9], true, false),
        ("squared", base.clone().with_criterion(Criterion::Squared).with_learning_rate(0.01), vec![9], true, true),
        ("augmented", base.with_augmentation(flips), vec![12], false, false),
    ];
    for (name, config, hidden, is_soft, weighted) in cases {
        let targets = if is_soft { soft(70) } else { labels.clone() };
        let mut set = TrainingSet::new(inputs.clone(), &targets).unwrap();
        if weighted {
            set = set.with_weights(&weights).unwrap();
        }
        let on = |_: &EpochLog| ControlFlow::Continue(());
        let kernels = train(Known { net: mlp(&hidden) }, &set, &config, Seed::new(5), on).unwrap();
        let tensors = train(Unknown { net: mlp(&hidden) }, &set, &config, Seed::new(5), on).unwrap();
        compare(name, &kernels, &tensors, &inputs);
    }
}

#[test]
fn margins_and_weights_of_classes_that_change_at_each_step() {
    let (pixels, other) = (noise(60, 1), noise(20, 2));
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let validation = Inputs::new(other.view(), IMAGE).unwrap();
    let targets = soft(60);
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(6).with_batch_size(16);
    for weighted in [false, true] {
        let mut seen = Vec::new();
        let mut each_step = |moment: &mut Moment| -> Result<(), VisionError> {
            let mean = moment.logits(&validation)?.mean().unwrap();
            seen.push((moment.epoch(), moment.step(), moment.steps(), mean));
            let values: Vec<f32> = (0..CLASSES).map(|k| (k + moment.step()) as f32 / 4.0).collect();
            if weighted { moment.set_weights(&values) } else { moment.set_offsets(&values) }
        };
        let kernels = steer(Known { net: mlp(&[20]) }, &set, &config, Seed::new(5), &mut each_step).unwrap();
        let tensors = steer(Unknown { net: mlp(&[20]) }, &set, &config, Seed::new(5), &mut each_step).unwrap();
        compare("steered", &kernels, &tensors, &inputs);
        assert_eq!(seen.len(), 2 * 6 * 4);
        assert_eq!((seen[0].0, seen[23].0, seen[23].1, seen[0].2), (0, 5, 3, 4));
        assert_eq!(seen[0].3, seen[24].3, "the same network before the first step");
        let free =
            train(Known { net: mlp(&[20]) }, &set, &config, Seed::new(5), |_| ControlFlow::Continue(())).unwrap();
        let difference = &summary(&free, &inputs).0 - &summary(&kernels, &inputs).0;
        assert!(difference.iter().any(|d| d.abs() > 0.05), "steering changed nothing");
    }
    // A loss of one's own, here the square of the distance to the target.
    let squared: Arc<RowLoss> = Arc::new(|z, t, s, gradient| {
        let distances = z.iter().zip(t).map(|(z, t)| s * z - t);
        gradient.iter_mut().zip(distances.clone()).for_each(|(g, d)| *g = 2.0 * d);
        distances.map(|d| d * d / s).sum()
    });
    let mut own = |moment: &mut Moment| -> Result<(), VisionError> {
        moment.set_loss(squared.clone());
        Ok(())
    };
    let slow = config.clone().with_learning_rate(0.01);
    let kernels = steer(Known { net: mlp(&[20]) }, &set, &slow, Seed::new(5), &mut own).unwrap();
    let tensors = steer(Unknown { net: mlp(&[20]) }, &set, &slow, Seed::new(5), &mut own).unwrap();
    compare("own loss", &kernels, &tensors, &inputs);
    let same = slow.with_criterion(Criterion::Squared);
    let on = |_: &EpochLog| ControlFlow::Continue(());
    let ours = train(Known { net: mlp(&[20]) }, &set, &same, Seed::new(5), on).unwrap();
    let difference = &summary(&ours, &inputs).0 - &summary(&kernels, &inputs).0;
    assert!(difference.iter().all(|d| d.abs() < 1e-3));

    let refused = |act: fn(&mut Moment) -> Result<(), VisionError>, config: &TrainConfig| {
        steer(Known { net: mlp(&[4]) }, &set, config, Seed::new(5), act).unwrap_err().to_string()
    };
    assert!(refused(|m| m.set_offsets(&[1.0]), &config).starts_with("offsets = [1.0]: must be"));
    assert!(refused(|m| m.set_weights(&[-1.0; CLASSES]), &config).starts_with("weights = [-1.0, "));
    let squared = config.clone().with_criterion(Criterion::Squared);
    assert!(refused(|m| m.set_weights(&[1.0; CLASSES]), &squared).contains("only the cross-entropy"));
    let kept = config.with_checkpoint("somewhere", 1);
    assert!(refused(|_| Ok(()), &kept).starts_with("checkpoint = somewhere"));
}

#[test]
fn a_killed_run_of_kernels_goes_on_to_the_same_bytes() {
    let pixels = noise(50, 1);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let targets = soft(50);
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plain = OptimiserConfig::Sgd { momentum: 0.0, nesterov: false };
    for (i, optimiser) in [OptimiserConfig::sgd(), plain, OptimiserConfig::adamw()].into_iter().enumerate() {
        let path = folder.path().join(i.to_string());
        let config = TrainConfig::default().with_epochs(5).with_optimiser(optimiser).with_learning_rate(0.01);
        let whole =
            train(Known { net: mlp(&[8]) }, &set, &config, Seed::new(5), |_| ControlFlow::Continue(())).unwrap();
        let kept = config.with_checkpoint(&path, 1);
        train(Known { net: mlp(&[8]) }, &set, &kept, Seed::new(5), |log| match log.epoch {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
        let again = resume(Known { net: mlp(&[8]) }, &set, &kept, Seed::new(5), |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(summary(&whole, &inputs), summary(&again, &inputs));
    }
}

#[test]
fn a_watched_run_shows_the_network_as_it_is() {
    let pixels = noise(30, 1);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let targets = soft(30);
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(3);
    let mut shown = Vec::new();
    let run = watch(Known { net: mlp(&[8]) }, &set, &config, Seed::new(5), |_, net| {
        shown.push(evaluate(net, &inputs, 16).unwrap().logits);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((run.engine, shown.len()), (Engine::Perceptron, 3));
    assert_ne!(shown[1], shown[2]);
    assert_eq!(shown[2], summary(&run, &inputs).0);
}

/// Freezes matrices: biases go on learning.
struct Freeze;

impl ModuleMapper for Freeze {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D == 2 { param.set_require_grad(false) } else { param }
    }
}

#[test]
fn a_perceptron_with_frozen_weights_is_left_to_tensors() {
    let pixels = noise(30, 1);
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let targets = soft(30);
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let config = TrainConfig::default().with_epochs(1);
    let frozen = Known { net: mlp(&[8]) }.map(&mut Freeze);
    let run = train(frozen, &set, &config, Seed::new(5), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(run.engine, Engine::Autodiff);
}
