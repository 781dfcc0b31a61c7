//! Array files that are broken, cut short, or written by ourselves.

use ndarray::{Array, Array2, Ix1, IxDyn};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::{
    ArrayError, ArrayPath, RowBlocks, read_array, read_labels, read_matrix, write_npy, write_npz,
};

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/arrays").join(name)).unwrap()
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> ArrayPath {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    ArrayPath { file: path, key: None }
}

fn keyed(path: &ArrayPath, key: &str) -> ArrayPath {
    ArrayPath { file: path.file.clone(), key: (!path.file.ends_with("x.npy")).then(|| key.to_string()) }
}

#[test]
fn a_file_cut_short_anywhere_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    for (name, whole) in
        [("x.npy", golden("f4.npy")), ("x.npz", golden("set.npz")), ("x.safetensors", golden("set.safetensors"))]
    {
        for length in 0..whole.len() {
            let path = keyed(&put(dir.path(), name, &whole[..length]), "emb");
            let error = read_array(&path).unwrap_err().to_string();
            assert!(error.contains(name), "{length} bytes of {name}: {error}");
        }
    }
}

#[test]
fn wrong_sizes_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = golden("f4.npy");
    bytes.push(0);
    let error = read_matrix(&put(dir.path(), "x.npy", &bytes)).unwrap_err();
    assert!(matches!(error, ArrayError::Format { offset: 176, .. }));
    assert!(error.to_string().contains("takes 48 bytes, the file holds 49"), "{error}");
    let absurd = String::from_utf8_lossy(&golden("f4.npy")[10..128])
        .replace("(3, 4), ", "(4611686018427387904, 4611686018427387904), ");
    let mut bytes = golden("f4.npy")[..8].to_vec();
    bytes.extend((absurd.len() as u16).to_le_bytes());
    bytes.extend(absurd.as_bytes());
    let error = read_matrix(&put(dir.path(), "x.npy", &bytes)).unwrap_err().to_string();
    assert!(error.contains("does not fit in memory"), "{error}");
}

#[test]
fn negative_labels_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("y.npy");
    write_npy(&path, ndarray::array![3_i64, -1, -2].view()).unwrap();
    let error = read_labels(&path.into()).unwrap_err().to_string();
    assert!(error.ends_with("element 1 is -1; labels must not be negative"), "{error}");
}

#[test]
fn large_arrays_stream_and_equal_bytes_come_from_equal_arrays() {
    let dir = tempfile::tempdir().unwrap();
    // Longer than the megabyte that is read at a time, and no whole number of rows per megabyte.
    let x = Array2::from_shape_fn((3001, 131), |(i, j)| (i * 131 + j) as f32);
    let paths: [PathBuf; 2] = [dir.path().join("a.npz"), dir.path().join("b.npz")];
    for path in &paths {
        write_npz(path, &[("x", &x.view()), ("empty", &Array2::<f64>::zeros((0, 4)).view())]).unwrap();
    }
    assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
    let path = ArrayPath { file: paths[0].clone(), key: Some("x".into()) };
    assert_eq!(read_matrix(&path).unwrap(), x);
    let mut blocks = RowBlocks::open(&path).unwrap();
    let mut row = 0;
    while let Some(block) = blocks.next_block(700).unwrap() {
        assert_eq!(block, x.slice(ndarray::s![row..row + block.nrows(), ..]));
        row += block.nrows();
    }
    assert_eq!(row, 3001);
    let empty = ArrayPath { file: paths[0].clone(), key: Some("empty".into()) };
    assert_eq!(read_array(&empty).unwrap().shape(), [0, 4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_was_written_is_read(shape in prop::collection::vec(0_usize..5, 1..4), seed in any::<u32>()) {
        let dir = tempfile::tempdir().unwrap();
        let n: usize = shape.iter().product();
        let values: Vec<f32> = (0..n as u32).map(|i| f32::from_bits(seed.wrapping_mul(i + 1) & 0x7F7F_FFFF)).collect();
        let array = Array::from_shape_vec(IxDyn(&shape), values).unwrap();
        let path = dir.path().join("x.npy");
        write_npy(&path, array.view()).unwrap();
        prop_assert_eq!(read_array(&path.clone().into()).unwrap(), array);
        let labels: Array<u32, Ix1> = (0..n as u32).map(|i| seed.wrapping_add(i)).collect();
        write_npy(&path, labels.view()).unwrap();
        prop_assert_eq!(read_labels(&path.into()).unwrap(), labels.iter().map(|&l| l as usize).collect::<Vec<_>>());
    }

    #[test]
    fn mutated_files_never_panic(which in 0_usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let (name, mut bytes) = [
            ("x.npy", golden("f4.npy")), ("x.npz", golden("set.npz")), ("x.safetensors", golden("set.safetensors")),
        ][which].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let path = keyed(&put(dir.path(), name, &bytes), "emb");
        let _ = read_array(&path);
        let _ = read_labels(&path);
    }
}
