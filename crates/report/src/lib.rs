//! What people see, whoever writes it: charts, galleries, tables, pages that open offline, Markdown, and text for a terminal.
//!
//! | what | item |
//! |---|---|
//! | a chapter: words, tables, charts, galleries | [`Section`] |
//! | a page of chapters, one file | [`Page`], [`fold`] |
//! | a table: in a page, in Markdown, on a terminal | [`Table`] |
//! | lines with intervals | [`Chart`], [`Series`] |
//! | clouds of points with marginal histograms | [`Scatter`], [`Cloud`] |
//! | axes, linear or logarithmic | [`Axis`] |
//! | small images with words under each | [`Gallery`], [`Card`], [`Picture`] |
//! | numbers and intervals, in one format | [`number()`], [`short`], [`percent`], [`interval`], [`estimate`] |
//! | lines of a terminal | [`hanging`], [`COLUMNS`] |
//! | text that cannot become markup | [`escape`] |
//!
//! A [`Section`] holds charts, not files: who writes a report saves [`Section::figures`] where the Markdown looks for them, and the
//! page holds them itself.

mod charts;
mod error;
mod gallery;
mod number;
mod page;
mod picture;
mod section;
mod table;
mod text;

pub use charts::{Axis, AxisScale, Chart, Cloud, Line, Point, Scatter, Series, Stroke};
pub use error::ReportError;
pub use gallery::{Card, Gallery};
pub use number::{estimate, interval, number, percent, short};
pub use page::{Page, Tone, fold};
pub use picture::{Picture, Pixels};
pub use section::{Drawing, Figure, Section};
pub use table::Table;
pub use text::{COLUMNS, escape, hanging};
