//! What is claimed of ResMem, written before any run.

use super::Measured;
use super::findings::{comparison, exact, linear, synthetic};
use crate::claim::{Claim, Kind, Rule};
use crate::experiment::Decision;

/// Largest change of accuracy, as a share, that counts as "the same" for an approximate index.
pub(super) const HNSW_MARGIN: f64 = 0.002;
/// Largest lead over kNN alone, as a share, that still counts as "no better" on pure clusters.
pub(super) const CLUSTER_MARGIN: f64 = 0.01;
/// Largest distance of a fitted slope from the law's exponent that counts as agreement.
pub(super) const SLOPE_MARGIN: f64 = 0.05;

/// Twelve claims, each with the function that decides it.
pub(super) const CLAIMS: &[Decision<Measured>] = &[
    Decision {
        claim: Claim {
            id: "resmem.beats-base",
            kind: Kind::Empirical,
            statement: "Adding the memory raises test accuracy at every capacity of the base model.",
            source: "the abstract (better test performance than the base model); that it holds at every size is recalled",
            statistic: "the smallest over all capacities of the gain in test accuracy, ResMem minus base, interval over \
                        training seeds and test points (crossed), k, sigma and T chosen on validation",
            rule: Rule::Above(0.0),
        },
        find: comparison::beats_base,
    },
    Decision {
        claim: Claim {
            id: "resmem.gain-shrinks-with-capacity",
            kind: Kind::Empirical,
            statement: "The gain from the memory is larger for the smallest base model than for the largest.",
            source: "derived here: a base that fits its training data leaves residuals near zero",
            statistic: "gain at the smallest capacity minus gain at the largest, paired by seed and test point, interval over \
                        both",
            rule: Rule::Above(0.0),
        },
        find: comparison::shrinks,
    },
    Decision {
        claim: Claim {
            id: "resmem.beats-knn",
            kind: Kind::Empirical,
            statement: "ResMem is more accurate than nearest neighbours alone on the same keys.",
            source: "recalled: nearest neighbours are a baseline of the paper",
            statistic: "mean over all capacities of ResMem minus kNN in test accuracy, each with its own best k and sigma \
                        on validation, interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: comparison::beats_knn,
    },
    Decision {
        claim: Claim {
            id: "resmem.beats-knnlm-mixture",
            kind: Kind::Empirical,
            statement: "ResMem is more accurate than a mixture of base and nearest-neighbour probabilities.",
            source: "recalled and unsure: a comparison in an appendix",
            statistic: "mean over all capacities of ResMem minus the mixture in test accuracy, the mixture with its own \
                        best k, sigma, T and lambda on validation, interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: comparison::beats_mixture,
    },
    Decision {
        claim: Claim {
            id: "resmem.gain-grows-with-n",
            kind: Kind::Empirical,
            statement: "The gain from the memory grows with the number of training points.",
            source: "a press article on the paper (the benefit is clearest where the training set is very large)",
            statistic: "least-squares slope of the gain in test accuracy per doubling of n at the middle capacity, equal \
                        gradient steps at every n, interval over seeds and test points",
            rule: Rule::Above(0.0),
        },
        find: comparison::grows,
    },
    Decision {
        claim: Claim {
            id: "resmem.interpolates-at-k1",
            kind: Kind::Identity,
            statement: "With one neighbour and distinct keys the prediction on a training point is its label exactly.",
            source: "the abstract (the sum can interpolate the training labels), derived here for distinct keys",
            statistic: "largest entry of |F(x_i) - e_{y_i}| over training points with a key of their own",
            rule: Rule::Tolerance(1e-6),
        },
        find: exact::interpolates,
    },
    Decision {
        claim: Claim {
            id: "resmem.limits-span-base-and-knn",
            kind: Kind::Identity,
            statement: "ResMem spans base and kNN: all neighbours with equal weights add one constant vector to the base, and \
                        an infinite temperature leaves kNN alone.",
            source: "derived here",
            statistic: "largest deviation from base plus mean residual at k = n, sigma = 1e12, and from kNN at T = 1e12, over \
                        test points and classes",
            rule: Rule::Tolerance(1e-6),
        },
        find: exact::limits,
    },
    Decision {
        claim: Claim {
            id: "resmem.counterexample-pure-clusters",
            kind: Kind::Control,
            statement: "Where the data are nothing but labelled clusters, ResMem is no better than nearest neighbours alone.",
            source: "derived here: there is no rule for the base to learn",
            statistic: "ResMem minus kNN in test accuracy on raw inputs of the synthetic cluster data, each at its own best \
                        setting on validation, interval over seeds",
            rule: Rule::Below(CLUSTER_MARGIN),
        },
        find: synthetic::clusters,
    },
    Decision {
        claim: Claim {
            id: "resmem.risk-rate",
            kind: Kind::Theory,
            statement: "In the linear setting the risk of ResMem falls like n^(-2/d), where the base alone stays at (1-L)^2.",
            source: "the abstract (a stylised linear problem in which the risk is better than the base's); the rate is derived \
                     here, the boundary of the ball ignored",
            statistic: "the largest over d = 2, 4, 8 of |slope of log risk on log n + 2/d|, slopes fitted per seed at four n, \
                        interval over seeds",
            rule: Rule::Below(SLOPE_MARGIN),
        },
        find: linear::rate,
    },
    Decision {
        claim: Claim {
            id: "resmem.noise-breaks-k1",
            kind: Kind::Theory,
            statement: "One neighbour is worse than the base once the label noise exceeds 1-L and better below; ResMem at its \
                        best k beats kNN at its best k at every noise level.",
            source: "derived here: k neighbours add about s^2/k to the risk",
            statistic: "the smallest of: risk of k=1 minus base at noise 1.0, base minus k=1 at noise 0.25, and kNN minus \
                        ResMem (each at its best k by the risk against the noiseless target on fresh validation points) at \
                        four noise levels, intervals over seeds",
            rule: Rule::Above(0.0),
        },
        find: linear::noise,
    },
    Decision {
        claim: Claim {
            id: "resmem.fixes-more-than-it-breaks",
            kind: Kind::Empirical,
            statement: "The memory fixes more test points than it breaks, and exceptions to the rule are more common among the \
                        fixed than among the broken.",
            source: "derived here; that fixes are within one coarse class is recalled and unsure",
            statistic: "the smaller of: share fixed minus share broken, and share of exceptions among the fixed minus among \
                        the broken, on the synthetic rule-and-exceptions data at the middle width, interval over seeds",
            rule: Rule::Above(0.0),
        },
        find: synthetic::fixes,
    },
    Decision {
        claim: Claim {
            id: "resmem.hnsw-matches-exact",
            kind: Kind::Empirical,
            statement: "An approximate index (HNSW) gives the accuracy of exact search.",
            source: "recalled and unsure: approximate search in the language experiment",
            statistic: "test accuracy with HNSW minus with exact search at the largest capacity, same settings, interval over \
                        seeds and test points",
            rule: Rule::Within(HNSW_MARGIN),
        },
        find: comparison::hnsw,
    },
];
