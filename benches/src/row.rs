//! Rows of a bench: ours beside a peer's, as a table and as JSON.

use crate::rounds::Spread;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use tenfold_core_tensor::files::{FileError, write_atomic};

/// The table is at most this wide.
const WIDTH: usize = 100;

/// One piece of work, done by us and perhaps by one peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The bench.
    pub bench: String,
    /// Lower-case words with hyphens that begin with what ran.
    pub work: String,
    /// Our number: the median where there are rounds.
    pub ours: f64,
    /// The peer's; none without a peer.
    pub peer: Option<f64>,
    /// Which peer, at which version; the name alone where it is absent.
    pub peer_version: Option<String>,
    /// `ours / peer`, lower is better; none without a peer, and where the two did not do the same work equally well.
    pub ratio: Option<f64>,
    /// Unit of both numbers.
    pub unit: String,
    /// How good the result was, or why the peer is absent.
    pub quality: String,
    /// The spread of our number.
    pub ours_spread: Option<Spread>,
    /// The spread of the peer's.
    pub peer_spread: Option<Spread>,
}

impl Row {
    /// A row of ours alone, in seconds.
    pub fn ours(bench: &str, work: impl Into<String>, ours: f64) -> Self {
        Self {
            bench: bench.to_owned(),
            work: work.into(),
            ours,
            peer: None,
            peer_version: None,
            ratio: None,
            unit: "s".to_owned(),
            quality: String::new(),
            ours_spread: None,
            peer_spread: None,
        }
    }

    /// Puts the peer's number beside ours.
    ///
    /// ```
    /// use tenfold_benches::row::Row;
    /// let row = Row::ours("search", "exact-k64", 3.0).with_peer("faiss 1.15.1", 4.0);
    /// assert_eq!(row.ratio, Some(0.75));
    /// ```
    pub fn with_peer(self, version: impl Into<String>, peer: f64) -> Self {
        let ratio = Some(self.ours / peer).filter(|ratio| ratio.is_finite());
        Self { peer: Some(peer), peer_version: Some(version.into()), ratio, ..self }
    }

    /// Says that a peer is absent, and why.
    pub fn without_peer(self, name: &str, reason: impl Display) -> Self {
        Self { peer_version: Some(name.to_owned()), ..self }.with_quality(format!("absent: {reason}"))
    }

    /// Takes the ratio away, where the two numbers do not belong to equal results.
    pub fn without_ratio(self) -> Self {
        Self { ratio: None, ..self }
    }

    /// Says how good the result was.
    pub fn with_quality(self, quality: impl Into<String>) -> Self {
        Self { quality: quality.into(), ..self }
    }

    /// Keeps the spreads of both numbers.
    pub fn with_spreads(self, ours: Spread, peer: Option<Spread>) -> Self {
        Self { ours_spread: Some(ours), peer_spread: peer, ..self }
    }
}

/// The rows as a table for people, at most 100 columns wide; quality and spread stand below the numbers.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.work.len()).max().unwrap_or(0).max("work".len());
    let mut text = format!("{:width$}  {:>9}  {:>9}  {:>6}  peer\n", "work", "ours", "peer", "ratio");
    for row in rows {
        let number = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{} {}", significant(x), row.unit));
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (ours, peer) = (number(Some(row.ours)), number(row.peer));
        let version = row.peer_version.as_deref().unwrap_or("-");
        text += &format!("{:width$}  {ours:>9}  {peer:>9}  {ratio:>6}  {version}\n", row.work);
        let spreads = [("ours", row.ours_spread), ("peer", row.peer_spread)];
        let spreads = spreads.iter().filter_map(|(who, spread)| spread.as_ref().map(|s| shown(who, s)));
        let notes = Some(row.quality.clone()).filter(|quality| !quality.is_empty());
        for line in notes.into_iter().chain(spreads).flat_map(|note| wrapped(&note, WIDTH - 4)) {
            text += &format!("    {line}\n");
        }
    }
    text
}

fn shown(who: &str, s: &Spread) -> String {
    let [min, lower, upper] = [s.min, s.lower_quartile, s.upper_quartile].map(significant);
    format!("{who}: min {min}, quartiles {lower} to {upper}, {} rounds", s.rounds)
}

/// Three significant digits without an exponent.
fn significant(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = (2 - x.abs().log10().floor() as i32).max(0) as usize;
    format!("{x:.digits$}")
}

/// Lines of at most `width` characters, broken between words; a longer word is cut.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width) {
            if length > 0 && length + 1 + piece.len() > width {
                lines.push(String::new());
                length = 0;
            }
            if let Some(line) = lines.last_mut() {
                if length > 0 {
                    line.push(' ');
                    length += 1;
                }
                line.extend(piece);
                length += piece.len();
            }
        }
    }
    lines
}

/// Writes the rows as one JSON array; the file appears whole or not at all.
///
/// # Errors
/// If the file system refuses.
pub fn write_json(path: &Path, rows: &[Row]) -> Result<(), FileError> {
    write_atomic(path, |w| {
        serde_json::to_writer_pretty(&mut *w, rows)?;
        w.write_all(b"\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let spread = Spread::of(vec![0.5, 0.25, 1.0]);
        vec![
            Row::ours("search", "exact-k64", 0.5)
                .with_peer("faiss 1.15.1", 0.25)
                .with_quality("100.00 % of neighbour sets equal")
                .with_spreads(spread, Some(spread)),
            Row::ours("search", "hnsw-recall0.95", 1234.5).without_peer("hnswlib", "not installed"),
            Row::ours("search", "hnsw-build", 0.001).with_quality("word ".repeat(60) + &"x".repeat(300)),
        ]
    }

    #[test]
    fn the_table_fits_its_width_and_says_everything() {
        let text = table(&rows());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "work                  ours       peer   ratio  peer");
        assert_eq!(lines[1], "exact-k64          0.500 s    0.250 s    2.00  faiss 1.15.1");
        assert_eq!(lines[2], "    100.00 % of neighbour sets equal");
        assert_eq!(lines[3], "    ours: min 0.250, quartiles 0.375 to 0.750, 3 rounds");
        assert_eq!(lines[5], "hnsw-recall0.95     1234 s          -       -  hnswlib");
        assert_eq!(lines[6], "    absent: not installed");
        assert_eq!(lines[7], "hnsw-build       0.00100 s          -       -  -");
        assert_eq!(text.matches('x').count() - text.matches("exact").count(), 300, "{text}");
    }

    #[test]
    fn json_has_every_key_with_null_for_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/rows.json");
        write_json(&path, &rows()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["ratio"], 2.0);
        assert_eq!(value[0]["peer_spread"]["median"], 0.5);
        for key in ["bench", "work", "ours", "peer", "peer_version", "ratio", "unit", "quality"] {
            assert!(value[1].get(key).is_some(), "{key}");
        }
        assert!(value[1]["peer"].is_null() && value[1]["ratio"].is_null());
        assert_eq!(serde_json::from_str::<Vec<Row>>(&text).unwrap(), rows());
    }

    #[test]
    fn a_ratio_needs_two_numbers_of_equal_work() {
        let row = Row::ours("search", "exact-k64", 1.0);
        assert_eq!(row.ratio, None);
        assert_eq!(row.clone().with_peer("p 1", 0.0).ratio, None);
        let unequal = row.with_peer("p 1", 2.0).without_ratio();
        assert_eq!((unequal.ratio, unequal.peer), (None, Some(2.0)));
    }
}
