//! The linear setting, where every term of the risk is known.

use super::super::Measured;
use super::super::theory::{DIMENSIONS, NOISE_LEVELS, NoiseRun};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use tenfold_core_tensor::stats::{Estimate, StatsError, mean_interval};

const DATA: &str = "uniform on a ball (synthetic)";

pub(in super::super) fn rate(m: &Measured) -> Result<Finding, ReproduceError> {
    let t = &m.theory;
    let slopes: Result<Vec<(usize, Estimate)>, StatsError> =
        DIMENSIONS.iter().map(|&d| Ok((d, mean_interval(&t.slopes(d))?))).collect();
    let law = |d: usize| -2.0 / d as f64;
    let parts = slopes
        .iter()
        .flatten()
        .map(|(d, e)| Part::new(format!("slope at d = {d} (law: {:.2})", law(*d)), *e, DATA, Role::Decides));
    let seeds = t.rates.first().map_or(0, |r| r.risks.len());
    Ok(Finding {
        parts: parts.collect(),
        estimate: slopes.map_err(|e| e.to_string()).and_then(|slopes| {
            let apart: Vec<Estimate> = slopes.iter().map(|(d, e)| shifted(e, -law(*d))).collect();
            worst_distance(&apart)
        }),
        data: DATA.into(),
        seeds,
        n: format!("{seeds} seeds x 1000 test points at each n"),
        seconds: t.rate_seconds,
        remark: String::new(),
    })
}

fn shifted(e: &Estimate, by: f64) -> Estimate {
    Estimate { value: e.value + by, lo: e.lo + by, hi: e.hi + by, ..*e }
}

/// The largest distance from zero: the interval's upper end bounds every one at once, and its lower end is above a threshold
/// only if one of them is beyond it.
fn worst_distance(estimates: &[Estimate]) -> Result<Estimate, String> {
    let Some(first) = estimates.first() else { return Err("nothing was measured".into()) };
    if estimates.iter().any(|e| ![e.value, e.lo, e.hi].iter().all(|v| v.is_finite())) {
        return Err("one of the slopes is no finite number".into());
    }
    let mut worst = Estimate { value: 0.0, se: 0.0, lo: 0.0, hi: 0.0, n: first.n };
    for e in estimates {
        let nearest = if e.lo <= 0.0 && e.hi >= 0.0 { 0.0 } else { e.lo.abs().min(e.hi.abs()) };
        worst.value = worst.value.max(e.value.abs());
        worst.lo = worst.lo.max(nearest);
        worst.hi = worst.hi.max(e.lo.abs().max(e.hi.abs()));
        worst.se = worst.se.max(e.se);
    }
    Ok(worst)
}

/// One of several numbers under label noise: its name, its values by seed, and whether it decides.
type Named = (String, Vec<f64>, Role);

/// What is shown of a level of noise.
fn of_level(level: f64, runs: &[NoiseRun]) -> Vec<Named> {
    let over = |f: fn(&NoiseRun) -> f64| runs.iter().map(f).collect::<Vec<f64>>();
    let mut named = Vec::new();
    if level == 1.0 {
        named.push((format!("risk of k=1 minus base at noise {level}"), over(|r| r.first - r.base), Role::Decides));
    }
    if level == 0.25 {
        named.push((format!("risk of base minus k=1 at noise {level}"), over(|r| r.base - r.first), Role::Decides));
    }
    named.push((format!("risk of kNN minus ResMem at noise {level}"), over(|r| r.knn - r.best), Role::Decides));
    named.push((format!("best k at noise {level}"), over(|r| r.best_k as f64), Role::Shown));
    named
}

pub(in super::super) fn noise(m: &Measured) -> Result<Finding, ReproduceError> {
    let t = &m.theory;
    let named: Vec<Named> =
        NOISE_LEVELS.iter().zip(&t.noise).flat_map(|(level, runs)| of_level(*level, runs)).collect();
    let estimates: Result<Vec<(String, Estimate, Role)>, StatsError> =
        named.into_iter().map(|(name, values, role)| Ok((name, mean_interval(&values)?, role))).collect();
    let parts = estimates.iter().flatten().map(|(name, e, role)| Part::new(name, *e, DATA, *role)).collect();
    let seeds = t.noise.first().map_or(0, Vec::len);
    Ok(Finding {
        estimate: estimates.map_err(|e| e.to_string()).and_then(|all| {
            let decide = all.iter().filter(|(_, _, role)| *role == Role::Decides);
            least(&decide.map(|(_, e, _)| *e).collect::<Vec<_>>())
        }),
        parts,
        data: DATA.into(),
        seeds,
        n: format!("{seeds} seeds x 1000 test points at each noise level"),
        seconds: t.noise_seconds,
        remark: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Rule, Verdict};

    #[test]
    fn the_worst_distance_bounds_all() {
        let e = |value: f64, half: f64| Estimate { value, se: half / 2.0, lo: value - half, hi: value + half, n: 20 };
        let worst = worst_distance(&[e(0.01, 0.02), e(-0.03, 0.01)]).unwrap();
        assert!(
            (worst.value - 0.03).abs() < 1e-12 && (worst.hi - 0.04).abs() < 1e-12 && (worst.lo - 0.02).abs() < 1e-12
        );
        let decide = |all: &[Estimate]| Rule::Below(0.05).decide(&worst_distance(all).unwrap());
        assert_eq!(decide(&[e(0.01, 0.02), e(-0.03, 0.01)]), Verdict::Held);
        assert_eq!(decide(&[e(0.01, 0.02), e(-0.08, 0.01)]), Verdict::NotHeld);
        assert_eq!(decide(&[e(0.01, 0.02), e(-0.045, 0.01)]), Verdict::Inconclusive);
        assert!(worst_distance(&[e(0.0, f64::NAN)]).is_err() && worst_distance(&[]).is_err());
    }
}
