//! Python environments with pinned packages: the peers of the benches and the golden scripts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::error::Error;
use crate::{files, process};

/// What became of one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Installed {
    /// Importable, at this version.
    Version(String),
    /// Not there, and why.
    Absent(String),
}

/// A virtual environment in a folder of its own, made when it is first needed.
#[derive(Debug)]
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The environment in `folder`; nothing is made yet.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        if cfg!(windows) {
            self.folder.join("Scripts").join("python.exe")
        } else {
            self.folder.join("bin").join("python")
        }
    }

    /// Install each pinned requirement of a file by itself, so that one that cannot be installed takes no other
    /// with it; while the file stays the same, return what the last time found.
    ///
    /// The record is `installed.json`, `{name: version}` or `{name: {"absent": reason}}`.
    pub(crate) fn install(&self, requirements: &Path) -> Result<BTreeMap<String, Installed>, Error> {
        let text = files::read(requirements)?;
        let pins = parse_requirements(requirements, &text)?;
        let (record, seen) = (self.folder.join("installed.json"), self.folder.join("requirements.txt"));
        if self.python().is_file()
            && files::read(&seen).is_ok_and(|old| old == text)
            && let Some(installed) = files::read(&record).ok().and_then(|text| from_json(&text))
        {
            return Ok(installed);
        }
        self.create()?;
        let installed: BTreeMap<_, _> = pins
            .into_iter()
            .map(|(name, version)| {
                eprintln!("installing {name} {version}");
                let outcome = self.install_one(&name, &version)?;
                Ok((name, outcome))
            })
            .collect::<Result<_, Error>>()?;
        files::write(&record, &to_json(&installed))?;
        // Written last: an interrupted installation is done again.
        files::write(&seen, &text)?;
        Ok(installed)
    }

    fn create(&self) -> Result<(), Error> {
        files::remove_folder(&self.folder)?;
        let python = if cfg!(windows) { "python" } else { "python3" };
        let mut command = Command::new(python);
        command.args(["-m", "venv"]).arg(&self.folder);
        process::run(&mut command).inspect_err(|_| {
            eprintln!("`{python} -m venv` is needed; on Debian and Ubuntu it is the package python3-venv");
        })
    }

    fn install_one(&self, name: &str, version: &str) -> Result<Installed, Error> {
        let mut command = Command::new(self.python());
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        command.arg(format!("{name}=={version}")).stdin(Stdio::null());
        let start = |source| Error::Start { program: "pip".to_owned(), source };
        let output = command.output().map_err(start)?;
        if !output.status.success() {
            return Ok(Installed::Absent(reason(&String::from_utf8_lossy(&output.stderr))));
        }
        let mut ask = Command::new(self.python());
        ask.args(["-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", name]);
        Ok(Installed::Version(process::output(&mut ask)?.trim().to_owned()))
    }
}

/// `name==version` on each line that is not blank or a comment. Anything looser is refused: a peer without a
/// version is not a result that anyone can repeat.
fn parse_requirements(path: &Path, text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pins = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let pin = line.split_once("==").map(|(name, version)| (name.trim(), version.trim()));
        match pin {
            Some((name, version)) if is_word(name) && is_word(version) => {
                pins.push((name.to_owned(), version.to_owned()))
            }
            _ => {
                let place = format!("{}:{}", path.display(), number + 1);
                return Err(Error::BadRequest(format!("{place}: `{line}`: rule: name==version")));
            }
        }
    }
    Ok(pins)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}

/// The line of pip's messages that says what went wrong.
fn reason(messages: &str) -> String {
    let lines = || messages.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines().rev().find(|line| line.to_ascii_lowercase().starts_with("error"));
    telling.or_else(|| lines().next_back()).unwrap_or("pip failed without a message").to_owned()
}

fn to_json(installed: &BTreeMap<String, Installed>) -> String {
    let object: serde_json::Map<String, Value> = installed
        .iter()
        .map(|(name, outcome)| {
            let value = match outcome {
                Installed::Version(version) => json!(version),
                Installed::Absent(reason) => json!({ "absent": reason }),
            };
            (name.clone(), value)
        })
        .collect();
    format!("{:#}\n", Value::Object(object))
}

fn from_json(text: &str) -> Option<BTreeMap<String, Installed>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let outcome = |value: &Value| match value {
        Value::String(version) => Some(Installed::Version(version.clone())),
        other => other["absent"].as_str().map(|reason| Installed::Absent(reason.to_owned())),
    };
    value.as_object()?.iter().map(|(name, value)| Some((name.clone(), outcome(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_pinned_names() {
        let text = "# peers\n\nnumpy==2.4.6\nfaiss-cpu == 1.15.1  # flat index\n";
        let pins = parse_requirements(Path::new("r.txt"), text).unwrap();
        assert_eq!(pins, [("numpy".to_owned(), "2.4.6".to_owned()), ("faiss-cpu".to_owned(), "1.15.1".to_owned())]);
    }

    #[test]
    fn loose_requirements_are_refused_with_their_line() {
        for bad in ["numpy", "numpy>=2", "numpy==", "--find-links x", "numpy==2 ; rm", "==1"] {
            let error = parse_requirements(Path::new("r.txt"), &format!("a==1\n{bad}\n")).unwrap_err();
            assert!(error.to_string().starts_with("r.txt:2: "), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn the_record_survives_a_round_trip_and_refuses_nonsense() {
        let installed = BTreeMap::from([
            ("numpy".to_owned(), Installed::Version("2.4.6".to_owned())),
            ("hnswlib".to_owned(), Installed::Absent("error: no compiler".to_owned())),
        ]);
        assert_eq!(from_json(&to_json(&installed)), Some(installed));
        for bad in ["", "[]", "{\"a\": 1}", "{\"a\": {}}"] {
            assert_eq!(from_json(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_reason_is_pips_last_error_line() {
        let messages = "  building\nerror: no compiler\n\nERROR: Failed to build\nnote: more\n";
        assert_eq!(reason(messages), "ERROR: Failed to build");
        assert_eq!(reason("odd\n"), "odd");
        assert_eq!(reason(""), "pip failed without a message");
    }
}
