//! The bootstrap: any statistic of rows that belong together.

use super::{Estimate, StatsError, need};
use crate::seed::Seed;
use rand::RngExt;
use rayon::prelude::*;

/// The values of `statistic` on `resamples` draws of `n` unit indices with replacement, in the order of the draws.
///
/// Draw `b` uses `seed.child(b)`, so the result does not depend on the number of threads.
pub fn bootstrap_values(
    n: usize,
    resamples: usize,
    seed: Seed,
    statistic: impl Fn(&[usize]) -> f64 + Sync,
) -> Vec<f64> {
    (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || vec![0_usize; n],
            |picked, b| {
                picked.iter_mut().zip(draw(n, seed.child(b))).for_each(|(to, i)| *to = i);
                statistic(picked)
            },
        )
        .collect()
}

/// How often each of `n` units is in each of the resamples that [`bootstrap_values`] draws with this seed: for statistics that
/// are faster from counts than from copies, and for several that must see the same resamples.
///
/// A count stops at 255. Below 256 units no count can pass that, and above the chance is under `1e-500`.
///
/// ```
/// use tenfold_core_tensor::{seed::Seed, stats::resample_counts};
/// let counts = resample_counts(30, 200, Seed::new(1))?;
/// assert!(counts.iter().all(|counts| counts.iter().map(|n| usize::from(*n)).sum::<usize>() == 30));
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than 20 units or 200 resamples, as [`paired_bootstrap`].
pub fn resample_counts(n: usize, resamples: usize, seed: Seed) -> Result<Vec<Vec<u8>>, StatsError> {
    need_enough(n, resamples)?;
    let counts = |b: u64| {
        let mut counts = vec![0_u8; n];
        draw(n, seed.child(b)).for_each(|i| counts[i] = counts[i].saturating_add(1));
        counts
    };
    Ok((0..resamples as u64).into_par_iter().map(counts).collect())
}

/// The units of one resample.
fn draw(n: usize, seed: Seed) -> impl Iterator<Item = usize> {
    let mut rng = seed.rng();
    (0..n).map(move |_| rng.random_range(0..n))
}

fn need_enough(n: usize, resamples: usize) -> Result<(), StatsError> {
    need("paired_bootstrap (units)", n, 20)?;
    need("paired_bootstrap (resamples)", resamples, 200)
}

/// The percentile interval of a statistic whose units are resampled **together** in all the inputs it looks at.
///
/// `statistic` gets the indices of the chosen units (with repeats): a difference of two methods on the same
/// questions stays paired. Below about twenty units use [`mean_interval`](super::mean_interval) or
/// [`crossed_interval`](super::crossed_interval) instead: percentiles of a handful of units are too narrow.
///
/// ```
/// use tenfold_core_tensor::{seed::Seed, stats::paired_bootstrap};
/// let (ours, theirs) = (vec![1.0; 40], [0.0, 1.0].repeat(20));
/// let e = paired_bootstrap(40, 2000, Seed::new(1), |picked| {
///     picked.iter().map(|&i| ours[i] - theirs[i]).sum::<f64>() / picked.len() as f64
/// })?;
/// assert_eq!(e.value, 0.5);
/// assert!(e.lo > 0.3 && e.hi < 0.7);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than 20 units or 200 resamples, or a statistic that is not finite on some resample.
pub fn paired_bootstrap(
    n: usize,
    resamples: usize,
    seed: Seed,
    statistic: impl Fn(&[usize]) -> f64 + Sync,
) -> Result<Estimate, StatsError> {
    need_enough(n, resamples)?;
    let everything: Vec<usize> = (0..n).collect();
    let value = statistic(&everything);
    let values = bootstrap_values(n, resamples, seed, statistic);
    super::need_finite("paired_bootstrap", &values)?;
    Ok(Estimate::from_draws(value, values, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{mean, mean_interval};

    #[test]
    fn agrees_with_theory_for_a_mean() {
        let x: Vec<f64> = (0..400).map(|i| ((i * 37) % 101) as f64).collect();
        let b = paired_bootstrap(400, 4000, Seed::new(5), |p| p.iter().map(|&i| x[i]).sum::<f64>() / 400.0).unwrap();
        let t = mean_interval(&x).unwrap();
        assert_eq!(b.value, mean(&x));
        assert!((b.se / t.se - 1.0).abs() < 0.05, "{} against {}", b.se, t.se);
        assert!((b.lo - t.lo).abs() < 0.2 * t.se && (b.hi - t.hi).abs() < 0.2 * t.se);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let run =
            |threads| {
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                    bootstrap_values(50, 300, Seed::new(2), |p| p.iter().map(|&i| (i * i) as f64).sum::<f64>())
                })
            };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn three_seeds_are_refused() {
        let error = paired_bootstrap(3, 1000, Seed::new(0), |_| 0.0).unwrap_err();
        assert_eq!(error.to_string(), "paired_bootstrap (units): 3 observations, needs at least 20");
    }
}
