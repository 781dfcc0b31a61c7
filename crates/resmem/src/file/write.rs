//! A memory into bytes.

use super::{FORMAT, METADATA_KEY, Metadata, VERSION, line};
use crate::base::Base;
use crate::error::ResmemError;
use crate::index::keys::Keys;
use crate::memory::Memory;
use crate::targets::Targets;
use ndarray::{Array1, ArrayBase, Data, Dimension};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

impl Memory {
    /// The bytes of a file; `path` is for errors.
    pub(super) fn encode(&self, path: &Path) -> Result<Vec<u8>, ResmemError> {
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
