//! What holds for any data.

use super::super::Measured;
use super::super::compare::Identities;
use crate::error::ReproduceError;
use crate::finding::{Finding, largest_deviation};

/// A finding from the identities of the first seed at the largest capacity.
fn identity(m: &Measured, of: fn(&Identities) -> (Option<f64>, usize), what: &str) -> Finding {
    let found = m.primary.identities.as_ref().map(of);
    let count = found.map_or(0, |(_, count)| count);
    // What was no number is none in the run folder.
    let deviations = found.filter(|(_, count)| *count > 0).map(|(deviation, _)| deviation.unwrap_or(f64::NAN));
    Finding {
        estimate: largest_deviation(deviations),
        parts: Vec::new(),
        data: m.primary.data().into(),
        seeds: 1,
        n: format!("{count} {what}"),
        seconds: m.primary.seconds,
        remark: String::new(),
    }
}

pub(in super::super) fn interpolates(m: &Measured) -> Result<Finding, ReproduceError> {
    Ok(identity(m, |i| (i.interpolation, i.distinct), "training points with a key of their own"))
}

pub(in super::super) fn limits(m: &Measured) -> Result<Finding, ReproduceError> {
    Ok(identity(m, |i| (i.limits, i.queries), "test points"))
}
