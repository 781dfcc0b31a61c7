//! The mean of all models.

use super::block::Block;
use super::one_by_one::OneByOne;
use super::pass::{PerPoint, add};
use super::scale::Scale;
use crate::error::{AnalysisError, require};
use ndarray::{Array2, ArrayView3};

/// Probabilities of the mean model, `h(x) = mean_t h_t(x)`, `[n, C]`: probabilities are averaged, not logits.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{Scale, mean_model};
/// let h = mean_model(array![[[0.0_f32, 0.0]], [[100.0, 0.0]]].view(), Scale::logits())?;
/// assert!((h[[0, 0]] - 0.75).abs() < 1e-12);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// No models, a row that is no probability vector, or logits that are not finite, named as
/// [`Decomposition::add`](crate::Decomposition::add) names them.
pub fn mean_model(predictions: ArrayView3<f32>, scale: Scale) -> Result<Array2<f64>, AnalysisError> {
    let (models, points, classes) = predictions.dim();
    let mut mean = MeanModel::new(models, classes, scale)?;
    add(&mut mean, predictions, &vec![0; points], 0)?;
    Ok(mean.into_probabilities())
}

/// The mean of all models, point by point: [`mean_model`] for [`pass`](crate::pass).
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{MeanModel, Scale, pass};
/// // Two models, one point of two classes: probabilities of one half, and of one.
/// let z = array![[[0.0_f32, 0.0]], [[100.0, 0.0]]];
/// let mean = pass(z.view(), &[0], MeanModel::new(2, 2, Scale::logits())?, |_| ())?;
/// assert!((mean.into_probabilities()[[0, 0]] - 0.75).abs() < 1e-12);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
pub struct MeanModel {
    scale: Scale,
    models: usize,
    classes: usize,
    /// Points of classes.
    sums: Vec<f64>,
}

impl MeanModel {
    /// Without points yet.
    ///
    /// # Errors
    /// No models, fewer than two classes, a scale that breaks its rule.
    pub fn new(models: usize, classes: usize, scale: Scale) -> Result<Self, AnalysisError> {
        require(models >= 1, "models", models, "must be at least 1")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        scale.validate()?;
        Ok(Self { scale, models, classes, sums: Vec::new() })
    }

    /// Its probabilities, `[n, C]`.
    pub fn into_probabilities(mut self) -> Array2<f64> {
        // Rounding of the sum.
        self.sums.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
        let points = self.sums.len() / self.classes;
        Array2::from_shape_vec((points, self.classes), self.sums).expect("whole points")
    }
}

impl PerPoint for MeanModel {
    type Found = Vec<f64>;

    fn find(&self, block: &Block) -> Result<Vec<f64>, AnalysisError> {
        block.require(self.models, self.classes)?;
        let mut means = vec![0.0; block.len() * self.classes];
        let (mut errors, mut rows) = (vec![0.0; self.classes], OneByOne::default());
        for (i, to) in means.chunks_exact_mut(self.classes).enumerate() {
            for t in 0..self.models {
                rows.errors_of(self.scale, block.row(t, i), 0, &mut errors, [t, block.number(i)])?;
                errors[0] += 1.0;
                to.iter_mut().zip(&errors).for_each(|(to, p)| *to += p / self.models as f64);
            }
        }
        Ok(means)
    }

    fn keep(&mut self, found: Vec<f64>) {
        self.sums.extend(found);
    }
}
