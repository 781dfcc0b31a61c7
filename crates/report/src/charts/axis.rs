//! Axes, drawn in transformed coordinates (logarithms where asked), so that one chart type serves every combination of scales.

use super::frame::width;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::Ranged;

/// Pixels between the numbers of two ticks.
const BETWEEN: f64 = 6.0;

/// How an axis maps numbers to places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisScale {
    /// Equal steps are equal distances.
    Linear,
    /// Equal factors are equal distances; numbers must be positive.
    Log,
}

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// How it maps numbers.
    pub scale: AxisScale,
    /// Where to put ticks; none for round numbers.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// An axis with round ticks.
    pub fn new(label: impl Into<String>, scale: AxisScale) -> Self {
        Self { label: label.into(), scale, ticks: Vec::new() }
    }

    /// Puts ticks at the places measured.
    pub fn with_ticks(mut self, ticks: impl IntoIterator<Item = f64>) -> Self {
        self.ticks = ticks.into_iter().collect();
        self
    }

    pub(super) fn place(&self, v: f64) -> f64 {
        if self.scale == AxisScale::Log { v.log10() } else { v }
    }

    pub(super) fn value(&self, place: f64) -> f64 {
        if self.scale == AxisScale::Log { 10_f64.powf(place) } else { place }
    }

    /// What is written at a place.
    pub(super) fn tick(&self, place: f64) -> String {
        match self.scale {
            // What rounding leaves of zero.
            AxisScale::Linear if place.abs() < 1e-12 => "0".into(),
            _ => tick(self.value(place)),
        }
    }

    /// Ticks inside a range of places.
    pub(super) fn tick_places(&self, lo: f64, hi: f64) -> Vec<f64> {
        if !self.ticks.is_empty() {
            return self.ticks.iter().map(|t| self.place(*t)).collect();
        }
        if self.scale == AxisScale::Log {
            let decades: Vec<f64> = (lo.ceil() as i32..=hi.floor() as i32).map(f64::from).collect();
            if decades.len() >= 2 {
                // At most eight, at every so many decades.
                let step = decades.len().div_ceil(8) as i32;
                return decades.into_iter().filter(|d| (*d as i32).rem_euclid(step) == 0).collect();
            }
            let (first, last) = (lo.floor() as i32, hi.ceil() as i32);
            let steps = (first..=last).flat_map(|d| [1.0_f64, 2.0, 5.0].map(|m| m.log10() + f64::from(d)));
            return steps.filter(|p| (lo..=hi).contains(p)).collect();
        }
        let rough = (hi - lo) / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
        ((lo / step).ceil() as i64..=(hi / step).floor() as i64).map(|i| i as f64 * step).collect()
    }
}

/// A drawn axis: places with ticks of our own choice.
pub(super) struct Places {
    range: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Places {
    pub(super) fn new(axis: &Axis, (lo, hi): (f64, f64)) -> Self {
        Self { range: (lo..hi).into(), ticks: axis.tick_places(lo, hi) }
    }

    /// A horizontal axis of so many pixels: of ticks whose numbers would run into each other only the first is kept.
    pub(super) fn along(axis: &Axis, (lo, hi): (f64, f64), pixels: u32) -> Self {
        let mut places = Self::new(axis, (lo, hi));
        let mut free = f64::NEG_INFINITY;
        places.ticks.retain(|place| {
            let (at, half) = ((place - lo) / (hi - lo) * f64::from(pixels), f64::from(width(&axis.tick(*place))) / 2.0);
            let fits = at - half >= free;
            if fits {
                free = at + half + BETWEEN;
            }
            fits
        });
        places
    }

    /// Without ticks.
    pub(super) fn plain((lo, hi): (f64, f64)) -> Self {
        Self { range: (lo..hi).into(), ticks: Vec::new() }
    }
}

impl Ranged for Places {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(place, limit)
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.range()
    }
}

/// The range of places with a little room at both ends.
pub(super) fn with_room(places: impl Iterator<Item = f64>) -> Result<(f64, f64), String> {
    let finite = places.filter(|v| v.is_finite());
    let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo > hi {
        return Err("no finite point".into());
    }
    let room = if hi > lo { 0.06 * (hi - lo) } else { 0.5_f64.max(hi.abs() * 0.1) };
    Ok((lo - room, hi + room))
}

/// A number in few characters.
fn tick(v: f64) -> String {
    let a = v.abs();
    if v == 0.0 {
        "0".into()
    } else if !(1e-3..1e5).contains(&a) {
        format!("{v:.0e}")
    } else if a >= 1000.0 && (v - v.round()).abs() < 1e-6 {
        format!("{}", v.round())
    } else {
        let places = if a < 0.1 { 4 } else { 3 };
        let text = format!("{v:.places$}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let axis = Axis::new("", AxisScale::Linear);
        let ticks: Vec<String> = axis.tick_places(0.03, 0.97).into_iter().map(tick).collect();
        assert_eq!(ticks, ["0.2", "0.4", "0.6", "0.8"]);
        let log = Axis::new("", AxisScale::Log);
        let ticks: Vec<String> = log.tick_places(-2.1, 1.1).into_iter().map(|p| tick(log.value(p))).collect();
        assert_eq!(ticks, ["0.01", "0.1", "1", "10"]);
        let far: Vec<String> = log.tick_places(-21.0, 1.0).into_iter().map(|p| log.tick(p)).collect();
        assert_eq!(far, ["1e-21", "1e-18", "1e-15", "1e-12", "1e-9", "1e-6", "0.001", "1"]);
        assert_eq!([1e-17, 0.0625, 0.25].map(|v| axis.tick(v)), ["0", "0.0625", "0.25"]);
    }

    #[test]
    fn numbers_of_ticks_do_not_run_into_each_other() {
        let axis = Axis::new("", AxisScale::Linear).with_ticks((0..=20).map(|i| f64::from(i) * 0.05));
        let kept = |pixels: u32| Places::along(&axis, (0.0, 1.0), pixels).ticks.len();
        assert!(kept(2_000) == 21 && (5..12).contains(&kept(400)), "{}", kept(400));
    }
}
