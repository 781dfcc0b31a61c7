//! Inverted dropout with numbers drawn by counting.
//!
//! Whether the i-th number is kept follows from a key and i alone: no generator is carried along, the order of the work does
//! not matter, and the gradient needs no mask, only the key.

use crate::parallel::{CHUNK, chunks};
use crate::simd::{Kernel, Simd, dispatch};

/// `y_i = x_i / (1 - rate)` where `u_i >= rate`, else zero, with `u_i` uniform from 0 to below 1, a function of `key` and i.
/// The gradient is the same map of the gradient.
///
/// ```
/// use tenfold_kernels::dropout::dropout;
/// let (x, mut y) = ([3.0; 1000], [0.0; 1000]);
/// dropout(&x, 0.25, 7, &mut y);
/// let kept = y.iter().filter(|y| **y == 4.0).count();
/// assert_eq!(kept + y.iter().filter(|y| **y == 0.0).count(), 1000);
/// assert!((700..800).contains(&kept));
/// ```
///
/// # Panics
/// If the lengths differ, or the rate is not from 0 to below 1.
pub fn dropout(x: &[f32], rate: f64, key: u64, y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "as many outputs as inputs");
    assert!((0.0..1.0).contains(&rate), "rate = {rate}: must be from 0 to below 1");
    let work = 8 * x.len();
    chunks(y, CHUNK, work, |i, y| {
        let start = i * CHUNK;
        dispatch(Part { x: &x[start..start + y.len()], rate, key, start: start as u64, y });
    });
}

struct Part<'a> {
    x: &'a [f32],
    rate: f64,
    key: u64,
    start: u64,
    y: &'a mut [f32],
}

/// A permutation of 32-bit numbers in which each bit depends on all: shifts and products with constants that Wellons
/// found by search (lowbias32).
#[inline(always)]
fn mixed(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

impl Kernel for Part<'_> {
    type Output = ();

    /// Integers only: the compiler makes vectors of these loops, with the instructions of the level.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // A number is dropped with probability threshold / 2^32.
        let threshold = (self.rate * 4_294_967_296.0) as u32;
        let scale = (1.0 / (1.0 - self.rate)) as f32;
        // Chunks never cross a multiple of 2^32, which their length divides.
        let high = mixed((self.start >> 32) as u32 ^ (self.key >> 32) as u32).wrapping_add(self.key as u32);
        for (i, (y, x)) in self.y.iter_mut().zip(self.x).enumerate() {
            let draw = mixed(mixed((self.start as u32).wrapping_add(i as u32)).wrapping_add(high));
            *y = if draw >= threshold { x * scale } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(n: usize, rate: f64, key: u64) -> Vec<bool> {
        let mut y = vec![f32::NAN; n];
        dropout(&vec![1.0; n], rate, key, &mut y);
        y.into_iter().map(|y| y > 0.0).collect()
    }

    /// Asserts that a count of `n` independent events of probability `p` is within five standard deviations.
    fn assert_plausible(count: usize, n: usize, p: f64, what: &str) {
        let (mean, deviation) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        assert!((count as f64 - mean).abs() < 5.0 * deviation, "{what}: {count} of {n}, expected {mean:.0}");
    }

    #[test]
    fn the_rate_is_met_and_draws_are_independent_of_neighbours_and_of_other_keys() {
        let n = 200_000;
        for rate in [0.1, 0.5, 0.9] {
            let p = 1.0 - rate;
            let a = kept(n, rate, 1);
            assert_plausible(a.iter().filter(|k| **k).count(), n, p, "kept");
            for lag in [1, 2, 8, 64, CHUNK] {
                let both = a.iter().zip(&a[lag..]).filter(|(x, y)| **x && **y).count();
                assert_plausible(both, n - lag, p * p, "kept with the neighbour");
            }
            for other in [0, 2, 3, 1 << 32, u64::MAX] {
                let both = a.iter().zip(kept(n, rate, other)).filter(|(x, y)| **x && *y).count();
                assert_plausible(both, n, p * p, "kept under two keys");
            }
        }
    }

    #[test]
    fn nothing_is_dropped_at_rate_zero_and_nan_that_is_kept_stays() {
        assert!(kept(1000, 0.0, 5).iter().all(|k| *k));
        let mut y = [0.0];
        dropout(&[f32::NAN], 0.0, 1, &mut y);
        assert!(y[0].is_nan());
        dropout(&[], 0.5, 1, &mut []);
    }

    #[test]
    fn threads_do_not_matter() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| kept(100_000, 0.3, 9))
        };
        assert_eq!(run(1), run(3));
    }
}
