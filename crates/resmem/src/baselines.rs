//! What ResMem must be compared with.

use crate::error::ResmemError;
use crate::linalg::solve_positive_definite;
use crate::memory::{Memory, check_rows};
use crate::params::{Params, positive};
use crate::predict::Prediction;
use crate::sweep::{check_lambda, mix};
use crate::targets::check_finite;
use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;
use tenfold_core_tensor::ops::nearest::{Neighbours, prepared};
use tenfold_core_tensor::seed::Seed;

impl Memory {
    /// The base model alone: `softmax(f(x) / T)`, or its predictions in regression.
    ///
    /// # Errors
    /// Another width than the memory's, values that are not finite, a temperature not finite or not above zero.
    pub fn predict_base(&self, base: &Array2<f32>, temperature: f64) -> Result<Prediction, ResmemError> {
        positive("temperature", temperature)?;
        self.check_output_width(base)?;
        check_finite("base outputs of the queries", base)?;
        let mut scores = Array2::zeros(base.dim());
        let mut row = vec![0.0; self.width()];
        for (output, mut slots) in base.outer_iter().zip(scores.outer_iter_mut()) {
            self.base.transform(output, temperature, &mut row);
            slots.iter_mut().zip(&row).for_each(|(slot, p)| *slot = *p);
        }
        Ok(Prediction::new(scores, self.is_classifier()))
    }

    /// kNN alone: the same keys, `k` and kernel, with targets in the place of residuals. `temperature` plays no part.
    ///
    /// # Errors
    /// A rule of [`Params::validate`] with the neighbours there are; neighbours of another memory.
    pub fn predict_knn(&self, neighbours: &Neighbours, params: &Params) -> Result<Prediction, ResmemError> {
        self.map_queries(neighbours, params, |_, tally, out| {
            out.iter_mut().enumerate().for_each(|(c, slot)| *slot = tally.knn(c));
        })
    }

    /// The kNN-LM mixture `lambda kNN(x) + (1 - lambda) softmax(f(x) / T)`.
    ///
    /// # Errors
    /// `lambda` outside 0 and 1, and as [`Memory::predict_from`].
    pub fn predict_mixture(
        &self,
        neighbours: &Neighbours,
        base: &Array2<f32>,
        params: &Params,
        lambda: f64,
    ) -> Result<Prediction, ResmemError> {
        check_lambda(lambda)?;
        self.check_query_base(neighbours, base)?;
        self.map_queries(neighbours, params, |q, tally, out| {
            self.base.transform(base.row(q), params.temperature, out);
            out.iter_mut().enumerate().for_each(|(c, p)| *p = mix(lambda, tally.knn(c), *p));
        })
    }

    /// A control that must not help: the same keys, with residuals (outputs and targets together) dealt out at random.
    #[must_use]
    pub fn shuffled(&self, seed: Seed) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut seed.named("shuffled-memory").rng());
        Self::from_parts(self.index.clone(), self.base.select(&order), self.targets.select(&order), self.config)
    }

    fn check_output_width(&self, base: &Array2<f32>) -> Result<(), ResmemError> {
        if base.ncols() == self.width() {
            return Ok(());
        }
        Err(ResmemError::Shape {
            what: "stored outputs and base outputs of the queries",
            left: vec![self.len(), self.width()],
            right: base.shape().to_vec(),
            rule: "widths must agree",
        })
    }
}

/// A linear second stage on the residuals: ridge regression on the keys, as boosting would add.
///
/// `r(x) = mean r + W' (phi(x) - mean phi)` with `W = (X'X + n penalty I)^-1 X'R` over centred keys `X` and residuals `R`.
#[derive(Debug, Clone)]
pub struct Ridge<'a> {
    memory: &'a Memory,
    temperature: f64,
    mean_key: Array1<f64>,
    mean_residual: Array1<f64>,
    weights: Array2<f64>,
}

impl<'a> Ridge<'a> {
    /// Fits the residuals of a memory at one temperature.
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use tenfold_resmem::{Memory, MemoryConfig, Ridge, Targets};
    /// // y = 2 x + 1, and a base model that says 0.
    /// let keys = array![[0.0_f32], [1.0], [2.0]];
    /// let targets = Targets::Values(array![[1.0], [3.0], [5.0]]);
    /// let memory = Memory::from_arrays(keys.view(), Array2::zeros((3, 1)), targets, MemoryConfig::default())?;
    /// let line = Ridge::fit(&memory, 1e-12, 1.0)?.predict(&array![[10.0]], &array![[0.0]])?;
    /// assert!((line.scores[[0, 0]] - 21.0).abs() < 1e-9);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// A penalty or temperature not finite or not above zero; a system that is singular to working precision.
    pub fn fit(memory: &'a Memory, penalty: f64, temperature: f64) -> Result<Self, ResmemError> {
        positive("penalty", penalty)?;
        let mut residuals = memory.residuals(temperature)?;
        let mut keys = memory.keys().mapv(f64::from);
        let n = memory.len() as f64;
        let (mean_key, mean_residual) = (keys.sum_axis(Axis(0)) / n, residuals.sum_axis(Axis(0)) / n);
        keys -= &mean_key;
        residuals -= &mean_residual;
        let mut gram = keys.t().dot(&keys);
        gram.diag_mut().mapv_inplace(|d| d + n * penalty);
        let Some(weights) = solve_positive_definite(&gram, &keys.t().dot(&residuals)) else {
            return Err(ResmemError::parameter("penalty", penalty, "too small for keys this close to dependent"));
        };
        Ok(Self { memory, temperature, mean_key, mean_residual, weights })
    }

    /// `softmax(f(x) / T) + r(x)` for keys `[m, e]` and base outputs `[m, C]`.
    ///
    /// # Errors
    /// Shapes that do not agree, values that are not finite.
    pub fn predict(&self, keys: &Array2<f32>, base: &Array2<f32>) -> Result<Prediction, ResmemError> {
        check_rows("keys and base outputs", keys.shape(), base.shape())?;
        if keys.ncols() != self.memory.key_width() {
            return Err(ResmemError::Shape {
                what: "stored keys and keys of the queries",
                left: vec![self.memory.len(), self.memory.key_width()],
                right: keys.shape().to_vec(),
                rule: "widths must agree",
            });
        }
        let dense = prepared("keys", keys.view(), self.memory.config.metric)?;
        let centred =
            Array2::from_shape_vec(keys.dim(), dense.iter().map(|&v| f64::from(v)).collect())? - &self.mean_key;
        let mut prediction = self.memory.predict_base(base, self.temperature)?;
        prediction.scores += &(centred.dot(&self.weights) + &self.mean_residual);
        Ok(prediction)
    }
}
