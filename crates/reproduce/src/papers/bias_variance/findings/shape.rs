//! Closed forms of collapse, and how variance moves with width.

use super::super::networks::Measured;
use super::{All, on_images, on_synthetic};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use ndarray::s;
use tenfold_analysis::{Decomposition, Scale};
use tenfold_core_tensor::stats::Estimate;

pub(super) fn closed_forms(all: &All) -> Finding {
    let deviations =
        || all.synthetic.forms.iter().flat_map(|form| [("Bias^2", form, form.bias), ("Var", form, form.variance)]);
    let reach = |e: &Estimate| e.lo.abs().max(e.hi.abs());
    let furthest = deviations().map(|d| d.2).max_by(|a, b| reach(a).total_cmp(&reach(b)));
    let [repetitions, draws] = all.settings.monte_carlo;
    let n = format!("{repetitions} repetitions of {draws} models each");
    let estimate = furthest.ok_or_else(|| "nothing was simulated".to_string());
    let mut finding = on_synthetic(all, "bias-variance.collapse-closed-forms", estimate, n);
    for (what, form, e) in deviations() {
        let name = format!("{what}, K = {}, s' = {}", form.classes, form.scale);
        finding.parts.push(Part::new(name, e, "synthetic", Role::Decides));
    }
    finding
}

pub(super) fn unimodal(all: &All) -> Result<Finding, ReproduceError> {
    let widths = all.networks.widths();
    let labels = &all.data.test.labels;
    let half = all.settings.models / 2;
    let measured = |m: &Measured, first: bool| -> Result<Estimate, ReproduceError> {
        let part = if first { s![..half, .., ..] } else { s![half.., .., ..] };
        let found = Decomposition::of(m.test.slice(part), labels, Scale::logits(), m.network.randomness)?;
        Ok(found.averages()?.variance.over_models)
    };
    let (mut chosen, mut best) = (0, f64::NEG_INFINITY);
    for (t, m) in widths.iter().enumerate() {
        let value = measured(m, true)?.value;
        if value > best {
            (chosen, best) = (t, value);
        }
    }
    let last = widths.len() - 1;
    let estimate = match chosen == 0 || chosen == last {
        true => Err(format!(
            "the peak is at an end, {}: the variance is monotone over these widths",
            widths[chosen].network.name
        )),
        false => {
            let peak = measured(widths[chosen], false)?;
            let below = |end: usize| -> Result<Estimate, ReproduceError> {
                let e = measured(widths[end], false)?;
                Ok(Estimate::from_t(peak.value - e.value, peak.se.hypot(e.se), (e.n - 1) as f64, e.n))
            };
            Finding::least(&[below(0)?, below(last)?])
        }
    };
    let mut finding = on_images(all, "bias-variance.variance-unimodal-in-width", estimate);
    for m in &widths {
        let a = &m.averages;
        finding.parts.push(Part::new(
            format!("variance, {}", m.network.name),
            a.variance.over_models,
            &all.data.name,
            Role::Shown,
        ));
        finding.parts.push(Part::new(
            format!("Bias^2, {}", m.network.name),
            a.bias.over_models,
            &all.data.name,
            Role::Shown,
        ));
    }
    Ok(finding)
}
