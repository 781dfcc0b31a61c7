//! A chapter of a report: words, tables, charts and galleries in order.

use crate::text::escape;
use crate::{Chart, Gallery, ReportError, Scatter, Table};

/// A chapter of a report. It holds the charts themselves, which are drawn when the report is written.
///
/// ```
/// use tenfold_report::{Axis, AxisScale, Chart, Point, Section, Series, Table};
/// let chart = Chart {
///     title: "accuracy over width".into(),
///     x: Axis::new("width", AxisScale::Log),
///     y: Axis::new("accuracy", AxisScale::Linear),
///     series: vec![Series::new("network", vec![Point::bare(8.0, 0.5), Point::bare(64.0, 0.9)])],
/// };
/// let section = Section::new("Over widths")
///     .text("Wider is better.")
///     .table(Table::new("Accuracy.", ["width", "accuracy"]).row(["8", "0.5"]).row(["64", "0.9"]))
///     .chart("accuracy", chart, "No width is enough.");
/// let names: Vec<&str> = section.figures().map(|figure| figure.name.as_str()).collect();
/// assert_eq!(names, ["accuracy"]);
/// assert!(section.html(2)?.contains("<svg"));
/// assert!(section.markdown(2, "plots").contains("![No width is enough.](plots/accuracy.svg)"));
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Section {
    title: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
enum Block {
    Text(String),
    Table(Table),
    Figure(Figure),
}

/// A drawing with a name and a caption.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The name of its file, without an ending, and its mark in a page.
    pub name: String,
    /// What is drawn.
    pub drawing: Drawing,
    /// What it shows, and what to see in it.
    pub caption: String,
}

/// What can be drawn.
#[derive(Debug, Clone)]
pub enum Drawing {
    /// Lines.
    Chart(Chart),
    /// Clouds of points.
    Scatter(Scatter),
    /// Images.
    Gallery(Gallery),
    /// Drawn already, as SVG.
    Svg(String),
}

impl Section {
    /// A chapter without anything in it yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// Adds a paragraph.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds a table.
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Adds a chart. No two figures of a report have the same name.
    pub fn chart(mut self, name: impl Into<String>, chart: impl Into<Drawing>, caption: impl Into<String>) -> Self {
        self.blocks.push(Block::Figure(Figure { name: name.into(), drawing: chart.into(), caption: caption.into() }));
        self
    }

    /// Adds a gallery. No two figures of a report have the same name.
    pub fn gallery(self, name: impl Into<String>, gallery: Gallery, caption: impl Into<String>) -> Self {
        self.chart(name, Drawing::Gallery(gallery), caption)
    }

    /// The charts and galleries, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks.iter().filter_map(|block| if let Block::Figure(figure) = block { Some(figure) } else { None })
    }

    /// As part of a page, with a heading of a level.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn html(&self, level: usize) -> Result<String, ReportError> {
        let mut html = format!("<section>\n<h{level}>{}</h{level}>\n", escape(&self.title));
        for block in &self.blocks {
            html += &match block {
                Block::Text(text) => format!("<p>{}</p>\n", escape(text)),
                Block::Table(table) => table.html(),
                Block::Figure(figure) => figure.html()?,
            };
        }
        Ok(html + "</section>\n")
    }

    /// As Markdown, with a heading of a level; drawings are linked as `FOLDER/NAME.svg`.
    pub fn markdown(&self, level: usize, folder: &str) -> String {
        let mut md = format!("\n{} {}\n", "#".repeat(level), self.title);
        for block in &self.blocks {
            md += &match block {
                Block::Text(text) => format!("\n{text}\n"),
                Block::Table(table) => format!("\n{}", table.markdown()),
                Block::Figure(figure) => format!("\n![{}]({folder}/{}.svg)\n", figure.caption, figure.name),
            };
        }
        md
    }
}

impl Figure {
    /// As a file of its own.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn svg(&self) -> Result<String, ReportError> {
        match &self.drawing {
            Drawing::Chart(chart) => chart.svg(),
            Drawing::Scatter(scatter) => scatter.svg(),
            Drawing::Gallery(gallery) => Ok(gallery.svg()),
            Drawing::Svg(svg) => Ok(svg.clone()),
        }
    }

    fn html(&self) -> Result<String, ReportError> {
        let (class, drawn) = match &self.drawing {
            // Images flow to the width of the page, which an SVG cannot.
            Drawing::Gallery(gallery) => ("gallery", gallery.html()),
            _ => {
                let svg = self.svg()?;
                // An XML declaration may not stand inside a page.
                ("chart", svg[svg.find("<svg").unwrap_or(0)..].to_string())
            }
        };
        let caption = match self.caption.as_str() {
            "" => String::new(),
            caption => format!("<figcaption>{}</figcaption>\n", escape(caption)),
        };
        Ok(format!("<figure class=\"{class}\" id=\"{}\">\n{drawn}\n{caption}</figure>\n", escape(&self.name)))
    }
}

impl From<Chart> for Drawing {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<Scatter> for Drawing {
    fn from(scatter: Scatter) -> Self {
        Self::Scatter(scatter)
    }
}

impl From<Gallery> for Drawing {
    fn from(gallery: Gallery) -> Self {
        Self::Gallery(gallery)
    }
}
