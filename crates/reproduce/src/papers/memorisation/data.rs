//! Data with planted wrong labels and copies.

use super::settings::Settings;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::data::pick;
use ndarray::{Array2, Axis, concatenate};
use tenfold_core_tensor::seed::Seed;
use tenfold_data::noise::SymmetricNoise;
use tenfold_data::synthetic::{RuleExceptions, RuleExceptionsParams};
use tenfold_data::{Images, Source, Standardiser, catalogue};
use tenfold_vision::ImageShape;

/// A data set in which some labels are wrong, and some of those examples are there twice.
pub(super) struct Planted {
    /// As findings call it.
    pub(super) name: String,
    pub(super) source: Option<Source>,
    pub(super) image: ImageShape,
    pub(super) classes: usize,
    pub(super) class_names: Vec<String>,
    /// Standardised inputs, `[n, d]`.
    pub(super) x: Array2<f32>,
    /// Labels, the wrong ones among them.
    pub(super) labels: Vec<usize>,
    /// Pixels of the examples, where they are images.
    pub(super) pixels: Option<Images>,
    /// Examples with a wrong label that are there once.
    pub(super) single: Vec<usize>,
    /// Examples with a wrong label that are there twice: originals, then copies.
    pub(super) double: Vec<usize>,
    pub(super) test_x: Array2<f32>,
    pub(super) test_labels: Vec<usize>,
    /// Clusters of examples and test points, on synthetic data.
    pub(super) clusters: Option<[Vec<Option<usize>>; 2]>,
}

impl Planted {
    /// Images: the base, of which some get another label, and copies of some of those behind it.
    pub(super) fn images(context: &Context, settings: &Settings) -> Result<Self, ReproduceError> {
        let seed = Seed::new(0).named("memorisation-images");
        let set = catalogue::load(&settings.data, &context.data_root)?;
        let classes = set.train.n_classes();
        let examples = settings.examples.min(set.train.len() / 10 * 10);
        let base = pick(&set.train, examples - settings.double_flips, seed.named("train"))?;
        let test = pick(&set.test, settings.test, seed.named("test"))?;
        let (labels, single, double) = flip(base.labels(), classes, settings, seed)?;
        let base = base.with_labels(labels)?;
        let standardiser = Standardiser::fit(&base);
        let rows: Vec<usize> = (0..base.len()).chain(double.iter().copied()).collect();
        let pixels = base.select(&rows)?;
        let copies = base.len()..pixels.len();
        let shape = pixels.shape();
        Ok(Self {
            name: settings.data.clone(),
            source: Some(set.source),
            image: ImageShape::new(shape.channels, shape.height, shape.width),
            classes,
            class_names: pixels.class_names().to_vec(),
            x: pixels.to_matrix(&standardiser)?,
            labels: pixels.labels().to_vec(),
            single,
            double: double.into_iter().chain(copies).collect(),
            test_x: test.to_matrix(&standardiser)?,
            test_labels: test.labels().to_vec(),
            pixels: Some(pixels),
            clusters: None,
        })
    }

    /// The synthetic control: a linear rule, and rare clusters with labels of their own.
    pub(super) fn synthetic(settings: &Settings) -> Result<Self, ReproduceError> {
        let seed = Seed::new(0).named("memorisation-rule");
        let params = RuleExceptionsParams::default().with_n_classes(5).with_exception_share(0.3).with_n_clusters(120);
        let world = RuleExceptions::new(params, seed)?;
        // At most 2,000 points whatever the scale: what is known of each needs no more.
        let n = settings.examples.min(2_000);
        let train = world.sample(n - settings.double_flips, seed.named("train"))?;
        let test = world.sample(settings.test.min(1_000), seed.named("test"))?;
        let (labels, single, double) = flip(&train.table.labels, 5, settings, seed)?;
        let copies = train.table.x.select(Axis(0), &double);
        let x = concatenate![Axis(0), train.table.x, copies];
        let of_copies = double.iter().map(|i| labels[*i]);
        let all: Vec<usize> = labels.iter().copied().chain(of_copies).collect();
        let of_train: Vec<Option<usize>> =
            train.cluster.iter().copied().chain(double.iter().map(|i| train.cluster[*i])).collect();
        Ok(Self {
            name: "rule-and-exceptions (synthetic)".into(),
            source: None,
            image: ImageShape::table(x.ncols()),
            classes: 5,
            class_names: (0..5).map(|c| format!("class {c}")).collect(),
            pixels: None,
            single,
            double: double.iter().copied().chain(train.table.len()..x.nrows()).collect(),
            x,
            labels: all,
            test_x: test.table.x,
            test_labels: test.table.labels,
            clusters: Some([of_train, test.cluster]),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Examples whose label nobody touched.
    pub(super) fn untouched(&self) -> Vec<usize> {
        (0..self.len()).filter(|i| !self.single.contains(i) && !self.double.contains(i)).collect()
    }
}

/// Labels after flips, which examples were flipped to stay single, and which to be copied.
#[expect(clippy::type_complexity, reason = "three lists of examples")]
fn flip(
    labels: &[usize],
    classes: usize,
    settings: &Settings,
    seed: Seed,
) -> Result<(Vec<usize>, Vec<usize>, Vec<usize>), ReproduceError> {
    let rate = (settings.single_flips + settings.double_flips) as f64 / labels.len() as f64;
    let noisy = SymmetricNoise::default().with_rate(rate).apply(labels, classes, seed.named("flips"))?;
    let flipped: Vec<usize> = (0..labels.len()).filter(|i| noisy.flipped[*i]).collect();
    // Alternately, so that the two kinds are alike.
    let of =
        |parity: usize| flipped.iter().enumerate().filter(move |(at, _)| at % 2 == parity).map(|(_, i)| *i).collect();
    Ok((noisy.labels, of(0), of(1)))
}
