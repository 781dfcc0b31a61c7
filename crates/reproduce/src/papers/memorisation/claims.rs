//! What is claimed of memorisation, written before any run.

use super::Measured;
use super::findings::{distillation, estimator, longtail, planted, proxies, removal, trajectories};
use crate::claim::{Claim, Kind, Rule};
use crate::experiment::Decision;

/// Largest difference of the mean score from the gap that rounding explains.
const ROUNDING: f64 = 1e-12;
/// Largest distance of a ratio of standard errors from one half that counts as halving.
const HALF_MARGIN: f64 = 0.1;
/// How well wrong labels must stand out.
const ON_TOP: f64 = 0.9;
/// Rank correlation from which a proxy counts as ranking well.
pub(super) const RANKS: f64 = 0.4;
/// Agreement of trajectory labels beyond chance up to which a proxy counts as missing the trends.
pub(super) const MISSES: f64 = 0.2;
/// Largest relative distance of the simulated loss from the bound.
const TAIL_MARGIN: f64 = 0.02;
/// Examples that do not stay constant below which trends are not compared.
pub(super) const ENOUGH_MOVING: usize = 30;
/// Increasing examples below which they are not compared with the others.
pub(super) const ENOUGH_INCREASING: usize = 10;

/// Thirteen claims, each with the function that decides it.
pub(super) const CLAIMS: &[Decision<Measured>] = &[
    Decision {
        claim: Claim {
            id: "memorisation.mean-equals-gap",
            kind: Kind::Identity,
            statement: "The mean score is the models' training accuracy minus their held-out accuracy.",
            source: "a research note on Feldman's theory; derived here for the estimator",
            statistic: "the largest absolute difference over all sizes and both data sets; every example is in as many \
                        subsets, and subsets have one size",
            rule: Rule::Tolerance(ROUNDING),
        },
        find: |m| Ok(estimator::gap(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "memorisation.se-halves-with-4k",
            kind: Kind::Theory,
            statement: "Four times as many models halve the error of a score.",
            source: "derived here",
            statistic: "root-mean-square spread of scores between disjoint blocks of 40 models, over that between blocks \
                        of 10, minus one half; t interval over sizes, synthetic data",
            rule: Rule::Within(HALF_MARGIN),
        },
        find: |m| estimator::halves(&m.all()),
    },
    Decision {
        claim: Claim {
            id: "memorisation.planted-flips-on-top",
            kind: Kind::Empirical,
            statement: "Examples with a planted wrong label have the highest scores.",
            source: "referees' reports (increasing examples are often mislabelled); the wrong labels are planted here",
            statistic: "area under the ROC curve of the score at the largest size, single planted flips against untouched \
                        examples; normal interval with the bootstrap's error over models, times the root of two",
            rule: Rule::Above(ON_TOP),
        },
        find: |m| Ok(planted::flips(&m.all(), &m.found.drawn)),
    },
    Decision {
        claim: Claim {
            id: "memorisation.planted-duplicates-low",
            kind: Kind::Empirical,
            statement: "A wrong label that is there twice scores lower than one that is there once: the copy protects it.",
            source: "derived here: the copy stays in where the example is left out",
            statistic: "mean score of duplicated flips minus that of single flips at the largest size, bootstrap over \
                        models",
            rule: Rule::Below(0.0),
        },
        find: |m| Ok(planted::duplicates(&m.all(), &m.found.drawn)),
    },
    Decision {
        claim: Claim {
            id: "memorisation.trajectories-diverse",
            kind: Kind::Empirical,
            statement: "Scores of different examples move differently with size: at least two shapes are more frequent than \
                        noise makes them.",
            source: "the abstract and referees' reports",
            statistic: "second largest, over increasing, decreasing, cap and U, of the shape's share minus its share under \
                        the null (same p_in and p_out at all sizes); normal interval with the bootstrap's error over models, times the \
                        root of two",
            rule: Rule::Above(0.0),
        },
        find: |m| trajectories::diverse(&m.all(), &m.found),
    },
    Decision {
        claim: Claim {
            id: "memorisation.most-decrease-after-saturation",
            kind: Kind::Empirical,
            statement: "Once training accuracy has saturated, scores fall on average as networks grow.",
            source: "referees' reports (CIFAR-100, beyond ResNet-20)",
            statistic: "mean score at the largest size minus that at the first size whose mean p_in is at least 0.99, \
                        paired bootstrap over models",
            rule: Rule::Below(0.0),
        },
        find: |m| Ok(trajectories::saturated(&m.all(), &m.found)),
    },
    Decision {
        claim: Claim {
            id: "memorisation.bimodal-at-interpolation",
            kind: Kind::Empirical,
            statement: "Scores gather at a second end, near 1, as networks come to interpolate.",
            source: "referees' reports (CIFAR; weak or absent on ImageNet)",
            statistic: "share of scores above 0.9 at the largest size minus that at the smallest, normal interval with the \
                        bootstrap's error over models, times the root of two",
            rule: Rule::Above(0.0),
        },
        find: |m| Ok(trajectories::bimodal(&m.all(), &m.found.drawn)),
    },
    Decision {
        claim: Claim {
            id: "memorisation.distillation-inhibits",
            kind: Kind::Empirical,
            statement: "A student distilled from a larger teacher of the same subset memorises less than the same network \
                        trained on labels.",
            source: "the abstract and referees' reports",
            statistic: "mean score of the student (larger teacher, T = 4) minus that of the network on labels, paired \
                        bootstrap over models",
            rule: Rule::Below(0.0),
        },
        find: |m| Ok(distillation::inhibits(&m.all(), &m.found)),
    },
    Decision {
        claim: Claim {
            id: "memorisation.distillation-acts-on-increasing",
            kind: Kind::Empirical,
            statement: "Distillation lowers the scores of increasing examples more than those of others.",
            source: "the abstract and referees' reports",
            statistic: "mean change of the score by distillation (larger teacher, T = 4) over examples labelled increasing on \
                        the first half of the models, minus that over the others, both measured on the second half; \
                        bootstrap over its models",
            rule: Rule::Below(0.0),
        },
        find: |m| distillation::acts_on_increasing(&m.all(), &m.found),
    },
    Decision {
        claim: Claim {
            id: "memorisation.proxies-rank-but-miss-trends",
            kind: Kind::Empirical,
            statement: "A proxy from one training run ranks examples like the score at every size and has other trends over \
                        sizes.",
            source: "the abstract; correlations stand in a follow-up's table (CSL)",
            statistic: "the smaller of: smallest over sizes of Spearman's correlation of CSL and score, minus 0.4; and 0.2 minus \
                        Cohen's kappa of trajectory labels of 1 - cprox and score; normal intervals with the bootstrap's error \
                        over models, times the root of two",
            rule: Rule::Above(0.0),
        },
        find: |m| proxies::proxies(&m.all(), &m.found.drawn),
    },
    Decision {
        claim: Claim {
            id: "memorisation.removal-hurts-more-than-random",
            kind: Kind::Empirical,
            statement: "Removing the most memorised examples lowers test accuracy more than removing as many random ones.",
            source: "recalled (Feldman and Zhang, figure 2); contested in a follow-up and its referees' reports",
            statistic: "the smaller, over two shares removed, of test accuracy without random examples minus that without \
                        the most memorised, planted examples left out of both, equal sizes of training sets; interval over \
                        runs and test points (crossed)",
            rule: Rule::Above(0.0),
        },
        find: |m| Ok(removal::removal(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "memorisation.influence-recovers-planted-pairs",
            kind: Kind::Control,
            statement: "Rare synthetic examples influence test points of their own cluster more than others.",
            source: "derived here",
            statistic: "mean influence of examples of clusters with at most three examples on test points of the same cluster \
                        minus that on the other test points, largest size, t interval over disjoint blocks of 20 models",
            rule: Rule::Above(0.0),
        },
        find: |m| planted::influence(&m.all()),
    },
    Decision {
        claim: Claim {
            id: "memorisation.longtail-bound",
            kind: Kind::Theory,
            statement: "A learner that does not fit what it saw once loses what Feldman's bound says.",
            source: "a research note on Feldman (2020)",
            statistic: "mean of (excess error minus bound) over the mean bound, Zipf frequencies, 1,000 sub-populations and \
                        examples; t interval over simulated samples",
            rule: Rule::Within(TAIL_MARGIN),
        },
        find: |m| Ok(longtail::longtail(&m.all())),
    },
];
