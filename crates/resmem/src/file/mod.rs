//! Memory files: a safetensors container, so that every framework can read the arrays; see [`Memory::save`].
//!
//! The metadata has one key, `tenfold`, with a JSON object: format name, version, configuration, and a SHA-256 over all
//! of it and all tensors. The same memory gives the same bytes.

mod read;
mod write;

use crate::error::ResmemError;
use crate::memory::Memory;
use crate::params::MemoryConfig;
use read::decode;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tenfold_core_tensor::files::{FileError, sha256, write_atomic};

const FORMAT: &str = "tenfold-resmem";
const VERSION: u32 = 1;
/// The one key of the metadata; several would come in random order.
const METADATA_KEY: &str = "tenfold";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: String,
    version: u32,
    config: MemoryConfig,
    /// Number of classes; none in regression.
    n_classes: Option<usize>,
    /// Entry point of the HNSW graph.
    entry: Option<u32>,
    sha256: String,
}

impl Metadata {
    /// The checksum of this metadata (with an empty checksum) and of tensors, each described by [`line`].
    fn digest(&self, mut lines: Vec<String>) -> serde_json::Result<String> {
        lines.sort_unstable();
        lines.insert(0, serde_json::to_string(&Self { sha256: String::new(), ..self.clone() })?);
        Ok(sha256(lines.join("\n").as_bytes()))
    }
}

/// Name, type, shape and checksum of a tensor.
fn line(name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> String {
    format!("{name} {dtype:?} {shape:?} {}", sha256(bytes))
}

impl Memory {
    /// Writes the memory to a file, which appears whole or not at all.
    ///
    /// It is a safetensors container that other frameworks read too:
    ///
    /// | tensor | type, shape | |
    /// |---|---|---|
    /// | `keys` | F32 or F16, `[n, e]` | of unit length under the cosine |
    /// | `base` | F32, `[n, C]` | logits, or predictions in regression |
    /// | `top_logits`, `top_classes`, `top_rest` | F32 `[n, m]`, I32 `[n, m]`, F32 `[n]` | in the place of `base` under `top_m` |
    /// | `labels` | I64, `[n]` | classification |
    /// | `values` | F32, `[n, D]` | regression |
    /// | `hnsw.ground`, `hnsw.upper`, `hnsw.levels` | I32 `[n, s]`, I32 `[b, m]`, U8 `[n]` | links, -1 for none |
    ///
    /// The metadata key `tenfold` holds a JSON object with the format's name and version, the configuration and a
    /// checksum over everything. The same memory gives the same bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ResmemError> {
        let path = path.as_ref();
        let bytes = self.encode(path)?;
        Ok(write_atomic(path, |w| std::io::Write::write_all(w, &bytes))?)
    }

    /// Reads a memory that [`Memory::save`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is cut short, of another format or version, or whose checksum or contents are wrong;
    /// with the path, and the byte offset or the entry.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ResmemError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| FileError::new(path, e))?;
        decode(path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Base;
    use crate::index::AnyIndex;
    use crate::params::{HnswConfig, IndexKind, Storage};
    use crate::targets::Targets;
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use tenfold_core_tensor::ops::nearest::Metric;

    /// One memory of each kind.
    fn memories() -> Vec<Memory> {
        let keys = Array2::from_shape_fn((40, 3), |(i, c)| ((i * 7 + c * 5) % 23) as f32 - 7.5);
        let logits = Array2::from_shape_fn((40, 4), |(i, c)| ((i * 3 + c * 11) % 13) as f32 / 4.0);
        let classes = Targets::classes((0..40).map(|i| i % 4).collect::<Vec<_>>(), 4);
        let hnsw = IndexKind::Hnsw(HnswConfig::default().with_m(3).with_ef(2).with_ef_construction(10));
        let plain = MemoryConfig::default();
        let mut memories: Vec<Memory> = [
            plain,
            plain.with_storage(Storage::F16).with_top_m(2),
            plain.with_index(hnsw).with_metric(Metric::Cosine),
            plain.with_index(hnsw).with_storage(Storage::F16),
        ]
        .into_iter()
        .map(|config| Memory::from_arrays(keys.view(), logits.clone(), classes.clone(), config).unwrap())
        .collect();
        let values = Targets::Values(logits.mapv(|v| v + 1.0));
        memories.push(Memory::from_arrays(keys.view(), logits, values, plain).unwrap());
        memories
    }

    fn reading(bytes: &[u8]) -> Result<Memory, ResmemError> {
        decode(Path::new("m.safetensors"), bytes)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        for memory in memories() {
            let bytes = memory.encode(Path::new("x")).unwrap();
            let again = reading(&bytes).unwrap();
            assert_eq!(again.encode(Path::new("x")).unwrap(), bytes);
            assert_eq!(again.config, memory.config);
            let queries = array![[0.3_f32, -2.0, 1.0], [5.0, 5.0, 5.5]];
            assert_eq!(again.search(queries.view(), 7, None).unwrap(), memory.search(queries.view(), 7, None).unwrap());
        }
    }

    #[test]
    fn removed_rows_are_not_in_the_file() {
        let mut memory = memories().remove(0);
        let mark = [12345.678_f32, -0.001, 77.0];
        let keys = Array2::from_shape_vec((1, 3), mark.to_vec()).unwrap();
        memory.add(keys.view(), Array2::zeros((1, 4)), &Targets::classes([2], 4)).unwrap();
        let bytes: Vec<u8> = mark.iter().flat_map(|v| v.to_le_bytes()).collect();
        let holds = |m: &Memory| m.encode(Path::new("x")).unwrap().windows(bytes.len()).any(|w| w == bytes);
        assert!(holds(&memory));
        let before = memories().remove(0);
        memory.remove(&[40]).unwrap();
        assert!(!holds(&memory));
        assert_eq!(memory.encode(Path::new("x")).unwrap(), before.encode(Path::new("x")).unwrap());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        for memory in memories() {
            let bytes = memory.encode(Path::new("x")).unwrap();
            for cut in (0..bytes.len()).step_by(7) {
                assert!(reading(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            for at in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << (at % 8);
                if let Ok(read) = reading(&bad) {
                    // Only spaces that pad the header may change unseen.
                    assert!(read.encode(Path::new("x")).unwrap() == bytes, "byte {at}");
                }
            }
        }
    }

    #[test]
    fn errors_say_where() {
        let bytes = memories()[0].encode(Path::new("x")).unwrap();
        let text = |bytes: &[u8]| reading(bytes).unwrap_err().to_string();
        assert!(text(&[]).starts_with("m.safetensors, byte 0: "));
        assert!(text(&[255; 20]).starts_with("m.safetensors, byte 0: "));
        let cut = bytes.len() - 1;
        assert!(text(&bytes[..cut]).starts_with(&format!("m.safetensors, byte {cut}: ")));
        let mut changed = bytes.clone();
        changed[cut] ^= 1;
        assert!(text(&changed).contains("entry tenfold: checksum is "));
        let replaced = |from: &str, to: &str| {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
            let mut bytes = bytes.clone();
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            text(&bytes)
        };
        assert!(replaced("version\\\":1", "version\\\":9").contains("version is 9, this library reads version 1"));
        assert!(replaced("tenfold-resmem", "tenfold-robust").contains("format is \"tenfold-robust\""));
        assert!(replaced("\"tenfold\"", "\"someone\"").contains("entry tenfold: missing"));
        assert!(replaced("\"base\"", "\"basf\"").contains("checksum"));
    }

    /// Contents that are wrong although the checksum is right.
    #[test]
    fn contents_are_checked_behind_the_checksum() {
        let text = |change: &dyn Fn(&mut Memory), which: usize| {
            let mut memory = memories().remove(which);
            change(&mut memory);
            reading(&memory.encode(Path::new("x")).unwrap()).unwrap_err().to_string()
        };
        let short = |m: &mut Memory| m.targets = Targets::classes([0, 1], 4);
        assert_eq!(text(&short, 0), "m.safetensors, entry labels: 2 rows do not match the 40 keys");
        let label = |m: &mut Memory| m.targets = Targets::classes(vec![9; 40], 4);
        assert!(text(&label, 0).ends_with("entry labels: labels: row 0 is 9, must be below the 4 classes"));
        let narrow = |m: &mut Memory| m.base = Base::Logits(Array2::zeros((40, 3)));
        assert_eq!(text(&narrow, 0), "m.safetensors, entry base: shape (40, 3), must be (40, 4)");
        let nan = |m: &mut Memory| m.base = Base::Logits(Array2::from_elem((40, 4), f32::NAN));
        assert_eq!(text(&nan, 0), "m.safetensors, entry base: row 0, column 0 is NaN, must be finite");
        let class = |m: &mut Memory| {
            if let Base::Top(top) = &mut m.base {
                top.classes[[0, 0]] = 4;
            }
        };
        assert_eq!(text(&class, 1), "m.safetensors, entry top_classes: must be below the 4 classes");
        let link = |m: &mut Memory| {
            if let AnyIndex::Hnsw(hnsw) = &mut m.index {
                hnsw.graph.ground[[0, 0]] = 40;
            }
        };
        assert_eq!(text(&link, 2), "m.safetensors, entry hnsw.ground: a link leads beyond the 40 points");
        let config = |m: &mut Memory| m.config = m.config.with_top_m(0);
        assert_eq!(text(&config, 0), "m.safetensors, entry tenfold: top_m = 0: must be at least 1");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0_u64..200) {
            prop_assert!(reading(&bytes).is_err());
            let mut with_length = n.to_le_bytes().to_vec();
            with_length.extend(&bytes);
            prop_assert!(reading(&with_length).is_err());
        }

        #[test]
        fn absurd_headers_never_panic(a in any::<u64>(), b in any::<u64>(), n in any::<u64>()) {
            let json = format!("{{\"keys\":{{\"dtype\":\"F32\",\"shape\":[{n},{n}],\"data_offsets\":[{a},{b}]}}}}");
            let mut file = (json.len() as u64).to_le_bytes().to_vec();
            file.extend(json.as_bytes());
            prop_assert!(reading(&file).is_err());
        }
    }
}
