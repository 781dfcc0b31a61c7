//! `tenfold resmem predict`: a memory and a model's outputs on new data in, corrected predictions out.

use super::input::{Examples, Task, Truth, quality};
use super::settings::{Settings, shown};
use crate::error::CliError;
use crate::output::{Output, ending};
use clap::{Args, ValueEnum};
use ndarray::Array1;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::write_npz;
use tenfold_resmem::{Memory, Projection};

/// Predict with a memory.
///
/// Writes `scores` (rows sum to one, but they are not probabilities), `probabilities` and `classes`; in regression,
/// `scores` are the predicted values.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem predict --memory model.memory.safetensors \\\n    --keys test.npz:emb --logits test.npz:logits --params best.json --out pred.npz"
)]
pub(crate) struct Predict {
    /// Memory file.
    #[arg(long, value_name = "FILE")]
    memory: PathBuf,
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    settings: Settings,
    /// How scores become probabilities: the nearest point of the simplex, or clip and renormalise.
    #[arg(long, value_enum, default_value = "simplex")]
    projection: ProjectionName,
    #[command(flatten)]
    truth: Truth,
    /// Predictions to write.
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"))]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProjectionName {
    Simplex,
    Clip,
}

impl Predict {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let params = self.settings.read()?;
        let memory = Memory::load(&self.memory)?;
        let task = Task::of(&memory);
        let (keys, base) = self.examples.read(task)?;
        let truth = self.truth.read(task, keys.nrows(), memory.width())?;
        let prediction = memory.predict(&keys, &base, &params)?;
        if memory.is_classifier() {
            let projection = match self.projection {
                ProjectionName::Simplex => Projection::Simplex,
                ProjectionName::Clip => Projection::ClipRenormalise,
            };
            let probabilities = prediction.probabilities(projection)?;
            let classes: Array1<i64> = prediction.classes()?.into_iter().map(|c| c as i64).collect();
            let (p, c) = (probabilities.view(), classes.view());
            write_npz(&self.out, &[("scores", &prediction.scores.view()), ("probabilities", &p), ("classes", &c)])?;
        } else {
            write_npz(&self.out, &[("scores", &prediction.scores.view())])?;
        }
        let mut output = Output::new()
            .field("predictions", self.out.display(), self.out.display().to_string())
            .field("rows", keys.nrows(), keys.nrows())
            .field("k", params.k, params.k)
            .field("sigma", shown(params.sigma), memory.sigma(&params))
            .field("temperature", params.temperature, params.temperature);
        if let Some(targets) = truth {
            let plain = memory.predict_base(&base, params.temperature)?;
            let (name, ours) = quality(&prediction.scores, &targets);
            let (_, theirs) = quality(&plain.scores, &targets);
            output = output.field(&format!("{name}_base"), format!("{theirs:.4}"), theirs);
            output = output.field(&format!("{name}_resmem"), format!("{ours:.4}"), ours);
        }
        Ok(output)
    }
}
