//! The loss of a batch of logits, and its gradient.

use super::line::{Line, WIDTH, panels};
use crate::math;
use crate::simd::{Kernel, Simd, dispatch};

/// What a batch should be given, b rows of K classes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `[b, K]`, row-major: each row's distribution q times its scale s.
    pub targets: &'a [f32],
    /// `[b]`: s, the weight of the row over the size of the batch.
    pub scales: &'a [f32],
    /// `[b]`: the most wanted class, for the count of those that were right.
    pub labels: &'a [usize],
}

/// A loss of one row: from its logits `[K]`, targets `[K]` and scale, writes the gradient in the logits `[K]` and returns the loss.
pub type RowLoss = dyn Fn(&[f32], &[f32], f32, &mut [f32]) -> f32 + Send + Sync;

/// The loss of logits z, a sum over rows i with targets `t_i = s_i q_i`.
#[derive(Clone, Copy)]
pub enum Loss<'a> {
    /// `T^2 sum_k t_ik (logsumexp(u_i) - u_ik)` with `u = (z + offsets) / T`: hard and soft targets, softened ones, and with offsets
    /// `-ln c` the margin loss of costs c. What is reported is without `T^2`.
    CrossEntropy {
        /// T.
        temperature: f32,
        /// `[K]`, or empty for none.
        offsets: &'a [f32],
    },
    /// `s_i sum_k (z_ik - q_ik)^2`.
    Squared,
    /// One of your own.
    Rows(&'a RowLoss),
}

/// What a batch showed before the step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// The sum of the rows' losses, which are computed in single precision.
    pub loss: f64,
    /// Rows whose largest logit, of equals the first, is at the most wanted class.
    pub correct: usize,
}

/// Logits in panels, and room for the gradient.
pub(super) struct Slope<'a> {
    pub(super) loss: Loss<'a>,
    pub(super) wanted: Wanted<'a>,
    pub(super) logits: &'a [Line],
    pub(super) gradient: &'a mut [Line],
}

impl Slope<'_> {
    pub(super) fn run(self) -> Shown {
        dispatch(self)
    }

    /// What a row says of its own class.
    fn is_right(&self, row: usize, classes: usize) -> bool {
        let rows = self.wanted.labels.len();
        let z = |k: usize| self.logits[k / WIDTH * rows + row].0[k % WIDTH];
        let label = self.wanted.labels[row];
        let mine = z(label);
        (0..label).all(|k| z(k) < mine) && (label + 1..classes).all(|k| z(k) <= mine)
    }
}

impl Kernel for Slope<'_> {
    type Output = Shown;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> Shown {
        let rows = self.wanted.labels.len();
        let classes = self.wanted.targets.len() / rows.max(1);
        let mut shown = Shown::default();
        // A row's logits and gradient, for a loss that reads them in one piece.
        let mut room = match self.loss {
            Loss::Rows(_) => vec![0.0; 2 * classes],
            _ => Vec::new(),
        };
        for row in 0..rows {
            let loss = match self.loss {
                Loss::CrossEntropy { temperature, offsets } => {
                    cross_entropy(simd, &mut self, row, classes, temperature, offsets)
                }
                Loss::Squared => squared(&mut self, row, classes),
                Loss::Rows(loss) => of_your_own(&mut self, row, classes, loss, &mut room),
            };
            shown.loss += f64::from(loss);
            shown.correct += usize::from(self.is_right(row, classes));
        }
        shown
    }
}

/// Each part of a row that fits a vector: `(line, first lane, number of classes)`.
#[inline(always)]
fn parts<S: Simd>(row: usize, rows: usize, classes: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..panels(classes)).flat_map(move |panel| {
        (0..WIDTH).step_by(S::LANES).map(move |at| {
            let left = classes.saturating_sub(panel * WIDTH + at);
            (panel * rows + row, at, left.min(S::LANES))
        })
    })
}

#[inline(always)]
fn cross_entropy<S: Simd>(
    simd: S,
    of: &mut Slope,
    row: usize,
    classes: usize,
    temperature: f32,
    offsets: &[f32],
) -> f32 {
    let rows = of.wanted.labels.len();
    let (scale, targets) = (of.wanted.scales[row], &of.wanted.targets[row * classes..][..classes]);
    let inverse = simd.splat(temperature.recip());
    let lowest = f32::NEG_INFINITY;
    // u, and the largest of them.
    let mut largest = simd.splat(lowest);
    let mut k = 0;
    for (line, at, lanes) in parts::<S>(row, rows, classes) {
        let mut u = simd.load_part(&of.logits[line].0[at..at + lanes], lowest);
        if !offsets.is_empty() {
            u = simd.add(u, simd.load_part(&offsets[k..k + lanes], 0.0));
        }
        let u = simd.mul(u, inverse);
        largest = simd.max(u, largest);
        simd.store(&mut of.gradient[line].0[at..], u);
        k += lanes;
    }
    let largest = simd.splat(simd.largest(largest));
    let mut sum = simd.zero();
    let mut dot = simd.zero();
    let mut k = 0;
    for (line, at, lanes) in parts::<S>(row, rows, classes) {
        let u = &mut of.gradient[line].0[at..];
        let below = simd.sub(simd.load(u), largest);
        let t = simd.load_part(&targets[k..k + lanes], 0.0);
        // Where nothing is wanted, minus infinity costs nothing.
        let wanted = simd.gt(t, simd.zero());
        dot = simd.add(dot, simd.select(wanted, simd.mul(t, below), simd.zero()));
        let e = math::exp(simd, below);
        sum = simd.add(sum, e);
        simd.store(u, e);
        k += lanes;
    }
    let sum = simd.sum(sum);
    let share = simd.splat(scale / sum);
    let factor = simd.splat(temperature);
    let mut k = 0;
    for (line, at, lanes) in parts::<S>(row, rows, classes) {
        let u = &mut of.gradient[line].0[at..];
        let t = simd.load_part(&targets[k..k + lanes], 0.0);
        let slope = simd.mul(factor, simd.sub(simd.mul(share, simd.load(u)), t));
        simd.store(u, slope);
        k += lanes;
    }
    // The scale is what the targets sum to.
    scale * sum.ln() - simd.sum(dot)
}

#[inline(always)]
fn squared(of: &mut Slope, row: usize, classes: usize) -> f32 {
    let rows = of.wanted.labels.len();
    let (scale, targets) = (of.wanted.scales[row], &of.wanted.targets[row * classes..][..classes]);
    let mut loss = 0.0;
    for panel in 0..panels(classes) {
        let line = panel * rows + row;
        let (z, slope) = (&of.logits[line].0, &mut of.gradient[line].0);
        *slope = [0.0; WIDTH];
        for ((slope, z), t) in slope.iter_mut().zip(z).zip(&targets[panel * WIDTH..]) {
            let distance = scale * z - t;
            *slope = 2.0 * distance;
            loss += if scale > 0.0 { distance * distance / scale } else { 0.0 };
        }
    }
    loss
}

fn of_your_own(of: &mut Slope, row: usize, classes: usize, loss: &RowLoss, room: &mut [f32]) -> f32 {
    let rows = of.wanted.labels.len();
    let (scale, targets) = (of.wanted.scales[row], &of.wanted.targets[row * classes..][..classes]);
    let (z, slope) = room.split_at_mut(classes);
    for (panel, z) in z.chunks_mut(WIDTH).enumerate() {
        z.copy_from_slice(&of.logits[panel * rows + row].0[..z.len()]);
    }
    let loss = loss(z, targets, scale, slope);
    for (panel, slope) in slope.chunks(WIDTH).enumerate() {
        let line = &mut of.gradient[panel * rows + row].0;
        line[..slope.len()].copy_from_slice(slope);
        line[slope.len()..].fill(0.0);
    }
    loss
}
