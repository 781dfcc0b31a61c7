//! From measurements to findings.

use super::claims::{ENOUGH_INCREASING, ENOUGH_MOVING, MISSES, RANKS};
use super::data::Planted;
use super::distil::{Distilled, Student};
use super::proxies::Proxies;
use super::removal::{Arm, Removal};
use super::settings::{DRAWS, SATURATED, Settings, TEMPERATURE};
use super::sizes::{Measured, Sizes};
use super::tail::Tail;
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use ndarray::Array2;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{
    Estimate, auroc, crossed_interval, mean, mean_interval, quantile_of_sorted, spearman, variance,
};
use tenfold_memorisation::{Influence, Resamples, Score, Shape, Study, TrajectoryRule, shares};

/// Everything that was measured.
pub(super) struct All<'a> {
    pub(super) settings: &'a Settings,
    pub(super) images: &'a Planted,
    pub(super) rule: &'a Planted,
    pub(super) real: &'a Sizes,
    pub(super) synthetic: &'a Sizes,
    pub(super) distilled: &'a Distilled,
    pub(super) proxies: &'a Proxies,
    pub(super) removal: &'a Removal,
    pub(super) tail: &'a Tail,
}

/// A shape's share, its interval over models, and its share under the null.
pub(super) struct ShapeShare {
    pub(super) shape: Shape,
    pub(super) share: Estimate,
    pub(super) null: f64,
    /// 97.5 % of the null's draws lie below.
    pub(super) null_high: f64,
}

/// Findings, and numbers that the report shows again.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// Trajectories on images and on synthetic data.
    pub(super) shapes: [Vec<ShapeShare>; 2],
    /// Mean scores of all sizes on images, on all examples.
    pub(super) means: Vec<Estimate>,
    /// Mean scores of all students.
    pub(super) students: Vec<Estimate>,
}

/// Scores of several studies of the same masks, as they are and in draws of their models.
struct Drawn {
    draws: Resamples,
    point: Vec<Vec<f64>>,
    drawn: Vec<Array2<f32>>,
}

impl Drawn {
    fn new(studies: &[&Study], seed: Seed) -> Result<Self, ReproduceError> {
        let draws = Resamples::new(studies[0].models(), DRAWS, seed)?;
        let everything: Vec<usize> = (0..studies[0].examples()).collect();
        let (mut point, mut drawn) = (Vec::new(), Vec::new());
        for study in studies {
            point.push(study.scores()?.iter().map(|s| s.mem.value).collect());
            drawn.push(draws.scores(study, &everything)?);
        }
        Ok(Self { draws, point, drawn })
    }

    /// Values of a statistic of all studies' scores: as they are, and in the draws.
    fn values(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> (f64, Vec<f64>) {
        let of = |b: usize| -> f64 {
            let scores: Vec<Vec<f64>> =
                self.drawn.iter().map(|d| d.row(b).iter().map(|v| f64::from(*v)).collect()).collect();
            statistic(&scores)
        };
        (statistic(&self.point), (0..self.draws.draws()).map(of).collect())
    }

    /// The percentile interval.
    fn estimate(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let (value, values) = self.values(statistic);
        self.draws.estimate(value, values)
    }

    /// The normal interval, `v ± 1.96 se`: for shares of what crosses a threshold, and for ranks. Drawing models again adds
    /// noise that carries examples across thresholds and each other, so that percentiles of the draws lie beside the
    /// statistic as it is.
    fn normal(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let e = self.estimate(statistic);
        let half = 1.959_964 * e.se;
        Estimate { lo: e.value - half, hi: e.value + half, ..e }
    }
}

/// The mean over some examples; what is not a number is left out.
fn over(scores: &[f64], examples: &[usize]) -> f64 {
    let kept: Vec<f64> = examples.iter().map(|&i| scores[i]).filter(|v| !v.is_nan()).collect();
    mean(&kept)
}

pub(super) fn findings(all: &All) -> Result<Found, ReproduceError> {
    let seed = Seed::new(0).named("memorisation-findings");
    let studies: Vec<&Study> = all.real.sizes.iter().map(|s| &s.study).collect();
    let drawn = Drawn::new(&studies, seed)?;
    let everything: Vec<usize> = (0..all.images.len()).collect();
    let means = (0..studies.len()).map(|t| drawn.estimate(|s| over(&s[t], &everything))).collect();
    let shapes = [trajectories(all, all.real, &drawn)?, {
        let studies: Vec<&Study> = all.synthetic.sizes.iter().map(|s| &s.study).collect();
        trajectories(all, all.synthetic, &Drawn::new(&studies, seed)?)?
    }];
    let (distilled, students) = distillation(all, seed, &everything)?;
    let mut findings = vec![gap(all), halves(all)?, flips(all, &drawn), duplicates(all, &drawn)];
    findings.extend([diverse(all, &drawn, &shapes)?, saturated(all, &drawn, &everything), bimodal(all, &drawn)?]);
    findings.extend(distilled);
    findings.extend([proxies(all, &drawn)?, removal(all), influence(all)?, longtail(all)]);
    Ok(Found { findings, shapes, means, students })
}

/// A finding on images over models.
fn on_images(all: &All, id: &'static str, estimate: Result<Estimate, String>, seconds: f64) -> Finding {
    let models = all.real.masks.len();
    Finding {
        id,
        estimate,
        parts: Vec::new(),
        data: all.images.name.clone(),
        seeds: models,
        n: format!("{models} models of each of {} sizes on {} examples", all.real.sizes.len(), all.images.len()),
        seconds,
        remark: String::new(),
    }
}

fn gap(all: &All) -> Finding {
    let sizes = all.real.sizes.iter().chain(&all.synthetic.sizes);
    let deviation = |m: &Measured| {
        let mean = m.scores.iter().map(|s| s.mem.value).sum::<f64>() / m.scores.len() as f64;
        (mean - m.study.gap()).abs()
    };
    let largest = sizes.map(deviation).fold(0.0, f64::max);
    let count = all.real.sizes.len() + all.synthetic.sizes.len();
    let seconds = all.real.seconds + all.synthetic.seconds;
    on_images(all, "memorisation.mean-equals-gap", Finding::deviation(largest, count), seconds)
}

/// Root-mean-square spread of the scores of disjoint blocks of models.
fn spread(study: &Study, block: usize) -> Result<f64, ReproduceError> {
    let models: Vec<usize> = (0..study.models()).collect();
    let scores = models.chunks_exact(block).map(|b| study.select(b).scores());
    let scores: Vec<Vec<Score>> = scores.collect::<Result<_, _>>()?;
    let of = |i: usize| variance(&scores.iter().map(|s| s[i].mem.value).collect::<Vec<_>>());
    Ok((0..study.examples()).map(of).sum::<f64>().sqrt())
}

fn halves(all: &All) -> Result<Finding, ReproduceError> {
    let mut ratios = Vec::new();
    for size in &all.synthetic.sizes {
        ratios.push(spread(&size.study, 40)? / spread(&size.study, 10)? - 0.5);
    }
    let data = all.rule.name.as_str();
    let models = all.synthetic.masks.len();
    let parts = all.synthetic.sizes.iter().zip(&ratios).map(|(size, r)| {
        let e = Estimate { value: r + 0.5, se: 0.0, lo: r + 0.5, hi: r + 0.5, n: 1 };
        Part::new(format!("ratio, {}", size.size.name), e, data, Role::Shown)
    });
    Ok(Finding {
        id: "memorisation.se-halves-with-4k",
        estimate: mean_interval(&ratios).map_err(|e| e.to_string()),
        parts: parts.collect(),
        data: data.into(),
        seeds: models,
        n: format!("{} sizes, {models} models each in blocks of 10 and 40", ratios.len()),
        seconds: all.synthetic.seconds,
        remark: String::new(),
    })
}

fn flips(all: &All, drawn: &Drawn) -> Finding {
    let untouched = all.images.untouched();
    let area = |scores: &[f64]| {
        let of = |examples: &[usize]| examples.iter().map(|&i| scores[i]).filter(|v| !v.is_nan()).collect::<Vec<_>>();
        auroc(&of(&all.images.single), &of(&untouched))
    };
    let last = drawn.point.len() - 1;
    let e = drawn.normal(|s| area(&s[last]));
    let mut finding = on_images(all, "memorisation.planted-flips-on-top", Ok(e), all.real.seconds);
    for (t, size) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| area(&s[t]));
        finding.parts.push(Part::new(format!("area, {}", size.size.name), e, &all.images.name, Role::Shown));
    }
    // A null: as many untouched examples in place of the flips.
    let chance = |scores: &[f64]| {
        let of = |examples: &[usize]| examples.iter().map(|&i| scores[i]).collect::<Vec<_>>();
        let (some, others) = untouched.split_at(all.images.single.len().min(untouched.len() / 2));
        auroc(&of(some), &of(others))
    };
    let e = drawn.normal(|s| chance(&s[last]));
    finding.parts.push(Part::new("area of as many untouched examples", e, &all.images.name, Role::Control));
    finding
}

fn duplicates(all: &All, drawn: &Drawn) -> Finding {
    let last = drawn.point.len() - 1;
    let e = drawn.estimate(|s| over(&s[last], &all.images.double) - over(&s[last], &all.images.single));
    let mut finding = on_images(all, "memorisation.planted-duplicates-low", Ok(e), all.real.seconds);
    for (name, examples) in [("duplicated flips", &all.images.double), ("single flips", &all.images.single)] {
        let e = drawn.estimate(|s| over(&s[last], examples));
        finding.parts.push(Part::new(format!("mean score, {name}"), e, &all.images.name, Role::Shown));
    }
    finding
}

/// Shares of the shapes, with the errors of the scores as they are.
fn shapes_of(rule: &TrajectoryRule, errors: &[Vec<f64>], scores: &[Vec<f64>]) -> Vec<Shape> {
    let of = |i: usize| {
        let at = |all: &[Vec<f64>]| all.iter().map(|v| v[i]).collect::<Vec<f64>>();
        rule.classify(&at(scores), &at(errors)).unwrap_or(Shape::Mixed)
    };
    (0..errors[0].len()).map(of).collect()
}

fn errors_of(sizes: &Sizes) -> Vec<Vec<f64>> {
    sizes.sizes.iter().map(|m| m.scores.iter().map(|s| s.mem.se).collect()).collect()
}

fn trajectories(all: &All, sizes: &Sizes, drawn: &Drawn) -> Result<Vec<ShapeShare>, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(sizes);
    let scores: Vec<Vec<Score>> = sizes.sizes.iter().map(|m| m.scores.clone()).collect();
    let null = rule.null(&scores, DRAWS, Seed::new(0).named("memorisation-null"))?;
    let share = |(s, shape): (usize, Shape)| {
        let mut of_null: Vec<f64> = null.iter().map(|shares| shares[s]).collect();
        of_null.sort_unstable_by(f64::total_cmp);
        let share = drawn.normal(|scores| shares(&shapes_of(rule, &errors, scores))[s]);
        ShapeShare { shape, share, null: mean(&of_null), null_high: quantile_of_sorted(&of_null, 0.975) }
    };
    Ok(Shape::ALL.into_iter().enumerate().map(share).collect())
}

fn diverse(all: &All, drawn: &Drawn, shapes: &[Vec<ShapeShare>; 2]) -> Result<Finding, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(all.real);
    // Constant and mixed are no shapes that say how a score moves.
    let moving = [1, 2, 3, 4];
    let second = |scores: &[Vec<f64>]| {
        let found = shares(&shapes_of(rule, &errors, scores));
        let mut above: Vec<f64> = moving.iter().map(|&s| found[s] - shapes[0][s].null).collect();
        above.sort_unstable_by(|a, b| b.total_cmp(a));
        above[1]
    };
    let mut finding = on_images(all, "memorisation.trajectories-diverse", Ok(drawn.normal(second)), all.real.seconds);
    for (of, name) in shapes.iter().zip([&all.images.name, &all.rule.name]) {
        for s in of {
            finding.parts.push(Part::new(format!("share {}", s.shape.name()), s.share, name, Role::Shown));
            let null = Estimate { value: s.null, se: 0.0, lo: 0.0, hi: s.null_high, n: DRAWS };
            finding.parts.push(Part::new(
                format!("share {} under the null", s.shape.name()),
                null,
                name,
                Role::Control,
            ));
        }
    }
    Ok(finding)
}

/// The first size that fits its training set.
pub(super) fn first_saturated(sizes: &Sizes, examples: &[usize]) -> Option<usize> {
    sizes.sizes.iter().position(|m| m.mean(|s| s.p_in, examples) >= SATURATED)
}

fn saturated(all: &All, drawn: &Drawn, everything: &[usize]) -> Finding {
    let last = drawn.point.len() - 1;
    let estimate = match first_saturated(all.real, everything) {
        Some(first) if first < last => Ok(drawn.estimate(|s| over(&s[last], everything) - over(&s[first], everything))),
        Some(_) => Err("only the largest size is saturated (mean p_in of at least 0.99): nothing to compare".into()),
        None => Err("no size is saturated (mean p_in of at least 0.99)".into()),
    };
    let mut finding = on_images(all, "memorisation.most-decrease-after-saturation", estimate, all.real.seconds);
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.estimate(|s| over(&s[t], everything));
        finding.parts.push(Part::new(format!("mean score, {}", m.size.name), e, &all.images.name, Role::Shown));
    }
    finding.remark =
        "Where p_in is 1 at two sizes the score is 1 - p_out, and a fall says that held-out accuracy rose.".into();
    finding
}

fn bimodal(all: &All, drawn: &Drawn) -> Result<Finding, ReproduceError> {
    let high = |scores: &[f64]| scores.iter().filter(|v| **v > 0.9).count() as f64 / scores.len() as f64;
    let last = drawn.point.len() - 1;
    let e = drawn.normal(|s| high(&s[last]) - high(&s[0]));
    let mut finding = on_images(all, "memorisation.bimodal-at-interpolation", Ok(e), all.real.seconds);
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| high(&s[t]));
        finding.parts.push(Part::new(format!("share above 0.9, {}", m.size.name), e, &all.images.name, Role::Shown));
    }
    Ok(finding)
}

/// The student of the claims.
fn of_claims(student: &&Student) -> bool {
    student.larger && student.temperature == Some(TEMPERATURE)
}

fn distillation(all: &All, seed: Seed, everything: &[usize]) -> Result<(Vec<Finding>, Vec<Estimate>), ReproduceError> {
    let small = all.settings.student(all.real.sizes.len());
    let students = &all.distilled.students;
    let mut studies = vec![&all.real.sizes[small].study];
    studies.extend(students.iter().map(|s| &s.measured.study));
    let drawn = Drawn::new(&studies, seed)?;
    let means = (0..studies.len()).map(|t| drawn.estimate(|s| over(&s[t], everything))).collect();
    let change = |t: usize| drawn.estimate(|s| over(&s[t + 1], everything) - over(&s[0], everything));
    let seconds = all.real.seconds + all.distilled.seconds;
    let name = &all.images.name;

    let chosen = students.iter().position(|s| of_claims(&s)).ok_or("the student was not trained");
    let estimate = chosen.map(change).map_err(String::from);
    let mut inhibits = on_images(all, "memorisation.distillation-inhibits", estimate, seconds);
    for (t, student) in students.iter().enumerate() {
        let role = if student.temperature.is_none() { Role::Control } else { Role::Shown };
        inhibits.parts.push(Part::new(format!("change, {}", student.name), change(t), name, role));
    }

    let estimate = match chosen {
        Ok(chosen) => acts_on_increasing(all, small, &students[chosen].measured, seed)?,
        Err(reason) => Err(reason.to_string()),
    };
    let acts = on_images(all, "memorisation.distillation-acts-on-increasing", estimate, seconds);
    Ok((vec![inhibits, acts], means))
}

/// Labels from the first half of the models, changes from the second: an example that is high by chance in one is not in
/// the other.
fn acts_on_increasing(
    all: &All,
    small: usize,
    student: &Measured,
    seed: Seed,
) -> Result<Result<Estimate, String>, ReproduceError> {
    let models = all.real.masks.len();
    let (first, second): (Vec<usize>, Vec<usize>) = (0..models).partition(|k| k % 20 < 10);
    let halves = all.real.sizes.iter().map(|m| m.study.select(&first).scores());
    let halves: Vec<Vec<Score>> = halves.collect::<Result<_, _>>()?;
    let shapes = all.settings.rule.classify_all(&halves)?;
    let of = |increasing: bool| -> Vec<usize> {
        (0..shapes.len()).filter(|&i| (shapes[i] == Shape::Increasing) == increasing).collect()
    };
    let (increasing, others) = (of(true), of(false));
    if increasing.len() < ENOUGH_INCREASING {
        return Ok(Err(format!(
            "{} examples are labelled increasing on {} models; at least {ENOUGH_INCREASING} are needed",
            increasing.len(),
            first.len()
        )));
    }
    if second.len() < 20 {
        return Ok(Err(format!("{} models measure the change; a bootstrap needs 20", second.len())));
    }
    let (labels, distilled) = (all.real.sizes[small].study.select(&second), student.study.select(&second));
    let drawn = Drawn::new(&[&labels, &distilled], seed.named("second-half"))?;
    let change = |s: &[Vec<f64>], examples: &[usize]| over(&s[1], examples) - over(&s[0], examples);
    Ok(Ok(drawn.estimate(|s| change(s, &increasing) - change(s, &others))))
}

/// Cohen's kappa of two labellings: agreement beyond chance.
fn kappa(a: &[Shape], b: &[Shape]) -> f64 {
    let agree = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
    let (of_a, of_b) = (shares(a), shares(b));
    let chance: f64 = of_a.iter().zip(&of_b).map(|(a, b)| a * b).sum();
    if chance == 1.0 { 0.0 } else { (agree - chance) / (1.0 - chance) }
}

fn proxies(all: &All, drawn: &Drawn) -> Result<Finding, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(all.real);
    let rank = |s: &[Vec<f64>], t: usize| spearman(&all.proxies.sizes[t].csl, &s[t]).unwrap_or(0.0);
    let smallest = |s: &[Vec<f64>]| (0..s.len()).map(|t| rank(s, t)).fold(f64::INFINITY, f64::min);
    // 1 - cprox lies between 0 and 1 as the score does; it has no error over models.
    let hard: Vec<Vec<f64>> = all.proxies.sizes.iter().map(|p| p.cprox.iter().map(|v| 1.0 - v).collect()).collect();
    let none = vec![vec![0.0; all.images.len()]; hard.len()];
    let by_proxy = shapes_of(rule, &none, &hard);
    let moving = shapes_of(rule, &errors, &drawn.point).iter().filter(|s| **s != Shape::Constant).count();
    let agreement = drawn.normal(|s| kappa(&by_proxy, &shapes_of(rule, &errors, s)));
    let estimate = if moving < ENOUGH_MOVING {
        Err(format!("{moving} examples do not stay constant; at least {ENOUGH_MOVING} are needed to compare trends"))
    } else {
        let shift = |e: Estimate, by: f64, sign: f64| {
            let [lo, hi] = if sign > 0.0 { [e.lo, e.hi] } else { [-e.hi, -e.lo] };
            Estimate { value: sign * e.value + by, lo: lo + by, hi: hi + by, ..e }
        };
        Finding::least(&[shift(drawn.normal(smallest), -RANKS, 1.0), shift(agreement, MISSES, -1.0)])
    };
    let seconds = all.real.seconds + all.proxies.seconds;
    let mut finding = on_images(all, "memorisation.proxies-rank-but-miss-trends", estimate, seconds);
    let name = &all.images.name;
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| rank(s, t));
        finding.parts.push(Part::new(format!("Spearman of CSL and score, {}", m.size.name), e, name, Role::Shown));
    }
    finding.parts.push(Part::new("kappa of trajectory labels", agreement, name, Role::Shown));
    Ok(finding)
}

/// Correctness in one arm minus that in another, `[run, test point]`.
fn differences(a: &[BitMask], b: &[BitMask]) -> Array2<f64> {
    let bit = |m: &BitMask, j: usize| f64::from(u8::from(m.get(j)));
    Array2::from_shape_fn((a.len(), a[0].len()), |(run, j)| bit(&a[run], j) - bit(&b[run], j))
}

fn removal(all: &All) -> Finding {
    let gain = |arm: &Arm| crossed_interval(differences(&arm.random, &arm.memorised).view());
    let estimates: Result<Vec<Estimate>, _> = all.removal.arms.iter().map(gain).collect();
    let name = &all.images.name;
    let mut parts = Vec::new();
    for arm in &all.removal.arms {
        for (what, tested) in [("random", &arm.random), ("the most memorised", &arm.memorised)] {
            if let Ok(e) = crossed_interval(differences(tested, &all.removal.whole).view()) {
                let name_of = format!("change of accuracy without {} examples, {what}", arm.removed);
                parts.push(Part::new(name_of, e, name, Role::Shown));
            }
        }
    }
    let estimate = estimates.map_err(|e| e.to_string()).and_then(|e| Finding::least(&e));
    let seconds = all.real.seconds + all.removal.seconds;
    let mut finding = on_images(all, "memorisation.removal-hurts-more-than-random", estimate, seconds);
    finding.seeds = all.removal.whole.len();
    finding.n = format!("{} runs of each arm x {} test points", finding.seeds, all.images.test_labels.len());
    finding.parts = parts;
    finding
}

fn influence(all: &All) -> Result<Finding, ReproduceError> {
    let largest = &all.synthetic.sizes[all.synthetic.sizes.len() - 1];
    let models: Vec<usize> = (0..largest.study.models()).collect();
    let [of_train, of_test] = all.rule.clusters.as_ref().ok_or_else(|| ReproduceError::RunFolder {
        file: "synthetic data".into(),
        rule: "must have clusters".into(),
    })?;
    let size = |cluster: usize| of_train.iter().filter(|c| **c == Some(cluster)).count();
    let untouched = all.rule.untouched();
    let rare: Vec<(usize, usize)> =
        untouched.iter().filter_map(|&i| Some((i, of_train[i]?))).filter(|(_, c)| size(*c) <= 3).collect();
    let mut values = Vec::new();
    for block in models.chunks_exact(20) {
        let study = largest.study.select(block);
        let tested: Vec<BitMask> = block.iter().map(|&k| largest.tested[k].clone()).collect();
        let matrix = Influence::new(study.masks())?.on(&tested)?;
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for &(i, cluster) in &rare {
            for (j, of) in of_test.iter().enumerate() {
                let to = if *of == Some(cluster) { &mut own } else { &mut other };
                to.push(f64::from(matrix[[i, j]]));
            }
        }
        values.push(mean(&own) - mean(&other));
    }
    let data = all.rule.name.as_str();
    Ok(Finding {
        id: "memorisation.influence-recovers-planted-pairs",
        estimate: mean_interval(&values).map_err(|e| e.to_string()),
        parts: Vec::new(),
        data: data.into(),
        seeds: values.len(),
        n: format!("{} blocks of 20 models, {} rare examples, {} test points", values.len(), rare.len(), of_test.len()),
        seconds: all.synthetic.seconds,
        remark: String::new(),
    })
}

fn longtail(all: &All) -> Finding {
    let relative = |draws: &[[f64; 2]]| -> Vec<f64> {
        let bound = draws.iter().map(|d| d[1]).sum::<f64>() / draws.len() as f64;
        draws.iter().map(|d| (d[0] - d[1]) / bound).collect()
    };
    let [zipf, flat] = &all.tail.priors;
    let mut parts = Vec::new();
    for prior in [zipf, flat] {
        for (c, what) in ["excess error", "bound"].into_iter().enumerate() {
            if let Ok(e) = mean_interval(&prior.draws.iter().map(|d| d[c]).collect::<Vec<_>>()) {
                let role = if prior.name == flat.name { Role::Control } else { Role::Shown };
                parts.push(Part::new(format!("{what}, {}", prior.name), e, "frequencies (synthetic)", role));
            }
        }
    }
    Finding {
        id: "memorisation.longtail-bound",
        estimate: mean_interval(&relative(&zipf.draws)).map_err(|e| e.to_string()),
        parts,
        data: "frequencies (synthetic)".into(),
        seeds: zipf.draws.len(),
        n: format!("{} samples of {} examples", zipf.draws.len(), super::tail::N),
        seconds: all.tail.seconds,
        remark: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_by_hand() {
        let (a, b) = (Shape::Constant, Shape::Cap);
        assert_eq!(kappa(&[a, a, b, b], &[a, a, b, b]), 1.0);
        assert_eq!(kappa(&[a, a, b, b], &[a, b, a, b]), 0.0);
        assert_eq!(kappa(&[a, a], &[a, a]), 0.0);
    }
}
