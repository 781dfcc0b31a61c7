//! Charts as SVG. Colours are Okabe and Ito's, which stay apart for colour-blind readers; series that are lines also have a marker of
//! their own.

mod axis;
mod frame;
mod lines;
mod scatter;

pub use axis::{Axis, AxisScale};
pub use lines::{Chart, Point, Series};
pub use scatter::{Cloud, Line, Scatter, Stroke};
