//! Base, ResMem, its rivals and its controls on one network's outputs, each at its own best setting on validation.

use crate::error::ReproduceError;
use crate::finding::largest_deviation;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::ops::nearest::Neighbours;
use tenfold_core_tensor::seed::Seed;
use tenfold_resmem::{
    Grid, HnswConfig, IndexKind, Memory, MemoryConfig, Method as Swept, Params, Point, Prediction, Ridge, Sigma, Sweep,
    Target, Targets,
};

/// Most neighbours a setting may use.
const MOST: usize = 128;
/// Penalties among which the ridge chooses.
const PENALTIES: [f64; 4] = [1e-3, 1e-2, 1e-1, 1.0];
/// Queries on which the two limits are checked.
const LIMIT_QUERIES: usize = 200;
/// Stands for infinity in the limits: far above every distance and logit, far below the largest double.
const HUGE: f64 = 1e12;
/// Rows of the gallery, and neighbours in a row.
const GALLERY: usize = 5;

/// One part of the data as the base network sees it.
pub(super) struct Split {
    pub(super) keys: Array2<f32>,
    pub(super) logits: Array2<f32>,
    pub(super) labels: Vec<usize>,
}

/// A network's outputs on all parts.
pub(super) struct Outputs {
    pub(super) n_classes: usize,
    pub(super) train: Split,
    pub(super) validation: Split,
    pub(super) test: Split,
}

/// Who predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Method {
    /// The network alone.
    Base,
    /// With the memory.
    ResMem,
    /// Nearest neighbours alone.
    Knn,
    /// A mixture of base and nearest-neighbour probabilities.
    Mixture,
    /// Control: the memory with its targets and logits permuted over the keys.
    Shuffled,
    /// Another second stage: ridge regression of the residuals on the keys.
    Ridge,
}

impl Method {
    pub(super) const ALL: [Self; 6] = [Self::Base, Self::ResMem, Self::Knn, Self::Mixture, Self::Shuffled, Self::Ridge];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::ResMem => "ResMem",
            Self::Knn => "kNN alone",
            Self::Mixture => "kNN-LM mixture",
            Self::Shuffled => "shuffled memory",
            Self::Ridge => "ridge second stage",
        }
    }
}

/// One method on one network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Judged {
    pub(super) method: Method,
    /// Accuracy on validation, on which the setting was chosen.
    pub(super) validation: f64,
    /// The chosen setting in words.
    pub(super) setting: String,
    /// Which test points it gets right.
    pub(super) correct: BitMask,
}

/// ResMem's validation accuracy as one parameter leaves its chosen value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Curves {
    pub(super) k: Vec<(f64, f64)>,
    pub(super) sigma: Vec<(f64, f64)>,
    pub(super) temperature: Vec<(f64, f64)>,
}

/// Largest deviations from the two identities; none where one was no number, which JSON cannot hold.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Identities {
    pub(super) interpolation: Option<f64>,
    /// Training points with a key of their own.
    pub(super) distinct: usize,
    pub(super) limits: Option<f64>,
    pub(super) queries: usize,
}

/// A test point whose prediction the memory changed for better or worse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) row: usize,
    pub(super) base: usize,
    pub(super) resmem: usize,
    /// Training row, weight and label of its nearest neighbours.
    pub(super) neighbours: Vec<(usize, f64, usize)>,
}

/// All methods on one network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Compared {
    pub(super) judged: Vec<Judged>,
    pub(super) params: Params,
    pub(super) curves: Curves,
    /// The first few fixed and broken test points.
    pub(super) fixed: Vec<Changed>,
    pub(super) broken: Vec<Changed>,
}

impl Compared {
    /// What was judged of a method, if it was.
    pub(super) fn judged(&self, method: Method) -> Option<&Judged> {
        self.judged.iter().find(|judged| judged.method == method)
    }

    /// Which test points a method gets right.
    ///
    /// # Panics
    /// For a rival where there were to be none.
    pub(super) fn correct(&self, method: Method) -> &BitMask {
        &self.judged(method).expect("base, memory and control always, rivals where asked for").correct
    }

    pub(super) fn accuracy(&self, method: Method) -> f64 {
        share(self.correct(method))
    }

    /// Test points that were right (or wrong) without the memory and are the other with it.
    pub(super) fn changed(&self, fixed: bool) -> impl Iterator<Item = usize> + '_ {
        let (base, ours) = (self.correct(Method::Base), self.correct(Method::ResMem));
        (0..base.len()).filter(move |&i| base.get(i) != fixed && ours.get(i) == fixed)
    }
}

/// The grid for ResMem and the mixture, fixed before any result was seen; kNN alone ignores the temperature.
fn grid(n: usize) -> Grid {
    Grid {
        k: [1, 2, 4, 8, 16, 32, 64, MOST].into_iter().filter(|k| *k <= n).collect(),
        sigma: [0.0625, 0.25, 1.0, 4.0, 16.0].map(Sigma::Relative).to_vec(),
        temperature: vec![1.0, 1.4, 2.0, 4.0, 8.0],
        ..Grid::default()
    }
}

/// Judges the memory beside its base, its control and, where asked for, its rivals: settings by validation accuracy, then test
/// points right or wrong.
pub(super) fn compare(outputs: &Outputs, rivals: bool, seed: Seed) -> Result<Compared, ReproduceError> {
    let Outputs { n_classes, train, validation, test } = outputs;
    let classes = |s: &Split| Targets::classes(s.labels.clone(), *n_classes);
    let memory = Memory::from_arrays(train.keys.view(), train.logits.clone(), classes(train), MemoryConfig::default())?;
    let most = MOST.min(memory.len());
    let at_validation = memory.search(validation.keys.view(), most, None)?;
    let at_test = memory.search(test.keys.view(), most, None)?;
    let grid = grid(memory.len());
    let sweep =
        |memory: &Memory, method| memory.sweep(&at_validation, &validation.logits, &classes(validation), method, &grid);

    let ours = sweep(&memory, Swept::Resmem)?;
    let params = ours.best.params;
    let resmem = memory.predict_from(&at_test, &test.logits, &params)?;
    let shuffled = memory.shuffled(seed);
    let control = sweep(&shuffled, Swept::Resmem)?;
    let base = memory.predict_base(&test.logits, 1.0)?;

    let mut judged = Vec::new();
    let mut judge = |method, validation: f64, setting: String, prediction: &Prediction| -> Result<(), ReproduceError> {
        judged.push(Judged { method, validation, setting, correct: right(prediction, &test.labels)? });
        Ok(())
    };
    judge(Method::Base, ours.base, String::new(), &base)?;
    judge(Method::ResMem, ours.best.score, words(&ours.best, true), &resmem)?;
    if rivals {
        let knn = sweep(&memory, Swept::Knn)?;
        judge(Method::Knn, knn.best.score, words(&knn.best, false), &memory.predict_knn(&at_test, &knn.best.params)?)?;
        let mixture = sweep(&memory, Swept::Mixture)?;
        let lambda = mixture.best.lambda.unwrap_or_default();
        let mixed = memory.predict_mixture(&at_test, &test.logits, &mixture.best.params, lambda)?;
        judge(Method::Mixture, mixture.best.score, words(&mixture.best, true), &mixed)?;
    }
    let permuted = shuffled.predict_from(&at_test, &test.logits, &control.best.params)?;
    judge(Method::Shuffled, control.best.score, words(&control.best, true), &permuted)?;
    if rivals {
        let (score, penalty, temperature) = best_ridge(&memory, validation, &grid)?;
        let ridge = Ridge::fit(&memory, penalty, temperature)?.predict(&test.keys, &test.logits)?;
        judge(Method::Ridge, score, format!("penalty {penalty}, T {temperature}"), &ridge)?;
    }

    let gallery = |fixed: bool| changed(&memory, test, &base, &resmem, &params, fixed);
    Ok(Compared { judged, params, curves: curves(&ours), fixed: gallery(true)?, broken: gallery(false)? })
}

fn right(prediction: &Prediction, labels: &[usize]) -> Result<BitMask, ReproduceError> {
    Ok(prediction.classes()?.iter().zip(labels).map(|(p, l)| p == l).collect())
}

fn share(correct: &BitMask) -> f64 {
    correct.count() as f64 / correct.len() as f64
}

fn words(point: &Point, tempered: bool) -> String {
    let mut text = format!("k {}, sigma {}x", point.params.k, point.params.sigma.value());
    if tempered {
        text.push_str(&format!(", T {}", point.params.temperature));
    }
    if let Some(lambda) = point.lambda {
        text.push_str(&format!(", lambda {lambda}"));
    }
    text
}

fn best_ridge(memory: &Memory, validation: &Split, grid: &Grid) -> Result<(f64, f64, f64), ReproduceError> {
    let mut best = (-1.0, PENALTIES[0], grid.temperature[0]);
    for penalty in PENALTIES {
        for &temperature in &grid.temperature {
            let prediction = Ridge::fit(memory, penalty, temperature)?.predict(&validation.keys, &validation.logits)?;
            let score = share(&right(&prediction, &validation.labels)?);
            if score > best.0 {
                best = (score, penalty, temperature);
            }
        }
    }
    Ok(best)
}

fn curves(sweep: &Sweep) -> Curves {
    let best = sweep.best.params;
    let along = |same: fn(&Params, &Params) -> bool, value: fn(&Params) -> f64| {
        sweep.points.iter().filter(|p| same(&p.params, &best)).map(|p| (value(&p.params), p.score)).collect()
    };
    Curves {
        k: along(|p, b| p.sigma == b.sigma && p.temperature == b.temperature, |p| p.k as f64),
        sigma: along(|p, b| p.k == b.k && p.temperature == b.temperature, |p| p.sigma.value()),
        temperature: along(|p, b| p.k == b.k && p.sigma == b.sigma, |p| p.temperature),
    }
}

/// Measures how far the two identities are from holding exactly.
pub(super) fn identities(outputs: &Outputs) -> Result<Identities, ReproduceError> {
    let Outputs { n_classes, train, test, .. } = outputs;
    let targets = Targets::classes(train.labels.clone(), *n_classes);
    let memory = Memory::from_arrays(train.keys.view(), train.logits.clone(), targets, MemoryConfig::default())?;
    // One neighbour, and the point itself is in the memory.
    let one = Params::default().with_k(1);
    let itself = memory.predict(&train.keys, &train.logits, &one)?;
    let mut copies: HashMap<Vec<u32>, usize> = HashMap::new();
    let bits = |row: usize| train.keys.row(row).iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<u32>>();
    (0..train.labels.len()).for_each(|row| *copies.entry(bits(row)).or_default() += 1);
    let distinct: Vec<usize> = (0..train.labels.len()).filter(|row| copies[&bits(*row)] == 1).collect();
    let truth = |row: usize, c: usize| f64::from(u8::from(train.labels[row] == c));
    let entries = distinct.iter().flat_map(|&row| (0..*n_classes).map(move |c| (row, c)));
    let interpolation = largest(entries.map(|(row, c)| itself.scores[[row, c]] - truth(row, c)));

    let queries = LIMIT_QUERIES.min(test.labels.len());
    let keys = test.keys.slice(ndarray::s![..queries, ..]);
    let logits = test.logits.slice(ndarray::s![..queries, ..]).to_owned();
    let all = memory.search(keys, memory.len(), None)?;
    let flat = Params::default().with_k(memory.len()).with_sigma(Sigma::Absolute(HUGE));
    let shifted = memory.predict_from(&all, &logits, &flat)?.scores;
    let base = memory.predict_base(&logits, 1.0)?.scores;
    let residuals = memory.residuals(1.0)?;
    let mean = residuals.sum_axis(ndarray::Axis(0)) / memory.len() as f64;
    let hot = Params::default().with_temperature(HUGE);
    let forgetful = memory.predict_from(&all, &logits, &hot)?.scores;
    let knn = memory.predict_knn(&all, &hot)?.scores;
    let limits = largest((shifted - base - mean).into_iter().chain(forgetful - knn));
    Ok(Identities { interpolation, distinct: distinct.len(), limits, queries })
}

/// The largest deviation; none where there is none, or one is no number.
fn largest(deviations: impl IntoIterator<Item = f64>) -> Option<f64> {
    largest_deviation(deviations).ok().map(|e| e.value).filter(|v| v.is_finite())
}

/// The first test points that the memory fixed (or broke), with their five nearest neighbours.
fn changed(
    memory: &Memory,
    test: &Split,
    base: &Prediction,
    resmem: &Prediction,
    params: &Params,
    fixed: bool,
) -> Result<Vec<Changed>, ReproduceError> {
    let (base, resmem) = (base.classes()?, resmem.classes()?);
    let rows = (0..test.labels.len()).filter(|&i| {
        let (was, is) = (base[i] == test.labels[i], resmem[i] == test.labels[i]);
        was != is && is == fixed
    });
    rows.take(GALLERY)
        .map(|row| {
            let explained = memory.explain(test.keys.row(row), test.logits.row(row), params)?;
            let neighbours = explained.neighbours.iter().take(GALLERY).filter_map(|n| match n.target {
                Target::Class(label) => Some((n.row, n.weight, label)),
                Target::Values(_) => None,
            });
            Ok(Changed { row, base: base[row], resmem: resmem[row], neighbours: neighbours.collect() })
        })
        .collect()
}

/// The same settings with an approximate index beside the exact one.
pub(super) fn compare_index(
    outputs: &Outputs,
    compared: &Compared,
    seed: Seed,
) -> Result<super::study::Approximate, ReproduceError> {
    let Outputs { n_classes, train, test, .. } = outputs;
    let build = |index| {
        let targets = Targets::classes(train.labels.clone(), *n_classes);
        Memory::from_arrays(train.keys.view(), train.logits.clone(), targets, MemoryConfig::default().with_index(index))
    };
    let exact = build(IndexKind::Exact)?;
    let approximate = build(IndexKind::Hnsw(HnswConfig::default().with_seed(seed)))?;
    let k = compared.params.k;
    let truth = exact.search(test.keys.view(), k, None)?;
    let found = approximate.search(test.keys.view(), k, None)?;
    let judge = |memory: &Memory, found: &Neighbours| -> Result<BitMask, ReproduceError> {
        right(&memory.predict_from(found, &test.logits, &compared.params)?, &test.labels)
    };
    // One width of the kernel for both: the approximate index would estimate the scale of distances anew.
    let params = compared.params.with_sigma(Sigma::Absolute(exact.sigma(&compared.params)));
    let hnsw = right(&approximate.predict_from(&found, &test.logits, &params)?, &test.labels)?;
    Ok(super::study::Approximate { recall: found.recall(&truth), exact: judge(&exact, &truth)?, hnsw })
}
