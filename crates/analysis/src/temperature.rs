//! Temperature scaling.

use crate::error::{AnalysisError, require, require_labels, require_shape};
use ndarray::ArrayView3;
use rayon::prelude::*;
use serde::Serialize;

/// The inverse temperatures that are searched.
const RANGE: [f64; 2] = [1e-3, 1e3];

/// A fitted temperature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Temperature {
    /// T: probabilities are `softmax(z / T)`.
    pub temperature: f64,
    /// Mean cross-entropy at T = 1.
    pub before: f64,
    /// Mean cross-entropy at T.
    pub after: f64,
}

/// The one temperature for all models that minimises the mean cross-entropy of logits `[N models, n points, C classes]`. Fit it on
/// validation points, never on the test points that it is used for.
///
/// In `beta = 1/T` the loss is convex: its derivative is `mean (E_p z - z_y)`, its second derivative the mean variance of z under
/// p. Newton's steps inside a bracket find the root.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::fit_temperature;
/// // Three of four right, with log-odds 5: sure beyond what they deserve, which is log 3.
/// let z = array![[[5.0_f32, 0.0], [5.0, 0.0], [5.0, 0.0], [5.0, 0.0]]];
/// let found = fit_temperature(z.view(), &[0, 0, 0, 1])?;
/// assert!((found.temperature - 5.0 / 3.0_f64.ln()).abs() < 1e-9 && found.after < found.before);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// No points, other labels than points, a label that names no class, a logit that is not finite, or logits that separate the
/// classes, whose best temperature is 0 (or are worse than none at all: infinite).
pub fn fit_temperature(logits: ArrayView3<f32>, labels: &[usize]) -> Result<Temperature, AnalysisError> {
    let (models, points, classes) = logits.dim();
    require(models > 0 && points > 0, "points", points, "must be at least 1")?;
    require_shape("logits and labels", &[points], &[labels.len()], "one label for each point")?;
    require_labels(labels, classes)?;
    if let Some(((model, point, class), &value)) = logits.indexed_iter().find(|(_, z)| !z.is_finite()) {
        return Err(AnalysisError::Value { model, point, class, value, rule: "must be a finite number" });
    }
    let logits = logits.as_standard_layout();
    let rows: Vec<&[f32]> = logits.as_slice().expect("standard layout").chunks_exact(classes).collect();
    let at = |beta: f64| -> [f64; 3] {
        // Sums of parts of a fixed size, so that threads do not matter.
        let parts: Vec<[f64; 3]> = rows
            .par_chunks(1024)
            .enumerate()
            .map(|(part, rows)| {
                let of = |(i, row): (usize, &&[f32])| moments(row, labels[(part * 1024 + i) % points], beta);
                rows.iter().enumerate().map(of).fold([0.0; 3], add)
            })
            .collect();
        parts.into_iter().fold([0.0; 3], add).map(|sum| sum / rows.len() as f64)
    };
    let [mut low, mut high] = RANGE;
    let ends = (at(low)[1], at(high)[1]);
    let separable = "the logits separate the classes: there is no best temperature above 0";
    require(ends.1 > 0.0, "temperature", 1.0 / high, separable)?;
    require(
        ends.0 < 0.0,
        "temperature",
        1.0 / low,
        "the logits are worse than none: the best temperature is infinite",
    )?;
    let mut beta = 1.0;
    for _ in 0..100 {
        let [_, slope, curvature] = at(beta);
        if slope > 0.0 {
            high = beta
        } else {
            low = beta
        }
        let newton = beta - slope / curvature;
        let next = if newton > low && newton < high { newton } else { (low * high).sqrt() };
        let done = (next - beta).abs() < 1e-12 * beta;
        beta = next;
        if done {
            break;
        }
    }
    Ok(Temperature { temperature: 1.0 / beta, before: at(1.0)[0], after: at(beta)[0] })
}

/// Cross-entropy of a row at `beta`, its derivative and its second derivative.
fn moments(row: &[f32], label: usize, beta: f64) -> [f64; 3] {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    for &z in row {
        // From the largest, so that the variance keeps its digits.
        let z = f64::from(z) - f64::from(largest);
        let e = (beta * z).exp();
        sum += e;
        first += e * z;
        second += e * z * z;
    }
    let (mean, right) = (first / sum, f64::from(row[label]) - f64::from(largest));
    [sum.ln() - beta * right, mean - right, second / sum - mean * mean]
}

fn add(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|k| a[k] + b[k])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_other_temperature_is_better(z in prop::collection::vec(-4.0_f32..4.0, 3 * 20 * 3), factor in 0.5_f64..2.0) {
            let z = Array3::from_shape_vec((3, 20, 3), z).unwrap();
            let labels: Vec<usize> = (0..20).map(|i| i % 3).collect();
            let Ok(found) = fit_temperature(z.view(), &labels) else { return Ok(()) };
            let loss = |t: f64| z.outer_iter().flat_map(|m| m.outer_iter().zip(&labels).map(|(row, &y)| {
                moments(row.to_slice().unwrap(), y, 1.0 / t)[0]
            }).collect::<Vec<_>>()).sum::<f64>() / 60.0;
            prop_assert!((loss(found.temperature) - found.after).abs() < 1e-12);
            prop_assert!(loss(found.temperature * factor) >= found.after - 1e-12);
            prop_assert!((loss(1.0) - found.before).abs() < 1e-12);
        }
    }

    #[test]
    fn logits_without_a_best_temperature_are_refused() {
        let z = array![[[2.0_f32, 0.0], [0.0, 1.0]]];
        let error = fit_temperature(z.view(), &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("separate the classes"), "{error}");
        let error = fit_temperature(z.view(), &[1, 0]).unwrap_err().to_string();
        assert!(error.contains("worse than none"), "{error}");
    }
}
