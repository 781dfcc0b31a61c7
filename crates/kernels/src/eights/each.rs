//! Something of every number, eight at a time.

use crate::math::{exp_double, log_double};
use crate::simd::{EIGHT, Simd};

/// `e^((z - largest) / T)` of a row, and zeros after it where it is shorter than an eight.
///
/// # Panics
/// If the row is empty.
#[inline(always)]
pub fn exponentials<S: Simd>(simd: S, row: &[f32], largest: f64, temperature: f64, to: &mut [f64]) {
    let by = [simd.splat_double(largest), simd.splat_double(1.0 / temperature)];
    for (z, to) in row.as_chunks::<EIGHT>().0.iter().zip(to.as_chunks_mut::<EIGHT>().0) {
        simd.store_double(to, exponential(simd, z, by));
    }
    match (row.last_chunk::<EIGHT>(), to.last_chunk_mut::<EIGHT>()) {
        // Once more what the whole eights have, and the rest.
        (Some(z), Some(to)) => simd.store_double(to, exponential(simd, z, by)),
        (None, Some(to)) => {
            let mut z = [row[0]; EIGHT];
            z[..row.len()].copy_from_slice(row);
            simd.store_double(to, exponential(simd, &z, by));
            to[row.len()..].fill(0.0);
        }
        _ => {}
    }
}

#[inline(always)]
fn exponential<S: Simd>(simd: S, z: &[f32; EIGHT], [largest, inverse]: [S::D; 2]) -> S::D {
    exp_double(simd, simd.mul_double(simd.sub_double(simd.widen(z), largest), inverse))
}

/// `to -= log (above / below)`, number by number: one logarithm of the quotient, which is rounded once.
///
/// # Panics
/// If they are not whole eights, all as many.
#[inline(always)]
pub fn subtract_log_quotients<S: Simd>(simd: S, to: &mut [f64], above: &[f64], below: &[f64]) {
    whole(to.len(), &[above.len(), below.len()]);
    let quotients = above.as_chunks::<EIGHT>().0.iter().zip(below.as_chunks::<EIGHT>().0);
    for (to, (above, below)) in to.as_chunks_mut::<EIGHT>().0.iter_mut().zip(quotients) {
        let log = log_double(simd, simd.div_double(simd.load_double(above), simd.load_double(below)));
        simd.store_double(to, simd.sub_double(simd.load_double(to), log));
    }
}

/// `to += a^2`, number by number.
///
/// # Panics
/// If they are not whole eights, both as many.
#[inline(always)]
pub fn add_squares<S: Simd>(simd: S, to: &mut [f64], a: &[f64]) {
    whole(to.len(), &[a.len()]);
    for (to, a) in to.as_chunks_mut::<EIGHT>().0.iter_mut().zip(a.as_chunks::<EIGHT>().0) {
        let a = simd.load_double(a);
        simd.store_double(to, simd.fma_double(a, a, simd.load_double(to)));
    }
}

/// Whether every `a + b` is a number so near to `sum`: what is not finite is not.
///
/// # Panics
/// If they are not whole eights, both as many.
#[inline(always)]
pub fn sums_near<S: Simd>(simd: S, a: &[f64], b: &[f64], sum: f64, tolerance: f64) -> bool {
    whole(a.len(), &[b.len()]);
    let [sum, tolerance, zero] = [sum, tolerance, 0.0].map(|v| simd.splat_double(v));
    let (mut signs, mut zeros) = (zero, zero);
    for (a, b) in a.as_chunks::<EIGHT>().0.iter().zip(b.as_chunks::<EIGHT>().0) {
        let off = simd.sub_double(simd.add_double(simd.load_double(a), simd.load_double(b)), sum);
        let most = simd.max_double(off, simd.sub_double(zero, off));
        signs = simd.or_double(signs, simd.sub_double(tolerance, most));
        // Zero times what is not finite is NaN.
        zeros = simd.fma_double(off, zero, zeros);
    }
    simd.signs_double(signs) == 0 && simd.sum_double(zeros) == 0.0
}

#[inline(always)]
fn whole(len: usize, others: &[usize]) {
    assert!(len.is_multiple_of(EIGHT) && others.iter().all(|other| *other == len), "{len} and {others:?} numbers");
}
