//! Project automation for Tenfold: `cargo xtask reproduce | data | bench | ci | docs`.
//!
//! A thin orchestrator: it depends on no tensor library and builds in seconds, then builds and starts the heavy
//! programs in release with the features that a task needs. People and CI use the same commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod data;
mod docs;
mod error;
mod files;
mod process;
mod reproduce;
mod results;
mod venv;

/// Reproduce the papers, fetch data, compare with peers, check the tree, write
/// the docs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", term_width = 80)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Reproduce(reproduce::Arguments),
    Data(data::Arguments),
    Bench(bench::Arguments),
    Ci(ci::Arguments),
    Docs(docs::Arguments),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Reproduce(arguments) => reproduce::run(&arguments),
        Task::Data(arguments) => data::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Docs(arguments) => docs::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(error.exit_code())
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_eighty_columns() {
        let mut command = Cli::command();
        command.build();
        let mut pages = vec![command.render_long_help().to_string()];
        pages.extend(command.get_subcommands_mut().map(|sub| sub.render_long_help().to_string()));
        for line in pages.iter().flat_map(|page| page.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
