//! Data sets of features: what a pretrained network says of images, embedded or in a file.
//!
//! People rarely train on pixels any more: they put a light head on the embedding of a network that somebody else trained.
//! `tools/make_embeddings.py` makes such sets from any images in an official layout.

use crate::catalogue::{self, Entry, Format, Origin};
use crate::error::DataError;
use crate::source::{self, Source, SourceFile};
use crate::table::Table;
use ndarray::{Array2, ArrayView1};
use safetensors::{Dtype, SafeTensors};
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix};

#[cfg(feature = "embedded")]
const EMBEDDED: &[u8] = include_bytes!("../embedded/fashion-mnist-embeddings.safetensors");

/// Training and test rows of features of the same classes.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSet {
    /// For fitting, and for cutting a validation part from.
    pub train: Table,
    /// For the final measurement only.
    pub test: Table,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// Where the features came from.
    pub source: Source,
}

/// Loads a set of features by its name in the catalogue.
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// let set = tenfold_data::features::load("fashion-mnist-embeddings", "data".as_ref())?;
/// assert_eq!((set.train.x.dim(), set.test.x.dim()), ((60_000, 64), (10_000, 64)));
/// assert_eq!(set.test.class_counts(), [1_000; 10]);
/// # }
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::UnknownSet`]; [`DataError::Param`] for a set of images; [`DataError::Missing`], saying how to get it;
/// [`DataError::Array`] and [`DataError::Shape`] if a file is not what it should be.
pub fn load(name: &str, root: &Path) -> Result<FeatureSet, DataError> {
    let entry = catalogue::find(name)?;
    let Format::Features { class_names } = entry.format else {
        return Err(DataError::param(
            "data set",
            name,
            "a set of images, not of features; load it with catalogue::load",
        ));
    };
    let paths = entry.paths(root)?;
    let (train, test, files, note) = match (entry.origin, &paths[..]) {
        (Origin::ByHand { .. }, [path]) => {
            let (train, test) = read_npz(path, class_names.len())?;
            let note = "no official checksum known for this file";
            (train, test, vec![source::read(path)?.1], note)
        }
        _ => embedded(entry, root)?,
    };
    for (what, table, rows) in [("training rows", &train, entry.n_train), ("test rows", &test, entry.n_test)] {
        let (expected, found) = (vec![rows, entry.shape.features()], table.x.shape().to_vec());
        if expected != found {
            return Err(DataError::Shape { what, expected, found });
        }
    }
    let source = Source {
        name: entry.name.into(),
        title: entry.title.into(),
        licence: entry.licence.into(),
        note: Some(note.into()),
        files,
    };
    let class_names = class_names.iter().map(|name| (*name).to_string()).collect();
    Ok(FeatureSet { train, test, class_names, source })
}

/// `train_emb`, `train_y`, `test_emb`, `test_y` of an `.npz` file.
fn read_npz(path: &Path, classes: usize) -> Result<(Table, Table), DataError> {
    let key = |key: &str| ArrayPath { file: path.to_path_buf(), key: Some(key.into()) };
    let part = |name: &str| -> Result<Table, DataError> {
        Table::new(read_matrix(&key(&format!("{name}_emb")))?, read_labels(&key(&format!("{name}_y")))?, classes)
    };
    Ok((part("train")?, part("test")?))
}

type Read = (Table, Table, Vec<SourceFile>, &'static str);

#[cfg(feature = "embedded")]
fn embedded(entry: &Entry, _root: &Path) -> Result<Read, DataError> {
    let name = "fashion-mnist-embeddings.safetensors";
    let (train, test) = decode(EMBEDDED, Path::new(name), entry.n_classes)?;
    let note = "EfficientNet-Lite0 (ImageNet weights, Apache-2.0) at 112 x 112, 64 principal components of the training part, \
                8 bits a number; rows in the order of the official files";
    Ok((train, test, vec![SourceFile::of(name, EMBEDDED)], note))
}

#[cfg(not(feature = "embedded"))]
fn embedded(entry: &Entry, root: &Path) -> Result<Read, DataError> {
    Err(DataError::Missing { name: entry.name.into(), looked_in: root.to_path_buf(), how: entry.how_to_get() })
}

/// Features of 8 bits: `code * scale` of its column.
///
/// # Errors
/// [`DataError::Format`] if an array is not there, or has another type or shape.
pub(crate) fn decode(bytes: &[u8], path: &Path, classes: usize) -> Result<(Table, Table), DataError> {
    let bad = |rule: String| DataError::format(path, 0, rule);
    let file = SafeTensors::deserialize(bytes).map_err(|e| bad(e.to_string()))?;
    let array = |name: &str, dtype: Dtype, axes: usize| {
        let view = file.tensor(name).map_err(|e| bad(format!("{name}: {e}")))?;
        if view.dtype() != dtype || view.shape().len() != axes {
            let found = format!("{:?} of shape {:?}", view.dtype(), view.shape());
            return Err(bad(format!("{name} is {found}, must be {dtype:?} with {axes} axes")));
        }
        Ok(view)
    };
    let scale = array("scale", Dtype::F32, 1)?;
    let scale: Vec<f32> = scale.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let part = |name: &str| -> Result<Table, DataError> {
        let codes = array(&format!("{name}_codes"), Dtype::I8, 2)?;
        let labels = array(&format!("{name}_labels"), Dtype::U8, 1)?;
        let (rows, columns) = (codes.shape()[0], codes.shape()[1]);
        if columns != scale.len() {
            return Err(bad(format!("{name}_codes has {columns} columns, scale {}", scale.len())));
        }
        let values: Vec<f32> = codes.data().iter().map(|&code| f32::from(code as i8)).collect();
        let codes = Array2::from_shape_vec((rows, columns), values).map_err(|e| bad(format!("{name}_codes: {e}")))?;
        let labels = labels.data().iter().map(|&label| usize::from(label)).collect();
        Table::new(codes * ArrayView1::from(&scale), labels, classes)
    };
    Ok((part("train")?, part("test")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{TensorView, serialize};

    fn file(scale: &[u8], codes: (&[usize], &[u8]), labels: &[u8]) -> Vec<u8> {
        let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
        let arrays = [
            ("scale", view(Dtype::F32, &[scale.len() / 4], scale)),
            ("train_codes", view(Dtype::I8, codes.0, codes.1)),
            ("test_codes", view(Dtype::I8, codes.0, codes.1)),
            ("train_labels", view(Dtype::U8, &[labels.len()], labels)),
            ("test_labels", view(Dtype::U8, &[labels.len()], labels)),
        ];
        serialize(arrays, None).unwrap()
    }

    #[test]
    fn a_number_is_its_code_times_the_scale_of_its_column() {
        let scale: Vec<u8> = [0.5_f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let bytes = file(&scale, (&[2, 2], &[1, 2, 0xFF, 0x80]), &[1, 0]);
        let (train, _) = decode(&bytes, Path::new("f"), 2).unwrap();
        assert_eq!(train.x, ndarray::array![[0.5, 4.0], [-0.5, -256.0]]);
        assert_eq!(train.labels, [1, 0]);
    }

    #[test]
    fn each_rule_is_named() {
        let scale: Vec<u8> = 1.0_f32.to_le_bytes().to_vec();
        let message = |bytes: &[u8]| decode(bytes, Path::new("f.safetensors"), 2).unwrap_err().to_string();
        assert!(message(b"nothing").contains("f.safetensors"));
        assert!(message(&file(&scale, (&[1, 2], &[1, 2]), &[0])).contains("train_codes has 2 columns, scale 1"));
        assert!(message(&file(&scale, (&[2], &[1, 2]), &[0])).contains("must be I8 with 2 axes"));
        assert!(message(&file(&scale, (&[2, 1], &[1, 2]), &[0])).contains("expected shape [2], found [1]"));
        assert!(message(&file(&scale, (&[1, 1], &[1]), &[2])).contains("below 2 classes"));
    }

    #[test]
    fn images_and_features_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let error = load("cifar-10", dir.path()).unwrap_err().to_string();
        assert!(error.contains("set of images"), "{error}");
        let error = catalogue::load("cifar-10-embeddings", dir.path()).unwrap_err().to_string();
        assert!(error.contains("set of features"), "{error}");
        let error = load("cifar-10-embeddings", dir.path()).unwrap_err();
        assert!(
            matches!(error, DataError::Missing { .. }) && error.to_string().contains("make_embeddings.py"),
            "{error}"
        );
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn the_embedded_features_are_of_the_embedded_images() {
        let set = load("fashion-mnist-embeddings", Path::new("data")).unwrap();
        let slice = crate::embedded::fashion_mnist_slice().unwrap();
        // The slice is the first of each class in the order of the files, which the features keep.
        let mut taken = [0; 10];
        let first: Vec<usize> = (set.train.labels.iter().copied())
            .filter(|&class| {
                taken[class] += 1;
                taken[class] <= 1_000
            })
            .collect();
        assert_eq!(first, slice.train.labels());
        assert!(EMBEDDED.len() < 6000 << 10, "too large for the repository");
    }
}
