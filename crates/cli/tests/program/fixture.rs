//! Files as a practitioner would have them, and the program run on them.

use assert_cmd::Command;
use ndarray::{Array1, Array2};
use serde_json::{Map, Value, json};
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, write_npz};

/// A toy task: a base model that only knows the sign of the first feature, and a memory-worthy exception around (3, 3).
pub(crate) fn write_split(folder: &Path, name: &str, n: usize) {
    let emb = Array2::from_shape_fn((n, 2), |(i, c)| {
        // A low-discrepancy scatter over [-4, 4]^2, different for each split.
        let step = if c == 0 { 0.754_877_7 } else { 0.569_840_3 };
        ((i as f64 + 1.0 + name.len() as f64 * 0.37) * step).fract() as f32 * 8.0 - 4.0
    });
    let exception = |i: usize| emb[[i, 0]] > 2.0 && emb[[i, 1]] > 2.0;
    let labels: Array1<i64> = (0..n).map(|i| i64::from((emb[[i, 0]] > 0.0) != exception(i))).collect();
    let logits = Array2::from_shape_fn((n, 2), |(i, c)| if c == 1 { emb[[i, 0]] } else { -emb[[i, 0]] });
    let arrays: [(&str, &dyn tenfold_core_tensor::arrays::Npy); 3] =
        [("emb", &emb.view()), ("logits", &logits.view()), ("y", &labels.view())];
    write_npz(folder.join(format!("{name}.npz")), &arrays).unwrap();
}

/// Writes a matrix as NumPy writes one in Fortran order: column after column.
pub(crate) fn write_fortran_npy(path: &Path, matrix: &Array2<f32>) {
    let (rows, columns) = matrix.dim();
    let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length take ten bytes; header and padding end on a multiple of 64.
    let header = format!("{header:<width$}\n", width = (header.len() + 11).next_multiple_of(64) - 11);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(matrix.t().iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// Writes matrices as the `safetensors` package of Python does.
pub(crate) fn write_safetensors(path: &Path, matrices: &[(&str, &Array2<f32>)]) {
    let (mut entries, mut data) = (Map::new(), Vec::new());
    for (name, matrix) in matrices {
        let start = data.len();
        data.extend(matrix.iter().flat_map(|v| v.to_le_bytes()));
        let entry = json!({ "dtype": "F32", "shape": matrix.shape(), "data_offsets": [start, data.len()] });
        entries.insert((*name).into(), entry);
    }
    let header = Value::Object(entries).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn tenfold(folder: &Path, command: &str) -> assert_cmd::assert::Assert {
    let mut program = Command::cargo_bin("tenfold").unwrap();
    program.current_dir(folder).args(command.split_whitespace()).assert()
}

pub(crate) fn json(folder: &Path, command: &str) -> Value {
    let output = tenfold(folder, &format!("{command} --json")).success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

pub(crate) fn array_at(folder: &Path, name: &str) -> ArrayPath {
    folder.join(name).to_str().unwrap().parse().unwrap()
}

pub(crate) fn fixture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, n) in [("train", 300), ("val", 100), ("test", 100)] {
        write_split(folder.path(), name, n);
    }
    folder
}

pub(crate) const TRAIN: &str = "--keys train.npz:emb --logits train.npz:logits --labels train.npz:y";
pub(crate) const VAL: &str = "--keys val.npz:emb --logits val.npz:logits --labels val.npz:y";
pub(crate) const TEST: &str = "--keys test.npz:emb --logits test.npz:logits";
