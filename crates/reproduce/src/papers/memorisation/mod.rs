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
use crate::experiment::{Decision, Experiment};
use crate::scale::Scale;
use data::Planted;
use distil::Distilled;
use findings::{All, Found};
use proxies::Proxies;
use removal::Removal;
use serde_json::Value;
use settings::Settings;
use sizes::Sizes;
use tail::Tail;
use tenfold_report::Section;

/// The paper.
pub(crate) struct Memorisation;

/// Everything that was measured.
pub(crate) struct Measured {
    settings: Settings,
    images: Planted,
    rule: Planted,
    real: Sizes,
    synthetic: Sizes,
    distilled: Distilled,
    proxies: Proxies,
    removal: Removal,
    tail: Tail,
    found: Found,
}

impl Measured {
    /// What findings and chapters are made of.
    fn all(&self) -> All<'_> {
        All {
            settings: &self.settings,
            images: &self.images,
            rule: &self.rule,
            real: &self.real,
            synthetic: &self.synthetic,
            distilled: &self.distilled,
            proxies: &self.proxies,
            removal: &self.removal,
            tail: &self.tail,
        }
    }
}

impl Experiment for Memorisation {
    type Measured = Measured;
    const NAME: &'static str = "memorisation";
    const TITLE: &'static str = "What do larger image classifiers memorise?";
    const CITATION: &'static str = "Lukasik, Nagarajan, Rawat, Menon, Kumar; TMLR 2024, arXiv 2310.05337";
    const SHARDS: bool = true;
    const CLAIMS: &'static [Decision<Measured>] = claims::CLAIMS;

    fn data_sets(scale: Scale, data: Option<&str>) -> Vec<String> {
        vec![Settings::new(scale, data).data]
    }

    fn measure(context: &Context) -> Result<Measured, ReproduceError> {
        let settings = Settings::new(context.scale, context.data.as_deref());
        let images = Planted::images(context, &settings)?;
        let rule = Planted::synthetic(&settings)?;
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
            let said = format!(
                "Shard {shard}: the networks of all shards are there. Go on with --resume and without --shard."
            );
            return Err(ReproduceError::Part(said));
        }
        context.progress.note("proxies");
        let proxies = proxies::run(context, &settings, &images)?;
        context.progress.note("removal");
        let removal = removal::run(context, &settings, &images, &real)?;
        context.progress.note("long tails");
        let tail = tail::run(&settings)?;
        let found = findings::found(&All {
            settings: &settings,
            images: &images,
            rule: &rule,
            real: &real,
            synthetic: &synthetic,
            distilled: &distilled,
            proxies: &proxies,
            removal: &removal,
            tail: &tail,
        })?;
        Ok(Measured { settings, images, rule, real, synthetic, distilled, proxies, removal, tail, found })
    }

    fn sections(m: &Measured) -> Result<Vec<Section>, ReproduceError> {
        sections::sections(&m.all(), &m.found)
    }

    fn metrics(m: &Measured) -> Vec<Value> {
        sections::metrics(&m.all())
    }
}

/// A shard has trained its part of some networks, and others have not trained theirs.
fn wait(context: &Context, networks: &str) -> ReproduceError {
    let shard = context.shard.map_or_else(String::new, |shard| format!("Shard {shard}: "));
    ReproduceError::Part(format!(
        "{shard}done with its part of {networks}. When all shards are, bring their folders together and start each again."
    ))
}
