//! What is claimed, each claim beside the function that decides it.

use super::findings::{exact, gains, margins, remedies};
use super::study::Study;
use crate::claim::{Claim, Kind, Rule};
use crate::experiment::Decision;

/// Written before any run on these data; thresholds are zero, but where a claim says otherwise.
pub(super) const CLAIMS: &[Decision<Study>] = &[
    Decision {
        claim: Claim {
            id: "teachers-pet.average-improves",
            kind: Kind::Empirical,
            statement: "A distilled student has a higher average accuracy than the same student of labels.",
            source: "the abstract",
            statistic: "balanced accuracy, distilled (T = 3) minus student of labels: the smaller of balanced features and the \
                        long-tailed mixture; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: gains::average,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.some-classes-harmed",
            kind: Kind::Empirical,
            statement: "On long-tailed data distillation lowers the accuracy of the worst class.",
            source: "the abstract, which says that some subgroups lose, such as rare classes",
            statistic: "least recall, distilled (T = 5) minus student of labels: the larger of long-tailed features and the \
                        long-tailed mixture; interval over seeds and test points",
            rule: Rule::Below(0.0),
        },
        find: gains::harm,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.change-follows-heldout-margin",
            kind: Kind::Empirical,
            statement: "Classes on which the teacher's held-out margin is small gain least from distillation, whatever their frequency.",
            source: "a follow-up's description of the paper; the partial correlation is derived here",
            statistic: "rank correlation over classes of the change of recall (distilled, T = 5, minus student of labels) with the \
                        cross-fit margin: the smaller of itself and of that given the frequency; long-tailed features, an order of the \
                        classes for each seed; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: margins::change_follows,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.insample-margin-degenerate",
            kind: Kind::Empirical,
            statement: "The margin on the teacher's own training rows does not rank classes as the held-out one does.",
            source: "derived here: a teacher that fits its rows has a margin near one on every class",
            statistic: "rank correlation over classes of the change of recall with the in-sample margin minus that with the cross-fit \
                        margin; held if lower by 0.2; long-tailed features; interval over seeds and test points",
            rule: Rule::Below(-0.2),
        },
        find: margins::in_sample,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.errors-amplified",
            kind: Kind::Empirical,
            statement: "A distilled student repeats its teacher's errors more often than a student of labels makes them.",
            source: "the abstract, which says that the teacher's errors are passed on and amplified",
            statistic: "of the test points on which the teacher errs, the share on which the student says the same wrong class, distilled \
                        (T = 3) minus student of labels: the smaller of long-tailed features and the mixture; interval over seeds and test \
                        points",
            rule: Rule::Above(0.0),
        },
        find: gains::amplified,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.adaalpha-helps-worst",
            kind: Kind::Empirical,
            statement: "AdaAlpha with held-out margins raises the worst class above plain distillation's.",
            source: "the abstract and a follow-up's tables; the map of margins to weights is our reading",
            statistic: "least recall, AdaAlpha (cross-fit, T = 5) minus distilled (T = 5): the smaller of long-tailed features and the \
                        mixture; interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: remedies::ada_alpha,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.adamargin-effect-and-lt-failure",
            kind: Kind::Empirical,
            statement: "AdaMargin fails the worst class of long-tailed data.",
            source: "a follow-up's tables, in which it collapses on long-tailed data; the form of the loss is our reading",
            statistic: "least recall, AdaMargin (multiplicative, cross-fit, T = 5) minus distilled (T = 5): the larger of long-tailed \
                        features and the mixture; interval over seeds and test points",
            rule: Rule::Below(0.0),
        },
        find: remedies::ada_margin,
    },
    Decision {
        claim: Claim {
            id: "teachers-pet.ridge-closed-form",
            kind: Kind::Identity,
            statement: "In ridge regression of independent groups small groups lose by distillation where large ones gain.",
            source: "derived here; the abstract says that the paper proves such a statement for a regression",
            statistic: "deviation of the closed form from the table worked out beforehand (nine digits), and from the condition of harm",
            rule: Rule::Tolerance(1e-9),
        },
        find: exact::ridge,
    },
];
