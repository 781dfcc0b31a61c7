//! What is printed.

use super::{Aligned, BiasVariance, Bootstrap, Found, median, share};
use crate::output::Output;
use serde_json::{Value, json};
use tenfold_analysis::{Alignment, Average, Averages, Fit, Nulls, Side, TwoSplit};
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{Table, estimate, interval, number, short};

impl BiasVariance {
    pub(super) fn say(&self, found: &Found) -> Output {
        let mut output = averages(Output::new(), found);
        output = aligned(output, &found.aligned);
        output = fewer(output, found);
        output = split(output, found);
        output = bootstrap(output, found);
        sides(output, found).file("written", self.out.as_ref()).file("report", self.report.as_ref())
    }
}

fn averages(output: Output, found: &Found) -> Output {
    let Averages { models, points, accuracy, bias, variance, loss, gini, additivity, identity, randomness } =
        &found.averages;
    let [without_variance, without_bias] = found.zero;
    let mut output = output
        .field("models", models, *models)
        .field("points", points, *points)
        .field("differ_in", randomness, json!(randomness))
        .field("accuracy_of_mean", number(*accuracy), *accuracy)
        .field("squared_bias", format!("{} over models, points", estimate(&bias.over_both)), json!(bias))
        .field("variance", format!("{} over models, points", estimate(&variance.over_both)), json!(variance))
        .field("mean_loss", estimate(&loss.over_both), json!(loss))
        .field("gini_impurity", number(*gini), *gini)
        .field(
            "largest_misfit",
            format!("{additivity:.1e} of bias + variance, {identity:.1e} of the gap"),
            json!([additivity, identity]),
        )
        .field("zero_variance", format!("{without_variance} points"), without_variance)
        .field("zero_bias", format!("{without_bias} points"), without_bias);
    if let Some((kl, [bias, variance])) = &found.kl {
        output = output
            .field("kl_bias", format!("{} over models, points", estimate(&bias.over_both)), json!(bias))
            .field("kl_variance", format!("{} over models, points", estimate(&variance.over_both)), json!(variance))
            .field("kl_floored", format!("{} probabilities", kl.floored), kl.floored);
    }
    output
}

/// A table of what was seen and what noise does.
fn beside_noise(caption: &str, what: &str) -> Table {
    Table::new(caption, [what, "observed", "dealt", "normal", "beyond both"])
}

/// A line of that table.
fn beside(name: &str, alignment: &Alignment, nulls: &Nulls, k: usize) -> [String; 5] {
    let of = |e: &Estimate| interval(short, e.value, e.lo, e.hi);
    let [dealt, normal] = means(nulls, k);
    [name.replace('_', " "), of(&alignment.fit.values()[k]), dealt, normal, of(&nulls.beyond.values()[k])]
}

/// What both nulls make of a statistic, on average.
fn means(nulls: &Nulls, k: usize) -> [String; 2] {
    nulls.each().map(|null| short(null.drawn.values()[k].mean))
}

fn aligned(output: Output, found: &Aligned) -> Output {
    let (alignment, nulls) = match found {
        Err(reason) => return output.field("alignment", format!("none: {reason}"), json!(null)),
        Ok(found) => found,
    };
    let Alignment { points, without_logarithm, .. } = alignment;
    let text = format!("{points} right, {without_logarithm} of them without a logarithm");
    let caption = "independent noise by itself: each point's dealt to another; normal, of one law";
    let names = Fit::<Estimate>::NAMES.iter().enumerate();
    output
        .field("aligned_points", text, *points)
        .hidden("alignment", json!(alignment))
        .hidden("nulls", json!(nulls))
        .table(&beside_noise(caption, "").rows(names.map(|(k, name)| beside(name, alignment, nulls, k))))
        .field("noise_of_margins", number(nulls.dealt.tau), nulls.dealt.tau)
}

/// The slope of the first so many models, beside the null of as many.
fn fewer(output: Output, found: &Found) -> Output {
    let of = |(models, aligned): &(usize, Aligned)| -> Value {
        match aligned {
            Ok((alignment, nulls)) => json!({"models": models, "alignment": alignment, "nulls": nulls}),
            Err(reason) => json!({"models": models, "alignment": null, "nulls": null, "reason": reason}),
        }
    };
    let output = output.hidden("fewer_models", found.fewer.iter().map(of).collect::<Vec<_>>());
    if found.fewer.is_empty() {
        return output;
    }
    let row = |(models, aligned): &(usize, Aligned)| {
        let name = format!("first {models}");
        match aligned {
            Ok((alignment, nulls)) => beside(&name, alignment, nulls, 0).to_vec(),
            Err(reason) => vec![name, format!("none: {reason}")],
        }
    };
    output.table(&beside_noise("", "slope of").rows(found.fewer.iter().map(row)))
}

fn two_split(split: &TwoSplit) -> Value {
    json!({
        "first_bias": split.first_bias,
        "second_variance": split.second_variance,
        "points": split.points,
        "without_logarithm": split.without_logarithm,
        "line": split.line.as_ref().ok(),
        "reason": split.line.as_ref().err(),
    })
}

fn split(output: Output, found: &Found) -> Output {
    let Some(split) = &found.two_split else {
        return output.field("two_split", "needs at least four models", json!(null));
    };
    let first = found.averages.models / 2;
    let rest = found.averages.models - first;
    let line = match &split.line {
        Ok(line) => format!(
            "slope {} over {} right points, {} of them without a logarithm; R^2 {}, median log ratio {}",
            estimate(&line.slope),
            split.points,
            split.without_logarithm,
            number(line.r_squared),
            number(line.median_log_ratio)
        ),
        Err(reason) => format!("no line: {reason}"),
    };
    let text = format!("{} Bias^2 of the first {first} models, over points", estimate(&split.first_bias));
    output
        .field("two_split", text, two_split(split))
        .more(format!("{} Var of the other {rest}", estimate(&split.second_variance)))
        .more(line)
}

fn bootstrap(output: Output, found: &Found) -> Output {
    let Some(Bootstrap { draws, averages, fit, kl }) = &found.bootstrap else { return output };
    let mut output = output
        .field("bootstrap", format!("{draws} ensembles drawn from the models"), json!({"draws": draws}))
        .hidden("bootstrap_averages", json!(averages))
        .hidden("bootstrap_fit", json!(fit))
        .hidden("bootstrap_kl", json!(kl));
    let of_kl = kl.iter().flat_map(|kl| [("KL bias", kl.bias), ("KL variance", kl.variance)]);
    let averages = [("squared bias", averages.bias), ("variance", averages.variance), ("mean loss", averages.loss)];
    let row = |(name, Average { over_models, over_both }): (&str, Average)| {
        [name.to_string(), estimate(&over_models), estimate(&over_both)]
    };
    let table = Table::new("", ["", "over models", "over models, points"]);
    output = output.table(&table.rows(averages.into_iter().chain(of_kl).map(row)));
    if let (Some(fit), Ok((_, nulls))) = (fit, &found.aligned) {
        let row = |(k, (name, value)): (usize, (&&str, Estimate))| {
            let [dealt, normal] = means(nulls, k);
            [name.replace('_', " "), estimate(&value), dealt, normal]
        };
        let rows = Fit::<Estimate>::NAMES.iter().zip(fit.values()).enumerate().map(row);
        output = output.table(&Table::new("", ["", "over models", "dealt", "normal"]).rows(rows));
    }
    output
}

fn sides(output: Output, found: &Found) -> Output {
    let text = |side: &Side| match side.count {
        0 => "0".to_string(),
        count => format!("{count}, above the diagonal {} %", share(side)),
    };
    let medians = format!("{} of right points, {} of wrong ones", median(&found.right), median(&found.wrong));
    output
        .field("right_points", text(&found.right), json!(found.right))
        .field("wrong_points", text(&found.wrong), json!(found.wrong))
        .line(format!("{:<22} {medians}", "median log ratio:"))
}
