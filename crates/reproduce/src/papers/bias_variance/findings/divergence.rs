//! The cross-entropy beside the squared loss.

use super::super::networks::nulls;
use super::alignment::{noise, z};
use super::{All, on_images};
use crate::finding::{Finding, Part, Role};
use ndarray::ArrayView3;
use tenfold_analysis::{
    Alignment, AnalysisError, Decomposition, KlDecomposition, LogitSample, Nulls, Selection, Split,
};
use tenfold_core_tensor::stats::Estimate;

/// An alignment and its two nulls.
pub(super) type Beside = (Alignment, Nulls);

/// Alignment of both losses on the points that both mean models get right, each with its nulls.
pub(super) fn both(
    logits: ArrayView3<f32>,
    labels: &[usize],
    found: &Decomposition,
    kl: &KlDecomposition,
) -> Result<[Beside; 2], AnalysisError> {
    let selection = Selection::default();
    let right = |i: &usize| Split::correct(kl, *i) && found.points()[*i].correct();
    let points: Vec<usize> = (0..kl.points.len()).filter(right).collect();
    let sample = LogitSample::of(logits, labels, found.scale())?;
    let of_kl = Alignment::at(kl, selection, &points)?;
    let nulls_of_kl = nulls(kl, &sample, &of_kl)?;
    let squared = Alignment::at(found, selection, &points)?;
    let nulls_of_squared = nulls(found, &sample, &squared)?;
    Ok([(of_kl, nulls_of_kl), (squared, nulls_of_squared)])
}

/// By how much more the cross-entropy is aligned beyond each null than the squared loss.
pub(super) fn more([(_, of_kl), (_, squared)]: &[Beside; 2]) -> Result<[Estimate; 2], AnalysisError> {
    Ok([of_kl.dealt.beyond_less(&squared.dealt, z)?, of_kl.normal.beyond_less(&squared.normal, z)?])
}

pub(in super::super) fn kl_weaker(all: &All, kl: &KlDecomposition) -> Finding {
    let largest = all.networks.largest();
    let both = both(largest.test.view(), &all.data.test.labels, &largest.found, kl);
    let both = both.and_then(|both| more(&both).map(|more| (both, more))).map_err(|e| e.to_string());
    let estimate = both.as_ref().map_err(Clone::clone).map(|(_, [dealt, normal])| dealt.agreed(*normal));
    let mut finding = on_images(all, estimate);
    let Ok((both, more)) = both else { return finding };
    let data = &all.data.name;
    for (null, e) in both[0].1.each().into_iter().zip(more) {
        let what = format!("atanh r beyond {}, cross-entropy minus squared loss", noise(null));
        finding.parts.push(Part::new(what, e, data, Role::Decides));
    }
    for (name, (alignment, nulls)) in ["the cross-entropy", "the squared loss"].iter().zip(&both) {
        finding.parts.push(Part::new(format!("R^2 of {name}"), alignment.fit.r_squared, data, Role::Shown));
        finding.parts.push(Part::new(format!("slope of {name}"), alignment.fit.total_slope, data, Role::Shown));
        for null in nulls.each() {
            let drawn = null.drawn.r_squared;
            let e = Estimate { value: drawn.mean, se: 0.0, lo: drawn.lo, hi: drawn.hi, n: null.draws };
            let what = format!("R^2 of {name} under {}", noise(null));
            finding.parts.push(Part::new(what, e, data, Role::Control));
        }
    }
    finding
}
