//! Memorisation scores of single examples.

use crate::error::{MemorisationError, require, require_shape};
use crate::study::Counts;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::stats::{Estimate, mean, newcombe, variance};

/// Models that each side of a score needs.
pub(crate) const LEAST: usize = 2;

/// The memorisation of one example by an algorithm trained on `m = p n` examples:
/// `mem = p_in - p_out`, where `p_in = sum_k s_k c_k / sum_k s_k` and `p_out = sum_k (1 - s_k) c_k / sum_k (1 - s_k)` over
/// models k that saw the example (`s_k = 1`) or did not and got it right (`c_k = 1`) or did not.
///
/// It lies in `[-1, 1]` and may be negative. The interval is Newcombe's hybrid of two Wilson intervals, over models, which
/// are independent given the subsets; the standard error is
/// `sqrt(p_in (1 - p_in) / (K_in - 1) + p_out (1 - p_out) / (K_out - 1))`, which is zero where all models agree and then
/// says nothing.
///
/// Intervals of different examples are not independent: all examples share the models. For a mean over examples use
/// [`Resamples`](crate::Resamples).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Models that saw the example.
    pub k_in: usize,
    /// Models that did not.
    pub k_out: usize,
    /// Share of the models that saw it that get it right.
    pub p_in: f64,
    /// Share of the others that get it right.
    pub p_out: f64,
    /// `p_in - p_out` with its interval; n is the smaller of the two numbers of models.
    pub mem: Estimate,
}

/// The score behind the counts; the counts themselves where a side has fewer than two models.
pub(crate) fn score(counts: Counts) -> Result<Score, Counts> {
    let (k_in, k_out) = (counts.k_in as usize, counts.k_out as usize);
    if k_in < LEAST || k_out < LEAST {
        return Err(counts);
    }
    let (right_in, right_out) = (counts.right_in as usize, (counts.right - counts.right_in) as usize);
    let (p_in, p_out) = (right_in as f64 / k_in as f64, right_out as f64 / k_out as f64);
    let of = |p: f64, k: usize| p * (1.0 - p) / (k - 1) as f64;
    let mem = newcombe((right_in, k_in), (right_out, k_out)).map_err(|_| counts)?;
    Ok(Score { k_in, k_out, p_in, p_out, mem: Estimate { se: (of(p_in, k_in) + of(p_out, k_out)).sqrt(), ..mem } })
}

/// Scores from the probability of the label in place of being right, `[K, n]` in single or double precision: another quantity,
/// with less variance.
///
/// p_in and p_out are then mean probabilities, and the interval is Welch's, over models.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::{bit_rows, probability_scores};
/// let mask = array![[1.0], [1.0], [0.0], [0.0], [1.0], [0.0]];
/// let p = array![[0.9], [0.8], [0.3], [0.1], [1.0], [0.2]];
/// let scores = probability_scores(&bit_rows("mask", 0, mask.view())?, p.view())?;
/// assert!((scores[0].mem.value - 0.7).abs() < 1e-6 && scores[0].mem.lo > 0.4);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// No examples, shapes that differ, a probability that is NaN or outside `[0, 1]`, an example with fewer than two models on one
/// side.
pub fn probability_scores<T: Copy + Into<f64> + Sync>(
    masks: &[BitMask],
    probabilities: ArrayView2<T>,
) -> Result<Vec<Score>, MemorisationError> {
    let n = probabilities.ncols();
    require(n >= 1, "examples", n, "must be at least 1")?;
    require_shape("mask and probabilities", &[masks.len()], &[probabilities.nrows()], "one row for each model")?;
    for mask in masks {
        require_shape("mask and probabilities", &[mask.len()], &[n], "one column for each example")?;
    }
    let mut numbers = probabilities.indexed_iter().map(|(at, p)| -> (_, f64) { (at, (*p).into()) });
    if let Some(((row, column), value)) = numbers.find(|(_, p)| !(0.0..=1.0).contains(p)) {
        let rule = "must be a probability, from 0 to 1";
        return Err(MemorisationError::Value { what: "probabilities", row, column, value, rule });
    }
    let side = |i: usize, seen: bool| -> Vec<f64> {
        let models = masks.iter().zip(probabilities.column(i)).filter(|(mask, _)| mask.get(i) == seen);
        models.map(|(_, p)| (*p).into()).collect()
    };
    let of = |i: usize| {
        let (inside, outside) = (side(i, true), side(i, false));
        let (k_in, k_out) = (inside.len(), outside.len());
        if k_in < LEAST || k_out < LEAST {
            return Err(MemorisationError::TooFewModels { example: i, k_in, k_out, least: LEAST });
        }
        let (p_in, p_out) = (mean(&inside), mean(&outside));
        let (a, b) = (variance(&inside) / k_in as f64, variance(&outside) / k_out as f64);
        let df = match a + b {
            0.0 => 1.0,
            sum => sum * sum / (a * a / (k_in - 1) as f64 + b * b / (k_out - 1) as f64),
        };
        let mem = Estimate::from_t(p_in - p_out, (a + b).sqrt(), df, k_in.min(k_out));
        Ok(Score { k_in, k_out, p_in, p_out, mem })
    };
    (0..n).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_by_hand() {
        // 56 of 70 and 48 of 80, as in Newcombe (1998).
        let s = score(Counts { k_in: 70, k_out: 80, right_in: 56, right: 104 }).unwrap();
        assert!(
            (s.mem.value - 0.2).abs() < 1e-15 && (s.mem.lo - 0.0524).abs() < 5e-5 && (s.mem.hi - 0.3339).abs() < 5e-5
        );
        assert!((s.mem.se - (0.8 * 0.2 / 69.0 + 0.6 * 0.4 / 79.0_f64).sqrt()).abs() < 1e-15);
        // Where all models agree the standard error is zero and the interval is not.
        let s = score(Counts { k_in: 42, k_out: 18, right_in: 42, right: 42 }).unwrap();
        assert_eq!((s.mem.value, s.mem.se, s.mem.hi), (1.0, 0.0, 1.0));
        assert!(s.mem.lo < 0.85);
        assert!(score(Counts { k_in: 70, k_out: 1, right_in: 0, right: 0 }).is_err());
    }

    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say() {
        use rand::RngExt;
        use tenfold_core_tensor::seed::Seed;
        let mut rng = Seed::new(3).rng();
        for (p_in, p_out) in [(1.0, 0.5), (0.95, 0.1), (0.7, 0.7), (1.0, 0.98)] {
            let trials = 4000;
            let covered = (0..trials).filter(|_| {
                let mut draw = |p: f64, k: u32| (0..k).filter(|_| rng.random::<f64>() < p).count() as u32;
                let (right_in, right_out) = (draw(p_in, 42), draw(p_out, 18));
                let s = score(Counts { k_in: 42, k_out: 18, right_in, right: right_in + right_out }).unwrap();
                (s.mem.lo..=s.mem.hi).contains(&(p_in - p_out))
            });
            // Score intervals are slightly off their level at such sizes: three points, and four binomial errors.
            let covered = covered.count() as f64 / f64::from(trials);
            assert!(covered > 0.95 - 0.03 - 4.0 * (0.0475 / f64::from(trials)).sqrt(), "{p_in} {p_out}: {covered}");
        }
    }
}
