//! NC1 to NC4 (Papyan, Han and Donoho 2020).

use crate::error::{AnalysisError, require, require_labels, require_shape};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::Serialize;

/// Eigenvalues below this share of the largest are zero: the class means of C classes span C - 1 directions.
const RANK: f64 = 1e-10;
/// A class mean nearer to the centre than this share of the largest mean is there but for rounding: embeddings come in single
/// precision, so that real differences are a hundred thousand times as large.
const NOTHING: f64 = 1e-12;

/// Most classes that are measured: tables of classes by classes take 2 GiB each, and their eigenvectors hours.
pub const MOST_CLASSES: usize = 1 << 14;

/// How far embeddings and head have collapsed; all numbers fall to 0 as they do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NeuralCollapse {
    /// NC1, variability within classes: `tr(Sigma_W Sigma_B^+) / C`.
    pub within: f64,
    /// NC2, equal lengths: the coefficient of variation of `||mu_c - mu_G||`.
    pub lengths: f64,
    /// NC2, equal angles: the standard deviation of the cosines between class means.
    pub angles: f64,
    /// NC2, largest angles: the mean of `|cos + 1/(C - 1)|`.
    pub spread: f64,
    /// NC3, self-duality: `|| W / ||W|| - M / ||M|| ||^2` with Frobenius norms, the head's rows against the centred means. None
    /// without a head.
    pub duality: Option<f64>,
    /// NC4: share of the points on which head and nearest class mean disagree. None without a head.
    pub nearest: Option<f64>,
    /// Share of the points whose nearest class mean is not their class's.
    pub nearest_error: f64,
}

impl NeuralCollapse {
    /// From embeddings `[n, d]`, labels, and perhaps the head: weights `[C, d]` and bias `[C]`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_analysis::collapse::NeuralCollapse;
    /// // Three classes at the corners of a triangle, and a head of the same directions: collapsed.
    /// let corners = array![[1.0_f32, 0.0], [-0.5, 0.75_f32.sqrt()], [-0.5, -0.75_f32.sqrt()]];
    /// let labels = [0, 1, 2, 0, 1, 2];
    /// let x = ndarray::Array2::from_shape_fn((6, 2), |(i, j)| corners[[labels[i], j]]);
    /// let head = (corners.view(), None);
    /// let found = NeuralCollapse::of(x.view(), &labels, 3, Some(head))?;
    /// assert!(found.within < 1e-12 && found.lengths < 1e-6 && found.spread < 1e-6 && found.duality.unwrap() < 1e-12);
    /// assert_eq!((found.nearest, found.nearest_error), (Some(0.0), 0.0));
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// No points, fewer than two classes or more than [`MOST_CLASSES`], a class without points, shapes that do not go together, a number that is not finite, a head of
    /// zeros alone, class means that are all the same, or a class whose mean is their centre, which has no direction. The field
    /// or shape names what is at fault: `embeddings`, `labels`, `head` or `bias`.
    pub fn of(
        embeddings: ArrayView2<f32>,
        labels: &[usize],
        classes: usize,
        head: Option<(ArrayView2<f32>, Option<ArrayView1<f32>>)>,
    ) -> Result<Self, AnalysisError> {
        let (n, d) = embeddings.dim();
        require(n >= 1, "embeddings", "no points", "there must be at least one")?;
        require_shape("embeddings and labels", &[n], &[labels.len()], "one label for each point")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        require_labels(labels, classes)?;
        // Before anything as large as the classes is made: as many of them as points have one.
        every_class(labels, classes)?;
        require(classes <= MOST_CLASSES, "classes", classes, format!("must be at most {MOST_CLASSES}"))?;
        if let Some((weights, bias)) = &head {
            require_shape("head and embeddings", weights.shape(), &[classes, d], "weights are [classes, width]")?;
            if let Some(bias) = bias {
                require_shape("bias and classes", bias.shape(), &[classes], "one number for each class")?;
            }
        }
        finite("embeddings", embeddings)?;
        if let Some((weights, bias)) = &head {
            finite("head", *weights)?;
            require(
                weights.iter().any(|w| *w != 0.0),
                "head",
                "zeros alone",
                "a head without length has no direction",
            )?;
            if let Some(bias) = bias {
                finite("bias", bias.insert_axis(Axis(0)))?;
            }
        }
        let means = class_means(embeddings, labels, classes);
        let centre = means.mean_axis(Axis(0)).unwrap_or_default();
        let centred = &means - &centre;
        directions(&means, &centred)?;
        let gram = centred.dot(&centred.t());
        let within = variability(embeddings, labels, &means, &centred, &gram);
        let lengths: Vec<f64> = gram.diag().iter().map(|v| v.sqrt()).collect();
        let mean_length = lengths.iter().sum::<f64>() / classes as f64;
        let cosines: Vec<f64> = (0..classes)
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .map(|(a, b)| gram[[a, b]] / (lengths[a] * lengths[b]))
            .collect();
        let ideal = -1.0 / (classes - 1) as f64;
        let nearest = nearest_means(embeddings, &means);
        let wrong = nearest.iter().zip(labels).filter(|(a, b)| a != b).count() as f64 / n as f64;
        let with_head = head.map(|(weights, bias)| {
            let weights = weights.mapv(f64::from);
            let scaled = |m: &Array2<f64>| m / m.iter().map(|v| v * v).sum::<f64>().sqrt();
            let apart = scaled(&weights) - scaled(&centred);
            let logits = embeddings.mapv(f64::from).dot(&weights.t());
            let predicted = logits.outer_iter().map(|row| {
                let at = |k: usize| row[k] + bias.map_or(0.0, |b| f64::from(b[k]));
                (1..classes).fold(0, |best, k| if at(k) > at(best) { k } else { best })
            });
            let differ = predicted.zip(&nearest).filter(|(a, b)| a != *b).count() as f64 / n as f64;
            (apart.iter().map(|v| v * v).sum::<f64>(), differ)
        });
        Ok(Self {
            within,
            lengths: deviation(&lengths) / mean_length,
            angles: deviation(&cosines),
            spread: cosines.iter().map(|c| (c - ideal).abs()).sum::<f64>() / cosines.len() as f64,
            duality: with_head.map(|(duality, _)| duality),
            nearest: with_head.map(|(_, nearest)| nearest),
            nearest_error: wrong,
        })
    }
}

/// Fails with the place of the first number that is not finite.
fn finite(name: &'static str, values: ArrayView2<f32>) -> Result<(), AnalysisError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), value)) => {
            require(false, name, format!("{value} in row {row}, column {column}"), "must be a finite number")
        }
        None => Ok(()),
    }
}

/// Fails unless every class mean lies away from the centre: there is no angle to a class without a direction.
fn directions(means: &Array2<f64>, centred: &Array2<f64>) -> Result<(), AnalysisError> {
    let lengths = |rows: &Array2<f64>| -> Vec<f64> { rows.outer_iter().map(|row| row.dot(&row).sqrt()).collect() };
    let size = lengths(means).into_iter().fold(0.0, f64::max);
    // What rounding leaves of a difference of equal means.
    let zero = |length: &f64| *length <= NOTHING * size;
    let lengths = lengths(centred);
    require(!lengths.iter().all(zero), "embeddings", "one mean for all classes", "the class means must differ")?;
    match lengths.iter().position(zero) {
        Some(class) => {
            let what = format!("the mean of class {class} is the centre of the class means");
            require(false, "embeddings", what, "its angle to the others is undefined")
        }
        None => Ok(()),
    }
}

/// Fails with the first class that has no point. It is among the first `n + 1`, so that no more than these are looked at.
fn every_class(labels: &[usize], classes: usize) -> Result<(), AnalysisError> {
    let mut seen = vec![false; classes.min(labels.len() + 1)];
    labels.iter().for_each(|&label| seen.get_mut(label).into_iter().for_each(|seen| *seen = true));
    match seen.iter().position(|seen| !seen) {
        Some(class) => require(false, "labels", format!("none of class {class}"), "every class needs a point"),
        None => Ok(()),
    }
}

fn class_means(x: ArrayView2<f32>, labels: &[usize], classes: usize) -> Array2<f64> {
    let mut means = Array2::<f64>::zeros((classes, x.ncols()));
    let mut counts = vec![0_usize; classes];
    for (row, &label) in x.outer_iter().zip(labels) {
        counts[label] += 1;
        means.row_mut(label).zip_mut_with(&row, |m, x| *m += f64::from(*x));
    }
    means.outer_iter_mut().zip(&counts).for_each(|(mut row, &n)| row /= n as f64);
    means
}

/// `tr(Sigma_W Sigma_B^+) / C`. With the centred means as rows of M, `Sigma_B = M^T M / C`; its
/// pseudo-inverse needs only the eigenvectors of the C x C matrix `M M^T`, whatever the width of the embeddings.
fn variability(
    x: ArrayView2<f32>,
    labels: &[usize],
    means: &Array2<f64>,
    centred: &Array2<f64>,
    gram: &Array2<f64>,
) -> f64 {
    let classes = means.nrows();
    // M (x - mu) of every point, and the mean of its outer products.
    let mut scatter = DMatrix::<f64>::zeros(classes, classes);
    for (row, &label) in x.outer_iter().zip(labels) {
        let away: ndarray::Array1<f64> = row.iter().zip(means.row(label)).map(|(x, m)| f64::from(*x) - m).collect();
        let seen = nalgebra::DVector::from_vec(centred.dot(&away).to_vec());
        scatter.ger(1.0 / labels.len() as f64, &seen, &seen, 1.0);
    }
    let eigen = SymmetricEigen::new(DMatrix::from_fn(classes, classes, |a, b| gram[[a, b]]));
    let largest = eigen.eigenvalues.max();
    let mut trace = 0.0;
    for (value, vector) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
        if *value > RANK * largest && *value > 0.0 {
            // Sigma_B^+ = C M^T G^{+2} M, and G^{+2} has the eigenvalue 1 / value^2 here.
            trace += classes as f64 * (vector.transpose() * &scatter * vector)[(0, 0)] / (value * value);
        }
    }
    trace / classes as f64
}

fn nearest_means(x: ArrayView2<f32>, means: &Array2<f64>) -> Vec<usize> {
    let distance = |row: ArrayView1<f32>, k: usize| -> f64 {
        row.iter().zip(means.row(k)).map(|(x, m)| (f64::from(*x) - m).powi(2)).sum()
    };
    let nearest = |row: ArrayView1<f32>| {
        let distances: Vec<f64> = (0..means.nrows()).map(|k| distance(row, k)).collect();
        (1..distances.len()).fold(0, |best, k| if distances[k] < distances[best] { k } else { best })
    };
    x.outer_iter().map(nearest).collect()
}

/// The standard deviation with n, as the definitions have it.
fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::seed::Seed;

    #[test]
    fn variability_is_the_trace_with_the_pseudo_inverse() {
        let mut rng = Seed::new(2).rng();
        let (n, d, classes) = (60, 5, 3);
        let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
        let x = Array2::from_shape_fn((n, d), |(i, j)| {
            let noise: f64 = StandardNormal.sample(&mut rng);
            (noise + if labels[i] == j { 3.0 } else { 0.0 }) as f32
        });
        let found = NeuralCollapse::of(x.view(), &labels, classes, None).unwrap();
        // The definition, with d x d matrices.
        let means = class_means(x.view(), &labels, classes);
        let centre = means.mean_axis(Axis(0)).unwrap();
        let mut between = DMatrix::<f64>::zeros(d, d);
        let mut within = DMatrix::<f64>::zeros(d, d);
        for k in 0..classes {
            let m = nalgebra::DVector::from_vec((&means.row(k) - &centre).to_vec());
            between.ger(1.0 / classes as f64, &m, &m, 1.0);
        }
        for (row, &label) in x.outer_iter().zip(&labels) {
            let away = (row.mapv(f64::from) - means.row(label)).to_vec();
            let away = nalgebra::DVector::from_vec(away);
            within.ger(1.0 / n as f64, &away, &away, 1.0);
        }
        let inverse = between.pseudo_inverse(1e-9).unwrap();
        let definition = (within * inverse).trace() / classes as f64;
        assert!((found.within / definition - 1.0).abs() < 1e-9, "{} {definition}", found.within);
        assert!(found.nearest.is_none() && found.nearest_error < 0.2);
    }

    #[test]
    fn two_classes_are_always_opposite() {
        let x = array![[0.0_f32, 0.0], [0.0, 2.0], [4.0, 0.0], [4.0, 2.0]];
        let found = NeuralCollapse::of(x.view(), &[0, 0, 1, 1], 2, None).unwrap();
        assert!(found.spread < 1e-12 && found.lengths < 1e-12);
        // Sigma_W = diag(0, 1) does not reach the direction between the means.
        assert!(found.within < 1e-12);
        // A head across the means: it sees nothing of the classes.
        let head = array![[0.0_f32, -1.0], [0.0, 1.0]];
        let bias = array![1.0_f32, -1.0];
        let found = NeuralCollapse::of(x.view(), &[0, 0, 1, 1], 2, Some((head.view(), Some(bias.view())))).unwrap();
        assert_eq!(found.nearest, Some(0.5));
        assert!((found.duality.unwrap() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let x = array![[0.0_f32], [1.0]];
        let fails = |labels: &[usize], classes: usize, text: &str| {
            let error = NeuralCollapse::of(x.view(), labels, classes, None).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        fails(&[0, 2], 3, "none of class 1");
        fails(&[0, 3], 3, "label 3");
        fails(&[0], 2, "embeddings and labels: [2] against [1]");
        // Nothing of that size is made.
        fails(&[0, 1], usize::MAX, "none of class 2");
        fails(&[0, usize::MAX - 1], usize::MAX, "none of class 1");
        let none = Array2::<f32>::zeros((0, 3));
        let error = NeuralCollapse::of(none.view(), &[], 2, None).unwrap_err().to_string();
        assert_eq!(error, "embeddings = no points: there must be at least one");
        let many = Array2::from_shape_fn((MOST_CLASSES + 1, 1), |(i, _)| i as f32);
        let labels: Vec<usize> = (0..=MOST_CLASSES).collect();
        let error = NeuralCollapse::of(many.view(), &labels, MOST_CLASSES + 1, None).unwrap_err().to_string();
        assert_eq!(error, "classes = 16385: must be at most 16384");
        let same = array![[1.0_f32], [1.0]];
        let error = NeuralCollapse::of(same.view(), &[0, 1], 2, None).unwrap_err().to_string();
        assert!(error.contains("must differ"), "{error}");
        // Class 1 is between the others, but for rounding.
        let middle = array![[0.1_f32, 3.0], [0.1, 3.0], [0.7, 0.2], [0.7, 0.2]];
        let error = NeuralCollapse::of(middle.view(), &[0, 1, 1, 2], 3, None).unwrap_err().to_string();
        assert!(error.contains("the mean of class 1 is the centre"), "{error}");
    }

    #[test]
    fn faults_of_the_head_are_its_own() {
        let x = array![[0.0_f32, 1.0], [1.0, 0.0]];
        let fails = |head: Array2<f32>, bias: &[f32], text: &str| {
            let bias = ArrayView1::from(bias);
            let error = NeuralCollapse::of(x.view(), &[0, 1], 2, Some((head.view(), Some(bias)))).unwrap_err();
            assert!(error.to_string().starts_with(text), "{error}");
        };
        let eye = Array2::<f32>::eye(2);
        fails(array![[1.0, f32::NAN], [0.0, 1.0]], &[0.0; 2], "head = NaN in row 0, column 1: must be a finite number");
        fails(array![[0.0, 0.0], [0.0, 0.0]], &[0.0; 2], "head = zeros alone");
        fails(eye.clone(), &[0.0, f32::INFINITY], "bias = inf in row 0, column 1");
        fails(eye.clone(), &[0.0; 3], "bias and classes: [3] against [2]");
        fails(Array2::eye(3), &[0.0; 2], "head and embeddings: [3, 3] against [2, 2]");
        let nan = array![[0.0_f32, f32::NAN], [1.0, 0.0]];
        let error = NeuralCollapse::of(nan.view(), &[0, 1], 2, None).unwrap_err().to_string();
        assert!(error.starts_with("embeddings = NaN in row 0, column 1"), "{error}");
        // A bias of zeros is one.
        assert!(NeuralCollapse::of(x.view(), &[0, 1], 2, Some((eye.view(), Some(array![0.0, 0.0].view())))).is_ok());
    }
}
