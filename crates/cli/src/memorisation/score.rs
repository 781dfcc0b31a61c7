//! `tenfold memorisation score`: the score of every example.

use super::input::{Masks, Order, named, read_bits, read_study};
use super::table;
use crate::error::CliError;
use crate::output::{Output, within, writable};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, read_matrix_f64};
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::{FEWEST_DRAWS, MOST_DRAWS, Resamples, Study, bimodality, implied_error, probability_scores};
use tenfold_report::{estimate, number, percent};

/// Score every example: how much likelier a model gets it right for having seen it.
///
/// mem = p_in - p_out with Newcombe's interval over models. What is estimated is the memorisation of training on the
/// subsets' size, not on all examples.
#[derive(Args)]
#[command(after_help = "Example:\n  tenfold memorisation score --mask mask.npy --correct correct.npy --out scores.npz")]
pub(crate) struct Score {
    #[command(flatten)]
    masks: Masks,
    /// Which examples each model gets right, `[models, examples]`, zeros and ones, on clean inputs.
    #[arg(long, value_name = "ARRAY", required_unless_present = "probabilities", conflicts_with = "probabilities")]
    correct: Option<ArrayPath>,
    /// The probability of the label instead, `[models, examples]`: another quantity, with less variance.
    #[arg(long, value_name = "ARRAY")]
    probabilities: Option<ArrayPath>,
    #[command(flatten)]
    order: Order,
    /// Go on where an example has fewer than two models on one side; it gets no score and is counted.
    #[arg(long)]
    flag: bool,
    /// Draws of the bootstrap over models behind the mean's interval, from 200 to 100,000.
    #[arg(long, default_value_t = 1000)]
    draws: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Scores to write: `mem`, `se`, `lo`, `hi`, `p_in`, `p_out`, `k_in`, `k_out`.
    #[arg(long, value_name = "FILE.npz|FILE.csv", value_parser = table::path)]
    out: PathBuf,
}

impl Score {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        within("--draws", self.draws, FEWEST_DRAWS..=MOST_DRAWS)?;
        self.order.check()?;
        let masks = read_bits("--mask", &self.masks.mask)?;
        let (scores, study) = match (&self.correct, &self.probabilities) {
            (_, Some(path)) => {
                let scores = probability_scores(&masks, read_matrix_f64(path)?.view());
                let scores = scores.map_err(|error| named("--probabilities", path, error))?;
                (scores.into_iter().map(Some).collect(), None)
            }
            (Some(path), None) => {
                let study = read_study(&masks, "--correct", path)?;
                let scores: Vec<_> = match self.flag {
                    true => study.flagged_scores().into_iter().map(Result::ok).collect(),
                    false => study.scores()?.into_iter().map(Some).collect(),
                };
                (scores, Some(study))
            }
            // clap asks for one of the two.
            (None, None) => (Vec::new(), None),
        };
        if scores.iter().all(Option::is_none) {
            let (option, value) = ("--mask", self.masks.mask.to_string());
            let rule = "no example has two models that saw it and two that did not: there is no score".into();
            return Err(CliError::Option { option, value, rule });
        }
        // All that can be refused comes before the file.
        let summary = self.summary(&masks, &scores, study.as_ref())?;
        table::write(&self.out, &scores)?;
        Ok(summary)
    }

    fn summary(
        &self,
        masks: &[tenfold_core_tensor::mask::BitMask],
        scores: &[Option<tenfold_memorisation::Score>],
        study: Option<&Study>,
    ) -> Result<Output, CliError> {
        let models = masks.len();
        let kept: Vec<usize> = (0..scores.len()).filter(|&i| scores[i].is_some()).collect();
        let values: Vec<f64> = scores.iter().flatten().map(|s| s.mem.value).collect();
        let mut output = Output::new()
            .field("models", models, models)
            .field("examples", scores.len(), scores.len())
            .field("without_score", scores.len() - kept.len(), scores.len() - kept.len());
        let fraction = masks[0].count() as f64 / masks[0].len() as f64;
        if models < 10 {
            let implied = implied_error(models, fraction).map_or("unbounded".into(), |se| format!("about {se:.2}"));
            let text = format!("{models} models are few: a score's standard error may be {implied}");
            eprintln!("warning: {text}");
            output = output.hidden("warning", text);
        }
        match study {
            Some(study) if models >= 20 && kept.len() == scores.len() => {
                let mean = Resamples::new(models, self.draws, Seed::new(self.seed))?.mean(study, &kept)?;
                let shown = format!("{} over models", estimate(&mean));
                output = output.field("mean_mem", shown, json!(mean));
            }
            _ => {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                output = output.field("mean_mem", number(mean), mean);
            }
        }
        if let Some(study) = study {
            let gap = study.gap();
            output = output.field("generalisation_gap", number(gap), gap);
        }
        if let Ok(spread) = bimodality(&values) {
            let shown = format!("{} % below 0.1, {} % above 0.9", percent(spread.low), percent(spread.high));
            output = output.field("spread", shown, json!(spread));
        }
        Ok(output.field("written", self.out.display(), self.out.display().to_string()))
    }
}
