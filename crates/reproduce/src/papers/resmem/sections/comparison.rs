//! ResMem beside its base and its rivals on one data set.

use super::super::compare::{Compared, Method};
use super::super::findings::comparison::gain;
use super::super::study::Study;
use super::{percent, point};
use ndarray::Array2;
use tenfold_core_tensor::stats::{Estimate, StatsError, crossed_interval, mean, mean_interval};
use tenfold_report::{Axis, AxisScale, Chart, Point, Section, Series, Table};

fn accuracy(results: &[Compared], method: Method) -> Result<Estimate, StatsError> {
    let correct = |s: usize, i: usize| f64::from(u8::from(results[s].correct(method).get(i)));
    let points = results[0].correct(method).len();
    crossed_interval(Array2::from_shape_fn((results.len(), points), |(s, i)| correct(s, i)).view())
}

fn mean_accuracy(results: &[Compared], method: Method) -> f64 {
    mean(&results.iter().map(|c| c.accuracy(method)).collect::<Vec<_>>())
}

pub(super) fn section(validation: f64, study: &Study) -> Section {
    let data = &study.source.title;
    let name = |what: &str| format!("resmem-{}-{what}", study.data());
    let width = if study.capacities[0].name.starts_with("head") {
        "features that the head reads"
    } else {
        "width or depth of the network"
    };
    let sizes: Vec<f64> = study.capacities.iter().map(|c| c.size).collect();
    let against_capacity = Chart {
        title: format!("{data}: accuracy against capacity"),
        x: Axis::new(width, AxisScale::Log).with_ticks(sizes.iter().copied()),
        y: Axis::new("test accuracy (share)", AxisScale::Linear),
        series: [Method::Base, Method::ResMem, Method::Knn, Method::Mixture]
            .map(|m| {
                let points = sizes.iter().zip(&study.by_capacity);
                Series::new(m.words(), points.map(|(x, r)| point(*x, accuracy(r, m), mean_accuracy(r, m))).collect())
                    .with_colour_of(m as usize)
            })
            .to_vec(),
    };
    let of_gain = |r: &[Compared], x: f64, m: Method| {
        point(x, gain(r, m, Method::Base), mean_accuracy(r, m) - mean_accuracy(r, Method::Base))
    };
    let gains = Chart {
        title: format!("{data}: gain over the base against capacity"),
        x: Axis::new(width, AxisScale::Log).with_ticks(sizes.iter().copied()),
        y: Axis::new("gain in test accuracy over the base (share)", AxisScale::Linear),
        series: [Method::ResMem, Method::Knn, Method::Mixture, Method::Shuffled]
            .map(|m| {
                let points = sizes.iter().zip(&study.by_capacity);
                Series::new(m.words(), points.map(|(x, r)| of_gain(r, *x, m)).collect()).with_colour_of(m as usize)
            })
            .into_iter()
            .chain([Series::reference("no gain", sizes.iter().map(|x| Point::bare(*x, 0.0)).collect())])
            .collect(),
    };
    let against_n = Chart {
        title: format!("{data}: gain against training points ({})", study.middle().name),
        x: Axis::new("training points", AxisScale::Log).with_ticks(study.sizes.iter().map(|n| *n as f64)),
        y: Axis::new("gain in test accuracy over the base (share)", AxisScale::Linear),
        series: [Method::ResMem, Method::Shuffled]
            .map(|m| {
                let points = study.sizes.iter().zip(&study.by_size);
                Series::new(m.words(), points.map(|(n, r)| of_gain(r, *n as f64, m)).collect())
                    .with_colour_of(m as usize)
            })
            .to_vec(),
    };
    let mut section = Section::new(format!("Real data: {data}"))
        .text(format!(
            "Base models of {} capacities were trained on {} points for each of {} seeds; k, sigma, T (and lambda) were chosen on \
             {} % of the training part held out, the {} test points serve the final figures only. Bars are 95 % intervals over \
             training seeds and test points.",
            study.capacities.len(),
            study.sizes[study.main],
            study.by_capacity[0].len(),
            100.0 * validation,
            study.points
        ))
        .chart(
            name("capacity"),
            against_capacity,
            "Test accuracy with and without the memory. Bars here are not paired; the next plot's are.",
        )
        .chart(
            name("gain"),
            gains,
            "Gain over the base, paired by seed and test point; the memory with permuted residuals is the control.",
        )
        .chart(
            name("n"),
            against_n,
            "Gain from the memory as the training set grows, with equal gradient steps; the memory with permuted residuals is the \
             control and should show none.",
        );
    for (what, label, scale, of) in [
        ("k", "neighbours k", AxisScale::Log, (|c| &c.curves.k) as fn(&Compared) -> &Vec<(f64, f64)>),
        ("sigma", "kernel width sigma (multiples of the median first-neighbour distance)", AxisScale::Log, |c| {
            &c.curves.sigma
        }),
        ("temperature", "temperature T", AxisScale::Log, |c| &c.curves.temperature),
    ] {
        let series = study.capacities.iter().zip(&study.by_capacity).map(|(c, r)| {
            let grid = of(&r[0]).iter().map(|p| p.0);
            let at = |i: usize| mean_interval(&r.iter().map(|c| of(c)[i].1).collect::<Vec<_>>());
            let bare = |i: usize| mean(&r.iter().map(|c| of(c)[i].1).collect::<Vec<_>>());
            Series::new(c.name.clone(), grid.enumerate().map(|(i, x)| point(x, at(i), bare(i))).collect())
        });
        let ticks: Vec<f64> = of(&study.by_capacity[0][0]).iter().map(|p| p.0).collect();
        let chart = Chart {
            title: format!("{data}: validation accuracy over {what}"),
            x: Axis::new(label, scale).with_ticks(ticks),
            y: Axis::new("validation accuracy (share)", AxisScale::Linear),
            series: series.collect(),
        };
        let caption = format!(
            "ResMem's validation accuracy over {what}, the other two at their chosen values; bars are t intervals over seeds."
        );
        section = section.chart(name(what), chart, caption);
    }
    section.table(table(study))
}

fn table(study: &Study) -> Table {
    let caption = "Test accuracy of every method (%, mean over seeds), gain over the base with its 95 % interval, and the setting \
                   chosen on validation by the first seed.";
    let mut table = Table::new(caption, ["base model", "method", "accuracy", "gain", "setting (first seed)"]);
    for (c, results) in study.capacities.iter().zip(&study.by_capacity) {
        for method in Method::ALL {
            let gained = gain(results, method, Method::Base);
            table = table.row([
                c.name.clone(),
                method.words().into(),
                percent(mean_accuracy(results, method)),
                gained.map_or_else(
                    |_| "".into(),
                    |e| format!("{} [{}, {}]", percent(e.value), percent(e.lo), percent(e.hi)),
                ),
                results[0].judged(method).map_or_else(String::new, |judged| judged.setting.clone()),
            ]);
        }
    }
    table
}
