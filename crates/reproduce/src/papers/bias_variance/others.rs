//! Ensembles that are no networks: nearest neighbours and bagged trees, on bootstrap samples.

use super::data::{Data, Part};
use super::networks::{Aligned, align};
use super::settings::{Settings, TRAININGS};
use crate::context::Context;
use crate::error::ReproduceError;
use ndarray::Array3;
use rand::RngExt;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_classifier::{DecisionTreeClassifier, DecisionTreeClassifierParameters};
use std::time::Instant;
use tenfold_analysis::{Averages, Decomposition, Randomness, Scale};
use tenfold_core_tensor::ops::nearest::{Metric, nearest};
use tenfold_core_tensor::seed::Seed;

/// Votes of a model of neighbours.
const NEIGHBOURS: usize = 10;
/// Neighbours that are searched, so that a bootstrap sample has enough of them.
const SEARCHED: usize = 64;
/// Trees of a bag: a model of trees is a bag.
const TREES: usize = 10;
/// Blocks of this many pixels a side are averaged for trees.
const BLOCK: usize = 4;

/// An ensemble that is no network.
pub(super) struct Other {
    pub(super) name: &'static str,
    pub(super) found: Decomposition,
    pub(super) averages: Averages,
    pub(super) aligned: Aligned,
}

pub(super) struct Others {
    pub(super) all: Vec<Other>,
    pub(super) seconds: f64,
}

pub(super) fn measure(context: &Context, settings: &Settings, data: &Data) -> Result<Others, ReproduceError> {
    let start = Instant::now();
    let votes =
        [("10 nearest neighbours", neighbours(settings, data)?), ("bags of 10 trees", trees(context, settings, data)?)];
    let mut all = Vec::new();
    for (name, votes) in votes {
        let found = Decomposition::of(votes.view(), &data.test.labels, Scale::probabilities(), Randomness::Bootstrap)?;
        let aligned = align(&found, votes.view(), &data.test.labels);
        all.push(Other { name, averages: found.averages()?, aligned, found });
    }
    Ok(Others { all, seconds: start.elapsed().as_secs_f64() })
}

/// How often each example is in a bootstrap sample.
fn bootstrap(n: usize, seed: Seed) -> Vec<u32> {
    let mut rng = seed.rng();
    let mut counts = vec![0; n];
    (0..n).for_each(|_| counts[rng.random_range(0..n)] += 1);
    counts
}

/// Laplace's rule: one vote is added to every class, so that no probability is zero.
fn smoothed(votes: &[u32]) -> impl Iterator<Item = f32> + '_ {
    let total = (votes.iter().sum::<u32>() as usize + votes.len()) as f32;
    votes.iter().map(move |v| (*v + 1) as f32 / total)
}

fn neighbours(settings: &Settings, data: &Data) -> Result<Array3<f32>, ReproduceError> {
    let Part { x, labels } = &data.train;
    let found = nearest(x.view(), data.test.x.view(), SEARCHED.min(labels.len()), Metric::Euclidean)?;
    let mut values = Vec::with_capacity(settings.models * data.test.labels.len() * data.classes);
    for k in 0..settings.models as u64 {
        let counts = bootstrap(labels.len(), Seed::new(TRAININGS).named("bias-variance-neighbours").child(k));
        for row in found.indices.outer_iter() {
            let mut votes = vec![0; data.classes];
            let mut left = NEIGHBOURS as u32;
            for &i in row {
                let here = counts[i as usize].min(left);
                votes[labels[i as usize]] += here;
                left -= here;
            }
            values.extend(smoothed(&votes));
        }
    }
    Ok(Array3::from_shape_vec((settings.models, data.test.labels.len(), data.classes), values).expect("votes a class"))
}

/// Pixels averaged in blocks, as smartcore reads them.
fn blocks(data: &Data, part: &Part, rows: &[usize]) -> Result<DenseMatrix<f32>, ReproduceError> {
    let image = data.image;
    let (down, across) = (image.height / BLOCK, image.width / BLOCK);
    let mean = |i: usize, c: usize, a: usize, b: usize| {
        let pixel = |p: usize| {
            let (row, column) = (a * BLOCK + p / BLOCK, b * BLOCK + p % BLOCK);
            part.x[[i, (c * image.height + row) * image.width + column]]
        };
        (0..BLOCK * BLOCK).map(pixel).sum::<f32>() / (BLOCK * BLOCK) as f32
    };
    let places: Vec<(usize, usize, usize)> =
        (0..image.channels).flat_map(|c| (0..down).flat_map(move |a| (0..across).map(move |b| (c, a, b)))).collect();
    let of = |&i: &usize| places.iter().map(|&(c, a, b)| mean(i, c, a, b)).collect::<Vec<f32>>();
    DenseMatrix::from_2d_vec(&rows.iter().map(of).collect()).map_err(tree)
}

fn tree(error: smartcore::error::Failed) -> ReproduceError {
    ReproduceError::Tree(error.to_string())
}

fn trees(context: &Context, settings: &Settings, data: &Data) -> Result<Array3<f32>, ReproduceError> {
    let n = data.train.labels.len();
    let test = blocks(data, &data.test, &(0..data.test.labels.len()).collect::<Vec<_>>())?;
    let bag = |k: &usize| -> Result<Vec<f32>, ReproduceError> {
        let mut votes = vec![0_u32; data.test.labels.len() * data.classes];
        for t in 0..TREES as u64 {
            let mut rng = Seed::new(TRAININGS).named("bias-variance-trees").child(*k as u64).child(t).rng();
            let rows: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
            let y: Vec<i32> = rows.iter().map(|&i| data.train.labels[i] as i32).collect();
            let parameters = DecisionTreeClassifierParameters::default().with_min_samples_leaf(2);
            let grown =
                DecisionTreeClassifier::fit(&blocks(data, &data.train, &rows)?, &y, parameters).map_err(tree)?;
            let predicted: Vec<i32> = grown.predict(&test).map_err(tree)?;
            for (votes, class) in votes.chunks_exact_mut(data.classes).zip(predicted) {
                votes[class as usize] += 1;
            }
        }
        Ok(votes.chunks_exact(data.classes).flat_map(|votes| smoothed(votes).collect::<Vec<_>>()).collect())
    };
    let bags: Vec<usize> = (0..settings.models).collect();
    context.progress.add_steps(bags.len() as u64);
    let values = context.parallel(&bags, |k| context.folder.unit(&format!("bias-variance/trees-{k}"), || bag(k)))?;
    let shape = (settings.models, data.test.labels.len(), data.classes);
    Ok(Array3::from_shape_vec(shape, values.into_iter().flatten().collect()).expect("votes a class"))
}
