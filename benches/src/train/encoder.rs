//! A transformer encoder, assembled from the operations of `tenfold_core_tensor`: forward and backward.

use super::NAME;
use crate::Settings;
use crate::agreement::Agreement;
use crate::contest::{self, Entry, Peer, Work};
use crate::error::BenchError;
use crate::inputs::gaussian;
use crate::rounds::timed;
use crate::row::Row;
use crate::torch::{self, TORCH, Torch};
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayView2, s};
use rayon::ThreadPool;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use tenfold_core_tensor::arrays::{Npy, write_npz};
use tenfold_core_tensor::device::{Backend, DeviceSpec};
use tenfold_core_tensor::ops::tensor::{Activation, AttentionOptions, add, attention, layer_norm, linear};
use tenfold_core_tensor::seed::Seed;

/// Name of the work.
pub(super) const WORK: &str = "encoder-train-b16";

const BATCH: usize = 16;
const SEQUENCE: usize = 128;
const LAYERS: usize = 4;
const WIDTH: usize = 256;
const HEADS: usize = 4;
const INNER: usize = 1024;

/// Added to the variance, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// Passes of one turn.
const PASSES: usize = 2;

/// What rounding makes of the loss, a mean of half a million squares, and of the norm of all gradients.
const TOLERANCE: f64 = 1e-4;

struct Linear {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

struct Norm {
    gamma: Tensor<1>,
    beta: Tensor<1>,
}

/// Self-attention, then an MLP, each normalised before and added to what came in.
struct Layer {
    norm1: Norm,
    qkv: [Linear; 3],
    out: Linear,
    norm2: Norm,
    up: Linear,
    down: Linear,
}

struct Encoder {
    layers: Vec<Layer>,
    norm: Norm,
}

/// Draws parameters and remembers them: on the host by PyTorch's names, and as leaves of the graph.
struct Parameters {
    seed: Seed,
    device: Device,
    host: Vec<(String, Array2<f32>)>,
    matrices: Vec<Tensor<2>>,
    vectors: Vec<Tensor<1>>,
}

impl Parameters {
    fn new(seed: Seed, device: Device) -> Self {
        Self { seed, device, host: Vec::new(), matrices: Vec::new(), vectors: Vec::new() }
    }

    /// Normal numbers of this deviation around a mean.
    fn draw(&mut self, name: String, rows: usize, columns: usize, deviation: f32, mean: f32) -> Array2<f32> {
        let values = gaussian(rows, columns, self.seed.named(&name)).mapv_into(|z| mean + deviation * z);
        self.host.push((name, values.clone()));
        values
    }

    fn matrix(&mut self, values: ArrayView2<f32>) -> Tensor<2> {
        let data = TensorData::new(values.iter().copied().collect::<Vec<_>>(), [values.nrows(), values.ncols()]);
        let leaf = Tensor::from_data(data, &self.device).require_grad();
        self.matrices.push(leaf.clone());
        leaf
    }

    fn vector(&mut self, values: ArrayView2<f32>) -> Tensor<1> {
        let data = TensorData::new(values.iter().copied().collect::<Vec<_>>(), [values.len()]);
        let leaf = Tensor::from_data(data, &self.device).require_grad();
        self.vectors.push(leaf.clone());
        leaf
    }

    /// `parts` linear layers that PyTorch holds as one, side by side.
    fn linear<const PARTS: usize>(&mut self, name: &str, inputs: usize, outputs: usize) -> [Linear; PARTS] {
        let deviation = 1.0 / (inputs as f32).sqrt();
        let weight = self.draw(format!("{name}.weight"), inputs, PARTS * outputs, deviation, 0.0);
        let bias = self.draw(format!("{name}.bias"), 1, PARTS * outputs, 0.1, 0.0);
        std::array::from_fn(|part| {
            let columns = s![.., part * outputs..(part + 1) * outputs];
            Linear { weight: self.matrix(weight.slice(columns)), bias: self.vector(bias.slice(columns)) }
        })
    }

    fn norm(&mut self, name: &str) -> Norm {
        let gamma = self.draw(format!("{name}.gamma"), 1, WIDTH, 0.1, 1.0);
        let beta = self.draw(format!("{name}.beta"), 1, WIDTH, 0.1, 0.0);
        Norm { gamma: self.vector(gamma.view()), beta: self.vector(beta.view()) }
    }

    fn encoder(&mut self) -> Encoder {
        let layers = (0..LAYERS).map(|i| {
            let name = |part: &str| format!("layers.{i}.{part}");
            let [out] = self.linear(&name("out"), WIDTH, WIDTH);
            let [up] = self.linear(&name("up"), WIDTH, INNER);
            let [down] = self.linear(&name("down"), INNER, WIDTH);
            let (norm1, norm2) = (self.norm(&name("norm1")), self.norm(&name("norm2")));
            Layer { norm1, qkv: self.linear(&name("qkv"), WIDTH, WIDTH), out, norm2, up, down }
        });
        let layers = layers.collect();
        Encoder { layers, norm: self.norm("norm") }
    }

    /// As an `.npz`: vectors with one axis, matrices as they are.
    fn write(&self, path: &Path) -> Result<(), BenchError> {
        let rows: Vec<_> = self.host.iter().map(|(_, values)| (values.row(0), values.view())).collect();
        let arrays: Vec<(&str, &dyn Npy)> = self
            .host
            .iter()
            .zip(&rows)
            .map(|((name, values), (row, matrix))| {
                let array: &dyn Npy = if values.nrows() == 1 { row } else { matrix };
                (name.as_str(), array)
            })
            .collect();
        Ok(write_npz(path, &arrays)?)
    }
}

impl Linear {
    fn forward(&self, x: Tensor<3>, activation: Activation) -> Tensor<3> {
        linear(x, self.weight.clone(), Some(self.bias.clone()), activation)
    }
}

impl Norm {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        layer_norm(x, self.gamma.clone(), Some(self.beta.clone()), EPSILON)
    }
}

impl Layer {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [b, n, d] = x.dims();
        let normal = self.norm1.forward(x.clone());
        let heads = |part: &Linear| {
            let y = part.forward(normal.clone(), Activation::Identity);
            y.reshape([b, n, HEADS, d / HEADS]).swap_dims(1, 2)
        };
        let [q, k, v] = [&self.qkv[0], &self.qkv[1], &self.qkv[2]].map(heads);
        let y = attention(q, k, v, AttentionOptions::default()).swap_dims(1, 2).reshape([b, n, d]);
        let x = add(x, self.out.forward(y, Activation::Identity));
        let inner = self.up.forward(self.norm2.forward(x.clone()), Activation::Gelu);
        add(x, self.down.forward(inner, Activation::Identity))
    }
}

impl Encoder {
    /// The mean of the squares of what comes out.
    fn loss(&self, x: Tensor<3>) -> Tensor<1> {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x));
        let y = self.norm.forward(x);
        (y.clone() * y).mean()
    }
}

#[derive(Deserialize)]
struct Loaded {
    variant: String,
}

#[derive(Deserialize)]
struct Timed {
    seconds: f64,
}

#[derive(Deserialize)]
struct Norms {
    norms: [f64; 2],
}

/// Times forward and backward.
pub(super) fn run(
    name: &str,
    settings: &Settings,
    pool: &ThreadPool,
    torch: Option<&mut Torch>,
    folder: &Path,
) -> Result<Vec<Row>, BenchError> {
    let seed = Seed::new(7).named("bench-encoder");
    let mut parameters = Parameters::new(seed, settings.device.open()?.autodiff());
    let encoder = parameters.encoder();
    let input = gaussian(BATCH * SEQUENCE, WIDTH, seed.named("input"));
    let data = TensorData::new(input.iter().copied().collect::<Vec<_>>(), [BATCH, SEQUENCE, WIDTH]);
    let x = Tensor::<3>::from_data(data, &parameters.device);

    let mine = pool.install(|| norms(&encoder, &parameters, x.clone()));
    let said = format!("loss {:.5}, norm of all gradients {:.5}", mine[0], mine[1]);
    let mut peers = Vec::new();
    if let Some(torch) = torch {
        peers.push(Peer { name: TORCH, entry: enter(&parameters, &input, mine, settings.device, torch, folder) });
    }
    let turn = || {
        let (seconds, ()) = timed(|| {
            pool.install(|| {
                for _ in 0..PASSES {
                    encoder.loss(x.clone()).backward();
                }
                // A GPU has only been asked for the work.
                let _ = parameters.device.sync();
            });
        });
        Ok(seconds / PASSES as f64)
    };
    contest::rows(
        Work { bench: NAME, name, rounds: settings.rounds, warm_up: 1 },
        Box::new(turn),
        |_| said.clone(),
        peers,
    )
}

/// The loss, and the Euclidean norm of the gradients of all parameters together.
fn norms(encoder: &Encoder, parameters: &Parameters, x: Tensor<3>) -> [f64; 2] {
    let loss = encoder.loss(x);
    let gradients = loss.backward();
    let matrices = parameters.matrices.iter().filter_map(|leaf| leaf.grad(&gradients)).map(|g| g.flatten::<1>(0, 1));
    let vectors = parameters.vectors.iter().filter_map(|leaf| leaf.grad(&gradients));
    let squares = matrices.chain(vectors).flat_map(|g| g.into_data().iter::<f64>().collect::<Vec<_>>());
    [loss.into_scalar::<f64>(), squares.map(|g| g * g).sum::<f64>().sqrt()]
}

/// Hands parameters and input to PyTorch and compares loss and gradients.
fn enter<'a>(
    parameters: &Parameters,
    input: &Array2<f32>,
    mine: [f64; 2],
    device: DeviceSpec,
    torch: &'a mut Torch,
    folder: &Path,
) -> Result<Entry<'a>, BenchError> {
    let version = torch.version()?;
    let (weights, batch) = (folder.join("encoder.npz"), folder.join("sequences.npz"));
    parameters.write(&weights)?;
    let x = input.view().into_shape_with_order((BATCH, SEQUENCE, WIDTH))?;
    write_npz(&batch, &[("x", &x)])?;
    let architecture = json!({"kind": "encoder", "layers": LAYERS, "width": WIDTH, "heads": HEADS, "inner": INNER});
    let loaded: Loaded = torch.ask(&json!({
        "op": "load", "architecture": architecture, "weights": weights, "batch": batch,
        "device": torch::device(device),
    }))?;
    let slack = if device.backend == Backend::Flex { 1.0 } else { super::nets::SLACK };
    let theirs: Norms = torch.ask(&json!({"op": "gradients"}))?;
    Ok(Entry {
        version,
        agreement: Agreement::of(mine[..1].iter().copied(), theirs.norms[..1].iter().copied(), TOLERANCE * slack)
            .and(Agreement::of(mine[1..].iter().copied(), theirs.norms[1..].iter().copied(), TOLERANCE * slack)),
        note: format!("theirs {:.5} and {:.5}, {}", theirs.norms[0], theirs.norms[1], loaded.variant),
        turn: Box::new(move || Ok(torch.ask::<Timed>(&json!({"op": "turn", "steps": PASSES}))?.seconds)),
    })
}
