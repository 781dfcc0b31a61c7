//! `tenfold resmem explain`: why the memory said what it said.

use super::input::{Examples, Task};
use super::settings::Settings;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use tenfold_core_tensor::ops::top_k::argmax;
use tenfold_report::{Table, number};
use tenfold_resmem::{Explanation, Memory, Target};

/// Show the neighbours, weights and residuals behind predictions.
///
/// The score is the base plus the correction; the correction is what kNN alone would say minus what the base says of the
/// neighbours on average.
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
        let params = self.settings.read()?;
        let memory = Memory::load(&self.memory)?;
        let (keys, base) = self.examples.read(Task::of(&memory))?;
        if let Some(row) = self.row.iter().find(|row| **row >= keys.nrows()) {
            let rule = format!("must be below the {} rows of --keys", keys.nrows());
            return Err(CliError::Option { option: "--row", value: row.to_string(), rule });
        }
        let mut output = Output::new();
        let mut rows = Vec::new();
        for &row in &self.row {
            let explained = memory.explain(keys.row(row), base.row(row), &params)?;
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
    let name = |c: &usize| if classes { format!("class {c}") } else { format!("value {c}") };
    let cells = |name: &str, values: &[f64]| {
        std::iter::once(name.to_string()).chain(columns.iter().map(|c| number(values[*c]))).collect::<Vec<_>>()
    };
    let header = std::iter::once(String::new()).chain(columns.iter().map(name));
    let sums = Table::new(format!("row {row}"), header)
        .row(cells("base", &e.base))
        .row(cells("kNN alone", &e.knn))
        .row(cells("base on neighbours", &e.average_base))
        .row(cells("correction", &e.correction))
        .row(cells("score", &e.score));
    let neighbours = e.neighbours.iter().take(show).map(|n| {
        let target = match &n.target {
            Target::Class(class) => class.to_string(),
            Target::Values(values) => format!("{values:?}"),
        };
        [n.row.to_string(), number(f64::from(n.distance)), number(n.weight), target]
    });
    let neighbours = Table::new("", ["memory row", "distance", "weight", "target"]).rows(neighbours);
    output.table(&sums).table(&neighbours)
}
