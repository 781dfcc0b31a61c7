//! ResMem: learn what you can and memorize the rest.

mod claims;
mod compare;
mod findings;
mod real;
mod sections;
mod settings;
mod synthetic;
mod theory;

use crate::context::Context;
use crate::error::ReproduceError;
use crate::paper::{Outcome, Paper};
use settings::Settings;

/// The paper.
pub(crate) const PAPER: Paper = Paper {
    name: "resmem",
    title: "ResMem: Learn what you can and memorize the rest",
    citation: "Yang, Lukasik, Nagarajan, Li, Rawat, Zaheer, Menon, Kumar; NeurIPS 2023, arXiv 2302.01576",
    claims: claims::claims,
    data_sets: |scale, data| vec![Settings::new(scale, data).data],
    shards: false,
    run,
};

fn run(context: &Context) -> Result<Outcome, ReproduceError> {
    let settings = Settings::new(context.scale, context.data.as_deref());
    context.progress.add_steps(settings.steps(context));
    context.progress.note("synthetic data");
    let synthetic = synthetic::run(context, &settings)?;
    context.progress.note("linear theory");
    let theory = theory::run(context, &settings)?;
    context.progress.note("real images");
    let real = real::run(context, &settings)?;

    let mut findings = findings::real(&real, &synthetic)?;
    findings.extend(findings::identities(&real));
    findings.extend(findings::synthetic(&synthetic));
    findings.extend(findings::theory(&theory));
    Ok(Outcome {
        findings,
        sections: sections::sections(context, &settings, &real, &synthetic, &theory)?
            .into_iter()
            .map(Into::into)
            .collect(),
        metrics: sections::metrics(&real, &synthetic, &theory),
    })
}
