//! What is claimed, each claim beside the function that decides it.

use super::findings::{exact, pairs, students, theory};
use super::study::Study;
use crate::claim::{Claim, Kind, Rule};
use crate::experiment::Decision;

/// Written before any run on these data.
pub(super) const CLAIMS: &[Decision<Study>] = &[
    Decision {
        claim: Claim {
            id: "robust-distillation.std-student-no-better-worst",
            kind: Kind::Empirical,
            statement: "On long-tailed data a standard student's worst class is no better than its own teacher's.",
            source: "the paper's main table",
            statistic: "least recall, standard student minus its teacher: the largest of standard, balanced and robust teachers; no better \
                        by 0.015; long-tailed features; interval over seeds and test points",
            rule: Rule::Below(0.015),
        },
        find: students::no_better,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.bal-and-rob-raise-worst",
            kind: Kind::Empirical,
            statement: "Balanced and robust students of a standard teacher have a better worst class than the standard student.",
            source: "the paper's main table",
            statistic: "least recall, balanced and robust student minus standard student, standard teacher: the smaller; long-tailed \
                        features; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: students::raised,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.tradeoff-along-student-alpha",
            kind: Kind::Empirical,
            statement: "From the balanced to the robust student the worst class rises and the average falls, whatever the teacher.",
            source: "the paper's supplement",
            statistic: "slope of the least recall, and minus the slope of the average, over the student's alpha in 0, 0.25, .. 1: the \
                        smallest over four teachers; long-tailed features; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: students::trade_off,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.robust-robust-not-best",
            kind: Kind::Empirical,
            statement: "A robust student of a robust teacher is not the pair with the best worst class.",
            source: "the paper's main table and text",
            statistic: "least recall, the pair that is best on half of the seeds minus robust with robust, on the other half; long-tailed \
                        features; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: pairs::not_best,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.best-teacher-is-not-most-robust",
            kind: Kind::Empirical,
            statement: "The teacher with the best worst class need not make the best robust student.",
            source: "the paper's main table and text",
            statistic: "the mixture, with the exact posterior as a teacher beside the robust one: the smaller of its student's least recall \
                        minus the other's (labels on the validation set, T = 3), and the robust teacher's own minus its own; interval over \
                        seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: exact::best_teacher,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.post-shift-overfits-validation",
            kind: Kind::Empirical,
            statement: "Shifting a teacher's predictions to do best on a validation set fits that set more than robust students do.",
            source: "the paper's supplement",
            statistic: "least recall on the validation set minus that on a fresh set of its size, shifted standard teacher minus robust \
                        student of the standard teacher; long-tailed features; t interval over seeds",
            rule: Rule::Above(0.0),
        },
        find: pairs::post_shift,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.margin-beats-weights-when-interpolating",
            kind: Kind::Empirical,
            statement: "Where a network fits its rows, costs as margins do more for the worst class than costs as weights.",
            source: "the paper's text",
            statistic: "least recall, margins minus weights, networks of labels: the smaller of balanced and robust; long-tailed features; \
                        interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: students::margins,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.theorem2-holds",
            kind: Kind::Theory,
            statement: "The distilled robust risk is as close to the robust risk as calibration and sampling say (theorem 2).",
            source: "the paper's theorem 2",
            statistic: "random discrete problems: the largest excess of the gap over its bound, in the population and of samples, as a \
                        share of the bound",
            rule: Rule::Tolerance(1e-12),
        },
        find: theory::theorem2,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.calibration-predicts-student",
            kind: Kind::Empirical,
            statement: "The better a teacher is calibrated class by class, the better the worst class of its robust student.",
            source: "the paper's theorem 2 and text; the form of the term on balanced points is derived here",
            statistic: "rank correlation over 16 teachers of the largest calibration term on balanced points with the least recall of the \
                        robust student (labels on the validation set), means over seeds; the mixture; interval over teachers, by \
                        Fisher's transformation",
            rule: Rule::Below(0.0),
        },
        find: exact::calibration,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.last-iterate-equals-average",
            kind: Kind::Empirical,
            statement: "The last iterate does as well as the mean of the scores of all iterates.",
            source: "the paper's supplement, which uses the last iterate in place of the theory's mean",
            statistic: "balanced accuracy, last iterate minus mean of scores, robust students of standard, balanced and robust teachers: the \
                        widest ends; within 0.015; long-tailed features; interval over seeds and test points",
            rule: Rule::Within(0.015),
        },
        find: students::last_iterate,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.eg-regret-bound",
            kind: Kind::Theory,
            statement: "The average regret of the multipliers is at most 2 G sqrt(log m / K) for losses up to G.",
            source: "the exponentiated gradient's bound, which the paper's theorem 4 uses",
            statistic: "random and adversarial losses: the largest excess of the average regret over its bound, as a share of the bound",
            rule: Rule::Tolerance(1e-12),
        },
        find: theory::regret,
    },
    Decision {
        claim: Claim {
            id: "robust-distillation.pareto-improves",
            kind: Kind::Empirical,
            statement: "A trade-off student improves both average and worst class, over standard distillation and over a robust student \
                        without a teacher.",
            source: "the paper's second table and supplement",
            statistic: "average and least recall, trade-off student (0.5) of the standard teacher minus standard distillation, and minus the \
                        robust student of labels: the smallest of four; long-tailed features; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: pairs::pareto_improves,
    },
];
