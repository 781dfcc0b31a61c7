//! A scan that finds the few entries of a long row that fall below a threshold.

use crate::simd::{Kernel, Simd, dispatch};

/// Entries looked at before asking whether any of them qualified: most blocks hold none.
const LANES: usize = 32;

/// Calls `hit(j, half_norm[j] - dot[j])` for every `j` where that score is not above `threshold`, in ascending order.
///
/// `hit` returns the threshold to go on with, which may only fall.
///
/// ```
/// use tenfold_kernels::below::for_each_below;
/// let mut least = (0, f32::INFINITY);
/// for_each_below(&[0.0, 2.0, 1.0], &[1.0; 3], least.1, |j, score| {
///     least = (j, score);
///     score
/// });
/// assert_eq!(least, (1, -1.0));
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn for_each_below(dot: &[f32], half_norm: &[f32], threshold: f32, hit: impl FnMut(usize, f32) -> f32) {
    assert_eq!(dot.len(), half_norm.len());
    dispatch(Scan { dot, half_norm, threshold, hit });
}

/// Plain code, compiled for the widest vectors: the compiler makes use of them.
struct Scan<'a, F> {
    dot: &'a [f32],
    half_norm: &'a [f32],
    threshold: f32,
    hit: F,
}

impl<F: FnMut(usize, f32) -> f32> Kernel for Scan<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { dot, half_norm, mut threshold, mut hit } = self;
        let (dots, dot_tail) = dot.as_chunks::<LANES>();
        let (norms, norm_tail) = half_norm.as_chunks::<LANES>();
        for (block, (d, h)) in dots.iter().zip(norms).enumerate() {
            let mut any = false;
            for j in 0..LANES {
                any |= h[j] - d[j] <= threshold;
            }
            if any {
                for j in 0..LANES {
                    let score = h[j] - d[j];
                    if score <= threshold {
                        threshold = hit(block * LANES + j, score);
                    }
                }
            }
        }
        for (j, (d, h)) in dot_tail.iter().zip(norm_tail).enumerate() {
            let score = h - d;
            if score <= threshold {
                threshold = hit(dots.len() * LANES + j, score);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_loop_finds(x in prop::collection::vec((-8_i8..8, -8_i8..8), 0..150), threshold in -9_i8..9) {
            let dot: Vec<f32> = x.iter().map(|v| f32::from(v.0)).collect();
            let half: Vec<f32> = x.iter().map(|v| f32::from(v.1)).collect();
            let (mut want, mut t) = (Vec::new(), f32::from(threshold));
            for j in 0..x.len() {
                if half[j] - dot[j] <= t {
                    want.push((j, half[j] - dot[j]));
                    t -= 0.25;
                }
            }
            let (mut got, mut t) = (Vec::new(), f32::from(threshold));
            for_each_below(&dot, &half, t, |j, score| {
                got.push((j, score));
                t -= 0.25;
                t
            });
            prop_assert_eq!(got, want);
        }
    }
}
