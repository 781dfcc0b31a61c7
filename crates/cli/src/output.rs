//! What a verb prints: lines for a person, or one JSON object.

use serde_json::{Map, Value};
use std::path::PathBuf;

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
        self.text.push_str(&format!("{:<22} {shown}\n", format!("{}:", name.replace('_', " "))));
        self.fields.insert(name.into(), value.into());
        self
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
