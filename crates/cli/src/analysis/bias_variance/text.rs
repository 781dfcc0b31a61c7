//! What is printed.

use super::{Aligned, BiasVariance, Bootstrap, Found, median, share};
use crate::analysis::{digits, folded, number, short, shown};
use crate::output::Output;
use serde_json::{Value, json};
use tenfold_analysis::{Alignment, Average, Averages, Fit, Nulls, Side, TwoSplit};
use tenfold_core_tensor::stats::Estimate;

/// Where the values of fields begin, and those of tables.
const FIELD: usize = 23;
const TABLE: usize = 17;

impl BiasVariance {
    pub(super) fn say(&self, found: &Found) -> Output {
        let mut output = averages(Output::new(), found);
        output = aligned(output, &found.aligned);
        output = fewer(output, found);
        output = split(output, found);
        output = bootstrap(output, found);
        output = sides(output, found);
        if let Some(path) = &self.out {
            output = output.field("written", path.display(), path.display().to_string());
        }
        if let Some(path) = &self.report {
            output = output.field("report", path.display(), path.display().to_string());
        }
        output
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
        .field("accuracy_of_mean", format!("{accuracy:.4}"), *accuracy)
        .field("squared_bias", format!("{} over models, points", shown(&bias.over_both)), json!(bias))
        .field("variance", format!("{} over models, points", shown(&variance.over_both)), json!(variance))
        .field("mean_loss", shown(&loss.over_both), json!(loss))
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
            .field("kl_bias", format!("{} over models, points", shown(&bias.over_both)), json!(bias))
            .field("kl_variance", format!("{} over models, points", shown(&variance.over_both)), json!(variance))
            .field("kl_floored", format!("{} probabilities", kl.floored), kl.floored);
    }
    output
}

/// Above the table of what was seen and what noise does.
fn heading(output: Output, what: &str) -> Output {
    output.line(format!("{what:<16} {:<20} {:>8} {:>8}  beyond both", "observed", "dealt", "normal"))
}

/// A line of that table.
fn beside(output: Output, name: &str, alignment: &Alignment, nulls: &Nulls, k: usize) -> Output {
    let of = |e: &Estimate| short(e.value, e.lo, e.hi);
    let (seen, beyond) = (of(&alignment.fit.values()[k]), of(&nulls.beyond.values()[k]));
    let [dealt, normal] = nulls.each().map(|null| digits(null.drawn.values()[k].mean));
    let name = format!("  {name}:");
    output.line(format!("{name:<16} {seen:<20} {dealt:>8} {normal:>8}  {beyond}"))
}

fn aligned(output: Output, found: &Aligned) -> Output {
    let (alignment, nulls) = match found {
        Err(reason) => return output.field("alignment", folded(&format!("none: {reason}"), FIELD), json!(null)),
        Ok(found) => found,
    };
    let Alignment { points, without_logarithm, .. } = alignment;
    let text = format!("{points} right, {without_logarithm} of them without a logarithm");
    let mut output = output
        .field("aligned_points", text, *points)
        .hidden("alignment", json!(alignment))
        .hidden("nulls", json!(nulls))
        .line("independent noise by itself: each point's dealt to another; normal, of one law");
    output = heading(output, "");
    for (k, name) in Fit::<Estimate>::NAMES.iter().enumerate() {
        output = beside(output, &name.replace('_', " "), alignment, nulls, k);
    }
    output.field("noise_of_margins", number(nulls.dealt.tau), nulls.dealt.tau)
}

/// The slope of the first so many models, beside the null of as many.
fn fewer(output: Output, found: &Found) -> Output {
    let of = |(models, aligned): &(usize, Aligned)| -> Value {
        match aligned {
            Ok((alignment, nulls)) => json!({"models": models, "alignment": alignment, "nulls": nulls}),
            Err(reason) => json!({"models": models, "alignment": null, "nulls": null, "reason": reason}),
        }
    };
    let mut output = output.hidden("fewer_models", found.fewer.iter().map(of).collect::<Vec<_>>());
    if found.fewer.is_empty() {
        return output;
    }
    output = heading(output, "slope of");
    for (models, aligned) in &found.fewer {
        let name = format!("first {models}");
        output = match aligned {
            Ok((alignment, nulls)) => beside(output, &name, alignment, nulls, 0),
            Err(reason) => {
                let reason = folded(&format!("none: {reason}"), TABLE);
                output.line(format!("{:<16} {reason}", format!("  {name}:")))
            }
        };
    }
    output
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
            shown(&line.slope),
            split.points,
            split.without_logarithm,
            number(line.r_squared),
            number(line.median_log_ratio)
        ),
        Err(reason) => format!("no line: {reason}"),
    };
    let more = |output: Output, text: &str| output.line(format!("{:<22} {}", "", folded(text, FIELD)));
    let text = format!("{} Bias^2 of the first {first} models, over points", shown(&split.first_bias));
    let output = output.field("two_split", folded(&text, FIELD), two_split(split));
    let output = more(output, &format!("{} Var of the other {rest}", shown(&split.second_variance)));
    more(output, &line)
}

fn bootstrap(output: Output, found: &Found) -> Output {
    let Some(Bootstrap { draws, averages, fit, kl }) = &found.bootstrap else { return output };
    let mut output = output
        .field("bootstrap", format!("{draws} ensembles drawn from the models"), json!({"draws": draws}))
        .hidden("bootstrap_averages", json!(averages))
        .hidden("bootstrap_fit", json!(fit))
        .hidden("bootstrap_kl", json!(kl))
        .line(format!("{:<16} {:<28} over models, points", "", "over models"));
    let of_kl = kl.iter().flat_map(|kl| [("KL bias", kl.bias), ("KL variance", kl.variance)]);
    let averages = [("squared bias", averages.bias), ("variance", averages.variance), ("mean loss", averages.loss)];
    for (name, Average { over_models, over_both }) in averages.into_iter().chain(of_kl) {
        output = output.line(format!("  {name:<14} {:<28} {}", shown(&over_models), shown(&over_both)));
    }
    if let (Some(fit), Ok((_, nulls))) = (fit, &found.aligned) {
        output = output.line(format!("{:<16} {:<28} {:>8} {:>8}", "", "over models", "dealt", "normal"));
        for (k, (name, value)) in Fit::<Estimate>::NAMES.iter().zip(fit.values()).enumerate() {
            let (name, [dealt, normal]) =
                (name.replace('_', " "), nulls.each().map(|null| digits(null.drawn.values()[k].mean)));
            output = output.line(format!("  {name:<14} {:<28} {dealt:>8} {normal:>8}", shown(&value)));
        }
    }
    output
}

fn sides(output: Output, found: &Found) -> Output {
    let text = |side: &Side| match side.count {
        0 => "0".to_string(),
        count => format!("{count}, {} of them above the diagonal", share(side)),
    };
    let medians = format!("{} of right points, {} of wrong ones", median(&found.right), median(&found.wrong));
    output
        .field("right_points", text(&found.right), json!(found.right))
        .field("wrong_points", text(&found.wrong), json!(found.wrong))
        .line(format!("{:<22} {medians}", "median log ratio:"))
}
