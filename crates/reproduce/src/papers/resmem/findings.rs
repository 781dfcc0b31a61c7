//! From measurements to findings.

use super::claims::CLUSTER_MARGIN;
use super::compare::{Compared, Identities, Method};
use super::real::Real;
use super::synthetic::{RuleResult, Synthetic, WIDTHS};
use super::theory::{DIMENSIONS, NOISE_LEVELS, Theory};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use ndarray::Array2;
use tenfold_core_tensor::stats::{Estimate, StatsError, crossed_interval, mean_interval};

/// `a` minus `b` in correctness, `[seed, test point]`, averaged over groups of seeds that share a test set.
pub(super) fn difference(groups: &[&[Compared]], weights: &[f64], a: Method, b: Method) -> Array2<f64> {
    let (seeds, points) = (groups[0].len(), groups[0][0].correct(a).len());
    Array2::from_shape_fn((seeds, points), |(s, i)| {
        let one = |g: &&[Compared]| f64::from(u8::from(g[s].correct(a)[i])) - f64::from(u8::from(g[s].correct(b)[i]));
        groups.iter().zip(weights).map(|(g, w)| w * one(g)).sum()
    })
}

/// The gain of `a` over `b` in accuracy, with an interval over seeds and test points.
pub(super) fn gain(results: &[Compared], a: Method, b: Method) -> Result<Estimate, StatsError> {
    crossed_interval(difference(&[results], &[1.0], a, b).view())
}

/// The gain of `a` over `b` on synthetic data, where every seed has test points of its own: an interval over seeds.
pub(super) fn synthetic_gain<'a>(
    results: impl Iterator<Item = &'a Compared>,
    a: Method,
    b: Method,
) -> Result<Estimate, StatsError> {
    let gains: Vec<f64> = results.map(|c| c.accuracy(a) - c.accuracy(b)).collect();
    mean_interval(&gains)
}

/// Findings on real images, with the synthetic data as parts beside them.
pub(super) fn real(real: &Real, synthetic: &Synthetic) -> Result<Vec<Finding>, ReproduceError> {
    let data = real.source.name.as_str();
    let seeds = real.by_capacity[0].len();
    let points = real.test.len();
    let n = format!("{seeds} seeds x {points} test points");
    let groups: Vec<&[Compared]> = real.by_capacity.iter().map(Vec::as_slice).collect();
    let thirds = vec![1.0 / groups.len() as f64; groups.len()];
    let finding = |id, estimate: Result<Estimate, String>, parts| Finding {
        id,
        estimate,
        parts,
        data: data.to_string(),
        seeds,
        n: n.clone(),
        seconds: real.seconds,
        remark: String::new(),
    };
    let words = |e: Result<Estimate, StatsError>| e.map_err(|e| e.to_string());
    let each = |a: Method, b: Method, what: &str, role: Role| -> Vec<Part> {
        let parts = real.capacities.iter().zip(&real.by_capacity);
        parts
            .filter_map(|(c, r)| Some(Part::new(format!("{what}, {}", c.name), gain(r, a, b).ok()?, data, role)))
            .collect()
    };
    let on_rule = |a: Method, b: Method, what: &str| -> Vec<Part> {
        let parts = WIDTHS.iter().zip(&synthetic.rule[0]);
        parts
            .filter_map(|(w, r)| {
                let e = synthetic_gain(r.iter().map(|r| &r.embedded), a, b).ok()?;
                Some(Part::new(format!("{what}, mlp-{w}"), e, "rule-and-exceptions (synthetic)", Role::Shown))
            })
            .collect()
    };

    let gains: Result<Vec<Estimate>, StatsError> =
        real.by_capacity.iter().map(|r| gain(r, Method::ResMem, Method::Base)).collect();
    let least = gains.map_err(|e| e.to_string()).and_then(|g| Finding::least(&g));
    let mut parts = each(Method::ResMem, Method::Base, "ResMem minus base", Role::Decides);
    parts.extend(each(Method::Shuffled, Method::Base, "memory with shuffled residuals minus base", Role::Control));
    parts.extend(on_rule(Method::ResMem, Method::Base, "ResMem minus base"));
    parts.extend(on_rule(Method::Shuffled, Method::Base, "shuffled residuals minus base").into_iter().map(control));
    let beats_base = finding("resmem.beats-base", least, parts);

    let (first, last) = (groups[0], groups[groups.len() - 1]);
    let contrast = difference(&[first, last], &[1.0, -1.0], Method::ResMem, Method::Base);
    let mut shrinks =
        finding("resmem.gain-shrinks-with-capacity", words(crossed_interval(contrast.view())), Vec::new());
    shrinks.parts = each(Method::ResMem, Method::Base, "gain", Role::Shown);
    shrinks.parts.extend(on_rule(Method::ResMem, Method::Base, "gain"));

    let against = |id, other: Method, what: &str| {
        let d = difference(&groups, &thirds, Method::ResMem, other);
        let mut parts = each(Method::ResMem, other, what, Role::Shown);
        parts.extend(on_rule(Method::ResMem, other, what));
        finding(id, words(crossed_interval(d.view())), parts)
    };
    let beats_knn = against("resmem.beats-knn", Method::Knn, "ResMem minus kNN");
    let beats_mixture = against("resmem.beats-knnlm-mixture", Method::Mixture, "ResMem minus mixture");

    let logs: Vec<f64> = real.sizes.iter().map(|n| (*n as f64).log2()).collect();
    let centre = logs.iter().sum::<f64>() / logs.len() as f64;
    let spread: f64 = logs.iter().map(|x| (x - centre) * (x - centre)).sum();
    let weights: Vec<f64> = logs.iter().map(|x| (x - centre) / spread).collect();
    let by_size: Vec<&[Compared]> = real.by_size.iter().map(Vec::as_slice).collect();
    let slope = difference(&by_size, &weights, Method::ResMem, Method::Base);
    let mut grows = finding("resmem.gain-grows-with-n", words(crossed_interval(slope.view())), Vec::new());
    for (n, results) in real.sizes.iter().zip(&real.by_size) {
        if let Ok(e) = gain(results, Method::ResMem, Method::Base) {
            grows.parts.push(Part::new(format!("gain at n = {n}"), e, data, Role::Shown));
        }
    }

    let approximate = Array2::from_shape_fn((seeds, points), |(s, i)| {
        let a = &real.approximate[s];
        f64::from(u8::from(a.hnsw[i])) - f64::from(u8::from(a.exact[i]))
    });
    let mut hnsw = finding("resmem.hnsw-matches-exact", words(crossed_interval(approximate.view())), Vec::new());
    let recalls: Vec<f64> = real.approximate.iter().map(|a| a.recall).collect();
    if let Ok(e) = mean_interval(&recalls) {
        hnsw.parts.push(Part::new("recall of the true neighbours", e, data, Role::Shown));
    }
    Ok(vec![beats_base, shrinks, beats_knn, beats_mixture, grows, hnsw])
}

fn control(mut part: Part) -> Part {
    part.role = Role::Control;
    part
}

/// The two identities, on the first seed of the largest network.
pub(super) fn identities(real: &Real) -> Vec<Finding> {
    let data = real.source.name.clone();
    let Some(Identities { interpolation, distinct, limits, queries }) = real.identities else { return Vec::new() };
    let finding = |id, deviation, count, n: String| Finding {
        id,
        estimate: Finding::deviation(deviation, count),
        parts: Vec::new(),
        data: data.clone(),
        seeds: 1,
        n,
        seconds: real.seconds,
        remark: String::new(),
    };
    vec![
        finding(
            "resmem.interpolates-at-k1",
            interpolation,
            distinct,
            format!("{distinct} training points with a key of their own"),
        ),
        finding("resmem.limits-span-base-and-knn", limits, queries, format!("{queries} test points")),
    ]
}

/// Findings on synthetic data.
pub(super) fn synthetic(s: &Synthetic) -> Vec<Finding> {
    let seeds = s.clusters.len();
    let cluster_data = "pure clusters (synthetic)";
    let lead = synthetic_gain(s.clusters.iter(), Method::ResMem, Method::Knn).map_err(|e| e.to_string());
    let mut parts = Vec::new();
    for (method, name) in [(Method::Base, "base"), (Method::Knn, "kNN"), (Method::ResMem, "ResMem")] {
        let accuracies: Vec<f64> = s.clusters.iter().map(|c| c.accuracy(method)).collect();
        if let Ok(e) = mean_interval(&accuracies) {
            parts.push(Part::new(format!("accuracy of {name}"), e, cluster_data, Role::Shown));
        }
    }
    let clusters = Finding {
        id: "resmem.counterexample-pure-clusters",
        estimate: lead,
        parts,
        data: cluster_data.into(),
        seeds,
        n: format!("{seeds} seeds, each with test points of its own"),
        seconds: s.cluster_seconds,
        remark: format!(
            "Held means: ResMem leads kNN by less than {CLUSTER_MARGIN}, as it should where there is no rule to learn."
        ),
    };
    vec![clusters, fixes(s)]
}

/// What happened to test points whose prediction changed.
pub(super) struct Changes {
    pub(super) fixed: usize,
    pub(super) broken: usize,
    /// Share of exceptions among the fixed, and among the broken.
    pub(super) exceptions: [f64; 2],
    pub(super) points: usize,
}

impl Changes {
    pub(super) fn of(r: &RuleResult) -> Self {
        let (base, ours) = (r.embedded.correct(Method::Base), r.embedded.correct(Method::ResMem));
        let rows =
            |was: bool| -> Vec<usize> { (0..base.len()).filter(|&i| base[i] == was && ours[i] != was).collect() };
        let (fixed, broken) = (rows(false), rows(true));
        let share = |rows: &[usize]| rows.iter().filter(|&&i| r.exceptions[i]).count() as f64 / rows.len() as f64;
        Self {
            exceptions: [share(&fixed), share(&broken)],
            fixed: fixed.len(),
            broken: broken.len(),
            points: base.len(),
        }
    }
}

fn fixes(s: &Synthetic) -> Finding {
    let data = "rule-and-exceptions (synthetic)";
    let changes: Vec<Changes> = s.rule[0][1].iter().map(Changes::of).collect();
    let over_seeds = |f: fn(&Changes) -> f64| mean_interval(&changes.iter().map(f).collect::<Vec<_>>());
    let net = over_seeds(|c| (c.fixed as f64 - c.broken as f64) / c.points as f64);
    let exceptions = over_seeds(|c| c.exceptions[0] - c.exceptions[1]);
    let mut parts = Vec::new();
    if let (Ok(net), Ok(exceptions)) = (&net, &exceptions) {
        parts.push(Part::new("share fixed minus share broken", *net, data, Role::Decides));
        parts.push(Part::new("exceptions among fixed minus among broken", *exceptions, data, Role::Decides));
    }
    type Of = fn(&Changes) -> f64;
    let shown: [(&str, Of); 4] = [
        ("share of test points fixed", |c| c.fixed as f64 / c.points as f64),
        ("share of test points broken", |c| c.broken as f64 / c.points as f64),
        ("exceptions among the fixed", |c| c.exceptions[0]),
        ("exceptions among the broken", |c| c.exceptions[1]),
    ];
    for (name, f) in shown {
        if let Ok(e) = over_seeds(f) {
            parts.push(Part::new(name, e, data, Role::Shown));
        }
    }
    let estimate = match (net, exceptions) {
        (Ok(a), Ok(b)) => Finding::least(&[a, b]),
        (Err(e), _) | (_, Err(e)) => Err(e.to_string()),
    };
    Finding {
        id: "resmem.fixes-more-than-it-breaks",
        estimate,
        parts,
        data: data.into(),
        seeds: changes.len(),
        n: format!(
            "{} seeds, each with {} test points of its own",
            changes.len(),
            changes.first().map_or(0, |c| c.points)
        ),
        seconds: s.rule_seconds,
        remark: String::new(),
    }
}

/// Findings of the linear theory.
pub(super) fn theory(t: &Theory) -> Vec<Finding> {
    let data = "uniform on a ball (synthetic)";
    let slopes: Result<Vec<(usize, Estimate)>, StatsError> =
        DIMENSIONS.iter().map(|&d| Ok((d, mean_interval(&t.slopes(d))?))).collect();
    let (estimate, parts) = match slopes {
        Err(e) => (Err(e.to_string()), Vec::new()),
        Ok(slopes) => {
            let parts = slopes.iter().map(|(d, e)| {
                Part::new(format!("slope at d = {d} (law: {:.2})", -2.0 / *d as f64), *e, data, Role::Decides)
            });
            (Ok(worst_deviation(&slopes)), parts.collect())
        }
    };
    let seeds = t.rates.first().map_or(0, |r| r.risks.len());
    let rate = Finding {
        id: "resmem.risk-rate",
        estimate,
        parts,
        data: data.into(),
        seeds,
        n: format!("{seeds} seeds x 1000 test points at each n"),
        seconds: t.rate_seconds,
        remark: String::new(),
    };
    vec![rate, noise(t, data)]
}

/// The largest distance of a slope from `-2/d`: the interval's upper end bounds every dimension at once.
fn worst_deviation(slopes: &[(usize, Estimate)]) -> Estimate {
    let mut worst = Estimate { value: 0.0, se: 0.0, lo: 0.0, hi: 0.0, n: 0 };
    for (d, e) in slopes {
        let (lo, hi) = (e.lo + 2.0 / *d as f64, e.hi + 2.0 / *d as f64);
        let nearest = if lo <= 0.0 && hi >= 0.0 { 0.0 } else { lo.abs().min(hi.abs()) };
        worst.value = worst.value.max((e.value + 2.0 / *d as f64).abs());
        worst.lo = worst.lo.max(nearest);
        worst.hi = worst.hi.max(lo.abs().max(hi.abs()));
        (worst.se, worst.n) = (worst.se.max(e.se), e.n);
    }
    worst
}

fn noise(t: &Theory, data: &str) -> Finding {
    let mut estimates = Vec::new();
    let mut parts = Vec::new();
    let mut add = |name: String, values: Vec<f64>, role: Role| -> Result<(), StatsError> {
        let e = mean_interval(&values)?;
        if role == Role::Decides {
            estimates.push(e);
        }
        parts.push(Part::new(name, e, data, role));
        Ok(())
    };
    let all = || -> Result<(), StatsError> {
        for (level, cell) in NOISE_LEVELS.iter().zip(&t.noise) {
            let over = |f: fn(&super::theory::NoiseRun) -> f64| cell.iter().map(f).collect::<Vec<f64>>();
            if *level == 1.0 {
                add(format!("risk of k=1 minus base at noise {level}"), over(|r| r.first - r.base), Role::Decides)?;
            }
            if *level == 0.25 {
                add(format!("risk of base minus k=1 at noise {level}"), over(|r| r.base - r.first), Role::Decides)?;
            }
            add(format!("risk of kNN minus ResMem at noise {level}"), over(|r| r.knn - r.best), Role::Decides)?;
            add(format!("best k at noise {level}"), over(|r| r.best_k as f64), Role::Shown)?;
        }
        Ok(())
    };
    let mut all = all;
    let outcome = all();
    let seeds = t.noise.first().map_or(0, Vec::len);
    Finding {
        id: "resmem.noise-breaks-k1",
        estimate: outcome.map_err(|e| e.to_string()).and_then(|()| Finding::least(&estimates)),
        parts,
        data: data.into(),
        seeds,
        n: format!("{seeds} seeds x 1000 test points at each noise level"),
        seconds: t.noise_seconds,
        remark: String::new(),
    }
}
