//! On bias-variance alignment in deep models.

mod claims;
mod data;
mod findings;
mod networks;
mod others;
mod sections;
mod settings;
mod synthetic;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::experiment::{Decision, Experiment};
use crate::scale::Scale;
use data::Data;
use findings::{All, Found};
use networks::Networks;
use others::Others;
use serde_json::Value;
use settings::Settings;
use synthetic::Synthetic;
use tenfold_report::Section;

/// The paper.
pub(crate) struct BiasVariance;

/// Everything that was measured.
pub(crate) struct Measured {
    settings: Settings,
    data: Data,
    networks: Networks,
    others: Others,
    synthetic: Synthetic,
    found: Found,
}

impl Measured {
    /// What findings and chapters are made of.
    fn all(&self) -> All<'_> {
        All {
            settings: &self.settings,
            data: &self.data,
            networks: &self.networks,
            others: &self.others,
            synthetic: &self.synthetic,
        }
    }
}

impl Experiment for BiasVariance {
    type Measured = Measured;
    const NAME: &'static str = "bias-variance";
    const TITLE: &'static str = "On bias-variance alignment in deep models";
    const CITATION: &'static str = "Chen, Lukasik, Jitkrittum, You, Kumar; ICLR 2024, arXiv 2310.09250";
    const CLAIMS: &'static [Decision<Measured>] = claims::CLAIMS;

    fn data_sets(scale: Scale, data: Option<&str>) -> Vec<String> {
        vec![Settings::new(scale, data, None).data]
    }

    fn measure(context: &Context) -> Result<Measured, ReproduceError> {
        let settings = Settings::new(context.scale, context.data.as_deref(), context.seeds);
        if context.seeds.is_some_and(|seeds| seeds < settings.models) {
            context
                .progress
                .note(format!("{} models of each kind: fewer have no two halves with intervals", settings.models));
        }
        let data = Data::load(context, &settings)?;
        context.progress.add_steps(settings.steps(&data));
        context.progress.note("networks of all sizes");
        let networks = networks::measure(context, &settings, &data)?;
        context.progress.note("neighbours and trees");
        let others = others::measure(context, &settings, &data)?;
        context.progress.note("synthetic ensembles and closed forms");
        let synthetic = synthetic::run(&settings)?;
        let all = All { settings: &settings, data: &data, networks: &networks, others: &others, synthetic: &synthetic };
        let found = findings::found(&all)?;
        Ok(Measured { settings, data, networks, others, synthetic, found })
    }

    fn sections(m: &Measured) -> Result<Vec<Section>, ReproduceError> {
        sections::sections(&m.all(), &m.found)
    }

    fn metrics(m: &Measured) -> Vec<Value> {
        sections::metrics(&m.all())
    }
}
