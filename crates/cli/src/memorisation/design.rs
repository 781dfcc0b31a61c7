//! `tenfold memorisation design`: which examples each model is to see.

use crate::error::CliError;
use crate::output::{Output, ending, writable};
use clap::{Args, ValueEnum};
use ndarray::Array2;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::write_npy;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::{Design, SubsetDesign, implied_error};

/// Draw the subsets: a table of zeros and ones, one row for each model to train.
///
/// Train model k on the examples with a 1 in row k, then write which examples each model gets right to a table of the same
/// shape, and give both to `score`.
#[derive(Args)]
#[command(after_help = "Example:\n  tenfold memorisation design --examples 50000 --models 400 --out mask.npy")]
pub(crate) struct Draw {
    /// Examples of the training set, n.
    #[arg(long)]
    examples: usize,
    /// Models to train, K.
    #[arg(long)]
    models: usize,
    /// Share of the examples that each model sees, p.
    #[arg(long, default_value_t = 0.7)]
    fraction: f64,
    /// How subsets are drawn.
    #[arg(long, value_enum, default_value = "stratified")]
    design: DesignName,
    /// Seed of the draw.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Table to write, `[models, examples]`, bytes 0 and 1.
    #[arg(long, value_name = "FILE.npy", value_parser = ending("npy"))]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum DesignName {
    /// Each model sees as many examples; how many models see an example is left to chance.
    Plain,
    /// Each example is seen by as many models.
    Stratified,
    /// Rounds of ten models whose subsets complement each other.
    Complementary,
}

impl Draw {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        writable("--out", [&self.out])?;
        let design = match self.design {
            DesignName::Plain => Design::Plain,
            DesignName::Stratified => Design::Stratified,
            DesignName::Complementary => Design::Complementary,
        };
        let subsets = SubsetDesign::new(self.examples, self.models).with_fraction(self.fraction).with_design(design);
        let masks = subsets.masks(Seed::new(self.seed))?;
        let table = Array2::from_shape_fn((self.models, self.examples), |(k, i)| u8::from(masks[k].get(i)));
        write_npy(&self.out, table.view())?;
        let output = Output::new()
            .field("models", self.models, self.models)
            .field("examples", self.examples, self.examples)
            .field("written", self.out.display(), self.out.display().to_string());
        Ok(match implied_error(self.models, self.fraction) {
            Ok(se) => output.field("largest_error", format!("{se:.3} (standard error of a score)"), se),
            Err(_) => output.line("warning: so few models leave scores without an error"),
        })
    }
}
