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
use crate::paper::{Outcome, Paper};
use settings::Settings;

/// The paper.
pub(crate) const PAPER: Paper = Paper {
    name: "bias-variance",
    title: "On bias-variance alignment in deep models",
    citation: "Chen, Lukasik, Jitkrittum, You, Kumar; ICLR 2024, arXiv 2310.09250",
    claims: claims::claims,
    data_sets: |scale, data| vec![Settings::new(scale, data, None).data],
    shards: false,
    run,
};

fn run(context: &Context) -> Result<Outcome, ReproduceError> {
    let settings = Settings::new(context.scale, context.data.as_deref(), context.seeds);
    if context.seeds.is_some_and(|seeds| seeds < settings.models) {
        context
            .progress
            .note(format!("{} models of each kind: fewer have no two halves with intervals", settings.models));
    }
    let data = data::Data::load(context, &settings)?;
    context.progress.add_steps(settings.steps(&data));
    context.progress.note("networks of all sizes");
    let networks = networks::measure(context, &settings, &data)?;
    context.progress.note("neighbours and trees");
    let others = others::measure(context, &settings, &data)?;
    context.progress.note("synthetic ensembles and closed forms");
    let synthetic = synthetic::run(&settings)?;
    let all =
        findings::All { settings: &settings, data: &data, networks: &networks, others: &others, synthetic: &synthetic };
    let found = findings::findings(&all)?;
    Ok(Outcome {
        sections: sections::sections(&all, &found)?,
        metrics: sections::metrics(&all),
        findings: found.findings,
    })
}
