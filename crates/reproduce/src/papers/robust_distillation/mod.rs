//! Robust distillation: where does the robust objective belong, in the teacher, in the student or in both?

mod arms;
mod calibration;
mod claims;
mod findings;
mod sections;
mod settings;
mod study;
mod theory;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::experiment::{Decision, Experiment};
use crate::kit::long_tail::data_set;
use crate::scale::Scale;
use serde_json::Value;
use study::Study;
use tenfold_report::Section;

/// The experiment.
pub(crate) struct RobustDistillation;

impl Experiment for RobustDistillation {
    type Measured = Study;
    const NAME: &'static str = "robust-distillation";
    const TITLE: &'static str =
        "Robust distillation for worst-class performance: on the interplay between teacher and student objectives";
    const CITATION: &'static str = "Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, UAI 2023, PMLR 216";
    const CLAIMS: &'static [Decision<Study>] = claims::CLAIMS;

    fn data_sets(_: Scale, data: Option<&str>) -> Vec<String> {
        vec![data_set(data)]
    }

    fn measure(context: &Context) -> Result<Study, ReproduceError> {
        study::run(context)
    }

    fn sections(study: &Study) -> Result<Vec<Section>, ReproduceError> {
        sections::all(study)
    }

    fn metrics(study: &Study) -> Vec<Value> {
        sections::metrics(study)
    }
}
