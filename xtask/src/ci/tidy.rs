//! Checks of the text of the tree, the kind that a reviewer should not have to make.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ci::golden;
use crate::error::Error;
use crate::process;

/// A Rust file longer than this holds more than one idea.
const LONGEST_RUST_FILE: usize = 700;
/// Top folders that name one machine, written without their slash so that this file passes its own check.
const MACHINE_FOLDERS: [&str; 4] = ["work", "root", "home", "tmp"];
/// A word that means nothing to a reader of the project, in claims and chapters.
const UNKNOWN_TO_READERS: &str = "specification";
/// The one registry that the lock file may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Everything that is untidy, as `file:line: what`.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, Error> {
    let files = process::tree(root)?;
    let mut faults = Vec::new();
    for file in &files {
        let bytes = fs::read(root.join(file)).map_err(Error::file("read", file))?;
        // What is not text (images, arrays, archives) has no lines to check.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            faults.extend(check_text(file, text));
            if is(file, "md") {
                faults.extend(dead_links(root, file, text));
            }
        }
    }
    faults.extend(golden_without_script(root, &files));
    Ok(faults)
}

/// The rules that need no other file.
fn check_text(file: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: String| faults.push(format!("{}:{line}: {what}", file.display()));
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if let Some(path) = machine_path(line) {
            fault(number, format!("`{path}` is a path of one machine"));
        }
        if let Some(what) = private_registry(file, line) {
            fault(number, what);
        }
        if is_for_readers(file) && line.to_lowercase().contains(UNKNOWN_TO_READERS) {
            fault(
                number,
                format!("`{UNKNOWN_TO_READERS}`: a reader has none; name what was read, or say derived here"),
            );
        }
        if is_library_code(file) && !line.trim_start().starts_with("//") && line.contains("Device::default()") {
            fault(number, "library code takes a device or follows its inputs': never `Device::default()`".to_owned());
        }
    }
    let lines = text.lines().count();
    if is(file, "rs") && lines > LONGEST_RUST_FILE {
        fault(lines, format!("{lines} lines: split a file of more than {LONGEST_RUST_FILE} by idea"));
    }
    faults
}

/// The first absolute path below a folder that exists on one machine only.
fn machine_path(line: &str) -> Option<&str> {
    line.match_indices('/').find_map(|(start, _)| {
        let rest = &line[start + 1..];
        let folder = MACHINE_FOLDERS.iter().find(|folder| rest.starts_with(**folder))?;
        let before = line[..start].chars().next_back();
        let after = rest[folder.len()..].chars().next();
        // `a/work` and `../work` are relative, `/workspace` is another word.
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !"._-/~}])*".contains(c));
        let ends = after.is_none_or(|c| !c.is_alphanumeric() && !"_-.".contains(c));
        (begins && ends).then(|| &line[start..=start + folder.len()])
    })
}

/// Settings that send cargo or pip to a registry of someone's own, and credentials in an address.
fn private_registry(file: &Path, line: &str) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    if name == "Cargo.lock" {
        let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
        return (source != REGISTRY).then(|| format!("`{source}` is not crates.io"));
    }
    if is(file, "rs") || is(file, "md") {
        return None;
    }
    let settings = ["index-url", "find-links", "trusted-host", "replace-with", "[source.", "[registries", "GOPROXY="];
    let found = settings.into_iter().find(|setting| line.contains(setting));
    if let Some(setting) = found {
        return Some(format!("`{setting}` names a registry: use the tools' own defaults"));
    }
    let authority = line.split("://").nth(1)?.split(['/', '"', '\'', ' ']).next()?;
    authority.contains('@').then(|| "an address with credentials".to_owned())
}

/// Relative links of a Markdown file that lead nowhere; code is not prose.
fn dead_links(root: &Path, file: &Path, text: &str) -> Vec<String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut fenced = false;
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        // Outside back quotes: every second piece.
        let prose = line.split('`').step_by(2).filter(|_| !fenced);
        for target in prose.flat_map(|piece| piece.split("](").skip(1)).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !root.join(folder).join(path).exists() {
                faults.push(format!("{}:{}: dead link `{target}`", file.display(), index + 1));
            }
        }
    }
    faults
}

/// Golden data whose folder holds no script that can make it again.
fn golden_without_script(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let in_golden = || files.iter().filter(|file| golden::in_golden_folder(file));
    let mut faults = Vec::new();
    for file in in_golden() {
        if golden::is_script(file) {
            let checks = fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains("--check"));
            if !checks {
                faults.push(format!("{}: a golden script has a --check mode", file.display()));
            }
        } else if !in_golden().any(|other| golden::is_script(other) && other.parent() == file.parent()) {
            faults.push(format!("{}: no script beside it makes these vectors", file.display()));
        }
    }
    faults
}

fn is(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

/// Whether a file is a chapter, the README, or an experiment with its claims.
fn is_for_readers(file: &Path) -> bool {
    let chapter = is(file, "md") && (file.starts_with("docs/src") || file == Path::new("README.md"));
    chapter || is(file, "rs") && file.starts_with("crates/reproduce/src")
}

/// Whether a file is the source of a library crate; the programs choose devices.
fn is_library_code(file: &Path) -> bool {
    let programs = ["crates/cli", "crates/reproduce"];
    let in_source = file.components().nth(2).is_some_and(|part| part.as_os_str() == "src");
    is(file, "rs")
        && file.starts_with("crates")
        && in_source
        && !programs.iter().any(|program| file.starts_with(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of one machine, assembled so that this file stays tidy.
    fn machine(rest: &str) -> String {
        format!("/{rest}")
    }

    #[test]
    fn machine_paths_are_found_and_other_paths_are_not() {
        for rest in ["work/main", "root", "home/me/x", "tmp/a.npy"] {
            let path = machine(rest);
            for line in [path.clone(), format!("see `{path}`"), format!("x = \"{path}\""), format!("file://{path}")] {
                let found = machine_path(&line).is_some();
                assert_eq!(found, !line.starts_with("file:"), "{line}");
            }
        }
        for line in ["../work/x", "a/work/b", "/workspace/x", "/usr/share", "$HOME/work", "/tmpfs", "1/root", "~/work"]
        {
            assert_eq!(machine_path(line), None, "{line}");
        }
    }

    #[test]
    fn the_lock_file_names_crates_io_only() {
        let lock = Path::new("Cargo.lock");
        assert!(check_text(lock, &format!("source = \"{REGISTRY}\"")).is_empty());
        assert_eq!(check_text(lock, "source = \"registry+https://mirror.example/index\"").len(), 1);
        assert_eq!(check_text(lock, "source = \"git+https://example.com/x\"").len(), 1);
    }

    #[test]
    fn registry_settings_and_credentials_are_found() {
        let cases = [
            ("a/requirements.txt", "--index-url https://mirror.example/simple"),
            (".cargo/config.toml", "[source.crates-io]"),
            (".cargo/config.toml", "replace-with = \"mirror\""),
            (".ci/run", "pip install --find-links wheels numpy"),
            ("pip.conf", "url = https://user:word@mirror.example/simple"),
        ];
        for (file, line) in cases {
            assert_eq!(check_text(Path::new(file), line).len(), 1, "{file}: {line}");
        }
        assert!(check_text(Path::new("a.yml"), "uses: actions/checkout@v4 # https://example.com/a").is_empty());
    }

    #[test]
    fn long_rust_files_fail_and_other_long_files_do_not() {
        let text = "x\n".repeat(LONGEST_RUST_FILE + 1);
        assert_eq!(check_text(Path::new("a.rs"), &text).len(), 1);
        assert!(check_text(Path::new("a.csv"), &text).is_empty());
        assert!(check_text(Path::new("a.rs"), &"x\n".repeat(LONGEST_RUST_FILE)).is_empty());
    }

    #[test]
    fn libraries_take_a_device() {
        let line = "let d = Device::default();";
        assert_eq!(check_text(Path::new("crates/vision/src/lib.rs"), line).len(), 1);
        for elsewhere in ["crates/cli/src/main.rs", "crates/vision/tests/a.rs", "xtask/src/main.rs"] {
            assert!(check_text(Path::new(elsewhere), line).is_empty(), "{elsewhere}");
        }
        assert!(check_text(Path::new("crates/vision/src/lib.rs"), "/// never `Device::default()`").is_empty());
    }

    #[test]
    fn claims_and_chapters_name_what_was_read() {
        let line = "source: \"Specification section 2\"";
        for file in ["docs/src/resmem.md", "README.md", "crates/reproduce/src/papers/resmem/claims.rs"] {
            assert_eq!(check_text(Path::new(file), line).len(), 1, "{file}");
        }
        assert!(check_text(Path::new("crates/mpc/src/lib.rs"), line).is_empty());
    }

    #[test]
    fn dead_links_are_found_outside_code() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("there.md"), "").unwrap();
        let text =
            "[a](there.md#top) [b](gone.md) `[c](gone.md)` [d](https://x.example) [e](#top)\n```\n[f](gone.md)\n```\n";
        let faults = dead_links(folder.path(), Path::new("README.md"), text);
        assert_eq!(faults, ["README.md:1: dead link `gone.md`"]);
    }

    #[test]
    fn golden_data_needs_a_script_that_checks() {
        let folder = tempfile::tempdir().unwrap();
        let golden = Path::new("crates/a/tests/golden");
        fs::create_dir_all(folder.path().join(golden)).unwrap();
        let (script, data) = (golden.join("a.py"), golden.join("a.json"));
        fs::write(folder.path().join(&script), "print()").unwrap();
        assert_eq!(golden_without_script(folder.path(), std::slice::from_ref(&data)).len(), 1);
        assert_eq!(golden_without_script(folder.path(), &[data.clone(), script.clone()]).len(), 1);
        fs::write(folder.path().join(&script), "--check").unwrap();
        assert!(golden_without_script(folder.path(), &[data, script]).is_empty());
    }
}
