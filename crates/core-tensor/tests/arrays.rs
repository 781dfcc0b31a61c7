//! Array files that are broken, cut short, or written by ourselves.

use ndarray::{Array, Array2, Ix1, IxDyn};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::{
    ArrayError, ArrayPath, RowBlocks, Slabs, read_array, read_labels, read_matrix, read_matrix_f64, read_vector,
    read_vector_f64, write_npy, write_npz,
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

/// An archive as NumPy's `savez` or `savez_compressed` writes it.
fn archive(path: &Path, compressed: bool, arrays: &[(&str, Vec<u8>)]) {
    let method = if compressed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// The bytes of a `.npy` file.
fn npy<T: tenfold_core_tensor::arrays::Element>(array: &Array<T, IxDyn>) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    write_npy(dir.path().join("x.npy"), array.view()).unwrap();
    std::fs::read(dir.path().join("x.npy")).unwrap()
}

#[test]
fn a_changed_byte_of_an_archive_is_never_read_as_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let x = Array::from_shape_fn(IxDyn(&[3, 5]), |i| (i[0] * 5 + i[1]) as f32);
    let y = Array::from_shape_fn(IxDyn(&[6]), |i| i[0] as i64);
    let (path, empty) = (dir.path().join("a.npz"), Array::<f32, IxDyn>::zeros(IxDyn(&[0, 5])));
    for compressed in [false, true] {
        archive(&path, compressed, &[("x", npy(&x)), ("y", npy(&y)), ("none", npy(&empty))]);
        let key = |key: &str| ArrayPath { file: path.clone(), key: Some(key.into()) };
        let whole = std::fs::read(&path).unwrap();
        let labels = read_labels(&key("y")).unwrap();
        let mut refused = [0; 3];
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            let checksum = |e: ArrayError| usize::from(matches!(e, ArrayError::Checksum { .. }));
            match read_array(&key("x")) {
                Ok(read) => assert_eq!(read, x, "byte {at}"),
                Err(e) => refused[0] += checksum(e),
            }
            match read_labels(&key("y")) {
                Ok(read) => assert_eq!(read, labels, "byte {at}"),
                Err(e) => refused[1] += checksum(e),
            }
            match read_array(&key("none")) {
                Ok(read) => assert_eq!(read, empty, "byte {at}"),
                Err(e) => refused[2] += checksum(e),
            }
        }
        // The padding of headers, the numbers, and the four bytes of each checksum.
        assert!(refused.iter().all(|n| *n >= 4), "{refused:?}");
        if !compressed {
            assert!(refused[0] >= 60 && refused[1] >= 48, "{refused:?}");
        }
    }
}

#[test]
fn every_reader_verifies_the_checksum_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    // More than the megabyte that is read at a time.
    let x = Array::from_shape_fn(IxDyn(&[40, 100, 101]), |i| ((i[0] * 31 + i[1] * 7 + i[2]) % 251) as f32);
    let mut bytes = npy(&x);
    let path = dir.path().join("a.npz");
    archive(&path, false, &[("x", bytes.clone())]);
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(12).position(|w| *w == bytes[2000..2012]).unwrap();
    for compressed in [false, true] {
        let key: ArrayPath = format!("{}:x", path.display()).parse().unwrap();
        if compressed {
            // Other bytes under the checksum of these.
            archive(&path, true, &[("x", bytes.clone())]);
            let stored = crc(&std::fs::read(&path).unwrap());
            bytes[2000] ^= 4;
            archive(&path, true, &[("x", bytes.clone())]);
            let mut damaged = std::fs::read(&path).unwrap();
            let found = crc(&damaged);
            for at in 0..damaged.len() - 4 {
                if damaged[at..at + 4] == found {
                    damaged[at..at + 4].copy_from_slice(&stored);
                }
            }
            std::fs::write(&path, damaged).unwrap();
        } else {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            std::fs::write(&path, damaged).unwrap();
        }
        let says = |error: ArrayError| {
            let text = error.to_string();
            assert!(matches!(error, ArrayError::Checksum { .. }), "{text}");
            assert!(text.contains("a.npz:x: the CRC-32 of the array is ") && text.contains("the file is damaged"));
        };
        says(read_array(&key).unwrap_err());
        says(Slabs::open(&key).err().unwrap());
        for double in [false, true] {
            let mut blocks = RowBlocks::open(&key).unwrap();
            let mut next = || match double {
                true => blocks.next_block_f64(7).map(|block| block.map(|b| b.nrows())),
                false => blocks.next_block(7).map(|block| block.map(|b| b.nrows())),
            };
            let mut rows = 0;
            let error = loop {
                match next() {
                    Ok(block) => rows += block.expect("an error before the end"),
                    Err(error) => break error,
                }
            };
            assert_eq!(rows, 35, "the last block is not delivered");
            says(error);
        }
    }
}

/// The checksum of the only entry of an archive, from its directory.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let at = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap() + 16;
    bytes[at..at + 4].try_into().unwrap()
}

#[test]
fn doubles_are_read_whole_or_rounded_and_never_made_infinite() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let times = ndarray::array![1.79e9, 1.79e9 + 1.0, 1.79e9 + 2.0];
    write_npy(path("times.npy"), times.view()).unwrap();
    assert_eq!(read_vector_f64(&path("times.npy").into()).unwrap(), times);
    assert_eq!(read_vector(&path("times.npy").into()).unwrap(), times.mapv(|v| v as f32));
    let huge = Array::from_shape_fn((3, 2), |(i, j)| if (i, j) == (1, 1) { 1e39 } else { f64::INFINITY });
    write_npy(path("huge.npy"), huge.view()).unwrap();
    let says = |error: ArrayError, at: usize| {
        let text = error.to_string();
        assert!(text.contains(&format!("huge.npy: element {at} is 1e39; single precision")), "{text}");
    };
    says(read_matrix(&path("huge.npy").into()).unwrap_err(), 3);
    says(RowBlocks::open(&path("huge.npy").into()).unwrap().next_block(3).unwrap_err(), 3);
    let mut blocks = RowBlocks::open(&path("huge.npy").into()).unwrap();
    assert!(blocks.next_block(1).unwrap().is_some());
    says(blocks.next_block(1).unwrap_err(), 3);
    assert_eq!(read_matrix_f64(&path("huge.npy").into()).unwrap(), huge);
    write_npy(path("huge.npy"), huge.into_shape_with_order((1, 3, 2)).unwrap().view()).unwrap();
    let slabs = Slabs::open(&path("huge.npy").into()).unwrap();
    says(slabs.read(1..2, &mut Vec::new()).unwrap_err(), 3);
    write_npy(path("whole.npy"), ndarray::array![7, (1_i64 << 53) + 1].view()).unwrap();
    let error = read_vector_f64(&path("whole.npy").into()).unwrap_err().to_string();
    assert!(error.contains("element 1 is 9007199254740993; double precision"), "{error}");
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
