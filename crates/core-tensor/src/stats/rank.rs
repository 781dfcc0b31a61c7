//! Ranks with ties.

/// Ranks from 1; equal values share the mean of the ranks they cover.
///
/// The result is undefined where a value is NaN.
///
/// ```
/// use tenfold_core_tensor::stats::ranks;
/// assert_eq!(ranks(&[10.0, 30.0, 20.0, 20.0]), [1.0, 4.0, 2.5, 2.5]);
/// ```
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let run = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count().max(1);
        let shared = start as f64 + (run as f64 + 1.0) / 2.0;
        order[start..start + run].iter().for_each(|&i| ranks[i] = shared);
        start += run;
    }
    ranks
}

/// The probability that a positive scores above a negative, ties counting half: the area under the ROC curve.
///
/// ```
/// use tenfold_core_tensor::stats::auroc;
/// assert_eq!(auroc(&[0.9, 0.4], &[0.1, 0.4]), 0.875);
/// assert!(auroc(&[], &[0.1]).is_nan());
/// ```
pub fn auroc(positives: &[f64], negatives: &[f64]) -> f64 {
    let (p, n) = (positives.len() as f64, negatives.len() as f64);
    let both: Vec<f64> = positives.iter().chain(negatives).copied().collect();
    let of_positives: f64 = ranks(&both)[..positives.len()].iter().sum();
    (of_positives - p * (p + 1.0) / 2.0) / (p * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_sum_to_the_triangle_and_keep_the_order(x in prop::collection::vec(-5_i32..5, 0..60)) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let r = ranks(&x);
            let n = x.len() as f64;
            prop_assert!((r.iter().sum::<f64>() - n * (n + 1.0) / 2.0).abs() < 1e-9);
            for i in 0..x.len() {
                for j in 0..x.len() {
                    prop_assert_eq!(x[i].total_cmp(&x[j]), r[i].total_cmp(&r[j]));
                }
            }
        }
    }
}
