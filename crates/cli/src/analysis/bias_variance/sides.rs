//! Right points beside wrong ones.

use crate::error::CliError;
use serde::Serialize;
use tenfold_analysis::{AnalysisError, Point};
use tenfold_core_tensor::stats::{Estimate, quantile_of_sorted, wilson};

/// How some points lie about the diagonal `Bias^2 = Var`.
#[derive(Serialize)]
pub(super) struct Side {
    pub(super) count: usize,
    /// The share with Bias^2 above Var, with Wilson's interval over points. None without points.
    pub(super) above: Option<Estimate>,
    /// The median of `log (Bias^2 / Var)`. None where no point has one.
    pub(super) median_log_ratio: Option<f64>,
    /// Points without one: no variance or no bias.
    pub(super) without_logarithm: usize,
}

impl Side {
    pub(super) fn of<'a>(points: impl Iterator<Item = &'a Point>) -> Result<Self, CliError> {
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
            _ => Some(wilson(above, count).map_err(AnalysisError::from)?),
        };
        let median_log_ratio = (!logs.is_empty()).then(|| quantile_of_sorted(&logs, 0.5));
        Ok(Self { count, above, median_log_ratio, without_logarithm: count - logs.len() })
    }

    /// `98.3 % [93.1, 99.7]`
    pub(super) fn share(&self) -> String {
        let percent = |e: &Estimate| format!("{:.1} % [{:.1}, {:.1}]", 100.0 * e.value, 100.0 * e.lo, 100.0 * e.hi);
        self.above.as_ref().map_or("none".into(), percent)
    }

    pub(super) fn median(&self) -> String {
        self.median_log_ratio.map_or("none".into(), super::super::number)
    }
}
