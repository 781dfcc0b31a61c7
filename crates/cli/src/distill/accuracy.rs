//! Tables of accuracies with their intervals, for a terminal and for a page.

use super::classes::list;
use tenfold_core_tensor::stats::Estimate;
use tenfold_distill::{Comparison, Gap, Summary, WorstDifference};
use tenfold_report::{Table, interval, percent};

/// A line of the tables: a model, or what differs between two.
pub(super) struct Line {
    name: String,
    average: Estimate,
    balanced: Estimate,
    worst: Vec<Worst>,
}

struct Worst {
    k: usize,
    observed: f64,
    bias: f64,
    corrected: Estimate,
    classes: Vec<usize>,
}

impl Line {
    /// A model.
    pub(super) fn of(name: &str, found: &Summary) -> Self {
        let worst = found.worst.iter().map(|w| Worst {
            k: w.k,
            observed: w.observed,
            bias: w.bias,
            corrected: w.corrected,
            classes: w.classes.clone(),
        });
        Self { name: name.into(), average: found.average, balanced: found.balanced, worst: worst.collect() }
    }

    /// From one model to another.
    pub(super) fn change(name: &str, found: &Comparison) -> Self {
        Self::difference(name, found.average, found.balanced, &found.worst)
    }

    /// From a test set to validation.
    pub(super) fn gap(name: &str, found: &Gap) -> Self {
        Self::difference(name, found.average, found.balanced, &found.worst)
    }

    fn difference(name: &str, average: Estimate, balanced: Estimate, worst: &[WorstDifference]) -> Self {
        let worst = worst.iter().map(|w| Worst {
            k: w.k,
            observed: w.observed,
            bias: w.bias,
            corrected: w.corrected,
            classes: Vec::new(),
        });
        Self { name: name.into(), average, balanced, worst: worst.collect() }
    }
}

/// Average and balanced accuracy, then the worst classes, a table for each k.
pub(super) fn tables(lines: &[Line]) -> Vec<Table> {
    let row = |line: &Line| [line.name.clone(), share(&line.average), share(&line.balanced)];
    let averages = Table::new("accuracy in %, 95 % over test points", ["", "average", "mean of recalls"])
        .rows(lines.iter().map(row));
    let count = lines.first().map_or(0, |line| line.worst.len());
    let worst = (0..count).map(|at| {
        let caption = match lines[0].worst[at].k {
            1 => "recall of the worst class in %, 95 % over test points".to_string(),
            k => format!("mean of the {k} lowest recalls in %, 95 % over test points"),
        };
        let header = ["", "observed", "its bias", "bias taken off", "classes"];
        Table::new(caption, header).rows(lines.iter().map(|line| {
            let Worst { observed, bias, corrected, classes, .. } = &line.worst[at];
            let classes = if classes.is_empty() { String::new() } else { list(classes.iter().copied()) };
            [line.name.clone(), percent(*observed), percent(*bias), share(corrected), classes]
        }))
    });
    std::iter::once(averages).chain(worst).collect()
}

/// What the column of biases means.
pub(super) const BIAS: &str = "A minimum over classes is too low on a small test set. Its bias is what the bootstrap sees of \
                               that, two fifths of it where all classes are alike.";

/// A share with its interval, in percent.
pub(super) fn share(e: &Estimate) -> String {
    interval(percent, e.value, e.lo, e.hi)
}
