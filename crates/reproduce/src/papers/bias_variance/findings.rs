//! From measurements to findings.

use super::data::Data;
use super::networks::{Measured, Networks};
use super::others::Others;
use super::settings::{Settings, TEMPERATURES};
use super::synthetic::Synthetic;
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use ndarray::{Array3, Axis, s};
use rayon::prelude::*;
use tenfold_analysis::{
    Alignment, Bins, Calibration, Decomposition, Disagreement, GapBound, KlDecomposition, Null, Scale, Temperature,
    fit, fit_temperature, mean_model,
};
use tenfold_core_tensor::stats::{Estimate, jackknife, mean, variance};

/// Everything that was measured.
pub(super) struct All<'a> {
    pub(super) settings: &'a Settings,
    pub(super) data: &'a Data,
    pub(super) networks: &'a Networks,
    pub(super) others: &'a Others,
    pub(super) synthetic: &'a Synthetic,
}

/// The two sides of the bound at a temperature.
pub(super) struct Side {
    pub(super) temperature: f64,
    pub(super) left: Estimate,
    pub(super) right: Estimate,
}

/// Findings, and numbers that the report shows again.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    pub(super) sweep: Vec<Side>,
    pub(super) kl: KlDecomposition,
    pub(super) temperature: Temperature,
    /// Before and after temperature scaling.
    pub(super) disagreement: [Disagreement; 2],
}

pub(super) fn findings(all: &All) -> Result<Found, ReproduceError> {
    let largest = all.networks.largest();
    let labels = &all.data.test.labels;
    let kl = KlDecomposition::of(largest.test.view(), labels, Scale::logits(), largest.network.randomness)?;
    let sweep = sweep(largest, labels)?;
    let temperature = fit_temperature(largest.validation.view(), &all.data.validation.labels)?;
    let scaled = Scale::Logits { temperature: temperature.temperature };
    let after = Decomposition::of(largest.test.view(), labels, scaled, largest.network.randomness)?;
    let disagreement = [Disagreement::of(&largest.found)?, Disagreement::of(&after)?];
    let findings = vec![
        additive(all, &kl),
        identity(all),
        aligned(all),
        beyond_null(all),
        bounds(all),
        stronger(all),
        calibrated(all),
        bound(all, &sweep),
        closed_forms(all),
        kl_weaker(all, &kl)?,
        unimodal(all)?,
        equals_error(all, temperature, &disagreement),
    ];
    Ok(Found { findings, sweep, kl, temperature, disagreement })
}

/// A finding on the real images.
fn on_images(all: &All, id: &'static str, estimate: Result<Estimate, String>) -> Finding {
    let [train, _, test] = all.settings.counts;
    let models = all.settings.models;
    Finding {
        id,
        estimate,
        parts: Vec::new(),
        data: all.data.name.clone(),
        seeds: models,
        n: format!("{models} models, {train} training and {test} test images"),
        seconds: all.networks.seconds,
        remark: String::new(),
    }
}

/// A finding on synthetic data.
fn on_synthetic(all: &All, id: &'static str, estimate: Result<Estimate, String>, n: String) -> Finding {
    let seeds = estimate.as_ref().map_or(0, |e| e.n);
    let (parts, data, remark) = (Vec::new(), "synthetic".to_string(), String::new());
    Finding { id, estimate, parts, data, seeds, n, seconds: all.synthetic.seconds, remark }
}

fn additive(all: &All, kl: &KlDecomposition) -> Finding {
    let networks = all.networks.all.iter().map(|m| m.averages.additivity);
    let others = all.others.all.iter().map(|o| o.averages.additivity);
    let squared = networks.chain(others).fold(0.0, f64::max);
    let of_kl = kl.points.iter().map(|p| (p.bias + p.variance - p.loss).abs() / p.loss.max(1.0)).fold(0.0, f64::max);
    let count = all.networks.all.len() + all.others.all.len() + 1;
    on_images(all, "bias-variance.identity-additive", Finding::deviation(squared.max(of_kl), count))
}

fn identity(all: &All) -> Finding {
    let networks = all.networks.all.iter().map(|m| m.averages.identity);
    let largest = networks.chain(all.others.all.iter().map(|o| o.averages.identity)).fold(0.0, f64::max);
    let count = all.networks.all.len() + all.others.all.len();
    on_images(all, "bias-variance.exact-gap-identity", Finding::deviation(largest, count))
}

fn shifted(e: &Estimate, by: f64) -> Estimate {
    Estimate { value: e.value + by, lo: e.lo + by, hi: e.hi + by, ..*e }
}

/// Alignment and null of every ensemble that has one, with its name.
fn each<'a>(all: &'a All) -> impl Iterator<Item = (&'a str, &'a Alignment, &'a Null)> {
    let networks = all.networks.all.iter().map(|m| (m.network.name.as_str(), &m.aligned));
    let others = all.others.all.iter().map(|o| (o.name, &o.aligned));
    networks.chain(others).filter_map(|(name, found)| found.as_ref().ok().map(|(a, n)| (name, a, n)))
}

fn of_largest<'a>(all: &'a All) -> Result<(&'a Alignment, &'a Null), String> {
    all.networks.largest().aligned.as_ref().map(|(a, n)| (a, n)).map_err(Clone::clone)
}

fn null_part(name: String, drawn: tenfold_analysis::Drawn, data: &str) -> Part {
    let e = Estimate { value: drawn.mean, se: 0.0, lo: drawn.lo, hi: drawn.hi, n: super::settings::DRAWS };
    Part::new(name, e, data, Role::Control)
}

fn aligned(all: &All) -> Finding {
    let estimate = of_largest(all).map(|(a, _)| shifted(&a.fit.total_slope, -1.0));
    let mut finding = on_images(all, "bias-variance.aligned-on-correct", estimate);
    for (name, a, null) in each(all) {
        let data = &all.data.name;
        finding.parts.push(Part::new(format!("slope, {name}"), a.fit.total_slope, data, Role::Shown));
        finding.parts.push(null_part(format!("slope under the null, {name}"), null.drawn.total_slope, data));
    }
    finding.remark =
        "Noise of one size, independent over models, has slope one by construction: this is a control.".into();
    finding
}

fn beyond_null(all: &All) -> Finding {
    let estimate = of_largest(all).map(|(_, null)| null.beyond.r_squared);
    let mut finding = on_images(all, "bias-variance.aligned-beyond-null", estimate);
    for (name, a, null) in each(all) {
        let data = &all.data.name;
        finding.parts.push(Part::new(format!("R^2, {name}"), a.fit.r_squared, data, Role::Shown));
        finding.parts.push(null_part(format!("R^2 under the null, {name}"), null.drawn.r_squared, data));
        finding.parts.push(Part::new(format!("log ratio, {name}"), a.fit.log_ratio, data, Role::Shown));
        finding.parts.push(null_part(format!("log ratio under the null, {name}"), null.drawn.log_ratio, data));
    }
    finding.remark =
        "The null has noise of one size for all points; noise whose size differs from point to point scatters the \
                      real points more, and lowers R^2."
            .into();
    finding
}

fn bounds(all: &All) -> Finding {
    let models = all.settings.models as f64;
    let of = |a: &Alignment, null: &Null| {
        let c = a.fit.bound_95;
        let reference = (1.0 / (models - 1.0)).max(null.drawn.bound_95.mean);
        // The logarithm's error by the delta method.
        Estimate::from_t((c.value / reference).ln(), c.se / c.value, models - 1.0, all.settings.models)
    };
    let estimate = of_largest(all).map(|(a, null)| of(a, null));
    let mut finding = on_images(all, "bias-variance.bias-bounds-variance", estimate);
    for (name, a, null) in each(all) {
        let data = &all.data.name;
        finding.parts.push(Part::new(format!("c of 95 %, {name}"), a.fit.bound_95, data, Role::Shown));
        finding.parts.push(Part::new(format!("c of 99 %, {name}"), a.fit.bound_99, data, Role::Shown));
        finding.parts.push(null_part(format!("c of 95 % under the null, {name}"), null.drawn.bound_95, data));
    }
    finding
}

fn stronger(all: &All) -> Finding {
    let widths = all.networks.widths();
    let of = |m: &Measured| m.aligned.as_ref().map(|(_, null)| null.beyond.r_squared).map_err(Clone::clone);
    let estimate = of(widths[widths.len() - 1]).and_then(|large| {
        let small = of(widths[0])?;
        let se = large.se.hypot(small.se);
        Ok(Estimate::from_t(large.value - small.value, se, (large.n - 1) as f64, large.n))
    });
    let mut finding = on_images(all, "bias-variance.stronger-when-larger", estimate);
    for m in &widths {
        if let Ok(e) = of(m) {
            let name = format!("R^2 beyond the null, {}", m.network.name);
            finding.parts.push(Part::new(name, e, &all.data.name, Role::Shown));
        }
    }
    finding.remark =
        "Narrow networks do not fit: their points lie on a curve of the margin, which a line explains better than \
                      noise of one size would let it. Wide networks come near the null from below."
            .into();
    finding
}

fn calibrated(all: &All) -> Finding {
    let n = format!("20 models, {} points", all.settings.synthetic_points);
    let mut finding = on_synthetic(all, "bias-variance.calibration-implies-equality", Ok(all.synthetic.gap), n);
    finding.parts.push(Part::new(
        "the same with labels from a sharper model",
        all.synthetic.sharper,
        "synthetic",
        Role::Control,
    ));
    finding
}

fn sweep(largest: &Measured, labels: &[usize]) -> Result<Vec<Side>, ReproduceError> {
    let at = |&temperature: &f64| -> Result<Side, ReproduceError> {
        let scale = Scale::Logits { temperature };
        let found = Decomposition::of(largest.test.view(), labels, scale, largest.network.randomness)?;
        let calibration = Calibration::of(mean_model(largest.test.view(), scale)?.view(), labels, Bins::default())?;
        let bound = GapBound::of(&found, &calibration);
        let gaps: Vec<f64> = found.points().iter().map(|p| p.bias - p.variance - p.gini).collect();
        let n = gaps.len();
        let left = Estimate::from_t(bound.left, (variance(&gaps) / n as f64).sqrt(), (n - 1) as f64, n);
        let se = 2.0 * calibration.classes.iter().map(|c| c.debiased.se.powi(2)).sum::<f64>().sqrt();
        let right = Estimate::from_t(bound.right_debiased, se, (n - 1) as f64, n);
        Ok(Side { temperature, left, right })
    };
    TEMPERATURES.par_iter().map(at).collect()
}

fn bound(all: &All, sweep: &[Side]) -> Finding {
    let differences: Vec<Estimate> = sweep
        .iter()
        .map(|side| {
            let se = side.left.se.hypot(side.right.se);
            Estimate::from_t(side.right.value - side.left.value, se, (side.left.n - 1) as f64, side.left.n)
        })
        .collect();
    let mut finding = on_images(all, "bias-variance.calibration-bound-holds", Finding::least(&differences));
    for (side, e) in sweep.iter().zip(&differences) {
        let name = format!("right minus left side, T = {}", side.temperature);
        finding.parts.push(Part::new(name, *e, &all.data.name, Role::Decides));
    }
    finding
}

fn closed_forms(all: &All) -> Finding {
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

/// R^2 of the cross-entropy's bias and variance on points that were right.
fn kl_r_squared(kl: &KlDecomposition) -> Result<f64, ReproduceError> {
    let pairs: Vec<(f64, f64)> = kl.points.iter().filter(|p| p.correct).map(|p| (p.bias, p.variance)).collect();
    Ok(fit(&pairs)?.r_squared)
}

fn squared_r_squared(found: &Decomposition) -> Result<f64, ReproduceError> {
    let pairs: Vec<(f64, f64)> = found.points().iter().filter(|p| p.correct()).map(|p| (p.bias, p.variance)).collect();
    Ok(fit(&pairs)?.r_squared)
}

fn kl_weaker(all: &All, kl: &KlDecomposition) -> Result<Finding, ReproduceError> {
    let largest = all.networks.largest();
    let (labels, models) = (&all.data.test.labels, all.settings.models);
    let whole = [kl_r_squared(kl)?, squared_r_squared(&largest.found)?];
    let without = |t: usize| -> Result<[f64; 2], ReproduceError> {
        let others: Vec<usize> = (0..models).filter(|k| *k != t).collect();
        let rest: Array3<f32> = largest.test.select(Axis(0), &others);
        let kl = KlDecomposition::of(rest.view(), labels, Scale::logits(), largest.network.randomness)?;
        let squared = Decomposition::of(rest.view(), labels, Scale::logits(), largest.network.randomness)?;
        Ok([kl_r_squared(&kl)?, squared_r_squared(&squared)?])
    };
    let without = (0..models).into_par_iter().map(without).collect::<Result<Vec<_>, ReproduceError>>()?;
    let of = |statistic: &dyn Fn(&[f64; 2]) -> f64| {
        jackknife(statistic(&whole), &without.iter().map(statistic).collect::<Vec<f64>>())
    };
    let mut finding = on_images(all, "bias-variance.kl-weaker", Ok(of(&|r| r[0] - r[1])?));
    for (name, k) in [("R^2 of the cross-entropy", 0), ("R^2 of the squared loss", 1)] {
        finding.parts.push(Part::new(name, of(&|r| r[k])?, &all.data.name, Role::Shown));
    }
    Ok(finding)
}

fn unimodal(all: &All) -> Result<Finding, ReproduceError> {
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

fn equals_error(all: &All, temperature: Temperature, [before, after]: &[Disagreement; 2]) -> Finding {
    let id = "bias-variance.disagreement-equals-error-after-temperature";
    let mut finding = on_images(all, id, Ok(after.soft_difference));
    let data = &all.data.name;
    for (when, d) in [("before", before), ("after", after)] {
        finding.parts.push(Part::new(format!("soft difference {when}"), d.soft_difference, data, Role::Shown));
        finding.parts.push(Part::new(format!("soft error {when}"), d.soft_error, data, Role::Shown));
        finding.parts.push(Part::new(format!("hard difference {when}"), d.difference, data, Role::Shown));
    }
    let e = Estimate {
        value: temperature.temperature,
        se: 0.0,
        lo: temperature.temperature,
        hi: temperature.temperature,
        n: 1,
    };
    finding.parts.push(Part::new("temperature", e, data, Role::Shown));
    finding.remark =
        "One temperature makes single models calibrated on average; their mean is less sure than they are.".into();
    finding
}

/// Mean of a statistic of the points.
pub(super) fn over_points(found: &Decomposition, of: impl Fn(&tenfold_analysis::Point) -> f64) -> f64 {
    mean(&found.points().iter().map(of).collect::<Vec<f64>>())
}
