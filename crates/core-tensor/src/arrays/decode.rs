//! From bytes to numbers.

use super::Dtype;
use half::{bf16, f16};

/// A number that elements are read as.
pub(super) trait Real: Copy {
    /// What is said of a number that it cannot hold.
    const RULE: &'static str;
    fn single(value: f32) -> Self;
    /// None where the number does not survive.
    fn double(value: f64) -> Option<Self>;
    /// None where the number does not survive.
    fn integer(value: i128) -> Option<Self>;
}

impl Real for f32 {
    const RULE: &'static str = "single precision, which this is read as, ends at 3.4e38";

    fn single(value: f32) -> Self {
        value
    }

    fn double(value: f64) -> Option<Self> {
        let rounded = value as f32;
        (rounded.is_finite() || !value.is_finite()).then_some(rounded)
    }

    fn integer(value: i128) -> Option<Self> {
        Some(value as f32)
    }
}

impl Real for f64 {
    const RULE: &'static str =
        "double precision, which this is read as, does not hold it: whole numbers above 2^53 lose digits";

    fn single(value: f32) -> Self {
        value.into()
    }

    fn double(value: f64) -> Option<Self> {
        Some(value)
    }

    fn integer(value: i128) -> Option<Self> {
        (value as f64 as i128 == value).then_some(value as f64)
    }
}

/// The index of an element that the number it is read as cannot hold, and the element.
pub(super) type Lost = (usize, String);

/// Appends the elements in `bytes` (a whole number of them) to `out`, rounded to nearest; fails with the first that does not
/// survive, counted from the first of `bytes`.
pub(super) fn floats<T: Real>(bytes: &[u8], dtype: Dtype, big_endian: bool, out: &mut Vec<T>) -> Result<(), Lost> {
    match dtype {
        Dtype::Bool => out.extend(bytes.iter().map(|&b| T::single(f32::from(u8::from(b != 0))))),
        Dtype::Float(2) => {
            out.extend(words(bytes, big_endian).map(|w| T::single(f16::from_bits(u16::from_le_bytes(w)).to_f32())))
        }
        Dtype::Float(4) => out.extend(words(bytes, big_endian).map(|w| T::single(f32::from_le_bytes(w)))),
        Dtype::Float(_) => {
            for (index, value) in words(bytes, big_endian).map(f64::from_le_bytes).enumerate() {
                out.push(T::double(value).ok_or_else(|| (index, format!("{value:e}")))?);
            }
        }
        Dtype::Bfloat16 => {
            out.extend(words(bytes, big_endian).map(|w| T::single(bf16::from_bits(u16::from_le_bytes(w)).to_f32())))
        }
        Dtype::Int(_) | Dtype::Uint(_) => {
            let (mut index, mut lost) = (0, None);
            integers(bytes, dtype, big_endian, |value| {
                match T::integer(value) {
                    Some(value) => out.push(value),
                    None => _ = lost.get_or_insert_with(|| (index, value.to_string())),
                }
                index += 1;
            });
            return lost.map_or(Ok(()), Err);
        }
    }
    Ok(())
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
                let (mut single, mut double) = (Vec::<f32>::new(), Vec::<f64>::new());
                floats(bytes, dtype, order, &mut single).unwrap();
                assert_eq!(single, [want], "{dtype}, big endian: {order}");
                // 2^64 - 1 is above what a double holds.
                if floats(bytes, dtype, order, &mut double).is_ok() {
                    assert_eq!(double[0] as f32, want, "{dtype}, big endian: {order}");
                } else {
                    assert_eq!(dtype, Dtype::Uint(8));
                }
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

    #[test]
    fn what_does_not_survive_is_named() {
        let doubles: Vec<u8> = [1.0, f64::INFINITY, -1e39, 1e300].iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
        let lost = floats::<f32>(&doubles, Dtype::Float(8), false, &mut Vec::new()).unwrap_err();
        assert_eq!(lost, (2, "-1e39".to_string()));
        let mut all = Vec::new();
        floats::<f64>(&doubles, Dtype::Float(8), false, &mut all).unwrap();
        assert_eq!(all, [1.0, f64::INFINITY, -1e39, 1e300]);
        let whole: Vec<u8> = [1_i64 << 60, -(1 << 53) - 1].iter().flat_map(|v| v.to_le_bytes()).collect();
        let lost = floats::<f64>(&whole, Dtype::Int(8), false, &mut Vec::new()).unwrap_err();
        assert_eq!(lost, (1, "-9007199254740993".to_string()));
        assert!(floats::<f32>(&whole, Dtype::Int(8), false, &mut Vec::new()).is_ok());
    }
}
