//! Temperature scaling.

use crate::decomposition::Decomposition;
use crate::error::{AnalysisError, require, require_labels, require_shape};
use crate::predictions::{Randomness, Scale};
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
    let (_, points, classes) = logits.dim();
    check(logits, labels)?;
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

fn check(logits: ArrayView3<f32>, labels: &[usize]) -> Result<(), AnalysisError> {
    let (models, points, classes) = logits.dim();
    require(models > 0 && points > 0, "points", points, "must be at least 1")?;
    require_shape("logits and labels", &[points], &[labels.len()], "one label for each point")?;
    require_labels(labels, classes)?;
    match logits.indexed_iter().find(|(_, z)| !z.is_finite()) {
        None => Ok(()),
        Some(((model, point, class), &value)) => {
            Err(AnalysisError::Value { model, point, class, value, rule: "must be a finite number" })
        }
    }
}

/// The temperatures between which that of the mean model is searched.
const MEAN_RANGE: [f64; 2] = [0.05, 20.0];

/// The one temperature for all models that minimises the cross-entropy of their *mean*, `-log mean_t softmax(z_t / T)_y`: what makes
/// the mean model calibrated, as far as one number can. Single models at this temperature are surer than they should be, since
/// averaging makes unsure.
///
/// The loss need not be convex in T; its least value on a grid of `log T` from 0.05 to 20 is narrowed down by golden sections.
///
/// ```
/// use ndarray::arr3;
/// use tenfold_analysis::{fit_mean_temperature, fit_temperature};
/// // Two models, both right at two points and both wrong at one, and of two minds at the two others.
/// let (right, wrong) = ([4.0_f32, 0.0], [0.0, 4.0]);
/// let z = arr3(&[[right, right, right, wrong, wrong], [right, wrong, right, right, wrong]]);
/// let (single, mean) = (fit_temperature(z.view(), &[0; 5])?, fit_mean_temperature(z.view(), &[0; 5])?);
/// // Each is right three times in five; where their mean is sure it is right two times in three.
/// assert!((single.temperature - 4.0 / 1.5_f64.ln()).abs() < 1e-6 && (mean.temperature - 4.0 / 2.0_f64.ln()).abs() < 1e-5);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// As [`fit_temperature`], fewer than two models, and a best temperature at an end of the range.
pub fn fit_mean_temperature(logits: ArrayView3<f32>, labels: &[usize]) -> Result<Temperature, AnalysisError> {
    check(logits, labels)?;
    let loss = |log_t: f64| -> Result<f64, AnalysisError> {
        let scale = Scale::Logits { temperature: log_t.exp() };
        let found = Decomposition::of(logits, labels, scale, Randomness::Unknown)?;
        // log h_y = log (1 - rest), exact where the mean is sure.
        Ok(found.points().iter().map(|p| -(-p.rest).ln_1p()).sum::<f64>() / labels.len() as f64)
    };
    let [low, high] = MEAN_RANGE.map(f64::ln);
    const STEPS: usize = 24;
    let at = |i: usize| low + (high - low) * i as f64 / STEPS as f64;
    let grid = (0..=STEPS).map(|i| loss(at(i))).collect::<Result<Vec<f64>, _>>()?;
    let best = (1..=STEPS).fold(0, |best, i| if grid[i] < grid[best] { i } else { best });
    let rule = "the mean model's best temperature must lie between: do the logits separate the classes?";
    require(best > 0 && best < STEPS, "temperature", at(best).exp(), rule)?;
    let (mut a, mut b) = (at(best - 1), at(best + 1));
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let inner = |a: f64, b: f64| (b - golden * (b - a), a + golden * (b - a));
    let (mut c, mut d) = inner(a, b);
    let (mut of_c, mut of_d) = (loss(c)?, loss(d)?);
    while b - a > 1e-7 {
        if of_c < of_d {
            (b, d, of_d) = (d, c, of_c);
            c = inner(a, b).0;
            of_c = loss(c)?;
        } else {
            (a, c, of_c) = (c, d, of_d);
            d = inner(a, b).1;
            of_d = loss(d)?;
        }
    }
    let log_t = (a + b) / 2.0;
    Ok(Temperature { temperature: log_t.exp(), before: loss(0.0)?, after: loss(log_t)? })
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
    use crate::predictions::mean_model;
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
    fn the_mean_of_many_models_takes_a_lower_temperature_and_no_other_is_better() {
        let z = Array3::from_shape_fn((6, 40, 3), |(t, i, k)| {
            ((t * 31 + i * 17 + k * 23) % 13) as f32 / 4.0 + if k == i % 3 { 1.5 } else { 0.0 }
        });
        let labels: Vec<usize> = (0..40).map(|i| i % 3).collect();
        let found = fit_mean_temperature(z.view(), &labels).unwrap();
        let loss = |t: f64| {
            let h = mean_model(z.view(), Scale::Logits { temperature: t }).unwrap();
            labels.iter().enumerate().map(|(i, &y)| -h[[i, y]].ln()).sum::<f64>() / 40.0
        };
        assert!((loss(found.temperature) - found.after).abs() < 1e-12 && (loss(1.0) - found.before).abs() < 1e-12);
        for factor in [0.5, 0.99, 1.01, 2.0] {
            assert!(loss(found.temperature * factor) > found.after);
        }
        assert!(found.temperature < fit_temperature(z.view(), &labels).unwrap().temperature);
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
