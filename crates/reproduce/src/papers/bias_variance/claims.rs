//! What is claimed of bias and variance, written before the run that decides.
//!
//! The rules of seven claims are a third version. Reviews of the earlier ones, on ensembles that were nothing but noise, showed rules
//! that noise alone would satisfy or break. After the rules stood, networks were trained anew from other seeds; the published run is
//! of those. The chapter says what was changed (docs/src/bias-variance.md).

use super::Measured;
use super::findings::{alignment, calibration, divergence, identities, shape};
use crate::claim::{Claim, Kind, Rule};
use crate::experiment::Decision;

/// Largest misfit of an identity that rounding explains.
const ROUNDING: f64 = 1e-12;
/// Distance of the slope from one that counts as aligned.
const SLOPE_MARGIN: f64 = 0.25;
/// Difference of the gap from the Gini impurity that counts as none.
const GAP_MARGIN: f64 = 0.01;
/// Relative difference of a closed form from Monte Carlo that counts as none.
const FORM_MARGIN: f64 = 0.02;
/// Difference of disagreement and error that counts as none.
const DISAGREEMENT_MARGIN: f64 = 0.02;

/// Twelve claims, each with the function that decides it.
pub(super) const CLAIMS: &[Decision<Measured>] = &[
    Decision {
        claim: Claim {
            id: "bias-variance.identity-additive",
            kind: Kind::Identity,
            statement: "Squared bias and variance of a point add up to its mean loss; so do those of the cross-entropy.",
            source: "derived here; the definitions are those of referees' reports",
            statistic: "largest |Bias^2 + Var - loss| of a point, over all ensembles and both losses, as a share of the loss \
                        where that is above one",
            rule: Rule::Tolerance(ROUNDING),
        },
        find: |m| Ok(identities::additive(m)),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.exact-gap-identity",
            kind: Kind::Identity,
            statement: "Bias^2 - Var = G + 2 (||h||^2 - h_y) at every point.",
            source: "derived here",
            statistic: "largest absolute misfit of a point, over all ensembles",
            rule: Rule::Tolerance(ROUNDING),
        },
        find: |m| Ok(identities::identity(m)),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.aligned-on-correct",
            kind: Kind::Control,
            statement: "On points that the mean model gets right, log Bias^2 goes with log Var at slope one; independent noise \
                        makes it so by itself.",
            source: "the abstract and referees' reports; that noise alone does it is derived here",
            statistic: "slope of total least squares at the widest perceptron minus one, plug-in, right points; jackknife over \
                        models",
            rule: Rule::Within(SLOPE_MARGIN),
        },
        find: |m| alignment::aligned(&m.all()),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.aligned-beyond-null",
            kind: Kind::Empirical,
            statement: "Right points lie closer to a line than independent noise of the logits puts them.",
            source: "the abstract and referees' reports; the nulls are derived here",
            statistic: "Fisher's atanh r of log Bias^2 and log Var at the widest perceptron, right points, minus its mean under \
                        independent noise; the interval covers those of two nulls, the points' own noise dealt out anew and normal \
                        noise of one law; jackknife over models of each difference",
            rule: Rule::Above(0.0),
        },
        find: |m| Ok(alignment::beyond_null(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.bias-bounds-variance",
            kind: Kind::Empirical,
            statement: "Bias^2 >= c Var on nearly all right points, with a c above that of independent noise, which has the floor \
                        1/(N-1) of N models too.",
            source: "referees' reports; the floor is derived here",
            statistic: "log of the largest c that 95 % of the right points reach at the widest perceptron, minus its mean under \
                        independent noise; the interval covers those of two nulls, the points' own noise dealt out anew and normal \
                        noise of one law; jackknife over models of each difference",
            rule: Rule::Above(0.0),
        },
        find: |m| Ok(alignment::bounds(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.stronger-when-larger",
            kind: Kind::Empirical,
            statement: "Alignment beyond the null is stronger in larger networks.",
            source: "referees' reports and a summary page",
            statistic: "slope on log2 of the width of atanh r beyond independent noise, the sign of r counted, over all perceptrons \
                        and over those with a training accuracy of 0.9 or more; the interval covers both with each of two nulls; \
                        jackknife over the models of each width",
            rule: Rule::Above(0.0),
        },
        find: |m| Ok(alignment::stronger(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.calibration-implies-equality",
            kind: Kind::Theory,
            statement: "Where the mean model is calibrated, E[Bias^2] - E[Var] = E[G].",
            source: "derived here; referees' reports describe a bound through calibration error",
            statistic: "mean of Bias^2 - Var - G over the points of a synthetic ensemble whose labels are drawn from its mean \
                        model; t interval over points",
            rule: Rule::Within(GAP_MARGIN),
        },
        find: |m| Ok(calibration::calibrated(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.calibration-bound-holds",
            kind: Kind::Theory,
            statement: "The distance from that equality is at most twice the sum over classes of the calibration errors.",
            source: "derived here",
            statistic: "smallest of right side minus left side over nine laws of the labels of a synthetic ensemble of two classes, \
                        P(Y = k | h) as h_k^a with a from 0.25 to 4: the right side is known there without bins (half of it bounds two \
                        classes, so this cannot show the bound to be the best); t interval over points",
            rule: Rule::Above(-GAP_MARGIN),
        },
        find: |m| Ok(calibration::bound(&m.all(), &m.found.sweep)),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.collapse-closed-forms",
            kind: Kind::Theory,
            statement: "Bias^2 and Var of the simple model of collapse have the closed forms derived for it.",
            source: "derived here from the assumption that referees' reports state",
            statistic: "of the relative deviations of Monte Carlo from the closed form, nine settings of K and s', the one \
                        whose interval reaches furthest from zero; t interval over repetitions",
            rule: Rule::Within(FORM_MARGIN),
        },
        find: |m| Ok(shape::closed_forms(&m.all())),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.kl-weaker",
            kind: Kind::Empirical,
            statement: "Under the cross-entropy in place of the squared loss, points are less aligned.",
            source: "a referee's reading of two appendices",
            statistic: "atanh r of log bias and log variance beyond independent noise, of the cross-entropy minus that of the squared \
                        loss; the interval covers those of two nulls; points that both mean models of the widest perceptron get right; jackknife over \
                        models of the difference",
            rule: Rule::Below(0.0),
        },
        find: |m| Ok(divergence::kl_weaker(&m.all(), &m.found.kl)),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.variance-unimodal-in-width",
            kind: Kind::Empirical,
            statement: "The mean variance over points rises and then falls with width.",
            source: "the readme of the code of Yang et al. (2020)",
            statistic: "the smaller of: mean variance at a width between minus that at the narrowest, and minus that at the widest \
                        perceptron; the width with the largest such number on the first half of the models, all three measured on the \
                        second; jackknife over its models and the same points",
            rule: Rule::Above(0.0),
        },
        find: |m| shape::unimodal(&m.all()),
    },
    Decision {
        claim: Claim {
            id: "bias-variance.disagreement-equals-error-after-temperature",
            kind: Kind::Empirical,
            statement: "After temperature scaling, the disagreement of two models is the error of one.",
            source: "derived here; referees' reports name the relation to Jiang et al. (2022)",
            statistic: "mean of 1 - <h_t, h_t'> over pairs of distinct models minus mean of 1 - h_y at the widest perceptron, one \
                        temperature fitted on validation images to the mean model, whose calibration the equality needs; interval over \
                        models at that temperature, test points and validation images",
            rule: Rule::Within(DISAGREEMENT_MARGIN),
        },
        find: |m| Ok(calibration::equals_error(&m.all(), &m.found.disagreements)),
    },
];
