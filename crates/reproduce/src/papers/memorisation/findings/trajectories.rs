//! How scores move with size.

use super::super::sizes::Sizes;
use super::{All, Drawn, Found, ShapeShare, first_saturated, fitted, on_images, over};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean, quantile_of_sorted};
use tenfold_memorisation::{Score, Shape, TrajectoryRule, shares};

/// Shares of the shapes, with the errors of the scores as they are.
pub(super) fn shapes_of(rule: &TrajectoryRule, errors: &[Vec<f64>], scores: &[Vec<f64>]) -> Vec<Shape> {
    let of = |i: usize| {
        let at = |all: &[Vec<f64>]| all.iter().map(|v| v[i]).collect::<Vec<f64>>();
        rule.classify(&at(scores), &at(errors)).unwrap_or(Shape::Mixed)
    };
    (0..errors[0].len()).map(of).collect()
}

pub(super) fn errors_of(sizes: &Sizes) -> Vec<Vec<f64>> {
    sizes.sizes.iter().map(|m| m.scores.iter().map(|s| s.mem.se).collect()).collect()
}

/// Shares of the shapes where nothing moves, each ascending over the draws.
pub(super) fn null_shares(
    rule: &TrajectoryRule,
    scores: &[Vec<Score>],
    draws: usize,
) -> Result<[Vec<f64>; 6], ReproduceError> {
    let null = rule.null(scores, draws, Seed::new(0).named("memorisation-null"))?;
    Ok(std::array::from_fn(|s| {
        let mut of_shape: Vec<f64> = null.iter().map(|shares| shares[s]).collect();
        of_shape.sort_unstable_by(f64::total_cmp);
        of_shape
    }))
}

pub(super) fn trajectories(all: &All, sizes: &Sizes, drawn: &Drawn) -> Result<Vec<ShapeShare>, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(sizes);
    let scores: Vec<Vec<Score>> = sizes.sizes.iter().map(|m| m.scores.clone()).collect();
    let null = null_shares(rule, &scores, all.settings.draws)?;
    let share = |(s, shape): (usize, Shape)| {
        let of_null = &null[s];
        let share = drawn.normal(|scores| shares(&shapes_of(rule, &errors, scores))[s]);
        ShapeShare { shape, share, null: mean(of_null), null_high: quantile_of_sorted(of_null, 0.975) }
    };
    Ok(Shape::ALL.into_iter().enumerate().map(share).collect())
}

/// The second largest, over the shapes that say how a score moves (not constant and mixed), of the share minus that of the null.
fn second_largest(share: &[f64], null: &[f64]) -> f64 {
    let mut above: Vec<f64> = [1, 2, 3, 4].iter().map(|&s| share[s] - null[s]).collect();
    above.sort_unstable_by(|a, b| b.total_cmp(a));
    above[1]
}

/// By how much the second most frequent shape exceeds the null's share of it.
pub(super) fn two_shapes(drawn: &Drawn, rule: &TrajectoryRule, errors: &[Vec<f64>], null: &[f64]) -> Estimate {
    drawn.normal(|scores| second_largest(&shares(&shapes_of(rule, errors, scores)), null))
}

/// Mean score of the last study minus that of the first whose mean p_in is saturated.
pub(super) fn since_saturation(drawn: &Drawn, p_in: &[f64], examples: &[usize]) -> Result<Estimate, String> {
    let last = drawn.last();
    match first_saturated(p_in) {
        Some(first) if first < last => Ok(drawn.estimate(|s| over(&s[last], examples) - over(&s[first], examples))),
        Some(_) => Err("only the largest size is saturated (mean p_in of at least 0.99): nothing to compare".into()),
        None => Err("no size is saturated (mean p_in of at least 0.99)".into()),
    }
}

/// Share of scores above 0.9.
fn high(scores: &[f64]) -> f64 {
    scores.iter().filter(|v| **v > 0.9).count() as f64 / scores.len() as f64
}

/// Share of high scores of the last study minus that of the first.
pub(super) fn gathered(drawn: &Drawn) -> Estimate {
    let last = drawn.last();
    drawn.normal(|s| high(&s[last]) - high(&s[0]))
}

pub(in super::super) fn diverse(all: &All, found: &Found) -> Result<Finding, ReproduceError> {
    let (drawn, shapes) = (&found.drawn, &found.shapes);
    let rule = &all.settings.rule;
    let errors = errors_of(all.real);
    let null: Vec<f64> = shapes[0].iter().map(|s| s.null).collect();
    let mut finding = on_images(all, Ok(two_shapes(drawn, rule, &errors, &null)), all.real.seconds);
    for (of, name) in shapes.iter().zip([&all.images.name, &all.rule.name]) {
        for s in of {
            finding.parts.push(Part::new(format!("share {}", s.shape.name()), s.share, name, Role::Shown));
            let null = Estimate { value: s.null, se: 0.0, lo: 0.0, hi: s.null_high, n: all.settings.draws };
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

pub(in super::super) fn saturated(all: &All, found: &Found) -> Finding {
    let (drawn, everything) = (&found.drawn, &found.everything[..]);
    let estimate = since_saturation(drawn, &fitted(all.real, everything), everything);
    let mut finding = on_images(all, estimate, all.real.seconds);
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.estimate(|s| over(&s[t], everything));
        finding.parts.push(Part::new(format!("mean score, {}", m.size.name), e, &all.images.name, Role::Shown));
    }
    finding.remark =
        "Where p_in is 1 at two sizes the score is 1 - p_out, and a fall says that held-out accuracy rose.".into();
    finding
}

pub(in super::super) fn bimodal(all: &All, drawn: &Drawn) -> Finding {
    let mut finding = on_images(all, Ok(gathered(drawn)), all.real.seconds);
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| high(&s[t]));
        finding.parts.push(Part::new(format!("share above 0.9, {}", m.size.name), e, &all.images.name, Role::Shown));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_largest_share_counts_shapes_that_move() {
        // Constant, increasing, decreasing, cap, U, mixed.
        let second = |share: [f64; 6], null: [f64; 6]| second_largest(&share, &null);
        assert_eq!(second([0.5, 0.25, 0.125, 0.0, 0.0, 0.125], [0.0; 6]), 0.125);
        // One shape alone is no diversity, however many are constant or mixed.
        assert_eq!(second([0.5, 0.25, 0.0, 0.0, 0.0, 0.25], [0.0; 6]), 0.0);
        // What counts is what is beyond the null: of 0.25, 0.5 and 0 the second is 0.25.
        assert_eq!(second([0.0, 0.25, 0.5, 0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 0.25, 0.0, 0.0]), 0.25);
        // Both fall short of it.
        assert_eq!(second([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.25, 0.25, 0.25, 0.25, 0.0]), -0.25);
    }

    #[test]
    fn the_first_saturated_size_is_the_first_at_the_threshold() {
        assert_eq!(first_saturated(&[0.5, 0.99, 0.98, 1.0]), Some(1));
        assert_eq!(first_saturated(&[0.5, 0.989, f64::NAN]), None);
        assert_eq!(first_saturated(&[]), None);
    }

    #[test]
    fn scores_of_nine_tenths_are_not_high() {
        assert_eq!(high(&[0.9, 0.91, 1.0, -1.0]), 0.5);
    }
}
