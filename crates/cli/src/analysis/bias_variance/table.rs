//! The table of points.

use super::Found;
use crate::error::CliError;
use ndarray::Array1;
use std::path::Path;
use tenfold_analysis::Point;
use tenfold_core_tensor::arrays::{Npy, write_npz};

/// A column of it.
type Column = (&'static str, fn(&Point) -> f64);

const COLUMNS: [Column; 7] = [
    ("bias", |p| p.bias),
    ("variance", |p| p.variance),
    ("unbiased_bias", Point::unbiased_bias),
    ("unbiased_variance", Point::unbiased_variance),
    ("loss", |p| p.loss),
    ("gini", |p| p.gini),
    ("confidence", |p| p.confidence),
];

/// Columns of the two halves of the models.
const HALVES: [Column; 2] = [("first_bias", |p| p.first_bias), ("second_variance", |p| p.second_variance)];

pub(super) fn write(path: &Path, found: &Found) -> Result<(), CliError> {
    let points = found.whole.points();
    let halves: &[Column] = if found.two_split.is_some() { &HALVES } else { &[] };
    let column = |(name, of): &Column| (*name, points.iter().map(of).collect::<Array1<f64>>());
    let mut columns: Vec<(&str, Array1<f64>)> = COLUMNS.iter().chain(halves).map(column).collect();
    if let Some((kl, _)) = &found.kl {
        columns.push(("kl_bias", kl.points.iter().map(|p| p.bias).collect()));
        columns.push(("kl_variance", kl.points.iter().map(|p| p.variance).collect()));
    }
    let correct: Array1<u8> = points.iter().map(|p| u8::from(p.correct())).collect();
    let label: Array1<i64> = points.iter().map(|p| p.label as i64).collect();
    let views: Vec<_> = columns.iter().map(|(name, column)| (*name, column.view())).collect();
    let (correct, label) = (correct.view(), label.view());
    let mut arrays: Vec<(&str, &dyn Npy)> = views.iter().map(|(name, view)| (*name, view as &dyn Npy)).collect();
    arrays.extend([("correct", &correct as &dyn Npy), ("label", &label as &dyn Npy)]);
    Ok(write_npz(path, &arrays)?)
}
