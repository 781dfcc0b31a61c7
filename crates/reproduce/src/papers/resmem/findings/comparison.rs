//! ResMem beside its base and its rivals on real data.

use super::super::Measured;
use super::super::compare::{Compared, Method};
use super::super::study::Study;
use super::super::synthetic::{RULE, WIDTHS};
use super::synthetic::synthetic_gain;
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role};
use crate::kit::rules;
use ndarray::Array2;
use tenfold_core_tensor::stats::{Estimate, StatsError, crossed_interval, mean_interval};

/// `a` minus `b` in correctness, `[seed, test point]`.
pub(in super::super) fn difference(results: &[Compared], a: Method, b: Method) -> Array2<f64> {
    let points = results[0].correct(a).len();
    let one = |s: usize, i: usize, m: Method| f64::from(u8::from(results[s].correct(m).get(i)));
    Array2::from_shape_fn((results.len(), points), |(s, i)| one(s, i, a) - one(s, i, b))
}

/// The gain of `a` over `b` in accuracy, with an interval over seeds and test points.
pub(in super::super) fn gain(results: &[Compared], a: Method, b: Method) -> Result<Estimate, StatsError> {
    crossed_interval(difference(results, a, b).view())
}

/// The gains at all capacities.
fn by_capacity(study: &Study, a: Method, b: Method) -> Vec<Array2<f64>> {
    study.by_capacity.iter().map(|results| difference(results, a, b)).collect()
}

fn on_real_data(m: &Measured, estimate: Result<Estimate, String>) -> Finding {
    let seeds = m.primary.by_capacity[0].len();
    Finding {
        estimate,
        parts: Vec::new(),
        data: m.primary.data().into(),
        seeds,
        n: format!(
            "{seeds} seeds x {} test points, {} training points",
            m.primary.points, m.primary.sizes[m.primary.main]
        ),
        seconds: m.primary.seconds,
        remark: String::new(),
    }
}

/// The gain at every capacity of a study.
fn each(study: &Study, a: Method, b: Method, what: &str, role: Role) -> Vec<Part> {
    let gains = study.capacities.iter().zip(&study.by_capacity);
    let part = |(c, r): (&super::super::settings::Capacity, &Vec<Compared>)| {
        Some(Part::new(format!("{what}, {}", c.name), gain(r, a, b).ok()?, study.data(), role))
    };
    gains.filter_map(part).collect()
}

/// The same gain on everything else: images beside the primary data, and the synthetic control.
fn elsewhere(m: &Measured, a: Method, b: Method, what: &str, role: Role) -> Vec<Part> {
    let on_rule = WIDTHS.iter().zip(&m.synthetic.rule[0]).filter_map(|(w, r)| {
        let e = synthetic_gain(r.iter().map(|r| &r.embedded), a, b).ok()?;
        Some(Part::new(format!("{what}, mlp-{w}"), e, RULE, role))
    });
    m.images.iter().flat_map(|study| each(study, a, b, what, role)).chain(on_rule).collect()
}

pub(in super::super) fn beats_base(m: &Measured) -> Result<Finding, ReproduceError> {
    let gains = by_capacity(&m.primary, Method::ResMem, Method::Base);
    let mut finding = on_real_data(m, rules::least_gain(&gains));
    finding.parts = each(&m.primary, Method::ResMem, Method::Base, "ResMem minus base", Role::Decides);
    let null = "memory with permuted residuals minus base";
    finding.parts.extend(each(&m.primary, Method::Shuffled, Method::Base, null, Role::Control));
    finding.parts.extend(elsewhere(m, Method::ResMem, Method::Base, "ResMem minus base", Role::Shown));
    finding.parts.extend(elsewhere(m, Method::Shuffled, Method::Base, null, Role::Control));
    Ok(finding)
}

pub(in super::super) fn shrinks(m: &Measured) -> Result<Finding, ReproduceError> {
    let gains = by_capacity(&m.primary, Method::ResMem, Method::Base);
    let mut finding = on_real_data(m, rules::first_minus_last(&gains));
    finding.parts = each(&m.primary, Method::ResMem, Method::Base, "gain", Role::Shown);
    finding.parts.extend(elsewhere(m, Method::ResMem, Method::Base, "gain", Role::Shown));
    Ok(finding)
}

fn beats(m: &Measured, other: Method, what: &str) -> Finding {
    let gains = by_capacity(&m.primary, Method::ResMem, other);
    let mut finding = on_real_data(m, rules::average(&gains));
    finding.parts = each(&m.primary, Method::ResMem, other, what, Role::Shown);
    finding.parts.extend(elsewhere(m, Method::ResMem, other, what, Role::Shown));
    finding
}

pub(in super::super) fn beats_knn(m: &Measured) -> Result<Finding, ReproduceError> {
    Ok(beats(m, Method::Knn, "ResMem minus kNN"))
}

pub(in super::super) fn beats_mixture(m: &Measured) -> Result<Finding, ReproduceError> {
    Ok(beats(m, Method::Mixture, "ResMem minus mixture"))
}

pub(in super::super) fn grows(m: &Measured) -> Result<Finding, ReproduceError> {
    let gains =
        |study: &Study| study.by_size.iter().map(|r| difference(r, Method::ResMem, Method::Base)).collect::<Vec<_>>();
    let slope = |study: &Study| rules::per_doubling(&gains(study), &study.sizes);
    let mut finding = on_real_data(m, slope(&m.primary));
    finding.n = format!(
        "{} seeds x {} test points at each of {:?} training points",
        finding.seeds, m.primary.points, m.primary.sizes
    );
    for study in m.studies() {
        for (n, results) in study.sizes.iter().zip(&study.by_size) {
            let e = gain(results, Method::ResMem, Method::Base);
            finding =
                finding.with_part(format!("gain at n = {n}, {}", study.middle().name), e, study.data(), Role::Shown);
        }
    }
    if let Some((study, Ok(e))) = m.images.as_ref().map(|study| (study, slope(study))) {
        finding.parts.push(Part::new("slope of the gain", e, study.data(), Role::Shown));
    }
    Ok(finding)
}

pub(in super::super) fn hnsw(m: &Measured) -> Result<Finding, ReproduceError> {
    let beside = |study: &Study| {
        let bit = |mask: &tenfold_core_tensor::mask::BitMask, i: usize| f64::from(u8::from(mask.get(i)));
        let dim = (study.approximate.len(), study.points);
        let apart = Array2::from_shape_fn(dim, |(s, i)| {
            bit(&study.approximate[s].hnsw, i) - bit(&study.approximate[s].exact, i)
        });
        rules::average(&[apart])
    };
    let mut finding = on_real_data(m, beside(&m.primary));
    for study in m.studies() {
        let recalls: Vec<f64> = study.approximate.iter().map(|a| a.recall).collect();
        finding =
            finding.with_part("recall of the true neighbours", mean_interval(&recalls), study.data(), Role::Shown);
    }
    Ok(finding)
}
