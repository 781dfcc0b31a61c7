//! Training, validation and test images.

use super::settings::Settings;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::data::pick;
use ndarray::Array2;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::{Images, Source, Standardiser, catalogue, subset};
use tenfold_vision::ImageShape;

/// Some images.
pub(super) struct Part {
    /// Standardised pixels, `[n, d]`.
    pub(super) x: Array2<f32>,
    pub(super) labels: Vec<usize>,
}

/// All of them.
pub(super) struct Data {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) image: ImageShape,
    pub(super) classes: usize,
    pub(super) train: Part,
    /// From the training images of the set, and not among `train`: temperatures are fitted here.
    pub(super) validation: Part,
    pub(super) test: Part,
}

impl Data {
    pub(super) fn load(context: &Context, settings: &Settings) -> Result<Self, ReproduceError> {
        let seed = Seed::new(0).named("bias-variance-images");
        let set = catalogue::load(&settings.data, &context.data_root)?;
        let classes = set.train.n_classes();
        let [train, validation, test] = settings.counts;
        let held_in = subset::stratified(set.train.labels(), classes, train + validation, seed.named("train"))?;
        // The rows come class by class: every so many go to validation, so that both have all classes.
        let every = (train + validation) / validation;
        let (mut own, mut aside) = (Vec::new(), Vec::new());
        for (i, row) in held_in.into_iter().enumerate() {
            if i % every == every - 1 && aside.len() < validation { aside.push(row) } else { own.push(row) }
        }
        let (own, aside) = (set.train.select(&own)?, set.train.select(&aside)?);
        let test = pick(&set.test, test, seed.named("test"))?;
        let standardiser = Standardiser::fit(&own);
        let part = |images: &Images| -> Result<Part, ReproduceError> {
            Ok(Part { x: images.to_matrix(&standardiser)?, labels: images.labels().to_vec() })
        };
        Ok(Self {
            name: settings.data.clone(),
            source: set.source,
            image: own.shape(),
            classes,
            train: part(&own)?,
            validation: part(&aside)?,
            test: part(&test)?,
        })
    }
}
