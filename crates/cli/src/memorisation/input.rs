//! The tables that verbs share.

use crate::error::CliError;
use clap::Args;
use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, read_labels};
use tenfold_core_tensor::mask::BitMask;
use tenfold_memorisation::published::check_order;
use tenfold_memorisation::{Study, bit_rows};

/// Which examples each model saw.
#[derive(Args)]
pub(super) struct Masks {
    /// Which examples each model saw, `[models, examples]`, zeros and ones.
    #[arg(long, value_name = "ARRAY")]
    pub(super) mask: ArrayPath,
}

/// Labels by which two files are seen to have the same order of examples.
#[derive(Args)]
pub(super) struct Order {
    /// Labels in the order of `--mask`, `[examples]`; with `--correct-labels` the two orders are compared.
    #[arg(long, value_name = "ARRAY", requires = "correct_labels")]
    mask_labels: Option<ArrayPath>,
    /// Labels in the order of `--correct`.
    #[arg(long, value_name = "ARRAY", requires = "mask_labels")]
    correct_labels: Option<ArrayPath>,
}

impl Order {
    pub(super) fn check(&self) -> Result<(), CliError> {
        if let (Some(left), Some(right)) = (&self.mask_labels, &self.correct_labels) {
            check_order(&read_labels(left)?, &read_labels(right)?)?;
        }
        Ok(())
    }
}

/// Reads a table of zeros and ones, some rows at a time.
pub(super) fn read_bits(option: &'static str, path: &ArrayPath) -> Result<Vec<BitMask>, CliError> {
    let mut blocks = RowBlocks::open(path)?;
    let refuse = |rule: String| Err(CliError::Option { option, value: path.to_string(), rule });
    match *blocks.shape() {
        [0, _] => return refuse("has no rows; there must be at least one model".into()),
        [_, 0] => return refuse("has no columns; there must be at least one".into()),
        [_, _] => {}
        _ => return refuse(format!("has shape {:?}, must be [models, examples]", blocks.shape())),
    }
    let mut rows = Vec::new();
    // Whole: a double next to zero or one is neither.
    while let Some(block) = blocks.next_block_f64(64)? {
        let bits = bit_rows("table", rows.len(), block.view());
        rows.extend(bits.map_err(|error| named(option, path, error))?);
    }
    Ok(rows)
}

/// Names the file behind what is wrong with a table.
pub(super) fn named(
    option: &'static str,
    path: &ArrayPath,
    error: tenfold_memorisation::MemorisationError,
) -> CliError {
    let text = error.to_string();
    CliError::Option { option, value: path.to_string(), rule: text.trim_start_matches("table: ").to_string() }
}

/// Reads a study.
pub(super) fn read_study(mask: &[BitMask], option: &'static str, path: &ArrayPath) -> Result<Study, CliError> {
    let correct = read_bits(option, path)?;
    if correct.len() != mask.len() {
        let (left, right) = ("--mask".to_string(), format!("{option} {path}"));
        return Err(CliError::Models { left, left_rows: mask.len(), right, right_rows: correct.len() });
    }
    let mut study = Study::new(mask.first().map_or(0, BitMask::len));
    for (mask, correct) in mask.iter().zip(correct) {
        study.add(mask.clone(), correct)?;
    }
    Ok(study)
}
