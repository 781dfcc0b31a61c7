//! The papers that this build can reproduce, one module each.

pub(crate) mod bias_variance;
pub(crate) mod memorisation;
pub(crate) mod resmem;
pub(crate) mod robust_distillation;
pub(crate) mod teachers_pet;

use crate::error::ReproduceError;
use crate::experiment::Paper;

/// The papers in this build, in the order they are run.
pub(crate) const PAPERS: &[Paper] = &[
    Paper::of::<bias_variance::BiasVariance>(),
    Paper::of::<memorisation::Memorisation>(),
    Paper::of::<resmem::ResMem>(),
    Paper::of::<robust_distillation::RobustDistillation>(),
    Paper::of::<teachers_pet::TeachersPet>(),
];

/// The names of all ten papers, built or not.
const ALL: [&str; 10] = [
    "reuse-transformer",
    "teachers-pet",
    "robust-distillation",
    "memorisation",
    "resmem",
    "bias-variance",
    "metric-aware-inference",
    "kaft",
    "promot",
    "hd-cos",
];

/// The papers named, or all there are where none is.
///
/// # Errors
/// A name that is no paper of ours, or one that this build does not have yet.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Paper>, ReproduceError> {
    let built = || PAPERS.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        PAPERS.iter().find(|p| p.name == name).ok_or_else(|| ReproduceError::Argument {
            field: "paper",
            value: name.clone(),
            rule: if ALL.contains(&name.as_str()) {
                format!("planned, but not built yet; there is: {}", built())
            } else {
                format!("not one of ours; there is: {}", built())
            },
        })
    };
    if names.is_empty() { Ok(PAPERS.iter().collect()) } else { names.iter().map(find).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn claims_have_ids_of_their_own_that_begin_with_their_paper() {
        let mut seen = HashSet::new();
        for paper in PAPERS {
            assert!(ALL.contains(&paper.name));
            for claim in (paper.claims)() {
                assert!(claim.id.starts_with(&format!("{}.", paper.name)), "{}", claim.id);
                assert!(seen.insert(claim.id), "{} stands twice", claim.id);
            }
        }
    }

    #[test]
    fn unknown_and_planned_papers_are_told_apart() {
        let text = |name: &str| select(&[name.to_string()]).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text("kaft").contains("planned, but not built yet"));
        assert!(text("nonsense").contains("not one of ours"));
        assert_eq!(select(&[]).unwrap().len(), PAPERS.len());
    }
}
