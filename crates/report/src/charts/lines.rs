//! Line charts with intervals.

use super::axis::{Axis, Places, with_room};
use super::frame::{Area, BELOW, COLOURS, EDGE, Entry, Frame, LEFT, Sign, WIDTH, marker, mesh, words};
use crate::ReportError;
use plotters::prelude::*;

const HEIGHT: u32 = 310;

/// A point with an optional interval.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

impl Point {
    /// A point without an interval.
    pub fn bare(x: f64, y: f64) -> Self {
        Self { x, y, interval: None }
    }

    /// A point with the interval of an estimate.
    pub fn of(x: f64, e: &tenfold_core_tensor::stats::Estimate) -> Self {
        Self { x, y: e.value, interval: Some((e.lo, e.hi)) }
    }
}

/// A line of points.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, in the order they are joined.
    pub points: Vec<Point>,
    /// Drawn dashed and without markers: theory, or a level to compare with.
    pub reference: bool,
    /// Place in the order of colours; none for its own place in the chart.
    pub colour: Option<usize>,
}

impl Series {
    /// A measured series.
    pub fn new(name: impl Into<String>, points: Vec<Point>) -> Self {
        Self { name: name.into(), points, reference: false, colour: None }
    }

    /// A line to compare with.
    pub fn reference(name: impl Into<String>, points: Vec<Point>) -> Self {
        Self { name: name.into(), points, reference: true, colour: None }
    }

    /// Takes the colour of the chart's series `i`, to which it belongs.
    pub fn with_colour_of(self, i: usize) -> Self {
        Self { colour: Some(i), ..self }
    }

    /// The colour of the chart's series `i`, which this is.
    fn colour(&self, i: usize) -> RGBColor {
        COLOURS[self.colour.unwrap_or(i) % COLOURS.len()]
    }
}

/// A chart of lines.
///
/// ```
/// use tenfold_report::{Axis, AxisScale, Chart, Point, Series};
/// let chart = Chart {
///     title: "accuracy over width".into(),
///     x: Axis::new("width", AxisScale::Log),
///     y: Axis::new("accuracy", AxisScale::Linear),
///     series: vec![Series::new("network", vec![Point::bare(8.0, 0.5), Point::bare(64.0, 0.9)])],
/// };
/// assert!(chart.svg()?.contains("accuracy over width"));
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Up to seven series.
    pub series: Vec<Series>,
}

impl Chart {
    /// The chart as SVG.
    ///
    /// # Errors
    /// If there is nothing to draw.
    pub fn svg(&self) -> Result<String, ReportError> {
        let entries = self.series.iter().enumerate().map(|(i, series)| Entry {
            name: &series.name,
            sign: if series.reference { Sign::Dashes(2) } else { Sign::Marked(i) },
            colour: series.colour(i),
        });
        // One line needs no legend: the title and the axes say what it is.
        let legend = if self.series.len() > 1 { entries.collect() } else { Vec::new() };
        let frame = Frame { title: &self.title, x: &self.x, y: &self.y, legend, height: HEIGHT };
        frame.svg(|area| self.draw(area))
    }

    fn draw(&self, area: &Area) -> Result<(), String> {
        let (x, y) = (self.range(true)?, self.range(false)?);
        let across = Places::along(&self.x, x, WIDTH - LEFT - EDGE);
        let mut chart = ChartBuilder::on(area)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(across, Places::new(&self.y, y))
            .map_err(words)?;
        mesh(&mut chart, &self.x, &self.y)?;
        let measured = self.series.iter().filter(|s| !s.reference).count() as f64;
        let shared = self.shares_places();
        for (i, series) in self.series.iter().enumerate() {
            let colour = series.colour(i);
            // Intervals at the same place would hide each other: measured series that share one stand a little apart.
            let apart = (x.1 - x.0) * 0.009 * (i as f64 - (measured - 1.0) / 2.0);
            let aside = if series.reference || !shared { 0.0 } else { apart };
            let place = |p: &Point| (self.x.place(p.x) + aside, self.y.place(p.y));
            let places: Vec<(f64, f64)> = series.points.iter().map(place).collect();
            if series.reference {
                let line = DashedLineSeries::new(places, 6, 4, colour.stroke_width(2));
                chart.draw_series(line).map_err(words)?;
                continue;
            }
            chart.draw_series(LineSeries::new(places.clone(), colour.stroke_width(2))).map_err(words)?;
            let bars = series.points.iter().zip(&places).filter_map(|(p, place)| Some((p.interval?, place.0)));
            chart
                .draw_series(bars.map(|((lo, hi), at)| {
                    let (lo, hi) = (self.y.place(lo).max(y.0), self.y.place(hi).min(y.1));
                    PathElement::new(vec![(at, lo), (at, hi)], colour.stroke_width(1))
                }))
                .map_err(words)?;
            let markers = places.iter().map(|p| EmptyElement::at(*p) + marker(i, (0, 0), colour));
            chart.draw_series(markers).map_err(words)?;
        }
        Ok(())
    }

    /// Whether two measured series have a point at the same place.
    fn shares_places(&self) -> bool {
        let measured: Vec<_> = self.series.iter().filter(|s| !s.reference).collect();
        measured
            .iter()
            .enumerate()
            .any(|(i, a)| measured[..i].iter().any(|b| a.points.iter().any(|p| b.points.iter().any(|q| p.x == q.x))))
    }

    /// The places that an axis must show, with a little room.
    fn range(&self, horizontal: bool) -> Result<(f64, f64), String> {
        let axis = if horizontal { &self.x } else { &self.y };
        let mut places = Vec::new();
        for p in self.series.iter().flat_map(|s| &s.points) {
            let ends = if horizontal { vec![p.x] } else { p.interval.map_or(vec![p.y], |(lo, hi)| vec![p.y, lo, hi]) };
            // An interval that reaches zero has no end on a logarithmic axis: it is cut at the frame.
            places.extend(ends.into_iter().map(|v| axis.place(v)));
        }
        with_room(places.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AxisScale;

    fn chart(scale: AxisScale) -> Chart {
        Chart {
            title: "accuracy".into(),
            x: Axis::new("width", AxisScale::Log).with_ticks([8.0, 32.0]),
            y: Axis::new("accuracy", scale),
            series: vec![
                Series::new(
                    "base",
                    vec![Point { x: 8.0, y: 0.5, interval: Some((-0.1, 0.6)) }, Point::bare(32.0, 0.9)],
                ),
                Series::reference("theory", vec![Point::bare(8.0, 0.4), Point::bare(32.0, 0.8)]),
            ],
        }
    }

    #[test]
    fn series_stand_apart_only_where_they_share_a_place() {
        let with = |second: f64| Chart {
            series: vec![
                Series::new("a", vec![Point::bare(8.0, 0.5)]),
                Series::new("b", vec![Point::bare(second, 0.5)]),
                Series::reference("c", vec![Point::bare(8.0, 0.4)]),
            ],
            ..chart(AxisScale::Linear)
        };
        assert!(with(8.0).shares_places() && !with(32.0).shares_places());
    }

    #[test]
    fn charts_name_title_axes_and_series() {
        for scale in [AxisScale::Linear, AxisScale::Log] {
            let svg = chart(scale).svg().unwrap();
            for word in ["accuracy", "width", "base", "theory", ">8<", ">32<"] {
                assert!(
                    svg.contains(word) || svg.contains(&word.replace('>', ">\n").replace('<', "\n<")),
                    "{word} in {svg}"
                );
            }
        }
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let mut empty = chart(AxisScale::Linear);
        empty.series.iter_mut().for_each(|s| s.points.clear());
        assert!(empty.svg().unwrap_err().to_string().contains("no finite point"));
    }
}
