//! `tenfold memorisation proxies`: cheap stand-ins for the score, from one training run.

use super::table::column;
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, read_labels};
use tenfold_core_tensor::files::write_atomic;
use tenfold_core_tensor::stats::spearman;
use tenfold_memorisation::proxies::{TrainingLog, el2n};

/// Compute proxies from the logits of every epoch of one training run.
///
/// cprox, data-map variability, forgetting, AUM, CSL and the final loss of every example, and EL2N of one epoch. With
/// `--scores` it prints how each ranks the examples beside the score.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold memorisation proxies --logits epochs.npy --labels y.npy --el2n-epoch 10 \\\n    --scores scores.npz --out proxies.csv"
)]
pub(crate) struct Proxies {
    /// Logits of the training examples after each epoch, `[epochs, examples, classes]`, on clean inputs.
    #[arg(long, value_name = "ARRAY")]
    logits: ArrayPath,
    /// Labels, `[examples]`.
    #[arg(long, value_name = "ARRAY")]
    labels: ArrayPath,
    /// The epoch, from 0, whose logits EL2N is taken from.
    #[arg(long, default_value_t = 0)]
    el2n_epoch: usize,
    /// Scores that `score` wrote, to compare with.
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"))]
    scores: Option<PathBuf>,
    /// Table to write: one row for each example.
    #[arg(long, value_name = "FILE.csv", value_parser = ending("csv"))]
    out: PathBuf,
}

impl Proxies {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        let labels = read_labels(&self.labels)?;
        let mut epochs = RowBlocks::open(&self.logits)?;
        let shape = epochs.shape().to_vec();
        let wrong = |rule: String| CliError::Option { option: "--logits", value: self.logits.to_string(), rule };
        let &[count, n, classes] = shape.as_slice() else {
            return Err(wrong(format!("has shape {shape:?}, must be [epochs, examples, classes]")));
        };
        if n != labels.len() {
            return Err(wrong(format!("has {n} examples, --labels has {}", labels.len())));
        }
        if shape.contains(&0) {
            return Err(wrong(format!("has shape {shape:?}; there must be at least one epoch, example and class")));
        }
        if self.el2n_epoch >= count {
            let rule = format!("must be below the {count} epochs of --logits");
            return Err(CliError::Option { option: "--el2n-epoch", value: self.el2n_epoch.to_string(), rule });
        }
        let mut log = TrainingLog::new(labels.clone());
        let mut early = Vec::new();
        while let Some(block) = epochs.next_block(1)? {
            let logits = block.into_shape_with_order((n, classes)).map_err(|e| wrong(e.to_string()))?;
            if log.epochs() == self.el2n_epoch {
                early = el2n(logits.view(), &labels)?;
            }
            log.add(logits.view())?;
        }
        let p = log.finish()?;
        let forgetting: Vec<f64> = p.forgetting.iter().map(|f| f64::from(*f)).collect();
        let columns = [
            ("cprox", &p.cprox),
            ("cprox_correctness", &p.cprox_correctness),
            ("variability", &p.variability),
            ("forgetting", &forgetting),
            ("aum", &p.aum),
            ("csl", &p.csl),
            ("final_loss", &p.final_loss),
            ("el2n", &early),
        ];
        let scores = match &self.scores {
            Some(file) => {
                let mem = column(file, "mem")?;
                if mem.len() != n {
                    let (left, right) = (format!("--scores {}", file.display()), "--labels".to_string());
                    return Err(CliError::Rows { left, left_rows: mem.len(), right, right_rows: n });
                }
                Some(mem)
            }
            None => None,
        };
        write_atomic(&self.out, |w| {
            let names: Vec<&str> = columns.iter().map(|c| c.0).collect();
            writeln!(w, "example,{},learned", names.join(","))?;
            for i in 0..n {
                let cells: Vec<String> = columns.iter().map(|c| c.1[i].to_string()).collect();
                writeln!(w, "{i},{},{}", cells.join(","), u8::from(p.learned[i]))?;
            }
            Ok(())
        })?;
        let mut output = Output::new().field("epochs", count, count).field("examples", n, n);
        if let Some(mem) = scores {
            for (name, values) in columns {
                let rank = spearman(values, &mem);
                let shown = rank.as_ref().map_or_else(|e| e.to_string(), |r| format!("{r:.3} (Spearman with mem)"));
                output = output.field(name, shown, rank.ok());
            }
        }
        Ok(output.field("written", self.out.display(), self.out.display().to_string()))
    }
}
