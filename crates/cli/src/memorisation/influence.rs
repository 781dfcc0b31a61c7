//! `tenfold memorisation influence`: every training example on every test point.

use super::input::{Masks, read_bits, read_study};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::Args;
use ndarray::{Array1, Array2};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, write_npy_blocks};
use tenfold_core_tensor::progress::Progress;
use tenfold_memorisation::{Influence as Estimator, published};

/// Training examples whose rows are computed at a time.
const BLOCK: usize = 1024;

/// Estimate the influence of every training example on test points.
///
/// infl = the share of the models that saw the training example that get the test point right, minus that of the others.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold memorisation influence --mask mask.npy --test-correct test.npy --correct correct.npy \\\n    --out infl.npy --published infl_matrix.npz"
)]
pub(crate) struct Influence {
    #[command(flatten)]
    masks: Masks,
    /// Which test points each model gets right, `[models, test points]`, zeros and ones.
    #[arg(long, value_name = "ARRAY")]
    test_correct: ArrayPath,
    /// Which training examples each model gets right: adds their scores, and counts pairs by both.
    #[arg(long, value_name = "ARRAY")]
    correct: Option<ArrayPath>,
    /// Matrix to write, `[examples, test points]`, single precision; written a block of rows at a time.
    #[arg(long, value_name = "FILE.npy", value_parser = ending("npy"))]
    out: PathBuf,
    /// Also write `tr_mem` and `infl` in Feldman and Zhang's layout (the whole matrix in memory).
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"), requires = "correct")]
    published: Option<PathBuf>,
    /// Pairs count as high from this score on.
    #[arg(long, default_value_t = 0.25)]
    least_mem: f64,
    /// ... and this influence.
    #[arg(long, default_value_t = 0.15)]
    least_infl: f64,
}

impl Influence {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        writable("--published", &self.published)?;
        for (option, least) in [("--least-mem", self.least_mem), ("--least-infl", self.least_infl)] {
            if !least.is_finite() {
                return Err(CliError::Option {
                    option,
                    value: least.to_string(),
                    rule: "must be a finite number".into(),
                });
            }
        }
        let masks = read_bits("--mask", &self.masks.mask)?;
        let scores = match &self.correct {
            Some(path) => Some(read_study(&masks, "--correct", path)?.scores()?),
            None => None,
        };
        let estimator = Estimator::new(&masks)?;
        let tested = estimator.tested(&read_bits("--test-correct", &self.test_correct)?)?;
        let n = estimator.examples();
        let m = estimator.block(0..0, &tested).ncols();
        let progress = Progress::new("influence", n as u64);
        let mut pairs = 0_usize;
        let mut whole = self.published.as_ref().map(|_| Array2::zeros((0, m)));
        write_npy_blocks::<f32, 2>(&self.out, [n, m], |push| {
            for first in (0..n).step_by(BLOCK) {
                let rows = first..(first + BLOCK).min(n);
                let block = estimator.block(rows.clone(), &tested);
                for (i, row) in rows.clone().zip(block.outer_iter()) {
                    let high = scores.as_ref().is_none_or(|scores| scores[i].mem.value >= self.least_mem);
                    pairs += if high { row.iter().filter(|v| f64::from(**v) >= self.least_infl).count() } else { 0 };
                }
                push(block.view())?;
                if let Some(whole) = &mut whole {
                    whole.append(ndarray::Axis(0), block.view()).map_err(io::Error::other)?;
                }
                progress.advance(rows.len() as u64);
            }
            Ok(())
        })?;
        progress.finish();
        if let (Some(path), Some(infl), Some(scores)) = (&self.published, &whole, &scores) {
            let tr_mem: Array1<f32> = scores.iter().map(|s| s.mem.value as f32).collect();
            published::write_scores(path, tr_mem.view(), infl.view())?;
        }
        Ok(Output::new()
            .field("examples", n, n)
            .field("test_points", m, m)
            .field("high_pairs", pairs, pairs)
            .hidden("least_mem", json!(self.correct.as_ref().map(|_| self.least_mem)))
            .hidden("least_infl", self.least_infl)
            .field("written", self.out.display(), self.out.display().to_string()))
    }
}
