//! What a verb prints: lines for a person, or one JSON object.

use serde_json::{Map, Value};
use std::path::PathBuf;
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
