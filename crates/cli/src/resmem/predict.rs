//! `tenfold resmem predict`: a memory and a model's outputs on new data in, corrected predictions out.

use super::input::{Examples, Task, Truth, quality};
use super::settings::{Settings, name as name_of, shown};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
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
        writable("--out", [&self.out])?;
        let choice = self.settings.read()?;
        let params = choice.params;
        let memory = Memory::load(&self.memory)?;
        let task = Task::of(&memory);
        let (keys, base) = self.examples.read_for(&memory)?;
        let truth = self.truth.read(task, keys.nrows(), memory.width())?;
        self.examples.check_rounding(&self.truth)?;
        let own = match &truth {
            Some(targets) => memory.own_rows(keys.view(), targets)?.iter().flatten().count(),
            None => 0,
        };
        let prediction = memory.predict_by(&keys, &base, &choice)?;
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
            .field("method", name_of(choice.method), name_of(choice.method))
            .field("k", params.k, params.k)
            .field("sigma", shown(params.sigma), memory.sigma(&params))
            .field("temperature", params.temperature, params.temperature);
        if let Some(lambda) = choice.lambda {
            output = output.field("lambda", lambda, lambda);
        }
        if own > 0 {
            let rows = keys.nrows();
            eprintln!(
                "warning: {own} of the {rows} rows are rows of the memory, which find themselves: that they are right shows only that they were stored"
            );
            output = output.field("own_rows", own, own);
        }
        if let Some(targets) = truth {
            let plain = memory.predict_base(&base, params.temperature)?;
            let (name, ours) = quality(&prediction.scores, &targets);
            let (_, theirs) = quality(&plain.scores, &targets);
            output = output.field(&format!("{name}_base"), format!("{theirs:.4}"), theirs);
            output = output.field(&format!("{name}_{}", name_of(choice.method)), format!("{ours:.4}"), ours);
        }
        Ok(output)
    }
}
