//! What changed from one model to another on the same points, class by class.

use super::draws::{Numbers, WorstDifference, binomial, check, columns, differences};
use super::predictions::Predictions;
use crate::error::DistillError;
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, PairedCounts, holm, mcnemar, newcombe_paired};

/// The chance of any false alarm among all classes that a [`Verdict`] allows.
pub const LEVEL: f64 = 0.05;

/// Whether a class gained or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its recall rose.
    Gain,
    /// Its recall fell.
    Loss,
    /// The points are too few to say.
    Undecided,
}

/// The change of a class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassChange {
    /// The class.
    pub class: usize,
    /// Its points.
    pub count: usize,
    /// Points that only the second model gets right.
    pub gained: usize,
    /// Points that only the first gets right.
    pub lost: usize,
    /// Recall of the second minus that of the first, with Newcombe's paired interval; unit: the points of the class. It is for this
    /// class alone.
    pub change: Estimate,
    /// McNemar's exact p-value, for this class alone.
    pub p: f64,
    /// Holm's, for all classes together.
    pub adjusted: f64,
    /// By the adjusted p-value at [`LEVEL`].
    pub verdict: Verdict,
}

/// Two models on the same points, such as a student trained on labels and the same student distilled: second minus first.
///
/// Intervals of averages are from test sets drawn anew with as many points of each class, the same for both models; unit: test
/// points, for the two models that there are. Another training run may differ by more.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_distill::{Comparison, Predictions, Verdict};
/// let labels: Vec<usize> = (0..200).map(|i| i / 100).collect();
/// let plain = Predictions::of_classes((0..200).map(|i| usize::from(i >= 80)).collect(), &labels, 2)?;
/// // The second model never predicts class 1 on its last forty points.
/// let distilled = Predictions::of_classes((0..200).map(|i| usize::from((100..160).contains(&i))).collect(), &labels, 2)?;
/// let found = Comparison::of(&plain, &distilled, &[1], 1000, Seed::new(1))?;
/// assert_eq!((found.classes[0].verdict, found.classes[1].verdict), (Verdict::Gain, Verdict::Loss));
/// assert!((found.average.value + 0.1).abs() < 1e-12 && found.worst[0].corrected.below(0.0));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Each class.
    pub classes: Vec<ClassChange>,
    /// Change of the share of all points that are right.
    pub average: Estimate,
    /// Change of the mean of recalls.
    pub balanced: Estimate,
    /// Change of the mean of the k lowest recalls of each model, for each k that was asked for.
    pub worst: Vec<WorstDifference>,
    /// Draws of the bootstrap.
    pub draws: usize,
}

impl Comparison {
    /// Of a first and a second model, with the k of the worst classes that are of interest.
    ///
    /// # Errors
    /// Other points or classes, fewer than [`FEWEST_DRAWS`](crate::FEWEST_DRAWS) draws or more than
    /// [`MOST_DRAWS`](crate::MOST_DRAWS), or a k that is 0 or above the number of classes.
    pub fn of(
        first: &Predictions,
        second: &Predictions,
        ks: &[usize],
        draws: usize,
        seed: Seed,
    ) -> Result<Self, DistillError> {
        first.require_same_points("first and second model", second)?;
        check(first.classes(), ks, draws)?;
        let cells = cells(first, second);
        let classes = changes(&cells)?;
        let observed: Vec<f64> = {
            let [a, b] = [first, second].map(|p| Numbers::of(p.right(), p.counts(), ks).flat());
            a.iter().zip(b).map(|(a, b)| b - a).collect()
        };
        let (counts, seed) = (first.counts(), seed.named("comparison"));
        let one = |b: u64| {
            let mut rng = seed.child(b).rng();
            let drawn: Vec<[usize; 2]> = cells.iter().map(|cells| draw(cells, &mut rng)).collect();
            let [a, b] = [0, 1].map(|model| {
                let right: Vec<usize> = drawn.iter().map(|right| right[model]).collect();
                Numbers::of(&right, counts, ks).flat()
            });
            a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<f64>>()
        };
        let drawn = columns((0..draws as u64).into_par_iter().map(one).collect());
        let (average, balanced, worst) = differences(&observed, drawn, ks, first.points());
        Ok(Self { classes, average, balanced, worst, draws })
    }

    /// The classes with a verdict of loss, worst first.
    pub fn losses(&self) -> Vec<&ClassChange> {
        let mut lost: Vec<&ClassChange> = self.classes.iter().filter(|c| c.verdict == Verdict::Loss).collect();
        lost.sort_by(|a, b| a.change.value.total_cmp(&b.change.value));
        lost
    }
}

/// The four cells of each class: "first" is the second model, so that differences are second minus first.
fn cells(first: &Predictions, second: &Predictions) -> Vec<PairedCounts> {
    let mut answers = vec![Vec::new(); first.classes()];
    for (i, &y) in first.labels().iter().enumerate() {
        answers[y].push((second.is_right(i), first.is_right(i)));
    }
    answers.into_iter().map(PairedCounts::of).collect()
}

fn changes(cells: &[PairedCounts]) -> Result<Vec<ClassChange>, DistillError> {
    let p: Vec<f64> = cells.iter().map(|cells| mcnemar(*cells)).collect();
    let adjusted = holm(&p)?;
    let change = |class: usize| {
        let (cells, adjusted) = (cells[class], adjusted[class]);
        let verdict = match adjusted <= LEVEL {
            true if cells.first > cells.second => Verdict::Gain,
            true => Verdict::Loss,
            false => Verdict::Undecided,
        };
        let change = newcombe_paired(cells)?;
        let (count, gained, lost) = (cells.n(), cells.first, cells.second);
        Ok(ClassChange { class, count, gained, lost, change, p: p[class], adjusted, verdict })
    };
    (0..cells.len()).map(change).collect()
}

/// How many points of a class either model gets right when its points are drawn anew: a multinomial number, cell by cell.
fn draw(cells: &PairedCounts, rng: &mut impl Rng) -> [usize; 2] {
    let (mut left, mut mass) = (cells.n(), cells.n());
    let mut next = |cell: usize| {
        let drawn = if mass == 0 { 0 } else { binomial(left, cell as f64 / mass as f64, rng) };
        (left, mass) = (left - drawn, mass - cell);
        drawn
    };
    let (both, second, first) = (next(cells.both), next(cells.first), next(cells.second));
    [both + first, both + second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use tenfold_core_tensor::stats::{mean, variance};

    /// Two models with 100 points in each of some classes; the second flips a share of the first's right points.
    fn pair(classes: usize, flips: f64, seed: u64) -> [Predictions; 2] {
        let mut rng = Seed::new(seed).rng();
        let labels: Vec<usize> = (0..classes * 100).map(|i| i / 100).collect();
        let wrong = |y: usize| (y + 1) % classes;
        let first: Vec<usize> = labels.iter().map(|&y| if rng.random::<f64>() < 0.7 { y } else { wrong(y) }).collect();
        let second = first.iter().zip(&labels).map(|(&k, &y)| {
            let u = rng.random::<f64>();
            if u < flips { if k == y { wrong(y) } else { y } } else { k }
        });
        let second = second.collect();
        [first, second].map(|p| Predictions::of_classes(p, &labels, classes).unwrap())
    }

    #[test]
    fn cells_are_drawn_as_points_are() {
        let cells = PairedCounts { both: 20, first: 8, second: 3, neither: 9 };
        let mut rng = Seed::new(1).rng();
        let drawn: Vec<f64> = (0..20_000).map(|_| draw(&cells, &mut rng)).map(|[a, b]| b as f64 - a as f64).collect();
        assert!((mean(&drawn) - 5.0).abs() < 0.1);
        // Variance of a multinomial difference: n (p_b + p_c - (p_b - p_c)^2).
        assert!((variance(&drawn) / (11.0 - 25.0 / 40.0) - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_model_against_itself_changes_nothing() {
        let [a, _] = pair(4, 0.0, 1);
        let found = Comparison::of(&a, &a, &[1, 2], 200, Seed::new(1)).unwrap();
        assert_eq!((found.average.value, found.average.lo, found.worst[0].corrected.hi), (0.0, 0.0, 0.0));
        assert!(found.classes.iter().all(|c| c.p == 1.0 && c.change.lo < 0.0 && c.verdict == Verdict::Undecided));
        assert!(found.losses().is_empty());
    }

    #[test]
    fn false_alarms_are_as_rare_as_they_should_be() {
        // Flips that are as likely in a right as in a wrong point would lower a recall of 0.7: draw both models alike instead.
        let trials = 200;
        let alarms = (0..trials)
            .filter(|&t| {
                let (first, second) = (pair(20, 0.0, 2 * t)[0].clone(), pair(20, 0.0, 2 * t + 1)[0].clone());
                let found = Comparison::of(&first, &second, &[1], 200, Seed::new(t)).unwrap();
                found.classes.iter().any(|c| c.verdict != Verdict::Undecided)
            })
            .count() as f64
            / trials as f64;
        assert!(alarms <= LEVEL + 4.0 * (LEVEL * (1.0 - LEVEL) / trials as f64).sqrt(), "{alarms}");
    }

    #[test]
    fn swapped_models_mirror() {
        let [a, b] = pair(3, 0.3, 5);
        let (there, back) =
            (Comparison::of(&a, &b, &[1], 300, Seed::new(1)), Comparison::of(&b, &a, &[1], 300, Seed::new(1)));
        let (there, back) = (there.unwrap(), back.unwrap());
        assert!((there.average.value + back.average.value).abs() < 1e-12);
        for (a, b) in there.classes.iter().zip(&back.classes) {
            assert!((a.change.lo + b.change.hi).abs() < 1e-12 && a.p == b.p && a.gained == b.lost);
        }
        let other = pair(4, 0.3, 5)[0].clone();
        assert!(Comparison::of(&a, &other, &[1], 300, Seed::new(1)).is_err());
        assert!(Comparison::of(&a, &b, &[9], 300, Seed::new(1)).is_err());
    }
}
