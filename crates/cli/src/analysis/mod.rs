//! `tenfold analysis`: bias-variance, calibration, collapse.

mod bias_variance;
mod calibration;
mod collapse;
mod input;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;
use tenfold_core_tensor::stats::Estimate;

#[derive(Subcommand)]
pub(crate) enum Verb {
    BiasVariance(bias_variance::BiasVariance),
    Calibration(calibration::Calibrate),
    Collapse(collapse::Collapse),
}

impl Verb {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        match self {
            Self::BiasVariance(verb) => verb.run(),
            Self::Calibration(verb) => verb.run(),
            Self::Collapse(verb) => verb.run(),
        }
    }
}

/// `value [lo, hi]` in three digits, so that three of them fit a line.
fn short(value: f64, lo: f64, hi: f64) -> String {
    format!("{} [{}, {}]", digits(value), digits(lo), digits(hi))
}

/// A number in three digits.
fn digits(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !a.is_finite() => v.to_string(),
        a if !(1e-2..1e3).contains(&a) => format!("{v:.0e}"),
        a if a >= 100.0 => format!("{v:.0}"),
        a if a >= 10.0 => format!("{v:.1}"),
        _ => format!("{v:.2}"),
    }
}

/// Text that begins at a column and is broken at words to end by the eightieth, on lines that begin there too.
fn folded(text: &str, column: usize) -> String {
    let (mut found, mut at) = (String::new(), column);
    for word in text.split(' ') {
        let width = word.chars().count();
        if at > column && at + 1 + width > 80 {
            found.push_str(&format!("\n{:column$}", ""));
            at = column;
        } else if at > column {
            found.push(' ');
            at += 1;
        }
        found.push_str(word);
        at += width;
    }
    found
}

/// `value [lo, hi]`, with digits that a reader can use.
fn shown(e: &Estimate) -> String {
    format!("{} [{}, {}]", number(e.value), number(e.lo), number(e.hi))
}

fn number(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !a.is_finite() => v.to_string(),
        a if !(1e-3..1e4).contains(&a) => format!("{v:.2e}"),
        _ => format!("{v:.4}"),
    }
}
