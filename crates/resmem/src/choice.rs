//! A way to predict, chosen: the method, its parameters, and the weight of a mixture.

use crate::error::ResmemError;
use crate::memory::Memory;
use crate::params::{Kernel, Params, Sigma};
use crate::predict::Prediction;
use crate::sweep::{Method, Sweep, check_lambda};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// What a sweep chose, and what a file of parameters holds: without the method, parameters of kNN alone would be read as those
/// of ResMem.
///
/// In JSON it is one object, the parameters beside the method. Without a method it is ResMem's.
///
/// ```
/// use tenfold_resmem::{Choice, Method, Params};
/// let mixture = Choice { method: Method::Mixture, lambda: Some(0.3), params: Params::default().with_k(8) };
/// let text = serde_json::to_string(&mixture).unwrap();
/// assert!(text.starts_with(r#"{"method":"mixture","lambda":0.3,"k":8,"#));
/// assert_eq!(serde_json::from_str::<Choice>(&text).unwrap(), mixture);
/// let older: Choice = serde_json::from_str(r#"{"k":8}"#).unwrap();
/// assert_eq!((older.method, older.lambda), (Method::Resmem, None));
/// let error = serde_json::from_str::<Choice>(r#"{"method":"mixture","k":8}"#).unwrap_err();
/// assert_eq!(error.to_string(), "lambda = none: a mixture needs the weight of kNN");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct Choice {
    /// What predicts.
    pub method: Method,
    /// Weight of kNN in a mixture; none for the other methods.
    pub lambda: Option<f64>,
    /// The parameters; kNN alone has no use for the temperature.
    pub params: Params,
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Flat {
    method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    lambda: Option<f64>,
    k: usize,
    sigma: Sigma,
    temperature: f64,
    kernel: Kernel,
}

impl Default for Flat {
    fn default() -> Self {
        Choice::default().into()
    }
}

impl From<Choice> for Flat {
    fn from(Choice { method, lambda, params }: Choice) -> Self {
        let Params { k, sigma, temperature, kernel } = params;
        Self { method, lambda, k, sigma, temperature, kernel }
    }
}

impl TryFrom<Flat> for Choice {
    type Error = ResmemError;

    fn try_from(Flat { method, lambda, k, sigma, temperature, kernel }: Flat) -> Result<Self, ResmemError> {
        let choice = Self { method, lambda, params: Params { k, sigma, temperature, kernel } };
        choice.check_lambda()?;
        Ok(choice)
    }
}

impl Default for Choice {
    /// ResMem with its default parameters.
    fn default() -> Self {
        Self { method: Method::Resmem, lambda: None, params: Params::default() }
    }
}

impl Choice {
    /// Checks the choice against the `n` neighbours there can be.
    ///
    /// # Errors
    /// A rule of [`Params::validate`]; a mixture without a weight or with one outside 0 and 1; a weight for another method.
    pub fn validate(&self, n: usize) -> Result<(), ResmemError> {
        self.params.validate(n)?;
        self.check_lambda()
    }

    fn check_lambda(&self) -> Result<(), ResmemError> {
        match (self.method, self.lambda) {
            (Method::Mixture, Some(lambda)) => check_lambda(lambda),
            (Method::Mixture, None) => {
                Err(ResmemError::parameter("lambda", "none", "a mixture needs the weight of kNN"))
            }
            (_, Some(lambda)) => Err(ResmemError::parameter("lambda", lambda, "only a mixture has a weight of kNN")),
            (_, None) => Ok(()),
        }
    }
}

impl Sweep {
    /// The best of the sweep, with its method.
    pub fn choice(&self) -> Choice {
        Choice { method: self.method, lambda: self.best.lambda, params: self.best.params }
    }
}

impl Memory {
    /// Searches the nearest rows of each key and predicts by the method of `choice`: as [`Memory::predict`],
    /// [`Memory::predict_knn`] or [`Memory::predict_mixture`].
    ///
    /// # Errors
    /// A rule of [`Choice::validate`] with the rows of the memory, and as [`Memory::predict`].
    pub fn predict_by(
        &self,
        keys: &Array2<f32>,
        base: &Array2<f32>,
        choice: &Choice,
    ) -> Result<Prediction, ResmemError> {
        choice.validate(self.len())?;
        let params = &choice.params;
        crate::memory::check_rows("keys and base outputs", keys.shape(), base.shape())?;
        let found = self.search(keys.view(), params.k, None)?;
        match (choice.method, choice.lambda) {
            (Method::Knn, _) => {
                self.check_query_base(&found, base)?;
                self.predict_knn(&found, params)
            }
            (Method::Mixture, Some(lambda)) => self.predict_mixture(&found, base, params, lambda),
            _ => self.predict_from(&found, base, params),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryConfig, Targets};
    use ndarray::array;

    #[test]
    fn every_rule_is_named() {
        let refusal = |choice: Choice| choice.validate(20).unwrap_err().to_string();
        let good = Choice::default();
        good.validate(20).unwrap();
        assert_eq!(refusal(Choice { lambda: Some(0.5), ..good }), "lambda = 0.5: only a mixture has a weight of kNN");
        let mixture = Choice { method: Method::Mixture, ..good };
        assert_eq!(refusal(mixture), "lambda = none: a mixture needs the weight of kNN");
        assert_eq!(refusal(Choice { lambda: Some(1.5), ..mixture }), "lambda = 1.5: must be between 0 and 1");
        Choice { lambda: Some(1.0), ..mixture }.validate(20).unwrap();
        assert!(refusal(Choice { params: good.params.with_k(21), ..good }).starts_with("k = 21"));
        let unknown = serde_json::from_str::<Choice>(r#"{"methode":"knn"}"#).unwrap_err().to_string();
        assert!(unknown.contains("methode"), "{unknown}");
    }

    #[test]
    fn each_method_predicts_and_explains_as_its_own() {
        let keys = array![[0.0_f32], [1.0], [5.0], [6.0]];
        let base = array![[2.0_f32, 0.0], [1.0, 0.5], [2.0, 0.0], [0.0, 0.3]];
        let memory =
            Memory::from_arrays(keys.view(), base, Targets::classes([0, 0, 1, 1], 2), MemoryConfig::default()).unwrap();
        let (queries, outputs) = (array![[0.7_f32], [5.2]], array![[0.3_f32, 0.1], [0.0, 1.0]]);
        let params = Params::default().with_k(3).with_temperature(2.0);
        let found = memory.search(queries.view(), 3, None).unwrap();
        for (method, lambda, expected) in [
            (Method::Resmem, None, memory.predict_from(&found, &outputs, &params).unwrap()),
            (Method::Knn, None, memory.predict_knn(&found, &params).unwrap()),
            (Method::Mixture, Some(0.3), memory.predict_mixture(&found, &outputs, &params, 0.3).unwrap()),
        ] {
            let choice = Choice { method, lambda, params };
            let text = serde_json::to_string(&choice).unwrap();
            let choice: Choice = serde_json::from_str(&text).unwrap();
            assert_eq!(memory.predict_by(&queries, &outputs, &choice).unwrap(), expected);
            for q in 0..2 {
                let why = memory.explain_by(queries.row(q), outputs.row(q), &choice).unwrap();
                for c in 0..2 {
                    assert!((why.score[c] - expected.scores[[q, c]]).abs() < 1e-15, "{method:?}");
                    assert!((why.base[c] + why.correction[c] - why.score[c]).abs() < 1e-15, "{method:?}");
                }
            }
        }
    }
}
