//! A scan that finds the few entries of a long row that fall below a threshold.

#![allow(unsafe_code)]

/// Entries looked at before asking whether any of them qualified: most blocks hold none.
const LANES: usize = 32;

/// Calls `hit(j, half_norm[j] - dot[j])` for every `j` where that score is not above `threshold`, in ascending order.
///
/// `hit` returns the threshold to go on with, which may only fall. The two slices have the same length.
pub(super) fn for_each_below(dot: &[f32], half_norm: &[f32], threshold: f32, hit: impl FnMut(usize, f32) -> f32) {
    assert_eq!(dot.len(), half_norm.len());
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that `scan_avx2` asks for; its body is the safe `scan`.
        return unsafe { scan_avx2(dot, half_norm, threshold, hit) };
    }
    scan(dot, half_norm, threshold, hit);
}

/// The same code as [`scan`], compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn scan_avx2(dot: &[f32], half_norm: &[f32], threshold: f32, hit: impl FnMut(usize, f32) -> f32) {
    scan(dot, half_norm, threshold, hit);
}

#[inline(always)]
fn scan(dot: &[f32], half_norm: &[f32], mut threshold: f32, mut hit: impl FnMut(usize, f32) -> f32) {
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
