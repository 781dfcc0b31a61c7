//! Identities that hold for any predictions.

use super::{All, on_images};
use crate::claim::Finding;
use tenfold_analysis::KlDecomposition;

pub(super) fn additive(all: &All, kl: &KlDecomposition) -> Finding {
    let networks = all.networks.all.iter().map(|m| m.averages.additivity);
    let others = all.others.all.iter().map(|o| o.averages.additivity);
    let squared = networks.chain(others).fold(0.0, f64::max);
    let of_kl = kl.points.iter().map(|p| (p.bias + p.variance - p.loss).abs() / p.loss.max(1.0)).fold(0.0, f64::max);
    let count = all.networks.all.len() + all.others.all.len() + 1;
    on_images(all, "bias-variance.identity-additive", Finding::deviation(squared.max(of_kl), count))
}

pub(super) fn identity(all: &All) -> Finding {
    let networks = all.networks.all.iter().map(|m| m.averages.identity);
    let largest = networks.chain(all.others.all.iter().map(|o| o.averages.identity)).fold(0.0, f64::max);
    let count = all.networks.all.len() + all.others.all.len();
    on_images(all, "bias-variance.exact-gap-identity", Finding::deviation(largest, count))
}
