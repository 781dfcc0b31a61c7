//! AdaMargin: the teacher's margin inside the distillation loss.

use super::cross_entropy::SoftCrossEntropy;
use super::decoupled::softplus;
use super::row_loss::RowLoss;
use crate::error::{DistillError, require, require_per_class, require_positive};
use crate::rows::Real;
use crate::warning::Warning;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The least margin of the multiplicative form, by default.
pub const MARGIN_FLOOR: f64 = 0.01;

/// How a margin gamma becomes the term rho of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdaMarginForm {
    /// M1: `rho = scale gamma`.
    Additive {
        /// The scale.
        scale: f64,
    },
    /// M2: `rho = log max(gamma, floor)`: the sum in the loss is multiplied by the margin.
    Multiplicative {
        /// The least margin: at zero the class would silently leave the loss.
        floor: f64,
    },
}

impl Default for AdaMarginForm {
    fn default() -> Self {
        Self::Multiplicative { floor: MARGIN_FLOOR }
    }
}

impl AdaMarginForm {
    fn validate(self) -> Result<(), DistillError> {
        match self {
            Self::Additive { scale } => require(scale.is_finite(), "scale", scale, "must be finite"),
            Self::Multiplicative { floor } => require_positive("floor", floor),
        }
    }

    /// rho of a margin.
    fn term(self, margin: f64) -> f64 {
        match self {
            Self::Additive { scale } => scale * margin,
            Self::Multiplicative { floor } => margin.max(floor).ln(),
        }
    }
}

/// `l_i = sum_y p_iy log (1 + e^{rho_y} sum_{j != y} e^{f_j - f_y})` for teacher probabilities p (tempered before they come here)
/// and student logits f, both `[n, m]`, in nats.
///
/// **Convention**: only the teacher is tempered, and there is no factor T^2; batch mean. The margin of a class is usually that at
/// T = 1, whatever the targets' temperature.
///
/// **Which form**: the full text of "Teacher's pet" was not at hand when this was written. That the margin stands inside the
/// distillation loss is read from the robust paper; both forms are our reading. [`AdaMarginForm::Multiplicative`] is the default,
/// because it alone collapses on long tails as the robust paper reports. Report the form that was used.
///
/// With rho = 0 for every class it is plain distillation, to the bit.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{AdaMargin, AdaMarginForm, RowLoss, SoftCrossEntropy};
/// let (p, f) = (array![[0.7, 0.2, 0.1]], array![[0.3, 1.2, -0.4]]);
/// let (loss, warnings) = AdaMargin::per_class(p.view(), &[0.9, 0.5, 0.0], AdaMarginForm::default())?;
/// assert_eq!(warnings.len(), 1); // the last class has no margin
/// assert!(loss.mean(f.view())? < SoftCrossEntropy::new(p.view())?.mean(f.view())?);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv 2106.10494), our reading; Wang, Narasimhan, Zhou, Hooker,
/// Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), section on baselines.
#[derive(Clone, Debug)]
pub struct AdaMargin<'a, T> {
    plain: SoftCrossEntropy<'a, T>,
    targets: ArrayView2<'a, T>,
    terms: Terms,
}

/// rho of each class, or of each class at each point.
#[derive(Clone, Debug)]
enum Terms {
    None,
    PerClass(Vec<f64>),
    PerExample(AdaMarginForm),
}

impl<'a, T: Real> AdaMargin<'a, T> {
    /// With one margin for each class, such as [`Margins::per_class`](crate::Margins::per_class).
    ///
    /// # Errors
    /// Targets as in [`SoftCrossEntropy::new`]; not one finite margin for each class; a floor that is not above 0.
    pub fn per_class(
        targets: ArrayView2<'a, T>,
        margins: &[f64],
        form: AdaMarginForm,
    ) -> Result<(Self, Vec<Warning>), DistillError> {
        let plain = SoftCrossEntropy::new(targets)?;
        form.validate()?;
        require_per_class("margins", margins, targets.ncols())?;
        let rho: Vec<f64> = margins.iter().map(|m| form.term(*m)).collect();
        let warnings = match form {
            AdaMarginForm::Multiplicative { floor } => {
                let low = margins.iter().enumerate().filter(|(_, m)| **m < floor);
                low.map(|(class, &margin)| Warning::MarginRaised { class, margin, floor }).collect()
            }
            AdaMarginForm::Additive { .. } => Vec::new(),
        };
        let terms = if rho.iter().all(|r| *r == 0.0) { Terms::None } else { Terms::PerClass(rho) };
        Ok((Self { plain, targets, terms }, warnings))
    }

    /// With the margin of each class at each point, `gamma(y, p_i) = (m p_iy - 1) / (m - 1)`, from the targets as they are.
    ///
    /// # Errors
    /// As [`per_class`](Self::per_class).
    pub fn per_example(targets: ArrayView2<'a, T>, form: AdaMarginForm) -> Result<Self, DistillError> {
        form.validate()?;
        Ok(Self { plain: SoftCrossEntropy::new(targets)?, targets, terms: Terms::PerExample(form) })
    }
}

impl<T: Real> RowLoss for AdaMargin<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.targets.dim()
    }

    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64 {
        let classes = scores.len();
        let rho = |y: usize, p: f64| match &self.terms {
            Terms::None => 0.0,
            Terms::PerClass(rho) => rho[y],
            Terms::PerExample(form) => form.term(crate::teacher::margin(p, classes)),
        };
        if matches!(self.terms, Terms::None) {
            return self.plain.row(i, scores, gradient);
        }
        let targets = self.targets.row(i);
        with_terms(|y| targets[y].wide(), rho, scores, gradient)
    }
}

/// The loss of a row with targets `p(y)` and terms `rho(y, p)`, and its gradient in the scores. It is linear in the targets.
fn with_terms(p: impl Fn(usize) -> f64, rho: impl Fn(usize, f64) -> f64, scores: &[f64], gradient: &mut [f64]) -> f64 {
    let top = tenfold_core_tensor::ops::top_k::argmax(scores);
    gradient.iter_mut().zip(scores).for_each(|(e, f)| *e = (f - scores[top]).exp());
    // Next to the largest, whose exponential is one, nothing is lost by a subtraction.
    let others: f64 = gradient.iter().enumerate().filter(|(j, _)| *j != top).map(|(_, e)| e).sum();
    let rest = |y: usize, e: f64| if y == top { others } else { 1.0 + others - e };
    // What each class y brings: its share sigma_y of the loss's slope, and sigma_y / rest_y for every other class.
    let (mut loss, mut all) = (0.0, 0.0);
    let part = |y: usize, p: f64, e: f64| {
        let (rho, rest) = (rho(y, p), rest(y, e));
        let odds = rho + rest.ln() - (scores[y] - scores[top]);
        let sigma = 1.0 / (1.0 + (-odds).exp());
        // Without rest all other exponentials vanished, and nothing is left to be shared.
        (odds, sigma, if rest > 0.0 { p * sigma / rest } else { 0.0 })
    };
    for (y, e) in gradient.iter().enumerate().filter(|(y, _)| p(*y) > 0.0) {
        let (odds, _, share) = part(y, p(y), *e);
        loss += p(y) * softplus(odds);
        all += share;
    }
    for (y, g) in gradient.iter_mut().enumerate() {
        let (p, e) = (p(y), *g);
        *g = match p > 0.0 {
            true => {
                let (_, sigma, share) = part(y, p, e);
                e * (all - share) - p * sigma
            }
            false => e * all,
        };
    }
    loss
}

/// The loss as a training loop of `tenfold-vision` takes it, with one margin for each class.
#[cfg(feature = "students")]
pub(crate) fn in_training(
    margins: &[f64],
    form: AdaMarginForm,
) -> Result<std::sync::Arc<tenfold_vision::RowLoss>, DistillError> {
    form.validate()?;
    let rho: Vec<f64> = margins.iter().map(|margin| form.term(*margin)).collect();
    Ok(std::sync::Arc::new(move |z: &[f32], t: &[f32], _: f32, gradient: &mut [f32]| {
        let scores: Vec<f64> = z.iter().map(|z| f64::from(*z)).collect();
        let mut slope = vec![0.0; z.len()];
        let loss = with_terms(|y| f64::from(t[y]), |y, _| rho[y], &scores, &mut slope);
        gradient.iter_mut().zip(slope).for_each(|(to, slope)| *to = slope as f32);
        loss as f32
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_gradient, probabilities, scores};

    /// The definition.
    fn by_hand(p: &[f64], f: &[f64], rho: &[f64]) -> f64 {
        let m = p.len();
        let sum = |y: usize| (0..m).filter(|j| *j != y).map(|j| (f[j] - f[y]).exp()).sum::<f64>();
        (0..m).map(|y| p[y] * (rho[y].exp() * sum(y)).ln_1p()).sum()
    }

    #[test]
    fn no_margin_is_plain_distillation_to_the_bit() {
        let (p, f) = (probabilities(5, 4, 1), scores(5, 4, 2));
        let plain = SoftCrossEntropy::new(p.view()).unwrap().gradient(f.view()).unwrap();
        for (margins, form) in [
            ([0.0; 4], AdaMarginForm::Additive { scale: 1.0 }),
            ([0.3; 4], AdaMarginForm::Additive { scale: 0.0 }),
            ([1.0; 4], AdaMarginForm::default()),
        ] {
            let (loss, warnings) = AdaMargin::per_class(p.view(), &margins, form).unwrap();
            assert_eq!(loss.gradient(f.view()).unwrap(), plain);
            assert!(warnings.is_empty());
        }
    }

    #[test]
    fn both_forms_are_their_definition_and_one_another() {
        let (p, f, gamma) = (probabilities(6, 4, 3), scores(6, 4, 4), [0.9, 0.4, 0.05, -0.1]);
        let floored = gamma.map(|g: f64| g.max(0.01).ln());
        let (m2, warnings) = AdaMargin::per_class(p.view(), &gamma, AdaMarginForm::default()).unwrap();
        assert_eq!(warnings, [Warning::MarginRaised { class: 3, margin: -0.1, floor: 0.01 }]);
        let (m1, _) = AdaMargin::per_class(p.view(), &floored, AdaMarginForm::Additive { scale: 1.0 }).unwrap();
        let (found, same) = (m2.each(f.view()).unwrap(), m1.each(f.view()).unwrap());
        for i in 0..6 {
            let hand = by_hand(p.row(i).as_slice().unwrap(), f.row(i).as_slice().unwrap(), &floored);
            assert!((found[i] - hand).abs() < 1e-13 && (same[i] - hand).abs() < 1e-13);
        }
        let m = AdaMargin::per_example(p.view(), AdaMarginForm::Additive { scale: 2.0 }).unwrap();
        let rho: Vec<f64> = p.row(2).iter().map(|p| 2.0 * (4.0 * p - 1.0) / 3.0).collect();
        let hand = by_hand(p.row(2).as_slice().unwrap(), f.row(2).as_slice().unwrap(), &rho);
        assert!((m.each(f.view()).unwrap()[2] - hand).abs() < 1e-13);
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        let (p, f) = (probabilities(4, 5, 5), scores(4, 5, 6));
        for form in [AdaMarginForm::Additive { scale: 1.0 }, AdaMarginForm::default()] {
            check_gradient(&AdaMargin::per_class(p.view(), &[0.9, 0.5, 0.2, 0.0, -0.2], form).unwrap().0, &f);
            check_gradient(&AdaMargin::per_example(p.view(), form).unwrap(), &f);
        }
    }

    #[test]
    fn far_scores_give_numbers() {
        let p = probabilities(1, 3, 7);
        let f = ndarray::array![[900.0, 0.0, -900.0]];
        for form in [AdaMarginForm::default(), AdaMarginForm::Additive { scale: 2000.0 }] {
            let (loss, _) = AdaMargin::per_class(p.view(), &[0.9, 0.5, 0.1], form).unwrap();
            let (value, gradient) = loss.gradient(f.view()).unwrap();
            assert!(value.is_finite() && gradient.iter().all(|g: &f64| g.is_finite()), "{value} {gradient}");
        }
    }

    #[test]
    fn settings_are_checked() {
        let p = probabilities(2, 3, 1);
        let new = |margins: &[f64], form| AdaMargin::per_class(p.view(), margins, form).map(|_| ()).unwrap_err();
        assert!(new(&[0.1; 2], AdaMarginForm::default()).to_string().contains("one number for each class"));
        let floor = AdaMarginForm::Multiplicative { floor: 0.0 };
        assert_eq!(new(&[0.1; 3], floor).to_string(), "floor = 0: must be finite and above 0");
        let scale = AdaMarginForm::Additive { scale: f64::NAN };
        assert_eq!(new(&[0.1; 3], scale).to_string(), "scale = NaN: must be finite");
    }
}
