//! Whether squared bias and variance go together, and more than noise does.

use super::super::networks::Measured;
use super::{All, on_images};
use crate::claim::{Finding, Part, Role};
use tenfold_analysis::{Alignment, Null};
use tenfold_core_tensor::stats::Estimate;

fn shifted(e: &Estimate, by: f64) -> Estimate {
    Estimate { value: e.value + by, lo: e.lo + by, hi: e.hi + by, ..*e }
}

/// Alignment and null of every ensemble that has one, with its name.
pub(super) fn each<'a>(all: &'a All) -> impl Iterator<Item = (&'a str, &'a Alignment, &'a Null)> {
    let networks = all.networks.all.iter().map(|m| (m.network.name.as_str(), &m.aligned));
    let others = all.others.all.iter().map(|o| (o.name, &o.aligned));
    networks.chain(others).filter_map(|(name, found)| found.as_ref().ok().map(|(a, n)| (name, a, n)))
}

fn of_largest<'a>(all: &'a All) -> Result<(&'a Alignment, &'a Null), String> {
    all.networks.largest().aligned.as_ref().map(|(a, n)| (a, n)).map_err(Clone::clone)
}

fn null_part(name: String, drawn: tenfold_analysis::Drawn, data: &str) -> Part {
    let e = Estimate { value: drawn.mean, se: 0.0, lo: drawn.lo, hi: drawn.hi, n: super::super::settings::DRAWS };
    Part::new(name, e, data, Role::Control)
}

pub(super) fn aligned(all: &All) -> Finding {
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

pub(super) fn beyond_null(all: &All) -> Finding {
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

pub(super) fn bounds(all: &All) -> Finding {
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

pub(super) fn stronger(all: &All) -> Finding {
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
