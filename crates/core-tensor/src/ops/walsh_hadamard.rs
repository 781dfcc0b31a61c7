//! The fast Walsh-Hadamard transform.

use super::OpsError;

/// A number the transform can add and subtract. Integers wrap, as shares of a secret in `Z_{2^64}` do.
pub trait Butterfly: Copy {
    /// `(a + b, a - b)`.
    fn butterfly(a: Self, b: Self) -> (Self, Self);
}

impl Butterfly for f32 {
    fn butterfly(a: Self, b: Self) -> (Self, Self) {
        (a + b, a - b)
    }
}

impl Butterfly for f64 {
    fn butterfly(a: Self, b: Self) -> (Self, Self) {
        (a + b, a - b)
    }
}

impl Butterfly for i64 {
    fn butterfly(a: Self, b: Self) -> (Self, Self) {
        (a.wrapping_add(b), a.wrapping_sub(b))
    }
}

impl Butterfly for u64 {
    fn butterfly(a: Self, b: Self) -> (Self, Self) {
        (a.wrapping_add(b), a.wrapping_sub(b))
    }
}

/// Replaces `x` by `H x`, where `H` is the unnormalised Hadamard matrix in natural (Sylvester) order,
/// `H_ij = (-1)^{popcount(i & j)}`, in `n log2 n` additions.
///
/// `H` is symmetric and `H H = n I`: applying it twice multiplies by `n`. Divide by `sqrt(n)` for an orthogonal map.
///
/// ```
/// use tenfold_core_tensor::ops::walsh_hadamard::walsh_hadamard;
/// let mut x = [1.0, 2.0, 3.0, 4.0];
/// walsh_hadamard(&mut x)?;
/// assert_eq!(x, [10.0, -2.0, -4.0, 0.0]);
/// let mut share = [u64::MAX, 2];
/// walsh_hadamard(&mut share)?;
/// assert_eq!(share, [1, u64::MAX - 2]);
/// # Ok::<(), tenfold_core_tensor::ops::OpsError>(())
/// ```
///
/// # Errors
/// If the length is not a power of two.
pub fn walsh_hadamard<T: Butterfly>(x: &mut [T]) -> Result<(), OpsError> {
    check_length(x.len())?;
    let mut half = 1;
    while half < x.len() {
        for block in x.chunks_exact_mut(2 * half) {
            let (a, b) = block.split_at_mut(half);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = T::butterfly(*a, *b);
            }
        }
        half *= 2;
    }
    Ok(())
}

pub(crate) fn check_length(n: usize) -> Result<(), OpsError> {
    if n.is_power_of_two() {
        return Ok(());
    }
    Err(OpsError::Parameter { field: "length", value: n, rule: "the transform needs a power of two".into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_lengths_are_refused() {
        for n in [0, 3, 12] {
            let error = walsh_hadamard(&mut vec![0.0_f64; n]).unwrap_err();
            assert_eq!(error.to_string(), format!("length = {n}: the transform needs a power of two"));
        }
    }

    fn by_definition(x: &[i64]) -> Vec<i64> {
        (0..x.len())
            .map(|i| {
                x.iter().enumerate().fold(0_i64, |sum, (j, v)| {
                    if (i & j).count_ones() % 2 == 0 { sum.wrapping_add(*v) } else { sum.wrapping_sub(*v) }
                })
            })
            .collect()
    }

    proptest! {
        #[test]
        fn equals_the_matrix_in_wrapping_integers(log_n in 0_u32..7, seed in any::<i64>()) {
            let x: Vec<i64> = (0..1_i64 << log_n).map(|i| seed.wrapping_mul(2 * i + 1).rotate_left(i as u32)).collect();
            let mut y = x.clone();
            walsh_hadamard(&mut y).unwrap();
            prop_assert_eq!(&y, &by_definition(&x));
            let mut unsigned: Vec<u64> = x.iter().map(|v| *v as u64).collect();
            walsh_hadamard(&mut unsigned).unwrap();
            prop_assert!(unsigned.iter().zip(&y).all(|(u, i)| *u == *i as u64));
        }

        #[test]
        fn twice_multiplies_by_n_and_energy_grows_by_n(x in prop::collection::vec(-1.0..1.0_f64, 64)) {
            let mut y = x.clone();
            walsh_hadamard(&mut y).unwrap();
            let energy = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
            prop_assert!((energy(&y) - 64.0 * energy(&x)).abs() < 64.0 * 64.0 * 6.0 * f64::EPSILON);
            walsh_hadamard(&mut y).unwrap();
            prop_assert!(y.iter().zip(&x).all(|(y, x)| (y - 64.0 * x).abs() < 64.0 * 12.0 * f64::EPSILON));
        }
    }
}
