//! What every chart has around its data: title and vertical label above, horizontal label and legend below.
//!
//! A chart is as wide as a phone shows legibly. What is long, in words, therefore stands outside the plot, broken into lines, and the
//! vertical label lies above its axis rather than along it.

use super::axis::{Axis, Places};
use crate::ReportError;
use crate::text::broken;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width of a chart. On a screen of 390 pixels it is scaled by three quarters.
pub(super) const WIDTH: u32 = 480;
/// Space at the left of the vertical axis, for its numbers.
pub(super) const LEFT: u32 = 62;
/// Space below the horizontal axis, for its numbers.
pub(super) const BELOW: u32 = 30;
/// Space at the edges.
pub(super) const EDGE: u32 = 10;

/// Sizes of fonts. Plotters writes them divided by 1.24.
const FONT: f64 = 1.24;
const TITLE: f64 = 17.0;
const LABEL: f64 = 14.5;
const TICK: f64 = 14.0;
/// Width of a character, as a share of the font's size, in usual fonts without serifs.
const CHARACTER: f64 = 0.54;
/// From one line of text to the next, as a share of the font's size.
const LEADING: f64 = 1.3;
/// Width of a sign in the legend, with the space behind it.
const SIGN: u32 = 30;

/// Okabe and Ito's, and grey.
pub(super) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];
const INK: RGBColor = RGBColor(29, 37, 48);
const QUIET: RGBColor = RGBColor(70, 80, 94);

/// Where places are drawn.
pub(super) type Drawn<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Places, Places>>;

/// A rectangle of pixels.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

type At = (i32, i32);

/// What went wrong with drawing, in words.
pub(super) fn words<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> String {
    error.to_string()
}

/// How something is drawn, as its legend shows it.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    /// A line with the marker of this series.
    Marked(usize),
    /// Dashes of this width.
    Dashes(u32),
    /// A thin line.
    Thin,
    /// A dot.
    Dot,
}

/// A line of the legend.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) sign: Sign,
    pub(super) colour: RGBColor,
}

/// What is around a plot.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
    pub(super) legend: Vec<Entry<'a>>,
    /// Height of the plot with the numbers at its axes.
    pub(super) height: u32,
}

impl Frame<'_> {
    /// The chart as SVG, its plot drawn by `draw`.
    pub(super) fn svg(&self, draw: impl FnOnce(&Area) -> Result<(), String>) -> Result<String, ReportError> {
        let [title, y, x] = [(self.title, TITLE), (&self.y.label, LABEL), (&self.x.label, LABEL)]
            .map(|(text, size)| broken(text, characters(WIDTH - 2 * EDGE, size)));
        let legend = flow(&self.legend);
        let rows = legend.last().map_or(0, |last| last.row + last.lines.len());
        let above = 2 * EDGE + height(title.len(), TITLE) + height(y.len(), LABEL);
        let below = 2 * EDGE + height(x.len() + rows, LABEL);
        let size = (WIDTH, above + self.height + below);
        let mut svg = String::new();
        let drawn = {
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let all = || -> Result<(), String> {
                root.fill(&WHITE).map_err(words)?;
                let left = EDGE as i32;
                let mut at = lines(&root, &title, (left, left), (TITLE, INK, HPos::Left))?;
                at = lines(&root, &y, (left, at + left / 2), (LABEL, QUIET, HPos::Left))?;
                debug_assert!(at <= above as i32);
                draw(&root.margin(above, below, 0, EDGE))?;
                let middle = (LEFT + WIDTH - EDGE) as i32 / 2;
                let at = (above + self.height) as i32;
                let at = lines(&root, &x, (middle, at), (LABEL, QUIET, HPos::Center))? + left / 2;
                for placed in &legend {
                    let at = (placed.x as i32, at + height(placed.row, LABEL) as i32);
                    sign(&root, (at.0, at.1 + LABEL as i32 / 2), placed.entry)?;
                    lines(&root, &placed.lines, (at.0 + SIGN as i32, at.1), (LABEL, INK, HPos::Left))?;
                }
                root.present().map_err(words)
            };
            all()
        };
        drawn.map_err(|reason| ReportError { what: self.title.into(), reason })?;
        // A picture that says what it is. Its size is its ratio: pages scale it.
        let label = format!("<svg role=\"img\" aria-label=\"{}\" ", crate::escape(self.title));
        Ok(svg.replacen("<svg ", &label, 1))
    }
}

/// How many characters of a font fit a width.
fn characters(width: u32, size: f64) -> usize {
    (f64::from(width) / (CHARACTER * size)) as usize
}

/// The width of a text.
pub(super) fn width(text: &str) -> u32 {
    (text.chars().count() as f64 * CHARACTER * TICK).ceil() as u32
}

fn height(lines: usize, size: f64) -> u32 {
    (lines as f64 * size * LEADING).ceil() as u32
}

/// Draws lines of text downwards from a point and returns where the next would begin.
fn lines(area: &Area, lines: &[String], (x, y): At, (size, colour, at): (f64, RGBColor, HPos)) -> Result<i32, String> {
    for (i, line) in lines.iter().enumerate() {
        let style = ("sans-serif", size * FONT).into_font().color(&colour).pos(Pos::new(at, VPos::Top));
        area.draw(&Text::new(line.as_str(), (x, y + height(i, size) as i32), style)).map_err(words)?;
    }
    Ok(y + height(lines.len(), size) as i32)
}

/// An entry of the legend in its place.
struct Placed<'a> {
    entry: &'a Entry<'a>,
    x: u32,
    row: usize,
    lines: Vec<String>,
}

/// Entries one after another, in as many rows as it takes; one that is longer than a row has rows of its own.
fn flow<'a>(entries: &'a [Entry<'a>]) -> Vec<Placed<'a>> {
    let (mut placed, mut x, mut row) = (Vec::new(), EDGE, 0);
    for entry in entries {
        let lines = broken(entry.name, characters(WIDTH - 2 * EDGE - SIGN, LABEL));
        let longest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
        if x > EDGE && (lines.len() > 1 || x + SIGN + longest > WIDTH - EDGE) {
            (x, row) = (EDGE, row + 1);
        }
        let rows = lines.len();
        placed.push(Placed { entry, x, row, lines });
        x += SIGN + longest + 2 * EDGE;
        if rows > 1 {
            (x, row) = (EDGE, row + rows);
        }
    }
    placed
}

/// Draws a sign of the legend at the height of its middle.
fn sign(area: &Area, (x, y): At, entry: &Entry) -> Result<(), String> {
    let colour = entry.colour;
    let line = |from: i32, to: i32, width: u32| {
        area.draw(&PathElement::new(vec![(x + from, y), (x + to, y)], colour.stroke_width(width))).map_err(words)
    };
    match entry.sign {
        Sign::Marked(series) => {
            line(0, 22, 2)?;
            area.draw(&marker(series, (x + 11, y), colour)).map_err(words)
        }
        Sign::Dashes(width) => line(0, 9, width).and_then(|()| line(13, 22, width)),
        Sign::Thin => line(0, 22, 1),
        Sign::Dot => area.draw(&Circle::new((x + 11, y), 4, colour.filled())).map_err(words),
    }
}

/// A sign for each series that does not rely on colour.
pub(super) fn marker<'b>(series: usize, at: At, colour: RGBColor) -> DynElement<'static, SVGBackend<'b>, At> {
    let (x, y) = at;
    let filled = colour.filled();
    match series % 4 {
        0 => Circle::new(at, 4, filled).into_dyn(),
        1 => Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], filled).into_dyn(),
        2 => TriangleMarker::new(at, 6, filled).into_dyn(),
        _ => Cross::new(at, 4, colour.stroke_width(2)).into_dyn(),
    }
}

/// Draws both axes with numbers, and lines at them.
pub(super) fn mesh(chart: &mut Drawn, x: &Axis, y: &Axis) -> Result<(), String> {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(228, 232, 238))
        .axis_style(RGBColor(90, 100, 112))
        .x_label_formatter(&|p| x.tick(*p))
        .y_label_formatter(&|p| y.tick(*p))
        .label_style(("sans-serif", TICK * FONT, &INK))
        .draw()
        .map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_has_as_many_rows_as_it_takes() {
        let long = "a name of so many words that no single row of a legend could ever hold all of them";
        let names = ["short", "short too", long, "last"];
        let entries = names.map(|name| Entry { name, sign: Sign::Dot, colour: INK });
        let rows: Vec<(usize, usize)> = flow(&entries).iter().map(|p| (p.row, p.lines.len())).collect();
        assert_eq!(rows, [(0, 1), (0, 1), (1, 2), (3, 1)]);
        assert!(flow(&entries).iter().flat_map(|p| &p.lines).all(|line| SIGN + width(line) <= WIDTH));
    }
}
