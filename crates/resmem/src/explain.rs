//! Why a memory predicts what it predicts.

use crate::choice::Choice;
use crate::error::ResmemError;
use crate::memory::Memory;
use crate::params::Params;
use crate::predict::Tally;
use crate::sweep::{Method, mix};
use crate::targets::Targets;
use ndarray::{ArrayView1, Axis};
use serde::Serialize;

/// What a neighbour's target is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Target {
    /// Its class.
    Class(usize),
    /// Its values.
    Values(Vec<f32>),
}

/// One neighbour's part in a prediction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contribution {
    /// Row of the memory.
    pub row: usize,
    /// Distance of its key.
    pub distance: f32,
    /// Its weight `w_i`; the weights of all neighbours sum to one.
    pub weight: f64,
    /// Its target `y_i`.
    pub target: Target,
    /// Its residual `r_i`: the target minus what the base model says of it.
    pub residual: Vec<f64>,
}

/// The parts of one prediction: `score = base + correction`.
///
/// Of ResMem, `correction = sum_i w_i r_i = knn - average_base`; of kNN alone, `knn - base`; of a mixture, `lambda (knn - base)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The neighbours, nearest first.
    pub neighbours: Vec<Contribution>,
    /// What the base model says: `softmax(f(x) / T)`, or its prediction in regression.
    pub base: Vec<f64>,
    /// The weighted average of the neighbours' targets: what kNN alone would say.
    pub knn: Vec<f64>,
    /// The weighted average of the base model's outputs on the neighbours.
    pub average_base: Vec<f64>,
    /// What the memory adds: `r_kNN(x)` of ResMem.
    pub correction: Vec<f64>,
    /// The prediction `F(x)`.
    pub score: Vec<f64>,
}

impl Memory {
    /// The neighbours behind one prediction, and `F(x) = kNN(x) + [p(x) - average of p over the neighbours]` (spec
    /// section 2, last property); `key` is `[e]`, `base` the base model's output `[C]`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_resmem::{Memory, MemoryConfig, Params, Target, Targets};
    /// let keys = array![[0.0_f32], [1.0], [5.0]];
    /// let base = array![[0.0_f32, 0.0], [0.0, 0.0], [0.0, 0.0]];
    /// let memory = Memory::from_arrays(keys.view(), base, Targets::classes([0, 0, 1], 2), MemoryConfig::default())?;
    /// let why = memory.explain(array![4.0].view(), array![0.0, 0.0].view(), &Params::default().with_k(1))?;
    /// assert_eq!((why.neighbours[0].row, &why.neighbours[0].target), (2, &Target::Class(1)));
    /// assert_eq!(why.correction, [-0.5, 0.5]);
    /// assert_eq!(why.score, [0.0, 1.0]);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Memory::predict`].
    pub fn explain(
        &self,
        key: ArrayView1<f32>,
        base: ArrayView1<f32>,
        params: &Params,
    ) -> Result<Explanation, ResmemError> {
        self.explain_by(key, base, &Choice { params: *params, ..Choice::default() })
    }

    /// The same of a prediction by the method of `choice`.
    ///
    /// # Errors
    /// As [`Memory::predict_by`].
    pub fn explain_by(
        &self,
        key: ArrayView1<f32>,
        base: ArrayView1<f32>,
        choice: &Choice,
    ) -> Result<Explanation, ResmemError> {
        choice.validate(self.len())?;
        let params = &choice.params;
        let found = self.search(key.insert_axis(Axis(0)), params.k, None)?;
        self.check_query_base(&found, &base.insert_axis(Axis(0)).to_owned())?;
        let width = self.width();
        let (mut weights, mut tally, mut output) = (Vec::new(), Tally::new(width), vec![0.0; width]);
        params.kernel.weights(found.distances.iter().copied(), self.sigma(params), &mut weights);
        let mut neighbours = Vec::with_capacity(params.k);
        for ((&row, &distance), &weight) in found.indices.iter().zip(&found.distances).zip(&weights) {
            let row = row as usize;
            self.base.output(row, params.temperature, &mut output);
            tally.add(&self.targets, row, &output, weight);
            neighbours.push(Contribution {
                row,
                distance,
                weight,
                target: match &self.targets {
                    Targets::Classes { labels, .. } => Target::Class(labels[row]),
                    Targets::Values(values) => Target::Values(values.row(row).to_vec()),
                },
                residual: self.residual(row, &output),
            });
        }
        neighbours.iter_mut().for_each(|n| n.weight /= tally.total());
        self.base.transform(base, params.temperature, &mut output);
        // What the memory adds, and the score as predictions have it.
        let part = |(c, &p): (usize, &f64)| match (choice.method, choice.lambda) {
            (Method::Knn, _) => (tally.knn(c) - p, tally.knn(c)),
            (Method::Mixture, Some(lambda)) => (lambda * (tally.knn(c) - p), mix(lambda, tally.knn(c), p)),
            _ => (tally.knn(c) - tally.average(c), tally.score(c, p)),
        };
        let (correction, score) = output.iter().enumerate().map(part).unzip();
        Ok(Explanation {
            neighbours,
            knn: (0..width).map(|c| tally.knn(c)).collect(),
            average_base: (0..width).map(|c| tally.average(c)).collect(),
            correction,
            score,
            base: output,
        })
    }
}
