//! `tenfold memorisation trajectories`: how scores move over sizes of a model.

use super::input::{Masks, read_bits, read_study};
use crate::error::CliError;
use crate::output::{Output, ending, within, writable};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::ArrayPath;
use tenfold_core_tensor::files::write_atomic;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::{
    FEWEST_DRAWS, MOST_DRAWS, Resamples, Score, Shape, Study, TrajectoryRule, quadratic_shape, shares,
};
use tenfold_report::{Table, number};

/// Sort examples by how their score moves as models grow: constant, increasing, decreasing, cap, U or mixed.
///
/// All sizes must be trained on the same subsets. Beside each share stands how often the shape appears where nothing moves:
/// a share that is no larger is noise.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold memorisation trajectories --mask mask.npy --correct w8.npy,w32.npy,w128.npy \\\n    --out trajectories.csv"
)]
pub(crate) struct Trajectories {
    #[command(flatten)]
    masks: Masks,
    /// Which examples each model gets right, one table for each size, smallest first.
    #[arg(long, value_name = "ARRAY", value_delimiter = ',', required = true)]
    correct: Vec<ArrayPath>,
    /// The smallest change that counts.
    #[arg(long, default_value_t = 0.1)]
    least: f64,
    /// Draws of models (intervals) and of the null, from 200 to 100,000.
    #[arg(long, default_value_t = 300)]
    draws: usize,
    /// Seed of the draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Table to write: one row for each example.
    #[arg(long, value_name = "FILE.csv", value_parser = ending("csv"))]
    out: PathBuf,
}

impl Trajectories {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        within("--draws", self.draws, FEWEST_DRAWS..=MOST_DRAWS)?;
        if self.correct.len() < 2 {
            let rule = "give a table for each of at least two sizes, separated by commas".into();
            return Err(CliError::Option { option: "--correct", value: self.correct[0].to_string(), rule });
        }
        let masks = read_bits("--mask", &self.masks.mask)?;
        let studies: Vec<Study> =
            self.correct.iter().map(|path| read_study(&masks, "--correct", path)).collect::<Result<_, _>>()?;
        let sizes: Vec<Vec<Score>> = studies.iter().map(Study::scores).collect::<Result<_, _>>()?;
        let rule = TrajectoryRule { least: self.least, ..TrajectoryRule::default() };
        let shapes = rule.classify_all(&sizes)?;
        let (seed, n) = (Seed::new(self.seed), shapes.len());
        let draws = Resamples::new(masks.len(), self.draws, seed)?;
        let found = shares(&shapes);
        let intervals = self.intervals(&draws, &rule, &studies, &sizes)?;
        let null = rule.null(&sizes, self.draws, seed)?;
        let soft = if sizes.len() >= 3 { soft_shapes(&draws, &studies, n)? } else { Vec::new() };
        write_atomic(&self.out, |w| {
            let names: Vec<String> = (1..=sizes.len()).map(|t| format!("mem{t}")).collect();
            writeln!(w, "example,{},shape,quadratic", names.join(","))?;
            for (i, shape) in shapes.iter().enumerate() {
                let scores: Vec<String> = sizes.iter().map(|s| s[i].mem.value.to_string()).collect();
                let soft = soft.get(i).map_or("", |s| s.name());
                writeln!(w, "{i},{},{},{soft}", scores.join(","), shape.name())?;
            }
            Ok(())
        })?;
        let mut table = Table::new("", ["shape", "share", "95 % over models", "share in null"]);
        let mut rows = Vec::new();
        for (s, shape) in Shape::ALL.into_iter().enumerate() {
            let (lo, hi) = intervals[s];
            let noise = null.iter().map(|shares| shares[s]).sum::<f64>() / null.len() as f64;
            let between = format!("{} to {}", number(lo), number(hi));
            table = table.row([shape.name(), &number(found[s]), &between, &number(noise)]);
            rows.push(json!({"shape": shape.name(), "share": found[s], "lo": lo, "hi": hi, "null": noise}));
        }
        let output = Output::new().field("examples", n, n).table(&table);
        Ok(output.hidden("shapes", rows).field("written", self.out.display(), self.out.display().to_string()))
    }

    /// The normal interval of each share, with its error over draws of models: drawing again adds noise that moves
    /// percentiles away from the share as it is.
    fn intervals(
        &self,
        draws: &Resamples,
        rule: &TrajectoryRule,
        studies: &[Study],
        sizes: &[Vec<Score>],
    ) -> Result<[(f64, f64); 6], CliError> {
        let everything: Vec<usize> = (0..sizes[0].len()).collect();
        let drawn = studies.iter().map(|s| draws.scores(s, &everything)).collect::<Result<Vec<_>, _>>()?;
        let mut found = vec![Vec::new(); 6];
        for b in 0..draws.draws() {
            let again: Vec<Vec<Score>> = sizes
                .iter()
                .zip(&drawn)
                .map(|(scores, drawn)| {
                    let moved = |(s, v): (&Score, &f32)| Score {
                        mem: tenfold_core_tensor::stats::Estimate {
                            value: if v.is_nan() { s.mem.value } else { f64::from(*v) },
                            ..s.mem
                        },
                        ..*s
                    };
                    scores.iter().zip(drawn.row(b)).map(moved).collect()
                })
                .collect();
            let of = shares(&rule.classify_all(&again)?);
            found.iter_mut().zip(of).for_each(|(all, share)| all.push(share));
        }
        let shares = shares(&rule.classify_all(sizes)?);
        let mut ends = found.into_iter().zip(shares).map(|(all, share)| {
            let e = draws.normal(share, all);
            (e.lo.max(0.0), e.hi.min(1.0))
        });
        Ok(std::array::from_fn(|_| ends.next().unwrap_or((f64::NAN, f64::NAN))))
    }
}

fn soft_shapes(draws: &Resamples, studies: &[Study], n: usize) -> Result<Vec<Shape>, CliError> {
    let everything: Vec<usize> = (0..n).collect();
    let drawn = studies.iter().map(|s| draws.scores(s, &everything)).collect::<Result<Vec<_>, _>>()?;
    let of = |i: usize| -> Vec<Vec<f64>> {
        (0..draws.draws()).map(|b| drawn.iter().map(|d| f64::from(d[[b, i]])).collect()).collect()
    };
    (0..n).map(|i| Ok(quadratic_shape(&of(i))?)).collect()
}
