//! What every chart has around its data: axes with a mesh, and a legend out of the way.

use crate::axis::{Axis, Places};
use plotters::coord::Shift;
use plotters::element::ComposedElement;
use plotters::prelude::*;

/// Where places are drawn.
pub(crate) type Drawn<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Places, Places>>;

/// The area of a chart.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What went wrong with drawing, in words.
pub(crate) fn text<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> String {
    error.to_string()
}

/// Draws both axes with their labels, and lines at their ticks.
pub(crate) fn mesh(chart: &mut Drawn, x: &Axis, y: &Axis) -> Result<(), String> {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(228, 232, 238))
        .axis_style(RGBColor(90, 100, 112))
        .x_desc(&x.label)
        .y_desc(&y.label)
        .x_label_formatter(&|p| x.tick(*p))
        .y_label_formatter(&|p| y.tick(*p))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()
        .map_err(text)
}

/// Draws the legend in the corner with the fewest of the places that are shown.
pub(crate) fn legend<'a, 'b: 'a>(
    chart: &mut Drawn<'a, 'b>,
    places: &[(f64, f64)],
    x: (f64, f64),
    y: (f64, f64),
) -> Result<(), String> {
    chart
        .configure_series_labels()
        .position(emptiest_corner(places, x, y))
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(216, 222, 230))
        .label_font(("sans-serif", 14))
        .draw()
        .map_err(text)
}

/// Two strokes.
type Dashes<'b> = ComposedElement<At, SVGBackend<'b>, PathElement<At>, PathElement<At>>;
type At = (i32, i32);

/// The sign of a dashed line in a legend.
pub(crate) fn dashes<'b>(at: At, colour: RGBColor, width: u32) -> Dashes<'b> {
    let dash = |from: i32| PathElement::new(vec![(from, 0), (from + 8, 0)], colour.stroke_width(width));
    EmptyElement::at(at) + dash(0) + dash(12)
}

fn emptiest_corner(places: &[(f64, f64)], x: (f64, f64), y: (f64, f64)) -> SeriesLabelPosition {
    let share = |v: f64, (lo, hi): (f64, f64)| (v - lo) / (hi - lo);
    let crowd = |right: bool, upper: bool| {
        let near = |v: f64, far: bool| if far { v > 0.55 } else { v < 0.45 };
        places.iter().filter(|p| near(share(p.0, x), right) && near(share(p.1, y), upper)).count()
    };
    [
        (SeriesLabelPosition::UpperRight, crowd(true, true)),
        (SeriesLabelPosition::LowerRight, crowd(true, false)),
        (SeriesLabelPosition::UpperLeft, crowd(false, true)),
        (SeriesLabelPosition::LowerLeft, crowd(false, false)),
    ]
    .into_iter()
    .min_by_key(|c| c.1)
    .map_or(SeriesLabelPosition::UpperRight, |c| c.0)
}
