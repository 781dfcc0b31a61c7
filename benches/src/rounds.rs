//! Timing in turn: a slow spell of the machine falls on every contender.

use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_core_tensor::stats::quantile_of_sorted;

/// Wall-clock times of one piece of work, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The shortest.
    pub min: f64,
    /// A quarter of the times are below this.
    pub lower_quartile: f64,
    /// A quarter of the times are above this.
    pub upper_quartile: f64,
    /// How many times there are.
    pub rounds: usize,
}

impl Spread {
    /// Summarises times, in any order. All are NaN where there are none.
    ///
    /// ```
    /// use tenfold_benches::rounds::Spread;
    /// let spread = Spread::of(vec![5.0, 1.0, 2.0, 4.0, 3.0]);
    /// assert_eq!((spread.median, spread.min), (3.0, 1.0));
    /// assert_eq!((spread.lower_quartile, spread.upper_quartile), (2.0, 4.0));
    /// ```
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let quantile = |q| quantile_of_sorted(&seconds, q);
        Self {
            median: quantile(0.5),
            min: quantile(0.0),
            lower_quartile: quantile(0.25),
            upper_quartile: quantile(0.75),
            rounds: seconds.len(),
        }
    }
}

/// Times `contenders` in turn: first, second, ..., first, second, ... for `rounds` rounds. `time(i)` does contender `i`'s
/// work once and returns its seconds; one that fails is not asked again, and the others go on.
///
/// ```
/// use tenfold_benches::rounds::in_turn;
/// let mut order = Vec::new();
/// let spreads = in_turn(2, 2, |who| {
///     order.push(who);
///     if who == 1 { Err("gone") } else { Ok(0.5) }
/// });
/// assert_eq!(order, [0, 1, 0]);
/// assert_eq!(spreads[0].as_ref().map(|s| s.median), Ok(0.5));
/// assert_eq!(spreads[1], Err("gone"));
/// ```
pub fn in_turn<E>(
    rounds: usize,
    contenders: usize,
    time: impl FnMut(usize) -> Result<f64, E>,
) -> Vec<Result<Spread, E>> {
    times_in_turn(rounds, contenders, time).into_iter().map(|times| times.map(Spread::of)).collect()
}

/// Like [`in_turn`], with all times in the order of the rounds.
pub fn times_in_turn<E>(
    rounds: usize,
    contenders: usize,
    mut time: impl FnMut(usize) -> Result<f64, E>,
) -> Vec<Result<Vec<f64>, E>> {
    let mut times: Vec<Result<Vec<f64>, E>> = (0..contenders).map(|_| Ok(Vec::with_capacity(rounds))).collect();
    for _ in 0..rounds {
        for (who, times) in times.iter_mut().enumerate() {
            if let Ok(seconds) = times {
                match time(who) {
                    Ok(t) => seconds.push(t),
                    Err(error) => *times = Err(error),
                }
            }
        }
    }
    times
}

/// The result of some work and the seconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_number_of_times_has_its_median_between_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.median, spread.rounds), (2.5, 4));
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn every_contender_is_timed_in_every_round() {
        let mut asked = Vec::new();
        let spreads = in_turn(3, 2, |who| {
            asked.push(who);
            Ok::<_, ()>((asked.len() * (who + 1)) as f64)
        });
        assert_eq!(asked, [0, 1, 0, 1, 0, 1]);
        assert_eq!(spreads[0].map(|s| s.median), Ok(3.0));
        assert_eq!(spreads[1].map(|s| s.median), Ok(8.0));
    }

    #[test]
    fn work_is_done_once() {
        let (seconds, result) = timed(|| 7);
        assert_eq!(result, 7);
        assert!(seconds >= 0.0);
    }
}
