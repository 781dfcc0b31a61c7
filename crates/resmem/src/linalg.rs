//! Small symmetric systems.

use ndarray::Array2;

/// Solves `A X = B` for symmetric positive definite `A` (`[n, n]`) and `B` (`[n, c]`) by Cholesky's factorisation
/// `A = L L'`; `None` where `A` is not positive definite to working precision.
pub(crate) fn solve_positive_definite(a: &Array2<f64>, b: &Array2<f64>) -> Option<Array2<f64>> {
    let n = a.nrows();
    let mut l = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = a[[i, j]] - (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum::<f64>();
            if i > j {
                l[[i, j]] = sum / l[[j, j]];
            } else if sum > 0.0 && sum.is_finite() {
                l[[i, i]] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut x = b.clone();
    for mut column in x.columns_mut() {
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| l[[i, k]] * column[k]).sum();
            column[i] = (column[i] - sum) / l[[i, i]];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| l[[k, i]] * column[k]).sum();
            column[i] = (column[i] - sum) / l[[i, i]];
        }
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let x = solve_positive_definite(&array![[4.0, 2.0], [2.0, 3.0]], &array![[2.0], [5.0]]).unwrap();
        assert!((x[[0, 0]] + 0.5).abs() < 1e-15 && (x[[1, 0]] - 2.0).abs() < 1e-15);
        assert_eq!(solve_positive_definite(&array![[1.0, 2.0], [2.0, 1.0]], &array![[0.0], [0.0]]), None);
    }

    proptest! {
        #[test]
        fn solves(values in prop::collection::vec(-1.0..1.0_f64, 25), b in prop::collection::vec(-1.0..1.0_f64, 10)) {
            let m = Array2::from_shape_vec((5, 5), values).unwrap();
            // Eigenvalues within 1 and 26: the error is a small multiple of the condition number times epsilon.
            let a = m.dot(&m.t()) + Array2::<f64>::eye(5);
            let b = Array2::from_shape_vec((5, 2), b).unwrap();
            let x = solve_positive_definite(&a, &b).unwrap();
            prop_assert!((a.dot(&x) - b).iter().all(|e| e.abs() < 26.0 * 25.0 * f64::EPSILON * 4.0));
        }
    }
}
