//! Pearson's, Spearman's and Kendall's coefficients.

use super::estimate::mean;
use super::{StatsError, need_pairs, ranks};

/// Pearson's correlation `r = sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2)`.
///
/// ```
/// use tenfold_core_tensor::stats::pearson;
/// assert!((pearson(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0])? - 1.0).abs() < 1e-15);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Different lengths, fewer than two pairs, values that are not finite, or an input without spread.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    need_pairs("pearson", x, y, 2)?;
    correlation("pearson", x, y)
}

/// Spearman's rho: Pearson's correlation of the ranks, ties sharing their mean rank.
///
/// ```
/// use tenfold_core_tensor::stats::spearman;
/// assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 8.0, 27.0, 64.0])? - 1.0).abs() < 1e-15);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    need_pairs("spearman", x, y, 2)?;
    correlation("spearman", &ranks(x), &ranks(y))
}

/// Kendall's tau-b, `(P - Q) / sqrt((n0 - n1)(n0 - n2))`, in `O(n log n)` (Knight's algorithm).
///
/// `P` and `Q` count concordant and discordant pairs, `n0 = n(n-1)/2`, and `n1`, `n2` count the pairs tied in x, in y.
///
/// ```
/// use tenfold_core_tensor::stats::kendall;
/// assert!((kendall(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0])? - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`pearson`].
pub fn kendall(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    need_pairs("kendall", x, y, 2)?;
    let n = x.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]).then(y[a].total_cmp(&y[b])));
    let tied = |same: &dyn Fn(usize, usize) -> bool| -> u64 {
        order.chunk_by(|&a, &b| same(a, b)).map(|run| pairs(run.len())).sum()
    };
    let tied_x = tied(&|a, b| x[a] == x[b]);
    let tied_both = tied(&|a, b| x[a] == x[b] && y[a] == y[b]);
    let mut in_x_order: Vec<f64> = order.iter().map(|&i| y[i]).collect();
    let discordant = sort_counting_inversions(&mut in_x_order, &mut vec![0.0; n]);
    let tied_y: u64 = in_x_order.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();
    let all = pairs(n);
    if tied_x == all || tied_y == all {
        return Err(StatsError::Constant { statistic: "kendall" });
    }
    let difference = (all - tied_x - tied_y + tied_both) as f64 - 2.0 * discordant as f64;
    Ok(difference / ((all - tied_x) as f64).sqrt() / ((all - tied_y) as f64).sqrt())
}

fn pairs(n: usize) -> u64 {
    (n as u64 * (n as u64).saturating_sub(1)) / 2
}

/// Merge sort that counts pairs standing in the wrong order.
fn sort_counting_inversions(values: &mut [f64], scratch: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let middle = n / 2;
    let (left, right) = values.split_at_mut(middle);
    let mut inversions = sort_counting_inversions(left, scratch) + sort_counting_inversions(right, scratch);
    let (mut i, mut j) = (0, 0);
    for slot in scratch[..n].iter_mut() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *slot = left[i];
            i += 1;
        } else {
            *slot = right[j];
            j += 1;
            inversions += (left.len() - i) as u64;
        }
    }
    values.copy_from_slice(&scratch[..n]);
    inversions
}

fn correlation(statistic: &'static str, x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    let (mx, my) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (&a, &b) in x.iter().zip(y) {
        xy += (a - mx) * (b - my);
        xx += (a - mx) * (a - mx);
        yy += (b - my) * (b - my);
    }
    if xx == 0.0 || yy == 0.0 {
        return Err(StatsError::Constant { statistic });
    }
    Ok((xy / xx.sqrt() / yy.sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kendall_by_pairs(x: &[f64], y: &[f64]) -> f64 {
        let (mut s, mut nx, mut ny) = (0.0, 0.0, 0.0);
        for i in 0..x.len() {
            for j in 0..i {
                let (a, b) = ((x[i] - x[j]).signum(), (y[i] - y[j]).signum());
                let (a, b) = (if x[i] == x[j] { 0.0 } else { a }, if y[i] == y[j] { 0.0 } else { b });
                s += a * b;
                nx += a * a;
                ny += b * b;
            }
        }
        s / (nx * ny).sqrt()
    }

    #[test]
    fn constants_and_lengths_are_errors() {
        for f in [pearson, spearman, kendall] {
            assert!(matches!(f(&[1.0, 1.0], &[1.0, 2.0]), Err(StatsError::Constant { .. })));
            assert!(matches!(f(&[1.0, 1.0], &[1.0]), Err(StatsError::Lengths { left: 2, right: 1, .. })));
        }
    }

    proptest! {
        #[test]
        fn kendall_equals_the_count_over_all_pairs(
            pairs in prop::collection::vec((-6_i32..6, -6_i32..6), 2..60)
        ) {
            let x: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
            let y: Vec<f64> = pairs.iter().map(|p| f64::from(p.1)).collect();
            match kendall(&x, &y) {
                Ok(tau) => prop_assert!((tau - kendall_by_pairs(&x, &y)).abs() < 1e-12),
                Err(StatsError::Constant { .. }) => prop_assert!(kendall_by_pairs(&x, &y).is_nan()),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }

        #[test]
        fn rank_coefficients_ignore_monotone_maps(x in prop::collection::vec(-3.0..3.0_f64, 5..40), seed in 0_u64..9) {
            let y: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + ((i as u64 * 7 + seed) % 5) as f64).collect();
            let cubed: Vec<f64> = x.iter().map(|v| v.exp()).collect();
            prop_assume!(pearson(&x, &y).is_ok());
            prop_assert!((spearman(&x, &y).unwrap() - spearman(&cubed, &y).unwrap()).abs() < 1e-12);
            prop_assert!((kendall(&x, &y).unwrap() - kendall(&cubed, &y).unwrap()).abs() < 1e-12);
        }
    }
}
