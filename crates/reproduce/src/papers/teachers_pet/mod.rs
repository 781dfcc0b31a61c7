//! Teacher's pet: does distillation help all classes, and which teachers should be trusted on which?

mod arms;
mod claims;
mod findings;
mod ridge;
mod sections;
mod settings;
mod study;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::experiment::{Decision, Experiment};
use crate::kit::long_tail::data_set;
use crate::scale::Scale;
use serde_json::Value;
use study::Study;
use tenfold_report::Section;

/// The experiment.
pub(crate) struct TeachersPet;

impl Experiment for TeachersPet {
    type Measured = Study;
    const NAME: &'static str = "teachers-pet";
    const TITLE: &'static str = "Teacher's pet: understanding and mitigating biases in distillation";
    const CITATION: &'static str = "Lukasik, Bhojanapalli, Menon and Kumar, TMLR 2022, arXiv 2106.10494";
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
