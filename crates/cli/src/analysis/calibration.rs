//! `tenfold analysis calibration`: whether probabilities are what they say.

use super::input::{Predictions, named, open, whole};
use super::{number, shown};
use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::{Report, write_page};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use tenfold_analysis::{
    Bins, Calibration, CalibrationError, Decomposition, Disagreement, GapBin, GapBound, MeanModel, Scale, Temperature,
    fit_temperature, gap_by,
};
use tenfold_charts::{Axis, AxisScale, Chart, Point, Series};
use tenfold_core_tensor::arrays::ArrayPath;
use tenfold_core_tensor::stats::{Binning, wilson};

/// Bins of confidence in which the gap is compared with the Gini impurity.
const GAP_BINS: usize = 10;

/// Measure the calibration of the models' mean, fit a temperature on validation points, and compare disagreement with error.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold analysis calibration --predictions logits.npy --logits --labels y.npy \\\n    --validation-predictions val.npy --validation-labels val_y.npy --report calibration.html"
)]
pub(crate) struct Calibrate {
    #[command(flatten)]
    input: Predictions,
    /// Number of bins.
    #[arg(long, default_value_t = 15)]
    bins: usize,
    /// Bins of equal width, as the usual tools have them, in place of equal mass.
    #[arg(long)]
    equal_width: bool,
    /// Logits on validation points, `[models, points, classes]`: one temperature is fitted to them and used.
    #[arg(long, value_name = "ARRAY", requires_all = ["validation_labels", "logits"], conflicts_with = "temperature")]
    validation_predictions: Option<ArrayPath>,
    /// The class of every validation point.
    #[arg(long, value_name = "ARRAY", requires = "validation_predictions")]
    validation_labels: Option<ArrayPath>,
    /// Page to write: reliability diagram, and the gap of Bias^2 and Var in bins of confidence.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

struct Found {
    models: usize,
    points: usize,
    temperature: Option<Temperature>,
    calibration: Calibration,
    /// What needs at least three models.
    ensemble: Option<(Disagreement, GapBound, Vec<GapBin>)>,
}

impl Calibrate {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let found = self.find()?;
        if let Some(path) = &self.report {
            let page = self.page(&found)?;
            write_page(path, &page)?;
        }
        Ok(self.say(&found))
    }

    fn find(&self) -> Result<Found, CliError> {
        let temperature = match (&self.validation_predictions, &self.validation_labels) {
            (Some(predictions), Some(labels)) => {
                let options = (("--validation-predictions", predictions), ("--validation-labels", labels));
                let (slabs, found) = open(options.0.0, predictions, options.1.0, labels)?;
                let fitted = fit_temperature(whole(&slabs)?.view(), &found);
                Some(fitted.map_err(|error| named(options.0, options.1, error))?)
            }
            _ => None,
        };
        let scale = match temperature {
            Some(Temperature { temperature, .. }) => Scale::Logits { temperature },
            None => self.input.scale(),
        };
        let (slabs, labels) = self.input.open()?;
        let [models, points, classes] = slabs.shape();
        let ensemble = match models {
            0..3 => None,
            _ => Some(
                Decomposition::new(models, classes, scale, self.input.randomness()).map_err(|e| self.input.named(e))?,
            ),
        };
        let mean = MeanModel::new(models, classes, scale).map_err(|e| self.input.named(e))?;
        let (ensemble, mean) = self.input.pass(&slabs, &labels, (ensemble, mean), "points")?;
        let mean = mean.into_probabilities();
        let binning = if self.equal_width { Binning::EqualWidth } else { Binning::EqualMass };
        let bins = Bins { count: self.bins, binning };
        let calibration = Calibration::of(mean.view(), &labels, bins).map_err(|e| self.input.named(e))?;
        let ensemble = match ensemble {
            None => None,
            Some(part) => {
                let gaps = gap_by(&part, |p| p.confidence, GAP_BINS.min(points / 2).max(1))?;
                Some((Disagreement::of(&part)?, GapBound::of(&part, &calibration), gaps))
            }
        };
        Ok(Found { models, points, temperature, calibration, ensemble })
    }

    fn say(&self, found: &Found) -> Output {
        let Found { models, points, calibration, .. } = found;
        let error = |e: &CalibrationError| format!("{} plain, {} debiased", number(e.plain), shown(&e.debiased));
        let mut output = Output::new().field("models", models, *models).field("points", points, *points);
        if let Some(t) = &found.temperature {
            let text =
                format!("{:.4}, cross-entropy {:.4} to {:.4} on validation points", t.temperature, t.before, t.after);
            output = output.field("temperature", text, json!(t));
        }
        output = output.field("top_label_error", error(&calibration.top_label), json!(calibration.top_label)).field(
            "class_wise_error",
            format!(
                "{} plain, {} debiased (mean over classes)",
                number(calibration.sum_over_classes() / calibration.classes.len() as f64),
                number(calibration.debiased_sum_over_classes() / calibration.classes.len() as f64)
            ),
            json!(calibration.classes),
        );
        if let Some((d, bound, gaps)) = &found.ensemble {
            output = output
                .field("error", shown(&d.error), json!(d.error))
                .field("disagreement", shown(&d.disagreement), json!(d.disagreement))
                .field("difference", shown(&d.difference), json!(d.difference))
                .field("soft_error", shown(&d.soft_error), json!(d.soft_error))
                .field("soft_disagreement", shown(&d.soft_disagreement), json!(d.soft_disagreement))
                .field("soft_difference", shown(&d.soft_difference), json!(d.soft_difference))
                .field(
                    "gap_bound",
                    format!(
                        "{} at most {} ({} debiased)",
                        number(bound.left),
                        number(bound.right),
                        number(bound.right_debiased)
                    ),
                    json!(bound),
                )
                .hidden("gap_by_confidence", json!(gaps));
        } else {
            output = output.line("Disagreement and the gap need at least three models.");
        }
        if let Some(path) = &self.report {
            output = output.field("report", path.display(), path.display().to_string());
        }
        output
    }

    fn page(&self, found: &Found) -> Result<String, CliError> {
        let mut page = Report::new("Calibration");
        let Found { models, points, calibration, .. } = found;
        page.paragraph(&format!("The mean of {models} models on {points} points from {}.", self.input.predictions));
        if let Some(t) = &found.temperature {
            page.paragraph(&format!("Logits are divided by {:.4}, fitted on validation points.", t.temperature));
        }
        let bins = &calibration.top_label.bins;
        let ends = |bins: &[f64]| {
            let (lo, hi) = bins.iter().fold((1.0_f64, 0.0_f64), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
            vec![Point::bare(lo, lo), Point::bare(hi, hi)]
        };
        let confidences: Vec<f64> = bins.iter().map(|b| b.confidence).collect();
        let shares = bins.iter().map(|b| {
            let share = wilson((b.outcome * b.n as f64).round() as usize, b.n);
            Point { x: b.confidence, y: b.outcome, interval: share.ok().map(|e| (e.lo, e.hi)) }
        });
        let chart = Chart {
            title: "reliability of the most probable class".into(),
            x: Axis::new("mean probability in the bin", AxisScale::Linear),
            y: Axis::new("share that is right", AxisScale::Linear),
            series: vec![
                Series::new("observed, 95 % (Wilson)", shares.collect()),
                Series::reference("calibrated", ends(&confidences)),
            ],
        };
        page.drawing(&chart.svg()?, "Below the dashed line the mean model is surer than it is right.");
        let row = |name: String, e: &CalibrationError| {
            vec![name, number(e.plain), shown(&e.debiased), number(e.debiased_root_square)]
        };
        let mut rows = vec![row("most probable class".into(), &calibration.top_label)];
        rows.extend(calibration.classes.iter().enumerate().map(|(k, e)| row(format!("class {k}"), e)));
        page.table(&["", "plain", "debiased, 95 % over points", "root square, debiased"], &rows);
        if let Some((d, _, gaps)) = &found.ensemble {
            page.heading("Bias^2 - Var against the Gini impurity");
            let gap = gaps.iter().map(|b| Point {
                x: b.statistic,
                y: b.gap,
                interval: Some((b.gap - 1.96 * b.gap_se, b.gap + 1.96 * b.gap_se)),
            });
            let chart = Chart {
                title: "gap of squared bias and variance".into(),
                x: Axis::new("confidence of the mean model", AxisScale::Linear),
                y: Axis::new("mean in the bin", AxisScale::Linear),
                series: vec![
                    Series::new("Bias^2 - Var, 95 % over points", gap.collect()),
                    Series::new(
                        "G, mean Gini impurity",
                        gaps.iter().map(|b| Point::bare(b.statistic, b.gini)).collect(),
                    ),
                ],
            };
            page.drawing(&chart.svg()?, "For a calibrated mean model the two are equal in every bin.");
            page.heading("Error and disagreement");
            let row = |name: &str, a: &_, b: &_, c: &_| vec![name.to_string(), shown(a), shown(b), shown(c)];
            page.table(
                &["", "error", "disagreement", "difference"],
                &[
                    row("predictions", &d.error, &d.disagreement, &d.difference),
                    row("probabilities", &d.soft_error, &d.soft_disagreement, &d.soft_difference),
                ],
            );
        }
        Ok(page.html())
    }
}
