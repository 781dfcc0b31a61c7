//! One image's channels, laid out so that every kernel position is a fixed offset away.

use super::shape::Conv2d;
use crate::scratch;
use crate::simd::{Kernel, Simd, dispatch};

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

    /// The input with its even columns before its odd ones, `half` of each, for tiles of four by four pixels.
    pub(super) fn halves(channels: usize, size: [usize; 2], pad: [usize; 2], rows: usize, half: usize) -> Self {
        Self { channels, size, pad, rows, phases: 2, stretch: half }
    }

    /// Numbers from one row to the next.
    pub(super) fn row(&self) -> usize {
        self.phases * self.stretch
    }

    /// Numbers from one channel to the next.
    fn plane(&self) -> usize {
        self.rows * self.row()
    }

    /// How far kernel position `[r, s]` is from the first, in the layout of [`forward`](Self::forward).
    pub(super) fn tap(&self, conv: &Conv2d, r: usize, s: usize) -> usize {
        let column = s * conv.dilation[1];
        r * conv.dilation[0] * self.row() + (column % self.phases) * self.stretch + column / self.phases
    }

    /// Numbers in what [`read`](Self::read) returns, for all channels.
    pub(super) fn len(&self) -> usize {
        self.channels * if self.as_it_is() { self.size[0] * self.size[1] } else { self.plane() }
    }

    /// Whether the image already has this layout.
    fn as_it_is(&self) -> bool {
        self.pad == [0, 0] && self.phases == 1 && self.stretch == self.size[1] && self.rows <= self.size[0]
    }

    /// Where in what [`read`](Self::read) returns the kernel's positions are, for each channel in turn.
    pub(super) fn offsets(&self, taps: &[usize]) -> Vec<usize> {
        let plane = self.len() / self.channels.max(1);
        (0..self.channels).flat_map(|c| taps.iter().map(move |tap| c * plane + tap)).collect()
    }

    /// Runs `task(buffer, i)` for `i` below `n` with a buffer for [`read`](Self::read).
    pub(super) fn each_image(&self, n: usize, mut task: impl FnMut(&mut [f32], usize)) {
        let len = if self.as_it_is() { 0 } else { self.len() };
        scratch::with(len, |buffer| {
            // What `read` does not write stays zero.
            buffer.fill(0.0);
            (0..n).for_each(|i| task(buffer, i));
        });
    }

    /// Lays an image out, in a buffer of [`each_image`](Self::each_image) unless it can be read as it is.
    pub(super) fn read<'a>(&self, image: &'a [f32], buffer: &'a mut [f32]) -> &'a [f32] {
        if self.as_it_is() {
            return image;
        }
        self.copy(image, buffer);
        buffer
    }

    /// Writes the image to its places in a buffer of [`len`](Self::len) numbers, and nothing beside them.
    pub(super) fn copy(&self, image: &[f32], buffer: &mut [f32]) {
        if self.as_it_is() {
            return buffer.copy_from_slice(image);
        }
        dispatch(Copy { planes: self, image, buffer });
    }
}

/// An image on its way to its places.
struct Copy<'a> {
    planes: &'a Planes,
    image: &'a [f32],
    buffer: &'a mut [f32],
}

impl Kernel for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { planes, image, buffer } = self;
        let [height, width] = planes.size;
        let rows = height.min(planes.rows.saturating_sub(planes.pad[0]));
        for (channel, plane) in image.chunks_exact(height * width).zip(buffer.chunks_exact_mut(planes.plane())) {
            let lines = channel.chunks_exact(width).zip(plane.chunks_exact_mut(planes.row()).skip(planes.pad[0]));
            for (from, to) in lines.take(rows) {
                match planes.phases {
                    2 => planes.halve_row(simd, from, to),
                    _ => planes.copy_row(from, to),
                }
            }
        }
    }
}

impl Planes {
    /// A row whose even padded columns come before its odd ones, as for the stride that networks use.
    #[inline(always)]
    fn halve_row<S: Simd>(&self, simd: S, from: &[f32], to: &mut [f32]) {
        let pad = self.pad[1];
        let (even, odd) = to.split_at_mut(self.stretch);
        // The image's first column is an even one of the padded image, or an odd one; the second is of the other kind.
        let (first, second, skip) = match pad % 2 {
            0 => (even, odd, [pad / 2; 2]),
            _ => (odd, even, [pad / 2, pad / 2 + 1]),
        };
        for (i, from) in from.chunks(2 * S::LANES).enumerate() {
            let (a, b) = from.split_at(from.len().min(S::LANES));
            let (x, y) = simd.deinterleave(simd.read(a), simd.read(b));
            write_up_to(simd, first, skip[0] + i * S::LANES, from.len().div_ceil(2), x);
            write_up_to(simd, second, skip[1] + i * S::LANES, from.len() / 2, y);
        }
    }

    fn copy_row(&self, from: &[f32], to: &mut [f32]) {
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
            let (from, to) = (from.get(first..).unwrap_or_default(), stretch.get_mut(skip..).unwrap_or_default());
            to.iter_mut().zip(from.iter().step_by(self.phases)).for_each(|(to, from)| *to = *from);
        }
    }
}

/// Writes the first `n` lanes from a place on, as far as there is room: columns that no output reads have none.
#[inline(always)]
fn write_up_to<S: Simd>(simd: S, to: &mut [f32], place: usize, n: usize, v: S::V) {
    let end = (place + n).min(to.len());
    if let Some(to) = to.get_mut(place..end) {
        simd.write(to, v);
    }
}
