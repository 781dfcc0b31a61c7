//! `tenfold-data`: lists, fetches and verifies data sets.

use clap::{Parser, Subcommand};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tenfold_data::DataError;
use tenfold_data::catalogue::{self, Entry};
use tenfold_data::fetch::fetch;
use tenfold_data::verify::{Status, Verification, verify};

/// Lists, fetches and verifies data sets.
///
/// Full sets lie under the data root: $TENFOLD_DATA, else `data` in the workspace.
#[derive(Parser)]
#[command(name = "tenfold-data", version)]
struct Arguments {
    /// The data root, instead of $TENFOLD_DATA or `data` in the workspace.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show every data set, and whether it is here.
    #[command(after_help = "Example:\n  tenfold-data list --json")]
    List {
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Bring a full data set to the data root and verify it.
    #[command(after_help = "Examples:\n  tenfold-data fetch fashion-mnist\n  \
                            tenfold-data fetch cifar-10 --from cifar-10-binary.tar.gz")]
    Fetch {
        /// The data set, as `list` names it.
        name: String,
        /// An archive or package that was downloaded by hand.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Compare installed files with their official or recorded checksums.
    #[command(after_help = "Example:\n  tenfold-data verify fashion-mnist --json")]
    Verify {
        /// One data set; all that are here if none is named.
        name: Option<String>,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = arguments.root.unwrap_or_else(catalogue::data_root);
    let done = match arguments.verb {
        Verb::List { json } => list(&root, json),
        Verb::Fetch { name, from } => bring(&name, &root, from.as_deref()),
        Verb::Verify { name, json } => check(name.as_deref(), &root, json),
    };
    match done {
        Ok((text, code)) => {
            // A reader that went away, such as `head`, is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            code
        }
        Err(error) => {
            eprintln!("error: {error}");
            if error.is_bad_input() { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
        }
    }
}

/// What goes to standard output, and the exit status.
type Printed = Result<(String, ExitCode), DataError>;

fn list(root: &Path, as_json: bool) -> Printed {
    let text = if as_json {
        let rows: Vec<_> = catalogue::all().iter().map(|entry| row(entry, root)).collect();
        format!("{:#}\n", serde_json::Value::from(rows))
    } else {
        let mut text = format!("data root: {}\n", root.display());
        for entry in catalogue::all() {
            let here = if entry.is_installed(root) { "here" } else { "absent" };
            let Entry { name, title, licence, n_train, n_test, .. } = entry;
            text += &format!("{name:<24} {here:<7} {n_train:>6} + {n_test:>6}  {title} ({licence})\n");
            if !entry.is_installed(root) {
                text += &format!("{:<32} {}\n", "", entry.how_to_get());
            }
        }
        text
    };
    Ok((text, ExitCode::SUCCESS))
}

fn row(entry: &Entry, root: &Path) -> serde_json::Value {
    json!({
        "name": entry.name,
        "title": entry.title,
        "licence": entry.licence,
        "shape": entry.shape.dims(),
        "classes": entry.n_classes,
        "train": entry.n_train,
        "test": entry.n_test,
        "installed": entry.is_installed(root),
        "folder": entry.folder(root),
        "how_to_get": entry.how_to_get(),
    })
}

fn bring(name: &str, root: &Path, from: Option<&Path>) -> Printed {
    let fetched = fetch(name, root, from, &mut |step| eprintln!("{step}"))?;
    let did = if fetched.already_there { "already in" } else { "installed in" };
    Ok((format!("{name}: {did} {} ({})\n", fetched.folder.display(), fetched.note), ExitCode::SUCCESS))
}

fn check(name: Option<&str>, root: &Path, as_json: bool) -> Printed {
    let found: Vec<Verification> = match name {
        Some(name) => vec![verify(name, root)?],
        None => catalogue::all()
            .iter()
            .filter(|entry| entry.is_installed(root))
            .map(|entry| verify(entry.name, root))
            .collect::<Result<_, _>>()?,
    };
    let text = if as_json { format!("{:#}\n", json!(found)) } else { found.iter().map(lines).collect() };
    let wrong = found.iter().any(|v| v.status == Status::Differs);
    Ok((text, if wrong { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS }))
}

fn lines(found: &Verification) -> String {
    let status = match found.status {
        Status::Official => "official",
        Status::Recorded => "recorded",
        Status::Unchanged => "unchanged",
        Status::Differs => "DIFFERS",
    };
    let mut text = format!("{:<24} {status:<9} {}: {}\n", found.name, found.title, found.note);
    for file in &found.files {
        let mark = if found.differing.contains(&file.name) { "  <- differs" } else { "" };
        text += &format!("  {}  {}{mark}\n", file.sha256, file.name);
    }
    text
}
