//! Training for the worst class: risks per class, objectives, multipliers, and what the theory says.
//!
//! | question | item |
//! |---|---|
//! | the risk of each class, by whose labels? | [`ClassRisks`], of a [`RiskKind`] |
//! | standard, balanced, robust, trade-off? | [`Objective`] |
//! | multipliers that follow the worst class, and the costs they make? | [`Multipliers`], with [`EgParams`] |
//! | weights of groups without a teacher? | [`GroupDro`] |
//! | the average of scores over training? | [`ScoreAverage`] |
//! | without a student: classes re-weighted after training? | [`PostShift`], [`Shift`] |
//! | average against worst class over many runs? | [`pareto`] |
//! | the bound of theorem 2, exactly? | [`Discrete`], [`Theorem2`] |
//! | how many validation points, which step? | [`Theorem4`] |

mod discrete;
mod group_dro;
mod multipliers;
mod objective;
mod pareto;
mod post_shift;
mod risks;
mod score_average;
mod theorem4;

pub use discrete::{Discrete, Theorem2};
pub use group_dro::GroupDro;
pub use multipliers::{EgParams, MULTIPLIER_FLOOR, Multipliers};
pub use objective::Objective;
pub use pareto::pareto;
pub use post_shift::{PostShift, Shift, ShiftQuality};
pub use risks::{ClassRisks, RiskKind};
pub use score_average::ScoreAverage;
pub use theorem4::Theorem4;
