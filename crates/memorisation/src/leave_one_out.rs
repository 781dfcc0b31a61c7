//! The score by its definition, for a few examples: a check of the estimator.

use crate::error::{MemorisationError, require};
use crate::scores::{LEAST, Score, score};
use crate::study::Counts;
use tenfold_core_tensor::mask::BitMask;

/// The memorisation of some examples by its definition, `P[A(S) is right about i] - P[A(S without i) is right about i]`: `runs`
/// models on all n examples, shared by all, and as many without each. `train(run, mask)` returns which examples the model
/// gets right; it gets another run number each time, for its seed.
///
/// Dear, so for a few examples; and not what [`Study`](crate::Study) estimates, whose models see `p n` examples each.
///
/// ```
/// use tenfold_core_tensor::mask::BitMask;
/// use tenfold_memorisation::{MemorisationError, leave_one_out};
///
/// // Nearest neighbours on a line; the label of example 5 is wrong.
/// let label = |i: usize| usize::from(i >= 10) ^ usize::from(i == 5);
/// let nearest = |mask: &BitMask, i: usize| (0..20).filter(|&j| mask.get(j)).min_by_key(|&j| i.abs_diff(j)).unwrap();
/// let scores = leave_one_out(20, &[5, 15], 3, |_, mask| {
///     Ok::<_, MemorisationError>((0..20).map(|i| label(nearest(mask, i)) == label(i)).collect())
/// })?;
/// assert_eq!([scores[0].mem.value, scores[1].mem.value], [1.0, 0.0]);
/// # Ok::<(), MemorisationError>(())
/// ```
///
/// # Errors
/// Fewer than two runs or examples, an example that is not there, the trainer's first error.
pub fn leave_one_out<E: From<MemorisationError>>(
    n: usize,
    examples: &[usize],
    runs: usize,
    mut train: impl FnMut(usize, &BitMask) -> Result<BitMask, E>,
) -> Result<Vec<Score>, E> {
    require(n >= 2, "n", n, "must be at least 2")?;
    require(runs >= LEAST, "runs", runs, "must be at least 2")?;
    let beyond = examples.iter().find(|i| **i >= n);
    require(beyond.is_none(), "example", beyond.copied().unwrap_or(0), format!("must be below the {n} examples"))?;
    let mut next = 0..;
    let mut models = |mask: BitMask| -> Result<Vec<BitMask>, E> {
        (0..runs).map(|_| train(next.next().unwrap_or(usize::MAX), &mask)).collect()
    };
    let whole = models((0..n).map(|_| true).collect())?;
    let right = |models: &[BitMask], i: usize| models.iter().filter(|m| m.get(i)).count() as u32;
    let of = |&i: &usize| {
        let without = models((0..n).map(|j| j != i).collect())?;
        let (k, right_in) = (runs as u32, right(&whole, i));
        let counts = Counts { k_in: k, k_out: k, right_in, right: right_in + right(&without, i) };
        Ok(score(counts).map_err(|counts| counts.too_few(i))?)
    };
    examples.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_and_errors_pass() {
        let mut seen = Vec::new();
        let scores = leave_one_out(4, &[1, 3], 2, |run, mask| {
            seen.push((run, mask.count()));
            Ok::<_, MemorisationError>(mask.clone())
        });
        assert!(scores.unwrap().iter().all(|s| s.mem.value == 1.0));
        assert_eq!(seen, [(0, 4), (1, 4), (2, 3), (3, 3), (4, 3), (5, 3)]);
        let fails = |n, example, runs, start: &str| {
            let none = |_: usize, mask: &BitMask| Ok::<_, MemorisationError>(mask.clone());
            let error = leave_one_out(n, &[example], runs, none).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        };
        fails(4, 4, 2, "example = 4: must be below the 4 examples");
        fails(4, 0, 1, "runs = 1: ");
        fails(1, 0, 2, "n = 1: ");
    }
}
