//! Memorisation: what classifiers memorise, measured per example.
//!
//! Feldman's score asks how much likelier a model gets an example right for having seen it. Train K models on random subsets
//! ([`SubsetDesign`]), note which examples each gets right ([`Study`]), and read off every example's [`Score`] with an interval, its
//! [`Influence`] on test points, and, over models of several sizes, the shape of its trajectory ([`TrajectoryRule`]).
//! What was estimated is the memorisation of an algorithm trained on `p n` examples, not n.
//!
//! | question | item |
//! |---|---|
//! | which examples does each model see? | [`SubsetDesign`], [`Design`] |
//! | how much is each example memorised? | [`Study`], [`Score`] |
//! | ... by its definition, for a few? | [`leave_one_out()`] |
//! | which training examples matter for a test point? | [`Influence`] |
//! | how sure is an average over examples? | [`Resamples`], over models |
//! | does the score rise or fall with size? | [`TrajectoryRule`], [`quadratic_shape`], [`shares`] |
//! | do scores gather at two ends? | [`bimodality()`], [`dip_p_value`] |
//! | what does a cheap proxy say? | [`proxies`] |
//! | what is it worth to memorise a rare example? | [`theory`] |
//! | how are published scores laid out? | [`published`] |
//!
//! The crate sees masks, outcomes and logits, from any framework, or a closure that trains:
//!
//! ```
//! use tenfold_core_tensor::{mask::BitMask, seed::Seed};
//! use tenfold_memorisation::{MemorisationError, Study, SubsetDesign};
//!
//! // A nearest-neighbour "network" on a line whose example 5 has the wrong label.
//! let label = |i: usize| usize::from(i >= 20) ^ usize::from(i == 5);
//! let nearest = |mask: &BitMask, i: usize| (0..40).filter(|&j| mask.get(j)).min_by_key(|&j| i.abs_diff(j)).unwrap();
//! let masks = SubsetDesign::new(40, 100).masks(Seed::new(7))?;
//! let study = Study::run(masks, |_, mask| {
//!     Ok::<_, MemorisationError>((0..40).map(|i| label(nearest(mask, i)) == label(i)).collect())
//! })?;
//! let scores = study.scores()?;
//! // Its label is right only where it was seen; others need not be seen.
//! assert_eq!(scores[5].mem.value, 1.0);
//! assert!(scores[35].mem.value < 0.1);
//! # Ok::<(), tenfold_memorisation::MemorisationError>(())
//! ```
//!
//! # When it misleads
//!
//! - Outcomes must be those of clean inputs in inference mode: augmentation lowers p_in.
//! - Early-stopped models can have negative scores.
//! - A duplicate that stays in protects the one that is left out: both score low.
//! - Where every model fits its training set, p_in is 1 and the score is 1 - p_out: it falls as models get better, whatever
//!   they memorise. Show p_in and p_out beside it.
//! - Scores of all examples share the models. Averages have intervals over models, not over examples.
//!
//! Source: Lukasik, Nagarajan, Rawat, Menon and Kumar, "What do larger image classifiers memorise?" (TMLR 2024, arXiv
//! 2310.05337); the estimator is Feldman and Zhang's (2020), the definition Feldman's (2020).

mod bimodality;
mod design;
mod error;
mod influence;
mod leave_one_out;
pub mod proxies;
pub mod published;
mod resample;
mod scores;
mod study;
pub mod theory;
mod trajectory;

pub use bimodality::{Bimodality, bimodality, dip_p_value};
pub use design::{Design, MOST_BITS, SubsetDesign};
pub use error::MemorisationError;
pub use influence::{Influence, Tested};
pub use leave_one_out::leave_one_out;
pub use resample::{FEWEST_DRAWS, MOST_DRAWS, Resamples};
pub use scores::{Score, probability_scores};
pub use study::{Counts, Study, bit_rows, implied_error};
pub use trajectory::{Shape, TrajectoryRule, quadratic_shape, shares};

/// The chapter's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/memorisation.md")]
struct Chapter;
