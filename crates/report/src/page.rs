//! Pages: one file each that opens without a network and reads on a phone.

use crate::text::escape;
use crate::{ReportError, Section};

const STYLE: &str = include_str!("page.css");

/// A page.
///
/// ```
/// use tenfold_report::{Page, Section};
/// let page = Page::new("Report").quiet("Intervals are 95 %.").section(Section::new("Found").text("a < b"));
/// let html = page.html()?;
/// assert!(html.starts_with("<!doctype html>") && html.contains("<h2>Found</h2>\n<p>a &lt; b</p>"));
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Chapter(String),
    Markup(String),
    Section(Section),
}

/// How a [`fold`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As expected.
    Good,
    /// Not as expected.
    Bad,
    /// Neither.
    Open,
}

impl Page {
    /// A page with its title alone.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), pieces: Vec::new() }
    }

    /// Adds a paragraph.
    pub fn text(self, text: &str) -> Self {
        self.markup(format!("<p>{}</p>\n", escape(text)))
    }

    /// Adds a paragraph that is read last, such as settings.
    pub fn quiet(self, text: &str) -> Self {
        self.markup(format!("<p class=\"quiet\">{}</p>\n", escape(text)))
    }

    /// Adds a list.
    pub fn list(self, items: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let items: String = items.into_iter().map(|item| format!("<li>{}</li>\n", escape(item.as_ref()))).collect();
        self.markup(format!("<ul>\n{items}</ul>\n"))
    }

    /// Adds a heading above the sections that follow, whose headings are then a level lower.
    pub fn chapter(mut self, title: impl Into<String>) -> Self {
        self.pieces.push(Piece::Chapter(title.into()));
        self
    }

    /// Adds markup, in which all text is [`escape`]d already.
    pub fn markup(mut self, markup: impl Into<String>) -> Self {
        self.pieces.push(Piece::Markup(markup.into()));
        self
    }

    /// Adds a section.
    pub fn section(mut self, section: Section) -> Self {
        self.pieces.push(Piece::Section(section));
        self
    }

    /// Adds sections.
    pub fn sections(mut self, sections: impl IntoIterator<Item = Section>) -> Self {
        self.pieces.extend(sections.into_iter().map(Piece::Section));
        self
    }

    /// The page, its charts drawn.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn html(&self) -> Result<String, ReportError> {
        let title = escape(&self.title);
        let (mut body, mut level) = (String::new(), 2);
        for piece in &self.pieces {
            body += &match piece {
                Piece::Markup(markup) => markup.clone(),
                Piece::Section(section) => section.html(level)?,
                Piece::Chapter(title) => {
                    level = 3;
                    format!("<h2 id=\"{0}\">{0}</h2>\n", escape(title))
                }
            };
        }
        Ok(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
        ))
    }
}

/// Markup of a box that opens when it is asked to: a mark that links lead to, what is always seen, and what is inside. Both are
/// markup, in which all text is [`escape`]d already.
///
/// ```
/// use tenfold_report::{Tone, fold};
/// assert!(fold(Tone::Good, "paper.claim", "held", "<p>why</p>").contains("<summary>held</summary>"));
/// ```
pub fn fold(tone: Tone, mark: &str, summary: &str, inside: &str) -> String {
    let class = match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Open => "open",
    };
    format!("<details class=\"{class}\" id=\"{}\">\n<summary>{summary}</summary>\n{inside}</details>\n", escape(mark))
}
