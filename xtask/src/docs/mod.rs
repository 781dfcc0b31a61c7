//! `cargo xtask docs`: blocks generated from result files, and the book.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::Error;
use crate::{files, process};

mod blocks;
mod render;

/// Write the generated blocks of README.md and docs/ from result files
///
/// A block stands between two comments, `generated:KIND WORDS` and `/generated`;
/// docs/src/results.md lists the kinds. No number in them is typed by hand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask docs
  cargo xtask docs --check
  cargo xtask docs --open")]
pub(crate) struct Arguments {
    /// Write nothing; fail if a block is stale
    #[arg(long)]
    check: bool,
    /// Build the book with mdbook into docs/book
    #[arg(long)]
    build: bool,
    /// Build the book and open it in a browser
    #[arg(long)]
    open: bool,
}

/// What to do with a block that differs from its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Report it.
    Check,
    /// Write it anew.
    Write,
}

/// Refresh or check the blocks, then build the book if that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let (_, root) = process::folders()?;
    refresh(&root, if arguments.check { Mode::Check } else { Mode::Write })?;
    if arguments.build || arguments.open {
        build(&root, arguments.open)?;
    } else if !has_mdbook() {
        println!("mdbook is not installed, so the book was not built; `cargo install mdbook --locked` gets it");
    } else if !arguments.check {
        build(&root, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Bring the blocks of README.md and of every page of the book in line with their results, or list what is stale.
pub(crate) fn refresh(root: &Path, mode: Mode) -> Result<(), Error> {
    let is_page = |file: &PathBuf| {
        file == Path::new("README.md")
            || (file.starts_with("docs/src") && file.extension().is_some_and(|extension| extension == "md"))
    };
    let mut faults = Vec::new();
    let mut source = render::Source::new(root);
    for page in process::tree(root)?.into_iter().filter(is_page) {
        let text = files::read(&root.join(&page))?;
        let fresh = match blocks::replace(&text, |block| source.render(&page, block)) {
            Ok(fresh) => fresh,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| format!("{}:{fault}", page.display())));
                continue;
            }
        };
        if fresh == text {
            continue;
        }
        match mode {
            Mode::Write => {
                files::write(&root.join(&page), &fresh)?;
                println!("wrote {}", page.display());
            }
            Mode::Check => faults.push(format!("{}: stale; run `cargo xtask docs`", page.display())),
        }
    }
    Error::from_findings(faults)
}

fn has_mdbook() -> bool {
    process::output(Command::new("mdbook").arg("--version")).is_ok()
}

fn build(root: &Path, open: bool) -> Result<(), Error> {
    if !has_mdbook() {
        return Err(Error::BadRequest("the book needs mdbook: `cargo install mdbook --locked`".to_owned()));
    }
    let mut command = Command::new("mdbook");
    command.arg("build").arg(root.join("docs"));
    if open {
        command.arg("--open");
    }
    process::run(&mut command)
}
