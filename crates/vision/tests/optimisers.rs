//! Whole trajectories of the optimisers, against an independent reference.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array2;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Classifier, ConvNetConfig, ImageShape, Inputs, Model, OptimiserConfig, Output, Schedule, Targets, TrainConfig,
    TrainingSet, train,
};

/// A user's own module: one linear layer with given weights.
#[derive(Module, Debug)]
struct Regression {
    linear: Linear,
}

impl Classifier for Regression {
    fn forward(&self, x: Tensor<4>) -> Output {
        let embedding: Tensor<2> = x.flatten(1, 3);
        Output { logits: self.linear.forward(embedding.clone()), embedding }
    }

    fn classes(&self) -> usize {
        self.linear.weight.dims()[1]
    }
}

#[derive(Deserialize)]
struct Golden {
    problem: Problem,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Problem {
    x: Vec<Vec<f32>>,
    labels: Vec<usize>,
    sample_weights: Vec<f32>,
    weight: Vec<Vec<f32>>,
    bias: Vec<f32>,
    epochs: usize,
    warmup: usize,
    smoothing: f64,
    decay: f64,
}

#[derive(Deserialize)]
struct Case {
    config: serde_json::Value,
    losses: Vec<f64>,
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

fn values<const D: usize>(tensor: &Param<Tensor<D>>) -> Vec<f64> {
    tensor.val().into_data().iter::<f64>().collect()
}

#[test]
fn trajectories_follow_the_reference() {
    let golden: Golden = serde_json::from_str(include_str!("golden/optimisers.json")).unwrap();
    let p = &golden.problem;
    let device = Device::flex();
    let x = Array2::from_shape_fn((p.x.len(), 3), |(i, j)| p.x[i][j]);
    let inputs = Inputs::new(x.view(), ImageShape::table(3)).unwrap();
    let targets = Targets::Hard(p.labels.clone());
    let set = TrainingSet::new(inputs, &targets).unwrap().with_weights(&p.sample_weights).unwrap();

    assert_eq!(golden.cases.len(), 4);
    for (name, case) in &golden.cases {
        let mut optimiser = case.config.clone();
        let rate = optimiser.as_object_mut().unwrap().remove("learning_rate").unwrap().as_f64().unwrap();
        let config = TrainConfig::default()
            .with_epochs(p.epochs)
            .with_batch_size(p.labels.len())
            .with_optimiser(serde_json::from_value::<OptimiserConfig>(optimiser).unwrap())
            .with_learning_rate(rate)
            .with_weight_decay(p.decay)
            .with_label_smoothing(p.smoothing)
            .with_schedule(Schedule::cosine().with_warmup(p.warmup));
        let weight = TensorData::new(p.weight.concat(), [3, 3]);
        let bias = TensorData::new(p.bias.clone(), [3]);
        let linear = Linear { weight: Param::from_data(weight, &device), bias: Some(Param::from_data(bias, &device)) };

        let run = train(Regression { linear }, &set, &config, Seed::new(1), |_| ControlFlow::Continue(())).unwrap();

        // Single precision: each of the epochs rounds sums of about ten terms of size one.
        let tolerance = p.epochs as f64 * 10.0 * f64::from(f32::EPSILON);
        let losses: Vec<f64> = run.history.iter().map(|e| e.loss).collect();
        let linear = &run.model.linear;
        for (what, found, expected) in [
            ("losses", losses, case.losses.clone()),
            ("weight", values(&linear.weight), case.weight.concat()),
            ("bias", values(linear.bias.as_ref().unwrap()), case.bias.clone()),
        ] {
            assert_eq!(found.len(), expected.len());
            for (f, e) in found.iter().zip(&expected) {
                assert!((f - e).abs() < tolerance, "{name}: {what} {found:?}, expected {expected:?}");
            }
        }
    }
}

/// With zero inputs and uniform targets every gradient is exactly zero: what moves is moved by the decay alone.
#[test]
fn only_matrices_and_kernels_decay() {
    let image = ImageShape::new(1, 4, 4);
    let pixels = Array2::zeros((2, image.features()));
    let inputs = Inputs::new(pixels.view(), image).unwrap();
    let targets = Targets::Soft(Array2::from_elem((2, 2), 0.5));
    let set = TrainingSet::new(inputs, &targets).unwrap();
    for optimiser in [OptimiserConfig::sgd(), OptimiserConfig::adamw()] {
        let net = Model::ConvNet(ConvNetConfig::new(image, 2).init(Seed::new(3), &Device::flex()).unwrap());
        let config = TrainConfig::default()
            .with_epochs(1)
            .with_schedule(Schedule::constant())
            .with_optimiser(optimiser)
            .with_learning_rate(0.5)
            .with_weight_decay(0.25);
        let before = tensors(&net);
        let after = tensors(&train(net, &set, &config, Seed::new(3), |_| ControlFlow::Continue(())).unwrap().model);
        let mut decayed = 0;
        for ((name, before), after) in before.iter().zip(after.values()) {
            if name.ends_with("weight") {
                // Nesterov's first step moves by eta (1 + mu) lambda p, AdamW's by eta lambda p.
                let share = match config.optimiser {
                    OptimiserConfig::Sgd { momentum, .. } => 1.0 - 0.5 * 0.25 * (1.0 + momentum),
                    OptimiserConfig::AdamW { .. } => 1.0 - 0.5 * 0.25,
                };
                for (b, a) in before.iter().zip(after) {
                    assert!((f64::from(*a) - f64::from(*b) * share).abs() < 4.0 * f64::from(f32::EPSILON), "{name}");
                }
                decayed += 1;
            } else if !name.ends_with("running_var") {
                assert_eq!(before, after, "{name}");
            }
        }
        assert_eq!(decayed, 3, "two kernels and one matrix");
    }
}

fn tensors(net: &Model) -> BTreeMap<String, Vec<f32>> {
    use burn::module::ModuleVisitor;
    #[derive(Default)]
    struct Visitor(Vec<String>, BTreeMap<String, Vec<f32>>);
    impl ModuleVisitor for Visitor {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_string());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.insert(self.0.join("."), param.val().into_data().iter::<f32>().collect());
        }
    }
    let mut visitor = Visitor::default();
    net.visit(&mut visitor);
    visitor.1
}
