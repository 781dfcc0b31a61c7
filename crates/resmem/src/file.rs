//! Memory files: a safetensors container, so that every framework can read the arrays.
//!
//! | tensor | type, shape | |
//! |---|---|---|
//! | `keys` | F32 or F16, `[n, e]` | of unit length under the cosine |
//! | `base` | F32, `[n, C]` | logits, or predictions in regression |
//! | `top_logits`, `top_classes`, `top_rest` | F32 `[n, m]`, I32 `[n, m]`, F32 `[n]` | in the place of `base` under `top_m` |
//! | `labels` | I64, `[n]` | classification |
//! | `values` | F32, `[n, D]` | regression |
//! | `hnsw.ground`, `hnsw.upper`, `hnsw.levels` | I32 `[n, s]`, I32 `[b, m]`, U8 `[n]` | links, -1 for none |
//!
//! The metadata has one key, `tenfold`, with a JSON object: format name, version, configuration, and a SHA-256 over all
//! of it and all tensors. The same memory gives the same bytes.

use crate::base::{Base, TopLogits};
use crate::error::ResmemError;
use crate::index::graph::{EMPTY, Graph};
use crate::index::keys::{Keys, MAX_KEYS};
use crate::index::{AnyIndex, Exact, Hnsw};
use crate::memory::Memory;
use crate::params::{IndexKind, MemoryConfig, Storage};
use crate::targets::Targets;
use half::f16;
use ndarray::{Array1, Array2, ArrayBase, Data, Dimension};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
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

    fn encode(&self, path: &Path) -> Result<Vec<u8>, ResmemError> {
        let mut parts = Parts::default();
        match self.index.stored(self.config.storage) {
            Keys::F32(keys) => parts.add("keys", Dtype::F32, &keys, |v| v.to_le_bytes()),
            Keys::F16(keys) => parts.add("keys", Dtype::F16, &keys, |v| v.to_le_bytes()),
        }
        match &self.base {
            Base::Values(base) | Base::Logits(base) => parts.add("base", Dtype::F32, base, |v| v.to_le_bytes()),
            Base::Top(top) => {
                parts.add("top_logits", Dtype::F32, &top.logits, |v| v.to_le_bytes());
                parts.add("top_classes", Dtype::I32, &top.classes, |v| v.to_le_bytes());
                parts.add("top_rest", Dtype::F32, &top.rest, |v| v.to_le_bytes());
            }
        }
        let n_classes = match &self.targets {
            Targets::Classes { labels, n_classes } => {
                let labels = Array1::from_iter(labels.iter().map(|&label| label as i64));
                parts.add("labels", Dtype::I64, &labels, |v| v.to_le_bytes());
                Some(*n_classes)
            }
            Targets::Values(values) => {
                parts.add("values", Dtype::F32, values, |v| v.to_le_bytes());
                None
            }
        };
        // No row number reaches the sign bit, so EMPTY, all ones, is -1 and is the only negative number.
        let entry = self.index.graph().map(|graph| {
            parts.add("hnsw.ground", Dtype::I32, &graph.ground, |v| v.to_le_bytes());
            parts.add("hnsw.upper", Dtype::I32, &graph.upper, |v| v.to_le_bytes());
            parts.add("hnsw.levels", Dtype::U8, &Array1::from(graph.levels.clone()), |v| [v]);
            graph.entry
        });
        let mut metadata = Metadata {
            format: FORMAT.into(),
            version: VERSION,
            config: self.config,
            n_classes,
            entry,
            sha256: String::new(),
        };
        let refused = |rule: String| ResmemError::Entry { path: path.into(), key: METADATA_KEY.into(), rule };
        let lines = parts.0.iter().map(|(key, part)| line(key, part.dtype, &part.shape, &part.bytes)).collect();
        metadata.sha256 = metadata.digest(lines).map_err(|e| refused(e.to_string()))?;
        let text = serde_json::to_string(&metadata).map_err(|e| refused(e.to_string()))?;
        let views: Result<Vec<_>, SafeTensorError> = parts
            .0
            .iter()
            .map(|(key, part)| Ok((*key, TensorView::new(part.dtype, part.shape.clone(), &part.bytes)?)))
            .collect();
        let metadata = HashMap::from([(METADATA_KEY.to_string(), text)]);
        views.and_then(|views| safetensors::serialize(views, Some(metadata))).map_err(|e| refused(e.to_string()))
    }
}

/// Tensors on their way into a file.
#[derive(Default)]
struct Parts(BTreeMap<&'static str, Part>);

struct Part {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Parts {
    fn add<T: Copy, D: Dimension, const N: usize>(
        &mut self,
        key: &'static str,
        dtype: Dtype,
        values: &ArrayBase<impl Data<Elem = T>, D>,
        to_bytes: impl Fn(T) -> [u8; N],
    ) {
        let bytes = values.iter().flat_map(|v| to_bytes(*v)).collect();
        self.0.insert(key, Part { dtype, shape: values.shape().to_vec(), bytes });
    }
}

/// A memory from the bytes of a file, or what is wrong with them.
fn decode(path: &Path, bytes: &[u8]) -> Result<Memory, ResmemError> {
    let broken = |e: SafeTensorError| ResmemError::Format {
        path: path.into(),
        offset: offset_of(&e, bytes.len()),
        rule: format!("not a whole safetensors file: {e}"),
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let reader = Reader { path, tensors: SafeTensors::deserialize(bytes).map_err(broken)? };
    let text = header.metadata().as_ref().and_then(|m| m.get(METADATA_KEY));
    let Some(text) = text else { return Err(reader.refuse(METADATA_KEY, "missing: this is not a memory")) };
    let metadata = reader.metadata(text)?;
    let tensors = reader.tensors.iter();
    let lines = tensors.map(|(name, view)| line(name, view.dtype(), view.shape(), view.data())).collect();
    let digest = metadata.digest(lines).map_err(|e| reader.refuse(METADATA_KEY, e))?;
    if digest != metadata.sha256 {
        return Err(reader.refuse(METADATA_KEY, format!("checksum is {}, the contents have {digest}", metadata.sha256)));
    }
    let config = metadata.config;
    config.validate().map_err(|e| reader.refuse(METADATA_KEY, e))?;

    let keys = reader.keys(config.storage)?;
    let (n, _) = keys.dim();
    let targets = reader.targets(metadata.n_classes)?;
    targets.validate().map_err(|e| reader.refuse(reader.targets_key(metadata.n_classes), e))?;
    if targets.len() != n {
        let rule = format!("{} rows do not match the {n} keys", targets.len());
        return Err(reader.refuse(reader.targets_key(metadata.n_classes), rule));
    }
    let base = reader.base(&targets, config.top_m)?;
    if (base.len(), base.width()) != (n, targets.width()) {
        let found = (base.len(), base.width());
        return Err(reader.refuse("base", format!("shape {found:?}, must be {:?}", (n, targets.width()))));
    }
    let index = match (&config.index, metadata.entry) {
        (IndexKind::Exact, _) => AnyIndex::Exact(Exact::from_keys(keys, config.metric)),
        (IndexKind::Hnsw(hnsw), Some(entry)) => {
            let graph = reader.graph(entry)?;
            if graph.len() != n {
                return Err(reader.refuse("hnsw.levels", format!("{} points for {n} keys", graph.len())));
            }
            AnyIndex::Hnsw(Box::new(Hnsw::from_parts(keys.to_f32(), graph, config.metric, hnsw.ef)))
        }
        (IndexKind::Hnsw(_), None) => return Err(reader.refuse(METADATA_KEY, "names no entry point of the graph")),
    };
    Ok(Memory::from_parts(index, base, targets, config))
}

/// Where in the file the container is wrong.
fn offset_of(error: &SafeTensorError, length: usize) -> u64 {
    match error {
        SafeTensorError::HeaderTooSmall | SafeTensorError::HeaderTooLarge | SafeTensorError::InvalidHeaderLength => 0,
        SafeTensorError::InvalidHeaderDeserialization(e) if e.line() == 1 => 8 + e.column().saturating_sub(1) as u64,
        SafeTensorError::MetadataIncompleteBuffer => length as u64,
        _ => 8,
    }
}

/// The tensors of a file, read with checks.
struct Reader<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn refuse(&self, key: &str, rule: impl ToString) -> ResmemError {
        ResmemError::Entry { path: self.path.into(), key: key.into(), rule: rule.to_string() }
    }

    fn metadata(&self, text: &str) -> Result<Metadata, ResmemError> {
        #[derive(Deserialize)]
        struct Kind {
            format: String,
            version: u32,
        }
        // Format and version first: another version may have other fields.
        let kind: Kind = serde_json::from_str(text).map_err(|e| self.refuse(METADATA_KEY, e))?;
        if kind.format != FORMAT {
            let rule = format!("format is {:?}, must be {FORMAT:?}", kind.format);
            return Err(self.refuse(METADATA_KEY, rule));
        }
        if kind.version != VERSION {
            let rule = format!("version is {}, this library reads version {VERSION}", kind.version);
            return Err(self.refuse(METADATA_KEY, rule));
        }
        serde_json::from_str(text).map_err(|e| self.refuse(METADATA_KEY, e))
    }

    /// The tensor of that name, type and number of dimensions.
    fn tensor(&self, key: &str, dtype: Dtype, dimensions: usize) -> Result<TensorView<'a>, ResmemError> {
        let view = self.tensors.tensor(key).map_err(|_| self.refuse(key, "missing"))?;
        if view.dtype() != dtype || view.shape().len() != dimensions {
            let found = format!("{:?} of shape {:?}", view.dtype(), view.shape());
            return Err(self.refuse(key, format!("is {found}, must be {dtype:?} with {dimensions} dimensions")));
        }
        Ok(view)
    }

    fn matrix<T, const N: usize>(
        &self,
        key: &str,
        dtype: Dtype,
        value: impl Fn([u8; N]) -> T,
    ) -> Result<Array2<T>, ResmemError> {
        let view = self.tensor(key, dtype, 2)?;
        let shape = (view.shape()[0], view.shape()[1]);
        Array2::from_shape_vec(shape, numbers(view.data(), value)).map_err(|e| self.refuse(key, e))
    }

    fn vector<T, const N: usize>(
        &self,
        key: &str,
        dtype: Dtype,
        value: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, ResmemError> {
        Ok(numbers(self.tensor(key, dtype, 1)?.data(), value))
    }

    /// A matrix of finite numbers.
    fn finite(&self, key: &str) -> Result<Array2<f32>, ResmemError> {
        let matrix = self.matrix(key, Dtype::F32, f32::from_le_bytes)?;
        match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
            Some(((row, column), v)) => {
                Err(self.refuse(key, format!("row {row}, column {column} is {v}, must be finite")))
            }
            None => Ok(matrix),
        }
    }

    fn keys(&self, storage: Storage) -> Result<Keys, ResmemError> {
        let keys = match storage {
            Storage::F32 => Keys::F32(self.finite("keys")?),
            Storage::F16 => {
                let keys = self.matrix("keys", Dtype::F16, f16::from_le_bytes)?;
                if keys.iter().any(|v| !v.is_finite()) {
                    return Err(self.refuse("keys", "all numbers must be finite"));
                }
                Keys::F16(keys)
            }
        };
        match keys.dim() {
            (n, width) if n == 0 || width == 0 || n > MAX_KEYS => {
                Err(self.refuse("keys", format!("shape [{n}, {width}], must be 1 to {MAX_KEYS} keys of some width")))
            }
            _ => Ok(keys),
        }
    }

    fn targets_key(&self, n_classes: Option<usize>) -> &'static str {
        if n_classes.is_some() { "labels" } else { "values" }
    }

    fn targets(&self, n_classes: Option<usize>) -> Result<Targets, ResmemError> {
        let Some(n_classes) = n_classes else { return Ok(Targets::Values(self.finite("values")?)) };
        let labels = self.vector("labels", Dtype::I64, i64::from_le_bytes)?;
        let labels: Result<Vec<usize>, _> = labels.into_iter().map(usize::try_from).collect();
        match labels {
            Ok(labels) => Ok(Targets::Classes { labels, n_classes }),
            Err(_) => Err(self.refuse("labels", "must not be negative")),
        }
    }

    fn base(&self, targets: &Targets, top_m: Option<usize>) -> Result<Base, ResmemError> {
        let (Targets::Classes { n_classes, .. }, Some(m)) = (targets, top_m) else {
            let base = self.finite("base")?;
            return Ok(if matches!(targets, Targets::Values(_)) { Base::Values(base) } else { Base::Logits(base) });
        };
        if m >= *n_classes {
            return Ok(Base::Logits(self.finite("base")?));
        }
        let logits = self.finite("top_logits")?;
        let classes = self.matrix("top_classes", Dtype::I32, u32::from_le_bytes)?;
        let rest = self.vector("top_rest", Dtype::F32, f32::from_le_bytes)?;
        if logits.ncols() != m || classes.dim() != logits.dim() || rest.len() != logits.nrows() {
            let shapes = format!("{:?}, {:?} and {:?}", logits.dim(), classes.dim(), rest.len());
            let rule = format!("logits, classes and rest have shapes {shapes}, must agree and be {m} wide");
            return Err(self.refuse("top_logits", rule));
        }
        if classes.iter().any(|class| *class as usize >= *n_classes) {
            return Err(self.refuse("top_classes", format!("must be below the {n_classes} classes")));
        }
        if rest.iter().any(|v| !v.is_finite()) {
            return Err(self.refuse("top_rest", "all numbers must be finite"));
        }
        Ok(Base::Top(TopLogits { classes, logits, rest: Array1::from(rest), width: *n_classes }))
    }

    fn graph(&self, entry: u32) -> Result<Graph, ResmemError> {
        let ground = self.matrix("hnsw.ground", Dtype::I32, u32::from_le_bytes)?;
        let upper = self.matrix("hnsw.upper", Dtype::I32, u32::from_le_bytes)?;
        let levels = self.vector("hnsw.levels", Dtype::U8, |[level]| level)?;
        debug_assert_eq!(EMPTY as i32, -1);
        Graph::new(ground, levels, upper, entry).map_err(|rule| self.refuse("hnsw.ground", rule))
    }
}

fn numbers<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::HnswConfig;
    use ndarray::array;
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
