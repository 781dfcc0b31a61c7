//! `tenfold resmem explain`: why the memory said what it said.

use super::input::Examples;
use super::settings::Settings;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use tenfold_core_tensor::ops::top_k::argmax;
use tenfold_resmem::{Explanation, Memory, Target};

/// Show the neighbours, weights and residuals behind predictions.
///
/// The score is the base plus the correction; of the memory, the correction is what kNN alone would say minus what the base says
/// of the neighbours on average.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem explain --memory model.memory.safetensors \\\n    --keys test.npz:emb --logits test.npz:logits --row 3,17 --params best.json"
)]
pub(crate) struct Explain {
    /// Memory file.
    #[arg(long, value_name = "FILE")]
    memory: PathBuf,
    #[command(flatten)]
    examples: Examples,
    /// Rows of the examples to explain.
    #[arg(long, value_delimiter = ',', required = true)]
    row: Vec<usize>,
    #[command(flatten)]
    settings: Settings,
    /// Neighbours to print for a person (JSON has all).
    #[arg(long, default_value_t = 5)]
    show: usize,
}

impl Explain {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let choice = self.settings.read()?;
        let memory = Memory::load(&self.memory)?;
        let (keys, base) = self.examples.read_for(&memory)?;
        if let Some(row) = self.row.iter().find(|row| **row >= keys.nrows()) {
            let rule = format!("must be below the {} rows of --keys", keys.nrows());
            return Err(CliError::Option { option: "--row", value: row.to_string(), rule });
        }
        let mut output = Output::new();
        let mut rows = Vec::new();
        for &row in &self.row {
            let explained = memory.explain_by(keys.row(row), base.row(row), &choice)?;
            output = text(output, row, &explained, memory.is_classifier(), self.show);
            let mut value = serde_json::to_value(&explained).unwrap_or(Value::Null);
            value["row"] = json!(row);
            rows.push(value);
        }
        Ok(output.hidden("explanations", rows))
    }
}

fn text(output: Output, row: usize, e: &Explanation, classes: bool, show: usize) -> Output {
    // In classification only the classes that matter: the base's and the memory's choice.
    let mut columns: Vec<usize> =
        if classes { vec![argmax(&e.base), argmax(&e.score)] } else { (0..e.score.len()).collect() };
    columns.dedup();
    let of = |name: &str, values: &[f64]| {
        let cells: String = columns.iter().map(|c| format!("{:>12.4}", values[*c])).collect();
        format!("  {name:<22}{cells}")
    };
    let head: String = columns
        .iter()
        .map(|c| format!("{:>12}", if classes { format!("class {c}") } else { format!("value {c}") }))
        .collect();
    let mut output = output
        .line(format!("row {row}"))
        .line(format!("  {:<22}{head}", ""))
        .line(of("base", &e.base))
        .line(of("kNN alone", &e.knn))
        .line(of("base on neighbours", &e.average_base))
        .line(of("correction", &e.correction))
        .line(of("score", &e.score))
        .line(format!("  {:>10} {:>12} {:>8}  target", "memory row", "distance", "weight"));
    for n in e.neighbours.iter().take(show) {
        let target = match &n.target {
            Target::Class(class) => class.to_string(),
            Target::Values(values) => format!("{values:?}"),
        };
        output = output.line(format!("  {:>10} {:>12.4} {:>8.4}  {target}", n.row, n.distance, n.weight));
    }
    output
}
