//! How scores move with size.

use super::super::sizes::Sizes;
use super::{All, Drawn, Found, ShapeShare, first_saturated, on_images, over};
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

pub(super) fn trajectories(all: &All, sizes: &Sizes, drawn: &Drawn) -> Result<Vec<ShapeShare>, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(sizes);
    let scores: Vec<Vec<Score>> = sizes.sizes.iter().map(|m| m.scores.clone()).collect();
    let null = rule.null(&scores, all.settings.draws, Seed::new(0).named("memorisation-null"))?;
    let share = |(s, shape): (usize, Shape)| {
        let mut of_null: Vec<f64> = null.iter().map(|shares| shares[s]).collect();
        of_null.sort_unstable_by(f64::total_cmp);
        let share = drawn.normal(|scores| shares(&shapes_of(rule, &errors, scores))[s]);
        ShapeShare { shape, share, null: mean(&of_null), null_high: quantile_of_sorted(&of_null, 0.975) }
    };
    Ok(Shape::ALL.into_iter().enumerate().map(share).collect())
}

pub(in super::super) fn diverse(all: &All, found: &Found) -> Result<Finding, ReproduceError> {
    let (drawn, shapes) = (&found.drawn, &found.shapes);
    let rule = &all.settings.rule;
    let errors = errors_of(all.real);
    // Constant and mixed are no shapes that say how a score moves.
    let moving = [1, 2, 3, 4];
    let second = |scores: &[Vec<f64>]| {
        let of = shares(&shapes_of(rule, &errors, scores));
        let mut above: Vec<f64> = moving.iter().map(|&s| of[s] - shapes[0][s].null).collect();
        above.sort_unstable_by(|a, b| b.total_cmp(a));
        above[1]
    };
    let mut finding = on_images(all, Ok(drawn.normal(second)), all.real.seconds);
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
    let last = drawn.point.len() - 1;
    let estimate = match first_saturated(all.real, everything) {
        Some(first) if first < last => Ok(drawn.estimate(|s| over(&s[last], everything) - over(&s[first], everything))),
        Some(_) => Err("only the largest size is saturated (mean p_in of at least 0.99): nothing to compare".into()),
        None => Err("no size is saturated (mean p_in of at least 0.99)".into()),
    };
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
    let high = |scores: &[f64]| scores.iter().filter(|v| **v > 0.9).count() as f64 / scores.len() as f64;
    let last = drawn.point.len() - 1;
    let e = drawn.normal(|s| high(&s[last]) - high(&s[0]));
    let mut finding = on_images(all, Ok(e), all.real.seconds);
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| high(&s[t]));
        finding.parts.push(Part::new(format!("share above 0.9, {}", m.size.name), e, &all.images.name, Role::Shown));
    }
    finding
}
