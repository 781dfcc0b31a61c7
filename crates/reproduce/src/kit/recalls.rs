//! What several arms get right of each class, over seeds that share a test set, and intervals of anything that follows from it.

use crate::error::ReproduceError;
use crate::finding::least;
use rayon::prelude::*;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean, mean_interval, resample_counts, variance};
use tenfold_report::{interval, percent};

/// Test points drawn anew, for the luck of the test set.
const DRAWS: usize = 200;

/// The recalls of each arm's classes, of each seed.
pub(crate) struct Recalls {
    seeds: usize,
    arms: usize,
    classes: usize,
    /// `[1 + DRAWS, seeds, arms, classes]`: on the test set, then on test sets drawn from it, class by class.
    values: Vec<f64>,
}

/// One seed's recalls, `[arms, classes]`.
#[derive(Clone, Copy)]
pub(crate) struct OfSeed<'a> {
    classes: usize,
    values: &'a [f64],
    /// Which seed it is.
    pub(crate) seed: usize,
}

impl OfSeed<'_> {
    /// The recall of each class.
    pub(crate) fn of(&self, arm: usize) -> &[f64] {
        &self.values[arm * self.classes..][..self.classes]
    }

    /// Balanced accuracy: the mean recall.
    pub(crate) fn average(&self, arm: usize) -> f64 {
        mean(self.of(arm))
    }

    /// The least recall.
    pub(crate) fn worst(&self, arm: usize) -> f64 {
        self.of(arm).iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl Recalls {
    /// `right(seed, arm, point)` for test points with the labels of each seed's numbering (`labels[seed][point]`): one test set, whose
    /// points all seeds share.
    ///
    /// # Errors
    /// A class with too few test points to draw them anew.
    pub(crate) fn new(
        labels: &[Vec<usize>],
        classes: usize,
        arms: usize,
        right: impl Fn(usize, usize, usize) -> bool + Sync,
    ) -> Result<Self, ReproduceError> {
        let (seeds, points) = (labels.len(), labels[0].len());
        // Points are drawn within their class of the first seed's numbering: classes are the same sets of points in all.
        let mut of_class = vec![Vec::new(); classes];
        labels[0].iter().enumerate().for_each(|(point, &label)| of_class[label].push(point));
        let mut weights = vec![vec![0_u8; points]; DRAWS + 1];
        weights[0].fill(1);
        for (class, members) in of_class.iter().enumerate() {
            let counts = resample_counts(members.len(), DRAWS, Seed::new(0).named("test").child(class as u64))?;
            for (draw, counts) in weights[1..].iter_mut().zip(counts) {
                members.iter().zip(counts).for_each(|(&point, count)| draw[point] = count);
            }
        }
        let tables: Vec<Vec<bool>> =
            (0..seeds * arms).map(|i| (0..points).map(|point| right(i / arms, i % arms, point)).collect()).collect();
        let of_draw = |draw: &Vec<u8>| -> Vec<f64> {
            let mut recalls = Vec::with_capacity(seeds * arms * classes);
            for (i, table) in tables.iter().enumerate() {
                let (mut hits, mut all) = (vec![0_u32; classes], vec![0_u32; classes]);
                for ((&label, &weight), &right) in labels[i / arms].iter().zip(draw).zip(table) {
                    all[label] += u32::from(weight);
                    hits[label] += u32::from(weight) * u32::from(right);
                }
                recalls.extend(hits.iter().zip(&all).map(|(hits, all)| f64::from(*hits) / f64::from(*all)));
            }
            recalls
        };
        let values: Vec<Vec<f64>> = weights.par_iter().map(of_draw).collect();
        Ok(Self { seeds, arms, classes, values: values.concat() })
    }

    /// Every seed's recalls on the test set.
    pub(crate) fn seeds(&self) -> impl Iterator<Item = OfSeed<'_>> {
        self.draw(0)
    }

    fn draw(&self, draw: usize) -> impl Iterator<Item = OfSeed<'_>> {
        let size = self.arms * self.classes;
        let of_draw = &self.values[draw * self.seeds * size..][..self.seeds * size];
        of_draw.chunks_exact(size).enumerate().map(|(seed, values)| OfSeed { classes: self.classes, values, seed })
    }

    /// The mean over seeds of a number of each, with a t interval over seeds widened by the luck of the test set:
    /// `se^2 = var(seeds) / S + var(draws)`, the second from test sets drawn within classes, the same for all seeds and arms. What
    /// seeds and points make together counts in both, which errs on the wide side.
    pub(crate) fn interval(&self, number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        self.over_seeds(&|draw| self.draw(draw).map(&number).collect())
    }

    /// The same of chosen seeds.
    pub(crate) fn interval_of(&self, seeds: &[usize], number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        let chosen = |draw: usize| self.draw(draw).filter(|s| seeds.contains(&s.seed)).map(&number).collect();
        self.over_seeds(&chosen)
    }

    fn over_seeds(&self, values: &dyn Fn(usize) -> Vec<f64>) -> Result<Estimate, String> {
        let found = mean_interval(&values(0)).map_err(|e| e.to_string())?;
        let drawn: Vec<f64> = (1..=DRAWS).map(|draw| mean(&values(draw))).collect();
        let se = (found.se.powi(2) + variance(&drawn)).sqrt();
        Ok(Estimate::from_t(found.value, se, (found.n - 1) as f64, found.n))
    }
}

/// The most favourable ends of several estimates, all of which must be within a margin of zero: the hull of their intervals.
pub(crate) fn hull(estimates: &[Estimate]) -> Result<Estimate, String> {
    let first =
        estimates.iter().max_by(|a, b| a.value.abs().total_cmp(&b.value.abs())).ok_or("nothing was measured")?;
    let lo = estimates.iter().map(|e| e.lo).fold(f64::INFINITY, f64::min);
    let hi = estimates.iter().map(|e| e.hi).fold(f64::NEG_INFINITY, f64::max);
    if estimates.iter().any(|e| ![e.value, e.lo, e.hi].iter().all(|v| v.is_finite())) {
        return Err("one of the estimates that decide together is no finite number".into());
    }
    Ok(Estimate { lo, hi, ..*first })
}

/// All of several estimates, or why the first that could not be computed was not.
pub(crate) fn every(estimates: impl IntoIterator<Item = Result<Estimate, String>>) -> Result<Vec<Estimate>, String> {
    estimates.into_iter().collect()
}

/// The least favourable of several estimates that must all lie below a threshold.
pub(crate) fn greatest(estimates: &[Estimate]) -> Result<Estimate, String> {
    least(&estimates.iter().map(|e| negative(*e)).collect::<Vec<_>>()).map(negative)
}

/// A share with its interval in percent, or why there is none.
pub(crate) fn share(e: Result<Estimate, String>) -> String {
    e.map_or_else(|why| why, |e| interval(percent, e.value, e.lo, e.hi))
}

/// The opposite of an estimate, for claims that several numbers are below something.
pub(crate) fn negative(e: Estimate) -> Estimate {
    Estimate { value: -e.value, lo: -e.hi, hi: -e.lo, ..e }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recalls_and_intervals_by_hand() {
        // Two classes of forty points; arm 1 gets all of class 0 right, arm 0 every other point; seed 1 loses class 1 in both.
        let labels: Vec<Vec<usize>> = vec![(0..80).map(|i| i / 40).collect(); 2];
        let right = |seed: usize, arm: usize, point: usize| {
            if point < 40 { arm == 1 || point.is_multiple_of(2) } else { seed == 0 }
        };
        let found = Recalls::new(&labels, 2, 2, right).unwrap();
        let recalls: Vec<[f64; 2]> = found.seeds().map(|s| [s.of(0)[0], s.of(0)[1]]).collect();
        assert_eq!(recalls, [[0.5, 1.0], [0.5, 0.0]]);
        let worst: Vec<f64> = found.seeds().map(|s| s.worst(1)).collect();
        assert_eq!(worst, [1.0, 0.0]);
        let gain = found.interval(|s| s.average(1) - s.average(0)).unwrap();
        assert_eq!(gain.value, 0.25);
        // All seeds agree: what is left is the luck of the test set, a standard error of 0.5 / sqrt(40) on class 0, over two.
        assert!((gain.se - 0.25 / 40f64.sqrt()).abs() < 0.01, "{gain:?}");
        assert_eq!(gain.n, 2);
        assert!(found.interval_of(&[1], |s| s.worst(0)).is_err(), "one seed has no interval");
    }

    #[test]
    fn a_hull_is_as_wide_as_its_widest_parts() {
        let e = |value: f64, half: f64| Estimate { value, se: half, lo: value - half, hi: value + half, n: 3 };
        let found = hull(&[e(0.1, 0.1), e(-0.2, 0.3)]).unwrap();
        assert_eq!((found.value, found.lo, found.hi), (-0.2, -0.5, 0.2));
        assert!(hull(&[]).is_err() && hull(&[e(f64::NAN, 0.0)]).is_err());
        assert_eq!(negative(e(1.0, 0.5)).lo, -1.5);
    }
}
