//! What a verb prints: lines for a person, or one JSON object. And what must hold before it writes.

use crate::error::CliError;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use tenfold_report::{Table, hanging};

/// Where the values of fields begin.
const FIELD: usize = 23;

/// The result of a verb.
pub(crate) struct Output {
    text: String,
    fields: Map<String, Value>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { text: String::new(), fields: Map::new() }
    }

    /// Adds a line that only a person reads.
    pub(crate) fn line(mut self, line: impl AsRef<str>) -> Self {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
        self
    }

    /// Adds a value for both: `name: shown` for a person, `"name": value` in JSON.
    pub(crate) fn field(mut self, name: &str, shown: impl std::fmt::Display, value: impl Into<Value>) -> Self {
        let name_shown = format!("{}:", name.replace('_', " "));
        self.text.push_str(&format!("{name_shown:<22} {}\n", hanging(&shown.to_string(), FIELD)));
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Adds more of the field above, on a line of its own, that only a person reads.
    pub(crate) fn more(self, text: impl AsRef<str>) -> Self {
        let line = format!("{:FIELD$}{}", "", hanging(text.as_ref(), FIELD));
        self.line(line)
    }

    /// Adds a table that only a person reads.
    pub(crate) fn table(mut self, table: &Table) -> Self {
        self.text.push_str(&table.text());
        self
    }

    /// Adds a file that was written, if any was.
    pub(crate) fn file(self, name: &str, path: Option<&PathBuf>) -> Self {
        match path {
            // Never broken into lines: a person copies it.
            Some(path) => {
                let line = format!("{:<22} {}", format!("{name}:"), path.display());
                self.line(line).hidden(name, path.display().to_string())
            }
            None => self,
        }
    }

    /// Adds a value that only JSON shows.
    pub(crate) fn hidden(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    pub(crate) fn render(self, json: bool) -> String {
        if json { format!("{}\n", Value::Object(self.fields)) } else { self.text }
    }
}

/// Parses the path of an output: a name that readers will not recognise is refused before any work.
pub(crate) fn ending(extension: &'static str) -> impl Fn(&str) -> Result<PathBuf, String> + Clone + Send + Sync {
    move |text| {
        let path = PathBuf::from(text);
        if path.extension().is_some_and(|own| own == extension) {
            return Ok(path);
        }
        Err(format!("must end in .{extension}"))
    }
}

/// Refuses a path that nothing can be written to, before any work: a folder, or one whose parents are not folders. Parents
/// that are missing are made.
pub(crate) fn writable<'a>(option: &'static str, path: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), CliError> {
    for path in path {
        let refuse = |rule: String| Err(CliError::Option { option, value: path.display().to_string(), rule });
        if path.is_dir() {
            return refuse("is a folder, must be a file".into());
        }
        let there = |folder: &&Path| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_ok();
        if let Some(parent) = path.ancestors().skip(1).find(there).filter(|parent| !parent.is_dir()) {
            return refuse(format!("{} is not a folder", parent.display()));
        }
    }
    Ok(())
}

/// Refuses a number outside its range.
pub(crate) fn within(option: &'static str, value: usize, range: RangeInclusive<usize>) -> Result<(), CliError> {
    let rule = match value {
        value if value < *range.start() => format!("must be at least {}", range.start()),
        value if value > *range.end() => format!("must be at most {}", range.end()),
        _ => return Ok(()),
    };
    Err(CliError::Option { option, value: value.to_string(), rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_cannot_be_written_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), b"").unwrap();
        for good in ["new", "file", "deep/down/new"] {
            writable("--out", &Some(at(good))).unwrap();
        }
        writable("--out", &Some(PathBuf::from("new"))).unwrap();
        let says = |name: &str| writable("--out", &Some(at(name))).unwrap_err().to_string();
        assert!(says("").ends_with("is a folder, must be a file"), "{}", says(""));
        assert!(says("file/new").ends_with("file is not a folder"), "{}", says("file/new"));
        assert!(says("file/deep/new").ends_with("file is not a folder"), "{}", says("file/deep/new"));
    }

    #[test]
    fn numbers_keep_within_their_range() {
        let says = |value| within("--draws", value, 200..=1000).unwrap_err().to_string();
        assert!(within("--draws", 200, 200..=1000).is_ok() && within("--draws", 1000, 200..=1000).is_ok());
        assert_eq!(says(9), "--draws 9: must be at least 200");
        assert_eq!(says(usize::MAX), format!("--draws {}: must be at most 1000", usize::MAX));
    }
}
