//! Predictions of an ensemble, one model at a time.

use crate::error::{AnalysisError, require, require_shape};
use ndarray::{Array2, Array3};

/// What N models say, `[N, n, C]`, from what each of them says, `[n, C]`: for ensembles of any kind, whose models are asked, loaded
/// or trained one at a time. `of(t)` is asked once for every model, in order.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_analysis::{AnalysisError, Decomposition, Randomness, Scale, ensemble};
/// // Models that differ in how sure they are.
/// let logits = |t: usize| Ok::<_, AnalysisError>(Array2::from_shape_fn((5, 3), |(i, k)| if k == i % 3 { t as f32 } else { 0.0 }));
/// let z = ensemble(4, logits)?;
/// assert_eq!(z.dim(), (4, 5, 3));
/// let found = Decomposition::of(z.view(), &[0, 1, 2, 0, 1], Scale::logits(), Randomness::Seed)?;
/// assert!(found.points()[0].variance > 0.0);
/// # Ok::<(), AnalysisError>(())
/// ```
///
/// # Errors
/// No models, a model with other points or classes than the first, and what `of` finds wrong.
pub fn ensemble<E: From<AnalysisError>>(
    models: usize,
    mut of: impl FnMut(usize) -> Result<Array2<f32>, E>,
) -> Result<Array3<f32>, E> {
    require(models >= 1, "models", models, "must be at least 1")?;
    let first = of(0)?;
    let (points, classes) = first.dim();
    let mut values = Vec::with_capacity(models * points * classes);
    values.extend(first.iter());
    for t in 1..models {
        let next = of(t)?;
        let rule = "[points, classes] must be those of the first model";
        require_shape("predictions of a model", next.shape(), &[points, classes], rule)?;
        values.extend(next.iter());
    }
    Ok(Array3::from_shape_vec((models, points, classes), values).expect("a row for every point of every model"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_other_shapes_are_refused_and_their_own_errors_go_on() {
        let shape = |t: usize| Ok::<_, AnalysisError>(Array2::<f32>::zeros((3, 2 + t)));
        let text = ensemble(2, shape).unwrap_err().to_string();
        assert!(text.starts_with("predictions of a model: [3, 3] against [3, 2]"), "{text}");
        assert!(ensemble(0, shape).unwrap_err().to_string().starts_with("models = 0"));
        let fails = |_: usize| require(false, "disk", "full", "must have room").map(|()| Array2::<f32>::zeros((1, 1)));
        assert!(ensemble(1, fails).unwrap_err().to_string().starts_with("disk = full"));
    }
}
