//! Real images: networks of three capacities, and one capacity at four sizes of the training set.

use super::compare::{Compared, Identities, Outputs, Split, compare, compare_index, identities};
use super::settings::{CAPACITIES, Capacity, Settings};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::nets::trained;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::split::{PartSizes, stratified};
use tenfold_data::{Images, Source, Standardiser, catalogue, subset};
use tenfold_vision::{Architecture, ImageShape, Inputs, Targets, TrainConfig, TrainingSet, evaluate};

/// What was measured on real images.
pub(super) struct Real {
    pub(super) source: Source,
    pub(super) test: Images,
    pub(super) capacities: [Capacity; CAPACITIES],
    /// `[capacity][seed]`.
    pub(super) by_capacity: Vec<Vec<Compared>>,
    /// Training points at each fraction.
    pub(super) sizes: Vec<usize>,
    /// `[fraction][seed]`, at the middle capacity.
    pub(super) by_size: Vec<Vec<Compared>>,
    /// HNSW beside exact search at the largest capacity, by seed.
    pub(super) approximate: Vec<Approximate>,
    /// At the largest capacity, first seed.
    pub(super) identities: Option<Identities>,
    /// Training images of the first seed, for the gallery.
    pub(super) first_training: Images,
    pub(super) seconds: f64,
}

/// HNSW beside exact search.
#[derive(Serialize, Deserialize)]
pub(super) struct Approximate {
    pub(super) exact: Vec<bool>,
    pub(super) hnsw: Vec<bool>,
    /// Share of the true neighbours found.
    pub(super) recall: f64,
}

/// A network to train: which capacity, at which fraction of the training set, with which seed.
struct Job {
    capacity: usize,
    fraction: usize,
    seed: usize,
}

pub(super) fn run(context: &Context, settings: &Settings) -> Result<Real, ReproduceError> {
    let start = Instant::now();
    let set = catalogue::load(&settings.data, &context.data_root)?;
    let shape = set.train.shape();
    let image = ImageShape::new(shape.channels, shape.height, shape.width);
    let capacities = settings.capacities(context.scale, image, set.train.n_classes());
    let (middle, largest) = (capacities.len() / 2, capacities.len() - 1);
    let whole = settings.fractions.len() - 1;
    let seeds = context.seeds_or(settings.seeds);
    let pool = usable(&set.train, settings.most)?;

    let mut jobs = Vec::new();
    for seed in 0..seeds {
        jobs.extend((0..capacities.len()).map(|capacity| Job { capacity, fraction: whole, seed }));
        jobs.extend((0..whole).map(|fraction| Job { capacity: middle, fraction, seed }));
    }
    let results = context.parallel(&jobs, |job| {
        let name = format!("resmem/real-{}-f{}-s{}", capacities[job.capacity].name, job.fraction, job.seed);
        let data = Prepared::new(&pool, &set.test, settings, settings.fractions[job.fraction], job.seed)?;
        // Equal steps at every size: an epoch over half of the points counts half.
        let epochs = (settings.training.epochs as f64 / settings.fractions[job.fraction]).round() as usize;
        let config = settings.training.clone().with_epochs(epochs);
        let seed = Seed::new(job.seed as u64).named("resmem-real");
        // Read off the network once, and only where some unit is not there yet.
        let read = OnceCell::new();
        let outputs = || -> Result<&Outputs, ReproduceError> {
            if let Some(outputs) = read.get() {
                return Ok(outputs);
            }
            let architecture = &capacities[job.capacity].architecture;
            let outputs = data.outputs(context, &name, architecture, image, &config, seed)?;
            Ok(read.get_or_init(|| outputs))
        };
        let compared = context.folder.unit(&format!("{name}-methods"), || compare(outputs()?, seed))?;
        if job.capacity != largest || job.fraction != whole {
            return Ok((compared, None, None));
        }
        let approximate =
            context.folder.unit(&format!("{name}-hnsw"), || compare_index(outputs()?, &compared, seed))?;
        let exact = match job.seed {
            0 => Some(context.folder.unit(&format!("{name}-identities"), || identities(outputs()?))?),
            _ => None,
        };
        Ok((compared, Some(approximate), exact))
    })?;

    let sizes = settings
        .fractions
        .iter()
        .map(|f| Ok(Prepared::new(&pool, &set.test, settings, *f, 0)?.train.len()))
        .collect::<Result<_, ReproduceError>>()?;
    let mut real = Real {
        first_training: Prepared::new(&pool, &set.test, settings, 1.0, 0)?.train,
        source: set.source,
        test: set.test,
        by_capacity: capacities.iter().map(|_| Vec::new()).collect(),
        capacities,
        sizes,
        by_size: settings.fractions.iter().map(|_| Vec::new()).collect(),
        approximate: Vec::new(),
        identities: None,
        seconds: 0.0,
    };
    for (job, (compared, approximate, exact)) in jobs.iter().zip(results) {
        if job.capacity == middle {
            real.by_size[job.fraction].push(compared.clone());
        }
        if job.fraction == whole {
            real.by_capacity[job.capacity].push(compared);
        }
        real.approximate.extend(approximate);
        real.identities = real.identities.or(exact);
    }
    real.seconds = start.elapsed().as_secs_f64();
    Ok(real)
}

/// At most `most` training images, classes in proportion.
fn usable(train: &Images, most: usize) -> Result<Images, ReproduceError> {
    if train.len() <= most {
        return Ok(train.clone());
    }
    let rows = subset::stratified(train.labels(), train.n_classes(), most, Seed::new(0).named("resmem-pool"))?;
    Ok(train.select(&rows)?)
}

/// One seed's training, validation and test images, standardised by the training images.
struct Prepared {
    train: Images,
    validation: Images,
    test: Images,
    standardiser: Standardiser,
}

impl Prepared {
    fn new(
        pool: &Images,
        test: &Images,
        settings: &Settings,
        fraction: f64,
        seed: usize,
    ) -> Result<Self, ReproduceError> {
        let seed = Seed::new(seed as u64).named("resmem-split");
        let sizes = PartSizes::Fractions(vec![1.0 - settings.validation, settings.validation]);
        let parts = stratified(pool.labels(), pool.n_classes(), &sizes, seed)?;
        let mut train = pool.select(&parts[0])?;
        if fraction < 1.0 {
            let n = (fraction * train.len() as f64).round() as usize;
            train = train.select(&subset::stratified(train.labels(), train.n_classes(), n, seed.named("fraction"))?)?;
        }
        let standardiser = Standardiser::fit(&train);
        Ok(Self { train, validation: pool.select(&parts[1])?, test: test.clone(), standardiser })
    }

    /// Trains the network, unless it was trained before, and reads embeddings and logits off all three parts.
    fn outputs(
        &self,
        context: &Context,
        name: &str,
        architecture: &Architecture,
        image: ImageShape,
        config: &TrainConfig,
        seed: Seed,
    ) -> Result<Outputs, ReproduceError> {
        let pixels = self.train.to_matrix(&self.standardiser)?;
        let targets = Targets::Hard(self.train.labels().to_vec());
        let set = TrainingSet::new(Inputs::new(pixels.view(), image)?, &targets)?;
        let model = trained(context, name, architecture, &set, config, seed)?;
        // Keys come from clean images, with the network in evaluation mode.
        let read = |images: &Images| -> Result<Split, ReproduceError> {
            let pixels = images.to_matrix(&self.standardiser)?;
            let e = evaluate(&model, &Inputs::new(pixels.view(), image)?, 512)?;
            Ok(Split { keys: e.embedding, logits: e.logits, labels: images.labels().to_vec() })
        };
        Ok(Outputs {
            n_classes: self.train.n_classes(),
            train: read(&self.train)?,
            validation: read(&self.validation)?,
            test: read(&self.test)?,
        })
    }
}
