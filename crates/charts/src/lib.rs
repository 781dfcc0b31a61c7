//! Charts as SVG, and pictures inside a page: what reports show, whoever writes them.
//!
//! Colours are Okabe and Ito's, which stay apart for colour-blind readers; every series also has a marker of its own.
//!
//! | what | item |
//! |---|---|
//! | lines with intervals | [`Chart`], [`Series`] |
//! | clouds of points with marginal histograms | [`Scatter`], [`Cloud`] |
//! | axes, linear or logarithmic | [`Axis`] |
//! | a picture as a data URI | [`picture()`] |
//! | text that cannot become markup | [`escape`] |
//!
//! ```
//! use tenfold_charts::{Axis, AxisScale, Chart, Point, Series};
//! let chart = Chart {
//!     title: "accuracy over width".into(),
//!     x: Axis::new("width", AxisScale::Log),
//!     y: Axis::new("accuracy", AxisScale::Linear),
//!     series: vec![Series::new("network", vec![Point::bare(8.0, 0.5), Point::bare(64.0, 0.9)])],
//! };
//! assert!(chart.svg()?.contains("accuracy over width"));
//! # Ok::<(), tenfold_charts::ChartError>(())
//! ```

mod axis;
mod chart;
mod frame;
mod markup;
mod picture;
mod scatter;

pub use axis::{Axis, AxisScale};
pub use chart::{Chart, Point, Series};
pub use markup::escape;
pub use picture::{Pixels, picture};
pub use scatter::{Cloud, Line, Scatter, Stroke};

/// Why something could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChartError(pub String);
