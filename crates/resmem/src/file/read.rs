//! Bytes into a memory.

use super::{FORMAT, METADATA_KEY, Metadata, VERSION, line};
use crate::base::{Base, TopLogits};
use crate::error::ResmemError;
use crate::index::graph::{EMPTY, Graph};
use crate::index::keys::{Keys, MAX_KEYS};
use crate::index::{AnyIndex, Exact, Hnsw};
use crate::memory::Memory;
use crate::params::{IndexKind, Storage};
use crate::targets::Targets;
use half::f16;
use ndarray::{Array1, Array2};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::Deserialize;
use std::path::Path;

/// A memory from the bytes of a file, or what is wrong with them.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Memory, ResmemError> {
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
        (IndexKind::Exact, _) => {
            AnyIndex::Exact(Exact::from_keys(keys, config.metric).map_err(|e| reader.refuse("keys", e))?)
        }
        (IndexKind::Hnsw(hnsw), Some(entry)) => {
            let graph = reader.graph(entry)?;
            if graph.len() != n {
                return Err(reader.refuse("hnsw.levels", format!("{} points for {n} keys", graph.len())));
            }
            AnyIndex::Hnsw(Box::new(Hnsw::from_parts(keys.into_f32(), graph, config.metric, hnsw.ef)))
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
