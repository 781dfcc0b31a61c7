//! The binary batches of CIFAR-10 and CIFAR-100, as their authors publish them.
//!
//! A CIFAR-10 record is one label byte and 3,072 pixel bytes (1,024 red, then green, then blue, each 32 x 32
//! row-major); a CIFAR-100 record starts with two label bytes, coarse then fine. Files are records and nothing else.

use crate::error::DataError;
use crate::images::{CoarseLabels, Images};
use crate::source::{self, SourceFile};
use std::path::{Path, PathBuf};
use tenfold_core_tensor::image::ImageShape;

/// The shape of every CIFAR image.
pub const SHAPE: ImageShape = ImageShape::new(3, 32, 32);

/// The training files of CIFAR-10, in order.
pub const CIFAR10_TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];

/// The folder inside the official CIFAR-10 archive.
pub const CIFAR10_FOLDER: &str = "cifar-10-batches-bin";

/// The folder inside the official CIFAR-100 archive.
pub const CIFAR100_FOLDER: &str = "cifar-100-binary";

/// Training images, test images and the files they were read from.
pub type Parts = (Images, Images, Vec<SourceFile>);

/// Reads CIFAR-10: `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin` and `batches.meta.txt`, in `folder` or
/// in `cifar-10-batches-bin` inside it. A batch may hold any number of records.
///
/// # Errors
/// [`DataError::File`] if a file is missing or cannot be read; [`DataError::Format`] if one is empty, does not hold
/// whole records, has a label out of range, or there are not ten class names.
pub fn read_cifar10(folder: &Path) -> Result<Parts, DataError> {
    let mut reader = Reader::new(folder, CIFAR10_FOLDER);
    let names = reader.names("batches.meta.txt", 10)?;
    let layout = Layout { coarse: None, fine: &names };
    let train = reader.images(&CIFAR10_TRAIN, &layout)?;
    let test = reader.images(&["test_batch.bin"], &layout)?;
    Ok((train, test, reader.files))
}

/// Reads CIFAR-100 with its 100 fine labels, and the 20 coarse ones beside them: `train.bin`, `test.bin`,
/// `fine_label_names.txt` and `coarse_label_names.txt`, in `folder` or in `cifar-100-binary` inside it.
///
/// # Errors
/// As [`read_cifar10`].
pub fn read_cifar100(folder: &Path) -> Result<Parts, DataError> {
    let mut reader = Reader::new(folder, CIFAR100_FOLDER);
    let fine = reader.names("fine_label_names.txt", 100)?;
    let coarse = reader.names("coarse_label_names.txt", 20)?;
    let layout = Layout { coarse: Some(&coarse), fine: &fine };
    let train = reader.images(&["train.bin"], &layout)?;
    let test = reader.images(&["test.bin"], &layout)?;
    Ok((train, test, reader.files))
}

/// The folder that holds the files: the one named, or the archive's own inside it.
pub(crate) fn content_folder(folder: &Path, inner: &str) -> PathBuf {
    let nested = folder.join(inner);
    if nested.is_dir() { nested } else { folder.to_path_buf() }
}

/// The class names that the label bytes of a record point into.
struct Layout<'a> {
    coarse: Option<&'a [String]>,
    fine: &'a [String],
}

/// Reads files of one folder and remembers what it read.
struct Reader {
    folder: PathBuf,
    files: Vec<SourceFile>,
}

impl Reader {
    fn new(folder: &Path, inner: &str) -> Self {
        Self { folder: content_folder(folder, inner), files: Vec::new() }
    }

    fn read(&mut self, name: &str) -> Result<(Vec<u8>, PathBuf), DataError> {
        let path = self.folder.join(name);
        let (bytes, file) = source::read(&path)?;
        self.files.push(file);
        Ok((bytes, path))
    }

    fn names(&mut self, name: &str, expected: usize) -> Result<Vec<String>, DataError> {
        let (bytes, path) = self.read(name)?;
        parse_names(&bytes, &path, expected)
    }

    fn images(&mut self, names: &[&str], layout: &Layout) -> Result<Images, DataError> {
        let (mut pixels, mut fine, mut coarse) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let (bytes, path) = self.read(name)?;
            parse_records(&bytes, &path, layout, &mut pixels, &mut fine, &mut coarse)?;
        }
        let images = Images::new(SHAPE, pixels, fine, layout.fine.to_vec())?;
        match layout.coarse {
            None => Ok(images),
            Some(names) => images.with_coarse(CoarseLabels { labels: coarse, names: names.to_vec() }),
        }
    }
}

/// One class name a line; blank lines do not count (the official file ends with one).
fn parse_names(bytes: &[u8], path: &Path, expected: usize) -> Result<Vec<String>, DataError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| DataError::format(path, e.valid_up_to(), "class names must be UTF-8 text"))?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    if names.len() != expected {
        return Err(DataError::format(path, bytes.len(), format!("{} class names, not {expected}", names.len())));
    }
    Ok(names)
}

fn parse_records(
    bytes: &[u8],
    path: &Path,
    layout: &Layout,
    pixels: &mut Vec<u8>,
    fine: &mut Vec<usize>,
    coarse: &mut Vec<usize>,
) -> Result<(), DataError> {
    let label_bytes = if layout.coarse.is_some() { 2 } else { 1 };
    let record = label_bytes + SHAPE.features();
    if bytes.is_empty() {
        return Err(DataError::format(path, 0, "the file is empty"));
    }
    let rest = bytes.len() % record;
    if rest != 0 {
        let rule = format!("the last record has {rest} of {record} bytes: truncated, or not this format");
        return Err(DataError::format(path, bytes.len() - rest, rule));
    }
    let check = |label: u8, offset: usize, names: &[String], which: &str| {
        if usize::from(label) < names.len() {
            return Ok(usize::from(label));
        }
        Err(DataError::format(path, offset, format!("{which} {label} is not below {} classes", names.len())))
    };
    pixels.reserve(bytes.len());
    for (i, chunk) in bytes.chunks_exact(record).enumerate() {
        let at = i * record;
        if let Some(names) = layout.coarse {
            coarse.push(check(chunk[0], at, names, "coarse label")?);
        }
        fine.push(check(chunk[label_bytes - 1], at + label_bytes - 1, layout.fine, "label")?);
        pixels.extend_from_slice(&chunk[label_bytes..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(labels: &[u8], shade: u8) -> Vec<u8> {
        let mut bytes = labels.to_vec();
        for channel in 0..3 {
            bytes.extend([shade + channel; 1024]);
        }
        bytes
    }

    fn write_names(folder: &Path, name: &str, n: usize) {
        let text: String = (0..n).map(|i| format!("class{i}\n")).collect();
        std::fs::write(folder.join(name), text + "\n").unwrap();
    }

    fn cifar10(folder: &Path) {
        write_names(folder, "batches.meta.txt", 10);
        for (i, name) in CIFAR10_TRAIN.iter().enumerate() {
            std::fs::write(folder.join(name), record(&[i as u8], 10 * i as u8)).unwrap();
        }
        std::fs::write(folder.join("test_batch.bin"), [record(&[9], 1), record(&[8], 2)].concat()).unwrap();
    }

    #[test]
    fn cifar10_keeps_the_order_of_batches_and_channels() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join(CIFAR10_FOLDER);
        std::fs::create_dir(&inner).unwrap();
        cifar10(&inner);
        for folder in [dir.path(), &inner] {
            let (train, test, files) = read_cifar10(folder).unwrap();
            assert_eq!(train.labels(), [0, 1, 2, 3, 4]);
            assert_eq!(test.labels(), [9, 8]);
            let image = train.pixels(3);
            assert_eq!((image[0], image[1024], image[3071]), (30, 31, 32));
            assert_eq!(train.class_names()[7], "class7");
            assert_eq!(files.len(), 7);
        }
    }

    #[test]
    fn cifar100_reads_coarse_before_fine() {
        let dir = tempfile::tempdir().unwrap();
        write_names(dir.path(), "fine_label_names.txt", 100);
        write_names(dir.path(), "coarse_label_names.txt", 20);
        std::fs::write(dir.path().join("train.bin"), record(&[19, 99], 0)).unwrap();
        std::fs::write(dir.path().join("test.bin"), record(&[0, 1], 0)).unwrap();
        let (train, test, _) = read_cifar100(dir.path()).unwrap();
        assert_eq!((train.labels(), &train.coarse().unwrap().labels[..]), (&[99][..], &[19][..]));
        assert_eq!((test.labels(), &test.coarse().unwrap().labels[..]), (&[1][..], &[0][..]));

        std::fs::write(dir.path().join("test.bin"), [record(&[0, 1], 0), record(&[20, 1], 0)].concat()).unwrap();
        let error = read_cifar100(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("test.bin: byte 3074: coarse label 20 is not below 20 classes"), "{error}");
        std::fs::write(dir.path().join("test.bin"), record(&[1, 100], 0)).unwrap();
        let error = read_cifar100(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("test.bin: byte 1: label 100 is not below 100 classes"), "{error}");
    }

    #[test]
    fn broken_batches_name_file_byte_and_rule() {
        let dir = tempfile::tempdir().unwrap();
        cifar10(dir.path());
        let after_writing = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            let before = std::fs::read(&path).unwrap();
            std::fs::write(&path, bytes).unwrap();
            let message = read_cifar10(dir.path()).unwrap_err().to_string();
            std::fs::write(&path, before).unwrap();
            message
        };
        assert!(after_writing("data_batch_2.bin", &[]).ends_with("data_batch_2.bin: byte 0: the file is empty"));
        let truncated = after_writing("test_batch.bin", &[record(&[1], 0), vec![0; 5]].concat());
        assert!(truncated.contains("byte 3073: the last record has 5 of 3073 bytes"), "{truncated}");
        assert!(
            after_writing("test_batch.bin", &record(&[10], 0)).contains("byte 0: label 10 is not below 10 classes")
        );
        assert!(after_writing("batches.meta.txt", b"a\nb\n").contains("byte 4: 2 class names, not 10"));
        assert!(after_writing("batches.meta.txt", b"a\n\xff").contains("byte 2: class names must be UTF-8"));
        std::fs::remove_file(dir.path().join("data_batch_4.bin")).unwrap();
        let missing = read_cifar10(dir.path()).unwrap_err();
        assert!(missing.to_string().contains("data_batch_4.bin") && missing.is_bad_input(), "{missing}");
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..7000), coarse: bool) {
            let names = vec![String::new(); 20];
            let layout = Layout { coarse: coarse.then_some(&names[..]), fine: &names };
            let (mut pixels, mut fine, mut coarse) = (Vec::new(), Vec::new(), Vec::new());
            if parse_records(&bytes, Path::new("f"), &layout, &mut pixels, &mut fine, &mut coarse).is_ok() {
                prop_assert_eq!(pixels.len(), fine.len() * SHAPE.features());
            }
            let _ = parse_names(&bytes, Path::new("f"), 10);
        }

        #[test]
        fn whole_records_with_valid_labels_are_always_read(
            labels in prop::collection::vec((0_u8..20, 0_u8..100), 1..4), shade in 0_u8..200
        ) {
            let (coarse_names, fine_names) = (vec![String::new(); 20], vec![String::new(); 100]);
            let layout = Layout { coarse: Some(&coarse_names), fine: &fine_names };
            let bytes: Vec<u8> = labels.iter().flat_map(|&(c, f)| record(&[c, f], shade)).collect();
            let (mut pixels, mut fine, mut coarse) = (Vec::new(), Vec::new(), Vec::new());
            parse_records(&bytes, Path::new("f"), &layout, &mut pixels, &mut fine, &mut coarse).unwrap();
            prop_assert_eq!(fine, labels.iter().map(|l| usize::from(l.1)).collect::<Vec<_>>());
            prop_assert_eq!(coarse, labels.iter().map(|l| usize::from(l.0)).collect::<Vec<_>>());
        }
    }
}
