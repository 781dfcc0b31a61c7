//! Subsets of images.

use crate::error::ReproduceError;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::{Images, subset};

/// At most `n` images, classes in proportion.
pub(crate) fn pick(images: &Images, n: usize, seed: Seed) -> Result<Images, ReproduceError> {
    if images.len() <= n {
        return Ok(images.clone());
    }
    Ok(images.select(&subset::stratified(images.labels(), images.n_classes(), n, seed)?)?)
}
