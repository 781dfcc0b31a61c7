//! Synthetic controls: made-up data whose truth is known, never a stand-in for real data.
//!
//! Each generator is drawn once from parameters and a seed (its rule, its centres) and then sampled as often as
//! needed, so that training, validation and test parts share one truth and differ only in their seeds.
//!
//! | module | what is known |
//! |---|---|
//! | [`rule_exceptions`] | which points follow a linear rule and which are memorable exceptions |
//! | [`pure_clusters`] | there is no rule at all: the counter-example on which neighbours alone win |
//! | [`gaussian_mixture`] | the posterior `p(y | x)` |
//! | [`calibrated_ensemble`] | the ensemble mean is calibrated: labels were drawn from it |
//! | [`linear_ball`] | the linear target on a ball with identity covariance |

pub mod calibrated_ensemble;
mod clusters;
pub mod gaussian_mixture;
pub mod linear_ball;
pub mod pure_clusters;
pub mod rule_exceptions;

pub use calibrated_ensemble::{CalibratedEnsemble, CalibratedEnsembleParams};
pub use gaussian_mixture::{GaussianMixture, GaussianMixtureParams};
pub use linear_ball::{LinearBall, LinearBallParams};
pub use pure_clusters::{PureClusters, PureClustersParams, PureClustersSample};
pub use rule_exceptions::{RuleExceptions, RuleExceptionsParams, RuleExceptionsSample};

use crate::error::{DataError, require};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::Rng;

fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn normal_matrix(rows: usize, columns: usize, sd: f64, rng: &mut Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, columns), || sd * normal(rng))
}

fn check_count(field: &'static str, value: usize, least: usize) -> Result<(), DataError> {
    require(value >= least, field, value, format!("at least {least}"))
}

fn check_positive(field: &'static str, value: f64) -> Result<(), DataError> {
    require(value.is_finite() && value > 0.0, field, value, "finite and positive")
}

fn check_not_negative(field: &'static str, value: f64) -> Result<(), DataError> {
    require(value.is_finite() && value >= 0.0, field, value, "finite and not negative")
}
