//! `tenfold analysis calibration`: whether probabilities are what they say.

mod page;
mod text;

use super::input::{Predictions, named, open, whole};
use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::write_page;
use clap::Args;
use ndarray::ArrayView2;
use std::path::PathBuf;
use tenfold_analysis::{
    AnalysisError, Bins, Calibration, CalibrationError, Decomposition, Disagreement, GapBin, GapBound, MeanModel,
    Randomness, Scale, Temperature, fit_temperature, gap_by,
};
use tenfold_core_tensor::arrays::{ArrayPath, read_vector};
use tenfold_core_tensor::stats::Binning;

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
    /// A number for each point, `[points]`, such as a group's score, a brightness or another model's confidence: also compares
    /// confidence with accuracy in --bins bins of equal mass by it.
    #[arg(long, value_name = "ARRAY")]
    by: Option<ArrayPath>,
    /// Page to write: reliability diagram, and the gap of Bias^2 and Var in bins of confidence.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

struct Found {
    models: usize,
    points: usize,
    randomness: Randomness,
    temperature: Option<Temperature>,
    calibration: Calibration,
    /// Given the statistic of --by.
    given: Option<CalibrationError>,
    /// What needs at least three models.
    ensemble: Option<(Disagreement, GapBound, Vec<GapBin>)>,
}

impl Calibrate {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        if self.bins == 0 {
            return Err(self.of_bins("must be at least 1".into()));
        }
        let found = self.find()?;
        if let Some(path) = &self.report {
            write_page(path, &self.page(&found).html()?)?;
        }
        Ok(self.say(&found))
    }

    fn find(&self) -> Result<Found, CliError> {
        let (slabs, labels) = self.input.open()?;
        let [models, points, classes] = slabs.shape();
        let statistic = self.statistic(points)?;
        let temperature = self.temperature([models, points, classes])?;
        let scale = match temperature {
            Some(Temperature { temperature, .. }) => Scale::Logits { temperature },
            None => self.input.scale(),
        };
        let randomness = self.input.randomness();
        let ensemble = match models {
            0..3 => None,
            _ => Some(Decomposition::new(models, classes, scale, randomness).map_err(|e| self.input.named(e))?),
        };
        let mean = MeanModel::new(models, classes, scale).map_err(|e| self.input.named(e))?;
        let (ensemble, mean) = self.input.pass(&slabs, &labels, (ensemble, mean), "points")?;
        let mean = mean.into_probabilities();
        let binning = if self.equal_width { Binning::EqualWidth } else { Binning::EqualMass };
        let bins = Bins { count: self.bins, binning };
        let calibration = Calibration::of(mean.view(), &labels, bins).map_err(|e| self.input.named(e))?;
        let given = match &statistic {
            Some(statistic) => Some(self.given(mean.view(), &labels, statistic)?),
            None => None,
        };
        let ensemble = match ensemble {
            None => None,
            Some(part) => {
                let gaps = gap_by(&part, |p| p.confidence, GAP_BINS.min(points / 2).max(1))?;
                Some((Disagreement::of(&part)?, GapBound::of(&part, &calibration)?, gaps))
            }
        };
        Ok(Found { models, points, randomness, temperature, calibration, given, ensemble })
    }

    /// The temperature of validation points, which the same models must have seen.
    fn temperature(&self, [models, points, classes]: [usize; 3]) -> Result<Option<Temperature>, CliError> {
        let (Some(predictions), Some(labels)) = (&self.validation_predictions, &self.validation_labels) else {
            return Ok(None);
        };
        let options = (("--validation-predictions", predictions), ("--validation-labels", labels));
        let (slabs, found) = open(options.0.0, predictions, options.1.0, labels)?;
        let shape = slabs.shape();
        if [shape[0], shape[2]] != [models, classes] {
            let own = [models, points, classes];
            let rule = format!(
                "{shape:?} against {own:?} of --predictions {}; models and classes must agree",
                self.input.predictions
            );
            return Err(CliError::Option { option: options.0.0, value: predictions.to_string(), rule });
        }
        let fitted = fit_temperature(whole(&slabs)?.view(), &found);
        Ok(Some(fitted.map_err(|error| named(options.0, options.1, error))?))
    }

    /// The numbers of --by, one for each point.
    fn statistic(&self, points: usize) -> Result<Option<Vec<f64>>, CliError> {
        let Some(path) = &self.by else { return Ok(None) };
        let statistic: Vec<f64> = read_vector(path)?.iter().map(|v| f64::from(*v)).collect();
        let refuse = |rule: String| Err(CliError::Option { option: "--by", value: path.to_string(), rule });
        if statistic.len() != points {
            return refuse(format!("has {} numbers, must have one for each of the {points} points", statistic.len()));
        }
        match statistic.iter().position(|v| !v.is_finite()) {
            Some(i) => refuse(format!("number {i} is {}, must be finite", statistic[i])),
            None => Ok(Some(statistic)),
        }
    }

    fn given(&self, mean: ArrayView2<f64>, labels: &[usize], statistic: &[f64]) -> Result<CalibrationError, CliError> {
        Calibration::given(mean, labels, statistic, self.bins).map_err(|error| match error {
            AnalysisError::Setting { field: "bins", rule, .. } => self.of_bins(rule),
            error => self.input.named(error),
        })
    }

    fn of_bins(&self, rule: String) -> CliError {
        CliError::Option { option: "--bins", value: self.bins.to_string(), rule }
    }
}
