//! The synthetic rule with exceptions.

use super::super::compare::Method;
use super::super::findings::synthetic::{Changes, synthetic_gain};
use super::super::synthetic::{NOISE, Synthetic, WIDTHS};
use super::{percent, point};
use tenfold_core_tensor::stats::{mean, mean_interval};
use tenfold_report::{Axis, AxisScale, Chart, Section, Series, Table, number};

pub(super) fn section(synthetic: &Synthetic) -> Section {
    let x = WIDTHS.map(|w| w as f64);
    let chart = Chart {
        title: "Rule and exceptions (synthetic): accuracy against width".into(),
        x: Axis::new("width of the hidden layer", AxisScale::Log).with_ticks(x),
        y: Axis::new("test accuracy (share)", AxisScale::Linear),
        series: [Method::Base, Method::ResMem, Method::Knn, Method::Mixture]
            .map(|m| {
                let points = x.iter().zip(&synthetic.rule[0]).map(|(x, r)| {
                    let values: Vec<f64> = r.iter().map(|r| r.embedded.accuracy(m)).collect();
                    point(*x, mean_interval(&values), mean(&values))
                });
                Series::new(m.words(), points.collect()).with_colour_of(m as usize)
            })
            .to_vec(),
    };
    let columns = [
        "label noise",
        "width",
        "base",
        "ResMem",
        "kNN",
        "mixture",
        "shuffled",
        "ridge",
        "ResMem, raw keys",
        "gain",
        "fixed / broken",
    ];
    let caption = "Test accuracy in % (mean over seeds); gain of ResMem over base with its interval; points fixed / broken, all seeds \
                   together.";
    let mut table = Table::new(caption, columns);
    for (noise, by_width) in NOISE.iter().zip(&synthetic.rule) {
        for (w, results) in WIDTHS.iter().zip(by_width) {
            let of = |m: Method| percent(mean(&results.iter().map(|r| r.embedded.accuracy(m)).collect::<Vec<_>>()));
            let raw = percent(mean(&results.iter().map(|r| r.raw.accuracy(Method::ResMem)).collect::<Vec<_>>()));
            let gain = synthetic_gain(results.iter().map(|r| &r.embedded), Method::ResMem, Method::Base);
            let gain = gain
                .map_or_else(|_| "".into(), |e| format!("{} [{}, {}]", percent(e.value), percent(e.lo), percent(e.hi)));
            let changes: Vec<Changes> = results.iter().map(Changes::of).collect();
            let total = |f: fn(&Changes) -> usize| changes.iter().map(f).sum::<usize>().to_string();
            table = table.row([
                number(*noise),
                w.to_string(),
                of(Method::Base),
                of(Method::ResMem),
                of(Method::Knn),
                of(Method::Mixture),
                of(Method::Shuffled),
                of(Method::Ridge),
                raw,
                gain,
                format!("{} / {}", total(|c| c.fixed), total(|c| c.broken)),
            ]);
        }
    }
    Section::new("Rule and exceptions (synthetic control)")
        .text(
            "Synthetic control: three quarters of the points follow a linear rule, one quarter are exceptions in tight clusters with \
             random labels. Every seed has a world and test points of its own; intervals are t intervals over seeds.",
        )
        .chart(
            "resmem-rule",
            chart,
            "The regime ResMem is made for: the network learns the rule, the memory the exceptions. Keys are embeddings.",
        )
        .table(table)
}
