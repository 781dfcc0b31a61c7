//! A network with its buffers.

use super::Optimiser;
use super::layer::{After, Descent, Flat, Lines, Product, Write};
use super::line::{Line, pack, panels, set_row, transpose, unpack, zeros};
use super::loss::{Loss, Shown, Slope, Wanted};
use crate::disjoint::Disjoint;
use crate::optimiser::{AdamW, Rule, Sgd};
use crate::parallel::tasks;
use crate::simd::dispatch;

/// A multi-layer perceptron in training, with room for one batch.
///
/// ```
/// use tenfold_kernels::optimiser::Sgd;
/// use tenfold_kernels::perceptron::{Loss, Optimiser, Perceptron, Wanted};
///
/// // Logistic regression on two points, from zero.
/// let mut net = Perceptron::new(&[1, 2], 2);
/// let sgd = Sgd { learning_rate: 1.0, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
/// let loss = Loss::CrossEntropy { temperature: 1.0, offsets: &[] };
/// let wanted = Wanted { targets: &[0.5, 0.0, 0.0, 0.5], scales: &[0.5; 2], labels: &[0, 1] };
/// let mut step = || {
///     net.begin(2);
///     net.set_input(0, &[-1.0]);
///     net.set_input(1, &[1.0]);
///     net.step(loss, wanted, Optimiser::Sgd(sgd), None)
/// };
/// let (first, second) = (step(), step());
/// assert!((first.loss - 2.0_f64.ln()).abs() < 1e-6);
/// assert!(second.loss < first.loss && second.correct == 2);
/// // The first step goes along (p - t) x: minus a half for the class of the left point, plus a half for that of the right.
/// assert!(net.layer(0).0[0] < -0.5 && net.layer(0).0[1] > 0.5);
/// ```
#[derive(Debug)]
pub struct Perceptron {
    layers: Vec<Layer>,
    /// The batch and what each layer makes of it, each in panels.
    outputs: Vec<Vec<Line>>,
    /// The loss's gradients in what each layer makes, before its ReLU.
    slopes: Vec<Vec<Line>>,
    /// Weights turned around.
    turned: Vec<Line>,
    /// Rows that there is room for.
    most: usize,
    rows: usize,
}

#[derive(Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    weights: State,
    bias: State,
}

/// Parameters and what the optimiser keeps of them.
#[derive(Debug)]
struct State {
    values: Vec<Line>,
    averages: [Vec<Line>; 2],
    /// Empty until the norm of the gradient matters.
    gradient: Vec<Line>,
}

impl State {
    fn new(rows: usize, columns: usize) -> Self {
        Self { values: zeros(rows, columns), averages: [Vec::new(), Vec::new()], gradient: Vec::new() }
    }

    /// Makes room for so many averages.
    fn keep(&mut self, averages: usize) {
        for kept in self.averages.iter_mut().take(averages) {
            kept.resize(self.values.len(), Line::default());
        }
    }

    /// What a backward pass writes: the parameters with their averages, or the gradient alone.
    fn parts(&mut self, gradient: bool) -> Parts<'_> {
        let Self { values, averages: [first, second], gradient: kept } = self;
        let (values, averages) = if gradient {
            kept.resize(values.len(), Line::default());
            (kept, [&mut [][..], &mut []])
        } else {
            (values, [&mut first[..], &mut second[..]])
        };
        Parts { values: Disjoint::new(values), averages: averages.map(AtMost::new) }
    }

    /// Steps with the gradient that lies in memory.
    fn descend(&mut self, rule: impl Rule, scale: f32) {
        let [first, second] = &mut self.averages;
        let lines = Lines { values: &mut self.values, averages: [first, second] };
        dispatch(Flat { lines, gradient: &self.gradient, scale, rule });
    }
}

impl Perceptron {
    /// A network whose parameters are zero: `sizes` are those of the input, the hidden layers and the classes; batches have at
    /// most `most` rows.
    ///
    /// # Panics
    /// For fewer than two sizes, or one that is zero.
    pub fn new(sizes: &[usize], most: usize) -> Self {
        assert!(sizes.len() >= 2 && sizes.iter().all(|&n| n > 0), "sizes {sizes:?}");
        let layer = |pair: &[usize]| Layer {
            inputs: pair[0],
            outputs: pair[1],
            weights: State::new(pair[0], pair[1]),
            bias: State::new(1, pair[1]),
        };
        let layers: Vec<Layer> = sizes.windows(2).map(layer).collect();
        // The first layer's input has no gradient.
        let turned = layers[1..].iter().map(|l| panels(l.inputs) * l.outputs).max().unwrap_or(0);
        Self {
            layers,
            outputs: sizes.iter().map(|&n| zeros(most, n)).collect(),
            slopes: sizes[1..].iter().map(|&n| zeros(most, n)).collect(),
            turned: vec![Line::default(); turned],
            most,
            rows: 0,
        }
    }

    /// How many layers have weights.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// Sets the weights `[inputs, outputs]`, row-major, and the biases of a layer.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn set_layer(&mut self, layer: usize, weights: &[f32], bias: &[f32]) {
        let Layer { inputs, outputs, weights: to, bias: to_bias } = &mut self.layers[layer];
        assert!(weights.len() == *inputs * *outputs && bias.len() == *outputs, "layer of [{inputs}, {outputs}]");
        pack(weights, *outputs, &mut to.values);
        pack(bias, *outputs, &mut to_bias.values);
    }

    /// The weights and biases of a layer.
    pub fn layer(&self, layer: usize) -> (Vec<f32>, Vec<f32>) {
        let Layer { weights, bias, .. } = &self.layers[layer];
        self.unpacked(layer, &weights.values, &bias.values)
    }

    /// The optimiser's averages of a layer, of weights and of biases, in the order in which it has them; empty before the first step.
    pub fn averages(&self, layer: usize) -> Vec<(Vec<f32>, Vec<f32>)> {
        let Layer { weights, bias, .. } = &self.layers[layer];
        let pairs = weights.averages.iter().zip(&bias.averages).filter(|(weights, _)| !weights.is_empty());
        pairs.map(|(weights, bias)| self.unpacked(layer, weights, bias)).collect()
    }

    /// Sets what [`averages`](Self::averages) returned.
    ///
    /// # Panics
    /// If lengths do not fit, or for more than two.
    pub fn set_averages(&mut self, layer: usize, averages: &[(Vec<f32>, Vec<f32>)]) {
        let Layer { outputs, weights, bias, .. } = &mut self.layers[layer];
        weights.keep(averages.len());
        bias.keep(averages.len());
        for (i, (of_weights, of_bias)) in averages.iter().enumerate() {
            pack(of_weights, *outputs, &mut weights.averages[i]);
            pack(of_bias, *outputs, &mut bias.averages[i]);
        }
    }

    fn unpacked(&self, layer: usize, weights: &[Line], bias: &[Line]) -> (Vec<f32>, Vec<f32>) {
        let Layer { inputs, outputs, .. } = self.layers[layer];
        let mut both = (Vec::with_capacity(inputs * outputs), Vec::with_capacity(outputs));
        unpack(weights, inputs, outputs, &mut both.0);
        unpack(bias, 1, outputs, &mut both.1);
        both
    }

    /// Begins a batch of so many rows. Each is to be [set](Self::set_input) before anything is computed.
    ///
    /// # Panics
    /// If there is no room.
    pub fn begin(&mut self, rows: usize) {
        assert!(rows <= self.most, "{rows} rows where {} have room", self.most);
        self.rows = rows;
    }

    /// Sets a row of the batch.
    ///
    /// # Panics
    /// If the batch has no such row, or the row has another length than an input.
    #[inline]
    pub fn set_input(&mut self, row: usize, input: &[f32]) {
        assert!(row < self.rows && input.len() == self.layers[0].inputs, "row {row} of {}", self.rows);
        set_row(input, row, self.rows, &mut self.outputs[0]);
    }

    /// Computes what each layer makes of the batch.
    pub fn forward(&mut self) {
        let (rows, last) = (self.rows, self.layers.len() - 1);
        for (l, layer) in self.layers.iter().enumerate() {
            let [x, y] = &mut self.outputs[l..l + 2] else { unreachable!("one more output than layers") };
            let after = if l == last { After::Keep } else { After::Relu };
            let y = Disjoint::new(&mut y[..panels(layer.outputs) * rows]);
            tasks(panels(layer.outputs), rows * layer.inputs * layer.outputs / AT_ONCE, |panel| {
                let w = &layer.weights.values[panel * layer.inputs..][..layer.inputs];
                // SAFETY: each task has a panel of its own.
                let y = unsafe { y.part(panel * rows, rows) };
                Product { x, w, bias: layer.bias.values[panel], after, y }.run();
            });
        }
    }

    /// Appends the logits of the batch, `[rows, classes]`, after [`forward`](Self::forward).
    pub fn logits(&self, to: &mut Vec<f32>) {
        self.output(self.layers.len(), to);
    }

    /// Appends what the last hidden layer made of the batch, or the batch itself where there is none.
    pub fn embedding(&self, to: &mut Vec<f32>) {
        self.output(self.layers.len() - 1, to);
    }

    fn output(&self, of: usize, to: &mut Vec<f32>) {
        let columns = if of == 0 { self.layers[0].inputs } else { self.layers[of - 1].outputs };
        unpack(&self.outputs[of], self.rows, columns, to);
    }

    /// Forward, loss, backwards, and a step of the optimiser. `limit`, if given, caps the norm of all gradients together.
    /// Biases are not decayed.
    ///
    /// # Panics
    /// If `wanted` is not of the batch's rows and the network's classes, or a label is no class.
    pub fn step(&mut self, loss: Loss, wanted: Wanted, optimiser: Optimiser, limit: Option<f64>) -> Shown {
        let (rows, classes) = (self.rows, self.layers[self.layers.len() - 1].outputs);
        assert!(wanted.targets.len() == rows * classes && wanted.scales.len() == rows, "[{rows}, {classes}] targets");
        assert!(wanted.labels.len() == rows && wanted.labels.iter().all(|&l| l < classes), "a label for each row");
        if let Loss::CrossEntropy { offsets, .. } = loss {
            assert!(offsets.is_empty() || offsets.len() == classes, "an offset for each of {classes} classes");
        }
        for Layer { weights, bias, .. } in &mut self.layers {
            weights.keep(optimiser.averages());
            bias.keep(optimiser.averages());
        }
        self.forward();
        let last = self.layers.len();
        let slope = Slope { loss, wanted, logits: &self.outputs[last], gradient: &mut self.slopes[last - 1] };
        let shown = slope.run();
        match (optimiser, limit) {
            (Optimiser::Sgd(sgd), None) => self.backward(false, sgd, Sgd { weight_decay: 0.0, ..sgd }),
            (Optimiser::AdamW(adamw), None) => self.backward(false, adamw, AdamW { weight_decay: 0.0, ..adamw }),
            (_, Some(limit)) => {
                self.backward(true, Write, Write);
                let scale = self.scale_to(limit);
                match optimiser {
                    Optimiser::Sgd(sgd) => self.descend(sgd, Sgd { weight_decay: 0.0, ..sgd }, scale),
                    Optimiser::AdamW(adamw) => self.descend(adamw, AdamW { weight_decay: 0.0, ..adamw }, scale),
                }
            }
        }
        shown
    }

    /// Goes back through the layers and gives each gradient to the rule, with the parameter or, if it is to be written, with the
    /// place for it.
    fn backward<U: Rule>(&mut self, written: bool, rule: U, bias_rule: U) {
        let rows = self.rows;
        for l in (0..self.layers.len()).rev() {
            let Layer { inputs, outputs, weights, bias } = &mut self.layers[l];
            let (inputs, outputs) = (*inputs, *outputs);
            // With the weights as they were before the step.
            if l > 0 {
                let turned = &mut self.turned[..panels(inputs) * outputs];
                transpose(&weights.values, inputs, outputs, turned);
                let [below, slope] = &mut self.slopes[l - 1..l + 1] else { unreachable!("a slope for each layer") };
                let h = &self.outputs[l];
                let below = Disjoint::new(&mut below[..panels(inputs) * rows]);
                tasks(panels(inputs), rows * inputs * outputs / AT_ONCE, |panel| {
                    let after = After::Where(&h[panel * rows..][..rows]);
                    // SAFETY: each task has a panel of its own.
                    let y = unsafe { below.part(panel * rows, rows) };
                    let w = &turned[panel * outputs..][..outputs];
                    Product { x: slope, w, bias: Line::default(), after, y }.run();
                });
            }
            let (x, d) = (&self.outputs[l], &self.slopes[l]);
            let (weights, bias) = (weights.parts(written), bias.parts(written));
            tasks(panels(outputs), rows * inputs * outputs / AT_ONCE, |panel| {
                let d = &d[panel * rows..][..rows];
                // SAFETY: each task has a panel of its own.
                let (weights, bias) = unsafe { (weights.lines(panel * inputs, inputs), bias.lines(panel, 1)) };
                Descent { x, d, weights, rule, bias, bias_rule }.run();
            });
        }
    }

    /// `min(1, limit / norm)` for the gradients that lie in memory.
    fn scale_to(&self, limit: f64) -> f32 {
        let of = |state: &State| -> f64 {
            state.gradient.iter().map(|line| line.0.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()).sum()
        };
        let norm = self.layers.iter().map(|l| of(&l.weights) + of(&l.bias)).sum::<f64>().sqrt();
        // A norm of zero divides to infinity, and one that is no number stays none.
        let scale = limit / norm;
        (if scale > 1.0 { 1.0 } else { scale }) as f32
    }

    fn descend<U: Rule>(&mut self, rule: U, bias_rule: U, scale: f32) {
        for Layer { weights, bias, .. } in &mut self.layers {
            weights.descend(rule, scale);
            bias.descend(bias_rule, scale);
        }
    }
}

/// Multiplications that are worth one operation of [`tasks`]'s.
const AT_ONCE: usize = 4;

/// Parameters and averages, to be given out panel by panel.
struct Parts<'a> {
    values: Disjoint<'a, Line>,
    averages: [AtMost<'a>; 2],
}

impl Parts<'_> {
    /// # Safety
    /// No other lines that overlap these are alive.
    unsafe fn lines(&self, start: usize, len: usize) -> Lines<'_> {
        // SAFETY: by the caller's promise.
        unsafe {
            let [first, second] = &self.averages;
            Lines { values: self.values.part(start, len), averages: [first.part(start, len), second.part(start, len)] }
        }
    }
}

/// Averages of all parameters, or of none.
struct AtMost<'a> {
    lines: Disjoint<'a, Line>,
    none: bool,
}

impl<'a> AtMost<'a> {
    fn new(lines: &'a mut [Line]) -> Self {
        Self { none: lines.is_empty(), lines: Disjoint::new(lines) }
    }

    /// # Safety
    /// No other part that overlaps this one is alive.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the caller's promise")]
    unsafe fn part(&self, start: usize, len: usize) -> &mut [Line] {
        let (start, len) = if self.none { (0, 0) } else { (start, len) };
        // SAFETY: by the caller's promise.
        unsafe { self.lines.part(start, len) }
    }
}
