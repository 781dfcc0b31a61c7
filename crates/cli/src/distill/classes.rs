//! Classes on a terminal, which has no room for a thousand of them.

use crate::output::Output;
use std::cmp::Ordering;

/// Classes that a terminal shows; a page and JSON have all.
const SHOWN: usize = 20;

/// All classes in their order, or the first few of another order where there are many.
pub(super) fn shown(classes: usize, order: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut all: Vec<usize> = (0..classes).collect();
    if classes > SHOWN {
        all.sort_by(|&a, &b| order(a, b));
        all.truncate(SHOWN);
    }
    all
}

/// The first few classes by rising numbers, where there are many.
pub(super) fn lowest(values: &[f64]) -> Vec<usize> {
    shown(values.len(), |a, b| values[a].total_cmp(&values[b]))
}

/// Says that tables do not show all classes.
pub(super) fn not_all(output: Output, classes: usize) -> Output {
    match classes > SHOWN {
        true => output.line(format!("Tables of classes show {SHOWN} of {classes}; --json and --report have all.")),
        false => output,
    }
}

/// Classes as a person reads them, not too many.
pub(super) fn list(classes: impl IntoIterator<Item = usize>) -> String {
    let classes: Vec<String> = classes.into_iter().map(|class| class.to_string()).collect();
    match classes.len() {
        0 => "none".into(),
        n if n > SHOWN => format!("{} and {} more", classes[..SHOWN].join(", "), n - SHOWN),
        _ => classes.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_classes_are_cut() {
        assert_eq!(lowest(&[3.0, 1.0, 2.0]), [0, 1, 2]);
        let falling: Vec<f64> = (0..25).map(|class| -f64::from(class)).collect();
        assert_eq!((lowest(&falling).len(), lowest(&falling)[0]), (20, 24));
        assert_eq!((list([]), list([4, 2])), ("none".to_string(), "4, 2".to_string()));
        assert!(list(0..25).ends_with("18, 19 and 5 more"));
    }
}
