//! Correlation of one laid-out image with packed kernels: the loop that all time is spent in.
//!
//! # Safety of this module
//! The inner loop reads vectors through a pointer. The furthest number it can reach is the largest spot plus the largest
//! offset plus a vector; [`Tiles::run`] asserts that this lies within the source before the first read.

use crate::simd::{Kernel, Level, Simd, dispatch_up_to, level};

/// Vectors of outputs that are computed together. With three the sums and what is multiplied just fit the sixteen
/// registers of AVX2, but the compiler wants a seventeenth, and the loop takes twice the time.
pub(super) const VECTORS: usize = 2;

/// Output channels that are computed together. Eight would fit the registers of AVX-512; measured on one that has it, they take
/// twice the time of four.
const BLOCK: usize = 4;

/// Kernel positions, over all channels, up to which inputs may be gathered.
const GATHERED: usize = 256;

/// Adds the products of one kernel position: `BLOCK` weights by some vectors.
#[inline(always)]
fn add_products<S: Simd>(simd: S, sums: &mut [[S::V; VECTORS]; BLOCK], kernel: &[f32; BLOCK], x: [S::V; VECTORS]) {
    for (sums, &w) in sums.iter_mut().zip(kernel) {
        let w = simd.splat(w);
        for (sum, &x) in sums.iter_mut().zip(&x) {
            *sum = simd.fma(w, x, *sum);
        }
    }
}

/// Where one vector of outputs is read and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) source: usize,
    pub(super) out: usize,
}

/// One image and group.
pub(super) struct Correlation<'a> {
    /// Laid out as `Planes` say.
    pub(super) source: &'a [f32],
    /// Offsets of all channels' kernel positions: channel by channel, position by position.
    pub(super) offsets: &'a [usize],
    /// From [`Stage::pack`].
    pub(super) weights: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) spots: &'a [[Spot; VECTORS]],
    /// Output channels.
    pub(super) outputs: usize,
}

/// What the processor and the width of the outputs decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    limit: Level,
    lanes: usize,
    width: usize,
}

impl Stage {
    /// For rows of `width` outputs: sixteen lanes are not worth it where a row has fewer.
    pub(super) fn new(width: usize) -> Self {
        match level() {
            Level::Avx512 if width >= 16 => Self { limit: Level::Avx512, lanes: 16, width },
            _ => Self { limit: Level::Avx2, lanes: 8, width },
        }
    }

    /// The number of columns that vectors over a row of `width` touch.
    pub(super) fn round_up(&self, width: usize) -> usize {
        width.max(self.lanes)
    }

    /// All vectors of outputs, two by two. The last vector of a row overlaps its predecessor rather than its end, and
    /// the last two may be the same: what is computed twice is the same.
    pub(super) fn spots(
        &self,
        [rows, columns]: [usize; 2],
        source: impl Fn(usize, usize) -> usize,
    ) -> Vec<[Spot; VECTORS]> {
        let last = columns.saturating_sub(self.lanes);
        let starts = || (0..columns).step_by(self.lanes).map(|j| j.min(last));
        let spots: Vec<Spot> = (0..rows)
            .flat_map(|i| starts().map(move |j| (i, j)))
            .map(|(i, j)| Spot { source: source(i, j), out: i * columns + j })
            .collect();
        let group = |group: &[Spot]| std::array::from_fn(|v| group[v.min(group.len() - 1)]);
        spots.chunks(VECTORS).map(group).collect()
    }

    /// Kernels in the order of use, `[block of outputs][channel][tap][output within the block]`, with zeros for outputs
    /// that fill the last block up.
    pub(super) fn pack(
        &self,
        outputs: usize,
        channels: usize,
        taps: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Vec<f32> {
        let mut packed = Vec::with_capacity(outputs.next_multiple_of(BLOCK) * channels * taps);
        for first in (0..outputs).step_by(BLOCK) {
            for c in 0..channels {
                for t in 0..taps {
                    let of = |k: usize| if k < outputs { weight(k, c, t) } else { 0.0 };
                    packed.extend((first..first + BLOCK).map(of));
                }
            }
        }
        packed
    }

    /// Writes `[outputs, rows * columns]`.
    pub(super) fn run(&self, correlation: &Correlation, out: &mut [f32]) {
        dispatch_up_to(self.limit, Tiles { correlation, out, width: self.width });
    }
}

/// All outputs of one image.
struct Tiles<'a, 'b> {
    correlation: &'a Correlation<'b>,
    out: &'a mut [f32],
    width: usize,
}

impl Kernel for Tiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Correlation { source, offsets, weights, bias, spots, outputs } = *self.correlation;
        let spot = spots.iter().flatten().map(|s| s.source).max().unwrap_or(0);
        let furthest = offsets.iter().max().map_or(0, |offset| spot + offset + S::LANES);
        assert!(furthest <= source.len(), "{furthest} of {} numbers", source.len());
        let per_block = offsets.len() * BLOCK;
        let out_plane = self.out.len() / outputs;
        let stored = self.width.min(S::LANES);
        // Where many blocks of outputs read the same few vectors, those are gathered once: planes of a power of two in size
        // lie in the same few sets of the cache and would push each other out.
        let gather = offsets.len() <= GATHERED && outputs >= 8 * BLOCK;
        let mut gathered = [[simd.zero(); VECTORS]; GATHERED];
        for group in spots {
            if gather {
                let starts = group.map(|spot| source.as_ptr().wrapping_add(spot.source));
                for (to, &offset) in gathered.iter_mut().zip(offsets) {
                    // SAFETY: within the source by the assertion above.
                    *to = starts.map(|start| unsafe { simd.load_at(start.wrapping_add(offset)) });
                }
            }
            for first in (0..outputs).step_by(BLOCK) {
                let packed = &weights[first / BLOCK * per_block..][..per_block];
                let mut sums = [[simd.zero(); VECTORS]; BLOCK];
                if let Some(bias) = bias {
                    for (sums, &b) in sums.iter_mut().zip(&bias[first..]) {
                        *sums = [simd.splat(b); VECTORS];
                    }
                }
                if gather {
                    for (&x, kernel) in gathered.iter().zip(packed.as_chunks::<BLOCK>().0) {
                        add_products(simd, &mut sums, kernel, x);
                    }
                } else {
                    let starts = group.map(|spot| source.as_ptr().wrapping_add(spot.source));
                    for (&offset, kernel) in offsets.iter().zip(packed.as_chunks::<BLOCK>().0) {
                        // SAFETY: within the source by the assertion above.
                        let x = starts.map(|start| unsafe { simd.load_at(start.wrapping_add(offset)) });
                        add_products(simd, &mut sums, kernel, x);
                    }
                }
                for (k, sums) in sums.iter().enumerate().take(outputs - first) {
                    let out = &mut self.out[(first + k) * out_plane..][..out_plane];
                    for (spot, &sum) in group.iter().zip(sums) {
                        if stored == S::LANES {
                            simd.store(&mut out[spot.out..], sum);
                        } else {
                            simd.store_part(&mut out[spot.out..][..stored], sum);
                        }
                    }
                }
            }
        }
    }
}
