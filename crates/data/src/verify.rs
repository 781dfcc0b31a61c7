//! Whether installed files are the ones their authors published, or at least still the ones seen first.
//!
//! No checksum is made up. Where an official one is known it decides: the content of Fashion-MNIST's files, the MD5 of
//! the CIFAR archives (checked when the archive is unpacked and written down, because unpacked files have no
//! official checksum of their own). Everything else is recorded in `checksums.json` beside the data the first time it
//! is seen and compared with that record afterwards.

use crate::catalogue::{self, Entry, Format, Origin};
use crate::error::DataError;
use crate::features;
use crate::idx::Idx;
use crate::images::Images;
use crate::source::{self, SourceFile};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::files::{sha256, write_atomic};

/// The name of the record inside a data set's folder.
pub const RECORD: &str = "checksums.json";

/// What `verify` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The files are the official ones.
    Official,
    /// No official checksum is known; what was read is now recorded.
    Recorded,
    /// No official checksum is known; the files equal the record.
    Unchanged,
    /// The files differ from the official ones or from the record.
    Differs,
}

/// The verification of one data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The data set's name in the catalogue.
    pub name: String,
    /// Its title; says so when the files are not known to be the official ones.
    pub title: String,
    /// The verdict.
    pub status: Status,
    /// What the verdict rests on.
    pub note: String,
    /// Names of the files that differ.
    pub differing: Vec<String>,
    /// The files as they are.
    pub files: Vec<SourceFile>,
}

/// What was known of a data set's files when they were first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The data set's name in the catalogue.
    pub(crate) name: String,
    /// The official checksum of the archive they came from, `md5:...`; absent if none was checked.
    pub(crate) official: Option<String>,
    /// The files as they were read.
    pub(crate) files: Vec<SourceFile>,
}

impl Record {
    pub(crate) fn write(&self, folder: &Path) -> Result<(), DataError> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| DataError::io(&folder.join(RECORD), e.into()))?;
        Ok(write_atomic(folder.join(RECORD), |w| std::io::Write::write_all(w, &text))?)
    }

    fn read(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join(RECORD);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(DataError::io(&path, e)),
        };
        let record = serde_json::from_slice(&text).map_err(|e| {
            // The byte at which the line named by the parser begins, plus its column.
            let lines = text.split_inclusive(|&b| b == b'\n').take(e.line().saturating_sub(1));
            let offset = lines.map(<[u8]>::len).sum::<usize>() + e.column();
            DataError::format(&path, offset, e.to_string())
        })?;
        Ok(Some(record))
    }

    /// Whether this is the record of files from the archive that the catalogue now names.
    fn is_official(&self, entry: &Entry) -> bool {
        matches!(entry.origin, Origin::Archive { md5, .. } if self.official.as_deref() == Some(&official_tag(md5)))
    }

    fn differing(&self, files: &[SourceFile]) -> Vec<String> {
        files.iter().filter(|file| !self.files.contains(file)).map(|file| file.name.clone()).collect()
    }
}

/// How a checked archive is written down.
pub(crate) fn official_tag(md5: &str) -> String {
    format!("md5:{md5}")
}

/// Reads every file of an installed data set and compares it with what is known of it. Writes `checksums.json` where
/// nothing is known yet.
///
/// # Errors
/// [`DataError::UnknownSet`]; [`DataError::Missing`], saying how to get it; [`DataError::File`] and
/// [`DataError::Format`] if a file or the record cannot be read. Files that differ are a [`Status`], not an error.
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// use tenfold_data::verify::{Status, verify};
/// assert_eq!(verify("fashion-mnist-slice", "data".as_ref())?.status, Status::Official);
/// # }
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
pub fn verify(name: &str, root: &Path) -> Result<Verification, DataError> {
    let entry = catalogue::find(name)?;
    let paths = entry.paths(root)?;
    let folder = entry.folder(root);
    let done = |title: &str, status, note: &str, differing, files| Verification {
        name: entry.name.to_string(),
        title: title.to_string(),
        status,
        note: note.to_string(),
        differing,
        files,
    };
    match entry.origin {
        Origin::Embedded => {
            let source = match entry.format {
                Format::Features { .. } => features::load(name, root)?.source,
                _ => catalogue::load(name, root)?.source,
            };
            let note = "compiled into the program";
            Ok(done(entry.title, Status::Official, note, Vec::new(), source.files))
        }
        Origin::DebianPackage { contents, .. } => {
            let (files, differing) = compare_contents(&paths, contents)?;
            let known = differing.is_empty();
            let status = if known { Status::Official } else { Status::Differs };
            Ok(done(&title(entry, known), status, idx_note(known), differing, files))
        }
        Origin::Archive { .. } | Origin::ByHand { .. } => {
            let files = paths.iter().map(|path| Ok(source::read(path)?.1)).collect::<Result<Vec<_>, DataError>>()?;
            let Some(record) = Record::read(&folder)? else {
                Record { name: entry.name.into(), official: None, files: files.clone() }.write(&folder)?;
                return Ok(done(&title(entry, false), Status::Recorded, UNKNOWN, Vec::new(), files));
            };
            let differing = record.differing(&files);
            let official = record.is_official(entry) && differing.is_empty();
            let (status, note) = match (official, differing.is_empty()) {
                (true, _) => (Status::Official, FROM_ARCHIVE),
                (false, true) => (Status::Unchanged, UNKNOWN),
                (false, false) => (Status::Differs, "differs from the record in checksums.json"),
            };
            Ok(done(&title(entry, official), status, note, differing, files))
        }
    }
}

const UNKNOWN: &str = "no official checksum known for these files; recorded";
const FROM_ARCHIVE: &str = "unpacked from the official archive, whose MD5 was verified";

fn idx_note(known: bool) -> &'static str {
    if known { "the content of every file is the official one" } else { "the content is not the official one" }
}

/// The title, with a warning where the files are not known to be the official ones.
fn title(entry: &Entry, official: bool) -> String {
    match entry.origin {
        Origin::Archive { .. } if !official => format!("{} (JPEG or other non-official pixels)", entry.title),
        Origin::DebianPackage { .. } if !official => format!("{} (not the official files)", entry.title),
        _ => entry.title.to_string(),
    }
}

/// Title and note for data that has just been read; decides as [`verify`] does but reads nothing again and writes
/// nothing.
pub(crate) fn label(
    entry: &Entry,
    folder: &Path,
    parts: &[&Images],
    files: &[SourceFile],
) -> Result<(String, String), DataError> {
    match entry.origin {
        Origin::DebianPackage { contents, .. } => {
            let read: Vec<String> = parts.iter().flat_map(|images| idx_checksums(images)).collect();
            let known = contents.iter().map(|(_, expected)| *expected).eq(read);
            Ok((title(entry, known), idx_note(known).to_string()))
        }
        _ => {
            let record = Record::read(folder)?;
            let official = record.is_some_and(|r| r.is_official(entry) && r.differing(files).is_empty());
            let note = if official { FROM_ARCHIVE } else { "no official checksum known for these files" };
            Ok((title(entry, official), note.to_string()))
        }
    }
}

/// SHA-256 of the plain image file and label file that these images came from.
fn idx_checksums(images: &Images) -> [String; 2] {
    let shape = images.shape();
    let pixels = Idx { dims: vec![images.len(), shape.height, shape.width], data: images.all_pixels().to_vec() };
    let labels = Idx { dims: vec![images.len()], data: images.labels().iter().map(|&label| label as u8).collect() };
    [sha256(&pixels.to_bytes()), sha256(&labels.to_bytes())]
}

/// Compares the uncompressed content of IDX files with checksums: the files as they are, and the names of those that
/// differ.
pub(crate) fn compare_contents(
    paths: &[PathBuf],
    contents: &[(&str, &str)],
) -> Result<(Vec<SourceFile>, Vec<String>), DataError> {
    let (mut files, mut differing) = (Vec::new(), Vec::new());
    for (path, (_, expected)) in paths.iter().zip(contents) {
        let (bytes, file) = source::read(path)?;
        // A file that cannot be read at all differs too; loading it says where it is broken.
        let content = Idx::parse(&bytes, path).map(|idx| sha256(&idx.to_bytes()));
        if content.ok().as_deref() != Some(expected) {
            differing.push(file.name.clone());
        }
        files.push(file);
    }
    Ok((files, differing))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder in CIFAR-100's layout with one image in each part.
    fn cifar100(root: &Path) -> PathBuf {
        let folder = root.join("cifar-100");
        std::fs::create_dir_all(&folder).unwrap();
        let names = |n: usize| (0..n).map(|i| format!("c{i}\n")).collect::<String>();
        std::fs::write(folder.join("fine_label_names.txt"), names(100)).unwrap();
        std::fs::write(folder.join("coarse_label_names.txt"), names(20)).unwrap();
        std::fs::write(folder.join("train.bin"), vec![1; 3074]).unwrap();
        std::fs::write(folder.join("test.bin"), vec![2; 3074]).unwrap();
        folder
    }

    #[test]
    fn files_without_official_checksum_are_recorded_then_compared() {
        let dir = tempfile::tempdir().unwrap();
        let folder = cifar100(dir.path());
        let first = verify("cifar-100", dir.path()).unwrap();
        assert_eq!(first.status, Status::Recorded);
        assert_eq!(first.title, "CIFAR-100 (JPEG or other non-official pixels)");
        assert!(first.note.contains("no official checksum known"));
        assert_eq!(verify("cifar-100", dir.path()).unwrap().status, Status::Unchanged);
        assert!(catalogue::load("cifar-100", dir.path()).unwrap().source.title.contains("non-official pixels"));

        std::fs::write(folder.join("test.bin"), vec![3; 3074]).unwrap();
        let third = verify("cifar-100", dir.path()).unwrap();
        assert_eq!((third.status, third.differing), (Status::Differs, vec!["test.bin".to_string()]));
    }

    #[test]
    fn a_record_of_the_official_archive_is_trusted_only_while_the_files_match() {
        let dir = tempfile::tempdir().unwrap();
        let folder = cifar100(dir.path());
        let entry = catalogue::find("cifar-100").unwrap();
        let Origin::Archive { md5, .. } = entry.origin else { panic!("an archive") };
        let files = entry.paths(dir.path()).unwrap().iter().map(|p| source::read(p).unwrap().1).collect();
        let mut record = Record { name: entry.name.into(), official: Some(official_tag(md5)), files };
        record.write(&folder).unwrap();
        let found = verify("cifar-100", dir.path()).unwrap();
        assert_eq!((found.status, &found.title[..]), (Status::Official, "CIFAR-100"));
        let source = catalogue::load("cifar-100", dir.path()).unwrap().source;
        assert_eq!((&source.title[..], source.files.len()), ("CIFAR-100", 4));

        record.official = Some(official_tag("0123"));
        record.write(&folder).unwrap();
        assert_eq!(verify("cifar-100", dir.path()).unwrap().status, Status::Unchanged);
    }

    #[test]
    fn other_images_in_place_of_fashion_mnist_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("fashion-mnist");
        std::fs::create_dir(&folder).unwrap();
        for part in ["train", "t10k"] {
            let images = Idx { dims: vec![1, 28, 28], data: vec![7; 784] }.to_bytes();
            let labels = Idx { dims: vec![1], data: vec![3] }.to_bytes();
            std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
            std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
        }
        let found = verify("fashion-mnist", dir.path()).unwrap();
        assert_eq!((found.status, found.differing.len()), (Status::Differs, 4));
        std::fs::write(folder.join("t10k-labels-idx1-ubyte.gz"), b"broken").unwrap();
        let found = verify("fashion-mnist", dir.path()).unwrap();
        assert_eq!(found.differing[3], "t10k-labels-idx1-ubyte.gz");
        std::fs::remove_file(folder.join("t10k-labels-idx1-ubyte.gz")).unwrap();
        let loaded = catalogue::load("fashion-mnist", dir.path()).unwrap();
        assert_eq!(loaded.source.title, "Fashion-MNIST (not the official files)");
    }

    #[test]
    fn missing_data_and_broken_records_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["fashion-mnist", "cifar-10", "cifar-100", "mnist"] {
            let error = catalogue::load(name, dir.path()).unwrap_err();
            assert!(matches!(error, DataError::Missing { .. }) && error.is_bad_input(), "{error}");
            assert!(error.to_string().contains(name));
        }
        let folder = cifar100(dir.path());
        std::fs::write(folder.join(RECORD), "{\n  \"name\": 3}").unwrap();
        let error = verify("cifar-100", dir.path()).unwrap_err().to_string();
        assert!(error.contains("checksums.json: byte 13: invalid type"), "{error}");
    }
}
