//! Choosing `k`, `sigma`, `T` (and the weight of a mixture) on validation data, from one search.

use crate::error::ResmemError;
use crate::memory::{Memory, check_rows};
use crate::params::{Kernel, Params, Sigma, positive};
use crate::predict::Tally;
use crate::targets::Targets;
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::nearest::Neighbours;
use tenfold_core_tensor::ops::top_k::argmax;

/// Queries summed up by one thread before the next block; fixed, so that sums do not depend on the threads.
const BLOCK: usize = 32;
/// Most numbers in the tables of outputs: 256 MiB.
const TABLE_LIMIT: usize = 1 << 25;

/// What predicts. All three read the same memory, so each can be given its own best parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Base model plus memory of residuals.
    #[default]
    Resmem,
    /// kNN alone: the memory with targets in the place of residuals, without the base model.
    Knn,
    /// The kNN-LM mixture `lambda kNN(x) + (1 - lambda) softmax(f(x) / T)`.
    Mixture,
}

/// The parameters to try: all combinations.
///
/// kNN alone does not depend on `temperature`, and only the mixture on `lambda`; what a method does not depend on is not
/// swept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grid {
    /// Numbers of neighbours, ascending. Default 1, 2, 4, ... 128.
    pub k: Vec<usize>,
    /// Widths of the kernel. Default 1/16, 1/4, 1, 4 and 16 times [`Memory::distance_scale`].
    pub sigma: Vec<Sigma>,
    /// Temperatures. Default 0.5, 1, 2, 4.
    pub temperature: Vec<f64>,
    /// Weights of kNN in the mixture, within 0 and 1. Default 0.1, 0.2, ... 0.9.
    pub lambda: Vec<f64>,
    /// The kernel. Default exponential.
    pub kernel: Kernel,
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            k: (0..8).map(|i| 1 << i).collect(),
            sigma: [0.0625, 0.25, 1.0, 4.0, 16.0].map(Sigma::Relative).to_vec(),
            temperature: vec![0.5, 1.0, 2.0, 4.0],
            lambda: (1..10).map(|i| f64::from(i) / 10.0).collect(),
            kernel: Kernel::Exponential,
        }
    }
}

impl Grid {
    /// Checks the grid against the `n` neighbours there are.
    ///
    /// # Errors
    /// An empty axis; `k` not ascending or outside `1..=n`; a width or temperature not finite or not above zero;
    /// `lambda` outside 0 and 1.
    pub fn validate(&self, n: usize) -> Result<(), ResmemError> {
        let lengths = [
            ("grid.k", self.k.len()),
            ("grid.sigma", self.sigma.len()),
            ("grid.temperature", self.temperature.len()),
            ("grid.lambda", self.lambda.len()),
        ];
        if let Some((field, _)) = lengths.iter().find(|(_, length)| *length == 0) {
            return Err(ResmemError::parameter(field, "[]", "must hold at least one value"));
        }
        if !self.k.is_sorted_by(|a, b| a < b) {
            return Err(ResmemError::parameter("grid.k", format!("{:?}", self.k), "must be ascending"));
        }
        self.k.iter().try_for_each(|k| crate::params::check_k(*k, n))?;
        self.sigma.iter().try_for_each(|sigma| sigma.validate())?;
        self.temperature.iter().try_for_each(|t| positive("temperature", *t))?;
        self.lambda.iter().try_for_each(|lambda| check_lambda(*lambda))
    }

    /// The combinations that matter to `method`: by `k`, then `sigma`, then `temperature`, then `lambda`.
    fn points(&self, method: Method) -> Vec<Point> {
        let temperatures = if method == Method::Knn { &[1.0][..] } else { &self.temperature };
        let lambdas: Vec<Option<f64>> =
            if method == Method::Mixture { self.lambda.iter().copied().map(Some).collect() } else { vec![None] };
        let mut points = Vec::new();
        for &k in &self.k {
            for &sigma in &self.sigma {
                for &temperature in temperatures {
                    let params = Params { k, sigma, temperature, kernel: self.kernel };
                    points.extend(lambdas.iter().map(|&lambda| Point { params, lambda, sigma: 0.0, score: 0.0 }));
                }
            }
        }
        points
    }
}

pub(crate) fn check_lambda(lambda: f64) -> Result<(), ResmemError> {
    if (0.0..=1.0).contains(&lambda) {
        return Ok(());
    }
    Err(ResmemError::parameter("lambda", lambda, "must be between 0 and 1"))
}

/// How predictions are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The share of queries whose largest score is at their label; larger is better.
    Accuracy,
    /// The mean of squared differences over queries and values; smaller is better.
    MeanSquaredError,
}

/// One combination and how it did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The parameters; for kNN alone, `temperature` is 1 and plays no part.
    pub params: Params,
    /// Weight of kNN, of the mixture only.
    pub lambda: Option<f64>,
    /// The width of the kernel in units of the distance.
    pub sigma: f64,
    /// Accuracy or mean squared error.
    pub score: f64,
}

/// A whole sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// What predicted.
    pub method: Method,
    /// How predictions were judged.
    pub measure: Measure,
    /// The base model alone on the same queries.
    pub base: f64,
    /// Every combination, by `k`, then `sigma`, then `temperature`, then `lambda`, each in the order of the grid.
    pub points: Vec<Point>,
    /// The best of `points`; of equals the first, that is with the smallest `k`, then first in the order of the grid.
    pub best: Point,
}

impl Memory {
    /// Tries every combination of `grid` on validation queries, from one search with the largest `k`.
    ///
    /// Neighbours are sorted, so one pass over them gives every `k`: the cost is one pass for each pair of `sigma` and
    /// `T`. Each score is that of [`Memory::predict_from`] (or the baseline's) with the same parameters, bit for bit.
    ///
    /// Never hand test data to this: three free parameters overfit easily. Nor the memory's own rows as they
    /// are: each would find itself, so that `k = 1` is always right. [`Memory::own_rows`] knows them, and
    /// [`Memory::search_without`] leaves them out.
    ///
    /// # Errors
    /// A rule of [`Grid::validate`]; targets of another task or width; shapes that do not agree; values that are not
    /// finite.
    pub fn sweep(
        &self,
        neighbours: &Neighbours,
        base: &Array2<f32>,
        targets: &Targets,
        method: Method,
        grid: &Grid,
    ) -> Result<Sweep, ResmemError> {
        grid.validate(neighbours.k())?;
        self.check_query_base(neighbours, base)?;
        self.check_neighbours(neighbours)?;
        check_rows("queries and targets", neighbours.indices.shape(), &[targets.len()])?;
        targets.validate()?;
        self.targets.check_like(targets)?;
        let mut points = grid.points(method);
        points.iter_mut().for_each(|point| point.sigma = self.sigma(&point.params));

        let queries: Vec<usize> = (0..neighbours.len()).collect();
        let outputs = self.output_tables(method, grid);
        let job = Job { memory: self, neighbours, base, targets, method, grid, points: &points, outputs };
        let sums: Vec<Vec<f64>> = queries.par_chunks(BLOCK).map(|block| job.block(block)).collect();
        let mean = |i: usize| sums.iter().map(|sum| sum[i]).sum::<f64>() / queries.len() as f64;
        let scores: Vec<f64> = (0..=points.len()).map(mean).collect();
        points.iter_mut().zip(&scores).for_each(|(point, score)| point.score = *score);

        let measure = if self.is_classifier() { Measure::Accuracy } else { Measure::MeanSquaredError };
        let mut best = points[0];
        for point in &points {
            let better = match measure {
                Measure::Accuracy => point.score > best.score,
                Measure::MeanSquaredError => point.score < best.score,
            };
            if better {
                best = *point;
            }
        }
        Ok(Sweep { method, measure, base: scores[points.len()], points, best })
    }
}

impl Memory {
    /// The base model's outputs on all rows at each temperature, `[n * C]`, so that a row which is the neighbour of many
    /// queries goes through the softmax once; nothing where that would take too much memory, or is not needed.
    fn output_tables(&self, method: Method, grid: &Grid) -> Vec<Vec<f64>> {
        let (n, width) = (self.len(), self.width());
        let numbers = n.saturating_mul(width).saturating_mul(grid.temperature.len());
        if method != Method::Resmem || numbers > TABLE_LIMIT {
            return Vec::new();
        }
        let table = |temperature: &f64| {
            let mut outputs = vec![0.0; n * width];
            let rows = outputs.par_chunks_exact_mut(width).enumerate();
            rows.for_each(|(row, output)| self.base.output(row, *temperature, output));
            outputs
        };
        grid.temperature.iter().map(table).collect()
    }
}

/// What the blocks of queries share.
struct Job<'a> {
    memory: &'a Memory,
    neighbours: &'a Neighbours,
    base: &'a Array2<f32>,
    targets: &'a Targets,
    method: Method,
    grid: &'a Grid,
    points: &'a [Point],
    /// One table a temperature, or none.
    outputs: Vec<Vec<f64>>,
}

impl Job<'_> {
    /// Sums of the scores of a block's queries: one for each point, and the base model's.
    fn block(&self, queries: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; self.points.len() + 1];
        let mut space = Space::new(self.memory.width(), self.grid.sigma.len());
        for &q in queries {
            self.query(q, &mut space, &mut sums);
        }
        sums
    }

    fn query(&self, q: usize, space: &mut Space, sums: &mut [f64]) {
        let (memory, grid) = (self.memory, self.grid);
        let width = memory.width();
        let Space { base, outputs, weights, tally, scores } = space;
        let largest = grid.k[grid.k.len() - 1];
        let rows = self.neighbours.indices.row(q);
        let distances = self.neighbours.distances.row(q);
        // Points come by k, then sigma, then temperature, then lambda.
        let temperatures = if self.method == Method::Knn { 1 } else { grid.temperature.len() };
        let lambdas = if self.method == Method::Mixture { grid.lambda.len() } else { 1 };
        for t in 0..temperatures {
            let temperature = grid.temperature[t];
            memory.base.transform(self.base.row(q), temperature, base);
            if t == 0 {
                sums[self.points.len()] += self.judge(q, base);
            }
            let table = self.outputs.get(t);
            outputs.clear();
            if self.method == Method::Resmem && table.is_none() {
                outputs.resize(largest * width, 0.0);
                for (&row, output) in rows.iter().zip(outputs.chunks_exact_mut(width)) {
                    memory.base.output(row as usize, temperature, output);
                }
            }
            for s in 0..grid.sigma.len() {
                let first = (s * temperatures + t) * lambdas;
                let weights = &mut weights[s];
                if t == 0 {
                    let sigma = self.points[first].sigma;
                    grid.kernel.weights(distances.iter().take(largest).copied(), sigma, weights);
                }
                tally.clear();
                let mut added = 0;
                for (i, &k) in grid.k.iter().enumerate() {
                    for (at, (&row, &weight)) in rows.iter().zip(weights.iter()).enumerate().take(k).skip(added) {
                        let (from, at) = table.map_or((&*outputs, at), |table| (table, row as usize));
                        // Without outputs the range is empty and only targets are gathered.
                        let output = from.get(at * width..(at + 1) * width).unwrap_or(&[]);
                        tally.add(&memory.targets, row as usize, output, weight);
                    }
                    added = k;
                    let point = i * grid.sigma.len() * temperatures * lambdas + first;
                    for lambda in 0..lambdas {
                        let knn_weight = self.points[point + lambda].lambda;
                        scores.iter_mut().enumerate().for_each(|(c, score)| {
                            *score = match (self.method, knn_weight) {
                                (Method::Resmem, _) => tally.score(c, base[c]),
                                (_, None) => tally.knn(c),
                                (_, Some(lambda)) => mix(lambda, tally.knn(c), base[c]),
                            }
                        });
                        sums[point + lambda] += self.judge(q, scores);
                    }
                }
            }
        }
    }

    fn judge(&self, q: usize, scores: &[f64]) -> f64 {
        match self.targets {
            Targets::Classes { labels, .. } => f64::from(u8::from(argmax(scores) == labels[q])),
            Targets::Values(values) => {
                let squares = scores.iter().zip(values.row(q)).map(|(s, v)| (s - f64::from(*v)).powi(2));
                squares.sum::<f64>() / scores.len() as f64
            }
        }
    }
}

/// `lambda kNN + (1 - lambda) p`.
#[inline]
pub(crate) fn mix(lambda: f64, knn: f64, base: f64) -> f64 {
    lambda * knn + (1.0 - lambda) * base
}

/// Work space of a block.
struct Space {
    base: Vec<f64>,
    outputs: Vec<f64>,
    /// One list a sigma.
    weights: Vec<Vec<f64>>,
    tally: Tally,
    scores: Vec<f64>,
}

impl Space {
    fn new(width: usize, sigmas: usize) -> Self {
        Self {
            base: vec![0.0; width],
            outputs: Vec::new(),
            weights: vec![Vec::new(); sigmas],
            tally: Tally::new(width),
            scores: vec![0.0; width],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_named() {
        let good = Grid { k: vec![1, 2], ..Grid::default() };
        good.validate(2).unwrap();
        let refusal = |grid: Grid| grid.validate(2).unwrap_err().to_string();
        let base = || good.clone();
        assert_eq!(refusal(Grid { k: vec![], ..base() }), "grid.k = []: must hold at least one value");
        assert_eq!(refusal(Grid { sigma: vec![], ..base() }), "grid.sigma = []: must hold at least one value");
        assert_eq!(
            refusal(Grid { temperature: vec![], ..base() }),
            "grid.temperature = []: must hold at least one value"
        );
        assert_eq!(refusal(Grid { lambda: vec![], ..base() }), "grid.lambda = []: must hold at least one value");
        assert_eq!(refusal(Grid { k: vec![2, 1], ..base() }), "grid.k = [2, 1]: must be ascending");
        assert_eq!(refusal(Grid { k: vec![1, 1], ..base() }), "grid.k = [1, 1]: must be ascending");
        assert_eq!(refusal(Grid { k: vec![3], ..base() }), "k = 3: must be between 1 and the 2 neighbours there are");
        assert_eq!(
            refusal(Grid { sigma: vec![Sigma::Relative(0.0)], ..base() }),
            "sigma = 0: must be finite and above 0"
        );
        assert_eq!(refusal(Grid { temperature: vec![-1.0], ..base() }), "temperature = -1: must be finite and above 0");
        assert_eq!(refusal(Grid { lambda: vec![1.5], ..base() }), "lambda = 1.5: must be between 0 and 1");
    }

    #[test]
    fn what_a_method_ignores_is_not_swept() {
        let grid = Grid::default();
        let counts = [Method::Resmem, Method::Knn, Method::Mixture].map(|m| grid.points(m).len());
        assert_eq!(counts, [8 * 5 * 4, 8 * 5, 8 * 5 * 4 * 9]);
    }
}
