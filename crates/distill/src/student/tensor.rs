//! A loss of arrays as a loss of Burn tensors.

use crate::error::DistillError;
use crate::losses::RowLoss;
use burn::tensor::{Tensor, TensorData};
use ndarray::Array2;

/// The mean over rows of a loss of student logits `[n, m]` on any device, tracked: its backward pass gives the gradient that
/// [`RowLoss::gradient`] computes.
///
/// Value and gradient are computed on the host in double precision, so that every loss of this crate, and one of your own, trains a
/// network of Burn. On a GPU the logits of a batch come to the host and their gradient goes back; nothing else does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use ndarray::array;
/// use tenfold_distill::{SoftCrossEntropy, on_tensor};
///
/// let targets = array![[0.5_f32, 0.5]];
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0]], &Device::flex().autodiff()).require_grad();
/// let loss = on_tensor(&SoftCrossEntropy::new(targets.view())?, logits.clone())?;
/// let gradient = logits.grad(&loss.clone().backward()).unwrap();
/// assert!((loss.into_scalar::<f32>() - 2.0_f32.ln()).abs() < 1e-6);
/// assert_eq!(gradient.into_data_as::<f32>().try_into_vec::<f32>().unwrap(), [0.0, 0.0]);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// # Errors
/// Other rows or classes than the teacher's, or a logit that is not finite.
pub fn on_tensor(loss: &impl RowLoss, logits: Tensor<2>) -> Result<Tensor<1>, DistillError> {
    let [rows, classes] = logits.dims();
    let inner = logits.clone().inner();
    let device = inner.device();
    let values: Vec<f32> = inner.clone().into_data_as::<f32>().try_into_vec().expect("the data were converted to f32");
    let scores = Array2::from_shape_vec((rows, classes), values).expect("a tensor holds its shape");
    let (value, gradient) = loss.gradient(scores.view())?;
    let gradient = TensorData::new(gradient.into_raw_vec_and_offset().0, [rows, classes]);
    let gradient = Tensor::<2>::from_data(gradient, &device);
    // The derivative of sum(z * g) in z is g; what is added brings the value right.
    let along = (inner * gradient.clone()).sum();
    let missing = Tensor::<1>::from_floats([value as f32], &device) - along;
    Ok((logits * Tensor::from_inner(gradient)).sum() + Tensor::from_inner(missing))
}
