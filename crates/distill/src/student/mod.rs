//! Training of students: any classifier of `tenfold-vision`, and losses on Burn tensors for loops of your own.

mod lesson;
mod tensor;

pub use lesson::{Form, Lesson, Taught, Validation, ValidationLabels};
pub use tensor::on_tensor;

use crate::error::DistillError;
use tenfold_vision::VisionError;

/// Why a student could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudentError {
    /// Of teachers, labels and settings.
    #[error(transparent)]
    Distill(#[from] DistillError),
    /// Of networks and their training.
    #[error(transparent)]
    Training(#[from] VisionError),
}
