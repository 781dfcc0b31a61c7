//! `tenfold resmem fit`: training arrays in, a memory file out.

use super::input::{Examples, Truth};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tenfold_core_tensor::ops::nearest::Metric;
use tenfold_core_tensor::seed::Seed;
use tenfold_resmem::{HnswConfig, IndexKind, Memory, MemoryConfig, ResmemError, Storage};

/// Build a memory from a model's outputs on its training data.
///
/// Give embeddings and logits of clean (not augmented) training inputs, with the model in evaluation mode. The memory is
/// a .safetensors file that Python can read too.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem fit --keys train.npz:emb --logits train.npz:logits \\\n    --labels train.npz:y --out model.memory.safetensors"
)]
pub(crate) struct Fit {
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    truth: Truth,
    /// Memory file to write.
    #[arg(long, value_name = "FILE.safetensors", value_parser = ending("safetensors"))]
    out: PathBuf,
    /// How far apart two keys are.
    #[arg(long, value_enum, default_value = "euclidean")]
    metric: MetricName,
    /// Which index answers searches; hnsw pays above some 100,000 rows.
    #[arg(long, value_enum, default_value = "exact")]
    index: IndexName,
    /// Keep keys in half precision: half the file.
    #[arg(long)]
    half: bool,
    /// Keep only the M largest logits of each row (large vocabularies).
    #[arg(long, value_name = "M")]
    top_m: Option<usize>,
    /// Links of a point in the HNSW graph [default: 16].
    #[arg(long)]
    m: Option<usize>,
    /// Breadth of the search while the HNSW graph is built [default: 200].
    #[arg(long)]
    ef_construction: Option<usize>,
    /// Breadth of a search in the HNSW graph [default: 128].
    #[arg(long)]
    ef: Option<usize>,
    /// Seed of the HNSW graph.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Build the HNSW graph on all cores; its bytes then differ from run to run.
    #[arg(long)]
    parallel: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum MetricName {
    Euclidean,
    Cosine,
}

#[derive(Clone, Copy, ValueEnum)]
enum IndexName {
    Exact,
    Hnsw,
}

impl Fit {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        let (config, task) = (self.config()?, self.truth.task()?);
        let (keys, base) = self.examples.read(task)?;
        let targets = self.truth.read_needed(task, keys.nrows(), base.ncols())?;
        self.examples.check_rounding(&self.truth)?;
        let memory = Memory::from_arrays(keys.view(), base, targets, config).map_err(|e| self.name_file(e))?;
        let notes = memory.notes();
        memory.save(&self.out)?;
        let mut output = Output::new()
            .field("memory", self.out.display(), self.out.display().to_string())
            .field("task", task, task.to_string())
            .field("rows", memory.len(), memory.len())
            .field("key_width", memory.key_width(), memory.key_width())
            .field("outputs", memory.width(), memory.width())
            .field("duplicate_keys", notes.duplicate_keys, notes.duplicate_keys)
            .field("conflicting_duplicates", notes.conflicting_duplicates, notes.conflicting_duplicates)
            .hidden("empty_classes", notes.empty_classes.clone());
        if self.top_m.is_some() {
            let e = memory.truncation_error();
            output = output.field("dropped_mass_mean", format!("{:.2e}", e.mean), e.mean);
            output = output.field("dropped_mass_max", format!("{:.2e}", e.max), e.max);
        }
        if !notes.empty_classes.is_empty() {
            eprintln!("warning: no row has class {:?}", notes.empty_classes);
        }
        if notes.conflicting_duplicates > 0 {
            let n = notes.conflicting_duplicates;
            eprintln!("warning: {n} rows repeat an earlier key with another target; k = 1 cannot return both");
        }
        Ok(output)
    }

    /// Names the file behind what a memory says of its keys or labels as a whole.
    fn name_file(&self, error: ResmemError) -> CliError {
        match error {
            ResmemError::Parameter { field: "keys", value, rule } => {
                CliError::Option { option: "--keys", value: format!("{} {value}", self.examples.keys), rule }
            }
            error => self.truth.name_file(error),
        }
    }

    fn config(&self) -> Result<MemoryConfig, CliError> {
        self.check_graph_options()?;
        let own = HnswConfig::default();
        let index = match self.index {
            IndexName::Exact => IndexKind::Exact,
            IndexName::Hnsw => IndexKind::Hnsw(HnswConfig {
                m: self.m.unwrap_or(own.m),
                ef_construction: self.ef_construction.unwrap_or(own.ef_construction),
                ef: self.ef.unwrap_or(own.ef),
                seed: Seed::new(self.seed),
                parallel: self.parallel,
            }),
        };
        Ok(MemoryConfig {
            metric: match self.metric {
                MetricName::Euclidean => Metric::Euclidean,
                MetricName::Cosine => Metric::Cosine,
            },
            index,
            storage: if self.half { Storage::F16 } else { Storage::F32 },
            top_m: self.top_m,
        })
    }

    /// Options of the graph are refused where there is none, rather than left aside in silence.
    fn check_graph_options(&self) -> Result<(), CliError> {
        let given = [("--m", self.m), ("--ef-construction", self.ef_construction), ("--ef", self.ef)];
        let mut given = given.into_iter().filter_map(|(option, value)| Some((option, value?.to_string())));
        let parallel = self.parallel.then(|| ("--parallel", String::new()));
        match (self.index, given.next().or(parallel)) {
            (IndexName::Exact, Some((option, value))) => {
                Err(CliError::Option { option, value, rule: "only --index hnsw has a graph".into() })
            }
            _ => Ok(()),
        }
    }
}
