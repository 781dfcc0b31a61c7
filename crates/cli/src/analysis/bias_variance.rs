//! `tenfold analysis bias-variance`: both of every point, and whether they go together.

use super::input::Predictions;
use super::{number, short, shown};
use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::{Report, write_page};
use clap::Args;
use ndarray::Array1;
use serde_json::json;
use std::path::PathBuf;
use tenfold_analysis::{
    Alignment, AnalysisError, Average, Averages, BootstrapAverages, Decomposition, FirstModels, Fit, KlDecomposition,
    ModelBootstrap, Null, Point, Selection, above_diagonal,
};
use tenfold_charts::{Axis, AxisScale, Cloud, Line, Scatter, Stroke};
use tenfold_core_tensor::arrays::{Npy, Slabs, write_npz};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;

/// Numbers of models whose alignment is shown beside that of all.
const FEWER: [usize; 4] = [5, 10, 20, 50];

/// Split every point's mean squared error into squared bias and variance, and ask whether the two go together more than
/// independent noise would make them.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold analysis bias-variance --predictions logits.npy --logits --labels y.npy --randomness seed \\\n    --out points.npz --report report.html"
)]
pub(crate) struct BiasVariance {
    #[command(flatten)]
    input: Predictions,
    /// Also decompose the cross-entropy.
    #[arg(long)]
    kl: bool,
    /// Leave points with a smaller plug-in variance out of the alignment.
    #[arg(long, value_name = "V")]
    min_variance: Option<f64>,
    /// ... and those with a larger one.
    #[arg(long, value_name = "V")]
    max_variance: Option<f64>,
    /// Ensembles drawn for the null.
    #[arg(long, default_value_t = 400)]
    draws: usize,
    /// Seed of the null and the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also draw so many ensembles from the models, with replacement, for percentile intervals beside the jackknife's; reads the
    /// predictions a second time.
    #[arg(long, value_name = "DRAWS")]
    bootstrap: Option<usize>,
    /// Table of points to write: `bias`, `variance`, `unbiased_bias`, `unbiased_variance`, `loss`, `gini`, `confidence`, `correct`,
    /// `label`, and with --kl `kl_bias` and `kl_variance`.
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"))]
    out: Option<PathBuf>,
    /// Page to write: scatter with marginal histograms, beside the null's.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

/// A column of the table of points.
type Column = (&'static str, fn(&Point) -> f64);

/// All that was found.
struct Found {
    whole: Decomposition,
    averages: Averages,
    kl: Option<(KlDecomposition, [Estimate; 2])>,
    alignment: Result<(Alignment, Null), String>,
    /// Alignment of the first so many models.
    fewer: Vec<(usize, Option<Alignment>)>,
    /// Share of the wrong points above the diagonal, and their mean log-ratio.
    wrong: Option<(usize, f64, f64)>,
    /// Points with zero variance, and points with zero bias.
    zero: [usize; 2],
    bootstrap: Option<Bootstrap>,
}

/// Intervals from ensembles drawn from the models.
struct Bootstrap {
    draws: usize,
    averages: BootstrapAverages,
    /// None where there is no alignment.
    fit: Option<Fit<Estimate>>,
}

impl BiasVariance {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let found = self.find()?;
        if let Some(path) = &self.out {
            self.write(path, &found)?;
        }
        if let Some(path) = &self.report {
            let page = self.page(&found)?;
            write_page(path, &page)?;
        }
        Ok(self.say(&found))
    }

    fn find(&self) -> Result<Found, CliError> {
        let (slabs, labels) = self.input.open()?;
        let [models, _, classes] = slabs.shape();
        let (scale, randomness) = (self.input.scale(), self.input.randomness());
        let start = |n: usize| Decomposition::new(n, classes, scale, randomness).map_err(|e| self.input.named(e));
        let few = FEWER.into_iter().filter(|n| *n < models);
        let fewer = few
            .map(|models| Ok(FirstModels { models, found: start(models)? }))
            .collect::<Result<Vec<_>, CliError>>()?;
        let kl = match self.kl {
            true => Some(KlDecomposition::new(models, classes, scale, randomness).map_err(|e| self.input.named(e))?),
            false => None,
        };
        let ((whole, fewer), kl) = self.input.pass(&slabs, &labels, ((start(models)?, fewer), kl), "points")?;
        let averages = whole.averages().map_err(|e| self.input.named(e))?;
        let selection = self.selection();
        let wrong = Selection { correct: false, ..selection };
        let count = whole.points().iter().filter(|p| !p.correct()).count();
        let alignment = Alignment::of(&whole, selection).and_then(|alignment| {
            let null = Null::of(&whole, &alignment, self.draws, Seed::new(self.seed))?;
            Ok((alignment, null))
        });
        let kl = match kl {
            Some(kl) => Some((kl.averages().map(|averages| (kl, averages)))?),
            None => None,
        };
        let bootstrap = match self.bootstrap {
            Some(draws) => Some(self.bootstrap(&whole, (&slabs, &labels), draws, alignment.is_ok())?),
            None => None,
        };
        let zero = |of: fn(&Point) -> f64| whole.points().iter().filter(|p| of(p) <= 0.0).count();
        Ok(Found {
            averages,
            kl,
            // Too few points or models for a line is a finding, not a fault of the input.
            alignment: alignment.map_err(|error| error.to_string()),
            fewer: fewer.iter().map(|few| (few.models, Alignment::of(&few.found, selection).ok())).collect(),
            wrong: (count > 0).then(|| above_diagonal(&whole, wrong)).map(|(above, ratio)| (count, above, ratio)),
            zero: [zero(|p| p.variance), zero(|p| p.bias)],
            bootstrap,
            whole,
        })
    }

    /// Reads the predictions again, for every ensemble that is drawn.
    fn bootstrap(
        &self,
        whole: &Decomposition,
        (slabs, labels): (&Slabs, &[usize]),
        draws: usize,
        aligned: bool,
    ) -> Result<Bootstrap, CliError> {
        let seed = Seed::new(self.seed).named("bootstrap");
        let named = |error: AnalysisError| match error {
            error @ AnalysisError::Setting { field: "draws", .. } => {
                CliError::Option { option: "--bootstrap", value: draws.to_string(), rule: error.to_string() }
            }
            error => self.input.named(error),
        };
        let ensembles = ModelBootstrap::new(whole, draws, seed).map_err(named)?;
        let ensembles = self.input.pass(slabs, labels, ensembles, "points of the bootstrap")?;
        let fit = match aligned {
            true => Some(ensembles.fit(self.selection()).map_err(named)?),
            false => None,
        };
        Ok(Bootstrap { draws, averages: ensembles.averages().map_err(named)?, fit })
    }

    fn selection(&self) -> Selection {
        let variances = (self.min_variance.is_some() || self.max_variance.is_some())
            .then(|| [self.min_variance.unwrap_or(0.0), self.max_variance.unwrap_or(f64::INFINITY)]);
        Selection { variances, ..Selection::default() }
    }

    fn say(&self, found: &Found) -> Output {
        let Averages { models, points, accuracy, bias, variance, loss, gini, additivity, identity, randomness } =
            &found.averages;
        let mut output = Output::new()
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
            );
        let [without_variance, without_bias] = found.zero;
        output = output.field("zero_variance", format!("{without_variance} points"), without_variance).field(
            "zero_bias",
            format!("{without_bias} points"),
            without_bias,
        );
        if let Some((kl, [bias, variance])) = &found.kl {
            output = output
                .field("kl_bias", format!("{} over models", shown(bias)), json!(bias))
                .field("kl_variance", format!("{} over models", shown(variance)), json!(variance))
                .field("kl_floored", format!("{} probabilities", kl.floored), kl.floored);
        }
        match &found.alignment {
            Err(reason) => output = output.field("alignment", format!("none: {reason}"), json!(null)),
            Ok((alignment, noise)) => {
                let Alignment { points, without_logarithm, .. } = alignment;
                output = output
                    .field(
                        "aligned_points",
                        format!("{points} right, {without_logarithm} of them without a logarithm"),
                        *points,
                    )
                    .hidden("alignment", json!(alignment))
                    .hidden("null", json!(noise))
                    .line(format!("{:<16} {:<20} {:<20} beyond", "", "observed", "independent noise"));
                for (k, name) in Fit::<Estimate>::NAMES.iter().enumerate() {
                    let (seen, drawn, beyond) =
                        (alignment.fit.values()[k], noise.drawn.values()[k], noise.beyond.values()[k]);
                    let of = |e: &Estimate| short(e.value, e.lo, e.hi);
                    let (seen, beyond, drawn) = (of(&seen), of(&beyond), short(drawn.mean, drawn.lo, drawn.hi));
                    let name = format!("  {}:", name.replace('_', " "));
                    output = output.line(format!("{name:<16} {seen:<20} {drawn:<20} {beyond}"));
                }
                output = output.field("noise_of_logits", number(noise.tau), noise.tau);
            }
        }
        if let Some(Bootstrap { draws, averages, fit }) = &found.bootstrap {
            output = output
                .field("bootstrap", format!("{draws} ensembles drawn from the models"), json!({"draws": draws}))
                .hidden("bootstrap_averages", json!(averages))
                .hidden("bootstrap_fit", json!(fit))
                .line(format!("{:<16} {:<28} over models, points", "", "over models"));
            let averages =
                [("squared bias", averages.bias), ("variance", averages.variance), ("mean loss", averages.loss)];
            for (name, Average { over_models, over_both }) in averages {
                output = output.line(format!("  {name:<14} {:<28} {}", shown(&over_models), shown(&over_both)));
            }
            for (name, value) in Fit::<Estimate>::NAMES.iter().zip(fit.iter().flat_map(Fit::values)) {
                output = output.line(format!("  {:<14} {}", name.replace('_', " "), shown(&value)));
            }
        }
        if let Some((count, above, ratio)) = found.wrong {
            let text = format!("{count}, {:.1} % above the diagonal, mean log ratio {}", 100.0 * above, number(ratio));
            output = output.field("wrong_points", text, json!({"count": count, "above": above, "log_ratio": ratio}));
        }
        if let Some(path) = &self.out {
            output = output.field("written", path.display(), path.display().to_string());
        }
        if let Some(path) = &self.report {
            output = output.field("report", path.display(), path.display().to_string());
        }
        output
    }

    fn write(&self, path: &std::path::Path, found: &Found) -> Result<(), CliError> {
        let points = found.whole.points();
        let column = |of: fn(&Point) -> f64| points.iter().map(of).collect::<Array1<f64>>();
        let names: [Column; 7] = [
            ("bias", |p| p.bias),
            ("variance", |p| p.variance),
            ("unbiased_bias", Point::unbiased_bias),
            ("unbiased_variance", Point::unbiased_variance),
            ("loss", |p| p.loss),
            ("gini", |p| p.gini),
            ("confidence", |p| p.confidence),
        ];
        let columns: Vec<(&str, Array1<f64>)> = names.into_iter().map(|(name, of)| (name, column(of))).collect();
        let correct: Array1<u8> = points.iter().map(|p| u8::from(p.correct())).collect();
        let label: Array1<i64> = points.iter().map(|p| p.label as i64).collect();
        let mut views: Vec<_> = columns.iter().map(|(name, column)| (*name, column.view())).collect();
        let kl: Option<[Array1<f64>; 2]> = found.kl.as_ref().map(|(kl, _)| {
            [kl.points.iter().map(|p| p.bias).collect(), kl.points.iter().map(|p| p.variance).collect()]
        });
        if let Some([bias, variance]) = &kl {
            views.extend([("kl_bias", bias.view()), ("kl_variance", variance.view())]);
        }
        let (correct, label) = (correct.view(), label.view());
        let mut arrays: Vec<(&str, &dyn Npy)> = views.iter().map(|(name, view)| (*name, view as &dyn Npy)).collect();
        arrays.extend([("correct", &correct as &dyn Npy), ("label", &label as &dyn Npy)]);
        Ok(write_npz(path, &arrays)?)
    }

    fn page(&self, found: &Found) -> Result<String, CliError> {
        let Averages { models, points, bias, variance, loss, randomness, .. } = &found.averages;
        let mut page = Report::new("Bias and variance, point by point");
        page.paragraph(&format!(
            "{models} models on {points} points from {}; what differs from model to model: {randomness}. Bias^2 is the squared \
             distance of the mean model from the label, Var the mean squared distance of the models from their mean.",
            self.input.predictions
        ));
        let row = |name: &str, average: &Average| {
            vec![name.to_string(), shown(&average.over_models), shown(&average.over_both)]
        };
        page.table(
            &["average over points (unbiased)", "95 % over models", "95 % over models and points"],
            &[row("Bias^2", bias), row("Var", variance), row("mean loss of a model", loss)],
        );
        if let Some(Bootstrap { draws, averages, fit }) = &found.bootstrap {
            page.paragraph(&format!("The same from {draws} ensembles of as many models, drawn with replacement."));
            let of_points =
                [("Bias^2", &averages.bias), ("Var", &averages.variance), ("mean loss of a model", &averages.loss)];
            let of_points = of_points.map(|(name, average)| row(name, average));
            page.table(
                &["average over points (unbiased)", "95 % over models", "95 % over models and points"],
                &of_points,
            );
            if let Some(fit) = fit {
                let rows = Fit::<Estimate>::NAMES.iter().zip(fit.values());
                let rows: Vec<_> = rows.map(|(name, value)| vec![name.replace('_', " "), shown(&value)]).collect();
                page.table(&["line through right points", "95 % over models"], &rows);
            }
        }
        page.heading("Every point");
        let cloud = |name: &str, right: bool| Cloud {
            name: name.into(),
            points: found
                .whole
                .points()
                .iter()
                .filter(|p| p.correct() == right)
                .map(|p| (p.variance, p.bias))
                .collect(),
        };
        let mut lines = Vec::new();
        if let Ok((alignment, null)) = &found.alignment {
            let inside = found.whole.points().iter().filter(|p| p.correct() && p.variance > 0.0).map(|p| p.variance);
            let (lo, hi) = inside.fold((f64::INFINITY, 0.0_f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
            let line = |name: &str, slope: f64, intercept: f64| {
                let at = |v: f64| (v, (intercept + slope * v.ln()).exp());
                Line { name: name.into(), from: at(lo), to: at(hi), stroke: Stroke::Fitted }
            };
            let fit = &alignment.fit;
            lines.push(line("fit of right points", fit.slope.value, fit.intercept.value));
            lines.push(line("the null's fit", null.drawn.slope.mean, null.drawn.intercept.mean));
        }
        let mut clouds = Vec::new();
        if let Ok((_, null)) = &found.alignment {
            let points = null.example.iter().map(|(b, v)| (*v, *b)).collect();
            clouds.push(Cloud { name: "one draw of the null".into(), points });
        }
        clouds.extend([cloud("right", true), cloud("wrong", false)]);
        clouds.retain(|cloud| !cloud.points.is_empty());
        let scatter = Scatter {
            title: "squared bias against variance".into(),
            x: Axis::new("Var (squared probability)", AxisScale::Log),
            y: Axis::new("Bias^2 (squared probability)", AxisScale::Log),
            clouds,
            lines,
        };
        let caption = format!(
            "One dot a point, plug-in estimates; no dot can lie below Var / {}. {} points without variance and {} without bias \
             have no place on these axes.",
            models - 1,
            found.zero[0],
            found.zero[1]
        );
        page.drawing(&scatter.svg()?, &caption);
        match &found.alignment {
            Err(reason) => page.paragraph(&format!("No alignment: {reason}.")),
            Ok((alignment, null)) => {
                page.heading("Right points, and what independent noise does by itself");
                page.paragraph(&format!(
                    "The null keeps every point's mean margin and gives all of them noise of one size, {:.3}, independent over \
                     models. Its slope is near one by construction: only what differs from it says something.",
                    null.tau
                ));
                let rows: Vec<Vec<String>> = Fit::<Estimate>::NAMES
                    .iter()
                    .enumerate()
                    .map(|(k, name)| {
                        let drawn = null.drawn.values()[k];
                        vec![
                            name.replace('_', " "),
                            shown(&alignment.fit.values()[k]),
                            format!("{} [{}, {}]", number(drawn.mean), number(drawn.lo), number(drawn.hi)),
                            shown(&null.beyond.values()[k]),
                        ]
                    })
                    .collect();
                page.table(&["", "observed, 95 % over models", "null, 95 % of draws", "beyond the null"], &rows);
                let fewer: Vec<Vec<String>> = found
                    .fewer
                    .iter()
                    .filter_map(|(n, part)| part.as_ref().map(|part| (n, part)))
                    .chain([(models, alignment)])
                    .map(|(n, part)| {
                        let Fit { slope, r_squared, log_ratio, bound_95, .. } = &part.fit;
                        let mut row = vec![n.to_string()];
                        row.extend([slope, r_squared, log_ratio, bound_95].map(shown));
                        row
                    })
                    .collect();
                page.heading("With fewer models");
                page.paragraph(
                    "Few models push plug-in Bias^2 up to its floor and make alignment look better than it is.",
                );
                page.table(&["models", "slope", "R^2", "median log ratio", "c of 95 %"], &fewer);
            }
        }
        Ok(page.html())
    }
}
