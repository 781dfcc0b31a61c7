//! The cross-entropy beside the squared loss.

use super::super::networks::null_seed;
use super::super::settings::DRAWS;
use super::alignment::z;
use super::{All, on_images};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use tenfold_analysis::{Alignment, AnalysisError, KlDecomposition, LogitSample, Null, Selection, Split};

/// Alignment of both losses on the points that both mean models get right, each with its null.
fn both(all: &All, kl: &KlDecomposition) -> Result<[(Alignment, Null); 2], AnalysisError> {
    let largest = all.networks.largest();
    let selection = Selection::default();
    let right = |i: &usize| Split::correct(kl, *i) && largest.found.points()[*i].correct();
    let points: Vec<usize> = (0..kl.points.len()).filter(right).collect();
    let sample = LogitSample::of(largest.test.view(), &all.data.test.labels, largest.found.scale())?;
    let of_kl = Alignment::at(kl, selection, &points)?;
    let null_of_kl = Null::of(kl, &sample, &of_kl, DRAWS, null_seed())?;
    let squared = Alignment::at(&largest.found, selection, &points)?;
    let null = Null::of(&largest.found, &sample, &squared, DRAWS, null_seed())?;
    Ok([(of_kl, null_of_kl), (squared, null)])
}

pub(super) fn kl_weaker(all: &All, kl: &KlDecomposition) -> Result<Finding, ReproduceError> {
    let both = both(all, kl).map_err(|error| error.to_string());
    let estimate = both
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|[(_, of_kl), (_, squared)]| of_kl.beyond_less(squared, z).map_err(|error| error.to_string()));
    let mut finding = on_images(all, "bias-variance.kl-weaker", estimate);
    let data = &all.data.name;
    for (name, (alignment, null)) in ["the cross-entropy", "the squared loss"].iter().zip(both.iter().flatten()) {
        finding.parts.push(Part::new(format!("R^2 of {name}"), alignment.fit.r_squared, data, Role::Shown));
        finding.parts.push(Part::new(format!("slope of {name}"), alignment.fit.total_slope, data, Role::Shown));
        finding.parts.push(Part::new(
            format!("atanh r beyond the null, {name}"),
            null.beyond_of(z)?,
            data,
            Role::Shown,
        ));
        let drawn = null.drawn.r_squared;
        let e =
            tenfold_core_tensor::stats::Estimate { value: drawn.mean, se: 0.0, lo: drawn.lo, hi: drawn.hi, n: DRAWS };
        finding.parts.push(Part::new(format!("R^2 of {name} under the null"), e, data, Role::Control));
    }
    Ok(finding)
}
