//! Tables: in a page, in Markdown, and on a terminal.

use crate::text::{COLUMNS, escape, lines};

/// Before each line of a table on a terminal, and between two columns of it.
const INDENT: usize = 2;
const GAP: usize = 2;
/// A column with a cell of more characters is of words: a page gives it some width, or there would be a line for each word.
const SENTENCE: usize = 16;
/// No column of a terminal's table is broken into lines of fewer characters.
const NARROWEST: usize = 8;

/// A table with a header; its first column names the rows.
///
/// ```
/// use tenfold_report::Table;
/// let table = Table::new("Accuracy in %.", ["network", "accuracy", "remark"])
///     .row(["mlp-64", "81.2", "narrow"])
///     .row(["mlp-1024", "88.9"]);
/// assert_eq!(table.text(), "Accuracy in %.\n  network   accuracy  remark\n  mlp-64        81.2  narrow\n  mlp-1024      88.9\n");
/// assert!(table.markdown().contains("| network | accuracy | remark |\n|---|---:|---|\n"));
/// assert!(table.html().contains("<td class=\"n\">81.2</td>"));
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    caption: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows yet. The caption says what it shows and may be empty.
    pub fn new(caption: impl Into<String>, header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let header = header.into_iter().map(Into::into).collect();
        Self { caption: caption.into(), header, rows: Vec::new() }
    }

    /// Adds a row. Cells that are left out at its end are empty.
    pub fn row(mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        let columns = self.header.len().max(cells.len());
        self.header.resize(columns, String::new());
        cells.resize(columns, String::new());
        self.rows.push(cells);
        self
    }

    /// Adds rows.
    pub fn rows<R: IntoIterator<Item = impl Into<String>>>(self, rows: impl IntoIterator<Item = R>) -> Self {
        rows.into_iter().fold(self, Table::row)
    }

    /// Whether a column but the first holds numbers alone: these stand at its right.
    fn is_of_numbers(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        column > 0 && cells.all(|cell| is_number(cell))
    }

    fn columns(&self) -> std::ops::Range<usize> {
        0..self.header.len()
    }

    /// As part of a page: wider than the screen, it scrolls, and its first column stays.
    pub fn html(&self) -> String {
        let line = |tag: &str, row: &[String]| -> String {
            let cell = |(c, text): (usize, &String)| {
                let class = match (self.is_of_numbers(c), self.rows.iter().any(|row| row[c].chars().count() > SENTENCE))
                {
                    (true, _) => " class=\"n\"",
                    (false, true) => " class=\"words\"",
                    (false, false) => "",
                };
                format!("<{tag}{class}>{}</{tag}>", escape(text))
            };
            format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>())
        };
        let rows: String = self.rows.iter().map(|row| line("td", row)).collect();
        let caption = match self.caption.as_str() {
            "" => String::new(),
            caption => format!("<figcaption>{}</figcaption>\n", escape(caption)),
        };
        format!(
            "<figure class=\"table\">\n{caption}<div class=\"wide\" tabindex=\"0\"><table>\n<thead>{}</thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n</figure>\n",
            line("th", &self.header).trim_end()
        )
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let cell = |text: &String| text.replace('|', "\\|").replace('\n', " ");
        let line = |row: &Vec<String>| format!("| {} |\n", row.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let rule: String = self.columns().map(|c| if self.is_of_numbers(c) { "---:|" } else { "---|" }).collect();
        let caption = if self.caption.is_empty() { String::new() } else { format!("{}\n\n", self.caption) };
        let rows: String = self.rows.iter().map(line).collect();
        format!("{caption}{}|{rule}\n{rows}", line(&self.header))
    }

    /// For a terminal of eighty columns, the caption above. What is too wide is broken between words.
    pub fn text(&self) -> String {
        let lengths = |c: usize| self.all().map(move |row| row[c].chars().count());
        let mut widths: Vec<usize> = self.columns().map(|c| lengths(c).max().unwrap_or(0)).collect();
        let room = COLUMNS - INDENT - GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() > room {
            match widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        let caption = if self.caption.is_empty() { Vec::new() } else { lines(&self.caption, COLUMNS, false) };
        let mut text: String = caption.iter().map(|line| format!("{line}\n")).collect();
        for row in self.all() {
            let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, w)| lines(cell, *w, true)).collect();
            for i in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for (c, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                    let part = cell.get(i).map_or("", String::as_str);
                    let space = if c == 0 { INDENT } else { GAP };
                    line += &match self.is_of_numbers(c) {
                        true => format!("{:space$}{part:>width$}", ""),
                        false => format!("{:space$}{part:<width$}", ""),
                    };
                }
                text += &format!("{}\n", line.trim_end());
            }
        }
        text
    }

    /// The header and the rows.
    fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

/// `12`, `-0.3`, `1e-7`, `0.5 [0.3, 0.7]`, `12 / 3`.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    digits.starts_with(|c: char| c.is_ascii_digit()) && !cell.chars().any(|c| c.is_alphabetic() && c != 'e')
        || cell == "none"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_is_broken_between_words_and_fits_a_terminal() {
        let long = "a sentence that is a good deal longer than there is room for in a column of a terminal";
        let text = Table::new(long, ["name", "value", "why"]).row(["mlp", "0.5 [0.3, 0.7]", long]).text();
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert!(text.lines().count() >= 5 && text.contains("0.5 [0.3, 0.7]  a sentence"), "{text}");
    }

    #[test]
    fn columns_of_numbers_are_known_by_their_cells() {
        for number in ["12", "-0.3", "1e-7", "0.5 [0.3, 0.7]", "none", "12 / 3"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["mlp", "-", "3 seeds", "needs four models", ""] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn cells_cannot_end_a_column_or_become_markup() {
        let table = Table::new("", ["a", "b"]).row(["|x| < 1", "a sentence of words"]);
        assert!(
            table.markdown().contains("| \\|x\\| < 1 |")
                && table.html().contains("<td>|x| &lt; 1</td><td class=\"words\">a")
        );
    }
}
