//! The margin of one probability.

/// `gamma(y, p) = p_y - (1 / (m - 1)) sum_{j != y} p_j = (m p_y - 1) / (m - 1)`: from `-1 / (m - 1)` over 0 at chance to 1 at
/// certainty. The sum over classes is 1, so that the margin is an affine function of the label's probability alone.
///
/// ```
/// use tenfold_distill::margin;
/// let close = |a: f64, b: f64| (a - b).abs() < 1e-15;
/// assert!(close(margin(0.7, 3), 0.55) && close(margin(0.2, 3), -0.2) && close(margin(0.1, 3), -0.35));
/// assert!(close(margin(0.5, 100), 49.0 / 99.0) && close(margin(0.01, 100), 0.0));
/// ```
///
/// Source: defined in Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023),
/// after Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv 2106.10494); the affine form is derived in this project.
pub fn margin(probability: f64, classes: usize) -> f64 {
    (classes as f64 * probability - 1.0) / (classes as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::probabilities;

    #[test]
    fn the_affine_form_is_the_definition() {
        let p = probabilities(20, 7, 1);
        for row in p.outer_iter() {
            for (y, &p_y) in row.iter().enumerate() {
                let others: f64 = row.iter().enumerate().filter(|(j, _)| *j != y).map(|(_, p)| p).sum();
                assert!((margin(p_y, 7) - (p_y - others / 6.0)).abs() < 1e-14);
            }
        }
    }
}
