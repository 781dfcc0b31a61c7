//! The report.

use super::{Aligned, BiasVariance, Bootstrap, Found, median, share};
use tenfold_analysis::{Alignment, Average, Averages, Drawn, Fit, Side, charts};
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{Page, Section, Table, estimate, interval, number};

impl BiasVariance {
    pub(super) fn page(&self, found: &Found) -> Page {
        let Averages { models, points, randomness, .. } = &found.averages;
        Page::new("Bias and variance, point by point")
            .text(&format!(
                "{models} models on {points} points from {}; what differs from model to model: {randomness}. Bias^2 is the squared \
                 distance of the mean model from the label, Var the mean squared distance of the models from their mean.",
                self.input.predictions
            ))
            .section(averages(found))
            .section(every_point(found))
            .section(aligned(&found.aligned))
            .sections(fewer(found))
            .section(split(found))
    }
}

/// A name of a statistic as a person reads it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn averages(found: &Found) -> Section {
    let Averages { bias, variance, loss, .. } = &found.averages;
    let table = |caption: &str, averages: &[&Average]| {
        let names = ["bias", "variance", "mean loss of a model"];
        let row = |(name, average): (&str, &&Average)| {
            [name.to_string(), estimate(&average.over_models), estimate(&average.over_both)]
        };
        let header = ["average over points", "95 % over models", "95 % over models and points"];
        Table::new(caption, header).rows(names.into_iter().zip(averages).map(row))
    };
    let mut section = Section::new("Averages").table(table("Of the squared loss, unbiased.", &[bias, variance, loss]));
    let nats = "Of the cross-entropy, in nats, without what few models add.";
    if let Some((_, [bias, variance])) = &found.kl {
        section = section.table(table(nats, &[bias, variance]));
    }
    let Some(Bootstrap { draws, averages, fit, kl }) = &found.bootstrap else { return section };
    section = section
        .text(format!("The same from {draws} ensembles of as many models, drawn with replacement."))
        .table(table("Of the squared loss.", &[&averages.bias, &averages.variance, &averages.loss]));
    if let Some(kl) = kl {
        section = section.table(table(nats, &[&kl.bias, &kl.variance, &kl.loss]));
    }
    let (Some(fit), Ok((_, nulls))) = (fit, &found.aligned) else { return section };
    let row = |(k, (name, value)): (usize, (&&str, Estimate))| {
        let [dealt, normal] = nulls.each().map(|null| number(null.drawn.values()[k].mean));
        [words(name), estimate(&value), dealt, normal]
    };
    let header = ["line through right points", "95 % over models", "mean of noise dealt out", "of normal noise"];
    section.table(Table::new("", header).rows(Fit::<Estimate>::NAMES.iter().zip(fit.values()).enumerate().map(row)))
}

fn every_point(found: &Found) -> Section {
    let [without_variance, without_bias] = found.zero;
    let section = Section::new("Every point");
    let section = if found.whole.points().iter().all(|p| p.variance <= 0.0 || p.bias <= 0.0) {
        section.text("No point has both a variance and a bias: there is nothing to draw on logarithmic axes.")
    } else {
        let aligned = found.aligned.as_ref().ok().map(|(alignment, nulls)| (alignment, &nulls.dealt));
        let caption = format!(
            "One dot a point, plug-in estimates; no dot can lie below Var / {}. {without_variance} points without variance and \
             {without_bias} without bias have no place on these axes.",
            found.averages.models - 1,
        );
        let scatter = charts::scatter("squared bias against variance", &found.whole, aligned);
        let ratios = charts::log_ratios("how far Bias^2 and Var are apart", &found.whole);
        section.chart("scatter", scatter, caption).chart(
            "log-ratios",
            ratios,
            "Each line is a histogram of its own points; at 0, Bias^2 is Var.",
        )
    };
    let row = |name: &str, side: &Side| {
        [name.to_string(), side.count.to_string(), share(side), median(side), side.without_logarithm.to_string()]
    };
    let header =
        ["", "points", "above the diagonal (%), 95 % over points", "median log (Bias^2 / Var)", "without a logarithm"];
    section.table(Table::new("", header).row(row("right", &found.right)).row(row("wrong", &found.wrong)))
}

fn aligned(found: &Aligned) -> Section {
    let section = Section::new("Right points, and what independent noise does by itself");
    let (alignment, nulls) = match found {
        Err(reason) => return section.text(format!("No alignment: {reason}.")),
        Ok(found) => found,
    };
    let row = |(k, name): (usize, &&str)| {
        let [dealt, normal] = nulls.each().map(|null| drawn(&null.drawn.values()[k]));
        let beyond = estimate(&nulls.beyond.values()[k]);
        [words(name), estimate(&alignment.fit.values()[k]), dealt, normal, beyond]
    };
    let header = [
        "",
        "observed, 95 % over models",
        "noise dealt out, 95 % of draws",
        "normal noise, 95 % of draws",
        "beyond both",
    ];
    section
        .text(format!(
            "Both nulls keep every point's mean logits. One deals the points' own noise out anew, so that nothing is left of which \
             point it was of; the other has normal noise of one law. The noise of the margins is {}. Their slopes are near one by \
             construction: only what differs from both says something. Models that differ in {} are compared on {} points, of \
             which {} have no logarithm; nulls are drawn on {} of them.",
            number(nulls.dealt.tau),
            alignment.randomness,
            alignment.points,
            alignment.without_logarithm,
            nulls.dealt.points,
        ))
        .table(Table::new("", header).rows(Fit::<Estimate>::NAMES.iter().enumerate().map(row)))
}

fn drawn(d: &Drawn) -> String {
    interval(number, d.mean, d.lo, d.hi)
}

/// None where all models are few.
fn fewer(found: &Found) -> Option<Section> {
    let row = |(models, aligned): (usize, &Aligned)| match aligned {
        Err(reason) => vec![models.to_string(), format!("none: {reason}")],
        Ok((Alignment { fit, .. }, nulls)) => vec![
            models.to_string(),
            estimate(&fit.slope),
            nulls.each().map(|null| drawn(&null.drawn.slope)).join("; "),
            estimate(&fit.r_squared),
            nulls.each().map(|null| drawn(&null.drawn.r_squared)).join("; "),
            estimate(&fit.log_ratio),
            estimate(&fit.bound_95),
        ],
    };
    let header = ["models", "slope", "slope of the nulls", "R^2", "R^2 of the nulls", "median log ratio", "c of 95 %"];
    let all = (found.averages.models, &found.aligned);
    let rows = found.fewer.iter().map(|(n, aligned)| (*n, aligned)).chain([all]).map(row);
    let section = Section::new("With fewer models")
        .text(
            "Few models push plug-in Bias^2 up to its floor and make alignment look better than it is; the nulls of as many \
             models show how much of that is mechanical.",
        )
        .table(Table::new("", header).rows(rows));
    (!found.fewer.is_empty()).then_some(section)
}

fn split(found: &Found) -> Section {
    let section = Section::new("Two halves of the models");
    let Some(split) = &found.two_split else {
        return section.text("This check needs at least four models.");
    };
    let section = section
        .text(
            "Bias^2 (plug-in) from the first half of the models and variance (unbiased) from the other share no noise, so that a \
             line between them is not made by it. The variance of few models is noisy, which pulls the slope below what it is.",
        )
        .table(
            Table::new("", ["average over points", "95 % over points"])
                .row(["Bias^2, first half", &estimate(&split.first_bias)])
                .row(["Var, second half", &estimate(&split.second_variance)]),
        );
    let header = ["right points", "without a logarithm", "slope, 95 % over points", "R^2", "median log ratio"];
    match &split.line {
        Ok(line) => section.table(Table::new("", header).row([
            split.points.to_string(),
            split.without_logarithm.to_string(),
            estimate(&line.slope),
            number(line.r_squared),
            number(line.median_log_ratio),
        ])),
        Err(reason) => section.text(format!("No line: {reason}.")),
    }
}
