//! Vectors of single-precision numbers, chosen when the program runs.
//!
//! A kernel is written once, generic over [`Simd`], as a [`Kernel`]; [`dispatch`] runs it on the widest vectors that the
//! processor has. Values of the types [`Avx2`] and [`Avx512`] exist only where the processor has those instructions, which
//! is what makes their methods safe to call.
//!
//! Code below a kernel must be `#[inline(always)]` down to the methods of [`Simd`]: a function that is not inlined is
//! compiled for the baseline processor, and every vector then passes through memory. Closures handed to iterators count.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod doubles;
mod plain;
mod twice;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use doubles::{Doubles, EIGHT, Number};
pub use plain::Plain;
pub use twice::Twice;

use std::sync::OnceLock;

/// Operations on vectors of [`LANES`](Self::LANES) single-precision numbers.
///
/// NaN and infinity follow IEEE 754 except where a method says otherwise.
pub trait Simd: Doubles + Send + Sync + 'static {
    /// A vector.
    type V: Copy;
    /// One truth value per lane.
    type Mask: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// How many vectors the processor holds in registers.
    const REGISTERS: usize;

    /// The same number in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// The first numbers of `from`.
    ///
    /// # Panics
    /// If there are fewer than a vector's.
    fn load(self, from: &[f32]) -> Self::V;
    /// Writes to the first numbers of `to`.
    ///
    /// # Panics
    /// If there is room for fewer than a vector's.
    fn store(self, to: &mut [f32], v: Self::V);
    /// The first `from.len()` numbers, at most a vector's, and `fill` in the other lanes.
    fn load_part(self, from: &[f32], fill: f32) -> Self::V;
    /// Writes the first `to.len()` lanes, at most a vector's.
    fn store_part(self, to: &mut [f32], v: Self::V);
    /// Reads a vector at `from`.
    ///
    /// # Safety
    /// `from` must be valid for reads of `LANES` numbers.
    unsafe fn load_at(self, from: *const f32) -> Self::V;

    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the processor can.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once where the processor can.
    fn neg_fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a` where `a > b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a` where `a < b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The square root.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// The lanes without their sign.
    fn abs(self, a: Self::V) -> Self::V;
    /// The magnitude of `a` with the sign of `sign`.
    fn copysign(self, a: Self::V, sign: Self::V) -> Self::V;

    /// `a > b`; false for NaN.
    fn gt(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// `a` where the mask is true, else `b`.
    fn select(self, mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V;

    /// `2^k` for whole `k` from -126 to 127.
    fn pow2(self, k: Self::V) -> Self::V;
    /// `a 2^k` for whole `k` from -252 to 254, rounded twice where it is subnormal; NaN in `a` stays, whatever k.
    fn scale(self, a: Self::V, k: Self::V) -> Self::V;
    /// The entry of the table that the lowest two bits of the exponent and the highest of the mantissa number: for
    /// numbers from 1 to below 16, entry 6 up to 1.5, 7 up to 2, 0 up to 3, 1 up to 4, 2 up to 6 and so on.
    fn pick(self, table: &[f32; 8], by: Self::V) -> Self::V;
    /// Splits positive normal numbers into a mantissa `m` from 1 to below 2 and a whole exponent `e`, `a = m 2^e`.
    fn split(self, a: Self::V) -> (Self::V, Self::V);

    /// `a0 b0 a1 b1 ...`, two vectors long.
    fn interleave(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);

    /// What [`interleave`](Self::interleave) put together: every other lane of `a` and then of `b`, from the first and from the second.
    fn deinterleave(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);

    /// The sum of all lanes, in a fixed order.
    fn sum(self, a: Self::V) -> f32;
    /// The largest lane; a NaN may or may not win.
    fn largest(self, a: Self::V) -> f32;

    /// Zero in every lane.
    #[inline(always)]
    fn zero(self) -> Self::V {
        self.splat(0.0)
    }

    /// Up to a vector's numbers, with zeros after them.
    #[inline(always)]
    fn read(self, from: &[f32]) -> Self::V {
        if from.len() == Self::LANES { self.load(from) } else { self.load_part(from, 0.0) }
    }

    /// Writes up to a vector's numbers.
    #[inline(always)]
    fn write(self, to: &mut [f32], v: Self::V) {
        if to.len() == Self::LANES { self.store(to, v) } else { self.store_part(to, v) }
    }
}

/// Asks the processor to fetch the numbers into its cache, where it knows how: rows that are read far apart come from memory
/// one by one otherwise.
#[inline(always)]
pub fn prefetch(numbers: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.iter().step_by(LINE) {
        // SAFETY: SSE is part of every x86-64 processor, and a prefetch reads nothing that the program could see.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(line).cast())
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Numbers in a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

/// A computation that can run on any vectors.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// Runs it. The implementation must be `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The vectors that a processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What the compiler makes of arrays of eight.
    Plain,
    /// Eight lanes with fused multiply-add.
    Avx2,
    /// Sixteen lanes, and twice the registers.
    Avx512,
}

/// What this processor has. The variable `TENFOLD_SIMD` (`plain`, `avx2`) holds it back, to test the narrower kernels.
///
/// ```
/// use tenfold_kernels::simd::{Level, level};
/// assert_eq!(level(), level());
/// # #[cfg(not(target_arch = "x86_64"))]
/// assert_eq!(level(), Level::Plain);
/// ```
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let held_back = std::env::var("TENFOLD_SIMD").unwrap_or_default();
        detect(&held_back)
    })
}

#[cfg(target_arch = "x86_64")]
fn detect(held_back: &str) -> Level {
    match held_back {
        "plain" => Level::Plain,
        "avx2" if Avx2::detect().is_some() => Level::Avx2,
        _ if Avx512::detect().is_some() => Level::Avx512,
        _ if Avx2::detect().is_some() => Level::Avx2,
        _ => Level::Plain,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect(_: &str) -> Level {
    Level::Plain
}

/// Runs a kernel on the widest vectors there are.
///
/// ```
/// use tenfold_kernels::simd::{Kernel, Simd, dispatch};
/// struct Sum<'a>(&'a [f32]);
/// impl Kernel for Sum<'_> {
///     type Output = f32;
///     #[inline(always)]
///     fn run<S: Simd>(self, simd: S) -> f32 {
///         let mut sum = simd.zero();
///         for part in self.0.chunks(S::LANES) {
///             sum = simd.add(sum, simd.load_part(part, 0.0));
///         }
///         simd.sum(sum)
///     }
/// }
/// assert_eq!(dispatch(Sum(&[1.0; 100])), 100.0);
/// ```
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_up_to(level(), kernel)
}

/// Runs a kernel on vectors no wider than `limit`: short rows leave the lanes of wide vectors empty.
#[inline]
pub fn dispatch_up_to<K: Kernel>(limit: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        let level = level();
        if level == Level::Avx512
            && limit == Level::Avx512
            && let Some(simd) = Avx512::detect()
        {
            return simd.run(kernel);
        }
        if level != Level::Plain
            && limit != Level::Plain
            && let Some(simd) = Avx2::detect()
        {
            return simd.run(kernel);
        }
    }
    let _ = limit;
    kernel.run(Plain)
}

#[cfg(test)]
mod tests;
