//! Ensembles, point by point: bias and variance, calibration, neural collapse.
//!
//! The usual tools average the squared error of many models over a test set. Here every test point has its own Bias^2 and Var, from
//! an array of probabilities or logits `[N models, n points, C classes]` of any framework, and every result carries an interval
//! and the name of what differed from model to model.
//!
//! | question | item |
//! |---|---|
//! | Bias^2 and variance of each point, of the squared loss? | [`Decomposition`] |
//! | ... of the cross-entropy? | [`KlDecomposition`] |
//! | with intervals from ensembles drawn anew? | [`ModelBootstrap`], [`KlBootstrap`] |
//! | from a file that does not fit in memory, all in one reading? | [`pass`] |
//! | from models that are asked one at a time? | [`ensemble`] |
//! | do the two go together? | [`Alignment`] |
//! | more than independent noise would make them? | [`Nulls`], from a [`LogitSample`] |
//! | without the noise that the two share? | [`TwoSplit`] |
//! | are the probabilities right? | [`Calibration`], [`CalibrationError`], [`GapBound`], [`gap_by`] |
//! | which temperature mends them? | [`fit_temperature`] of single models, [`fit_mean_temperature`] of their mean |
//! | is disagreement the error? | [`Disagreement`] |
//! | how far has the network collapsed, and what follows? | [`collapse`] |
//!
//! ```
//! use ndarray::Array3;
//! use tenfold_analysis::{Alignment, Decomposition, LogitSample, Nulls, Randomness, Scale, Selection};
//! use tenfold_core_tensor::seed::Seed;
//!
//! // Eight models, sixty points, three classes: logits of any framework.
//! let noise = |t: usize, i: usize, k: usize| ((t * 7919 + i * 104_729 + k * 31) % 97) as f32 / 48.5 - 1.0;
//! let logits = Array3::from_shape_fn((8, 60, 3), |(t, i, k)| {
//!     noise(t, i, k) + if k == 0 { 1.0 + i as f32 / 10.0 } else { 0.0 }
//! });
//! let found = Decomposition::of(logits.view(), &[0; 60], Scale::logits(), Randomness::Seed)?;
//! let averages = found.averages()?;
//! assert!(averages.additivity < 1e-14 && averages.bias.over_models.value > 0.0);
//!
//! // The slope is near one, as it is for noise that knows nothing of the points: the nulls say so.
//! let alignment = Alignment::of(&found, Selection::default())?;
//! let sample = LogitSample::of(logits.view(), &[0; 60], Scale::logits())?;
//! let nulls = Nulls::of(&found, &sample, &alignment, 200, Seed::new(1))?;
//! assert!((alignment.fit.slope.value - nulls.dealt.drawn.slope.mean).abs() < 0.2);
//! # Ok::<(), tenfold_analysis::AnalysisError>(())
//! ```
//!
//! # Map
//!
//! | folder | question | stands on |
//! |---|---|---|
//! | `predictions` | what do all models say of each point, read once? | |
//! | `decomposition` | bias and variance of each point, their averages, and ensembles drawn anew? | `predictions` |
//! | `alignment` | do the two go together, and more than noise makes them? | `decomposition` |
//! | `calibration` | are probabilities what they say, and what follows where they are? | `decomposition` |
//! | [`collapse`] | how far has a network collapsed, and what follows? | |
//! | `charts` | what is drawn of all that? | all above |
//!
//! Arrows go up this table only, in tests too: `use crate::` names another folder, `use super::` a file of the same.
//!
//! # When it misleads
//!
//! - A slope near one and a high R^2 come by themselves: see [`Nulls`]. What can say something is the distance from it.
//! - Few models push plug-in Bias^2 up to `Var / (N - 1)`, a floor that looks like alignment. Compare several N.
//! - `1 - p` in single precision has a floor near 6e-8, where confident points line up by rounding. Give logits, or probabilities
//!   whose small entries were not rounded away; nothing is subtracted from one here.
//! - Wrong test labels make points that are wrong and sure: the tail of large Bias^2 is theirs too.
//! - A temperature fitted on the test points makes calibration on them a tautology.
//!
//! Source: Chen, Lukasik, Jitkrittum, You and Kumar, "On Bias-Variance Alignment in Deep Models" (ICLR 2024, arXiv 2310.09250);
//! what is derived in this project says so.

mod alignment;
mod calibration;
#[cfg(feature = "charts")]
pub mod charts;
pub mod collapse;
mod decomposition;
mod error;
mod predictions;

pub use alignment::{
    Alignment, BOUND_SHARES, Drawn, FEWEST_NULL_DRAWS, Fit, LogitSample, Noise, Null, Nulls, SplitLine, Statistic,
    TwoSplit, fit, uniform_null,
};
pub use calibration::{
    Bins, Calibration, CalibrationError, Disagreement, GapBin, GapBound, Temperature, fit_mean_temperature,
    fit_temperature, gap_by,
};
pub use decomposition::{
    Average, Averages, BootstrapAverages, Decomposition, FEWEST_DRAWS, KlBootstrap, KlDecomposition, KlPoint,
    LOG_FLOOR, MOST_DRAWS, ModelBootstrap, Point, Selection, Side, Split,
};
pub use error::AnalysisError;
pub use predictions::{
    Block, FirstModels, MeanModel, PerPoint, Predictions, Randomness, SUM_TOLERANCE, Scale, ensemble, mean_model, pass,
};

/// The chapter's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/bias-variance.md")]
struct Chapter;
