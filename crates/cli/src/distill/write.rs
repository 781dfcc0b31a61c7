//! Rows of numbers as files that a student reads: `.npy`, `.npz` or `.safetensors`, in single precision.

use crate::error::CliError;
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView, serialize};
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::{Npy, write_npy, write_npz};
use tenfold_core_tensor::files::write_atomic;

/// Parses the path of an array file to write.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match ending(&path) {
        "npy" | "npz" | "safetensors" => Ok(path),
        _ => Err("must end in .npy, .npz or .safetensors".into()),
    }
}

/// Whether a file holds several arrays by their names.
pub(super) fn holds_several(path: &Path) -> bool {
    ending(path) != "npy"
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|own| own.to_str()).unwrap_or_default()
}

/// Writes rows under a name and, where the file holds several arrays, a number for each row as `weights`; whole or not at all.
pub(super) fn write(path: &Path, name: &str, rows: &Array2<f64>, weights: Option<&[f64]>) -> Result<(), CliError> {
    let rows = rows.mapv(|v| v as f32);
    let weights: Option<ndarray::Array1<f32>> = weights.map(|weights| weights.iter().map(|w| *w as f32).collect());
    match ending(path) {
        "npy" => Ok(write_npy(path, rows.view())?),
        "npz" => {
            let (rows, weights) = (rows.view(), weights.as_ref().map(|weights| weights.view()));
            let mut arrays: Vec<(&str, &dyn Npy)> = vec![(name, &rows)];
            arrays.extend(weights.as_ref().map(|weights| ("weights", weights as &dyn Npy)));
            Ok(write_npz(path, &arrays)?)
        }
        _ => {
            let bytes =
                |values: &mut dyn Iterator<Item = &f32>| values.flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
            let mut parts = vec![(name, rows.shape().to_vec(), bytes(&mut rows.iter()))];
            parts.extend(weights.map(|weights| ("weights", vec![weights.len()], bytes(&mut weights.iter()))));
            let write = |w: &mut dyn Write| {
                let views = parts.iter().map(|(name, shape, bytes)| Ok((*name, view(shape, bytes)?)));
                let views = views.collect::<Result<Vec<_>, Error>>()?;
                w.write_all(&serialize(views, None).map_err(Error::other)?)
            };
            Ok(write_atomic(path, |w| write(w))?)
        }
    }
}

fn view<'a>(shape: &[usize], bytes: &'a [u8]) -> Result<TensorView<'a>, Error> {
    TensorView::new(Dtype::F32, shape.to_vec(), bytes).map_err(Error::other)
}
