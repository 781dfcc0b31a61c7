//! Charts of what was found, the same in every report. Behind the feature `charts`, which programs turn on.
//!
//! | what | chart |
//! |---|---|
//! | Bias^2 and variance of every point, with the lines that matter | [`scatter()`] |
//! | by how much Bias^2 and variance differ, of right points and of wrong ones | [`log_ratios`] |
//! | whether the gap of the two is the Gini impurity | [`gap_chart`] |

use crate::alignment::{Alignment, Null};
use crate::calibration::GapBin;
use crate::decomposition::{Decomposition, Split};
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{Axis, AxisScale, Chart, Cloud, Line, Point as Mark, Scatter, Series, Stroke};

/// Bars of a histogram.
const BARS: usize = 30;

/// Plug-in Bias^2 over variance of every point, both in squared probability on logarithmic axes, right points and wrong ones
/// apart.
///
/// Two thin lines need no data: the diagonal `Bias^2 = Var`, and the mechanical floor `Bias^2 = Var / (N - 1)`, below which no
/// plug-in estimate of N models can lie. Where there is an alignment, its line and its null's are added, over the points that it
/// looks at, and one draw of the null. Points without variance or without bias have no place on these axes.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Decomposition, Randomness, Scale, charts};
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { i as f32 / 5.0 + noise(t, i) } else { 0.0 });
/// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
/// let svg = charts::scatter("six models", &found, None).svg()?;
/// assert!(svg.contains("Bias^2 = Var") && svg.contains("floor: Bias^2 = Var / 5"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scatter(title: impl Into<String>, found: &Decomposition, aligned: Option<(&Alignment, &Null)>) -> Scatter {
    let cloud = |name: &str, right: bool| Cloud {
        name: name.into(),
        points: found.points().iter().filter(|p| p.correct() == right).map(|p| (p.variance, p.bias)).collect(),
    };
    let mut clouds = Vec::new();
    let mut lines = Vec::new();
    if let Some((alignment, null)) = aligned {
        clouds.push(Cloud {
            name: "one draw of the null".into(),
            points: null.example.iter().map(|(b, v)| (*v, *b)).collect(),
        });
        let looked_at = found.selected(&alignment.selection).into_iter().map(|i| found.points()[i].variance);
        let (lo, hi) =
            looked_at.filter(|v| *v > 0.0).fold((f64::INFINITY, 0.0_f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
        let line = |name: &str, slope: f64, intercept: f64| {
            let at = |v: f64| (v, (intercept + slope * v.ln()).exp());
            Line { name: name.into(), from: at(lo), to: at(hi), stroke: Stroke::Fitted }
        };
        lines.push(line("fit of right points", alignment.fit.slope.value, alignment.fit.intercept.value));
        lines.push(line("the null's fit", null.drawn.slope.mean, null.drawn.intercept.mean));
    }
    clouds.extend([cloud("right", true), cloud("wrong", false)]);
    clouds.retain(|cloud| !cloud.points.is_empty());
    let left = found.models() - 1;
    // From one end of the frame to the other, whatever it shows.
    let level =
        |name: String, by: f64, stroke: Stroke| Line { name, from: (1e-290, 1e-290 / by), to: (1e3, 1e3 / by), stroke };
    lines.push(level("Bias^2 = Var".into(), 1.0, Stroke::Level));
    lines.push(level(format!("floor: Bias^2 = Var / {left}"), left as f64, Stroke::Edge));
    Scatter {
        title: title.into(),
        x: Axis::new("Var (squared probability)", AxisScale::Log),
        y: Axis::new("Bias^2 (squared probability)", AxisScale::Log),
        clouds,
        lines,
    }
}

/// Histograms of `log (Bias^2 / Var)`, plug-in: of right points and of wrong ones, each as shares of its own. Points without
/// variance or bias have no logarithm and are left out. The ratio has no unit; 0 is `Bias^2 = Var`.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Decomposition, Randomness, Scale, charts};
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { i as f32 / 5.0 - 4.0 + noise(t, i) } else { 0.0 });
/// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
/// let chart = charts::log_ratios("six models", &found);
/// let shares = |k: usize| chart.series[k].points.iter().map(|bar| bar.y).sum::<f64>();
/// assert!(chart.series.len() == 2 && (shares(0) - 1.0).abs() < 1e-12 && (shares(1) - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn log_ratios(title: impl Into<String>, found: &Decomposition) -> Chart {
    let of = |right: bool| -> Vec<f64> {
        let points = found.points().iter().filter(|p| p.correct() == right && p.bias > 0.0 && p.variance > 0.0);
        points.map(|p| (p.bias / p.variance).ln()).collect()
    };
    let sides = [("right points", of(true)), ("wrong points", of(false))];
    let all = || sides.iter().flat_map(|(_, values)| values.iter().copied());
    let (lo, hi) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    // One value has one bar, of any width.
    let width = if hi > lo { (hi - lo) / BARS as f64 } else { 1.0 };
    let bars = |values: &[f64]| -> Vec<Mark> {
        let mut counts = [0_usize; BARS];
        values.iter().for_each(|v| counts[(((v - lo) / width) as usize).min(BARS - 1)] += 1);
        let mark = |(bar, count): (usize, &usize)| {
            Mark::bare(lo + (bar as f64 + 0.5) * width, *count as f64 / values.len() as f64)
        };
        counts.iter().enumerate().map(mark).collect()
    };
    let series = sides.iter().filter(|(_, values)| !values.is_empty());
    Chart {
        title: title.into(),
        x: Axis::new("log (Bias^2 / Var), natural", AxisScale::Linear),
        y: Axis::new("share of these points in the bar", AxisScale::Linear),
        series: series.map(|(name, values)| Series::new(*name, bars(values))).collect(),
    }
}

/// `Bias^2 - Var` beside the mean Gini impurity in bins of the mean model's confidence, both in squared probability: of a
/// calibrated mean model the two are equal in every bin. Intervals are 95 % over the points of a bin.
///
/// ```
/// use tenfold_analysis::{GapBin, charts};
/// let bin = |statistic: f64, gini: f64| GapBin { statistic, gap: 0.9 * gini, gap_se: 0.01, gini, n: 50 };
/// let svg = charts::gap_chart("ten models", &[bin(0.5, 0.6), bin(0.9, 0.2)]).svg()?;
/// assert!(svg.contains("squared probability, mean in the bin"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gap_chart(title: impl Into<String>, bins: &[GapBin]) -> Chart {
    let gap = bins.iter().map(|b| {
        let e = Estimate::normal(b.gap, b.gap_se, b.n);
        Mark { x: b.statistic, y: e.value, interval: Some((e.lo, e.hi)) }
    });
    Chart {
        title: title.into(),
        x: Axis::new("confidence of the mean model (probability)", AxisScale::Linear),
        y: Axis::new("squared probability, mean in the bin", AxisScale::Linear),
        series: vec![
            Series::new("Bias^2 - Var, 95 % over points", gap.collect()),
            Series::new("G, mean Gini impurity", bins.iter().map(|b| Mark::bare(b.statistic, b.gini)).collect()),
        ],
    }
}
