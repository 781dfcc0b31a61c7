//! Golden vectors: the reference scripts beside the tests, run with `--check`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process;
use crate::venv::{Installed, Venv};

/// Run every `crates/*/tests/golden/*.py --check` in an environment with the pinned packages.
///
/// A script regenerates its vectors in memory and fails if they differ from the files in the tree.
pub(crate) fn check(root: &Path, target: &Path) -> Result<(), Error> {
    let scripts: Vec<PathBuf> = process::tree(root)?.into_iter().filter(|file| is_script(file)).collect();
    if scripts.is_empty() {
        println!("no golden scripts in the tree");
        return Ok(());
    }
    let venv = Venv::at(&target.join("golden"));
    let absent = venv.install(&root.join("xtask").join("golden-requirements.txt"))?.into_iter().filter_map(
        |(name, installed)| match installed {
            Installed::Version(_) => None,
            Installed::Absent(reason) => Some(format!("golden scripts need {name}: {reason}")),
        },
    );
    // Not a peer that may be missing: without it the vectors are unchecked, and that is a failure.
    let absent: Vec<String> = absent.collect();
    if !absent.is_empty() {
        // Forget the attempt, so that the next run tries again.
        crate::files::remove_folder(venv.folder())?;
        return Err(Error::Findings(absent));
    }
    let mut faults = Vec::new();
    for script in &scripts {
        println!("{} --check", script.display());
        let mut command = Command::new(venv.python());
        command.current_dir(root).arg(script).arg("--check");
        if let Err(error) = process::run(&mut command) {
            faults.push(error.to_string());
        }
    }
    println!("{} golden scripts checked", scripts.len());
    Error::from_findings(faults)
}

/// Whether a file of the tree is a reference script.
pub(crate) fn is_script(file: &Path) -> bool {
    in_golden_folder(file) && file.extension().is_some_and(|extension| extension == "py")
}

/// Whether a file lies in a crate's `tests/golden`.
pub(crate) fn in_golden_folder(file: &Path) -> bool {
    file.starts_with("crates") && file.parent().is_some_and(|folder| folder.ends_with("tests/golden"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_python_files_in_tests_golden_of_a_crate() {
        assert!(is_script(Path::new("crates/core-tensor/tests/golden/stats.py")));
        assert!(!is_script(Path::new("crates/core-tensor/tests/golden/stats.json")));
        assert!(!is_script(Path::new("crates/data/tools/make_slice.py")));
        assert!(!is_script(Path::new("benches/tests/golden/x.py")));
    }
}
