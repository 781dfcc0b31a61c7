//! One format of numbers, for pages, files and terminals.

use tenfold_core_tensor::stats::Estimate;

/// A number with the digits that a reader can use: four, and no more than four places; below a thousandth and from 100,000 on in
/// scientific notation. What is no number is `none`.
///
/// ```
/// use tenfold_report::number;
/// let text = [0.0, 0.01234567, 1.5, 31.4159, 6812.0, 1.234e-7, -0.25, f64::NAN, f64::INFINITY].map(number);
/// assert_eq!(text, ["0", "0.0123", "1.500", "31.42", "6812", "1.2e-7", "-0.2500", "none", "inf"]);
/// ```
pub fn number(v: f64) -> String {
    digits(v, [4, 4, 1], 1e-3)
}

/// A number in three digits and two places, where several must fit a line of a terminal.
///
/// ```
/// use tenfold_report::short;
/// assert_eq!([0.0, 0.0312, 1.5, 31.4159, 681.2, 1.234e-7].map(short), ["0", "0.03", "1.50", "31.4", "681", "1e-7"]);
/// ```
pub fn short(v: f64) -> String {
    digits(v, [3, 2, 0], 1e-2)
}

/// A share as a number of percent, without the sign.
///
/// ```
/// assert_eq!(tenfold_report::percent(0.98765), "98.8");
/// ```
pub fn percent(share: f64) -> String {
    if share.is_nan() { "none".into() } else { format!("{:.1}", 100.0 * share) }
}

/// `value [lo, hi]` in a format of numbers.
///
/// ```
/// use tenfold_report::{interval, percent};
/// assert_eq!(interval(percent, 0.5, 0.25, 0.75), "50.0 [25.0, 75.0]");
/// ```
pub fn interval(format: fn(f64) -> String, value: f64, lo: f64, hi: f64) -> String {
    format!("{} [{}, {}]", format(value), format(lo), format(hi))
}

/// An estimate as [`number()`]s: `value [lo, hi]`.
///
/// ```
/// use tenfold_core_tensor::stats::Estimate;
/// assert_eq!(tenfold_report::estimate(&Estimate { value: 0.5, se: 0.1, lo: 0.3, hi: 0.7, n: 9 }), "0.5000 [0.3000, 0.7000]");
/// ```
pub fn estimate(e: &Estimate) -> String {
    interval(number, e.value, e.lo, e.hi)
}

/// A number of so many digits and places; below `least` with a mantissa of so many places.
fn digits(v: f64, [digits, places, mantissa]: [i32; 3], least: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        size if size.is_nan() => "none".into(),
        size if size.is_infinite() => v.to_string(),
        size if !(least..1e5).contains(&size) => format!("{v:.*e}", mantissa as usize),
        size => {
            let places = places.min(digits - 1 - size.log10().floor() as i32).max(0);
            format!("{v:.*}", places as usize)
        }
    }
}
