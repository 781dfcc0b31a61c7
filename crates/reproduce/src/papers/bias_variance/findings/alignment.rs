//! Whether squared bias and variance go together, and more than noise does.

use super::super::networks::Measured;
use super::{All, on_images};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role};
use ndarray::Array3;
use rand::seq::SliceRandom;
use tenfold_analysis::{Alignment, Decomposition, Drawn, Fit, Noise, Null, Nulls, Selection};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, slope_weights};

/// Variances of points that are neither lost to rounding nor near the ceiling (derived in the chapter).
const INNER: [f64; 2] = [1e-6, 0.1];

/// Training accuracy from which on a perceptron counts as fitting: sizes that fit and sizes that do not differ in more than size.
const FITTED: f64 = 0.9;

fn shifted(e: &Estimate, by: f64) -> Estimate {
    Estimate { value: e.value + by, lo: e.lo + by, hi: e.hi + by, ..*e }
}

/// Alignment and null of every ensemble that has one, with its name.
fn each<'a>(all: &'a All) -> impl Iterator<Item = (&'a str, &'a Alignment, &'a Nulls)> {
    let networks = all.networks.all.iter().map(|m| (m.network.name.as_str(), &m.aligned));
    let others = all.others.all.iter().map(|o| (o.name, &o.aligned));
    networks.chain(others).filter_map(|(name, found)| found.as_ref().ok().map(|(a, n)| (name, a, n)))
}

fn of_largest<'a>(all: &'a All) -> Result<(&'a Alignment, &'a Nulls), String> {
    all.networks.largest().aligned.as_ref().map(|(a, n)| (a, n)).map_err(Clone::clone)
}

/// A statistic under both nulls.
fn under_nulls(what: &str, name: &str, nulls: &Nulls, of: fn(&Fit<f64>) -> f64, data: &str) -> [Part; 2] {
    nulls.each().map(|null| {
        let Drawn { mean: value, lo, hi } = null.range(of);
        let e = Estimate { value, se: 0.0, lo, hi, n: null.draws };
        Part::new(format!("{what} under {}, {name}", noise(null)), e, data, Role::Control)
    })
}

/// What a null's noise is called.
pub(super) fn noise(null: &Null) -> &'static str {
    match null.noise {
        Noise::Dealt => "noise dealt out",
        Noise::Normal => "normal noise",
    }
}

/// Fisher's z of the correlation: without ends, where R^2 ends at one.
pub(in super::super) fn z(fit: &Fit<f64>) -> f64 {
    fit.pearson.atanh()
}

/// What is beyond each null.
fn beyond_each(nulls: &Nulls, of: fn(&Fit<f64>) -> f64) -> Result<[Estimate; 2], String> {
    let each = |null: &Null| null.beyond_of(of).map_err(|error| error.to_string());
    Ok([each(&nulls.dealt)?, each(&nulls.normal)?])
}

/// What is beyond both nulls, at the widest perceptron and, beside it, everywhere.
fn beyond(all: &All, name: &str, of: fn(&Fit<f64>) -> f64) -> Finding {
    let estimate = of_largest(all).and_then(|(_, nulls)| nulls.beyond_of(of).map_err(|error| error.to_string()));
    let mut finding = on_images(all, estimate);
    for (of_what, _, nulls) in each(all) {
        let role = if of_what == all.networks.largest().network.name { Role::Decides } else { Role::Shown };
        for (null, e) in nulls.each().into_iter().zip(beyond_each(nulls, of).iter().flatten()) {
            let what = format!("{name} beyond {}, {of_what}", noise(null));
            finding.parts.push(Part::new(what, *e, &all.data.name, role));
        }
    }
    finding
}

pub(in super::super) fn aligned(all: &All) -> Result<Finding, ReproduceError> {
    let estimate = of_largest(all).map(|(a, _)| shifted(&a.fit.total_slope, -1.0));
    let mut finding = on_images(all, estimate);
    let data = &all.data.name;
    for (name, a, nulls) in each(all) {
        finding.parts.push(Part::new(format!("slope, {name}"), a.fit.total_slope, data, Role::Shown));
        finding.parts.extend(under_nulls("slope", name, nulls, |fit| fit.total_slope, data));
    }
    let largest = all.networks.largest();
    let name = &largest.network.name;
    let inner = Selection { variances: Some(INNER), ..Selection::default() };
    if let Ok(a) = Alignment::of(&largest.found, inner) {
        let what = format!("slope, {name}, points with Var from {} to {}", INNER[0], INNER[1]);
        finding.parts.push(Part::new(what, a.fit.total_slope, data, Role::Control));
    }
    // Models dealt out among the points of a class: their differences stay, whose point they were of does not.
    let dealt = dealt_out(largest, &all.data.test.labels)?;
    if let Ok(a) = Alignment::of(&dealt, Selection::default()) {
        let what = format!("R^2, {name}, each model's points of a class exchanged");
        finding.parts.push(Part::new(what, a.fit.r_squared, data, Role::Control));
    }
    finding.remark =
        "Noise of one size, independent over models, has slope one by construction: this is a control.".into();
    Ok(finding)
}

/// The decomposition after each model's predictions have been exchanged among the points of a class.
fn dealt_out(m: &Measured, labels: &[usize]) -> Result<Decomposition, ReproduceError> {
    let (models, points, classes) = m.test.dim();
    let mut dealt = Array3::<f32>::zeros((models, points, classes));
    for t in 0..models {
        let mut rng = Seed::new(0).named("bias-variance-dealt").child(t as u64).rng();
        for class in 0..classes {
            let own: Vec<usize> = (0..points).filter(|&i| labels[i] == class).collect();
            let mut from = own.clone();
            from.shuffle(&mut rng);
            for (&to, &from) in own.iter().zip(&from) {
                dealt.slice_mut(ndarray::s![t, to, ..]).assign(&m.test.slice(ndarray::s![t, from, ..]));
            }
        }
    }
    Ok(Decomposition::of(dealt.view(), labels, m.found.scale(), m.network.randomness)?)
}

pub(in super::super) fn beyond_null(all: &All) -> Finding {
    let mut finding = beyond(all, "atanh r", z);
    let data = &all.data.name;
    for (name, a, nulls) in each(all) {
        finding.parts.push(Part::new(format!("R^2, {name}"), a.fit.r_squared, data, Role::Shown));
        finding.parts.extend(under_nulls("R^2", name, nulls, |fit| fit.r_squared, data));
        finding.parts.push(Part::new(format!("log ratio, {name}"), a.fit.log_ratio, data, Role::Shown));
        finding.parts.extend(under_nulls("log ratio", name, nulls, |fit| fit.log_ratio, data));
    }
    finding
}

pub(in super::super) fn bounds(all: &All) -> Finding {
    let mut finding = beyond(all, "log c of 95 %", |fit| fit.bound_95.ln());
    for (name, a, nulls) in each(all) {
        let data = &all.data.name;
        finding.parts.push(Part::new(format!("c of 95 %, {name}"), a.fit.bound_95, data, Role::Shown));
        finding.parts.push(Part::new(format!("c of 99 %, {name}"), a.fit.bound_99, data, Role::Shown));
        finding.parts.extend(under_nulls("c of 95 %", name, nulls, |fit| fit.bound_95, data));
    }
    finding
}

pub(in super::super) fn stronger(all: &All) -> Finding {
    let widths = all.networks.widths();
    let of = |m: &Measured| -> Result<[Estimate; 2], String> {
        let named = |reason: &String| format!("{}: {reason}", m.network.name);
        let (_, nulls) = m.aligned.as_ref().map_err(named)?;
        beyond_each(nulls, z).map_err(|reason| named(&reason))
    };
    let found: Vec<Result<[Estimate; 2], String>> = widths.iter().map(|m| of(m)).collect();
    let sizes: Vec<f64> = widths.iter().map(|m| m.network.size).collect();
    let fits: Vec<bool> = widths.iter().map(|m| m.train_accuracy >= FITTED).collect();
    let slopes = slopes(&sizes, &fits, &found, all.settings.models);
    let mut finding = on_images(all, slopes.as_ref().map_err(Clone::clone).map(|slopes| all_agreed(slopes)));
    let names = ["noise dealt out", "normal noise"];
    for ((null, fitted), e) in KINDS.iter().zip(slopes.iter().flatten()) {
        let which = if *fitted { "widths that fit" } else { "all widths" };
        let name = format!("slope beyond {}, {which}", names[*null]);
        finding.parts.push(Part::new(name, *e, &all.data.name, Role::Decides));
    }
    for (m, found) in widths.iter().zip(found) {
        for (name, e) in names.iter().zip(found.iter().flatten()) {
            let name = format!("atanh r beyond {name}, {}", m.network.name);
            finding.parts.push(Part::new(name, *e, &all.data.name, Role::Shown));
        }
    }
    finding
}

/// The slopes that decide together: beyond which null, and whether over the widths that fit alone.
const KINDS: [(usize, bool); 4] = [(0, false), (1, false), (0, true), (1, true)];

/// The slopes on log2 of the size of what is beyond each null, over all sizes and over those that fit, in the order of [`KINDS`].
pub(super) fn slopes(
    sizes: &[f64],
    fits: &[bool],
    found: &[Result<[Estimate; 2], String>],
    models: usize,
) -> Result<Vec<Estimate>, String> {
    let slope = |&(null, fitted): &(usize, bool)| -> Result<Estimate, String> {
        let of = sizes.iter().zip(found).zip(fits).filter(|(_, fits)| !fitted || **fits).map(|(of, _)| of);
        let points: Vec<(f64, Estimate)> =
            of.map(|(size, e)| Ok((size.log2(), e.clone()?[null]))).collect::<Result<_, String>>()?;
        if points.len() < 3 {
            return Err(format!("{} widths reach a training accuracy of {FITTED}: a trend needs three", points.len()));
        }
        trend(&points, models)
    };
    KINDS.iter().map(slope).collect()
}

/// One estimate that decides only where all do.
pub(super) fn all_agreed(answers: &[Estimate]) -> Estimate {
    answers[1..].iter().fold(answers[0], |a, b| a.agreed(*b))
}

/// The slope of estimates that have nothing to do with each other.
fn trend(points: &[(f64, Estimate)], models: usize) -> Result<Estimate, String> {
    let weights = slope_weights(&points.iter().map(|(x, _)| *x).collect::<Vec<f64>>()).map_err(|e| e.to_string())?;
    let weighted = || weights.iter().zip(points).map(|(w, (_, e))| (w, e));
    let value = weighted().map(|(w, e)| w * e.value).sum();
    let se = weighted().map(|(w, e)| (w * e.se).powi(2)).sum::<f64>().sqrt();
    Ok(Estimate::from_t(value, se, (models - 1) as f64, models))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_by_hand() {
        let at = |value: f64, se: f64| Estimate { value, se, lo: value - se, hi: value + se, n: 9 };
        // Two a doubling; errors of the ends alone, with weights of one half.
        let e = trend(&[(1.0, at(1.0, 0.3)), (2.0, at(3.0, 7.0)), (3.0, at(5.0, 0.4))], 10).unwrap();
        assert_eq!((e.value, e.n), (2.0, 10));
        assert!((e.se - 0.25).abs() < 1e-12 && (e.hi - 2.0 - 2.262_157 * 0.25).abs() < 1e-5, "{e:?}");
        assert!(trend(&[(1.0, at(1.0, 0.3)), (1.0, at(2.0, 0.3))], 10).is_err());
    }

    #[test]
    fn all_slopes_decide_and_a_trend_needs_three_widths() {
        let at = |value: f64| Estimate { value, se: 0.01, lo: value - 0.02, hi: value + 0.02, n: 9 };
        // The first null rises by one a doubling; the second falls where widths fit.
        let found: Vec<_> = [[0.0, 0.0], [1.0, 9.0], [2.0, 8.0], [3.0, 7.0]].map(|e| Ok(e.map(at))).into();
        let sizes = [2.0, 4.0, 8.0, 16.0];
        let all = slopes(&sizes, &[false, true, true, true], &found, 10).unwrap();
        let values: Vec<f64> = all.iter().map(|e| (e.value * 1e9).round() / 1e9).collect();
        assert_eq!(values, [1.0, 2.0, 1.0, -1.0]);
        let agreed = all_agreed(&all);
        assert!(agreed.lo < -1.0 && agreed.hi > 2.0 && agreed.value.abs() < 1.0 + 1e-9);
        let error = slopes(&sizes, &[false, false, true, true], &found, 10).unwrap_err();
        assert_eq!(error, "2 widths reach a training accuracy of 0.9: a trend needs three");
        // A width without an alignment is named, where it is asked for.
        let found = [vec![Err("mlp-2: none".to_string())], found[1..].to_vec()].concat();
        assert_eq!(slopes(&sizes, &[false, true, true, true], &found, 10).unwrap_err(), "mlp-2: none");
    }
}
