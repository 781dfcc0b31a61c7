//! What was planted: wrong labels, copies, and pairs that influence each other.

use super::{All, Drawn, on_images, over};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::stats::{Estimate, auroc, mean, mean_interval};
use tenfold_memorisation::Influence;

/// Area under the ROC curve of the scores of a study, some examples against others; what is not a number is left out.
pub(super) fn area(drawn: &Drawn, t: usize, some: &[usize], others: &[usize]) -> Estimate {
    let of = |scores: &[f64], examples: &[usize]| {
        examples.iter().map(|&i| scores[i]).filter(|v| !v.is_nan()).collect::<Vec<_>>()
    };
    drawn.normal(|s| auroc(&of(&s[t], some), &of(&s[t], others)))
}

/// Mean score of a study on some examples minus that on others.
pub(super) fn apart(drawn: &Drawn, t: usize, some: &[usize], others: &[usize]) -> Estimate {
    drawn.estimate(|s| over(&s[t], some) - over(&s[t], others))
}

pub(in super::super) fn flips(all: &All, drawn: &Drawn) -> Finding {
    let (single, untouched) = (&all.images.single, all.images.untouched());
    let last = drawn.last();
    let mut finding = on_images(all, Ok(area(drawn, last, single, &untouched)), all.real.seconds);
    for (t, size) in all.real.sizes.iter().enumerate() {
        let e = area(drawn, t, single, &untouched);
        finding.parts.push(Part::new(format!("area, {}", size.size.name), e, &all.images.name, Role::Shown));
    }
    // A null: as many untouched examples in place of the flips.
    let (some, others) = untouched.split_at(single.len().min(untouched.len() / 2));
    let e = area(drawn, last, some, others);
    finding.parts.push(Part::new("area of as many untouched examples", e, &all.images.name, Role::Control));
    finding
}

pub(in super::super) fn duplicates(all: &All, drawn: &Drawn) -> Finding {
    let last = drawn.last();
    let e = apart(drawn, last, &all.images.double, &all.images.single);
    let mut finding = on_images(all, Ok(e), all.real.seconds);
    for (name, examples) in [("duplicated flips", &all.images.double), ("single flips", &all.images.single)] {
        let e = drawn.estimate(|s| over(&s[last], examples));
        finding.parts.push(Part::new(format!("mean score, {name}"), e, &all.images.name, Role::Shown));
    }
    finding
}

pub(in super::super) fn influence(all: &All) -> Result<Finding, ReproduceError> {
    let largest = &all.synthetic.sizes[all.synthetic.sizes.len() - 1];
    let models: Vec<usize> = (0..largest.study.models()).collect();
    let [of_train, of_test] = all.rule.clusters.as_ref().ok_or_else(|| ReproduceError::RunFolder {
        file: "synthetic data".into(),
        rule: "must have clusters".into(),
    })?;
    let size = |cluster: usize| of_train.iter().filter(|c| **c == Some(cluster)).count();
    let untouched = all.rule.untouched();
    let rare: Vec<(usize, usize)> =
        untouched.iter().filter_map(|&i| Some((i, of_train[i]?))).filter(|(_, c)| size(*c) <= 3).collect();
    let mut values = Vec::new();
    for block in models.chunks_exact(20) {
        let study = largest.study.select(block);
        let tested: Vec<BitMask> = block.iter().map(|&k| largest.tested[k].clone()).collect();
        let matrix = Influence::new(study.masks())?.on(&tested)?;
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for &(i, cluster) in &rare {
            for (j, of) in of_test.iter().enumerate() {
                let to = if *of == Some(cluster) { &mut own } else { &mut other };
                to.push(f64::from(matrix[[i, j]]));
            }
        }
        values.push(mean(&own) - mean(&other));
    }
    let data = all.rule.name.as_str();
    Ok(Finding {
        estimate: mean_interval(&values).map_err(|e| e.to_string()),
        parts: Vec::new(),
        data: data.into(),
        seeds: values.len(),
        n: format!("{} blocks of 20 models, {} rare examples, {} test points", values.len(), rare.len(), of_test.len()),
        seconds: all.synthetic.seconds,
        remark: String::new(),
    })
}
