//! The stored keys.

use crate::error::ResmemError;
use crate::params::Storage;
use half::f16;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use tenfold_core_tensor::ops::nearest::{Metric, Neighbours, prepared};

/// Keys, checked, of unit length under the cosine, in the precision asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Keys {
    F32(Array2<f32>),
    F16(Array2<f16>),
}

impl Keys {
    /// Checks and converts keys.
    pub(crate) fn new(keys: ArrayView2<f32>, metric: Metric, storage: Storage) -> Result<Self, ResmemError> {
        let (n, width) = keys.dim();
        if n == 0 {
            return Err(ResmemError::parameter("number of keys", 0, "must be at least 1"));
        }
        if width == 0 {
            return Err(ResmemError::parameter("width of keys", 0, "must be at least 1"));
        }
        if n > MAX_KEYS {
            return Err(ResmemError::parameter("number of keys", n, format!("must be at most {MAX_KEYS}")));
        }
        let dense = prepared("keys", keys, metric)?.into_owned();
        let keys = from_dense(width, dense);
        match storage {
            Storage::F32 => Ok(Keys::F32(keys)),
            Storage::F16 => {
                let halves = keys.mapv(f16::from_f32);
                match halves.indexed_iter().find(|(_, v)| !v.is_finite()) {
                    Some(((row, column), _)) => Err(ResmemError::Value {
                        what: "keys",
                        row,
                        column,
                        value: keys[[row, column]],
                        rule: "must not exceed 65504 in size to be stored in half precision",
                    }),
                    None => Ok(Keys::F16(halves)),
                }
            }
        }
    }

    pub(crate) fn dim(&self) -> (usize, usize) {
        match self {
            Keys::F32(keys) => keys.dim(),
            Keys::F16(keys) => keys.dim(),
        }
    }

    /// All keys in single precision.
    pub(crate) fn into_f32(self) -> Array2<f32> {
        match self {
            Keys::F32(keys) => keys,
            Keys::F16(keys) => keys.mapv(f16::to_f32),
        }
    }

    /// These keys followed by `more`, which must be as wide.
    pub(crate) fn followed_by(&self, more: Self) -> Result<Self, ResmemError> {
        let ((n, width), (m, other)) = (self.dim(), more.dim());
        if width != other {
            return Err(ResmemError::Shape {
                what: "keys there are and keys to add",
                left: vec![n, width],
                right: vec![m, other],
                rule: "widths must agree",
            });
        }
        let more = more.into_f32();
        match self {
            Keys::F32(keys) => Ok(Keys::F32(concatenate(Axis(0), &[keys.view(), more.view()])?)),
            Keys::F16(keys) => Ok(Keys::F16(concatenate(Axis(0), &[keys.view(), more.mapv(f16::from_f32).view()])?)),
        }
    }

    /// The keys at `rows`, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Keys::F32(keys) => Keys::F32(keys.select(Axis(0), rows)),
            Keys::F16(keys) => Keys::F16(keys.select(Axis(0), rows)),
        }
    }
}

/// Row numbers are kept in 31 bits: files hold them as signed integers, which every array library reads.
pub(crate) const MAX_KEYS: usize = i32::MAX as usize;

/// Row-major numbers as a matrix of `width` columns.
pub(crate) fn from_dense(width: usize, dense: Vec<f32>) -> Array2<f32> {
    let rows = dense.len() / width.max(1);
    let mut dense = dense.into_iter();
    Array2::from_shape_simple_fn((rows, width), || dense.next().unwrap_or(f32::NAN))
}

/// Between unit vectors `|q - x|^2 = 2 (1 - <q, x>)`: turns the Euclidean distances of a search into the metric's.
pub(crate) fn in_metric(mut found: Neighbours, metric: Metric) -> Neighbours {
    if metric == Metric::Cosine {
        found.distances.mapv_inplace(|d| d * d / 2.0);
    }
    found
}
