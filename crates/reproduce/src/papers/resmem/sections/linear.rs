//! The linear setting beside its law.

use super::super::theory::{BOUND, DIMENSIONS, NEIGHBOURS, NOISE_LEVELS, SIZES, Theory};
use super::point;
use crate::error::ReproduceError;
use tenfold_core_tensor::stats::{mean, mean_interval};
use tenfold_report::{Axis, AxisScale, Chart, Point, Section, Series};
use tenfold_resmem::theory::{Risk, t2_law};

pub(super) fn section(theory: &Theory) -> Result<Section, ReproduceError> {
    let mut series = Vec::new();
    let ns = SIZES.map(|n| n as f64);
    let term = |d: usize, i: usize, f: fn(&Risk) -> f64| {
        let bare = mean(&theory.rates[d].risks.iter().map(|r| f(&r[i])).collect::<Vec<_>>());
        point(ns[i], theory.term(d, i, f), bare)
    };
    for (at, d) in DIMENSIONS.iter().enumerate() {
        series.push(Series::new(
            format!("ResMem, d = {d}"),
            (0..SIZES.len()).map(|i| term(at, i, |r| r.resmem)).collect(),
        ));
    }
    for (at, d) in DIMENSIONS.into_iter().enumerate() {
        let law = SIZES.iter().map(|&n| Ok(Point::bare(n as f64, t2_law(d, n, BOUND)?)));
        series.push(
            Series::reference(format!("law, d = {d}"), law.collect::<Result<_, ReproduceError>>()?).with_colour_of(at),
        );
    }
    series.push(Series::reference("base alone, (1-L)²", ns.map(|n| Point::bare(n, (1.0 - BOUND).powi(2))).to_vec()));
    let rate = Chart {
        title: "Linear setting (synthetic): risk against training points".into(),
        x: Axis::new("training points n", AxisScale::Log),
        y: Axis::new("risk (squared error)", AxisScale::Log),
        series,
    };
    let at = DIMENSIONS.len() / 2;
    let terms = Chart {
        title: format!("Linear setting, d = {}: the two terms of the risk", DIMENSIONS[at]),
        x: Axis::new("training points n", AxisScale::Log),
        y: Axis::new("term (squared error)", AxisScale::Log),
        series: vec![
            Series::new("T1, estimation", (0..SIZES.len()).map(|i| term(at, i, |r| r.t1)).collect()),
            Series::new("T2, what the base cannot learn", (0..SIZES.len()).map(|i| term(at, i, |r| r.t2)).collect()),
            Series::reference("base alone, (1-L)²", ns.map(|n| Point::bare(n, (1.0 - BOUND).powi(2))).to_vec()),
        ],
    };
    let ks = NEIGHBOURS.map(|k| k as f64);
    let noise = Chart {
        title: "Linear setting, d = 4, n = 3000: risk over k under label noise".into(),
        x: Axis::new("neighbours k", AxisScale::Log).with_ticks(ks),
        y: Axis::new("risk (squared error)", AxisScale::Log),
        series: NOISE_LEVELS
            .iter()
            .zip(&theory.noise)
            .map(|(level, runs)| {
                let points = ks.iter().enumerate().map(|(i, k)| {
                    let values: Vec<f64> = runs.iter().map(|r| r.by_k[i]).collect();
                    point(*k, mean_interval(&values), mean(&values))
                });
                Series::new(format!("noise sd {level}"), points.collect())
            })
            .chain([Series::reference(
                "base alone, (1-L)²",
                ks.map(|k| Point::bare(k, (1.0 - BOUND).powi(2))).to_vec(),
            )])
            .collect(),
    };
    Ok(Section::new("Theory: a linear target and a base of bounded norm (synthetic)")
        .text(format!(
            "Inputs uniform on a ball with identity covariance, base by least squares under a norm bound of L = {BOUND}, one \
             nearest neighbour on its residuals. The law is (1-L)² (d+2)/d Γ(1+2/d) n^(-2/d), which leaves the boundary of the ball \
             out."
        ))
        .chart("resmem-risk", rate, "Risk against n, by dimension, beside the law; bars are t intervals over seeds.")
        .chart("resmem-terms", terms, "The estimation term falls faster than the part that only closeness cures.")
        .chart("resmem-noise", noise, "With noisy labels one neighbour is worse than the base, and the best k grows."))
}
