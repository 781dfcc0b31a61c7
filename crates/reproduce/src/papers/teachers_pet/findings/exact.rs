//! Ridge regression in closed form.

use super::super::ridge::{MASSES, difference};
use super::super::study::Study;
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, largest_deviation};

pub(in super::super) fn ridge(study: &Study) -> Result<Finding, ReproduceError> {
    let ridge = &study.ridge;
    let mut found = Finding {
        estimate: largest_deviation(ridge.deviations.iter().copied()),
        parts: Vec::new(),
        data: "closed form".into(),
        seeds: 1,
        n: format!("{} groups, six numbers each", MASSES.len()),
        seconds: 0.0,
        remark: String::new(),
    };
    for (mass, (group, drawn)) in MASSES.iter().zip(ridge.groups.iter().zip(&ridge.drawn)) {
        let exact = difference(group)?;
        let name = format!("risk distilled minus ridge by drawing, mass {mass} (exact: {exact:.6})");
        found = found.with_part(name, Ok(*drawn), "synthetic", Role::Shown);
    }
    Ok(found)
}
