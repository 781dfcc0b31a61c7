//! The gradient in the input.

use super::correlate::{Correlation, Spot, Stage, VECTORS};
use super::planes::Planes;
use super::shape::Conv2d;
use super::winograd::Winograd;
use crate::scratch;

/// The inputs whose padded coordinate is `residue` modulo the stride, along one axis: `first`, `first + stride`, ...
#[derive(Clone, Copy, Debug)]
struct Comb {
    residue: usize,
    /// The first input.
    first: usize,
    count: usize,
    /// Its padded coordinate divided by the stride.
    quotient: usize,
}

impl Comb {
    fn new(conv: &Conv2d, axis: usize, residue: usize) -> Self {
        let (stride, padding, size) = (conv.stride[axis], conv.padding[axis], conv.input[axis]);
        // The least padded coordinate of an input with this residue.
        let padded = padding + (residue + stride - padding % stride) % stride;
        let first = padded - padding;
        let count = if first < size { (size - first).div_ceil(stride) } else { 0 };
        Self { residue, first, count, quotient: padded / stride }
    }
}

/// One comb along each axis.
struct Part {
    combs: [Comb; 2],
    offsets: Vec<usize>,
    /// One packed kernel per group.
    weights: Vec<Vec<f32>>,
    spots: Vec<[Spot; VECTORS]>,
    stage: Stage,
}

impl Conv2d {
    /// `dL/dx` from `dL/dy`: `dx[n, c, h, w] = sum w[k, c, r, s] dy[n, k, i, j]` over all `k, r, s, i, j` with
    /// `i s_h + r d_h - p_h = h` and `j s_w + s d_w - p_w = w`.
    ///
    /// ```
    /// use tenfold_kernels::conv::{Conv2d, Conv2dOptions};
    /// let conv = Conv2d::new([1, 1, 1, 3], [1, 1, 1, 2], Conv2dOptions::default())?;
    /// let mut dx = [0.0; 3];
    /// conv.input_gradient(&[5.0, 7.0], &[1.0, 10.0], &mut dx);
    /// assert_eq!(dx, [5.0, 57.0, 70.0]);
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn input_gradient(&self, w: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.check("w", w.len(), self.weight_shape());
        self.check("dy", dy.len(), self.output_shape());
        self.check("dx", dx.len(), self.input_shape());
        if dx.is_empty() {
            return;
        }
        if let Some(winograd) = Winograd::input_gradient(self) {
            let kernels = w.as_chunks::<3>().0.as_chunks::<3>().0;
            // Output channels are what is summed over, and the kernel is turned around.
            let turned = |g: usize, c: usize, k: usize| {
                let kernel = kernels[(g * self.out_channels + k) * self.in_channels + c];
                std::array::from_fn(|r| std::array::from_fn(|s| kernel[2 - r][2 - s]))
            };
            let groups: Vec<_> = (0..self.groups).map(|g| (winograd.transform(|c, k| turned(g, c, k)), None)).collect();
            return winograd.run(&groups, dy, dx);
        }
        let combs: Vec<[Comb; 2]> = (0..self.stride[0])
            .flat_map(|r| (0..self.stride[1]).map(move |s| [r, s]))
            .map(|[r, s]| [Comb::new(self, 0, r), Comb::new(self, 1, s)])
            .filter(|[rows, columns]| rows.count * columns.count > 0)
            .collect();
        // The most that a kernel position moves an output, along each axis.
        let pad = [0, 1].map(|a| (self.kernel[a] - 1) * self.dilation[a] / self.stride[a]);
        let end = |axis: usize, least: usize| {
            combs.iter().map(|c| c[axis].quotient + c[axis].count.max(least)).max().unwrap_or(0) + pad[axis]
        };
        let widest = combs.iter().map(|c| c[1].count).max().unwrap_or(0);
        let planes = Planes::backward(self, pad, end(0, 0), end(1, Stage::new(widest).round_up(0)));
        let parts: Vec<Part> = combs.iter().map(|&combs| self.part(combs, &planes, pad, w)).collect();

        self.each_image(&planes, (dy, self.out_image()), (dx, self.in_image()), |g, source, dx| {
            for part in &parts {
                self.write_part(part, g, source, dx);
            }
        });
    }

    fn part(&self, combs: [Comb; 2], planes: &Planes, pad: [usize; 2], w: &[f32]) -> Part {
        // Kernel positions that reach these inputs, and by how many outputs they are moved.
        let shift = |axis: usize, position: usize| {
            let (at, residue) = (position * self.dilation[axis], combs[axis].residue);
            (at % self.stride[axis] == residue).then(|| at / self.stride[axis])
        };
        let positions: Vec<(usize, [usize; 2])> = self
            .kernel_positions()
            .enumerate()
            .filter_map(|(t, [r, s])| Some((t, [shift(0, r)?, shift(1, s)?])))
            .collect();
        let taps: Vec<usize> = positions.iter().map(|(_, [i, j])| (pad[0] - i) * planes.row() + pad[1] - j).collect();
        let area = self.kernel[0] * self.kernel[1];
        let stage = Stage::new(combs[1].count);
        let weights = (0..self.groups)
            .map(|g| {
                let group = &w[g * self.out_channels * self.in_channels * area..];
                stage.pack(self.in_channels, self.out_channels, taps.len(), |c, k, t| {
                    group[(k * self.in_channels + c) * area + positions[t].0]
                })
            })
            .collect();
        let spots = stage.spots([combs[0].count, combs[1].count], |i, j| {
            (combs[0].quotient + i) * planes.row() + combs[1].quotient + j
        });
        Part { combs, offsets: planes.offsets(&taps), weights, spots, stage }
    }

    fn write_part(&self, part: &Part, g: usize, source: &[f32], dx: &mut [f32]) {
        let correlation = Correlation {
            source,
            offsets: &part.offsets,
            weights: &part.weights[g],
            bias: None,
            spots: &part.spots,
            outputs: self.in_channels,
        };
        if self.stride == [1, 1] {
            return part.stage.run(&correlation, dx);
        }
        let [rows, columns] = part.combs;
        let [height, width] = self.input;
        scratch::with(self.in_channels * rows.count * columns.count, |compact| {
            part.stage.run(&correlation, compact);
            let planes = compact.chunks_exact(rows.count * columns.count);
            for (from, to) in planes.zip(dx.chunks_exact_mut(height * width)) {
                let lines = to.chunks_exact_mut(width).skip(rows.first).step_by(self.stride[0]);
                for (from, to) in from.chunks_exact(columns.count).zip(lines) {
                    let to = to.iter_mut().skip(columns.first).step_by(self.stride[1]);
                    from.iter().zip(to).for_each(|(from, to)| *to = *from);
                }
            }
        });
    }
}
