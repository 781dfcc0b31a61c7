//! One image's channels, laid out so that every kernel position is a fixed offset away.

use super::shape::Conv2d;
use crate::scratch;

/// A layout: each channel a plane of rows, each row one stretch per remainder of the (padded) column modulo `phases`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planes {
    channels: usize,
    /// Of the image that is read.
    size: [usize; 2],
    /// Zeros above and to the left.
    pad: [usize; 2],
    rows: usize,
    phases: usize,
    /// Numbers in one stretch.
    stretch: usize,
}

impl Planes {
    /// The input, for vectors that read up to column `width` of the output.
    pub(super) fn forward(conv: &Conv2d, width: usize) -> Self {
        let reach = |axis: usize| (conv.kernel[axis] - 1) * conv.dilation[axis];
        Self {
            channels: conv.in_channels,
            size: conv.input,
            pad: conv.padding,
            rows: (conv.output[0] - 1) * conv.stride[0] + reach(0) + 1,
            phases: conv.stride[1],
            stretch: width + reach(1) / conv.stride[1],
        }
    }

    /// The output's gradient, `rows` by `columns` with its padding.
    pub(super) fn backward(conv: &Conv2d, pad: [usize; 2], rows: usize, columns: usize) -> Self {
        Self { channels: conv.out_channels, size: conv.output, pad, rows, phases: 1, stretch: columns }
    }

    /// Numbers from one row to the next.
    pub(super) fn row(&self) -> usize {
        self.phases * self.stretch
    }

    /// Numbers from one channel to the next.
    pub(super) fn plane(&self) -> usize {
        self.rows * self.row()
    }

    /// How far kernel position `[r, s]` is from the first, in the layout of [`forward`](Self::forward).
    pub(super) fn tap(&self, conv: &Conv2d, r: usize, s: usize) -> usize {
        let column = s * conv.dilation[1];
        r * conv.dilation[0] * self.row() + (column % self.phases) * self.stretch + column / self.phases
    }

    /// Whether the image already has this layout.
    fn as_it_is(&self) -> bool {
        self.pad == [0, 0] && self.phases == 1 && self.stretch == self.size[1] && self.rows <= self.size[0]
    }

    /// Numbers from one channel to the next in what [`read`](Self::read) returns.
    pub(super) fn source_plane(&self) -> usize {
        if self.as_it_is() { self.size[0] * self.size[1] } else { self.plane() }
    }

    /// Runs `task(buffer, i)` for `i` below `n` with a buffer for [`read`](Self::read).
    pub(super) fn each_image(&self, n: usize, mut task: impl FnMut(&mut [f32], usize)) {
        let len = if self.as_it_is() { 0 } else { self.channels * self.plane() };
        scratch::with(len, |buffer| {
            // `read` writes the image and nothing beside it.
            buffer.fill(0.0);
            (0..n).for_each(|i| task(buffer, i));
        });
    }

    /// Lays an image out, in a buffer of [`each_image`](Self::each_image) unless it can be read as it is.
    pub(super) fn read<'a>(&self, image: &'a [f32], buffer: &'a mut [f32]) -> &'a [f32] {
        if self.as_it_is() {
            return image;
        }
        let [height, width] = self.size;
        let rows = height.min(self.rows.saturating_sub(self.pad[0]));
        for (channel, plane) in image.chunks_exact(height * width).zip(buffer.chunks_exact_mut(self.plane())) {
            let lines = channel.chunks_exact(width).zip(plane.chunks_exact_mut(self.row()).skip(self.pad[0]));
            for (from, to) in lines.take(rows) {
                self.read_row(from, to);
            }
        }
        buffer
    }

    fn read_row(&self, from: &[f32], to: &mut [f32]) {
        let pad = self.pad[1];
        if self.phases == 1 {
            let n = from.len().min(self.stretch.saturating_sub(pad));
            to[pad..pad + n].copy_from_slice(&from[..n]);
            return;
        }
        for (phase, stretch) in to.chunks_exact_mut(self.stretch).enumerate() {
            // The first column of this remainder that is not padding, and where it goes.
            let skip = pad.saturating_sub(phase).div_ceil(self.phases);
            let first = skip * self.phases + phase - pad;
            let columns = from.iter().skip(first).step_by(self.phases);
            stretch.iter_mut().skip(skip).zip(columns).for_each(|(to, from)| *to = *from);
        }
    }
}
