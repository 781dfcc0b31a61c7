//! The k largest entries, with ties in a fixed order.

use std::cmp::Ordering;

/// Indices of the `k` largest values, largest first; equal values come by ascending index, NaN last.
/// All indices where `k` exceeds the length. `O(n + k log k)`.
///
/// ```
/// use tenfold_core_tensor::ops::top_k::top_k;
/// assert_eq!(top_k(&[0.1, 0.7, 0.7, 0.2], 3), [1, 2, 3]);
/// ```
pub fn top_k(values: &[f64], k: usize) -> Vec<usize> {
    let descending = |a: &usize, b: &usize| -> Ordering {
        let (x, y) = (values[*a], values[*b]);
        x.is_nan().cmp(&y.is_nan()).then(y.partial_cmp(&x).unwrap_or(Ordering::Equal)).then(a.cmp(b))
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    if k < order.len() && k > 0 {
        order.select_nth_unstable_by(k - 1, descending);
    }
    order.truncate(k);
    order.sort_unstable_by(descending);
    order
}

/// Index of the largest value; the first of equals, and 0 where no value is comparable.
///
/// ```
/// use tenfold_core_tensor::ops::top_k::argmax;
/// assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
/// ```
pub fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (i, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nan_comes_last() {
        assert_eq!(top_k(&[f64::NAN, 1.0, f64::INFINITY], 3), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn equals_the_head_of_a_stable_sort(x in prop::collection::vec(-4_i32..4, 0..40), k in 0_usize..50) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let mut order: Vec<usize> = (0..x.len()).collect();
            order.sort_by(|&a, &b| x[b].total_cmp(&x[a]));
            order.truncate(k);
            prop_assert_eq!(top_k(&x, k), order);
        }

        #[test]
        fn argmax_is_the_first_of_top_k(x in prop::collection::vec(-4_i32..4, 1..40)) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            prop_assert_eq!(argmax(&x), top_k(&x, 1)[0]);
        }
    }
}
