//! ResMem: learn what you can and memorize the rest.

mod claims;
mod compare;
mod findings;
mod heads;
mod images;
mod sections;
mod settings;
mod study;
mod synthetic;
mod theory;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::experiment::{Decision, Experiment};
use crate::scale::Scale;
use heads::Heads;
use images::Networks;
use serde_json::Value;
use settings::{Plan, Settings};
use study::Study;
use synthetic::Synthetic;
use tenfold_data::Images;
use tenfold_report::Section;
use theory::Theory;

/// The paper.
pub(crate) struct ResMem;

/// Everything that was measured.
pub(crate) struct Measured {
    settings: Settings,
    /// On the data set that decides.
    primary: Study,
    /// On images beside it.
    images: Option<Study>,
    /// Training and test images of the study that has some.
    pictures: Option<[Images; 2]>,
    synthetic: Synthetic,
    theory: Theory,
}

impl Measured {
    /// Both studies, the one that decides first.
    fn studies(&self) -> impl Iterator<Item = &Study> {
        std::iter::once(&self.primary).chain(&self.images)
    }

    /// The study whose test points can be shown, and its training and test images.
    fn pictured(&self) -> Option<(&Study, &[Images; 2])> {
        self.pictures.as_ref().map(|pictures| (self.images.as_ref().unwrap_or(&self.primary), pictures))
    }
}

impl Experiment for ResMem {
    type Measured = Measured;
    const NAME: &'static str = "resmem";
    const TITLE: &'static str = "ResMem: Learn what you can and memorize the rest";
    const CITATION: &'static str =
        "Yang, Lukasik, Nagarajan, Li, Rawat, Zaheer, Menon, Kumar; NeurIPS 2023, arXiv 2302.01576";
    const CLAIMS: &'static [Decision<Measured>] = claims::CLAIMS;

    fn data_sets(scale: Scale, data: Option<&str>) -> Vec<String> {
        let settings = Settings::new(scale, data);
        std::iter::once(settings.primary).chain(settings.images).map(|plan| plan.data).collect()
    }

    fn measure(context: &Context) -> Result<Measured, ReproduceError> {
        let settings = Settings::new(context.scale, context.data.as_deref());
        context.progress.add_steps(settings.steps(context));
        context.progress.note("synthetic data");
        let synthetic = synthetic::run(context, &settings)?;
        context.progress.note("linear theory");
        let theory = theory::run(context, &settings)?;
        context.progress.note("real data");
        let (primary, mut pictures) = study(context, &settings.primary)?;
        let mut images = None;
        if let Some(plan) = &settings.images {
            let (found, own) = study(context, plan)?;
            (images, pictures) = (Some(found), own);
        }
        Ok(Measured { settings, primary, images, pictures, synthetic, theory })
    }

    fn sections(measured: &Measured) -> Result<Vec<Section>, ReproduceError> {
        sections::sections(measured)
    }

    fn metrics(measured: &Measured) -> Vec<Value> {
        sections::metrics(measured)
    }
}

/// Runs a plan on the kind of data that it has; images come back for the gallery.
fn study(context: &Context, plan: &Plan) -> Result<(Study, Option<[Images; 2]>), ReproduceError> {
    if plan.features {
        return Ok((study::run(context, plan, &Heads::new(context, plan)?)?, None));
    }
    let networks = Networks::new(context, plan)?;
    let found = study::run(context, plan, &networks)?;
    Ok((found, Some(networks.pictures())))
}
