//! Words: broken into lines, for a terminal and for charts, and kept from becoming markup.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Columns of a terminal.
pub const COLUMNS: usize = 80;

/// Text that cannot become markup.
///
/// ```
/// assert_eq!(tenfold_report::escape("a < \"b\""), "a &lt; &quot;b&quot;");
/// ```
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text that begins at a column of a terminal and is broken between words to end by the eightieth, on lines that begin there too.
/// A word that is longer, such as a path, is left whole.
///
/// ```
/// use tenfold_report::hanging;
/// let text = format!("found: {}", hanging(&"word ".repeat(20), 7));
/// let lines: Vec<&str> = text.lines().collect();
/// assert!(lines.len() == 2 && lines[1].starts_with("       word") && lines[0].len() <= 80);
/// ```
pub fn hanging(text: &str, column: usize) -> String {
    lines(text, COLUMNS.saturating_sub(column), false).join(&format!("\n{:column$}", ""))
}

/// Text in lines of so many characters at most. A longer word is broken too where `words` may be.
pub(crate) fn lines(text: &str, width: usize, words: bool) -> Vec<String> {
    let options = Options::new(width.max(1))
        .break_words(words)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

/// Text in lines that all fit; none for no text.
pub(crate) fn broken(text: &str, width: usize) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { lines(text, width, true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_longer_than_a_line_are_left_whole_where_nothing_would_overlap() {
        let path = "a/".repeat(60);
        assert_eq!(hanging(&format!("to {path}"), 10), format!("to\n{:10}{path}", ""));
        assert!(broken(&path, 50).iter().all(|line| line.len() <= 50));
        assert_eq!((broken("", 9).len(), hanging("", 9)), (0, String::new()));
        assert_eq!(broken("a well-known fact", 10), ["a", "well-known", "fact"]);
    }
}
