//! Closed forms of collapse, and how variance moves with width.

use super::{All, on_images, on_synthetic, over_points};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use ndarray::{ArrayView3, s};
use tenfold_analysis::{Decomposition, Point, Randomness, Scale};
use tenfold_core_tensor::stats::{Estimate, mean_interval};

pub(in super::super) fn closed_forms(all: &All) -> Finding {
    let deviations =
        || all.synthetic.forms.iter().flat_map(|form| [("Bias^2", form, form.bias), ("Var", form, form.variance)]);
    let reach = |e: &Estimate| e.lo.abs().max(e.hi.abs());
    let furthest = deviations().map(|d| d.2).max_by(|a, b| reach(a).total_cmp(&reach(b)));
    let [repetitions, draws] = all.settings.monte_carlo;
    let n = format!("{repetitions} repetitions of {draws} models each");
    let estimate = furthest.ok_or_else(|| "nothing was simulated".to_string());
    let mut finding = on_synthetic(all, estimate, repetitions, n);
    for (what, form, e) in deviations() {
        let name = format!("{what}, K = {}, s' = {}", form.classes, form.scale);
        finding.parts.push(Part::new(name, e, "synthetic", Role::Decides));
    }
    finding
}

/// The place between the ends that is furthest above the higher of them; none below three places. Between the ends, so that a
/// variance that only rises or falls is found to be below one of them.
fn highest(variances: &[f64]) -> Option<usize> {
    let (first, last) = (variances.first()?, variances.last()?);
    let above = |w: usize| variances[w] - first.max(*last);
    (1..variances.len() - 1).max_by(|a, b| above(*a).total_cmp(&above(*b)))
}

/// Logits of an ensemble, and what differs from model to model.
pub(super) type Ensemble<'a> = (ArrayView3<'a, f32>, Randomness);

/// Which width was chosen as the peak, and what is found of it.
type Peak = (usize, Result<Estimate, String>);

/// The width between the ends with the highest variance on the first half of the models, and by how much its variance exceeds those
/// of both ends on the second; none below three widths.
pub(super) fn rise_and_fall(widths: &[Ensemble], labels: &[usize]) -> Result<Option<Peak>, ReproduceError> {
    let part = |(logits, randomness): &Ensemble, first: bool| -> Result<Decomposition, ReproduceError> {
        let half = logits.dim().0 / 2;
        let part = if first { s![..half, .., ..] } else { s![half.., .., ..] };
        Ok(Decomposition::of(logits.slice(part), labels, Scale::logits(), *randomness)?)
    };
    let halves = |first: bool| widths.iter().map(|m| part(m, first)).collect::<Result<Vec<Decomposition>, _>>();
    let variance = |found: &Decomposition| over_points(found, Point::unbiased_variance);
    let chosen: Vec<f64> = halves(true)?.iter().map(variance).collect();
    let Some(peak) = highest(&chosen) else { return Ok(None) };
    let measured = halves(false)?;
    let below = |end: usize| -> Result<Estimate, ReproduceError> {
        let of = |w: usize| measured[w].points().iter().map(Point::unbiased_variance).collect::<Vec<f64>>();
        let apart: Vec<f64> = of(peak).iter().zip(of(end)).map(|(a, b)| a - b).collect();
        let over_points = mean_interval(&apart)?;
        let over_models = |w: usize| Ok::<_, ReproduceError>(measured[w].averages()?.variance.over_models);
        let (a, b) = (over_models(peak)?, over_models(end)?);
        let se = over_points.se.hypot(a.se.hypot(b.se));
        Ok(Estimate::from_t(over_points.value, se, (a.n - 1) as f64, a.n))
    };
    Ok(Some((peak, least(&[below(0)?, below(widths.len() - 1)?]))))
}

pub(in super::super) fn unimodal(all: &All) -> Result<Finding, ReproduceError> {
    let widths = all.networks.widths();
    let ensembles: Vec<Ensemble> = widths.iter().map(|m| (m.test.view(), m.network.randomness)).collect();
    let found = rise_and_fall(&ensembles, &all.data.test.labels)?;
    let peak = found.as_ref().map(|(peak, _)| *peak);
    let estimate = found.map_or_else(|| Err("three widths are needed".to_string()), |(_, estimate)| estimate);
    let mut finding = on_images(all, estimate);
    if let Some(peak) = peak {
        finding.remark = format!("The width chosen on the first half of the models: {}.", widths[peak].network.name);
    }
    for m in &widths {
        let (name, a, data) = (&m.network.name, &m.averages, &all.data.name);
        finding.parts.push(Part::new(format!("variance, {name}"), a.variance.over_both, data, Role::Shown));
        finding.parts.push(Part::new(format!("Bias^2, {name}"), a.bias.over_both, data, Role::Shown));
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_place_lies_between_the_ends() {
        assert_eq!(highest(&[1.0, 2.0, 3.0, 2.0]), Some(2));
        assert_eq!(highest(&[1.0, 4.0, 3.0, 2.0]), Some(1));
        // What only rises or falls has its highest place at an end, which is not asked for.
        assert_eq!(highest(&[4.0, 3.0, 2.0, 1.0]), Some(1));
        assert_eq!(highest(&[1.0, 2.0, 3.0, 4.0]), Some(2));
        assert_eq!(highest(&[9.0, 1.0, 9.0]), Some(1));
        assert_eq!([highest(&[]), highest(&[1.0]), highest(&[1.0, 2.0])], [None; 3]);
    }
}
