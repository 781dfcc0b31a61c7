//! The last chapter of every report: which files were read, and how networks were trained.

use serde_json::Value;
use tenfold_data::Source;
use tenfold_report::{Section, Table};

/// Data sets with the checksums of what was read, and settings by name.
pub(crate) fn section(sources: &[&Source], settings: &[(String, Value)]) -> Section {
    let mut section = Section::new("Data and settings");
    for source in sources {
        let note = source.note.as_ref().map_or_else(String::new, |note| format!(" {note}."));
        let files = Table::new(format!("Files of {} that were read.", source.name), ["file", "bytes", "sha256"]);
        let rows = source.files.iter().map(|f| [f.name.clone(), f.bytes.to_string(), f.sha256.clone()]);
        section = section
            .text(format!("{} ({}), licence {}.{note}", source.title, source.name, source.licence))
            .table(files.rows(rows));
    }
    settings.iter().fold(section, |section, (what, value)| section.text(format!("{what}: {value}")))
}
