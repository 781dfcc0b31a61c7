//! The matrix of inputs that a classifier reads.

use crate::error::VisionError;
use ndarray::ArrayView2;
use std::borrow::Cow;
use tenfold_core_tensor::image::ImageShape;

/// Checks that each of the three sizes is at least one.
pub(crate) fn validate_image(image: ImageShape) -> Result<(), VisionError> {
    let [c, h, w] = image.dims();
    let product = c.checked_mul(h).and_then(|p| p.checked_mul(w));
    crate::error::require(
        ![c, h, w].contains(&0) && product.is_some(),
        "image",
        format!("{c}x{h}x{w}"),
        "channels, height and width must each be at least 1, and their product a usize",
    )
}

/// A view of n inputs: one row of C * H * W numbers each, channel by channel, row by row.
///
/// A contiguous matrix is borrowed, any other is laid out once. Every value is checked to be finite here, so that
/// later stages need not.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_vision::{ImageShape, Inputs};
///
/// let pixels = Array2::<f32>::zeros((5, 28 * 28));
/// let inputs = Inputs::new(pixels.view(), ImageShape::new(1, 28, 28)).unwrap();
/// assert_eq!(inputs.len(), 5);
/// assert!(Inputs::new(pixels.view(), ImageShape::new(3, 28, 28)).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// `[n, C * H * W]`, row-major.
    pixels: Cow<'a, [f32]>,
    n: usize,
    image: ImageShape,
}

impl<'a> Inputs<'a> {
    /// Checks shape and values.
    ///
    /// # Errors
    /// [`VisionError::Shape`] when rows do not hold C * H * W numbers, [`VisionError::Sample`] at the first NaN or
    /// infinity, [`VisionError::Setting`] for an empty image.
    pub fn new(pixels: ArrayView2<'a, f32>, image: ImageShape) -> Result<Self, VisionError> {
        validate_image(image)?;
        let (n, width) = pixels.dim();
        if width != image.features() {
            return Err(VisionError::Shape {
                what: "inputs",
                expected: vec![n, image.features()],
                found: vec![n, width],
            });
        }
        let pixels: Cow<[f32]> = match pixels.to_slice() {
            Some(contiguous) => Cow::Borrowed(contiguous),
            None => Cow::Owned(pixels.iter().copied().collect()),
        };
        if let Some(at) = pixels.iter().position(|v| !v.is_finite()) {
            let rule = "every number must be finite";
            return Err(VisionError::Sample { field: "input", row: at / width, value: pixels[at].to_string(), rule });
        }
        Ok(Self { pixels, n, image })
    }

    /// The same inputs, borrowed from these.
    pub(crate) fn reborrow(&self) -> Inputs<'_> {
        Inputs { pixels: Cow::Borrowed(&self.pixels), n: self.n, image: self.image }
    }

    /// How many inputs.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of each.
    pub fn image(&self) -> ImageShape {
        self.image
    }

    /// One input, channel by channel.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        self.rows(row..row + 1)
    }

    /// Consecutive inputs, one after the other.
    pub(crate) fn rows(&self, range: std::ops::Range<usize>) -> &[f32] {
        let width = self.image.features();
        &self.pixels[range.start * width..range.end * width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn a_transposed_matrix_is_read_by_its_rows() {
        let columns = array![[1.0_f32, 3.0], [2.0, 4.0]];
        let inputs = Inputs::new(columns.t(), ImageShape::table(2)).unwrap();
        assert_eq!(inputs.row(0), [1.0, 2.0]);
        assert_eq!(inputs.rows(0..2), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_contiguous_matrix_is_not_copied() {
        let pixels = Array2::<f32>::ones((4, 6));
        let inputs = Inputs::new(pixels.view(), ImageShape::new(1, 2, 3)).unwrap();
        assert_eq!(inputs.row(0).as_ptr(), pixels.as_ptr());
    }

    #[test]
    fn bad_inputs_name_shapes_rows_and_values() {
        let mut pixels = Array2::<f32>::zeros((3, 4));
        let error = Inputs::new(pixels.view(), ImageShape::new(1, 2, 3)).unwrap_err().to_string();
        assert_eq!(error, "inputs: expected shape [3, 6], found [3, 4]");
        pixels[[2, 1]] = f32::NAN;
        let error = Inputs::new(pixels.view(), ImageShape::table(4)).unwrap_err().to_string();
        assert!(error.starts_with("input of sample 2 is NaN"), "{error}");
        assert!(Inputs::new(pixels.view(), ImageShape::new(0, 1, 1)).is_err());
    }
}
