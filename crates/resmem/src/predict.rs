//! `F(x) = softmax(f(x) / T) + r_kNN(x)`.

use crate::error::ResmemError;
use crate::memory::{Memory, check_rows};
use crate::params::{Params, Sigma};
use crate::targets::{Targets, check_finite};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::nearest::Neighbours;
use tenfold_core_tensor::ops::simplex::{clip_and_renormalise, project_onto_simplex};
use tenfold_core_tensor::ops::top_k::argmax;

/// How scores become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Projection {
    /// The nearest point of the probability simplex.
    #[default]
    Simplex,
    /// Negative scores to zero, then divided by the sum.
    ClipRenormalise,
}

/// What a memory predicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// `F(x)`, `[m, C]`. Rows of a classifier sum to one, but entries may be negative or above one: these are **not**
    /// probabilities. In regression, the predicted values `[m, D]`.
    pub scores: Array2<f64>,
    classification: bool,
}

impl Prediction {
    pub(crate) fn new(scores: Array2<f64>, classification: bool) -> Self {
        Self { scores, classification }
    }

    /// The class with the largest score of each row, the first of equals.
    ///
    /// # Errors
    /// In regression.
    pub fn classes(&self) -> Result<Vec<usize>, ResmemError> {
        self.needs_classes("classes")?;
        Ok(self.scores.outer_iter().map(|row| argmax(&row.to_vec())).collect())
    }

    /// Probabilities, for log loss or calibration. Report the projection with the number: they differ.
    ///
    /// # Errors
    /// In regression.
    pub fn probabilities(&self, projection: Projection) -> Result<Array2<f64>, ResmemError> {
        self.needs_classes("probabilities")?;
        let mut probabilities = self.scores.clone();
        for mut row in probabilities.outer_iter_mut() {
            let mut values = row.to_vec();
            match projection {
                Projection::Simplex => project_onto_simplex(&mut values),
                Projection::ClipRenormalise => clip_and_renormalise(&mut values),
            }
            row.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        }
        Ok(probabilities)
    }

    fn needs_classes(&self, operation: &'static str) -> Result<(), ResmemError> {
        if self.classification {
            return Ok(());
        }
        Err(ResmemError::Task { operation, needs: "classification", found: "regression" })
    }
}

/// Gathers the neighbours of one query one by one, so that every `k` up to the last is had on the way.
pub(crate) struct Tally {
    total: f64,
    targets: Vec<f64>,
    outputs: Vec<f64>,
}

impl Tally {
    pub(crate) fn new(width: usize) -> Self {
        Self { total: 0.0, targets: vec![0.0; width], outputs: vec![0.0; width] }
    }

    pub(crate) fn clear(&mut self) {
        self.total = 0.0;
        self.targets.fill(0.0);
        self.outputs.fill(0.0);
    }

    /// Takes in a neighbour with its target and the base model's `output` on it.
    #[inline]
    pub(crate) fn add(&mut self, targets: &Targets, row: usize, output: &[f64], weight: f64) {
        self.total += weight;
        targets.add(row, weight, &mut self.targets);
        self.outputs.iter_mut().zip(output).for_each(|(sum, p)| *sum += weight * p);
    }

    /// Sum of the weights so far; at least 1, the weight of the nearest.
    pub(crate) fn total(&self) -> f64 {
        self.total
    }

    /// Entry `c` of `sum w_i y_i / sum w_i`: the prediction of kNN alone.
    #[inline]
    pub(crate) fn knn(&self, c: usize) -> f64 {
        self.targets[c] / self.total
    }

    /// Entry `c` of `sum w_i p_i / sum w_i`: the base model's average output on the neighbours.
    #[inline]
    pub(crate) fn average(&self, c: usize) -> f64 {
        self.outputs[c] / self.total
    }

    /// Entry `c` of `F = p + (kNN - average of p)`, given the base output `p_c`.
    #[inline]
    pub(crate) fn score(&self, c: usize, base: f64) -> f64 {
        base + (self.knn(c) - self.average(c))
    }
}

impl Memory {
    /// Whether the targets are classes.
    pub fn is_classifier(&self) -> bool {
        matches!(self.targets, Targets::Classes { .. })
    }

    /// Searches the `k` nearest rows of each key and predicts; `keys` are `[m, e]`, `base` the base model's outputs on
    /// the same inputs, `[m, C]`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_resmem::{Memory, MemoryConfig, Params, Projection, Targets};
    /// // The base model says class 0 everywhere; the memory knows an exception at 5.
    /// let keys = array![[0.0_f32], [1.0], [5.0]];
    /// let base = array![[2.0_f32, 0.0], [2.0, 0.0], [2.0, 0.0]];
    /// let memory = Memory::from_arrays(keys.view(), base, Targets::classes([0, 0, 1], 2), MemoryConfig::default())?;
    /// let prediction = memory.predict(&array![[0.5], [4.9]], &array![[2.0, 0.0], [2.0, 0.0]], &Params::default().with_k(1))?;
    /// assert_eq!(prediction.classes()?, [0, 1]);
    /// assert!((prediction.scores.row(1)[1] - 1.0).abs() < 1e-15);
    /// assert_eq!(prediction.probabilities(Projection::Simplex)?.row(1).sum(), 1.0);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// A rule of [`Params::validate`] with the rows of the memory; as [`Memory::search`]; shapes that do not agree;
    /// values that are not finite.
    pub fn predict(&self, keys: &Array2<f32>, base: &Array2<f32>, params: &Params) -> Result<Prediction, ResmemError> {
        params.validate(self.len())?;
        check_rows("keys and base outputs", keys.shape(), base.shape())?;
        self.predict_from(&self.search(keys.view(), params.k, None)?, base, params)
    }

    /// Predicts from neighbours found before, of which the first `params.k` are used.
    ///
    /// # Errors
    /// A rule of [`Params::validate`] with the neighbours there are; neighbours of another memory; shapes that do not
    /// agree; values that are not finite.
    pub fn predict_from(
        &self,
        neighbours: &Neighbours,
        base: &Array2<f32>,
        params: &Params,
    ) -> Result<Prediction, ResmemError> {
        self.check_query_base(neighbours, base)?;
        self.map_queries(neighbours, params, |q, tally, out| {
            self.base.transform(base.row(q), params.temperature, out);
            out.iter_mut().enumerate().for_each(|(c, p)| *p = tally.score(c, *p));
        })
    }

    /// Calls `score` with each query's number, the tally of its first `params.k` neighbours and the slots of its scores.
    pub(crate) fn map_queries(
        &self,
        neighbours: &Neighbours,
        params: &Params,
        score: impl Fn(usize, &Tally, &mut [f64]) + Sync,
    ) -> Result<Prediction, ResmemError> {
        params.validate(neighbours.k())?;
        self.check_neighbours(neighbours)?;
        let (sigma, width) = (self.sigma(params), self.width());
        let mut scores = vec![0.0; neighbours.len() * width];
        scores.par_chunks_exact_mut(width).enumerate().for_each_init(
            || (Vec::new(), Tally::new(width), vec![0.0; width]),
            |(weights, tally, output), (q, slots)| {
                params.kernel.weights(neighbours.distances.row(q).iter().take(params.k).copied(), sigma, weights);
                tally.clear();
                for (&row, &weight) in neighbours.indices.row(q).iter().zip(weights.iter()) {
                    self.base.output(row as usize, params.temperature, output);
                    tally.add(&self.targets, row as usize, output, weight);
                }
                score(q, tally, slots);
            },
        );
        Ok(Prediction::new(Array2::from_shape_vec((neighbours.len(), width), scores)?, self.is_classifier()))
    }

    /// The width of the kernel in units of the distance (of its square for [`crate::Kernel::Gaussian`]).
    pub fn sigma(&self, params: &Params) -> f64 {
        match params.sigma {
            Sigma::Absolute(sigma) => sigma,
            relative => relative.absolute(self.distance_scale(), params.kernel),
        }
    }

    pub(crate) fn check_neighbours(&self, neighbours: &Neighbours) -> Result<(), ResmemError> {
        match neighbours.indices.iter().find(|row| **row as usize >= self.len()) {
            Some(row) => Err(ResmemError::parameter("neighbour", row, format!("must be below {} rows", self.len()))),
            None => Ok(()),
        }
    }

    pub(crate) fn check_query_base(&self, neighbours: &Neighbours, base: &Array2<f32>) -> Result<(), ResmemError> {
        if base.dim() != (neighbours.len(), self.width()) {
            return Err(ResmemError::Shape {
                what: "queries and their base outputs",
                left: vec![neighbours.len(), self.width()],
                right: base.shape().to_vec(),
                rule: "one row a query, one output a class or a value",
            });
        }
        check_finite("base outputs of the queries", base)
    }
}
