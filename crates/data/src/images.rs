//! Labelled images of one size, the numbers that standardise them, and a training set with its test set.

use crate::error::{DataError, require};
use crate::source::Source;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::image::ImageShape;

/// A coarser labelling of the same images, such as CIFAR-100's 20 superclasses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoarseLabels {
    /// One per image.
    pub labels: Vec<usize>,
    /// One per coarse class.
    pub names: Vec<String>,
}

/// At least one labelled image, all of one shape; pixels are bytes, channel first (`[n, C, H, W]`, row-major).
///
/// ```
/// use tenfold_data::{ImageShape, Images};
///
/// let names = vec!["dark".to_string(), "light".to_string()];
/// let images = Images::new(ImageShape::new(1, 1, 2), vec![0, 9, 250, 255], vec![0, 1], names)?;
/// assert_eq!(images.len(), 2);
/// assert_eq!(images.pixels(1), [250, 255]);
/// assert_eq!(images.select(&[1])?.labels(), [1]);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    shape: ImageShape,
    pixels: Vec<u8>,
    labels: Vec<usize>,
    coarse: Option<CoarseLabels>,
    class_names: Vec<String>,
}

impl Images {
    /// Images from their parts.
    ///
    /// # Errors
    /// [`DataError::Shape`] if there are not `labels.len() * shape.features()` pixels; [`DataError::Param`] if there is no
    /// image, an image has no pixel, or a label is not below the number of class names.
    pub fn new(
        shape: ImageShape,
        pixels: Vec<u8>,
        labels: Vec<usize>,
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        require(!labels.is_empty(), "images", 0, "at least one image")?;
        require(shape.features() > 0, "shape", format!("{:?}", shape.dims()), "every side at least 1")?;
        if labels.len().checked_mul(shape.features()) != Some(pixels.len()) {
            let [c, h, w] = shape.dims();
            return Err(DataError::Shape {
                what: "pixels",
                expected: vec![labels.len(), c, h, w],
                found: vec![pixels.len()],
            });
        }
        check_labels("labels", &labels, class_names.len())?;
        Ok(Self { shape, pixels, labels, coarse: None, class_names })
    }

    /// The same images with a coarser labelling beside the fine one.
    ///
    /// # Errors
    /// [`DataError::Shape`] if there is not one coarse label per image, [`DataError::Param`] if one is out of range.
    pub fn with_coarse(mut self, coarse: CoarseLabels) -> Result<Self, DataError> {
        if coarse.labels.len() != self.len() {
            return Err(DataError::Shape {
                what: "coarse labels",
                expected: vec![self.len()],
                found: vec![coarse.labels.len()],
            });
        }
        check_labels("coarse labels", &coarse.labels, coarse.names.len())?;
        self.coarse = Some(coarse);
        Ok(self)
    }

    /// The same images with other labels, such as noisy ones; the coarse labels stay as they are.
    ///
    /// # Errors
    /// [`DataError::Shape`] if there is not one label per image, [`DataError::Param`] if one is out of range.
    pub fn with_labels(mut self, labels: Vec<usize>) -> Result<Self, DataError> {
        if labels.len() != self.len() {
            return Err(DataError::Shape { what: "labels", expected: vec![self.len()], found: vec![labels.len()] });
        }
        check_labels("labels", &labels, self.n_classes())?;
        self.labels = labels;
        Ok(self)
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true: a set without images cannot be made. Here because [`Images::len`] is.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The labels, one per image, each below [`Images::n_classes`].
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The coarser labelling, where the set has one.
    pub fn coarse(&self) -> Option<&CoarseLabels> {
        self.coarse.as_ref()
    }

    /// The names of the classes.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// How many classes.
    pub fn n_classes(&self) -> usize {
        self.class_names.len()
    }

    /// How many images each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        class_counts(&self.labels, self.n_classes())
    }

    /// The bytes of image `i`, `[C, H, W]` row-major.
    ///
    /// # Panics
    /// If `i` is not below [`Images::len`], as indexing a slice does.
    pub fn pixels(&self, i: usize) -> &[u8] {
        let size = self.shape.features();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The bytes of all images, `[n, C, H, W]` row-major.
    pub fn all_pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The images of the given rows, in that order; a row may be named twice.
    ///
    /// # Errors
    /// [`DataError::Param`] if no row is named or one is not below [`Images::len`].
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        check_rows(rows, self.len())?;
        let mut pixels = Vec::with_capacity(rows.len() * self.shape.features());
        for &row in rows {
            pixels.extend_from_slice(self.pixels(row));
        }
        let pick = |labels: &[usize]| rows.iter().map(|&row| labels[row]).collect();
        Ok(Self {
            shape: self.shape,
            pixels,
            labels: pick(&self.labels),
            coarse: self.coarse.as_ref().map(|c| CoarseLabels { labels: pick(&c.labels), names: c.names.clone() }),
            class_names: self.class_names.clone(),
        })
    }

    /// One row per image, `[n, C * H * W]`, each pixel standardised by its channel.
    ///
    /// # Errors
    /// [`DataError::Shape`] if the standardiser was fitted on another number of channels.
    pub fn to_matrix(&self, standardiser: &Standardiser) -> Result<Array2<f32>, DataError> {
        let tables = standardiser.tables(self.shape.channels)?;
        let plane = self.shape.height * self.shape.width;
        let mut values = Vec::with_capacity(self.pixels.len());
        for (i, channel) in self.pixels.chunks_exact(plane).enumerate() {
            let table = &tables[i % tables.len()];
            values.extend(channel.iter().map(|&p| table[usize::from(p)]));
        }
        let found = values.len();
        let dims = [self.len(), self.shape.features()];
        Array2::from_shape_vec(dims, values).map_err(|_| DataError::Shape {
            what: "matrix",
            expected: dims.to_vec(),
            found: vec![found],
        })
    }

    /// The bytes of image `i`, to be changed in place.
    pub(crate) fn pixels_mut(&mut self, i: usize) -> &mut [u8] {
        let size = self.shape.features();
        &mut self.pixels[i * size..(i + 1) * size]
    }
}

/// Per-channel mean and standard deviation of training pixels in units of `[0, 1]`, applied as
/// `(pixel / 255 - mean) / sd`.
///
/// The sums behind them are exact integers, so the numbers do not depend on the order of the images. A channel whose
/// pixels are all equal gets `sd = 1`: it becomes zero instead of infinite.
///
/// ```
/// use tenfold_data::{ImageShape, Images, Standardiser};
///
/// let images = Images::new(ImageShape::new(1, 1, 2), vec![0, 255, 0, 255], vec![0, 0], vec!["x".into()])?;
/// let standardiser = Standardiser::fit(&images);
/// assert_eq!((standardiser.mean(), standardiser.sd()), ([0.5].as_slice(), [0.5].as_slice()));
/// assert_eq!(images.to_matrix(&standardiser)?[[0, 1]], 1.0);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardiser {
    mean: Vec<f64>,
    sd: Vec<f64>,
}

impl Standardiser {
    /// Measures the given images: the training part, never the test part.
    pub fn fit(images: &Images) -> Self {
        let shape = images.shape();
        let plane = shape.height * shape.width;
        let mut sums = vec![(0_u128, 0_u128); shape.channels];
        for (i, channel) in images.all_pixels().chunks_exact(plane).enumerate() {
            let (sum, squares) = &mut sums[i % shape.channels];
            for &p in channel {
                *sum += u128::from(p);
                *squares += u128::from(p) * u128::from(p);
            }
        }
        let n = (images.len() * plane) as u128;
        let (mean, sd) = sums
            .into_iter()
            .map(|(sum, squares)| {
                let mean = sum as f64 / n as f64 / 255.0;
                // n * squares - sum^2 in integers: no cancellation, and exactly 0 for a constant channel.
                let spread = (n * squares - sum * sum) as f64;
                let sd = if spread == 0.0 { 1.0 } else { spread.sqrt() / n as f64 / 255.0 };
                (mean, sd)
            })
            .unzip();
        Self { mean, sd }
    }

    /// Leaves pixels in `[0, 1]`: mean 0 and deviation 1 for every channel.
    pub fn unit(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], sd: vec![1.0; channels] }
    }

    /// Per-channel means, in units of `[0, 1]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Per-channel standard deviations, in units of `[0, 1]`.
    pub fn sd(&self) -> &[f64] {
        &self.sd
    }

    /// For every channel the 256 values that its bytes turn into.
    ///
    /// # Errors
    /// [`DataError::Shape`] if the standardiser was fitted on another number of channels.
    pub fn tables(&self, channels: usize) -> Result<Vec<[f32; 256]>, DataError> {
        if self.mean.len() != channels || self.sd.len() != channels {
            return Err(DataError::Shape {
                what: "standardiser channels",
                expected: vec![channels],
                found: vec![self.mean.len(), self.sd.len()],
            });
        }
        Ok(std::iter::zip(&self.mean, &self.sd)
            .map(|(mean, sd)| std::array::from_fn(|p| ((p as f64 / 255.0 - mean) / sd) as f32))
            .collect())
    }
}

/// A training set, a test set of the same classes, and where both came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainTest {
    /// For fitting, and for cutting a validation part from.
    pub train: Images,
    /// For the final measurement only.
    pub test: Images,
    /// Where they came from.
    pub source: Source,
}

/// How often each class occurs; labels that are no class are not counted.
///
/// ```
/// assert_eq!(tenfold_data::class_counts(&[0, 2, 2], 3), [1, 0, 2]);
/// ```
pub fn class_counts(labels: &[usize], n_classes: usize) -> Vec<usize> {
    let mut counts = vec![0; n_classes];
    for &label in labels {
        if let Some(count) = counts.get_mut(label) {
            *count += 1;
        }
    }
    counts
}

/// The rows of each class, in order.
pub(crate) fn rows_by_class(labels: &[usize], n_classes: usize) -> Result<Vec<Vec<usize>>, DataError> {
    check_labels("labels", labels, n_classes)?;
    let mut rows = vec![Vec::new(); n_classes];
    for (row, &label) in labels.iter().enumerate() {
        rows[label].push(row);
    }
    Ok(rows)
}

/// Something about the classes that is legal but probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassWarning {
    /// All labels are the same: nothing can be learnt.
    #[error("only class {class} occurs: there is nothing to tell apart")]
    OneClass {
        /// The class that occurs.
        class: usize,
    },
    /// A class has no example.
    #[error("class {class} has no example")]
    Absent {
        /// The class without examples.
        class: usize,
    },
}

/// Warnings about the classes that occur: a single one, or some that do not.
///
/// ```
/// use tenfold_data::{ClassWarning, check_classes};
/// assert_eq!(check_classes(&[1, 1], 2), [ClassWarning::OneClass { class: 1 }]);
/// assert_eq!(check_classes(&[0, 2], 3), [ClassWarning::Absent { class: 1 }]);
/// assert!(check_classes(&[0, 1], 2).is_empty());
/// ```
pub fn check_classes(labels: &[usize], n_classes: usize) -> Vec<ClassWarning> {
    let counts = class_counts(labels, n_classes);
    let present: Vec<usize> = (0..n_classes).filter(|&c| counts[c] > 0).collect();
    if let [class] = present[..] {
        return vec![ClassWarning::OneClass { class }];
    }
    (0..n_classes).filter(|&c| counts[c] == 0).map(|class| ClassWarning::Absent { class }).collect()
}

/// Fails on the first label that is not below `n_classes`.
pub(crate) fn check_labels(field: &'static str, labels: &[usize], n_classes: usize) -> Result<(), DataError> {
    match labels.iter().position(|&label| label >= n_classes) {
        None => Ok(()),
        Some(i) => Err(DataError::param(field, labels[i], format!("below {n_classes} classes (example {i})"))),
    }
}

/// Fails if no row is named or one is not below `n`.
pub(crate) fn check_rows(rows: &[usize], n: usize) -> Result<(), DataError> {
    require(!rows.is_empty(), "rows", "[]", "at least one row")?;
    match rows.iter().find(|&&row| row >= n) {
        None => Ok(()),
        Some(row) => Err(DataError::param("rows", row, format!("below {n} examples"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("class {i}")).collect()
    }

    #[test]
    fn every_rule_has_its_error() {
        let shape = ImageShape::new(1, 2, 2);
        let message = |r: Result<Images, DataError>| r.unwrap_err().to_string();
        assert_eq!(message(Images::new(shape, vec![], vec![], names(1))), "images = 0: at least one image");
        assert_eq!(
            message(Images::new(ImageShape::new(1, 0, 2), vec![], vec![0], names(1))),
            "shape = [1, 0, 2]: every side at least 1"
        );
        assert_eq!(
            message(Images::new(shape, vec![0; 7], vec![0, 0], names(1))),
            "pixels: expected shape [2, 1, 2, 2], found [7]"
        );
        assert_eq!(
            message(Images::new(shape, vec![0; 8], vec![0, 3], names(3))),
            "labels = 3: below 3 classes (example 1)"
        );
        let huge = ImageShape::new(usize::MAX, usize::MAX, 2);
        assert!(message(Images::new(huge, vec![0; 8], vec![0, 1], names(3))).contains("pixels"));

        let images = Images::new(shape, vec![0; 8], vec![0, 1], names(2)).unwrap();
        assert_eq!(message(images.select(&[])), "rows = []: at least one row");
        assert_eq!(message(images.select(&[2])), "rows = 2: below 2 examples");
        assert!(message(images.clone().with_labels(vec![0])).contains("expected shape [2], found [1]"));
        assert!(message(images.clone().with_labels(vec![0, 2])).contains("below 2 classes"));
        let coarse = |labels| CoarseLabels { labels, names: names(1) };
        assert!(message(images.clone().with_coarse(coarse(vec![0]))).contains("coarse labels"));
        assert!(message(images.clone().with_coarse(coarse(vec![0, 1]))).contains("below 1 classes"));
        let three = Standardiser::unit(3);
        assert!(images.to_matrix(&three).unwrap_err().to_string().contains("expected shape [1], found [3, 3]"));
    }

    #[test]
    fn selection_carries_pixels_labels_and_coarse_labels() {
        let images = Images::new(ImageShape::new(1, 1, 2), vec![1, 2, 3, 4, 5, 6], vec![0, 1, 2], names(3))
            .unwrap()
            .with_coarse(CoarseLabels { labels: vec![1, 0, 1], names: names(2) })
            .unwrap();
        let picked = images.select(&[2, 0, 2]).unwrap();
        assert_eq!(picked.all_pixels(), [5, 6, 1, 2, 5, 6]);
        assert_eq!(picked.labels(), [2, 0, 2]);
        assert_eq!(picked.coarse().unwrap().labels, [1, 1, 1]);
        assert_eq!(picked.class_counts(), [1, 0, 2]);
    }

    proptest! {
        #[test]
        fn standardised_training_pixels_have_mean_zero_and_deviation_one(
            pixels in prop::collection::vec(any::<u8>(), 2 * 3 * 4 * 4)
        ) {
            let images = Images::new(ImageShape::new(3, 4, 4), pixels, vec![0, 0], names(1)).unwrap();
            let standardiser = Standardiser::fit(&images);
            let matrix = images.to_matrix(&standardiser).unwrap();
            for channel in 0..3 {
                let values: Vec<f64> = matrix
                    .rows()
                    .into_iter()
                    .flat_map(|row| row.iter().skip(channel * 16).take(16).map(|&v| f64::from(v)).collect::<Vec<_>>())
                    .collect();
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                // Each value carries one rounding to f32, relative to its own size (at most sqrt(n)).
                let tolerance = 4.0 * f64::from(f32::EPSILON) * n.sqrt();
                prop_assert!(mean.abs() < tolerance, "mean {mean}");
                let constant = values.iter().all(|v| *v == values[0]);
                prop_assert!(constant || (variance - 1.0).abs() < tolerance * n.sqrt(), "variance {variance}");
            }
        }
    }
}
