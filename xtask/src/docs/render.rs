//! What stands in a generated block: tables, plots and help texts.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;

use crate::results::{bench, claims, significant};
use crate::{files, process};

/// Where result files lie, below the root of the workspace.
const RESULTS: &str = "docs/src/results";

/// Reads results and programs to fill blocks.
#[derive(Debug)]
pub(crate) struct Source {
    root: PathBuf,
    /// The `tenfold` binary, built when the first help text asks for it.
    tenfold: Option<PathBuf>,
}

impl Source {
    /// Results below `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), tenfold: None }
    }

    /// The Markdown of the block `name` on `page` (a path relative to the root).
    pub(crate) fn render(&mut self, page: &Path, name: &str) -> Result<String, String> {
        let words: Vec<&str> = name.split_whitespace().collect();
        match words[..] {
            ["claims", paper] => self.claims(paper),
            ["bench", name] => self.bench(name),
            ["plot", paper, file] => self.plot(page, paper, file),
            ["help", program, ref verbs @ ..] => self.help(program, verbs),
            _ => Err(format!(
                "`{name}`: rule: claims PAPER, bench NAME, plot PAPER FILE, help tenfold VERB... or help xtask TASK"
            )),
        }
    }

    fn result(&self, relative: &str) -> Result<String, String> {
        files::read(&self.root.join(RESULTS).join(relative)).map_err(|error| error.to_string())
    }

    fn claims(&self, paper: &str) -> Result<String, String> {
        let file = format!("{paper}/claims.json");
        let claims = claims::parse(&self.result(&file)?).map_err(|faults| format!("{file}: {}", faults.join("; ")))?;
        let rows = claims.iter().filter(|claim| claim.paper == paper).map(|claim| {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), significant);
            vec![
                format!("`{}`", claim.id),
                claim.kind.clone(),
                claim.verdict.clone(),
                format!("{} [{}, {}]", number(claim.estimate), number(claim.lo), number(claim.hi)),
                claim.seeds.to_string(),
                format!("{:.1}", claim.seconds),
            ]
        });
        Ok(table(&["claim", "kind", "verdict", "estimate [95 % interval]", "seeds", "seconds"], rows))
    }

    fn bench(&self, name: &str) -> Result<String, String> {
        let file = format!("bench-{name}.json");
        let rows = bench::parse(&self.result(&file)?).map_err(|faults| format!("{file}: {}", faults.join("; ")))?;
        let rows = rows
            .into_iter()
            .map(|row| vec![row.work, row.ours, row.peer, row.peer_version, row.ratio, row.unit, row.quality]);
        Ok(table(&["work", "ours", "peer", "peer version", "ours / peer", "unit", "quality"], rows))
    }

    fn plot(&self, page: &Path, paper: &str, file: &str) -> Result<String, String> {
        let plot = Path::new(RESULTS).join(paper).join("plots").join(file);
        if !self.root.join(&plot).is_file() {
            return Err(format!("{}: no such plot", plot.display()));
        }
        let title = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().replace(['-', '_'], " ");
        Ok(format!("![{paper}: {title}]({})", relative(page, &plot)))
    }

    fn help(&mut self, program: &str, verbs: &[&str]) -> Result<String, String> {
        let text = match program {
            "tenfold" => self.tenfold_help(verbs)?,
            "xtask" => xtask_help(verbs)?,
            other => return Err(format!("help of `{other}`: rule: tenfold or xtask")),
        };
        let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
        Ok(format!("```text\n{}\n```", lines.join("\n")))
    }

    fn tenfold_help(&mut self, verbs: &[&str]) -> Result<String, String> {
        let binary = match &self.tenfold {
            Some(binary) => binary.clone(),
            None => process::build_binary("tenfold", process::DEFAULT_BACKEND).map_err(|error| error.to_string())?,
        };
        self.tenfold = Some(binary.clone());
        // A fixed width: the text must not depend on who generates it.
        let mut command = Command::new(binary);
        process::output(command.args(verbs).arg("--help").env("COLUMNS", "80")).map_err(|error| error.to_string())
    }
}

fn xtask_help(tasks: &[&str]) -> Result<String, String> {
    let mut command = crate::Cli::command();
    command.build();
    let mut found = &mut command;
    for task in tasks {
        found = found.find_subcommand_mut(task).ok_or_else(|| format!("xtask has no task `{task}`"))?;
    }
    Ok(found.render_long_help().to_string())
}

/// A Markdown table; a bar inside a cell would end it, so it is escaped.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let head_line = line(head.iter().map(|cell| (*cell).to_owned()).collect());
    let rule = line(head.iter().map(|_| "---".to_owned()).collect());
    let rows = rows.map(|cells| line(cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect()));
    [head_line, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// The link from a page to a file, both relative to the root, with forward slashes.
fn relative(page: &Path, file: &Path) -> String {
    let words = |path: &Path| -> Vec<String> {
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let (from, to) = (page.parent().map(words).unwrap_or_default(), words(file));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    up.chain(to[shared..].iter().cloned()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CLAIMS: &str = r#"[{"id": "resmem.beats-base", "kind": "empirical", "paper": "resmem", "statement": "s",
        "verdict": "inconclusive", "estimate": 0.01234, "lo": -0.002, "hi": 0.03, "seeds": 3, "scale": "quick",
        "seconds": 1.25}]"#;
    const BENCH: &str = r#"[{"bench": "search", "work": "exact-k64", "ours": 0.5, "peer": 0.25,
        "peer_version": "faiss 1|2", "ratio": 2.0, "unit": "s", "quality": null}]"#;

    /// A workspace with one result of each kind.
    fn results() -> (tempfile::TempDir, Source) {
        let folder = tempfile::tempdir().unwrap();
        let plots = folder.path().join(RESULTS).join("resmem/plots");
        fs::create_dir_all(&plots).unwrap();
        fs::write(plots.join("risk-against-n.svg"), "<svg/>").unwrap();
        fs::write(folder.path().join(RESULTS).join("resmem/claims.json"), CLAIMS).unwrap();
        fs::write(folder.path().join(RESULTS).join("bench-search.json"), BENCH).unwrap();
        let source = Source::new(folder.path());
        (folder, source)
    }

    #[test]
    fn claims_become_a_table() {
        let (_folder, mut source) = results();
        let text = source.render(Path::new("README.md"), "claims resmem").unwrap();
        let row = "| `resmem.beats-base` | empirical | inconclusive | 0.0123 [-0.00200, 0.0300] | 3 | 1.2 |";
        assert_eq!(text.lines().nth(2), Some(row));
    }

    #[test]
    fn bench_rows_become_a_table_whose_bars_are_escaped() {
        let (_folder, mut source) = results();
        let text = source.render(Path::new("README.md"), "bench search").unwrap();
        assert_eq!(text.lines().nth(2), Some("| exact-k64 | 0.500 | 0.250 | faiss 1\\|2 | 2.00 | s | – |"));
    }

    #[test]
    fn plots_are_linked_from_where_the_page_lies() {
        let (_folder, mut source) = results();
        let cases = [
            ("README.md", "docs/src/results/resmem/plots/risk-against-n.svg"),
            ("docs/src/resmem.md", "results/resmem/plots/risk-against-n.svg"),
            ("docs/src/papers/resmem.md", "../results/resmem/plots/risk-against-n.svg"),
        ];
        for (page, link) in cases {
            let text = source.render(Path::new(page), "plot resmem risk-against-n.svg").unwrap();
            assert_eq!(text, format!("![resmem: risk against n]({link})"));
        }
    }

    #[test]
    fn xtask_help_needs_no_build() {
        let (_folder, mut source) = results();
        let text = source.render(Path::new("README.md"), "help xtask reproduce").unwrap();
        assert!(text.starts_with("```text\n") && text.contains("--backend") && text.ends_with("\n```"), "{text}");
    }

    #[test]
    fn what_is_missing_or_unknown_is_an_error() {
        let (_folder, mut source) = results();
        let bad = [
            "",
            "claims",
            "claims kaft",
            "bench none",
            "plot resmem none.svg",
            "table x",
            "help ls",
            "help xtask none",
        ];
        for name in bad {
            assert!(source.render(Path::new("README.md"), name).is_err(), "{name:?}");
        }
    }
}
