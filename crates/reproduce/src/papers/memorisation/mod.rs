//! What do larger image classifiers memorise?

mod claims;
mod data;
mod distil;
mod findings;
mod proxies;
mod removal;
mod sections;
mod settings;
mod sizes;
mod tail;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::paper::{Outcome, Paper};
use settings::Settings;

/// The paper.
pub(crate) const PAPER: Paper = Paper {
    name: "memorisation",
    title: "What do larger image classifiers memorise?",
    citation: "Lukasik, Nagarajan, Rawat, Menon, Kumar; TMLR 2024, arXiv 2310.05337",
    claims: claims::claims,
    data_sets: |scale, data| vec![Settings::new(scale, data).data],
    shards: true,
    run,
};

fn run(context: &Context) -> Result<Outcome, ReproduceError> {
    let settings = Settings::new(context.scale, context.data.as_deref());
    let images = data::Planted::images(context, &settings)?;
    let rule = data::Planted::synthetic(&settings)?;
    context.progress.add_steps(settings.steps(&images));
    context.progress.note("networks of all sizes, images");
    let real = sizes::measure(context, &settings, &images, settings.models)?;
    context.progress.note("networks of all sizes, synthetic");
    let synthetic = sizes::measure(context, &settings, &rule, settings.synthetic_models)?;
    let (Some(real), Some(synthetic)) = (real, synthetic) else { return Err(wait(context, "the sizes")) };
    context.progress.note("distillation");
    let Some(distilled) = distil::run(context, &settings, &images, &real)? else {
        return Err(wait(context, "the students"));
    };
    if let Some(shard) = context.shard {
        let said =
            format!("Shard {shard}: the networks of all shards are there. Go on with --resume and without --shard.");
        return Err(ReproduceError::Part(said));
    }
    context.progress.note("proxies");
    let proxies = proxies::run(context, &settings, &images)?;
    context.progress.note("removal");
    let removal = removal::run(context, &settings, &images, &real)?;
    context.progress.note("long tails");
    let tail = tail::run(&settings)?;

    let all = findings::All {
        settings: &settings,
        images: &images,
        rule: &rule,
        real: &real,
        synthetic: &synthetic,
        distilled: &distilled,
        proxies: &proxies,
        removal: &removal,
        tail: &tail,
    };
    let found = findings::findings(&all)?;
    Ok(Outcome {
        sections: sections::sections(&all, &found)?,
        metrics: sections::metrics(&all),
        findings: found.findings,
    })
}

/// A shard has trained its part of some networks, and others have not trained theirs.
fn wait(context: &Context, networks: &str) -> ReproduceError {
    let shard = context.shard.map_or_else(String::new, |shard| format!("Shard {shard}: "));
    ReproduceError::Part(format!(
        "{shard}done with its part of {networks}. When all shards are, bring their folders together and start each again."
    ))
}
