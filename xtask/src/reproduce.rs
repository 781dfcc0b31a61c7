//! `cargo xtask reproduce`: build the heavy binary, then become it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::process;

/// The heavy binary behind this task.
pub(crate) const BINARY: &str = "reproduce";

/// Run the experiments of the papers and write a report
///
/// The first run compiles the tensor library, which takes minutes; later runs
/// start at once. Verdicts never change the exit status: 0 when the run is
/// done, 2 for bad input, 1 for anything else.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask reproduce resmem
  cargo xtask reproduce resmem --scale standard --seeds 10 --out runs/resmem
  cargo xtask reproduce --resume runs/resmem
  cargo xtask reproduce --list")]
pub(crate) struct Arguments {
    /// Papers to reproduce; none named means all. `--list` shows the names.
    paper: Vec<String>,
    /// How much work: seconds (for tests), minutes on a laptop, hours, or the
    /// papers' own setting
    #[arg(long, value_enum)]
    scale: Option<Scale>,
    /// Where tensors live: flex, wgpu or cuda, with a device index if wanted
    /// (cuda:1)
    #[arg(long, default_value = process::DEFAULT_BACKEND, value_parser = process::backend_feature)]
    backend: String,
    /// Number of seeds, instead of the scale's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Data set to use, instead of the experiment's own
    #[arg(long, value_name = "NAME")]
    data: Option<String>,
    /// The run folder itself
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder after an interruption
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Experiments to run side by side
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    jobs: Option<u64>,
    /// Train this part of the networks alone, as in 2/8, for several machines
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Print every paper with its claims and stop
    #[arg(long)]
    list: bool,
    /// With `--list`: as JSON
    #[arg(long, requires = "list")]
    json: bool,
}

/// The scales of the reproduction contract; what each means is the experiments' business.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scale {
    Tiny,
    Quick,
    Standard,
    Paper,
}

/// Build the binary that `arguments` need and hand over to it with the same words.
///
/// The arguments were parsed so that a misspelt one costs nothing, then travel unchanged: the binary owns their
/// meaning, and it alone knows the papers' names.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let binary = process::build_binary(BINARY, &arguments.backend)?;
    let words = std::env::args_os().skip_while(|word| word != BINARY).skip(1);
    process::hand_over(Command::new(binary).args(words))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        Line::try_parse_from(std::iter::once("reproduce").chain(words.split_whitespace())).map(|line| line.arguments)
    }

    #[test]
    fn the_contract_parses() {
        let line = "resmem kaft --scale standard --backend wgpu:1 --seeds 5 --data cifar-10 --out runs/a --jobs 2 \
                    --shard 1/4";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.paper, ["resmem", "kaft"]);
        assert_eq!(arguments.backend, "wgpu");
        assert_eq!(parse("").unwrap().backend, "flex");
        assert!(parse("--list --json").unwrap().json);
        assert!(parse("--resume runs/a").is_ok());
        // Names of papers are the binary's to judge.
        assert!(parse("no-such-paper").is_ok());
    }

    #[test]
    fn bad_values_are_refused_before_anything_is_built() {
        let bad = [
            "--scale fast",
            "--seeds 0",
            "--jobs 0",
            "--seeds x",
            "--json",
            "--resume a --out b",
            "--backend",
            "--unknown",
        ];
        for line in bad {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn backends_name_their_feature() {
        assert_eq!(process::backend_feature("cuda:1"), Ok("cuda".to_owned()));
        assert!(process::backend_feature("metal").unwrap_err().contains("flex, wgpu, cuda"));
        assert!(process::backend_feature("wgpu:x").is_err());
        assert!(process::backend_feature("").is_err());
    }
}
