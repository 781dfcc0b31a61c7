//! Which of many runs no other one beats.

use crate::error::{DistillError, require};

/// The runs that no other beats in both numbers, such as (average, worst class) of every pair of trade-offs: their indices, by falling
/// first number. A run is out if another is at least as good in both and better in one; of equal runs the first stays.
///
/// ```
/// let runs = [(0.94, 0.86), (0.93, 0.90), (0.92, 0.89), (0.90, 0.91)];
/// assert_eq!(tenfold_distill::pareto(&runs)?, [0, 1, 3]);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// # Errors
/// A number that is not finite.
pub fn pareto(runs: &[(f64, f64)]) -> Result<Vec<usize>, DistillError> {
    let bad = runs.iter().position(|(a, b)| !a.is_finite() || !b.is_finite());
    require(bad.is_none(), "runs", bad.map_or(String::new(), |i| format!("{:?} at {i}", runs[i])), "must be finite")?;
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&i, &j| runs[j].0.total_cmp(&runs[i].0).then(runs[j].1.total_cmp(&runs[i].1)).then(i.cmp(&j)));
    let mut best = f64::NEG_INFINITY;
    order.retain(|&i| {
        let stays = runs[i].1 > best;
        best = best.max(runs[i].1);
        stays
    });
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(pareto(&[(0.0, f64::NAN)]).unwrap_err().to_string(), "runs = (0.0, NaN) at 0: must be finite");
        assert_eq!(pareto(&[]).unwrap(), [0_usize; 0]);
        assert_eq!(pareto(&[(0.5, 0.5), (0.5, 0.5)]).unwrap(), [0]);
    }

    proptest! {
        #[test]
        fn it_is_the_definition(runs in prop::collection::vec((0_u8..6, 0_u8..6), 0..20)) {
            let runs: Vec<(f64, f64)> = runs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
            let beats = |j: usize, i: usize| {
                let (a, b) = (runs[j], runs[i]);
                a.0 >= b.0 && a.1 >= b.1 && (a != b || j < i)
            };
            let mut found = pareto(&runs).unwrap();
            found.sort_unstable();
            let stays: Vec<usize> = (0..runs.len()).filter(|&i| (0..runs.len()).all(|j| j == i || !beats(j, i))).collect();
            prop_assert_eq!(found, stays);
        }
    }
}
