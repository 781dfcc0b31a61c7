//! Charts of what was found, the same in every report. Behind the feature `charts`, which programs turn on.
//!
//! | what | chart |
//! |---|---|
//! | the recall of every class, of one model or several | [`recalls`] |
//! | which classes gained and which lost from one model to another | [`changes`] |
//! | the teacher's margin on every class, beside a threshold | [`margins`] |
//! | a number for every class, of one kind or several | [`per_class`] |
//!
//! Classes stand in their own order, so that those of a long tail fall from the left to the right.

use crate::diagnose::{ClassRecall, ClassTrust, Comparison};
use tenfold_report::{Axis, AxisScale, Chart, Point, Series};

/// Recall over classes with intervals: a line for each model, up to seven.
///
/// ```
/// use tenfold_distill::{Predictions, charts};
/// let found = Predictions::of_classes(vec![0, 0, 1, 0], &[0, 0, 1, 1], 2)?;
/// assert!(charts::recalls(&[("student", &found.recalls()?)]).svg()?.contains("recall"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn recalls(models: &[(&str, &[ClassRecall])]) -> Chart {
    let series = |(name, recalls): &(&str, &[ClassRecall])| {
        Series::new(*name, recalls.iter().map(|r| Point::of(r.class as f64, &r.recall)).collect())
    };
    chart("recall of each class", "recall, 95 % (Wilson)", models.iter().map(series).collect())
}

/// The change of recall over classes with intervals, beside no change.
pub fn changes(found: &Comparison) -> Chart {
    let points: Vec<Point> = found.classes.iter().map(|c| Point::of(c.class as f64, &c.change)).collect();
    let level = level("no change", &points, 0.0);
    chart(
        "change of each class",
        "change of recall, 95 % (Newcombe, paired)",
        vec![Series::new("change", points), level],
    )
}

/// The margin over classes with intervals, beside the threshold of trust.
pub fn margins(found: &[ClassTrust], threshold: f64) -> Chart {
    let points: Vec<Point> = found.iter().map(|t| Point::of(t.class as f64, &t.margin)).collect();
    let level = level("threshold", &points, threshold);
    chart(
        "the teacher's margin on each class",
        "margin, 95 % (Student's t)",
        vec![Series::new("margin", points), level],
    )
}

/// Numbers over classes: a line for each kind, up to seven.
pub fn per_class(title: &str, what: &str, kinds: &[(&str, &[f64])]) -> Chart {
    let series = |(name, values): &(&str, &[f64])| {
        Series::new(*name, values.iter().enumerate().map(|(class, v)| Point::bare(class as f64, *v)).collect())
    };
    chart(title, what, kinds.iter().map(series).collect())
}

fn chart(title: &str, what: &str, series: Vec<Series>) -> Chart {
    let (x, y) = (Axis::new("class", AxisScale::Linear), Axis::new(what, AxisScale::Linear));
    Chart { title: title.into(), x, y, series }
}

/// A dashed line from the first class to the last.
fn level(name: &str, points: &[Point], y: f64) -> Series {
    let ends = points.first().into_iter().chain(points.last());
    Series::reference(name, ends.map(|p| Point::bare(p.x, y)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Predictions;
    use crate::teacher::{MarginSource, Margins, Teacher};
    use tenfold_core_tensor::seed::Seed;

    #[test]
    fn each_is_drawn() {
        let labels: Vec<usize> = (0..40).map(|i| i / 20).collect();
        let first = Predictions::of_classes((0..40).map(|i| usize::from(i >= 15)).collect(), &labels, 2).unwrap();
        let second = Predictions::of_classes(labels.clone(), &labels, 2).unwrap();
        let found = Comparison::of(&first, &second, &[1], 200, Seed::new(1)).unwrap();
        assert!(changes(&found).svg().unwrap().contains("no change"));
        let (a, b) = (first.recalls().unwrap(), second.recalls().unwrap());
        assert!(recalls(&[("baseline", &a), ("student", &b)]).svg().unwrap().contains("baseline"));
        let p = ndarray::array![[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]];
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let found = Margins::of(&teacher, &[0, 0, 1, 1], 1.0, MarginSource::External).unwrap();
        let trust = ClassTrust::of(&found, 0.0).unwrap();
        assert!(margins(&trust, 0.0).svg().unwrap().contains("threshold"));
        assert!(per_class("weights", "log weight", &[("", &[0.0, -1.0])]).svg().is_ok());
    }
}
