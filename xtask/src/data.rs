//! `cargo xtask data`: the small `tenfold-data` program, built without Burn.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::error::Error;
use crate::process;

/// List, fetch or verify data sets
///
/// Everything after `data` goes to the `tenfold-data` program unchanged; it
/// needs no tensor library, so its first build takes a minute or two.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask data list
  cargo xtask data fetch fashion-mnist
  cargo xtask data verify
  cargo xtask data fetch --help")]
pub(crate) struct Arguments {
    /// A verb (list, fetch, verify) with its own arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "VERB")]
    words: Vec<OsString>,
}

/// Build the program and become it. Its package alone is selected: the wider selection of
/// [`process::select`] would compile Burn for nothing.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let mut command = process::cargo();
    command.args(["run", "--release", "-p", "tenfold-data", "--features", "cli", "--bin", "tenfold-data", "--"]);
    process::hand_over(command.args(&arguments.words))
}
