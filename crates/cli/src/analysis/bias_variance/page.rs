//! The report.

use super::{Aligned, BiasVariance, Bootstrap, Found, median, share};
use crate::analysis::{number, shown};
use crate::error::CliError;
use crate::page::Report;
use tenfold_analysis::{Alignment, Average, Averages, Fit, Nulls, Side, charts};
use tenfold_core_tensor::stats::Estimate;

impl BiasVariance {
    pub(super) fn page(&self, found: &Found) -> Result<String, CliError> {
        let Averages { models, points, randomness, .. } = &found.averages;
        let mut page = Report::new("Bias and variance, point by point");
        page.paragraph(&format!(
            "{models} models on {points} points from {}; what differs from model to model: {randomness}. Bias^2 is the squared \
             distance of the mean model from the label, Var the mean squared distance of the models from their mean.",
            self.input.predictions
        ));
        averages(&mut page, found);
        drawings(&mut page, found)?;
        match &found.aligned {
            Err(reason) => page.paragraph(&format!("No alignment: {reason}.")),
            Ok((alignment, nulls)) => beside(&mut page, alignment, nulls),
        }
        fewer(&mut page, found);
        split(&mut page, found);
        Ok(page.html())
    }
}

fn averages(page: &mut Report, found: &Found) {
    let Averages { bias, variance, loss, .. } = &found.averages;
    let header = ["average over points", "95 % over models", "95 % over models and points"];
    let table = |page: &mut Report, averages: [&Average; 3]| {
        let names = ["bias", "variance", "mean loss of a model"];
        let row = |(name, average): (&str, &Average)| {
            vec![name.to_string(), shown(&average.over_models), shown(&average.over_both)]
        };
        let rows: Vec<Vec<String>> = names.into_iter().zip(averages).map(row).collect();
        page.table(&header, &rows);
    };
    page.paragraph("Of the squared loss, unbiased:");
    table(page, [bias, variance, loss]);
    if let Some((_, [bias, variance])) = &found.kl {
        page.paragraph("Of the cross-entropy, in nats, without what few models add:");
        let row = |name: &str, a: &Average| vec![name.to_string(), shown(&a.over_models), shown(&a.over_both)];
        page.table(&header, &[row("bias", bias), row("variance", variance)]);
    }
    let Some(Bootstrap { draws, averages, fit, kl }) = &found.bootstrap else { return };
    page.paragraph(&format!("The same from {draws} ensembles of as many models, drawn with replacement."));
    table(page, [&averages.bias, &averages.variance, &averages.loss]);
    if let Some(kl) = kl {
        page.paragraph("Of the cross-entropy, in nats, without what few models add:");
        table(page, [&kl.bias, &kl.variance, &kl.loss]);
    }
    if let (Some(fit), Ok((_, nulls))) = (fit, &found.aligned) {
        let row = |(k, (name, value)): (usize, (&&str, Estimate))| {
            let [dealt, normal] = nulls.each().map(|null| number(null.drawn.values()[k].mean));
            vec![name.replace('_', " "), shown(&value), dealt, normal]
        };
        let rows: Vec<Vec<String>> = Fit::<Estimate>::NAMES.iter().zip(fit.values()).enumerate().map(row).collect();
        page.table(
            &["line through right points", "95 % over models", "mean of noise dealt out", "of normal noise"],
            &rows,
        );
    }
}

fn drawings(page: &mut Report, found: &Found) -> Result<(), CliError> {
    page.heading("Every point");
    let [without_variance, without_bias] = found.zero;
    if found.whole.points().iter().all(|p| p.variance <= 0.0 || p.bias <= 0.0) {
        page.paragraph("No point has both a variance and a bias: there is nothing to draw on logarithmic axes.");
    } else {
        let aligned = found.aligned.as_ref().ok().map(|(alignment, nulls)| (alignment, &nulls.dealt));
        let scatter = charts::scatter("squared bias against variance", &found.whole, aligned);
        let caption = format!(
            "One dot a point, plug-in estimates; no dot can lie below Var / {}. {without_variance} points without variance and \
             {without_bias} without bias have no place on these axes.",
            found.averages.models - 1,
        );
        page.drawing(&scatter.svg()?, &caption);
        let histograms = charts::log_ratios("how far Bias^2 and Var are apart", &found.whole);
        page.drawing(&histograms.svg()?, "Each line is a histogram of its own points; at 0, Bias^2 is Var.");
    }
    let row = |name: &str, side: &Side| {
        vec![name.to_string(), side.count.to_string(), share(side), median(side), side.without_logarithm.to_string()]
    };
    page.table(
        &["", "points", "above the diagonal, 95 % over points", "median log (Bias^2 / Var)", "without a logarithm"],
        &[row("right", &found.right), row("wrong", &found.wrong)],
    );
    Ok(())
}

fn beside(page: &mut Report, alignment: &Alignment, nulls: &Nulls) {
    page.heading("Right points, and what independent noise does by itself");
    page.paragraph(&format!(
        "Both nulls keep every point's mean logits. One deals the points' own noise out anew, so that nothing is left of which point it \
         was of; the other has normal noise of one law. The noise of the margins is {:.3}. Their slopes are near one by \
         construction: only what differs from both says something. Models that differ in {} are compared on {} points, of which {} \
         have no logarithm; nulls are drawn on {} of them.",
        nulls.dealt.tau,
        alignment.randomness,
        alignment.points,
        alignment.without_logarithm,
        nulls.dealt.points,
    ));
    let row = |(k, name): (usize, &&str)| {
        let [dealt, normal] = nulls.each().map(|null| drawn(&null.drawn.values()[k]));
        let beyond = shown(&nulls.beyond.values()[k]);
        vec![name.replace('_', " "), shown(&alignment.fit.values()[k]), dealt, normal, beyond]
    };
    let rows: Vec<Vec<String>> = Fit::<Estimate>::NAMES.iter().enumerate().map(row).collect();
    let header = [
        "",
        "observed, 95 % over models",
        "noise dealt out, 95 % of draws",
        "normal noise, 95 % of draws",
        "beyond both",
    ];
    page.table(&header, &rows);
}

fn drawn(d: &tenfold_analysis::Drawn) -> String {
    format!("{} [{}, {}]", number(d.mean), number(d.lo), number(d.hi))
}

fn fewer(page: &mut Report, found: &Found) {
    if found.fewer.is_empty() {
        return;
    }
    let header = ["models", "slope", "slope of the nulls", "R^2", "R^2 of the nulls", "median log ratio", "c of 95 %"];
    let row = |(models, aligned): (usize, &Aligned)| match aligned {
        Err(reason) => {
            let mut row = vec![models.to_string(), format!("none: {reason}")];
            row.resize(header.len(), String::new());
            row
        }
        Ok((Alignment { fit, .. }, nulls)) => vec![
            models.to_string(),
            shown(&fit.slope),
            nulls.each().map(|null| drawn(&null.drawn.slope)).join("; "),
            shown(&fit.r_squared),
            nulls.each().map(|null| drawn(&null.drawn.r_squared)).join("; "),
            shown(&fit.log_ratio),
            shown(&fit.bound_95),
        ],
    };
    let all = (found.averages.models, &found.aligned);
    let rows: Vec<Vec<String>> = found.fewer.iter().map(|(n, aligned)| (*n, aligned)).chain([all]).map(row).collect();
    page.heading("With fewer models");
    page.paragraph(
        "Few models push plug-in Bias^2 up to its floor and make alignment look better than it is; the nulls of as many models \
         show how much of that is mechanical.",
    );
    page.table(&header, &rows);
}

fn split(page: &mut Report, found: &Found) {
    page.heading("Two halves of the models");
    let Some(split) = &found.two_split else {
        page.paragraph("This check needs at least four models.");
        return;
    };
    page.paragraph(
        "Bias^2 (plug-in) from the first half of the models and variance (unbiased) from the other share no noise, so that a \
         line between them is not made by it. The variance of few models is noisy, which pulls the slope below what it is.",
    );
    page.table(
        &["average over points", "95 % over points"],
        &[
            vec!["Bias^2, first half".into(), shown(&split.first_bias)],
            vec!["Var, second half".into(), shown(&split.second_variance)],
        ],
    );
    match &split.line {
        Ok(line) => page.table(
            &["right points", "without a logarithm", "slope, 95 % over points", "R^2", "median log ratio"],
            &[vec![
                split.points.to_string(),
                split.without_logarithm.to_string(),
                shown(&line.slope),
                number(line.r_squared),
                number(line.median_log_ratio),
            ]],
        ),
        Err(reason) => page.paragraph(&format!("No line: {reason}.")),
    }
}
