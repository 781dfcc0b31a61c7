//! `tenfold analysis bias-variance`: both of every point, and whether they go together.

mod page;
mod table;
mod text;

use super::input::Predictions;
use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::write_page;
use clap::Args;
use std::path::PathBuf;
use tenfold_analysis::{
    Alignment, Average, Averages, BootstrapAverages, Decomposition, FEWEST_DRAWS, FEWEST_NULL_DRAWS, FirstModels, Fit,
    KlBootstrap, KlDecomposition, LogitSample, ModelBootstrap, Nulls, Point, Selection, Side, TwoSplit,
};
use tenfold_core_tensor::arrays::Slabs;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;
use tenfold_report::{interval, number, percent};

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
    /// Align only points with a plug-in variance above this; without it those of no variance are looked at too.
    #[arg(long, value_name = "V")]
    min_variance: Option<f64>,
    /// ... and only those with one below this.
    #[arg(long, value_name = "V")]
    max_variance: Option<f64>,
    /// Ensembles drawn for each null.
    #[arg(long, default_value_t = 200)]
    draws: usize,
    /// Seed of the nulls and the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also draw so many ensembles from the models, with replacement, for percentile intervals beside the jackknife's; reads the
    /// predictions a second time.
    #[arg(long, value_name = "DRAWS")]
    bootstrap: Option<usize>,
    /// Table of points to write: `bias`, `variance`, `unbiased_bias`, `unbiased_variance`, `loss`, `gini`, `confidence`,
    /// `correct`, `label`, from four models on `first_bias` and `second_variance` of their two halves, and with --kl `kl_bias`
    /// and `kl_variance`.
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"))]
    out: Option<PathBuf>,
    /// Page to write: scatter with marginal histograms, beside the null's, and histograms of log (Bias^2 / Var).
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

/// An alignment and its nulls, or why there is none.
type Aligned = Result<(Alignment, Nulls), String>;

/// All that was found.
struct Found {
    whole: Decomposition,
    averages: Averages,
    kl: Option<(KlDecomposition, [Average; 2])>,
    /// Too few points or models for a line is a finding, not a fault of the input.
    aligned: Aligned,
    /// Alignment of the first so many models.
    fewer: Vec<(usize, Aligned)>,
    right: Side,
    wrong: Side,
    /// None below four models.
    two_split: Option<TwoSplit>,
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
    /// Of the cross-entropy.
    kl: Option<BootstrapAverages>,
}

impl BiasVariance {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        self.check()?;
        let found = self.find()?;
        // The page first: one that cannot be drawn must not leave a table behind.
        let page = match &self.report {
            Some(path) => Some((path, self.page(&found).html()?)),
            None => None,
        };
        if let Some(path) = &self.out {
            table::write(path, &found)?;
        }
        if let Some((path, page)) = page {
            write_page(path, &page)?;
        }
        Ok(self.say(&found))
    }

    /// Settings that break a rule, before anything is read.
    fn check(&self) -> Result<(), CliError> {
        let refuse = |option, value: String, rule: String| Err(CliError::Option { option, value, rule });
        let draws = [("--draws", Some(self.draws), FEWEST_NULL_DRAWS), ("--bootstrap", self.bootstrap, FEWEST_DRAWS)];
        for (option, draws, fewest) in draws {
            if let Some(draws) = draws.filter(|draws| *draws < fewest) {
                return refuse(option, draws.to_string(), format!("must be at least {fewest}"));
            }
        }
        for (option, variance) in [("--min-variance", self.min_variance), ("--max-variance", self.max_variance)] {
            if let Some(variance) = variance.filter(|v| !v.is_finite() || *v < 0.0) {
                return refuse(option, variance.to_string(), "must be a finite number, not below 0".into());
            }
        }
        let [lo, hi] = [self.min_variance.unwrap_or(0.0), self.max_variance.unwrap_or(f64::INFINITY)];
        if lo >= hi {
            let other = if self.min_variance.is_some() { format!("--min-variance {lo}") } else { lo.to_string() };
            return refuse("--max-variance", hi.to_string(), format!("must be above {other}"));
        }
        Ok(())
    }

    fn find(&self) -> Result<Found, CliError> {
        let (slabs, labels) = self.input.open()?;
        let [models, points, classes] = slabs.shape();
        if models == 2 {
            let rule = "holds two models; intervals over models leave one out and need two to remain: give three models or more";
            return Err(self.input.refused(rule));
        }
        let (scale, randomness) = (self.input.scale(), self.input.randomness());
        let start = |n: usize| Decomposition::new(n, classes, scale, randomness).map_err(|e| self.input.named(e));
        let sample = |n: usize| LogitSample::new(points, n, classes, scale).map_err(|e| self.input.named(e));
        let few = FEWER.into_iter().filter(|n| *n < models);
        let fewer = few
            .map(|models| Ok(FirstModels { models, found: (start(models)?, sample(models)?) }))
            .collect::<Result<Vec<_>, CliError>>()?;
        let kl = match self.kl {
            true => Some(KlDecomposition::new(models, classes, scale, randomness).map_err(|e| self.input.named(e))?),
            false => None,
        };
        let all = ((start(models)?, sample(models)?), (fewer, kl));
        let ((whole, sample), (fewer, kl)) = self.input.pass(&slabs, &labels, all, "points")?;
        let averages = whole.averages().map_err(|e| self.input.named(e))?;
        let kl = match kl {
            Some(kl) => Some((kl.averages().map(|averages| (kl, averages)))?),
            None => None,
        };
        let aligned = self.aligned(&whole, &sample);
        let bootstrap = match self.bootstrap {
            Some(draws) => {
                let kl = kl.as_ref().map(|(kl, _)| kl);
                Some(self.bootstrap((&whole, kl), (&slabs, &labels), draws, aligned.is_ok())?)
            }
            None => None,
        };
        let zero = |of: fn(&Point) -> f64| whole.points().iter().filter(|p| of(p) <= 0.0).count();
        let of_side = |right: bool| self.looked_at(&whole).filter(move |p| p.correct() == right);
        let two_split = TwoSplit::of(&whole, of_side(true), Seed::new(self.seed)).map_err(|e| self.input.named(e))?;
        Ok(Found {
            averages,
            kl,
            aligned,
            fewer: fewer.iter().map(|few| (few.models, self.aligned(&few.found.0, &few.found.1))).collect(),
            right: Side::of(of_side(true))?,
            wrong: Side::of(of_side(false))?,
            two_split,
            zero: [zero(|p| p.variance), zero(|p| p.bias)],
            bootstrap,
            whole,
        })
    }

    /// The alignment of right points, beside its nulls.
    fn aligned(&self, found: &Decomposition, sample: &LogitSample) -> Aligned {
        let alignment = Alignment::of(found, self.selection()).map_err(|error| error.to_string())?;
        let nulls = Nulls::of(found, sample, &alignment, self.draws, Seed::new(self.seed));
        Ok((alignment, nulls.map_err(|error| error.to_string())?))
    }

    /// Reads the predictions again, for every ensemble that is drawn.
    fn bootstrap(
        &self,
        (whole, kl): (&Decomposition, Option<&KlDecomposition>),
        (slabs, labels): (&Slabs, &[usize]),
        draws: usize,
        aligned: bool,
    ) -> Result<Bootstrap, CliError> {
        let seed = Seed::new(self.seed).named("bootstrap");
        let ensembles = ModelBootstrap::new(whole, draws, seed).map_err(|e| self.input.named(e))?;
        let of_kl = kl.map(|kl| KlBootstrap::new(kl, draws, seed)).transpose().map_err(|e| self.input.named(e))?;
        let (ensembles, of_kl) = self.input.pass(slabs, labels, (ensembles, of_kl), "points of the bootstrap")?;
        let kl = of_kl.map(|of_kl| of_kl.averages()).transpose().map_err(|e| self.input.named(e))?;
        let fit = match aligned {
            true => Some(ensembles.fit(self.selection()).map_err(|e| self.input.named(e))?),
            false => None,
        };
        Ok(Bootstrap { draws, averages: ensembles.averages().map_err(|e| self.input.named(e))?, fit, kl })
    }

    /// The variances that are looked at, ends excluded; an end that nobody gave excludes nothing, zero included.
    fn variances(&self) -> Option<[f64; 2]> {
        (self.min_variance.is_some() || self.max_variance.is_some())
            .then(|| [self.min_variance.unwrap_or(f64::NEG_INFINITY), self.max_variance.unwrap_or(f64::INFINITY)])
    }

    fn selection(&self) -> Selection {
        Selection { variances: self.variances(), ..Selection::default() }
    }

    /// The points that the alignment may look at, right and wrong.
    fn looked_at<'a>(&self, found: &'a Decomposition) -> impl Iterator<Item = &'a Point> + use<'a> {
        let variances = self.variances();
        let inside = move |p: &&Point| variances.is_none_or(|[lo, hi]| p.variance > lo && p.variance < hi);
        found.points().iter().filter(inside)
    }
}

/// The share above the diagonal in percent: `98.3 [93.1, 99.7]`.
fn share(side: &Side) -> String {
    side.above.as_ref().map_or("none".into(), |e| interval(percent, e.value, e.lo, e.hi))
}

/// The median log-ratio.
fn median(side: &Side) -> String {
    side.median_log_ratio.map_or("none".into(), number)
}
