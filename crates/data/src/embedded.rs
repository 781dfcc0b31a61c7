//! Real data compiled into the library, so that tests and quick runs need no download.

use crate::catalogue::FASHION_MNIST_CLASSES;
use crate::error::DataError;
use crate::idx;
use crate::images::TrainTest;
use crate::source::{Source, SourceFile};
use std::path::Path;

const TRAIN_IMAGES: &[u8] = include_bytes!("../embedded/train-images-idx3-ubyte.gz");
const TRAIN_LABELS: &[u8] = include_bytes!("../embedded/train-labels-idx1-ubyte.gz");
const TEST_IMAGES: &[u8] = include_bytes!("../embedded/t10k-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../embedded/t10k-labels-idx1-ubyte.gz");

/// A balanced slice of Fashion-MNIST: 10,000 training images (1,000 per class) and 2,000 test images (200 per class),
/// 28 x 28 grey, MIT licence. The first images of each class in file order, unchanged.
///
/// ```
/// let slice = tenfold_data::embedded::fashion_mnist_slice()?;
/// assert_eq!((slice.train.len(), slice.test.len()), (10_000, 2_000));
/// assert_eq!(slice.train.class_counts(), [1_000; 10]);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// Never in practice: the bytes are part of the library and its tests read them.
pub fn fashion_mnist_slice() -> Result<TrainTest, DataError> {
    let mut files = Vec::new();
    let mut part = |name: &str, images: &'static [u8], labels: &'static [u8]| {
        let (images_name, labels_name) =
            (format!("{name}-images-idx3-ubyte.gz"), format!("{name}-labels-idx1-ubyte.gz"));
        let joined =
            idx::join((images, Path::new(&images_name)), (labels, Path::new(&labels_name)), &FASHION_MNIST_CLASSES);
        files.extend([SourceFile::of(images_name, images), SourceFile::of(labels_name, labels)]);
        joined
    };
    let train = part("train", TRAIN_IMAGES, TRAIN_LABELS)?;
    let test = part("t10k", TEST_IMAGES, TEST_LABELS)?;
    let source = Source {
        name: "fashion-mnist-slice".into(),
        title: "Fashion-MNIST, balanced slice of 10,000 + 2,000 images".into(),
        licence: "MIT".into(),
        note: Some("the first 1,000 training and 200 test images of each class of the official files".into()),
        files,
    };
    Ok(TrainTest { train, test, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idx::Idx;
    use crate::images::Images;
    use serde_json::Value;
    use tenfold_core_tensor::files::sha256;

    const GOLDEN: &str = include_str!("../embedded/golden.json");

    fn number(value: &Value) -> u64 {
        value.as_u64().unwrap()
    }

    fn compare(images: &Images, image_bytes: &[u8], label_bytes: &[u8], golden: &Value) {
        let content = |bytes| sha256(&Idx::parse(bytes, Path::new("embedded")).unwrap().to_bytes());
        assert_eq!(content(image_bytes), golden["images_sha256"]);
        assert_eq!(content(label_bytes), golden["labels_sha256"]);
        assert_eq!(images.len() as u64, number(&golden["n"]));
        assert_eq!(images.class_counts(), [number(&golden["per_class"]) as usize; 10]);
        let sum = |pixels: &[u8]| pixels.iter().map(|&p| u64::from(p)).sum::<u64>();
        let squares: u64 = images.all_pixels().iter().map(|&p| u64::from(p) * u64::from(p)).sum();
        assert_eq!(sum(images.all_pixels()), number(&golden["pixel_sum"]));
        assert_eq!(squares, number(&golden["pixel_square_sum"]));
        for class in 0..10 {
            let of_class = (0..images.len()).filter(|&i| images.labels()[i] == class);
            let total: u64 = of_class.map(|i| sum(images.pixels(i))).sum();
            assert_eq!(total, number(&golden["pixel_sum_by_class"][class]), "class {class}");
        }
        let first: Vec<u64> = golden["first_labels"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(images.labels()[..first.len()].iter().map(|&y| y as u64).collect::<Vec<_>>(), first);
    }

    #[test]
    fn the_slice_is_what_the_script_cut() {
        let slice = fashion_mnist_slice().unwrap();
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        compare(&slice.train, TRAIN_IMAGES, TRAIN_LABELS, &golden["train"]);
        compare(&slice.test, TEST_IMAGES, TEST_LABELS, &golden["t10k"]);
        assert_eq!(slice.train.shape().dims(), [1, 28, 28]);
        assert_eq!(slice.source.files.len(), 4);
        for bytes in [TRAIN_IMAGES, TEST_IMAGES] {
            assert!(bytes.len() < 6000 << 10, "too large for the repository");
        }
    }

    #[test]
    fn training_mean_and_deviation_match_the_script() {
        let slice = fashion_mnist_slice().unwrap();
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let n = 10_000.0 * 784.0;
        let mean = number(&golden["train"]["pixel_sum"]) as f64 / n;
        let variance = number(&golden["train"]["pixel_square_sum"]) as f64 / n - mean * mean;
        let standardiser = crate::Standardiser::fit(&slice.train);
        assert!((standardiser.mean()[0] - mean / 255.0).abs() < 1e3 * f64::EPSILON);
        assert!((standardiser.sd()[0] - variance.sqrt() / 255.0).abs() < 1e3 * f64::EPSILON);
    }
}
