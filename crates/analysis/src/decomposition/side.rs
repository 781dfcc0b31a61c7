//! Right points beside wrong ones.

use super::point::Point;
use crate::error::AnalysisError;
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, quantile_of_sorted, wilson};

/// How some points lie about the diagonal `Bias^2 = Var`, plug-in: wrong points form a tail above it.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Decomposition, Randomness, Scale, Side};
/// // Wrong at the first half of the points.
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((6, 40, 2), |(t, i, k)| if k == 0 { i as f32 / 4.0 - 5.0 + noise(t, i) } else { 0.0 });
/// let found = Decomposition::of(z.view(), &[0; 40], Scale::logits(), Randomness::Seed)?;
/// let of = |right: bool| Side::of(found.points().iter().filter(|p| p.correct() == right));
/// let (right, wrong) = (of(true)?, of(false)?);
/// assert_eq!(right.count + wrong.count, 40);
/// assert!(wrong.above.unwrap().value == 1.0 && wrong.median_log_ratio > right.median_log_ratio);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// How many points.
    pub count: usize,
    /// The share with Bias^2 above Var, with Wilson's interval over points. None without points.
    pub above: Option<Estimate>,
    /// The median of `log (Bias^2 / Var)`. None where no point has one.
    pub median_log_ratio: Option<f64>,
    /// Points without one: no variance or no bias.
    pub without_logarithm: usize,
}

impl Side {
    /// Of some points.
    ///
    /// # Errors
    /// None that points of a decomposition could cause.
    pub fn of<'a>(points: impl Iterator<Item = &'a Point>) -> Result<Self, AnalysisError> {
        let (mut count, mut above, mut logs) = (0, 0, Vec::new());
        for point in points {
            count += 1;
            above += usize::from(point.bias > point.variance);
            if point.bias > 0.0 && point.variance > 0.0 {
                logs.push((point.bias / point.variance).ln());
            }
        }
        logs.sort_unstable_by(f64::total_cmp);
        let above = match count {
            0 => None,
            _ => Some(wilson(above, count)?),
        };
        let median_log_ratio = (!logs.is_empty()).then(|| quantile_of_sorted(&logs, 0.5));
        Ok(Self { count, above, median_log_ratio, without_logarithm: count - logs.len() })
    }
}
