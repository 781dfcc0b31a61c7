//! `tenfold-bench`: our speed, alone or beside the peers'. People start it with `cargo xtask bench`.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tenfold_benches::error::BenchError;
use tenfold_benches::{Peers, Settings, find, row};
use tenfold_core_tensor::device::DeviceSpec;

/// Keeps freed pages between rounds (docs, "Decisions").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times our work, alone or in turn with the peers'.
///
/// Exit code 0: done; 2: unknown bench or missing data; 1: anything else. A peer that is absent is a row that says why.
#[derive(Parser)]
#[command(name = "tenfold-bench", version, after_help = "Example:\n  tenfold-bench search --json search.json")]
struct Arguments {
    /// Which bench; a name that is not known lists them all.
    name: String,
    /// Write the rows to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The Python interpreter that has the peers.
    #[arg(long, value_name = "PYTHON", requires = "peers_dir")]
    peers_python: Option<PathBuf>,
    /// The folder of the workers' scripts.
    #[arg(long, value_name = "DIR", requires = "peers_python")]
    peers_dir: Option<PathBuf>,
    /// The Python interpreter that has peers of this bench alone.
    #[arg(long, value_name = "PYTHON", requires = "peers_python")]
    own_peers_python: Option<PathBuf>,
    /// Where tensors live, ours and PyTorch's: `flex`, `wgpu[:INDEX]` or `cuda[:INDEX]`.
    #[arg(long, default_value = "flex")]
    backend: String,
    /// How often each contender is timed.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

fn run(arguments: Arguments) -> Result<String, BenchError> {
    let bench = find(&arguments.name)?;
    let peers = arguments.peers_python.zip(arguments.peers_dir);
    let peers = peers.map(|(python, folder)| Peers { python, folder, own: arguments.own_peers_python });
    let device: DeviceSpec = arguments.backend.parse()?;
    if device != DeviceSpec::FLEX && !bench.any_device {
        return Err(BenchError::CpuOnly { bench: bench.name, backend: arguments.backend });
    }
    let settings = Settings { rounds: arguments.rounds.into(), device, peers };
    let rows = (bench.run)(&settings)?;
    if let Some(path) = &arguments.json {
        row::write_json(path, &rows)?;
    }
    Ok(row::table(&rows))
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(table) => {
            // A reader that went away, such as `head`, is no failure.
            let _ = std::io::stdout().write_all(table.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
