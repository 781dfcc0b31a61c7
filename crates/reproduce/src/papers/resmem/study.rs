//! Base models of several capacities, and one capacity at several sizes of the training set, each with the memory and its rivals.

use super::compare::{Compared, Identities, Outputs, compare, compare_index, identities};
use super::settings::{Capacity, Plan};
use crate::context::Context;
use crate::error::ReproduceError;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::split::{PartSizes, stratified};
use tenfold_data::{Source, subset};

/// What was measured on one data set.
pub(super) struct Study {
    pub(super) source: Source,
    pub(super) capacities: Vec<Capacity>,
    /// `[capacity][seed]`, at the plan's own number of training points.
    pub(super) by_capacity: Vec<Vec<Compared>>,
    /// Training points at each share.
    pub(super) sizes: Vec<usize>,
    /// `[share][seed]`, at the middle capacity.
    pub(super) by_size: Vec<Vec<Compared>>,
    /// The share at which capacities are compared.
    pub(super) main: usize,
    /// HNSW beside exact search at the largest capacity, by seed.
    pub(super) approximate: Vec<Approximate>,
    /// At the largest capacity, first seed.
    pub(super) identities: Option<Identities>,
    /// Training rows of the first seed at the plan's own number.
    pub(super) first_rows: Vec<usize>,
    /// Test points.
    pub(super) points: usize,
    pub(super) seconds: f64,
}

impl Study {
    /// The capacity at which the number of training points is varied.
    pub(super) fn middle(&self) -> &Capacity {
        &self.capacities[middle(self.capacities.len())]
    }

    /// Its name in the catalogue.
    pub(super) fn data(&self) -> &str {
        &self.source.name
    }
}

fn middle(capacities: usize) -> usize {
    (capacities - 1) / 2
}

/// HNSW beside exact search.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Approximate {
    pub(super) exact: BitMask,
    pub(super) hnsw: BitMask,
    /// Share of the true neighbours found.
    pub(super) recall: f64,
}

/// A kind of base model: how one is trained and what it says.
pub(super) trait Bases: Sync {
    /// Where its data come from.
    fn source(&self) -> &Source;
    /// Labels of the training part, number of classes, test points.
    fn labels(&self) -> (&[usize], usize, usize);
    /// What can be trained, by ascending capacity.
    fn capacities(&self) -> &[Capacity];
    /// Trains one on rows of the training part, or reads it where it was trained before, and gives what it says of them, of the
    /// validation rows and of the test points.
    fn outputs(&self, context: &Context, task: &Task) -> Result<Outputs, ReproduceError>;
}

/// A base model to be trained.
pub(super) struct Task<'a> {
    /// Its name in the run folder.
    pub(super) name: String,
    pub(super) capacity: &'a Capacity,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) epochs: usize,
    pub(super) seed: Seed,
}

/// Which capacity, at which share of the training points, with which seed.
struct Job {
    capacity: usize,
    share: usize,
    seed: usize,
}

/// What is kept of a job.
#[derive(Serialize, Deserialize)]
struct Kept {
    compared: Compared,
    approximate: Option<Approximate>,
    identities: Option<Identities>,
}

pub(super) fn run(context: &Context, plan: &Plan, bases: &dyn Bases) -> Result<Study, ReproduceError> {
    let start = Instant::now();
    let (capacities, source) = (bases.capacities(), bases.source());
    let (middle, largest) = (middle(capacities.len()), capacities.len() - 1);
    let (labels, classes, points) = bases.labels();
    let pool = pool(labels, classes, plan.most)?;
    let parts = |share: usize, seed: usize| parts(labels, classes, &pool, plan, plan.shares[share], seed);

    let mut jobs = Vec::new();
    for seed in 0..context.seeds_or(plan.seeds) {
        jobs.extend((0..capacities.len()).map(|capacity| Job { capacity, share: plan.main, seed }));
        let other = (0..plan.shares.len()).filter(|share| *share != plan.main);
        jobs.extend(other.map(|share| Job { capacity: middle, share, seed }));
    }
    let results = context.parallel(&jobs, |job| {
        let capacity = &capacities[job.capacity];
        let name = format!("resmem/{}-{}-f{}-s{}", source.name, capacity.name, job.share, job.seed);
        context.folder.unit(&format!("{name}-methods"), || {
            let (train, validation) = parts(job.share, job.seed)?;
            let seed = Seed::new(job.seed as u64).named("resmem-real");
            // Equal steps at every size: an epoch over half of the points counts half.
            let epochs = plan.training.epochs as f64 * plan.shares[plan.main] / plan.shares[job.share];
            let epochs = (epochs.round() as usize).max(1);
            let task = Task { name: name.clone(), capacity, train, validation, epochs, seed };
            let outputs = bases.outputs(context, &task)?;
            // Along the number of training points the claim is about the gain alone.
            let compared = compare(&outputs, job.share == plan.main, seed)?;
            let beside = job.capacity == largest && job.share == plan.main;
            Ok(Kept {
                approximate: if beside { Some(compare_index(&outputs, &compared, seed)?) } else { None },
                identities: if beside && job.seed == 0 { Some(identities(&outputs)?) } else { None },
                compared,
            })
        })
    })?;

    let mut by_capacity: Vec<Vec<Compared>> = capacities.iter().map(|_| Vec::new()).collect();
    let mut by_size: Vec<Vec<Compared>> = plan.shares.iter().map(|_| Vec::new()).collect();
    let (mut approximate, mut identities) = (Vec::new(), None);
    for (job, kept) in jobs.iter().zip(results) {
        if job.capacity == middle {
            by_size[job.share].push(kept.compared.clone());
        }
        if job.share == plan.main {
            by_capacity[job.capacity].push(kept.compared);
        }
        approximate.extend(kept.approximate);
        identities = identities.or(kept.identities);
    }
    let sizes =
        (0..plan.shares.len()).map(|share| Ok(parts(share, 0)?.0.len())).collect::<Result<_, ReproduceError>>()?;
    Ok(Study {
        source: source.clone(),
        capacities: capacities.to_vec(),
        by_capacity,
        sizes,
        by_size,
        main: plan.main,
        approximate,
        identities,
        first_rows: parts(plan.main, 0)?.0,
        points,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// At most `most` training rows, classes in proportion.
fn pool(labels: &[usize], classes: usize, most: usize) -> Result<Vec<usize>, ReproduceError> {
    if labels.len() <= most {
        return Ok((0..labels.len()).collect());
    }
    Ok(subset::stratified(labels, classes, most, Seed::new(0).named("resmem-pool"))?)
}

/// One seed's training and validation rows at a share of the training points.
fn parts(
    labels: &[usize],
    classes: usize,
    pool: &[usize],
    plan: &Plan,
    share: f64,
    seed: usize,
) -> Result<(Vec<usize>, Vec<usize>), ReproduceError> {
    let seed = Seed::new(seed as u64).named("resmem-split");
    let labels: Vec<usize> = pool.iter().map(|&row| labels[row]).collect();
    let sizes = PartSizes::Fractions(vec![1.0 - plan.validation, plan.validation]);
    let split = stratified(&labels, classes, &sizes, seed)?;
    let of_pool = |rows: &[usize]| rows.iter().map(|&row| pool[row]).collect::<Vec<_>>();
    let (train, validation) = (&split[0], of_pool(&split[1]));
    if share == 1.0 {
        return Ok((of_pool(train), validation));
    }
    let n = (share * train.len() as f64).round() as usize;
    let own: Vec<usize> = train.iter().map(|&row| labels[row]).collect();
    let chosen = subset::stratified(&own, classes, n, seed.named("fraction"))?;
    Ok((chosen.into_iter().map(|row| pool[train[row]]).collect(), validation))
}
