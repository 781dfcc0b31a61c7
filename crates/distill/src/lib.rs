//! Knowledge distillation that does not fail the rare classes.
//!
//! A student that learns from a teacher is often better than one that learns from labels, on average; on classes that the teacher
//! itself does not know it can be worse. What is here says on which classes, how surely, and makes losses and soft targets that do
//! better, from plain arrays of probabilities or logits `[n examples, m classes]` of any framework.
//!
//! | question | item |
//! |---|---|
//! | what does the teacher say, at which temperature? | [`Teacher`] |
//! | on which classes can it be trusted? | [`Margins`], [`ClassTrust`] |
//! | targets that follow that? | [`AdaAlpha`], [`SoftTargets`] |
//! | losses, with gradients? | [`SoftCrossEntropy`], [`Hinton`], [`Decoupled`], [`AdaMargin`], [`OneHotMix`] |
//! | training for the worst class? | [`ClassRisks`], [`Objective`], [`Multipliers`] |
//! | without a student? | [`PostShift`] |
//! | what has changed, class by class, with intervals? | [`Predictions`], [`Summary`], [`Comparison`] |
//! | are the teacher's errors repeated? | [`Amplification`] |
//! | why may small groups lose? | [`RidgeGroup`], in closed form; [`Discrete`] for theorem 2 |
//!
//! ```
//! use ndarray::array;
//! use tenfold_distill::{AdaAlpha, MarginSource, Margins, RowLoss, SoftCrossEntropy, Teacher};
//!
//! // Logits of a teacher that knows class 0 and not class 1, on examples that it was not trained on.
//! let logits = array![[3.0_f32, 0.0], [2.0, 0.0], [1.0, 0.0], [0.5, 0.5]];
//! let labels = [0, 0, 1, 1];
//! let teacher = Teacher::logits(logits.view(), 1.0)?;
//! let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::HoldOut)?;
//!
//! // Soft targets at T = 3: the teacher's where it can be trusted, labels where it cannot.
//! let targets = AdaAlpha::default().targets(&teacher, &labels, &margins, 3.0)?;
//! assert!(targets.values[[0, 1]] > 0.1 && targets.values[[2, 1]] == 1.0);
//!
//! // Any student trains on them with plain soft cross-entropy.
//! let loss = SoftCrossEntropy::new(targets.values.view())?;
//! assert!((loss.mean(array![[0.0_f32, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]].view())? - 2f64.ln()).abs() < 1e-7);
//! # Ok::<(), tenfold_distill::DistillError>(())
//! ```
//!
//! # Map
//!
//! | folder | question | stands on |
//! |---|---|---|
//! | `rows` | how are rows read, in either precision and by several threads? | |
//! | `teacher` | what does the teacher say, how reliable is it, and which targets follow? | `rows` |
//! | `losses` | what is minimised? | `teacher` |
//! | `robust` | how is the worst class helped? | `losses` |
//! | `student` (feature `students`) | how is a network trained on all that? | `robust` |
//! | `diagnose` | what do predictions say, class by class? | `teacher` |
//! | `charts` (feature `charts`) | what is drawn of that? | `diagnose` |
//! | `theory` | when does distillation harm a group? | |
//!
//! Arrows go up this table only; tests look where they need to.
//!
//! # When it misleads
//!
//! - Compare a distilled student with the **same student trained on labels**, not with its teacher: the sign of most findings depends
//!   on it.
//! - Margins of a teacher on its own training set are near 1 on every class. Use a hold-out part, folds or a validation set.
//! - The worst class is a minimum: on a small test set it looks worse than it is. [`Summary`] says by how much.
//! - One teacher is one draw: retrain it for every seed before a difference is believed.
//! - Nothing may be chosen on the test set, and what multipliers were updated with is no longer a fresh validation set: see [`Gap`].
//!
//! Sources: Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet: understanding and mitigating biases in distillation" (arXiv
//! 2106.10494); Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance: on the interplay
//! between teacher and student objectives" (UAI 2023, PMLR 216). Each item says what it takes from which, what is our reading where the
//! text was not at hand, and what is derived in this project.

#[cfg(feature = "charts")]
pub mod charts;
mod diagnose;
mod error;
mod losses;
mod robust;
mod rows;
#[cfg(feature = "students")]
mod student;
mod teacher;
#[cfg(test)]
mod testing;
mod theory;
mod warning;

pub use diagnose::{
    Amplification, CalibrationTerm, ClassChange, ClassRecall, ClassTrust, Comparison, FEWEST_DRAWS, Gap, LEVEL,
    MOST_DRAWS, Predictions, Summary, Trust, Verdict, WorstDifference, WorstOf,
};
pub use error::DistillError;
pub use losses::{
    AdaMargin, AdaMarginForm, Decoupled, Distance, Hinton, MARGIN_FLOOR, OneHotMix, Reduction, RowLoss,
    SoftCrossEntropy,
};
pub use robust::{
    ClassRisks, Discrete, EgParams, GroupDro, MULTIPLIER_FLOOR, Multipliers, Objective, PostShift, RiskKind,
    ScoreAverage, Shift, ShiftQuality, Theorem2, Theorem4, pareto,
};
pub use rows::{Real, SUM_TOLERANCE};
#[cfg(feature = "students")]
pub use student::{Form, Lesson, StudentError, Taught, Validation, ValidationLabels, on_tensor};
pub use teacher::{
    AdaAlpha, AlphaMap, Folds, MARGINAL_FLOOR, MarginScope, MarginSource, Marginal, Margins, SoftTargets, Teacher,
    margin, one_hot,
};
pub use theory::RidgeGroup;
pub use warning::Warning;

/// The chapter's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/distillation.md")]
struct Chapter;
