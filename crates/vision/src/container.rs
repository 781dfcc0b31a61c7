//! One safetensors file with a record: the format of saved models and checkpoints.
//!
//! The file is an ordinary safetensors file of 32-bit floats. Its metadata has one entry, `tenfold`: a first line
//! `<kind> <version> <sha256>`, then the record as JSON. The checksum covers the record and the tensors' bytes, in the
//! order of the file, so that a flipped bit anywhere is found: in the header, by names and shapes that do not fit.

use crate::error::VisionError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use tenfold_core_tensor::files::{FileError, sha256, write_atomic};

/// The version of the format that this crate writes and reads.
const VERSION: &str = "1";

/// The one entry of the metadata. With two, their order in the file would change from run to run.
const ENTRY: &str = "tenfold";

/// A tensor's shape and values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Values {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Named tensors, in the order of their names.
pub(crate) type Tensors = BTreeMap<String, Values>;

/// An error about `path`.
pub(crate) fn damaged(path: &Path, key: impl Into<String>, rule: impl ToString) -> VisionError {
    VisionError::Checkpoint { path: path.to_path_buf(), key: key.into(), rule: rule.to_string() }
}

/// Writes a record and tensors, whole or not at all.
pub(crate) fn write(path: &Path, kind: &str, record: &impl Serialize, tensors: Tensors) -> Result<(), VisionError> {
    let record = serde_json::to_string(record).map_err(|e| damaged(path, "record", e))?;
    let bytes: BTreeMap<&String, Vec<u8>> =
        tensors.iter().map(|(name, t)| (name, t.values.iter().flat_map(|v| v.to_le_bytes()).collect())).collect();
    let payload: Vec<&[u8]> = bytes.values().map(Vec::as_slice).collect();
    let entry = format!("{kind} {VERSION} {}\n{record}", checksum(&record, &payload.concat()));

    let view = |(name, tensor): (&String, &Values)| {
        TensorView::new(Dtype::F32, tensor.shape.clone(), &bytes[name]).map(|view| (name.clone(), view))
    };
    let views: Vec<_> = tensors.iter().map(view).collect::<Result<_, _>>().map_err(|e| damaged(path, "tensors", e))?;
    let file = safetensors::serialize(views, Some(HashMap::from([(ENTRY.to_string(), entry)])))
        .map_err(|e| damaged(path, "tensors", e))?;
    Ok(write_atomic(path, |w| w.write_all(&file))?)
}

/// Reads what [`write`] wrote, and checks all of it.
pub(crate) fn read<R: DeserializeOwned>(path: &Path, kind: &str) -> Result<(R, Tensors), VisionError> {
    let file = std::fs::read(path).map_err(|e| FileError::new(path, e))?;
    parse(&file, kind).map_err(|(key, rule)| damaged(path, key, rule))
}

/// The part or tensor concerned, and the rule it breaks.
type Fault = (String, String);

fn parse<R: DeserializeOwned>(file: &[u8], kind: &str) -> Result<(R, Tensors), Fault> {
    let fault = |key: &str, rule: &dyn ToString| (key.to_string(), rule.to_string());
    let (header, metadata) = SafeTensors::read_metadata(file).map_err(|e| fault("header", &e))?;
    let data = SafeTensors::deserialize(file).map_err(|e| fault("header", &e))?;
    let entry = metadata.metadata().as_ref().and_then(|m| m.get(ENTRY));
    let entry = entry.ok_or_else(|| fault(ENTRY, &"the metadata lacks this entry: not written by Tenfold"))?;
    let (first, record) = entry.split_once('\n').ok_or_else(|| fault(ENTRY, &"must have a first line"))?;
    let &[found_kind, version, sum] = first.split(' ').collect::<Vec<_>>().as_slice() else {
        return Err(fault(ENTRY, &"the first line must be kind, version and checksum"));
    };
    if found_kind != kind {
        return Err(fault("kind", &format!("must be {kind}, found {found_kind}")));
    }
    if version != VERSION {
        return Err(fault("version", &format!("this release reads version {VERSION}, found {version}")));
    }
    // The header's length precedes it in eight bytes; the payload follows.
    if checksum(record, &file[8 + header..]) != sum {
        return Err(fault("sha256", &"the content does not match its checksum: the file is damaged"));
    }
    let record = serde_json::from_str(record).map_err(|e| fault("record", &e))?;

    let mut tensors = Tensors::new();
    for (name, view) in data.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err((name, format!("must be F32, found {:?}", view.dtype())));
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        tensors.insert(name, Values { shape: view.shape().to_vec(), values });
    }
    Ok((record, tensors))
}

fn checksum(record: &str, payload: &[u8]) -> String {
    sha256(format!("{}\n{}", sha256(record.as_bytes()), sha256(payload)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> (tempfile::TempDir, std::path::PathBuf, Tensors) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let tensors = Tensors::from([
            ("b/weight".to_string(), Values { shape: vec![2, 3], values: vec![1.0, -0.0, f32::MIN, 4.5, 5.0, 1e-40] }),
            ("a/bias".to_string(), Values { shape: vec![1], values: vec![7.0] }),
        ]);
        write(&path, "test", &vec![1, 2, 3], tensors.clone()).unwrap();
        (dir, path, tensors)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_dir, path, tensors) = example();
        let (record, read_back) = read::<Vec<u32>>(&path, "test").unwrap();
        assert_eq!((record, read_back), (vec![1, 2, 3], tensors));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let (_dir, path, tensors) = example();
        let file = std::fs::read(&path).unwrap();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            // A change in the header may leave a valid file: then names or shapes tell.
            if let Ok((_, read)) = parse::<Vec<u32>>(&damaged, "test") {
                let shapes = |t: &Tensors| t.iter().map(|(n, v)| (n.clone(), v.shape.clone())).collect::<Vec<_>>();
                assert!(shapes(&read) != shapes(&tensors) || read == tensors, "byte {at} changed values unnoticed");
            }
        }
        for length in 0..file.len() {
            assert!(parse::<Vec<u32>>(&file[..length], "test").is_err(), "truncated to {length}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_rule() {
        let (dir, path, _) = example();
        let error = read::<Vec<u32>>(&path, "other").unwrap_err().to_string();
        assert!(error.contains("a.safetensors: kind: must be other, found test"), "{error}");
        let error = read::<String>(&path, "test").unwrap_err().to_string();
        assert!(error.contains("record: invalid type"), "{error}");
        let error = read::<String>(&dir.path().join("none"), "test").unwrap_err();
        assert!(matches!(error, VisionError::File(_)), "{error}");
        let plain = safetensors::serialize::<&str, TensorView, _>([], None).unwrap();
        assert_eq!(parse::<String>(&plain, "test").unwrap_err().0, "tenfold");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
            let mut file = Vec::new();
            if header {
                file.extend((bytes.len() as u64 / 2).to_le_bytes());
            }
            file.extend(&bytes);
            prop_assert!(parse::<Vec<u32>>(&file, "test").is_err());
        }
    }
}
