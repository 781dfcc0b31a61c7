//! The last chapter of every report: which files were read, and how networks were trained.

use crate::report::{Block, Section};
use serde_json::Value;
use tenfold_data::Source;

/// Data sets with the checksums of what was read, and settings by name.
pub(crate) fn section(sources: &[&Source], settings: &[(String, Value)]) -> Section {
    let mut blocks = Vec::new();
    for source in sources {
        let note = source.note.as_ref().map_or_else(String::new, |note| format!(" {note}."));
        blocks.push(Block::Text(format!("{} ({}), licence {}.{note}", source.title, source.name, source.licence)));
        blocks.push(Block::Table {
            caption: format!("Files of {} that were read", source.name),
            header: ["file", "bytes", "sha256"].map(String::from).to_vec(),
            rows: source.files.iter().map(|f| vec![f.name.clone(), f.bytes.to_string(), f.sha256.clone()]).collect(),
        });
    }
    blocks.extend(settings.iter().map(|(what, value)| Block::Text(format!("{what}: {value}"))));
    Section { title: "Data and settings".into(), blocks }
}
