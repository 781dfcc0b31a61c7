//! Products of tables of zeros and ones, kept as bits.
//!
//! `c_ij = sum_k a_ik b_jk` for entries 0 and 1 is the number of bits that two rows have in common: one instruction counts
//! sixty-four of them, where a matrix product of floats multiplies eight.
//!
//! # Safety of this module
//! The one unsafe call runs the same safe loop compiled with the instruction that counts bits, after the processor said
//! that it has it.

use crate::parallel;

/// Rows of each side in a tile, whose counts stay in registers.
const A_ROWS: usize = 2;
const B_ROWS: usize = 4;

/// Words of the rows of B that a pass meets: half of the first-level cache.
const WORDS: usize = 1 << 11;

/// `c_ij`, the number of common bits of row i of A and row j of B, for rows of `words` words; C is `[rows of A, rows of B]`.
///
/// ```
/// use tenfold_kernels::bits::common_bits;
/// let mut c = [0; 4];
/// common_bits(&[0b1011, 0b0100], &[0b0011, 0b1110], 1, &mut c);
/// assert_eq!(c, [2, 2, 0, 1]);
/// ```
///
/// # Panics
/// If a length is not that of its shape.
pub fn common_bits(a: &[u64], b: &[u64], words: usize, c: &mut [u32]) {
    if words == 0 {
        c.fill(0);
        return;
    }
    assert!(a.len().is_multiple_of(words) && b.len().is_multiple_of(words), "rows of {words} words");
    let (m, n) = (a.len() / words, b.len() / words);
    assert_eq!(c.len(), m * n, "counts are [{m}, {n}]");
    if n == 0 {
        return;
    }
    // A word is a few operations; a task has enough rows that those of B are read from the cache.
    let rows = A_ROWS * 16;
    parallel::chunks(c, rows * n, m * n * words, |task, c| {
        count(&a[task * rows * words..][..c.len() / n * words], b, words, c);
    });
}

fn count(a: &[u64], b: &[u64], words: usize, c: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "popcnt")]
        fn with_popcnt(a: &[u64], b: &[u64], words: usize, c: &mut [u32]) {
            count_rows(a, b, words, c);
        }
        if is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has the instruction.
            return unsafe { with_popcnt(a, b, words, c) };
        }
    }
    count_rows(a, b, words, c);
}

#[inline(always)]
fn count_rows(a: &[u64], b: &[u64], words: usize, c: &mut [u32]) {
    let n = b.len() / words;
    let together = (WORDS / words).max(B_ROWS).next_multiple_of(B_ROWS);
    for first in (0..n).step_by(together) {
        let last = (first + together).min(n);
        for (a, c) in a.chunks(A_ROWS * words).zip(c.chunks_mut(A_ROWS * n)) {
            let mut j = first;
            if a.len() == A_ROWS * words {
                while j + B_ROWS <= last {
                    let counts = tile(a, &b[j * words..][..B_ROWS * words], words);
                    for (c, counts) in c.chunks_exact_mut(n).zip(counts) {
                        c[j..j + B_ROWS].copy_from_slice(&counts);
                    }
                    j += B_ROWS;
                }
            }
            for (a, c) in a.chunks_exact(words).zip(c.chunks_exact_mut(n)) {
                for (c, b) in c[j..last].iter_mut().zip(b[j * words..].chunks_exact(words)) {
                    *c = a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum();
                }
            }
        }
    }
}

#[inline(always)]
fn tile(a: &[u64], b: &[u64], words: usize) -> [[u32; B_ROWS]; A_ROWS] {
    let mut counts = [[0_u32; B_ROWS]; A_ROWS];
    let (a0, a1) = a.split_at(words);
    let (b01, b23) = b.split_at(2 * words);
    let ((b0, b1), (b2, b3)) = (b01.split_at(words), b23.split_at(words));
    for (((((&a0, &a1), &b0), &b1), &b2), &b3) in a0.iter().zip(a1).zip(b0).zip(b1).zip(b2).zip(b3) {
        for (counts, a) in counts.iter_mut().zip([a0, a1]) {
            for (count, b) in counts.iter_mut().zip([b0, b1, b2, b3]) {
                *count += (a & b).count_ones();
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_definition(m in 0_usize..40, n in 0_usize..11, words in 0_usize..5, seed: u64) {
            let word = |i: usize| (seed | 1).wrapping_mul(i as u64 + 1).rotate_left(i as u32 % 64);
            let a: Vec<u64> = (0..m * words).map(word).collect();
            let b: Vec<u64> = (0..n * words).map(|i| word(i + 77)).collect();
            let mut c = vec![9; m * n];
            common_bits(&a, &b, words, &mut c);
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let both = |k: usize| a[i * words + k / 64] & b[j * words + k / 64] & (1 << (k % 64)) != 0;
                prop_assert_eq!(c[i * n + j] as usize, (0..64 * words).filter(|&k| both(k)).count());
            }
        }
    }

    #[test]
    fn long_rows_take_several_passes() {
        let (a, b) = (vec![u64::MAX; 3 * 700], vec![0x5555_5555_5555_5555; 9 * 700]);
        let mut c = vec![0; 27];
        common_bits(&a, &b, 700, &mut c);
        assert!(c.iter().all(|&c| c == 700 * 32));
    }
}
