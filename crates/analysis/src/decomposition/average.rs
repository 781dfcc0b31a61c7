//! Averages over points.

use crate::error::AnalysisError;
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, jackknife, mean, variance};

/// An average over points, with what it is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Average {
    /// The interval over models alone: the points are the ones there are.
    pub over_models: Estimate,
    /// The interval over models and points: both are samples.
    pub over_both: Estimate,
}

impl Average {
    /// Of a number for each point, and its averages without each model.
    pub(crate) fn of(points: &[f64], without: &[f64]) -> Result<Self, AnalysisError> {
        let over_models = jackknife(mean(points), without)?;
        let se = over_models.se.hypot((variance(points) / points.len() as f64).sqrt());
        let df = (without.len().min(points.len()) - 1) as f64;
        Ok(Self { over_models, over_both: Estimate::from_t(over_models.value, se, df, without.len()) })
    }
}
