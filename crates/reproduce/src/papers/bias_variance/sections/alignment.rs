//! Alignment of every ensemble beside its nulls.

use super::super::findings::All;
use super::super::networks::{Aligned, Measured, align};
use super::super::settings::FEWER;
use crate::error::ReproduceError;
use ndarray::s;
use tenfold_analysis::{Decomposition, Side};
use tenfold_report::{Section, Table, estimate, number};

const HEADER: [&str; 11] = [
    "ensemble",
    "right points",
    "slope",
    "slope, nulls",
    "R^2",
    "R^2, nulls",
    "log ratio",
    "log ratio, nulls",
    "c of 95 %",
    "c, nulls",
    "tau",
];

/// Numbers beside those of both nulls.
fn row(name: &str, found: &Aligned) -> Vec<String> {
    match found {
        Err(reason) => vec![name.to_string(), reason.clone()],
        Ok((a, nulls)) => {
            let of = |k: usize| {
                let [dealt, normal] = nulls.each().map(|null| number(null.drawn.values()[k].mean));
                [estimate(&a.fit.values()[k]), format!("{dealt}, {normal}")]
            };
            let mut row = vec![name.to_string(), a.points.to_string()];
            // Total slope, R^2, log ratio and the bound of 95 %.
            row.extend([2, 4, 7, 8].into_iter().flat_map(of));
            row.push(number(nulls.dealt.tau));
            row
        }
    }
}

/// The widest perceptron's first so many models.
fn fewer(all: &All) -> Result<Vec<Vec<String>>, ReproduceError> {
    let m = all.networks.largest();
    let few = FEWER.into_iter().filter(|n| *n < all.settings.models);
    let labels = &all.data.test.labels;
    let first = |n: usize| -> Result<Vec<String>, ReproduceError> {
        let test = m.test.slice(s![..n, .., ..]);
        let found = Decomposition::of(test, labels, m.found.scale(), m.network.randomness)?;
        Ok(row(&format!("{}, {n} models", m.network.name), &align(&found, test, labels)))
    };
    few.map(first).collect()
}

fn sides(m: &Measured) -> Result<[String; 7], ReproduceError> {
    let of = |right: bool| Side::of(m.found.points().iter().filter(|p| p.correct() == right));
    let (right, wrong) = (of(true)?, of(false)?);
    let zero = m.found.points().iter().filter(|p| p.variance <= 0.0).count();
    let median = |side: &Side| side.median_log_ratio.map_or("none".into(), number);
    Ok([
        m.network.name.clone(),
        wrong.count.to_string(),
        wrong.above.as_ref().map_or("none".into(), estimate),
        right.above.as_ref().map_or("none".into(), estimate),
        median(&wrong),
        median(&right),
        zero.to_string(),
    ])
}

pub(super) fn beside_nulls(all: &All) -> Result<Section, ReproduceError> {
    let networks = all.networks.all.iter().map(|m| row(&m.network.name, &m.aligned));
    let others = all.others.all.iter().map(|o| row(o.name, &o.aligned));
    let caption = "Right points: slope of total least squares, R^2 of log Bias^2 on log Var, median log (Bias^2/Var), largest c; \
                   95 % over models. Of the nulls, means over draws: the points' own noise dealt out anew, then normal noise of one \
                   law. tau is the noise of the margins.";
    let of_all = Table::new(caption, HEADER).rows(networks.chain(others));
    let caption = "The same of fewer models: few push plug-in Bias^2 up, towards the floor Var / (N - 1).";
    let of_fewer = Table::new(caption, HEADER).rows(fewer(all)?);
    let caption = "Wrong points beside right ones: share with Bias^2 above Var (95 % over points), median log ratio; and points \
                   without variance.";
    let header =
        ["network", "wrong points", "wrong above", "right above", "median log ratio, wrong", "right", "zero variance"];
    let of_sides = Table::new(caption, header).rows(all.networks.all.iter().map(sides).collect::<Result<Vec<_>, _>>()?);
    Ok(Section::new("Alignment beside the nulls").table(of_all).table(of_fewer).table(of_sides))
}
