//! Both nulls of an alignment, and what goes beyond both.

use super::fit::Fit;
use super::jackknife::Alignment;
use super::noise::Noise;
use super::null::Null;
use super::sample::LogitSample;
use crate::decomposition::Split;
use crate::error::AnalysisError;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, StatsError};

/// An alignment's two nulls: of the points' own noise dealt out anew, and of normal noise of one law for all points.
///
/// They answer the same question from two sides. Dealt noise keeps every law and size that there is; if sizes differ much, it scatters
/// points more than normal noise does, and even a loose line goes beyond it. Normal noise has one law, and a cloud whose sizes
/// differ for no reason falls short of it. What holds against both does not hang on the choice: [`beyond_of`](Self::beyond_of) covers
/// both intervals ([`Estimate::agreed`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nulls {
    /// Of [`Noise::Dealt`].
    pub dealt: Null,
    /// Of [`Noise::Normal`].
    pub normal: Null,
    /// Of each statistic: what was observed beyond both nulls' means.
    pub beyond: Fit<Estimate>,
}

impl Nulls {
    /// Draws both.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use tenfold_analysis::{Alignment, Decomposition, LogitSample, Nulls, Randomness, Scale, Selection};
    /// use tenfold_core_tensor::seed::Seed;
    ///
    /// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
    /// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
    /// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
    /// let sample = LogitSample::of(z.view(), &[0; 50], Scale::logits())?;
    /// let alignment = Alignment::of(&found, Selection::default())?;
    /// let nulls = Nulls::of(&found, &sample, &alignment, 200, Seed::new(1))?;
    /// // Slope one is what both have.
    /// assert!(nulls.each().iter().all(|null| (null.drawn.slope.mean - 1.0).abs() < 0.1));
    /// let z = nulls.beyond_of(|fit| fit.pearson.atanh())?;
    /// assert!(z.lo < z.hi);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Null::of`].
    pub fn of<D: Split>(
        found: &D,
        sample: &LogitSample,
        observed: &Alignment,
        draws: usize,
        seed: Seed,
    ) -> Result<Self, AnalysisError> {
        let of = |noise| Null::of(found, sample, observed, noise, draws, seed);
        let (dealt, normal) = (of(Noise::Dealt)?, of(Noise::Normal)?);
        let beyond = Fit::each(|statistic| dealt.beyond.get(statistic).agreed(normal.beyond.get(statistic)));
        Ok(Self { dealt, normal, beyond })
    }

    /// Dealt noise, then normal noise.
    pub fn each(&self) -> [&Null; 2] {
        [&self.dealt, &self.normal]
    }

    /// Any function of the statistics beyond both nulls ([`Null::beyond_of`]).
    ///
    /// # Errors
    /// A value that is not a finite number.
    pub fn beyond_of(&self, of: impl Fn(&Fit<f64>) -> f64) -> Result<Estimate, StatsError> {
        Ok(self.dealt.beyond_of(&of)?.agreed(self.normal.beyond_of(&of)?))
    }
}
