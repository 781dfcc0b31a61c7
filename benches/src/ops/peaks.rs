//! What this machine can do at most: arithmetic in registers, and moving memory.

use super::NAME;
use super::cases::Case;
use crate::rounds::timed;
use crate::row::Row;
use rayon::ThreadPool;
use rayon::prelude::*;
use tenfold_kernels::simd::{Kernel, Simd, dispatch};

/// Each peak is the best of so many attempts, for somebody else may be at work during some of them.
const ATTEMPTS: usize = 50;

/// Numbers in each of three arrays: 64 MiB, more than caches hold.
const MEMORY: usize = 1 << 24;

/// Numbers in each of three arrays: 2 MiB, more than the second level holds.
const CACHE: usize = 1 << 19;

/// Operations that touch up to so many bytes are compared with the cache's bandwidth.
const CACHED: f64 = 24.0 * 1024.0 * 1024.0;

/// Numbers that a thread takes at a time.
const CHUNK: usize = 1 << 15;

/// The peaks of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peaks {
    /// Operations a second.
    flops: f64,
    /// Bytes a second to and from memory.
    memory: f64,
    /// Bytes a second to and from the last level of cache.
    cache: f64,
}

impl Peaks {
    /// Measures on all threads of the pool.
    pub(super) fn measure(pool: &ThreadPool) -> Self {
        Self { flops: flops(pool), memory: bandwidth(pool, MEMORY), cache: bandwidth(pool, CACHE) }
    }

    pub(super) fn rows(&self, suffix: &str) -> [Row; 3] {
        let row = |work: &str, value: f64, unit: &str| {
            let row = Row::ours(NAME, format!("{work}{suffix}"), value / 1e9);
            Row { unit: unit.to_owned(), ..row }
        };
        [
            row("peak-flops", self.flops, "GFLOP/s").with_quality("fused multiply-adds in registers"),
            row("peak-bandwidth-memory", self.memory, "GB/s").with_quality("triad on three arrays of 64 MiB"),
            row("peak-bandwidth-cache", self.cache, "GB/s").with_quality("triad on three arrays of 2 MiB"),
        ]
    }

    /// What an operation that took so many seconds reached of the peaks.
    pub(super) fn reached(&self, case: &Case, seconds: f64) -> String {
        let (name, peak) = if case.bytes() <= CACHED { ("cache's", self.cache) } else { ("memory's", self.memory) };
        let share = |rate: f64, peak: f64| format!("{:.3} G{{}}, {:.0} %", rate / 1e9, 100.0 * rate / peak);
        let bytes = share(case.bytes() / seconds, peak).replace("{}", "B/s") + &format!(" of the {name} bandwidth");
        if case.flops() == 0.0 {
            return bytes;
        }
        let flops = share(case.flops() / seconds, self.flops).replace("{}", "FLOP/s") + " of the peak";
        format!("{flops}; {bytes}")
    }
}

/// More independent sums than a processor has in flight.
const SUMS: usize = 12;
const STEPS: usize = 1 << 20;

struct MultiplyAdd;

impl Kernel for MultiplyAdd {
    /// Operations done, and the sum of everything so that nothing is left out.
    type Output = (f64, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f64, f32) {
        let (scale, shift) = (simd.splat(std::hint::black_box(0.999)), simd.splat(std::hint::black_box(0.001)));
        let mut sums = [simd.zero(); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.fma(*sum, scale, shift);
            }
        }
        let mut total = 0.0;
        for sum in sums {
            total += simd.sum(sum);
        }
        (2.0 * (S::LANES * SUMS * STEPS) as f64, total)
    }
}

fn flops(pool: &ThreadPool) -> f64 {
    let attempt = || {
        let (seconds, done) = timed(|| pool.broadcast(|_| std::hint::black_box(dispatch(MultiplyAdd)).0));
        done.into_iter().sum::<f64>() / seconds
    };
    (0..ATTEMPTS).map(|_| attempt()).fold(0.0, f64::max)
}

struct Triad<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
    c: &'a [f32],
}

impl Kernel for Triad<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let scale = simd.splat(3.0);
        let parts = self.a.chunks_mut(S::LANES).zip(self.b.chunks(S::LANES)).zip(self.c.chunks(S::LANES));
        for ((a, b), c) in parts {
            simd.write(a, simd.fma(scale, simd.read(c), simd.read(b)));
        }
    }
}

fn bandwidth(pool: &ThreadPool, numbers: usize) -> f64 {
    pool.install(|| {
        let [mut a, b, c] = [0.0, 1.0, 2.0].map(|value| vec![value; numbers]);
        // About as long for small arrays as for large ones.
        let passes = MEMORY / numbers;
        let mut attempt = || {
            let (seconds, ()) = timed(|| {
                for _ in 0..passes {
                    let parts = a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).zip(c.par_chunks(CHUNK));
                    parts.for_each(|((a, b), c)| dispatch(Triad { a, b, c }));
                }
            });
            (12 * numbers * passes) as f64 / seconds
        };
        (0..ATTEMPTS).map(|_| attempt()).fold(0.0, f64::max)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::cases;

    #[test]
    fn peaks_are_rates_of_a_machine_of_this_century() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let peaks = Peaks::measure(&pool);
        assert!((1e8..1e13).contains(&peaks.flops), "{peaks:?}");
        assert!([peaks.memory, peaks.cache].iter().all(|rate| (1e8..1e13).contains(rate)), "{peaks:?}");
        assert_eq!(peaks.rows("-t1")[0].work, "peak-flops-t1");
    }

    #[test]
    fn what_was_reached_is_a_share_of_the_right_peak() {
        let peaks = Peaks { flops: 1e12, memory: 1e10, cache: 1e11 };
        let cases = cases::all();
        let find = |work: &str| cases.iter().find(|case| case.work() == work).unwrap();
        let product = find("matmul-1024");
        let seconds = product.flops() / 5e11;
        let said = peaks.reached(product, seconds);
        assert!(said.starts_with("500.000 GFLOP/s, 50 % of the peak; "), "{said}");
        assert!(said.ends_with("of the cache's bandwidth"), "{said}");
        let large = find("adamw-1m");
        assert_eq!(peaks.reached(large, large.bytes() / 5e9), "5.000 GB/s, 50 % of the memory's bandwidth");
    }
}
