//! Many tests at once: p-values that keep the chance of any false alarm.

use super::{StatsError, need, need_finite};

/// Holm's adjusted p-values, in the order of the input: where those of at most 0.05 are called significant, the chance that any true
/// null hypothesis is among them is at most 5 %, whatever the dependence of the tests.
///
/// With the k p-values in ascending order, `adjusted_(i) = max_{j <= i} min(1, (k - j + 1) p_(j))`, j from 1 (Holm 1979).
///
/// ```
/// use tenfold_core_tensor::stats::holm;
/// let adjusted = holm(&[0.01, 0.04, 0.03])?;
/// assert!((adjusted[0] - 0.03).abs() < 1e-15 && adjusted[1] == 0.06 && adjusted[2] == 0.06);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// No p-value, or one that is not from 0 to 1.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, StatsError> {
    need("holm", p_values.len(), 1)?;
    need_finite("holm", p_values)?;
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::Parameter { field: "p", value, rule: "a p-value is from 0 to 1" });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut adjusted, mut largest) = (vec![0.0; p_values.len()], 0.0_f64);
    for (before, &i) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - before) as f64 * p_values[i]).min(1.0);
        adjusted[i] = largest;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_p_value_is_refused() {
        assert_eq!(holm(&[0.5, 1.5]).unwrap_err().to_string(), "p = 1.5: a p-value is from 0 to 1");
        assert!(holm(&[]).is_err() && holm(&[f64::NAN]).is_err());
    }

    proptest! {
        #[test]
        fn no_smaller_than_the_plain_values_and_in_their_order(p in prop::collection::vec(0.0..=1.0_f64, 1..30)) {
            let adjusted = holm(&p).unwrap();
            let least = p.iter().copied().fold(1.0, f64::min);
            prop_assert!(adjusted.iter().all(|a| *a >= (p.len() as f64 * least).min(1.0) - 1e-15));
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
