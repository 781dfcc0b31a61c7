//! Bench rows: `{bench, work, ours, peer, peer_version, ratio, unit, quality}`.

use serde_json::{Map, Value};

/// One row, ready to be shown. What is not there (a peer that is absent) is a dash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What ran, in lower-case words with hyphens.
    pub(crate) work: String,
    /// Our time or size.
    pub(crate) ours: String,
    /// The peer's, or the peer.
    pub(crate) peer: String,
    /// Which peer, at which version.
    pub(crate) peer_version: String,
    /// Ours / peer: lower is better.
    pub(crate) ratio: String,
    /// Unit of the numbers.
    pub(crate) unit: String,
    /// The quality reached beside the speed.
    pub(crate) quality: String,
}

/// Read the rows of one bench; every fault is listed with its row and key.
pub(crate) fn parse(text: &str) -> Result<Vec<Row>, Vec<String>> {
    let value: Value = serde_json::from_str(text).map_err(|error| vec![format!("not JSON: {error}")])?;
    let Some(entries) = value.as_array().filter(|entries| !entries.is_empty()) else {
        return Err(vec!["rule: an array of at least one row".to_owned()]);
    };
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match entry.as_object() {
            Some(object) => rows.push(row(object, index, &mut faults)),
            None => faults.push(format!("row {index}: rule: an object")),
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

fn row(object: &Map<String, Value>, index: usize, faults: &mut Vec<String>) -> Row {
    let mut fault = |key: &str, rule: &str| faults.push(format!("row {index}: `{key}`: rule: {rule}"));
    for key in ["bench", "work", "unit"] {
        if !object.get(key).is_some_and(Value::is_string) {
            fault(key, "text");
        }
    }
    let is_work = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
    if object.get("work").and_then(Value::as_str).is_some_and(|work| work.is_empty() || !is_work(work)) {
        fault("work", "lower-case words with hyphens");
    }
    if !object.get("ours").is_some_and(Value::is_number) {
        fault("ours", "a number");
    }
    for key in ["peer", "peer_version", "ratio", "quality"] {
        if !object.contains_key(key) {
            fault(key, "present, null where there is nothing to say");
        }
    }
    if object.get("ratio").is_some_and(|ratio| !ratio.is_null() && !ratio.is_number()) {
        fault("ratio", "a number or null");
    }
    let show = |key: &str| object.get(key).map_or_else(String::new, shown);
    Row {
        work: show("work"),
        ours: show("ours"),
        peer: show("peer"),
        peer_version: show("peer_version"),
        ratio: show("ratio"),
        unit: show("unit"),
        quality: show("quality"),
    }
}

/// A value as a table shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), super::significant),
        Value::Object(parts) => {
            parts.iter().map(|(key, value)| format!("{key} {}", shown(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "bench": "search", "work": "hnsw-recall0.95", "ours": 0.123_456, "peer": 0.25, "peer_version": "faiss 1.15.1",
            "ratio": 0.493_824, "unit": "s", "quality": {"recall": 0.9512}
        })
    }

    #[test]
    fn a_good_row_is_shown_with_three_digits_and_dashes() {
        let mut absent = good();
        absent["peer"] = Value::Null;
        absent["ratio"] = Value::Null;
        let rows = parse(&json!([good(), absent]).to_string()).unwrap();
        assert_eq!(rows[0].ours, "0.123");
        assert_eq!(rows[0].ratio, "0.494");
        assert_eq!(rows[0].quality, "recall 0.951");
        assert_eq!((rows[1].peer.as_str(), rows[1].ratio.as_str()), ("–", "–"));
    }

    #[test]
    fn each_rule_can_fail() {
        for key in ["bench", "work", "ours", "peer", "peer_version", "ratio", "unit", "quality"] {
            let mut row = good();
            row.as_object_mut().unwrap().remove(key);
            assert!(parse(&json!([row]).to_string()).unwrap_err()[0].contains(key), "{key}");
        }
        for (key, value) in [("work", json!("HNSW Search")), ("ours", json!("1 s")), ("ratio", json!("2x"))] {
            let mut row = good();
            row[key] = value;
            assert!(parse(&json!([row]).to_string()).is_err(), "{key}");
        }
        for text in ["", "{}", "[]", "[1]"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
