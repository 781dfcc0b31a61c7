//! `cargo xtask bench`: our speed, alone or beside the peers'.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::Error;
use crate::process;
use crate::venv::{Installed, Venv};

/// Time our work, alone or beside the peers' in the same run
///
/// With --peers the pinned versions of benches/peers/requirements.txt are
/// installed one by one into target/peers and used again while that file stays
/// the same. What is there and what is not is written to
/// target/peers/installed.json. A bench NAME with peers that do not get on with
/// the others has a requirements-NAME.txt, and target/peers-NAME for them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench search
  cargo xtask bench search --peers --json target/search.json")]
pub(crate) struct Arguments {
    /// Which bench; a name that is not known lists them all
    name: String,
    /// Also run the peers, on the same work and cores, in turn with ours
    #[arg(long)]
    peers: bool,
    /// Where tensors live, ours and PyTorch's: flex, wgpu or cuda, with a
    /// device index if wanted (cuda:1); `train` and `ensemble` only
    #[arg(long, default_value = process::DEFAULT_BACKEND)]
    backend: String,
    /// Write the rows to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Prepare the peers if they are wanted, build the bench binary and become it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let (target, root) = process::folders()?;
    let feature =
        process::backend_feature(&arguments.backend).map_err(|rule| Error::BadRequest(format!("--backend: {rule}")))?;
    let binary = process::build_binary("tenfold-bench", &feature)?;
    let mut command = Command::new(binary);
    command.arg(&arguments.name).args(["--backend", &arguments.backend]);
    if let Some(json) = &arguments.json {
        command.arg("--json").arg(json);
    }
    if arguments.peers {
        let folder = root.join("benches").join("peers");
        let python = prepare_peers(&folder.join("requirements.txt"), &target.join("peers"))?;
        command.arg("--peers-python").arg(python).arg("--peers-dir").arg(&folder);
        let own = folder.join(format!("requirements-{}.txt", arguments.name));
        if own.is_file() {
            let python = prepare_peers(&own, &target.join(format!("peers-{}", arguments.name)))?;
            command.arg("--own-peers-python").arg(python);
        }
    }
    process::hand_over(&mut command)
}

/// Install the peers where they are not yet, say who is absent and why, and return the interpreter.
fn prepare_peers(requirements: &Path, venv: &Path) -> Result<PathBuf, Error> {
    let venv = Venv::at(venv);
    for (name, installed) in venv.install(requirements)? {
        match installed {
            Installed::Version(version) => eprintln!("peer {name} {version}"),
            Installed::Absent(reason) => {
                eprintln!("peer {name}: ABSENT, {reason} (remove {} to try again)", venv.folder().display())
            }
        }
    }
    Ok(venv.python())
}
