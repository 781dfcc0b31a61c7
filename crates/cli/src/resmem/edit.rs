//! `tenfold resmem add|remove`: change what a memory holds.

use super::input::{Examples, Task, Truth};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::Args;
use std::path::PathBuf;
use tenfold_resmem::Memory;

/// Add rows to a memory.
///
/// The result is written to --out, which may be the same file; it appears whole or not at all.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem add --memory model.memory.safetensors \\\n    --keys new.npz:emb --logits new.npz:logits --labels new.npz:y --out model.memory.safetensors"
)]
pub(crate) struct Add {
    /// Memory file.
    #[arg(long, value_name = "FILE")]
    memory: PathBuf,
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    truth: Truth,
    /// Memory file to write.
    #[arg(long, value_name = "FILE.safetensors", value_parser = ending("safetensors"))]
    out: PathBuf,
}

/// Remove rows from a memory, for good.
///
/// Keys, outputs and targets of the rows are gone from the file that is written; the base model still remembers what it
/// was trained on.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem remove --memory model.memory.safetensors --row 3,17 \\\n    --out model.memory.safetensors"
)]
pub(crate) struct Remove {
    /// Memory file.
    #[arg(long, value_name = "FILE")]
    memory: PathBuf,
    /// Rows to remove, counted from 0.
    #[arg(long, value_delimiter = ',', required = true)]
    row: Vec<usize>,
    /// Memory file to write.
    #[arg(long, value_name = "FILE.safetensors", value_parser = ending("safetensors"))]
    out: PathBuf,
}

impl Add {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        let mut memory = Memory::load(&self.memory)?;
        let task = Task::of(&memory);
        let (keys, base) = self.examples.read(task)?;
        let targets = self.truth.read_needed(task, keys.nrows(), memory.width())?;
        self.examples.check_rounding(&self.truth)?;
        memory.add(keys.view(), base, &targets)?;
        memory.save(&self.out)?;
        Ok(saved(&self.out, &memory).field("added", keys.nrows(), keys.nrows()))
    }
}

impl Remove {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        let mut memory = Memory::load(&self.memory)?;
        let before = memory.len();
        memory.remove(&self.row)?;
        memory.save(&self.out)?;
        let removed = before - memory.len();
        Ok(saved(&self.out, &memory).field("removed", removed, removed))
    }
}

fn saved(out: &std::path::Path, memory: &Memory) -> Output {
    Output::new().field("memory", out.display(), out.display().to_string()).field("rows", memory.len(), memory.len())
}
