//! The estimator: its identity, and how its error falls.

use super::super::sizes::Measured;
use super::{All, on_images};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, largest_deviation};
use tenfold_core_tensor::stats::{Estimate, mean_interval, variance};
use tenfold_memorisation::{Score, Study};

pub(in super::super) fn gap(all: &All) -> Finding {
    let sizes = all.real.sizes.iter().chain(&all.synthetic.sizes);
    let deviation = |m: &Measured| {
        let mean = m.scores.iter().map(|s| s.mem.value).sum::<f64>() / m.scores.len() as f64;
        mean - m.study.gap()
    };
    let seconds = all.real.seconds + all.synthetic.seconds;
    on_images(all, largest_deviation(sizes.map(deviation)), seconds)
}

/// Root-mean-square spread of the scores of disjoint blocks of models.
fn spread(study: &Study, block: usize) -> Result<f64, ReproduceError> {
    let models: Vec<usize> = (0..study.models()).collect();
    let scores = models.chunks_exact(block).map(|b| study.select(b).scores());
    let scores: Vec<Vec<Score>> = scores.collect::<Result<_, _>>()?;
    let of = |i: usize| variance(&scores.iter().map(|s| s[i].mem.value).collect::<Vec<_>>());
    Ok((0..study.examples()).map(of).sum::<f64>().sqrt())
}

pub(in super::super) fn halves(all: &All) -> Result<Finding, ReproduceError> {
    let mut ratios = Vec::new();
    for size in &all.synthetic.sizes {
        ratios.push(spread(&size.study, 40)? / spread(&size.study, 10)? - 0.5);
    }
    let data = all.rule.name.as_str();
    let models = all.synthetic.masks.len();
    let parts = all.synthetic.sizes.iter().zip(&ratios).map(|(size, r)| {
        let e = Estimate { value: r + 0.5, se: 0.0, lo: r + 0.5, hi: r + 0.5, n: 1 };
        Part::new(format!("ratio, {}", size.size.name), e, data, Role::Shown)
    });
    Ok(Finding {
        estimate: mean_interval(&ratios).map_err(|e| e.to_string()),
        parts: parts.collect(),
        data: data.into(),
        seeds: models,
        n: format!("{} sizes, {models} models each in blocks of 10 and 40", ratios.len()),
        seconds: all.synthetic.seconds,
        remark: String::new(),
    })
}
