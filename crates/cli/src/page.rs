//! Pages that open offline.

use std::io::Write;
use std::path::Path;
use tenfold_charts::escape;
use tenfold_core_tensor::files::{FileError, write_atomic};

const STYLE: &str = "body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem;\n  \
                     color: #1d2530; background: #fff }\n";

/// A page with a title, further style and a body of markup.
pub(crate) fn document(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{style}</style>\n<h1>{title}</h1>\n{body}</html>\n",
        title = escape(title),
    )
}

/// Writes a page, whole or not at all.
pub(crate) fn write_page(path: &Path, page: &str) -> Result<(), FileError> {
    write_atomic(path, |w| w.write_all(page.as_bytes()))
}

/// A report of paragraphs, tables and charts.
pub(crate) struct Report {
    title: String,
    body: String,
}

impl Report {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), body: String::new() }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.body += &format!("<h2>{}</h2>\n", escape(text));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escape(text));
    }

    /// A table whose first column names its rows.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
            cells.map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
        };
        self.body += &format!("<div class=\"wide\"><table>\n<tr>{}</tr>\n", cells("th", &mut header.iter().copied()));
        for row in rows {
            self.body += &format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(String::as_str)));
        }
        self.body += "</table></div>\n";
    }

    /// A drawing and what to see in it.
    pub(crate) fn drawing(&mut self, svg: &str, caption: &str) {
        self.body += &format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", escape(caption));
    }

    pub(crate) fn html(&self) -> String {
        let style = "table { border-collapse: collapse; font-variant-numeric: tabular-nums }\n\
                     th, td { padding: .25rem .7rem; border-bottom: 1px solid #d8dee6; text-align: right }\n\
                     th:first-child, td:first-child { text-align: left }\n.wide { overflow-x: auto }\n\
                     figure { margin: 1rem 0; max-width: 50rem }\nsvg { width: 100%; height: auto }\n\
                     figcaption { font-size: 13px; color: #5a6675 }\n";
        document(&self.title, style, &self.body)
    }
}
