//! What a person sees: a table on the terminal, a Markdown file, and one HTML file that opens offline.

mod gallery;
mod html;
mod markdown;
mod terminal;

pub use gallery::{Gallery, GalleryRow, Tile};
pub use html::html;
pub use markdown::markdown;
pub use terminal::terminal;

use crate::claim::{Kind, Verdict};
use crate::decided::Decided;
use crate::error::ReproduceError;
use crate::folder::RunFolder;
use tenfold_charts::ChartError;

/// A chapter of the report.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it holds, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a chapter.
#[derive(Debug, Clone)]
pub enum Block {
    /// Plain text.
    Text(String),
    /// A table with a header row.
    Table {
        /// What it shows.
        caption: String,
        /// Column names, with units.
        header: Vec<String>,
        /// Rows of as many cells as the header.
        rows: Vec<Vec<String>>,
    },
    /// A picture in the run folder.
    Plot {
        /// Path in the run folder, such as `plots/resmem-capacity.svg`.
        file: String,
        /// What it shows and what to see in it.
        caption: String,
    },
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotHeld => "not held",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// A sign that does not rely on colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Held => "✓",
            Self::NotHeld => "✗",
            Self::Inconclusive => "?",
        }
    }
}

/// Verdicts counted by kind: an identity that holds is no evidence about data.
fn tally(claims: &[Decided]) -> Vec<String> {
    let kinds = [
        (Kind::Empirical, "empirical"),
        (Kind::Theory, "theory"),
        (Kind::Control, "control"),
        (Kind::Identity, "identity"),
    ];
    let line = |(kind, name): (Kind, &str)| {
        let of = |v: Verdict| claims.iter().filter(|c| c.kind == kind && c.verdict == v).count();
        let total = claims.iter().filter(|c| c.kind == kind).count();
        let (held, not, open) = (of(Verdict::Held), of(Verdict::NotHeld), of(Verdict::Inconclusive));
        (total > 0).then(|| format!("{name}: {held} of {total} held, {not} not held, {open} inconclusive"))
    };
    kinds.into_iter().filter_map(line).collect()
}

/// A number with as many digits as a reader can use.
pub fn number(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !a.is_finite() => "none".into(),
        a if !(1e-4..1e5).contains(&a) => format!("{v:.1e}"),
        a if a >= 100.0 => format!("{v:.0}"),
        a if a >= 1.0 => format!("{v:.3}"),
        _ => format!("{v:.4}"),
    }
}

/// `estimate [lo, hi]`, or why there is none.
fn interval(c: &Decided) -> String {
    match (c.estimate, c.lo, c.hi) {
        (Some(e), lo, hi) => {
            let end = |v: Option<f64>| v.map_or_else(|| "none".into(), number);
            format!("{} [{}, {}]", number(e), end(lo), end(hi))
        }
        _ => c.reason.clone().unwrap_or_else(|| "not computable".into()),
    }
}

/// Writes a drawing into `plots/NAME.svg` of the run folder and returns that path.
///
/// # Errors
/// If it could not be drawn, or the file system refuses.
pub fn save_svg(folder: &RunFolder, name: &str, svg: Result<String, ChartError>) -> Result<String, ReproduceError> {
    let svg = svg.map_err(|reason| ReproduceError::Plot { name: name.into(), reason })?;
    let file = format!("plots/{name}.svg");
    folder.write(&file, &svg)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_a_reader_can_use() {
        let text = [0.0, 0.01234567, 1.5, 312.4, 1e-7, f64::NAN].map(number);
        assert_eq!(text, ["0", "0.0123", "1.500", "312", "1.0e-7", "none"]);
    }
}
