//! Scatter plots of all points.

use super::super::findings::All;
use super::super::networks::Aligned;
use tenfold_analysis::charts::{log_ratios, scatter};
use tenfold_analysis::{Alignment, Null};
use tenfold_report::Section;

/// What a scatter shows beside the points.
fn beside(aligned: &Aligned) -> Option<(&Alignment, &Null)> {
    aligned.as_ref().ok().map(|(alignment, nulls)| (alignment, &nulls.dealt))
}

pub(super) fn every_point(all: &All) -> Section {
    let mut section = Section::new("Every point").text(
        "One dot a test image, plug-in estimates. Slope one comes by itself from independent noise: look at what differs from the \
         null, here that of the points' own noise dealt out anew.",
    );
    let title = |name: &str| format!("{}, {name}: squared bias against variance", all.data.name);
    let widths = all.networks.widths();
    let residual = all.networks.all.iter().rfind(|m| m.network.name.starts_with("resnet"));
    for m in [widths.first().copied(), widths.last().copied(), residual].into_iter().flatten() {
        let name = &m.network.name;
        let caption = format!(
            "{} models, test accuracy of their mean {:.3}. No dot can lie below Var / {}.",
            m.averages.models,
            m.averages.accuracy,
            m.averages.models - 1
        );
        let chart = scatter(title(name), &m.found, beside(&m.aligned));
        section = section.chart(format!("bias-variance-{}", name.replace('.', "-")), chart, caption);
    }
    let largest = all.networks.largest();
    let chart =
        log_ratios(format!("{}, {}: by how much they differ", all.data.name, largest.network.name), &largest.found);
    let caption = "Shares of the right points and of the wrong ones, each of its own.";
    section = section.chart("bias-variance-log-ratios", chart, caption);
    for o in &all.others.all {
        let chart = scatter(title(o.name), &o.found, beside(&o.aligned));
        let caption = "No network: bootstrap samples, votes with one added to every class.";
        section = section.chart(format!("bias-variance-{}", o.name.replace(' ', "-")), chart, caption);
    }
    section
}
