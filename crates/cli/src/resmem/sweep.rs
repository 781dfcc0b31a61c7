//! `tenfold resmem sweep`: choose k, sigma and T on validation data.

use super::input::{Examples, Task, Truth};
use super::settings::{KernelName, MethodName, Width, check_method, name, shown};
use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use tenfold_core_tensor::files::write_atomic;
use tenfold_resmem::{Grid, Measure, Memory, Method};

/// Try every combination of k, sigma and temperature on validation data.
///
/// Never give it test data: three free parameters overfit easily. One search serves the whole grid. A row that is in the memory
/// is scored without itself.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold resmem sweep --memory model.memory.safetensors \\\n    --keys val.npz:emb --logits val.npz:logits --labels val.npz:y \\\n    --k 1,8,64 --sigma 0.25x,1x,4x --temperature 1,2 --out sweep.csv --params best.json"
)]
pub(crate) struct Sweep {
    /// Memory file.
    #[arg(long, value_name = "FILE")]
    memory: PathBuf,
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    truth: Truth,
    /// What to sweep: the memory, nearest neighbours alone, or the kNN-LM mixture.
    #[arg(long, value_enum, default_value = "resmem")]
    method: MethodName,
    /// Numbers of neighbours [default: 1, 2, 4, ... 128, as far as there are rows].
    #[arg(long, value_delimiter = ',')]
    k: Vec<usize>,
    /// Kernel widths, absolute or as multiples (2x) of the median distance to the nearest other key
    /// [default: 0.0625x, 0.25x, 1x, 4x, 16x].
    #[arg(long, value_delimiter = ',')]
    sigma: Vec<Width>,
    /// Temperatures [default: 0.5, 1, 2, 4].
    #[arg(long, value_delimiter = ',')]
    temperature: Vec<f64>,
    /// Weights of kNN in the mixture [default: 0.1, 0.2, ... 0.9].
    #[arg(long, value_delimiter = ',')]
    lambda: Vec<f64>,
    /// How weights fall with distance.
    #[arg(long, value_enum, default_value = "exponential")]
    kernel: KernelName,
    /// Table to write: one row a combination.
    #[arg(long, value_name = "FILE.csv", value_parser = ending("csv"))]
    out: Option<PathBuf>,
    /// Where to write the method and its best parameters, for `predict --params`.
    #[arg(long, value_name = "FILE.json", value_parser = ending("json"))]
    params: Option<PathBuf>,
}

impl Sweep {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", &self.out)?;
        writable("--params", &self.params)?;
        let method = Method::from(self.method);
        check_method(method, self.temperature.first().copied(), self.lambda.first().copied())?;
        let memory = Memory::load(&self.memory)?;
        let task = Task::of(&memory);
        let (keys, base) = self.examples.read_for(&memory)?;
        let targets = self.truth.read_needed(task, keys.nrows(), memory.width())?;
        self.examples.check_rounding(&self.truth)?;
        // A row of the memory finds itself, and k = 1 would be right on it whatever else is true.
        let own = memory.own_rows(keys.view(), &targets)?;
        let left_out = own.iter().flatten().count();
        let neighbours = memory.len() - usize::from(left_out > 0);
        if neighbours == 0 {
            let rule = "is the only row of the memory: nothing is left to look at without it".into();
            return Err(CliError::Option { option: "--keys", value: self.examples.keys.to_string(), rule });
        }
        let grid = self.grid(neighbours);
        grid.validate(neighbours)?;
        let most = grid.k.iter().copied().max().unwrap_or(1);
        let found = match left_out {
            0 => memory.search(keys.view(), most, None)?,
            _ => memory.search_without(keys.view(), most, &own)?,
        };
        let sweep = memory.sweep(&found, &base, &targets, method, &grid)?;
        let measure = match sweep.measure {
            Measure::Accuracy => "accuracy",
            Measure::MeanSquaredError => "mean_squared_error",
        };
        if let Some(path) = &self.out {
            write_atomic(path, |w| {
                writeln!(w, "k,sigma,sigma_absolute,temperature,lambda,{measure}")?;
                for p in &sweep.points {
                    let lambda = p.lambda.map_or_else(String::new, |l| l.to_string());
                    let (sigma, params) = (shown(p.params.sigma), p.params);
                    writeln!(w, "{},{sigma},{},{},{lambda},{}", params.k, p.sigma, params.temperature, p.score)?;
                }
                Ok(())
            })?;
        }
        let best = sweep.best;
        if let Some(path) = &self.params {
            write_atomic(path, |w| {
                serde_json::to_writer_pretty(&mut *w, &sweep.choice())?;
                w.write_all(b"\n")
            })?;
        }
        let mut output = Output::new()
            .field("method", name(method), name(method))
            .field("combinations", sweep.points.len(), sweep.points.len())
            .field("k", best.params.k, best.params.k)
            .field("sigma", shown(best.params.sigma), best.sigma)
            .field("temperature", best.params.temperature, best.params.temperature);
        if let Some(lambda) = best.lambda {
            output = output.field("lambda", lambda, lambda);
        }
        if left_out > 0 {
            let rows = keys.nrows();
            eprintln!("warning: {left_out} of the {rows} rows are rows of the memory; each was scored without itself");
            output = output.field(
                "left_out",
                format!("{left_out} rows of the memory, each of its own neighbours"),
                left_out,
            );
        }
        Ok(output.field(&format!("{measure}_base"), format!("{:.4}", sweep.base), sweep.base).field(
            &format!("{measure}_best"),
            format!("{:.4}", best.score),
            best.score,
        ))
    }

    fn grid(&self, rows: usize) -> Grid {
        let own = Grid::default();
        let or = |given: &Vec<f64>, own: Vec<f64>| if given.is_empty() { own } else { given.clone() };
        Grid {
            // Only our own list is cut to the rows there are: a k that a person asked for is an error beyond them.
            k: if self.k.is_empty() { own.k.into_iter().filter(|k| *k <= rows).collect() } else { self.k.clone() },
            sigma: if self.sigma.is_empty() { own.sigma } else { self.sigma.iter().map(|w| w.0).collect() },
            temperature: or(&self.temperature, own.temperature),
            lambda: or(&self.lambda, own.lambda),
            kernel: self.kernel.into(),
        }
    }
}
