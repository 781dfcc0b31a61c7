//! Whether two sides computed the same: only then is a ratio of their times worth anything.

/// The largest difference between two results, as a share of the largest size in either, and how much of it rounding may
/// explain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// `max |a - b| / max(|a|, |b|)` over all numbers; infinite where lengths differ or a number is not finite.
    pub difference: f64,
    /// The most that is taken for rounding.
    pub tolerance: f64,
}

impl Agreement {
    /// Compares two results number by number.
    ///
    /// ```
    /// use tenfold_benches::agreement::Agreement;
    /// let close = Agreement::of([1.0, 2.0], [1.0, 2.002], 2e-3);
    /// assert!(close.holds() && close.difference > 9e-4);
    /// assert!(!Agreement::of([1.0, 2.0], [1.0], 0.5).holds());
    /// assert!(!Agreement::of([f64::NAN], [f64::NAN], 0.5).holds());
    /// ```
    pub fn of(ours: impl IntoIterator<Item = f64>, theirs: impl IntoIterator<Item = f64>, tolerance: f64) -> Self {
        let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
        let (mut largest, mut apart) = (0.0_f64, 0.0_f64);
        loop {
            match (ours.next(), theirs.next()) {
                (Some(a), Some(b)) if a.is_finite() && b.is_finite() => {
                    largest = largest.max(a.abs()).max(b.abs());
                    apart = apart.max((a - b).abs());
                }
                (None, None) => break,
                _ => return Self { difference: f64::INFINITY, tolerance },
            }
        }
        let difference = if apart == 0.0 { 0.0 } else { apart / largest };
        Self { difference, tolerance }
    }

    /// The worse of two comparisons, each by its own tolerance.
    pub fn and(self, other: Self) -> Self {
        if self.difference / self.tolerance >= other.difference / other.tolerance { self } else { other }
    }

    /// Whether rounding explains the difference.
    pub fn holds(self) -> bool {
        self.difference <= self.tolerance
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { difference, tolerance } = self;
        let verdict = if self.holds() { "agree" } else { "DISAGREE" };
        write!(f, "{verdict}: relative difference {difference:.1e}, allowed {tolerance:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_to_the_largest_number() {
        let agreement = Agreement::of([100.0, 0.0], [99.0, 0.5], 0.01);
        assert_eq!(agreement.difference, 0.01);
        assert!(agreement.holds());
        assert_eq!(Agreement::of([0.0; 3], [0.0; 3], 0.0).difference, 0.0);
    }

    #[test]
    fn what_cannot_be_compared_does_not_agree() {
        for (ours, theirs) in [(vec![1.0], vec![]), (vec![], vec![1.0]), (vec![f64::INFINITY], vec![1.0])] {
            let agreement = Agreement::of(ours, theirs, 1.0);
            assert!(!agreement.holds());
            assert!(agreement.to_string().starts_with("DISAGREE"), "{agreement}");
        }
    }

    #[test]
    fn the_worse_of_two_is_kept() {
        let (fine, bad) = (Agreement::of([1.0], [1.5], 0.9), Agreement::of([1.0], [1.1], 0.01));
        assert_eq!(fine.and(bad), bad);
        assert_eq!(bad.and(fine), bad);
        assert!(!fine.and(bad).holds());
    }
}
