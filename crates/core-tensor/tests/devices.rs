//! Every operation gives on every GPU of this machine what it gives on the CPU, values and gradients.
#![cfg(any(feature = "wgpu", feature = "cuda"))]

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use tenfold_core_tensor::device::DeviceSpec;
use tenfold_core_tensor::ops::tensor as ops;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::largest_deviation;

/// The GPUs that this build can use and this machine has.
fn gpus() -> Vec<(&'static str, Device)> {
    let open = |name: &'static str| {
        let device = name.parse::<DeviceSpec>().unwrap().open();
        device.inspect_err(|error| println!("{error}")).ok().map(|device| (name, device))
    };
    let found: Vec<(&str, Device)> = ["wgpu", "cuda"].into_iter().filter_map(open).collect();
    assert!(!found.is_empty(), "no GPU to compare with: see the messages above");
    found
}

fn numbers(shape: &[usize], seed: u64) -> Vec<f32> {
    let mut rng = Seed::new(seed).rng();
    (0..shape.iter().product()).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// Output and gradients at fixed numbers; the loss is a fixed weighting of the output.
fn run<const D: usize>(device: &Device, shapes: &[&[usize]], f: impl Fn(&[Tensor<1>]) -> Tensor<D>) -> Vec<Vec<f32>> {
    let device = device.clone().autodiff();
    let leaf = |(i, shape): (usize, &&[usize])| {
        let values = numbers(shape, i as u64);
        let len = values.len();
        Tensor::<1>::from_data(TensorData::new(values, [len]), &device).require_grad()
    };
    let leaves: Vec<Tensor<1>> = shapes.iter().enumerate().map(leaf).collect();
    let y = f(&leaves);
    let weights = TensorData::new(numbers(&y.dims(), 99), y.dims());
    let gradients = (y.clone() * Tensor::from_data(weights, &device)).sum().backward();
    let host = |data: TensorData| data.try_into_vec::<f32>().unwrap();
    let mut all = vec![host(y.into_data())];
    all.extend(leaves.iter().map(|x| x.grad(&gradients).map_or_else(Vec::new, |g| host(g.into_data()))));
    all
}

fn agree<const D: usize>(name: &str, shapes: &[&[usize]], f: impl Fn(&[Tensor<1>]) -> Tensor<D>) {
    let wanted = run(&Device::flex(), shapes, &f);
    for (gpu, device) in gpus() {
        for (i, (found, wanted)) in run(&device, shapes, &f).into_iter().zip(&wanted).enumerate() {
            assert_eq!(found.len(), wanted.len(), "{name} on {gpu}");
            let largest = wanted.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
            // CUDA multiplies matrices in tf32, with ten bits of fraction: 2^-11 for each product of numbers up to two.
            let worst = largest_deviation(found.iter().zip(wanted).map(|(f, w)| f64::from((f - w) / largest)));
            println!("{name} on {gpu}, {}: {worst:.1e}", if i == 0 { "output" } else { "gradient" });
            assert!(worst < 2e-3, "{name} on {gpu}, array {i}: off by {worst:e}");
        }
    }
}

#[test]
fn every_operation_agrees_with_the_cpu() {
    let image = |t: &Tensor<1>| t.clone().reshape([2, 4, 9, 8]);
    let options = ops::Conv2dOptions { stride: [2, 2], padding: [1, 1], ..Default::default() };
    agree("conv2d", &[&[2, 4, 9, 8], &[6, 4, 3, 3], &[6]], |t| {
        ops::conv2d(image(&t[0]), t[1].clone().reshape([6, 4, 3, 3]), Some(t[2].clone()), options)
    });
    agree("batch_norm", &[&[2, 4, 9, 8], &[4], &[4], &[2, 4, 9, 8]], |t| {
        let options = ops::BatchNormOptions { epsilon: 0.1, relu: true };
        ops::batch_norm(image(&t[0]), t[1].clone(), t[2].clone(), Some(image(&t[3])), options).output
    });
    for activation in [ops::Activation::Identity, ops::Activation::Relu, ops::Activation::Gelu, ops::Activation::Silu] {
        agree("linear", &[&[5, 7], &[7, 3], &[3]], |t| {
            let (x, w) = (t[0].clone().reshape([5, 7]), t[1].clone().reshape([7, 3]));
            ops::linear(x, w, Some(t[2].clone()), activation)
        });
    }
    type Function = fn(Tensor<1>) -> Tensor<1>;
    let functions: [(&str, Function); 6] = [
        ("gelu", ops::gelu),
        ("relu", ops::relu),
        ("silu", ops::silu),
        ("tanh", ops::tanh),
        ("exp", ops::exp),
        ("log", |x| ops::log(x.abs() + 0.5)),
    ];
    for (name, f) in functions {
        agree(name, &[&[1000]], |t| f(t[0].clone()));
    }
    let rows = |t: &Tensor<1>| t.clone().reshape([8, 33]);
    agree("softmax", &[&[8, 33]], |t| ops::softmax(rows(&t[0]), 1));
    agree("log_softmax", &[&[8, 33]], |t| ops::log_softmax(rows(&t[0]), 0));
    agree("layer_norm", &[&[8, 33], &[33], &[33]], |t| {
        ops::layer_norm(rows(&t[0]), t[1].clone(), Some(t[2].clone()), 0.1)
    });
    agree("rms_norm", &[&[8, 33], &[33]], |t| ops::rms_norm(rows(&t[0]), t[1].clone(), 0.1));
    agree("cross_entropy", &[&[8, 33], &[8, 33]], |t| ops::soft_cross_entropy(rows(&t[0]), rows(&t[1])).unwrap());
    for causal in [false, true] {
        let heads = |t: &Tensor<1>| t.clone().reshape([2, 3, 7, 4]);
        agree("attention", &[&[2, 3, 7, 4], &[2, 3, 7, 4], &[2, 3, 7, 4]], |t| {
            ops::attention(heads(&t[0]), heads(&t[1]), heads(&t[2]), ops::AttentionOptions { scale: None, causal })
        });
    }
    agree("max_pool2d", &[&[2, 4, 9, 8]], |t| ops::max_pool2d(image(&t[0]), ops::Pool2dOptions::new(2)));
    agree("avg_pool2d", &[&[2, 4, 9, 8]], |t| ops::avg_pool2d(image(&t[0]), ops::Pool2dOptions::new(2)));
    agree("subsample", &[&[2, 4, 9, 8]], |t| ops::subsample(image(&t[0]), 2, 7));
    agree("mean_over_pixels", &[&[2, 4, 9, 8]], |t| ops::mean_over_pixels(image(&t[0])));
    agree("walsh_hadamard", &[&[4, 16]], |t| ops::walsh_hadamard(t[0].clone().reshape([4, 16])).unwrap());
}

/// Burn's own gradient of GELU is that of the approximation on these devices: off by up to 3.6e-4.
#[test]
fn the_gradient_of_gelu_is_exact() {
    for (gpu, device) in gpus() {
        let device = device.autodiff();
        let x: Vec<f32> = (-400..=400).map(|i| i as f32 / 100.0).collect();
        let n = x.len();
        let leaf = Tensor::<1>::from_data(TensorData::new(x.clone(), [n]), &device).require_grad();
        let gradient = leaf.grad(&ops::gelu(leaf.clone()).sum().backward()).unwrap();
        let found = gradient.into_data().try_into_vec::<f32>().unwrap();
        let cpu = Tensor::<1>::from_data(TensorData::new(x, [n]), &Device::flex().autodiff()).require_grad();
        let wanted = cpu.grad(&ops::gelu(cpu.clone()).sum().backward()).unwrap();
        let wanted = wanted.into_data().try_into_vec::<f32>().unwrap();
        let worst = largest_deviation(found.iter().zip(&wanted).map(|(f, w)| f64::from(f - w)));
        println!("gradient of gelu on {gpu}: off by at most {worst:.1e}");
        assert!(worst < 4e-6, "{gpu}: {worst:e}");
    }
}
