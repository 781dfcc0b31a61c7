//! Clouds of points with histograms at the margins.

use super::axis::{Axis, Places, with_room};
use super::frame::{Area, BELOW, COLOURS, Entry, Frame, LEFT, Sign, mesh, words};
use crate::ReportError;
use plotters::prelude::*;

const HEIGHT: u32 = 440;
/// Height and width of the histograms.
const MARGIN: u32 = 60;
/// Bars of a histogram.
const BARS: usize = 40;
/// A cloud shows at most so many points, spread evenly over it; its histograms count them all.
const SHOWN: usize = 3_000;

/// Levels and edges, which belong to no cloud.
const DARK: RGBColor = RGBColor(30, 34, 40);

/// Points of one kind.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name in the legend.
    pub name: String,
    /// `(x, y)`; points that an axis cannot show are left out.
    pub points: Vec<(f64, f64)>,
}

/// A straight line between two points in the axes' own scale, to compare with. What of it lies outside the frame is not drawn.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// One end.
    pub from: (f64, f64),
    /// The other.
    pub to: (f64, f64),
    /// How it is drawn.
    pub stroke: Stroke,
}

/// A line with its colour and the ends of what of it lies in the frame.
type DrawnLine<'a> = (&'a Line, RGBColor, [(f64, f64); 2]);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// Wide dashes in a colour of its own: what was fitted.
    Fitted,
    /// Thin dark dashes: a level to compare with, which needs no data.
    Level,
    /// A thin dark line: an edge that no point can pass.
    Edge,
}

impl Stroke {
    fn sign(self) -> Sign {
        match self {
            Self::Fitted => Sign::Dashes(2),
            Self::Level => Sign::Dashes(1),
            Self::Edge => Sign::Thin,
        }
    }
}

/// Clouds of points, with a histogram of each above and beside.
///
/// ```
/// use tenfold_report::{Axis, AxisScale, Cloud, Line, Scatter, Stroke};
/// let scatter = Scatter {
///     title: "bias and variance".into(),
///     x: Axis::new("variance", AxisScale::Log),
///     y: Axis::new("squared bias", AxisScale::Log),
///     clouds: vec![Cloud { name: "right".into(), points: vec![(1e-3, 2e-3), (1e-2, 1e-2)] }],
///     lines: vec![Line { name: "equal".into(), from: (1e-3, 1e-3), to: (1e-2, 1e-2), stroke: Stroke::Level }],
/// };
/// let svg = scatter.svg()?;
/// assert!(svg.contains("squared bias") && svg.matches("<circle").count() >= 2);
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scatter {
    /// What it shows.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Up to seven clouds; later ones are drawn above earlier ones.
    pub clouds: Vec<Cloud>,
    /// Lines above them.
    pub lines: Vec<Line>,
}

impl Scatter {
    /// The chart as SVG.
    ///
    /// # Errors
    /// If there is no point that the axes can show.
    pub fn svg(&self) -> Result<String, ReportError> {
        let clouds: Vec<Vec<(f64, f64)>> = self.clouds.iter().map(|cloud| self.places(cloud)).collect();
        let range = |of: fn(&(f64, f64)) -> f64| with_room(clouds.iter().flatten().map(of));
        let refuse = |reason| ReportError { what: self.title.clone(), reason };
        let (x, y) = (range(|p| p.0).map_err(refuse)?, range(|p| p.1).map_err(refuse)?);
        let place = |(v, w): (f64, f64)| (self.x.place(v), self.y.place(w));
        let drawn = self.lines.iter().enumerate().filter_map(|(i, line)| {
            let ends = inside(place(line.from), place(line.to), x, y)?;
            Some((line, self.colour(i), ends))
        });
        let lines: Vec<DrawnLine> = drawn.collect();
        let of_clouds = self.clouds.iter().enumerate().map(|(i, cloud)| Entry {
            name: &cloud.name,
            sign: Sign::Dot,
            colour: COLOURS[i % COLOURS.len()],
        });
        let of_lines =
            lines.iter().map(|(line, colour, _)| Entry { name: &line.name, sign: line.stroke.sign(), colour: *colour });
        let legend = of_clouds.chain(of_lines).collect();
        let frame = Frame { title: &self.title, x: &self.x, y: &self.y, legend, height: HEIGHT };
        frame.svg(|area| self.draw(area, &clouds, (x, y), &lines))
    }

    /// The colour of line `i`: what was fitted has one of its own.
    fn colour(&self, i: usize) -> RGBColor {
        match self.lines[i].stroke {
            Stroke::Fitted => COLOURS[(self.clouds.len() + i) % COLOURS.len()],
            Stroke::Level | Stroke::Edge => DARK,
        }
    }

    /// Places of a cloud's points that both axes can show.
    fn places(&self, cloud: &Cloud) -> Vec<(f64, f64)> {
        let places = cloud.points.iter().map(|(x, y)| (self.x.place(*x), self.y.place(*y)));
        places.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
    }

    fn draw(
        &self,
        area: &Area,
        clouds: &[Vec<(f64, f64)>],
        (x, y): ((f64, f64), (f64, f64)),
        lines: &[DrawnLine],
    ) -> Result<(), String> {
        let (above, below) = area.split_vertically(MARGIN);
        let across = area.dim_in_pixel().0 - MARGIN;
        let (above, _) = above.split_horizontally(across);
        let (main, beside) = below.split_horizontally(across);

        let mut chart = ChartBuilder::on(&main)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(Places::along(&self.x, x, across - LEFT), Places::new(&self.y, y))
            .map_err(words)?;
        mesh(&mut chart, &self.x, &self.y)?;
        for (i, places) in clouds.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()].mix(0.55).filled();
            let every = places.len().div_ceil(SHOWN).max(1);
            chart
                .draw_series(places.iter().step_by(every).map(|place| Circle::new(*place, 2, colour)))
                .map_err(words)?;
        }
        for (line, colour, ends) in lines {
            match line.stroke.sign() {
                Sign::Dashes(width) => {
                    chart.draw_series(DashedLineSeries::new(*ends, 6, 4, colour.stroke_width(width))).map_err(words)?;
                }
                _ => {
                    chart.draw_series(LineSeries::new(*ends, colour.stroke_width(1))).map_err(words)?;
                }
            }
        }
        self.histograms(&above, clouds, x, true)?;
        self.histograms(&beside, clouds, y, false)
    }

    /// Outlines of the clouds' distributions along one axis, each as a share of its own points.
    fn histograms(
        &self,
        area: &Area,
        clouds: &[Vec<(f64, f64)>],
        range: (f64, f64),
        horizontal: bool,
    ) -> Result<(), String> {
        let shares: Vec<Vec<f64>> =
            clouds.iter().map(|c| shares(c.iter().map(|p| if horizontal { p.0 } else { p.1 }), range)).collect();
        let top = shares.iter().flatten().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.05;
        let mut builder = ChartBuilder::on(area);
        if horizontal {
            builder.y_label_area_size(LEFT);
        } else {
            builder.x_label_area_size(BELOW);
        }
        let (across, along) = (Places::plain((0.0, top)), Places::plain(range));
        let (x, y) = if horizontal { (along, across) } else { (across, along) };
        let mut chart = builder.build_cartesian_2d(x, y).map_err(words)?;
        let width = (range.1 - range.0) / BARS as f64;
        for (i, shares) in shares.iter().enumerate() {
            let steps = shares.iter().enumerate().flat_map(|(b, share)| {
                let edge = |b: usize| range.0 + b as f64 * width;
                [(edge(b), *share), (edge(b + 1), *share)]
            });
            let path: Vec<(f64, f64)> =
                steps.map(|(at, share)| if horizontal { (at, share) } else { (share, at) }).collect();
            chart.draw_series(LineSeries::new(path, COLOURS[i % COLOURS.len()].stroke_width(2))).map_err(words)?;
        }
        Ok(())
    }
}

/// The part of a line that lies in a frame (after Liang and Barsky), if any does.
fn inside(from: (f64, f64), to: (f64, f64), x: (f64, f64), y: (f64, f64)) -> Option<[(f64, f64); 2]> {
    let (mut first, mut last) = (0.0_f64, 1.0_f64);
    for (a, b, (lo, hi)) in [(from.0, to.0, x), (from.1, to.1, y)] {
        let (enter, leave) = ((lo - a) / (b - a), (hi - a) / (b - a));
        if b == a {
            // Along this axis it never moves.
            if !(lo..=hi).contains(&a) {
                return None;
            }
            continue;
        }
        (first, last) = (first.max(enter.min(leave)), last.min(enter.max(leave)));
    }
    let at = |t: f64| (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
    // A line with an end that has no place fails this too.
    (first <= last && at(first).0.is_finite() && at(last).1.is_finite()).then(|| [at(first), at(last)])
}

/// The share of values in each bar.
fn shares(values: impl ExactSizeIterator<Item = f64>, (lo, hi): (f64, f64)) -> Vec<f64> {
    let mut shares = vec![0.0; BARS];
    let each = 1.0 / values.len().max(1) as f64;
    for value in values {
        let bar = ((value - lo) / (hi - lo) * BARS as f64) as usize;
        shares[bar.min(BARS - 1)] += each;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AxisScale;

    fn scatter(points: Vec<(f64, f64)>) -> Scatter {
        let axis = |label: &str| Axis::new(label, AxisScale::Log);
        let clouds = vec![Cloud { name: "cloud".into(), points }];
        Scatter { title: "t".into(), x: axis("x"), y: axis("y"), clouds, lines: Vec::new() }
    }

    #[test]
    fn shares_count_every_value_once() {
        let counted = shares([0.0, 0.1, 0.99, 1.0].into_iter(), (0.0, 1.0));
        assert!((counted.iter().sum::<f64>() - 1.0).abs() < 1e-12 && counted[BARS - 1] == 0.5);
    }

    #[test]
    fn lines_end_at_the_frame() {
        let (x, y) = ((0.0, 4.0), (0.0, 2.0));
        assert_eq!(inside((-1.0, -1.0), (9.0, 9.0), x, y), Some([(0.0, 0.0), (2.0, 2.0)]));
        assert_eq!(inside((1.0, 1.0), (3.0, 1.0), x, y), Some([(1.0, 1.0), (3.0, 1.0)]));
        assert_eq!(inside((0.0, 3.0), (4.0, 3.0), x, y), None);
        assert_eq!(inside((-2.0, 0.0), (0.0, -2.0), x, y), None);
        assert_eq!(inside((0.0, f64::NEG_INFINITY), (1.0, 1.0), x, y), None);
    }

    #[test]
    fn a_line_outside_the_frame_is_not_in_the_legend() {
        let mut scatter = scatter(vec![(1.0, 1.0), (10.0, 10.0)]);
        let line =
            |name: &str, at: f64| Line { name: name.into(), from: (1.0, at), to: (10.0, at), stroke: Stroke::Edge };
        scatter.lines = vec![line("within", 5.0), line("beyond", 1e9)];
        let svg = scatter.svg().unwrap();
        assert!(svg.contains("within") && !svg.contains("beyond"));
    }

    #[test]
    fn many_points_are_thinned_and_zeros_left_out_on_a_logarithmic_axis() {
        let many = (1..=10_000).map(|i| (f64::from(i), f64::from(i))).chain([(0.0, 1.0)]).collect();
        let dots = scatter(many).svg().unwrap().matches("<circle").count();
        assert!((2_000..=SHOWN + 1).contains(&dots), "{dots}");
        assert!(scatter(vec![(0.0, 1.0)]).svg().unwrap_err().to_string().contains("no finite point"));
    }
}
