//! The two precisions that arrays come in.

use tenfold_kernels::extremes;
use tenfold_kernels::simd::{Kernel, Simd, dispatch};

/// Single or double precision. Whatever comes in, sums are in double precision.
pub trait Real: Copy + Send + Sync + 'static + sealed::Sealed {
    /// In double precision.
    fn wide(self) -> f64;
    /// Rounded to this precision.
    fn narrow(value: f64) -> Self;
    /// The place of the largest number of a row, the first of equals; none where a number is not finite, or there is none.
    #[doc(hidden)]
    fn largest(row: &[Self]) -> Option<usize>;
}

mod sealed {
    /// Only for the two precisions.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    fn wide(self) -> f64 {
        self.into()
    }

    fn narrow(value: f64) -> Self {
        value as f32
    }

    fn largest(row: &[f32]) -> Option<usize> {
        /// The kernel, for whichever vectors the processor has.
        struct Largest<'a>(&'a [f32]);
        impl Kernel for Largest<'_> {
            type Output = Option<usize>;
            #[inline(always)]
            fn run<S: Simd>(self, simd: S) -> Option<usize> {
                extremes::largest(simd, self.0).map(|(_, place)| place)
            }
        }
        if row.is_empty() { None } else { dispatch(Largest(row)) }
    }
}

impl Real for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn narrow(value: f64) -> Self {
        value
    }

    fn largest(row: &[f64]) -> Option<usize> {
        let (mut best, mut zeros) = (None, 0.0);
        for (k, &v) in row.iter().enumerate() {
            // Zero times what is not finite is NaN.
            zeros += 0.0 * v;
            if best.is_none_or(|b: usize| v > row[b]) {
                best = Some(k);
            }
        }
        best.filter(|_| zeros == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_finite_has_no_largest() {
        assert_eq!((f32::largest(&[]), f64::largest(&[])), (None, None));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(f64::largest(&[1.0, bad]), None);
            assert_eq!(f32::largest(&[1.0, bad as f32]), None);
        }
    }

    proptest! {
        #[test]
        fn both_precisions_find_the_first_of_equals(x in prop::collection::vec(-4_i8..4, 1..50)) {
            let single: Vec<f32> = x.iter().map(|v| f32::from(*v)).collect();
            let double: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            let first = (0..x.len()).find(|&i| x[i] == *x.iter().max().unwrap());
            prop_assert_eq!(f32::largest(&single), first);
            prop_assert_eq!(f64::largest(&double), first);
        }
    }
}
