//! From a vector of scores that sums to one to a probability vector.

/// Replaces `v` by its Euclidean projection onto the simplex `{p : p_i >= 0, sum p_i = 1}`.
///
/// `p_i = max(v_i - tau, 0)`, with `tau` such that the sum is one (found by sorting, `O(C log C)`; Held, Wolfe and
/// Crowder 1974). It keeps the order of the entries, so the largest stays the largest. An empty slice stays empty.
///
/// ```
/// use tenfold_core_tensor::ops::simplex::project_onto_simplex;
/// let mut v = [1.2, -0.3, 0.1];
/// project_onto_simplex(&mut v);
/// assert_eq!(v, [1.0, 0.0, 0.0]);
/// let mut inside = [0.5, 0.25, 0.25];
/// project_onto_simplex(&mut inside);
/// assert_eq!(inside, [0.5, 0.25, 0.25]);
/// ```
pub fn project_onto_simplex(v: &mut [f64]) {
    let mut sorted = v.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut tau) = (0.0, 0.0);
    for (i, &value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if value <= candidate {
            break;
        }
        tau = candidate;
    }
    v.iter_mut().for_each(|p| *p = (*p - tau).max(0.0));
}

/// Replaces `v` by `max(v_i, 0) / sum_j max(v_j, 0)`; the uniform vector where no entry is positive.
///
/// ```
/// use tenfold_core_tensor::ops::simplex::clip_and_renormalise;
/// let mut v = [1.5, -0.5, 0.5];
/// clip_and_renormalise(&mut v);
/// assert_eq!(v, [0.75, 0.0, 0.25]);
/// ```
pub fn clip_and_renormalise(v: &mut [f64]) {
    v.iter_mut().for_each(|p| *p = p.max(0.0));
    let sum: f64 = v.iter().sum();
    let uniform = 1.0 / v.len() as f64;
    v.iter_mut().for_each(|p| *p = if sum > 0.0 { *p / sum } else { uniform });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_projection_is_the_nearest_point(
            v in prop::collection::vec(-2.0..2.0_f64, 1..12),
            other in prop::collection::vec(0.001..1.0_f64, 12)
        ) {
            let mut p = v.clone();
            project_onto_simplex(&mut p);
            let tolerance = 1e-12 * v.len() as f64;
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < tolerance);
            prop_assert!(p.iter().all(|p| *p >= 0.0));
            // Obtuse angle at the projection: <v - p, q - p> <= 0 for every q of the simplex.
            let total: f64 = other[..v.len()].iter().sum();
            let inner: f64 = v.iter().zip(&p).zip(&other).map(|((v, p), q)| (v - p) * (q / total - p)).sum();
            prop_assert!(inner <= tolerance);
            let mut twice = p.clone();
            project_onto_simplex(&mut twice);
            prop_assert!(p.iter().zip(&twice).all(|(a, b)| (a - b).abs() < tolerance));
        }

        #[test]
        fn both_keep_the_order(v in prop::collection::vec(-2.0..2.0_f64, 1..12)) {
            for f in [project_onto_simplex, clip_and_renormalise] {
                let mut p = v.clone();
                f(&mut p);
                for i in 0..v.len() {
                    for j in 0..v.len() {
                        prop_assert!(v[i] < v[j] || p[i] >= p[j]);
                    }
                }
            }
        }
    }
}
