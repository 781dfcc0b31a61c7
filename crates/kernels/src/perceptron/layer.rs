//! The products of a layer, one panel of the result at a time, each finished while its numbers are in registers.
//!
//! Forward and backwards, rows of the batch meet a panel of weights ([`Product`]); in the gradient of the weights, columns of
//! the input meet a panel of the output's gradient, and the optimiser's step follows at once ([`Descent`]), so that the
//! gradient never lies in memory.
//!
//! Each number is a sum in an order that depends on the shapes alone.

use super::line::{Line, WIDTH};
use crate::optimiser::Rule;
use crate::simd::{Kernel, Level, Simd, dispatch_up_to, level};

/// What is done with the sums of a product.
#[derive(Clone, Copy)]
pub(super) enum After<'a> {
    /// Nothing.
    Keep,
    /// ReLU.
    Relu,
    /// They become zero where these numbers are not above it: the ReLU's gradient.
    Where(&'a [Line]),
}

/// A panel of `y = x W`, for `x [rows, depth]` in panels.
pub(super) struct Product<'a> {
    pub(super) x: &'a [Line],
    /// The panel of W: as many lines as x has columns.
    pub(super) w: &'a [Line],
    /// What each row begins with.
    pub(super) bias: Line,
    pub(super) after: After<'a>,
    /// As many lines as x has rows.
    pub(super) y: &'a mut [Line],
}

impl Product<'_> {
    /// Computes it.
    pub(super) fn run(self) {
        match level() {
            // Sums, weights and a number of x fill the registers: 12 + 2 + 1 of 16; of AVX-512, 12 + 1 + 1 of 32.
            Level::Avx512 => dispatch_up_to(Level::Avx512, Tiles::<12, 1>(self)),
            _ => dispatch_up_to(Level::Avx2, Tiles::<6, 2>(self)),
        }
    }
}

/// A product in tiles of R rows by V vectors.
struct Tiles<'a, const R: usize, const V: usize>(Product<'a>);

impl<const R: usize, const V: usize> Kernel for Tiles<'_, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut product = self.0;
        let rows = product.y.len();
        let mut i = 0;
        while i < rows {
            i += match rows - i {
                left if left >= R => tile::<S, R, V>(simd, &mut product, i),
                4.. => tile::<S, 4, V>(simd, &mut product, i),
                2.. => tile::<S, 2, V>(simd, &mut product, i),
                _ => tile::<S, 1, V>(simd, &mut product, i),
            };
        }
    }
}

/// R rows of a product from row i.
#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(simd: S, product: &mut Product, i: usize) -> usize {
    let rows = product.y.len();
    let mut bias = [simd.zero(); V];
    for (v, bias) in bias.iter_mut().enumerate() {
        *bias = simd.load(&product.bias.0[v * S::LANES..]);
    }
    let mut sums = [bias; R];
    let (whole, rest) = product.w.as_chunks::<WIDTH>();
    for (panel, w) in whole.iter().enumerate() {
        let x = rows_at::<R>(product.x, panel * rows + i);
        for (p, w) in w.iter().enumerate() {
            step::<S, R, V>(simd, x, p, w, &mut sums);
        }
    }
    if !rest.is_empty() {
        let x = rows_at::<R>(product.x, whole.len() * rows + i);
        for (p, w) in rest.iter().enumerate().take(WIDTH) {
            step::<S, R, V>(simd, x, p, w, &mut sums);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let y = &mut product.y[i + r].0;
        for (v, &sum) in sums.iter().enumerate() {
            let at = v * S::LANES;
            let value = match product.after {
                After::Keep => sum,
                // NaN, the second argument, stays.
                After::Relu => simd.max(simd.zero(), sum),
                After::Where(h) => {
                    let above = simd.gt(simd.load(&h[i + r].0[at..]), simd.zero());
                    simd.select(above, sum, simd.zero())
                }
            };
            simd.store(&mut y[at..], value);
        }
    }
    R
}

/// R consecutive lines.
#[inline(always)]
fn rows_at<const R: usize>(lines: &[Line], first: usize) -> &[Line; R] {
    lines[first..].first_chunk().expect("a batch has these rows")
}

/// Adds the products with one line of weights.
#[inline(always)]
fn step<S: Simd, const R: usize, const V: usize>(
    simd: S,
    x: &[Line; R],
    p: usize,
    w: &Line,
    sums: &mut [[S::V; V]; R],
) {
    let mut weights = [simd.zero(); V];
    for (v, weight) in weights.iter_mut().enumerate() {
        *weight = simd.load(&w.0[v * S::LANES..]);
    }
    for (sums, x) in sums.iter_mut().zip(x) {
        let x = simd.splat(x.0[p]);
        for (sum, &weight) in sums.iter_mut().zip(&weights) {
            *sum = simd.fma(x, weight, *sum);
        }
    }
}

/// Parameters and their running averages, line by line.
pub(super) struct Lines<'a> {
    pub(super) values: &'a mut [Line],
    /// As many of each as of the values, or none where the rule has no such average.
    pub(super) averages: [&'a mut [Line]; 2],
}

impl Lines<'_> {
    /// Steps one vector.
    #[inline(always)]
    fn step<S: Simd, U: Rule>(&mut self, simd: S, constants: &U::Constants<S>, [line, at]: [usize; 2], g: S::V) {
        let [first, second] = &mut self.averages;
        let read = |lines: &[Line]| lines.get(line).map_or(simd.zero(), |line| simd.load(&line.0[at..]));
        let averages = [read(first), read(second)];
        let value = &mut self.values[line].0[at..];
        let (new, averages) = U::step(simd, constants, simd.load(value), g, averages);
        simd.store(value, new);
        for (lines, average) in [first, second].into_iter().zip(averages) {
            if let Some(line) = lines.get_mut(line) {
                simd.store(&mut line.0[at..], average);
            }
        }
    }
}

/// A panel of the gradients `x^T d` and `1^T d`, and a step of the rule with each.
pub(super) struct Descent<'a, U> {
    /// `[rows, inputs]` in panels.
    pub(super) x: &'a [Line],
    /// The gradient's panel, one line for each row.
    pub(super) d: &'a [Line],
    /// As many lines as there are inputs.
    pub(super) weights: Lines<'a>,
    pub(super) rule: U,
    /// One line.
    pub(super) bias: Lines<'a>,
    /// The rule for it.
    pub(super) bias_rule: U,
}

impl<U: Rule> Descent<'_, U> {
    /// Takes the step.
    pub(super) fn run(self) {
        match level() {
            Level::Avx512 => dispatch_up_to(Level::Avx512, Columns::<U, 1>(self)),
            _ => dispatch_up_to(Level::Avx2, Columns::<U, 2>(self)),
        }
    }

    /// The gradient of R inputs of a panel, from the `at`-th, and its steps.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        constants: &U::Constants<S>,
        panel: usize,
        at: usize,
    ) {
        let first = panel * WIDTH + at;
        let inputs = self.weights.values.len();
        if first >= inputs {
            return;
        }
        let x = &self.x[panel * self.d.len()..][..self.d.len()];
        let mut sums = [[simd.zero(); V]; R];
        for (x, d) in x.iter().zip(self.d) {
            let mut gradient = [simd.zero(); V];
            for (v, gradient) in gradient.iter_mut().enumerate() {
                *gradient = simd.load(&d.0[v * S::LANES..]);
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = simd.splat(x.0[at + r]);
                for (sum, &gradient) in sums.iter_mut().zip(&gradient) {
                    *sum = simd.fma(x, gradient, *sum);
                }
            }
        }
        for (line, sums) in (first..inputs).zip(&sums) {
            for (v, &sum) in sums.iter().enumerate() {
                self.weights.step::<S, U>(simd, constants, [line, v * S::LANES], sum);
            }
        }
    }
}

/// A descent in tiles of V vectors.
struct Columns<'a, U, const V: usize>(Descent<'a, U>);

impl<U: Rule, const V: usize> Kernel for Columns<'_, U, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut descent = self.0;
        let constants = descent.rule.constants(simd);
        for panel in 0..descent.weights.values.len().div_ceil(WIDTH) {
            if V == 1 {
                descent.tile::<S, 8, V>(simd, &constants, panel, 0);
                descent.tile::<S, 8, V>(simd, &constants, panel, 8);
            } else {
                // As many sums as the registers hold; the numbers of a panel have no divisor near it.
                descent.tile::<S, 6, V>(simd, &constants, panel, 0);
                descent.tile::<S, 6, V>(simd, &constants, panel, 6);
                descent.tile::<S, 4, V>(simd, &constants, panel, 12);
            }
        }
        let constants = descent.bias_rule.constants(simd);
        let mut sums = [simd.zero(); V];
        for d in descent.d {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = simd.add(*sum, simd.load(&d.0[v * S::LANES..]));
            }
        }
        for (v, &sum) in sums.iter().enumerate() {
            descent.bias.step::<S, U>(simd, &constants, [0, v * S::LANES], sum);
        }
    }
}

/// Steps parameters whose gradient lies in memory, scaled.
pub(super) struct Flat<'a, U> {
    pub(super) lines: Lines<'a>,
    pub(super) gradient: &'a [Line],
    pub(super) scale: f32,
    pub(super) rule: U,
}

impl<U: Rule> Kernel for Flat<'_, U> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { mut lines, gradient, scale, rule } = self;
        let (constants, scale) = (rule.constants(simd), simd.splat(scale));
        for (line, gradient) in gradient.iter().enumerate() {
            for at in (0..WIDTH).step_by(S::LANES) {
                let g = simd.mul(scale, simd.load(&gradient.0[at..]));
                lines.step::<S, U>(simd, &constants, [line, at], g);
            }
        }
    }
}

/// A rule that writes the gradient itself where the parameters would be.
#[derive(Clone, Copy)]
pub(super) struct Write;

impl Rule for Write {
    type Constants<S: Simd> = ();

    #[inline(always)]
    fn constants<S: Simd>(self, _: S) {}

    #[inline(always)]
    fn step<S: Simd>(_: S, (): &(), _: S::V, g: S::V, averages: [S::V; 2]) -> (S::V, [S::V; 2]) {
        (g, averages)
    }
}
