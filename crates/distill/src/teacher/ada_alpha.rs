//! AdaAlpha: less of the teacher where it is less reliable.

use super::margins::Margins;
use super::stored::Teacher;
use super::targets::SoftTargets;
use crate::error::{DistillError, require_labels, require_positive, require_shape, require_share};
use crate::rows::{Real, write_rows};
use serde::{Deserialize, Serialize};

/// How a margin becomes the share alpha of the teacher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlphaMap {
    /// `alpha = max(0, gamma)`.
    #[default]
    Clip,
    /// `alpha = max(0, gamma)^power`.
    ClipPow {
        /// The power.
        power: f64,
    },
    /// `alpha` whatever the margin: the baseline without adaptation; 1 is plain distillation.
    Const {
        /// The share.
        alpha: f64,
    },
}

impl AlphaMap {
    fn validate(self) -> Result<(), DistillError> {
        match self {
            Self::Clip => Ok(()),
            Self::ClipPow { power } => require_positive("power", power),
            Self::Const { alpha } => require_share("alpha", alpha),
        }
    }

    /// alpha of a margin, from 0 to 1.
    pub fn alpha(self, margin: f64) -> f64 {
        match self {
            Self::Clip => margin.clamp(0.0, 1.0),
            Self::ClipPow { power } => margin.clamp(0.0, 1.0).powf(power),
            Self::Const { alpha } => alpha,
        }
    }
}

/// Whose margin it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarginScope {
    /// The mean of the example's class.
    #[default]
    PerClass,
    /// The example's own.
    PerExample,
}

/// Soft targets `q_i = (1 - alpha) one-hot(y_i) + alpha p_i`, with p the teacher's probabilities at the targets' temperature and
/// alpha from the teacher's margin on the class `y_i` (or on the example).
///
/// Plain soft cross-entropy on q is `(1 - alpha) CE(y_i, f) + alpha CE(p_i, f)`: no second loss is needed. Where the teacher is no
/// better than chance on a class, its examples have their labels only. **Convention**: alpha stands on the teacher's term; only the
/// teacher is tempered; no T^2.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{AdaAlpha, MarginSource, Margins, Teacher};
/// let p = array![[0.9_f64, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]];
/// let (teacher, labels) = (Teacher::probabilities(p.view(), 1.0)?, [0, 0, 1, 1]);
/// let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::HoldOut)?;
/// let targets = AdaAlpha::default().targets(&teacher, &labels, &margins, 1.0)?;
/// // Class 0 has margin 0.6, class 1 has none: its labels stay as they are.
/// assert!((targets.values[[0, 0]] - 0.94).abs() < 1e-12);
/// assert_eq!(targets.values.row(2).to_vec(), [0.0, 1.0]);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv 2106.10494), as the robust paper describes it: the margin
/// mixes one-hot and distillation losses. The map `max(0, gamma)` and the mean per class are our reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaAlpha {
    /// How a margin becomes alpha; default [`AlphaMap::Clip`].
    pub map: AlphaMap,
    /// Whose margin; default [`MarginScope::PerClass`].
    pub scope: MarginScope,
}

impl AdaAlpha {
    /// Sets the map.
    #[must_use]
    pub fn with_map(mut self, map: AlphaMap) -> Self {
        self.map = map;
        self
    }

    /// Sets the scope.
    #[must_use]
    pub fn with_scope(mut self, scope: MarginScope) -> Self {
        self.scope = scope;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// A power that is not above 0, or a constant that is not from 0 to 1.
    pub fn validate(&self) -> Result<(), DistillError> {
        self.map.validate()
    }

    /// alpha of each class, `[m]`.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn alphas(&self, margins: &Margins) -> Result<Vec<f64>, DistillError> {
        self.validate()?;
        Ok(margins.per_class().into_iter().map(|gamma| self.map.alpha(gamma)).collect())
    }

    /// Targets for training examples with labels `[n]`, from a teacher's predictions on them at a temperature.
    ///
    /// # Errors
    /// Labels or margins that do not fit (margins per example must be of these examples), a temperature that is not above 0, a
    /// field that breaks its rule.
    pub fn targets<T: Real>(
        &self,
        teacher: &Teacher<T>,
        labels: &[usize],
        margins: &Margins,
        temperature: f64,
    ) -> Result<SoftTargets<T>, DistillError> {
        require_positive("temperature", temperature)?;
        let (rows, classes) = (teacher.rows(), teacher.classes());
        require_labels(labels, rows, classes)?;
        let rule = "margins of the teacher's classes";
        require_shape("margins and teacher", &[margins.counts().len()], &[classes], rule)?;
        let alphas = self.alphas(margins)?;
        if self.scope == MarginScope::PerExample {
            let rule = "margins per example must be of the examples whose targets are made";
            require_shape("margins and examples", &[margins.per_example().len()], &[rows], rule)?;
        }
        let (values, _) = write_rows((rows, classes), |i, q| {
            let alpha = match self.scope {
                MarginScope::PerClass => alphas[labels[i]],
                MarginScope::PerExample => self.map.alpha(margins.per_example()[i]),
            };
            teacher.row(i, temperature, q);
            if alpha != 1.0 {
                q.iter_mut().for_each(|q| *q *= alpha);
                q[labels[i]] += 1.0 - alpha;
            }
            Ok(())
        })?;
        Ok(SoftTargets { values, weights: vec![1.0; rows], temperature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{OneHotMix, RowLoss, SoftCrossEntropy};
    use crate::teacher::MarginSource;
    use crate::testing::{check_gradient, scores};

    fn example() -> (ndarray::Array2<f64>, [usize; 6]) {
        (scores(6, 3, 1), [0, 0, 1, 1, 2, 2])
    }

    #[test]
    fn a_constant_of_one_is_plain_distillation_to_the_bit() {
        let (z, labels) = example();
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::InSample).unwrap();
        let plain = teacher.tempered(3.0).unwrap();
        for scope in [MarginScope::PerClass, MarginScope::PerExample] {
            let all = AdaAlpha::default().with_map(AlphaMap::Const { alpha: 1.0 }).with_scope(scope);
            assert_eq!(all.targets(&teacher, &labels, &margins, 3.0).unwrap().values, plain);
        }
    }

    #[test]
    fn one_loss_on_the_targets_is_the_two_losses_mixed() {
        let (z, labels) = example();
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::HoldOut).unwrap();
        let (p, f) = (teacher.tempered(3.0).unwrap(), scores(6, 3, 9));
        let power = AlphaMap::ClipPow { power: 0.5 };
        for (scope, map) in [(MarginScope::PerClass, AlphaMap::Clip), (MarginScope::PerExample, power)] {
            let ada = AdaAlpha { map, scope };
            let targets = ada.targets(&teacher, &labels, &margins, 3.0).unwrap().values;
            assert!(targets.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
            let loss = SoftCrossEntropy::new(targets.view()).unwrap();
            let each = loss.each(f.view()).unwrap();
            for i in 0..6 {
                let gamma = match scope {
                    MarginScope::PerClass => margins.per_class()[labels[i]],
                    MarginScope::PerExample => margins.per_example()[i],
                };
                let plain = SoftCrossEntropy::new(p.view()).unwrap();
                let mixed = OneHotMix::new(plain, &labels, map.alpha(gamma)).unwrap();
                assert!((mixed.each(f.view()).unwrap()[i] - each[i]).abs() < 1e-13);
            }
            check_gradient(&loss, &f);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let (z, labels) = example();
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::External).unwrap();
        let part = z.slice(ndarray::s![..4, ..]);
        let few = Teacher::logits(part, 1.0).unwrap();
        let per_example = AdaAlpha::default().with_scope(MarginScope::PerExample);
        assert!(
            per_example.targets(&few, &labels[..4], &margins, 1.0).unwrap_err().to_string().contains("[6] against [4]")
        );
        let message = |map| AdaAlpha::default().with_map(map).validate().unwrap_err().to_string();
        assert_eq!(message(AlphaMap::Const { alpha: -0.1 }), "alpha = -0.1: must be from 0 to 1");
        assert_eq!(message(AlphaMap::ClipPow { power: 0.0 }), "power = 0: must be finite and above 0");
        assert!(AdaAlpha::default().targets(&teacher, &labels, &margins, 0.0).is_err());
        assert!(AdaAlpha::default().targets(&teacher, &labels[1..], &margins, 1.0).is_err());
        let text = serde_json::to_string(&per_example).unwrap();
        assert_eq!(serde_json::from_str::<AdaAlpha>(&text).unwrap(), per_example);
    }
}
