//! What a trained network says, read in inference mode.

use crate::classifier::Classifier;
use crate::error::{VisionError, require};
use crate::inputs::Inputs;
use crate::loss::argmax;
use crate::weights::to_host;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array2;

/// What a network says about n inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Unnormalised log-probabilities, `[n, K]`.
    pub logits: Array2<f32>,
    /// Penultimate features, `[n, e]`.
    pub embedding: Array2<f32>,
}

impl Evaluation {
    /// The class with the largest logit of each input; of equals, the first.
    pub fn predictions(&self) -> Vec<usize> {
        self.logits.rows().into_iter().map(argmax).collect()
    }

    /// The share of inputs whose prediction is their label, from 0 to 1.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_vision::Evaluation;
    ///
    /// let logits = array![[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]];
    /// let evaluation = Evaluation { embedding: logits.clone(), logits };
    /// assert_eq!(evaluation.predictions(), [0, 1, 0, 1]);
    /// assert_eq!(evaluation.accuracy(&[0, 1, 1, 1]).unwrap(), 0.75);
    /// ```
    ///
    /// # Errors
    /// [`VisionError::Shape`] unless there is one label for each of at least one input.
    pub fn accuracy(&self, labels: &[usize]) -> Result<f64, VisionError> {
        let n = self.logits.nrows();
        if labels.len() != n || n == 0 {
            return Err(VisionError::Shape { what: "labels", expected: vec![n.max(1)], found: vec![labels.len()] });
        }
        let correct = self.predictions().iter().zip(labels).filter(|(p, l)| p == l).count();
        Ok(correct as f64 / n as f64)
    }
}

/// Logits and embeddings of all inputs, `batch` at a time, in inference mode: batch normalisation uses its running
/// statistics and leaves them alone, and no gradient is recorded. The result does not depend on `batch` beyond rounding.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::Array2;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ImageShape, Inputs, MlpConfig, Model, evaluate};
///
/// let net = Model::Mlp(MlpConfig::new(4, &[8], 3).init(Seed::new(7), &Device::flex()).unwrap());
/// let table = Array2::<f32>::ones((10, 4));
/// let inputs = Inputs::new(table.view(), ImageShape::table(4)).unwrap();
/// let evaluation = evaluate(&net, &inputs, 64).unwrap();
/// assert_eq!(evaluation.logits.dim(), (10, 3));
/// assert_eq!(evaluation.embedding.dim(), (10, 8));
/// ```
///
/// # Errors
/// [`VisionError::Setting`] for a batch of 0, [`VisionError::Shape`] if the network cannot read inputs of this shape.
pub fn evaluate<C: Classifier>(model: &C, inputs: &Inputs, batch: usize) -> Result<Evaluation, VisionError> {
    require(batch >= 1, "batch", batch, "must be at least 1")?;
    model.accepts(inputs.image())?;
    let model = model.valid();
    let device = device_of(&model)?;
    let n = inputs.len();
    let mut logits = Rows::new(n, Some(model.classes()));
    let mut embedding = Rows::new(n, None);
    for start in (0..n).step_by(batch) {
        let rows = start..(start + batch).min(n);
        let b = rows.len();
        let output = model.forward(images(inputs.rows(rows).to_vec(), b, inputs, &device));
        logits.push("logits", output.logits, b)?;
        embedding.push("embedding", output.embedding, b)?;
    }
    Ok(Evaluation { logits: logits.into_matrix(), embedding: embedding.into_matrix() })
}

/// A batch of images as a tensor; the vector is moved, not copied.
pub(crate) fn images(pixels: Vec<f32>, batch: usize, inputs: &Inputs, device: &Device) -> Tensor<4> {
    let image = inputs.image();
    Tensor::from_data(TensorData::new(pixels, [batch, image.channels, image.height, image.width]), device)
}

/// Where a network lives, without autodiff.
pub(crate) fn device_of<C: Classifier>(model: &C) -> Result<Device, VisionError> {
    let rule = "must have a parameter, which says on which device it lives";
    let device = model.devices().into_iter().next().ok_or_else(|| VisionError::setting("model", "empty", rule))?;
    Ok(device.without_autodiff())
}

/// Rows collected from batches, of a known width or that of the first batch.
struct Rows {
    values: Vec<f32>,
    width: Option<usize>,
    total: usize,
}

impl Rows {
    fn new(total: usize, width: Option<usize>) -> Self {
        Self { values: Vec::new(), width, total }
    }

    fn push(&mut self, what: &'static str, tensor: Tensor<2>, batch: usize) -> Result<(), VisionError> {
        let [rows, found] = tensor.dims();
        let width = *self.width.get_or_insert(found);
        if rows != batch || found != width {
            return Err(VisionError::Shape { what, expected: vec![batch, width], found: vec![rows, found] });
        }
        if self.values.is_empty() {
            self.values.reserve_exact(self.total * width);
        }
        self.values.extend(to_host(tensor));
        Ok(())
    }

    fn into_matrix(self) -> Array2<f32> {
        let shape = (self.total, self.width.unwrap_or(0));
        Array2::from_shape_vec(shape, self.values).expect("every batch was checked to have this width")
    }
}
