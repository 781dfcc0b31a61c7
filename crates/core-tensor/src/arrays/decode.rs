//! From bytes to numbers.

use super::Dtype;
use half::{bf16, f16};

/// Appends the elements in `bytes` (a whole number of them) to `out` as `f32`, rounding to nearest.
pub(super) fn floats(bytes: &[u8], dtype: Dtype, big_endian: bool, out: &mut Vec<f32>) {
    match dtype {
        Dtype::Bool => out.extend(bytes.iter().map(|&b| f32::from(u8::from(b != 0)))),
        Dtype::Float(2) => out.extend(words(bytes, big_endian).map(|w| f16::from_bits(u16::from_le_bytes(w)).to_f32())),
        Dtype::Float(4) => out.extend(words(bytes, big_endian).map(f32::from_le_bytes)),
        Dtype::Float(_) => out.extend(words(bytes, big_endian).map(|w| f64::from_le_bytes(w) as f32)),
        Dtype::Bfloat16 => {
            out.extend(words(bytes, big_endian).map(|w| bf16::from_bits(u16::from_le_bytes(w)).to_f32()))
        }
        // Only 64-bit integers above 2^53 would round twice on the way; as features that is immaterial.
        Dtype::Int(_) | Dtype::Uint(_) => integers(bytes, dtype, big_endian, |i| out.push(i as f32)),
    }
}

/// Calls `each` with every element of an integer array; the values of all widths fit in `i128`.
pub(super) fn integers(bytes: &[u8], dtype: Dtype, big_endian: bool, mut each: impl FnMut(i128)) {
    match dtype {
        Dtype::Bool => bytes.iter().for_each(|&b| each((b != 0).into())),
        Dtype::Int(1) => bytes.iter().for_each(|&b| each((b as i8).into())),
        Dtype::Int(2) => words(bytes, big_endian).for_each(|w| each(i16::from_le_bytes(w).into())),
        Dtype::Int(4) => words(bytes, big_endian).for_each(|w| each(i32::from_le_bytes(w).into())),
        Dtype::Int(_) => words(bytes, big_endian).for_each(|w| each(i64::from_le_bytes(w).into())),
        Dtype::Uint(1) => bytes.iter().for_each(|&b| each(b.into())),
        Dtype::Uint(2) => words(bytes, big_endian).for_each(|w| each(u16::from_le_bytes(w).into())),
        Dtype::Uint(4) => words(bytes, big_endian).for_each(|w| each(u32::from_le_bytes(w).into())),
        Dtype::Uint(_) => words(bytes, big_endian).for_each(|w| each(u64::from_le_bytes(w).into())),
        Dtype::Float(_) | Dtype::Bfloat16 => unreachable!("callers ask for integers only of integer arrays"),
    }
}

/// The words of `bytes` in little-endian order.
fn words<const N: usize>(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().map(move |&(mut w)| {
        if big_endian {
            w.reverse();
        }
        w
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_byte_order() {
        let check = |dtype: Dtype, little: &[u8], want: f32| {
            let mut big = little.to_vec();
            big.reverse();
            for (bytes, order) in [(little, false), (&big[..], true)] {
                let mut out = Vec::new();
                floats(bytes, dtype, order, &mut out);
                assert_eq!(out, [want], "{dtype}, big endian: {order}");
            }
        };
        check(Dtype::Bool, &[1], 1.0);
        check(Dtype::Int(1), &[0xFF], -1.0);
        check(Dtype::Uint(1), &[0xFF], 255.0);
        check(Dtype::Int(2), &(-300_i16).to_le_bytes(), -300.0);
        check(Dtype::Uint(2), &65_535_u16.to_le_bytes(), 65_535.0);
        check(Dtype::Int(4), &(-70_000_i32).to_le_bytes(), -70_000.0);
        check(Dtype::Uint(4), &3_000_000_000_u32.to_le_bytes(), 3e9);
        check(Dtype::Int(8), &(-5_i64).to_le_bytes(), -5.0);
        check(Dtype::Uint(8), &u64::MAX.to_le_bytes(), 1.844_674_4e19);
        check(Dtype::Float(2), &f16::from_f32(1.5).to_le_bytes(), 1.5);
        check(Dtype::Float(4), &1.25_f32.to_le_bytes(), 1.25);
        check(Dtype::Float(8), &0.1_f64.to_le_bytes(), 0.1);
        check(Dtype::Bfloat16, &bf16::from_f32(-2.0).to_le_bytes(), -2.0);
    }
}
