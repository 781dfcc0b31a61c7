//! Bounds that may not be passed.

use super::super::study::Study;
use crate::error::ReproduceError;
use crate::finding::{Finding, largest_deviation};

pub(in super::super) fn theorem2(study: &Study) -> Result<Finding, ReproduceError> {
    let ratios = &study.theory.ratios;
    let largest = ratios.iter().map(|r| r[0]).fold(0.0, f64::max);
    Ok(Finding {
        estimate: largest_deviation(ratios.iter().flatten().map(|ratio| excess(*ratio))),
        parts: Vec::new(),
        data: "random discrete problems".into(),
        seeds: ratios.len(),
        n: format!("{} problems, each in the population and as a sample", ratios.len()),
        seconds: study.theory.seconds,
        remark: format!(
            "The largest gap of a population is {largest:.4} of its bound: signed weights sum to zero, so that half of the loss's range \
             would do."
        ),
    })
}

pub(in super::super) fn regret(study: &Study) -> Result<Finding, ReproduceError> {
    let regrets = &study.theory.regrets;
    let largest = regrets.iter().copied().fold(0.0, f64::max);
    Ok(Finding {
        estimate: largest_deviation(regrets.iter().map(|ratio| excess(*ratio))),
        parts: Vec::new(),
        data: "random and adversarial losses".into(),
        seeds: regrets.len(),
        n: format!("{} games", regrets.len()),
        seconds: study.theory.seconds,
        remark: format!("The largest average regret is {largest:.4} of its bound."),
    })
}

/// What of a ratio is above one; what is no number stays none.
fn excess(ratio: f64) -> f64 {
    if ratio <= 1.0 { 0.0 } else { ratio - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_passed_or_no_number_is_an_excess() {
        assert_eq!([excess(0.5), excess(1.0), excess(1.5)], [0.0, 0.0, 0.5]);
        assert!(excess(f64::NAN).is_nan());
    }
}
