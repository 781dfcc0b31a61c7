//! `reproduce`: runs the papers' experiments; started by `cargo xtask reproduce`.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use tenfold_reproduce::scale::Scale;
use tenfold_reproduce::{ReproduceError, Request, Shard, list, run};

/// Keeps freed pages: tensors come and go many times a second (docs, "Decisions").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the experiments of the papers and reports which of their claims hold.
///
/// Example: cargo xtask reproduce resmem --scale quick --out runs/resmem
#[derive(Parser)]
#[command(name = "reproduce", version)]
struct Arguments {
    /// Papers to reproduce; all of them where none is named.
    papers: Vec<String>,
    /// How much work to do [default: quick].
    #[arg(long)]
    scale: Option<Scale>,
    /// Where tensors live: `flex`, `wgpu[:INDEX]` or `cuda[:INDEX]` [default: flex].
    #[arg(long)]
    backend: Option<String>,
    /// Number of seeds, instead of each experiment's own.
    #[arg(long)]
    seeds: Option<usize>,
    /// Data set, instead of each experiment's own (see `cargo xtask data list`).
    #[arg(long)]
    data: Option<String>,
    /// Folder for a new run [default: runs/PAPERS-SCALE-TIME].
    #[arg(long, conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Folder of a run that was interrupted, to go on with.
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Independent pieces of work done at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Train this part of the networks alone, as in 2/8: for several machines that share them. Start it again when all shards have
    /// finished, until it says that all is done, and then without --shard.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Print every paper with its claims, and do nothing.
    #[arg(long)]
    list: bool,
    /// With --list: as JSON. Else: print claims.json on standard output at the end.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let a = Arguments::parse();
    if a.list {
        println!("{}", list(a.json).trim_end());
        return ExitCode::SUCCESS;
    }
    let request = Request {
        papers: a.papers,
        scale: a.scale,
        backend: a.backend,
        seeds: a.seeds,
        data: a.data,
        out: a.out,
        resume: a.resume,
        jobs: a.jobs,
        shard: a.shard,
    };
    match run(&request) {
        Ok((folder, claims)) => {
            if a.json {
                println!("{}", serde_json::json!(claims));
            } else {
                print!("{}", tenfold_reproduce::report::terminal(&claims));
                println!("\nReport: {}", folder.join("report.html").display());
            }
            ExitCode::SUCCESS
        }
        Err(ReproduceError::Part(said)) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
