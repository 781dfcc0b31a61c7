//! Identities that hold for any predictions.

use super::super::Measured;
use super::on_images;
use crate::finding::{Finding, largest_deviation};
use tenfold_analysis::Averages;

/// Averages of all ensembles.
fn averages(m: &Measured) -> impl Iterator<Item = &Averages> {
    m.networks.all.iter().map(|n| &n.averages).chain(m.others.all.iter().map(|o| &o.averages))
}

pub(in super::super) fn additive(m: &Measured) -> Finding {
    let of_kl = m.found.kl.points.iter().map(|p| (p.bias + p.variance - p.loss) / p.loss.max(1.0));
    on_images(&m.all(), largest_deviation(averages(m).map(|a| a.additivity).chain(of_kl)))
}

pub(in super::super) fn identity(m: &Measured) -> Finding {
    on_images(&m.all(), largest_deviation(averages(m).map(|a| a.identity)))
}
