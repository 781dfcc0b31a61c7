//! Scatter plots of all points.

use super::super::findings::All;
use super::super::networks::Aligned;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::{Block, Section, save_svg};
use tenfold_analysis::charts::{log_ratios, scatter};
use tenfold_analysis::{Alignment, Null};

/// What a scatter shows beside the points.
fn beside(aligned: &Aligned) -> Option<(&Alignment, &Null)> {
    aligned.as_ref().ok().map(|(alignment, nulls)| (alignment, &nulls.dealt))
}

pub(super) fn every_point(context: &Context, all: &All) -> Result<Section, ReproduceError> {
    let widths = all.networks.widths();
    let mut blocks = vec![Block::Text(
        "One dot a test image, plug-in estimates. Slope one comes by itself from independent noise: look at what differs from the \
         null, here that of the points' own noise dealt out anew."
            .into(),
    )];
    let residual = all.networks.all.iter().rfind(|m| m.network.name.starts_with("resnet"));
    for m in [widths.first().copied(), widths.last().copied(), residual].into_iter().flatten() {
        let title = format!("{}, {}: squared bias against variance", all.data.name, m.network.name);
        let file = format!("bias-variance-{}", m.network.name.replace('.', "-"));
        let svg = scatter(title, &m.found, beside(&m.aligned)).svg();
        let caption = format!(
            "{} models, test accuracy of their mean {:.3}. No dot can lie below Var / {}.",
            m.averages.models,
            m.averages.accuracy,
            m.averages.models - 1
        );
        blocks.push(Block::Plot { file: save_svg(context.folder, &file, svg)?, caption });
    }
    let largest = all.networks.largest();
    let title = format!("{}, {}: by how much they differ", all.data.name, largest.network.name);
    let svg = log_ratios(title, &largest.found).svg();
    let caption = "Shares of the right points and of the wrong ones, each of its own.".to_string();
    blocks.push(Block::Plot { file: save_svg(context.folder, "bias-variance-log-ratios", svg)?, caption });
    for o in &all.others.all {
        let title = format!("{}, {}: squared bias against variance", all.data.name, o.name);
        let file = format!("bias-variance-{}", o.name.replace(' ', "-"));
        let svg = scatter(title, &o.found, beside(&o.aligned)).svg();
        let caption = "No network: bootstrap samples, votes with one added to every class.".to_string();
        blocks.push(Block::Plot { file: save_svg(context.folder, &file, svg)?, caption });
    }
    Ok(Section { title: "Every point".into(), blocks })
}
