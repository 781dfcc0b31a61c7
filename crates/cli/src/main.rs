//! `tenfold`: arrays from any framework in, arrays and reports out.

mod analysis;
mod distill;
mod error;
mod memorisation;
mod output;
mod page;
mod resmem;

use clap::{Parser, Subcommand};
use error::CliError;
use output::Output;
use std::process::ExitCode;

/// Keeps freed pages between steps (docs, "Decisions").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tools from ten papers on how neural networks learn, memorise and decide.
///
/// Arrays are .npy, .npz (FILE:KEY) or .safetensors (FILE:KEY) files from any framework. Exit code 0: done; 2: bad
/// input, nothing written; 1: anything else.
#[derive(Parser)]
#[command(name = "tenfold", version)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
    /// Print one JSON object on standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Tool {
    /// Ensembles point by point: bias and variance, calibration, neural collapse.
    #[command(subcommand)]
    Analysis(analysis::Verb),
    /// Distillation: which classes a student lost, how far to trust the teacher, and soft targets that follow.
    #[command(subcommand)]
    Distill(distill::Verb),
    /// Memorisation: how much a model's being right about an example depends on having seen it.
    #[command(subcommand)]
    Memorisation(memorisation::Verb),
    /// Residual memory: what a model got wrong on its training data, looked up at prediction time.
    #[command(subcommand)]
    Resmem(resmem::Verb),
}

fn run(arguments: Arguments) -> Result<Output, CliError> {
    match arguments.tool {
        Tool::Analysis(verb) => verb.run(),
        Tool::Distill(verb) => verb.run(),
        Tool::Memorisation(verb) => verb.run(),
        Tool::Resmem(verb) => verb.run(),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run(arguments) {
        Ok(output) => {
            print!("{}", output.render(json));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
