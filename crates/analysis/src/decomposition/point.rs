//! What is known of one point.

use serde::{Deserialize, Serialize};

/// Squared loss at one point, from N models.
///
/// With the errors `d_t = h_t - e_y` and their mean d: `Bias^2 = ||d||^2`, `Var = mean_t ||d_t - d||^2`, and their sum is the mean
/// loss `mean_t ||d_t||^2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The class it has.
    pub label: usize,
    /// The class that the mean model h predicts.
    pub prediction: usize,
    /// Number of models.
    pub models: usize,
    /// `b = ||h - e_y||^2`, plug-in.
    pub bias: f64,
    /// `v = mean_t ||h_t - h||^2`, plug-in.
    pub variance: f64,
    /// `mean_t ||h_t - e_y||^2`, not computed as the sum of the two.
    pub loss: f64,
    /// `G = mean_t (1 - ||h_t||^2)`: the mean Gini impurity of single models.
    pub gini: f64,
    /// The largest probability of the mean model.
    pub confidence: f64,
    /// `1 - h_y`.
    pub rest: f64,
    /// `||h||^2 - h_y`, at most 0.
    pub excess: f64,
    /// Mean over models of `log p_y - log (1 - p_y)`.
    pub margin: f64,
    /// Variance over models of the same, with N - 1.
    pub margin_variance: f64,
    /// `1 + sum_{k != y} h_k^2 / (1 - h_y)^2`: how the mean model spreads its error over the wrong classes.
    pub spread: f64,
    /// Share of the models that predict another class than the label's.
    pub error: f64,
    /// Share of the pairs of distinct models that predict different classes.
    pub disagreement: f64,
    /// Mean over pairs of distinct models of `1 - <h_t, h_s>`.
    pub soft_disagreement: f64,
    /// Bias^2 from the first half of the models.
    pub first_bias: f64,
    /// Unbiased variance from the other half: no noise is shared with `first_bias`. NaN below four models.
    pub second_variance: f64,
}

impl Point {
    /// Whether the mean model is right: `argmax h = y`.
    pub fn correct(&self) -> bool {
        self.prediction == self.label
    }

    /// Unbiased Bias^2: `b - v / (N - 1)`. Never below 0 for one-hot targets but for rounding.
    pub fn unbiased_bias(&self) -> f64 {
        self.bias - self.variance / (self.models - 1) as f64
    }

    /// Unbiased variance: `v N / (N - 1)`.
    pub fn unbiased_variance(&self) -> f64 {
        self.variance * self.models as f64 / (self.models - 1) as f64
    }

    /// The least that plug-in Bias^2 can be beside this variance, `v / (N - 1)`: a mechanical floor under every scatter plot.
    pub fn floor(&self) -> f64 {
        self.variance / (self.models - 1) as f64
    }

    /// The most that the variance of the label's entry alone can be beside this mean, `h_y (1 - h_y)`, since probabilities lie in
    /// `[0, 1]`: the ceiling of a scatter plot of that entry.
    pub fn label_ceiling(&self) -> f64 {
        self.rest * (1.0 - self.rest)
    }

    /// What separates Bias^2 from variance exactly: `G + 2 (||h||^2 - h_y)`.
    pub fn gap_identity(&self) -> f64 {
        self.gini + 2.0 * self.excess
    }
}
