//! A network in double precision, written plainly, beside this one.

use super::*;
use crate::testing::{check_gradient, double, numbers};
use proptest::prelude::*;

/// Layers `(inputs, outputs, weights, bias)` of single precision.
type Layers = Vec<(usize, usize, Vec<f32>, Vec<f32>)>;

fn layers(sizes: &[usize], phase: f64) -> Layers {
    let layer = |(l, pair): (usize, &[usize])| {
        let (inputs, outputs) = (pair[0], pair[1]);
        let shrunk = |v: Vec<f32>| v.iter().map(|x| x / (inputs as f32).sqrt()).collect();
        let phase = phase + l as f64;
        (inputs, outputs, shrunk(numbers(inputs * outputs, phase)), numbers(outputs, phase + 0.3))
    };
    sizes.windows(2).enumerate().map(layer).collect()
}

fn network(layers: &Layers, most: usize) -> Perceptron {
    let mut sizes: Vec<usize> = layers.iter().map(|l| l.0).collect();
    sizes.push(layers[layers.len() - 1].1);
    let mut net = Perceptron::new(&sizes, most);
    layers.iter().enumerate().for_each(|(l, (_, _, w, b))| net.set_layer(l, w, b));
    net
}

/// The logits of a row, from all parameters in the order of the layers, weights before biases.
fn logits(layers: &Layers, parameters: &[f64], x: &[f64]) -> Vec<f64> {
    let (mut h, mut rest) = (x.to_vec(), parameters);
    for (l, &(inputs, outputs, ..)) in layers.iter().enumerate() {
        let (w, after) = rest.split_at(inputs * outputs);
        let (b, after) = after.split_at(outputs);
        rest = after;
        h = (0..outputs).map(|j| b[j] + (0..inputs).map(|i| h[i] * w[i * outputs + j]).sum::<f64>()).collect();
        if l + 1 < layers.len() {
            h.iter_mut().for_each(|h| *h = h.max(0.0));
        }
    }
    h
}

fn flat(layers: &Layers) -> Vec<f64> {
    layers.iter().flat_map(|(_, _, w, b)| double(w).into_iter().chain(double(b))).collect()
}

fn found(net: &Perceptron) -> Vec<f32> {
    (0..net.depth()).map(|l| net.layer(l)).flat_map(|(w, b)| w.into_iter().chain(b)).collect()
}

/// A batch with targets of all kinds.
struct Batch {
    x: Vec<f32>,
    targets: Vec<f32>,
    scales: Vec<f32>,
    labels: Vec<usize>,
}

fn batch(rows: usize, inputs: usize, classes: usize) -> Batch {
    let scales: Vec<f32> = (0..rows).map(|i| [1.0, 0.5, 0.0, 2.0][i % 4] / rows as f32).collect();
    let labels: Vec<usize> = (0..rows).map(|i| i * 7 % classes).collect();
    let soft = |i: usize, k: usize| if i.is_multiple_of(2) { f32::from(labels[i] == k) } else { 1.0 / classes as f32 };
    let targets = (0..rows).flat_map(|i| (0..classes).map(move |k| (i, k))).map(|(i, k)| scales[i] * soft(i, k));
    Batch { x: numbers(rows * inputs, 2.0), targets: targets.collect(), labels: labels.clone(), scales: scales.clone() }
}

impl Batch {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { targets: &self.targets, scales: &self.scales, labels: &self.labels }
    }

    fn give(&self, net: &mut Perceptron) {
        let rows = self.labels.len();
        net.begin(rows);
        self.x.chunks_exact(self.x.len() / rows).enumerate().for_each(|(i, x)| net.set_input(i, x));
    }

    /// The reported loss, and the one that is descended.
    fn loss(&self, loss: Loss, layers: &Layers, parameters: &[f64]) -> (f64, f64) {
        let (rows, classes) = (self.labels.len(), self.targets.len() / self.labels.len());
        let (x, t) = (double(&self.x), double(&self.targets));
        let mut sum = 0.0;
        for (i, (x, t)) in x.chunks_exact(x.len() / rows).zip(t.chunks_exact(classes)).enumerate() {
            let z = logits(layers, parameters, x);
            sum += match loss {
                Loss::CrossEntropy { temperature, offsets } => {
                    let offset = |k: usize| offsets.get(k).map_or(0.0, |&o| f64::from(o));
                    let u: Vec<f64> = (0..classes).map(|k| (z[k] + offset(k)) / f64::from(temperature)).collect();
                    let log_sum = u.iter().map(|u| u.exp()).sum::<f64>().ln();
                    t.iter().zip(&u).map(|(t, u)| t * (log_sum - u)).sum::<f64>()
                }
                Loss::Squared | Loss::Rows(_) => {
                    let s = f64::from(self.scales[i]);
                    t.iter().zip(&z).map(|(t, z)| if s > 0.0 { (s * z - t).powi(2) / s } else { 0.0 }).sum()
                }
            };
        }
        let factor =
            if let Loss::CrossEntropy { temperature, .. } = loss { f64::from(temperature).powi(2) } else { 1.0 };
        (sum, factor * sum)
    }
}

const PLAIN: Sgd = Sgd { learning_rate: 1.0, momentum: 0.0, nesterov: false, weight_decay: 0.0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_plain_step_goes_along_the_gradient_of_every_loss(
        (inputs, hidden, classes, rows, which, phase) in
            (1_usize..40, 0_usize..36, 2_usize..35, 1_usize..27, 0_usize..4, 0.0..6.0_f64)
    ) {
        let sizes: Vec<usize> = [inputs, hidden, classes].into_iter().filter(|&n| n > 0).collect();
        let layers = layers(&sizes, phase);
        let offsets = numbers(classes, 4.0);
        let loss = match which {
            0 => Loss::CrossEntropy { temperature: 1.0, offsets: &[] },
            1 => Loss::CrossEntropy { temperature: 3.0, offsets: &[] },
            2 => Loss::CrossEntropy { temperature: 1.0, offsets: &offsets },
            _ => Loss::Squared,
        };
        let batch = batch(rows, inputs, classes);
        let mut net = network(&layers, rows + 3);
        batch.give(&mut net);
        let shown = net.step(loss, batch.wanted(), Optimiser::Sgd(PLAIN), None);
        let before = flat(&layers);
        let (reported, _) = batch.loss(loss, &layers, &before);
        prop_assert!((shown.loss - reported).abs() < 1e-5 * (1.0 + reported.abs()), "{} != {}", shown.loss, reported);
        // Where a hidden unit sits on its kink, the loss has no gradient.
        let x = double(&batch.x);
        let kink = x.chunks_exact(inputs).any(|x| {
            hidden > 0 && logits(&layers[..1].to_vec(), &before[..inputs * hidden + hidden], x).iter().any(|z| z.abs() < 1e-3)
        });
        prop_assume!(!kink);
        let gradient: Vec<f32> = before.iter().zip(found(&net)).map(|(p, new)| (p - f64::from(new)) as f32).collect();
        check_gradient(&gradient, &before, |p| batch.loss(loss, &layers, p).1)?;
    }
}

/// Three layers, a last batch that is smaller, decay, momentum and look-ahead: against the same equations in double precision.
#[test]
fn steps_of_both_optimisers_are_their_equations() {
    let sizes = [19, 33, 17, 4];
    let layers = layers(&sizes, 0.7);
    let loss = Loss::CrossEntropy { temperature: 1.0, offsets: &[] };
    for (limit, nesterov, adam) in
        [(None, true, false), (Some(0.05), false, false), (None, false, true), (Some(0.05), false, true)]
    {
        let mut net = network(&layers, 11);
        let (mut p, mut v, mut m) = (flat(&layers), vec![0.0; 0], vec![0.0; 0]);
        v.resize(p.len(), 0.0);
        m.resize(p.len(), 0.0);
        for (t, rows) in [11, 11, 3].into_iter().enumerate() {
            let batch = batch(rows, sizes[0], sizes[3]);
            batch.give(&mut net);
            let h = 1e-6;
            let mut g: Vec<f64> = (0..p.len())
                .map(|i| {
                    let at = |by: f64| batch.loss(loss, &layers, &crate::testing::moved(&p, i, by)).1;
                    (at(h) - at(-h)) / (2.0 * h)
                })
                .collect();
            let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
            if let Some(limit) = limit {
                assert!(norm > limit, "{norm}: a limit that does nothing");
                g.iter_mut().for_each(|g| *g *= limit / norm);
            }
            let decays = layers.iter().flat_map(|l| vec![0.01; l.0 * l.1].into_iter().chain(vec![0.0; l.1]));
            let (eta, mu, beta2, epsilon) = (0.1, 0.9, 0.99, 1e-3);
            for ((i, g), decay) in g.iter().enumerate().zip(decays) {
                if adam {
                    (m[i], v[i]) = (mu * m[i] + (1.0 - mu) * g, beta2 * v[i] + (1.0 - beta2) * g * g);
                    let t = t as i32 + 1;
                    let (m, v) = (m[i] / (1.0 - mu.powi(t)), v[i] / (1.0 - beta2.powi(t)));
                    p[i] -= eta * decay * p[i] + eta * m / (v.sqrt() + epsilon);
                } else {
                    let g = g + decay * p[i];
                    v[i] = mu * v[i] + g;
                    p[i] -= eta * if nesterov { g + mu * v[i] } else { v[i] };
                }
            }
            let optimiser = if adam {
                let [learning_rate, weight_decay, beta1] = [eta, 0.01, mu];
                Optimiser::AdamW(AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step: t as u64 + 1 })
            } else {
                Optimiser::Sgd(Sgd { learning_rate: 0.1, momentum: 0.9, nesterov, weight_decay: 0.01 })
            };
            net.step(loss, batch.wanted(), optimiser, limit);
            for (i, (found, want)) in found(&net).into_iter().zip(&p).enumerate() {
                // Rounding of sums of a few dozen numbers, through three layers; Adam divides by small moments.
                assert!((f64::from(found) - want).abs() < 2e-5, "step {t}, parameter {i}: {found} != {want}");
            }
        }
    }
}

#[test]
fn a_run_that_is_taken_apart_and_put_together_goes_on_as_before() {
    let layers = layers(&[5, 20, 3], 0.1);
    let batch = batch(6, 5, 3);
    let loss = Loss::CrossEntropy { temperature: 1.0, offsets: &[] };
    let sgd = Optimiser::Sgd(Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01 });
    let mut whole = network(&layers, 6);
    let step = |net: &mut Perceptron| {
        batch.give(net);
        net.step(loss, batch.wanted(), sgd, None)
    };
    step(&mut whole);
    let mut other = Perceptron::new(&[5, 20, 3], 6);
    for l in 0..2 {
        let (weights, bias) = whole.layer(l);
        other.set_layer(l, &weights, &bias);
        other.set_averages(l, &whole.averages(l));
    }
    assert_eq!(step(&mut whole), step(&mut other));
    assert_eq!(found(&whole), found(&other));
}

#[test]
fn a_loss_of_your_own_may_be_one_of_ours() {
    let layers = layers(&[9, 20, 21], 0.1);
    let batch = batch(7, 9, 21);
    let mine = |z: &[f32], t: &[f32], s: f32, gradient: &mut [f32]| {
        let mut loss = 0.0;
        for ((g, z), t) in gradient.iter_mut().zip(z).zip(t) {
            let distance = s * z - t;
            *g = 2.0 * distance;
            loss += if s > 0.0 { distance * distance / s } else { 0.0 };
        }
        loss
    };
    let train = |loss: Loss| {
        let mut net = network(&layers, 7);
        batch.give(&mut net);
        (net.step(loss, batch.wanted(), Optimiser::Sgd(PLAIN), None).correct, found(&net))
    };
    assert_eq!(train(Loss::Rows(&mine)), train(Loss::Squared));
}

#[test]
fn threads_change_no_bit() {
    let layers = layers(&[100, 200, 90, 10], 0.4);
    let batch = batch(70, 100, 10);
    let train = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut net = network(&layers, 70);
            for _ in 0..3 {
                batch.give(&mut net);
                net.step(Loss::Squared, batch.wanted(), Optimiser::Sgd(PLAIN), Some(1.0));
            }
            found(&net)
        })
    };
    assert_eq!(train(1), train(3));
}

#[test]
fn no_number_stays_none() {
    let layers = layers(&[3, 4, 2], 0.0);
    let mut net = network(&layers, 1);
    net.begin(1);
    net.set_input(0, &[f32::NAN, 0.0, 0.0]);
    let wanted = Wanted { targets: &[1.0, 0.0], scales: &[1.0], labels: &[0] };
    for loss in [Loss::CrossEntropy { temperature: 1.0, offsets: &[] }, Loss::Squared] {
        assert!(net.step(loss, wanted, Optimiser::Sgd(PLAIN), None).loss.is_nan());
    }
}
