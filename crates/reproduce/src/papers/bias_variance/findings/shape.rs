//! Closed forms of collapse, and how variance moves with width.

use super::super::networks::Measured;
use super::{All, on_images, on_synthetic, over_points};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use ndarray::s;
use tenfold_analysis::{Decomposition, Point, Scale};
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

pub(in super::super) fn unimodal(all: &All) -> Result<Finding, ReproduceError> {
    let widths = all.networks.widths();
    let (half, last) = (all.settings.models / 2, widths.len() - 1);
    let part = |m: &Measured, first: bool| -> Result<Decomposition, ReproduceError> {
        let part = if first { s![..half, .., ..] } else { s![half.., .., ..] };
        Ok(Decomposition::of(m.test.slice(part), &all.data.test.labels, Scale::logits(), m.network.randomness)?)
    };
    let halves = |first: bool| widths.iter().map(|m| part(m, first)).collect::<Result<Vec<Decomposition>, _>>();
    let variance = |found: &Decomposition| over_points(found, Point::unbiased_variance);
    let chosen: Vec<f64> = halves(true)?.iter().map(variance).collect();
    let above = |w: usize| chosen[w] - chosen[0].max(chosen[last]);
    // Between the ends, so that a variance that only rises or falls is found to be below one of them.
    let peak = (1..last).max_by(|a, b| above(*a).total_cmp(&above(*b)));
    let estimate = match peak {
        None => Err("three widths are needed".to_string()),
        Some(peak) => {
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
            least(&[below(0)?, below(last)?])
        }
    };
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
