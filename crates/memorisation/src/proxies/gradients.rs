//! Proxies from gradients.

use super::{check_logits, log_softmax};
use crate::error::{MemorisationError, require, require_shape};
use ndarray::{Array2, ArrayView2, Zip};

/// EL2N of one run: `||p_i - e_{y_i}||_2`, from logits early in training (ten to twenty epochs of a usual run). Average over
/// about ten seeds with [`mean_over_runs`](super::mean_over_runs). High for hard examples.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::proxies::el2n;
/// let scores = el2n(array![[0.0, 0.0], [50.0, 0.0]].view(), &[1, 1])?;
/// assert!((scores[0] - 0.5_f64.sqrt()).abs() < 1e-9 && (scores[1] - 2.0_f64.sqrt()).abs() < 1e-9);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Shapes that differ, a label beyond the columns, a logit that is not finite.
pub fn el2n(logits: ArrayView2<f32>, labels: &[usize]) -> Result<Vec<f64>, MemorisationError> {
    check_logits(logits, labels)?;
    Ok(logits.outer_iter().zip(labels).map(|(row, &label)| error_norm(&log_softmax(row), label)).collect())
}

fn error_norm(log_p: &[f64], label: usize) -> f64 {
    let squares = log_p.iter().enumerate().map(|(c, l)| (l.exp() - f64::from(u8::from(c == label))).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The norm of the loss's gradient in a last layer with bias, `||p - e_y|| sqrt(1 + ||phi||^2)`: GraNd restricted to that
/// layer, and the root of its self-influence in the sense of TracIn at one checkpoint (sum the squares over checkpoints,
/// times their learning rates).
///
/// `embedding [n, e]` holds the layer's inputs.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::proxies::last_layer_gradient;
/// let norms = last_layer_gradient(array![[0.0, 0.0]].view(), array![[3.0, 4.0]].view(), &[1])?;
/// assert!((norms[0] - (0.5_f64 * 26.0).sqrt()).abs() < 1e-9);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// As [`el2n`], and an embedding with other rows.
pub fn last_layer_gradient(
    logits: ArrayView2<f32>,
    embedding: ArrayView2<f32>,
    labels: &[usize],
) -> Result<Vec<f64>, MemorisationError> {
    let rule = "one row for each example";
    require_shape("logits and embedding", &[logits.nrows()], &[embedding.nrows()], rule)?;
    let norms = embedding.outer_iter().map(|row| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>());
    Ok(el2n(logits, labels)?.into_iter().zip(norms).map(|(error, squares)| error * (1.0 + squares).sqrt()).collect())
}

/// VoG: the variance over checkpoints of the gradient of the label's logit in the input, averaged over the pixels and then
/// standardised within each class. High for hard examples. Takes a checkpoint at a time.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::proxies::VarianceOfGradients;
/// let mut vog = VarianceOfGradients::new(4, 2);
/// vog.add(array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]].view())?;
/// vog.add(array![[1.0, 0.0], [3.0, 0.0], [5.0, 0.0], [0.0, 2.0]].view())?;
/// assert_eq!(vog.raw()?, [0.0, 0.5, 2.0, 0.5]);
/// let normalised = vog.by_class(&[0, 0, 1, 1])?;
/// assert_eq!(normalised, [-1.0, 1.0, 1.0, -1.0]);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct VarianceOfGradients {
    checkpoints: usize,
    mean: Array2<f64>,
    squares: Array2<f64>,
}

impl VarianceOfGradients {
    /// For n examples of d numbers.
    pub fn new(examples: usize, numbers: usize) -> Self {
        let zeros = Array2::zeros((examples, numbers));
        Self { checkpoints: 0, mean: zeros.clone(), squares: zeros }
    }

    /// Adds a checkpoint's gradients, `[n, d]`.
    ///
    /// # Errors
    /// Another shape.
    pub fn add(&mut self, gradients: ArrayView2<f32>) -> Result<(), MemorisationError> {
        require_shape("gradients", self.mean.shape(), gradients.shape(), "of all examples and pixels")?;
        self.checkpoints += 1;
        let n = self.checkpoints as f64;
        // Welford's update.
        Zip::from(&mut self.mean).and(&mut self.squares).and(gradients).for_each(|mean, squares, &g| {
            let before = f64::from(g) - *mean;
            *mean += before / n;
            *squares += before * (f64::from(g) - *mean);
        });
        Ok(())
    }

    /// The variances, averaged over the pixels.
    ///
    /// # Errors
    /// Fewer than two checkpoints.
    pub fn raw(&self) -> Result<Vec<f64>, MemorisationError> {
        require(self.checkpoints >= 2, "checkpoints", self.checkpoints, "a variance needs at least 2")?;
        let each = (self.checkpoints * self.squares.ncols().max(1)) as f64;
        Ok(self.squares.outer_iter().map(|row| row.sum() / each).collect())
    }

    /// The variances, with mean 0 and standard deviation 1 within each class; 0 where a class has no spread.
    ///
    /// # Errors
    /// As [`raw`](Self::raw), or another number of labels.
    pub fn by_class(&self, labels: &[usize]) -> Result<Vec<f64>, MemorisationError> {
        let raw = self.raw()?;
        require_shape("gradients and labels", &[raw.len()], &[labels.len()], "one label for each example")?;
        let classes = labels.iter().max().map_or(0, |c| c + 1);
        let mut sums = vec![(0.0, 0.0, 0.0); classes];
        for (v, &label) in raw.iter().zip(labels) {
            let (n, sum, squares) = sums[label];
            sums[label] = (n + 1.0, sum + v, squares + v * v);
        }
        let standardised = |(v, &label): (&f64, &usize)| {
            let (n, sum, squares) = sums[label];
            let mean = sum / n;
            let sd = (squares / n - mean * mean).max(0.0).sqrt();
            if sd > 0.0 { (v - mean) / sd } else { 0.0 }
        };
        Ok(raw.iter().zip(labels).map(standardised).collect())
    }
}

/// Curvature of the loss in the input: `||g(x + h v) - g(x)||^2 / h^2` for gradients g of the loss in the input, `[n, d]`, at the
/// inputs and a step h along random signs v beside them. Average over several v and over epochs. High for hard examples.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::proxies::curvature;
/// let c = curvature(array![[1.0, 2.0]].view(), array![[1.5, 2.0]].view(), 0.1)?;
/// assert!((c[0] - 25.0).abs() < 1e-5);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Shapes that differ, or a step that is not above 0.
pub fn curvature(at: ArrayView2<f32>, beside: ArrayView2<f32>, step: f64) -> Result<Vec<f64>, MemorisationError> {
    require(step.is_finite() && step > 0.0, "step", step, "must be finite and above 0")?;
    require_shape("gradients at and beside", at.shape(), beside.shape(), "of the same inputs")?;
    let row = |(a, b): (ndarray::ArrayView1<f32>, ndarray::ArrayView1<f32>)| {
        a.iter().zip(b).map(|(a, b)| ((f64::from(*b) - f64::from(*a)) / step).powi(2)).sum()
    };
    Ok(at.outer_iter().zip(beside.outer_iter()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn bad_inputs_are_named() {
        let logits = array![[0.0_f32, 1.0]];
        let fails = |e: MemorisationError, start: &str| assert!(e.to_string().starts_with(start), "{e}");
        fails(el2n(logits.view(), &[2]).unwrap_err(), "labels: row 0");
        let embedding = Array2::<f32>::zeros((2, 1));
        fails(last_layer_gradient(logits.view(), embedding.view(), &[0]).unwrap_err(), "logits and embedding: ");
        fails(curvature(logits.view(), logits.view(), 0.0).unwrap_err(), "step = 0: ");
        let mut vog = VarianceOfGradients::new(1, 2);
        vog.add(logits.view()).unwrap();
        fails(vog.raw().unwrap_err(), "checkpoints = 1: ");
        fails(vog.add(embedding.view()).unwrap_err(), "gradients: [1, 2] against [2, 1]");
    }
}
