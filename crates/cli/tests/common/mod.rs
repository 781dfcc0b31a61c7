//! Files as a practitioner would have them.

use ndarray::{Array1, Array2};
use std::path::Path;
use tenfold_core_tensor::arrays::write_npz;

/// A toy task: a base model that only knows the sign of the first feature, and a memory-worthy exception around (3, 3).
pub(crate) fn write_split(folder: &Path, name: &str, n: usize) {
    let emb = Array2::from_shape_fn((n, 2), |(i, c)| {
        // A low-discrepancy scatter over [-4, 4]^2, different for each split.
        let step = if c == 0 { 0.754_877_7 } else { 0.569_840_3 };
        ((i as f64 + 1.0 + name.len() as f64 * 0.37) * step).fract() as f32 * 8.0 - 4.0
    });
    let exception = |i: usize| emb[[i, 0]] > 2.0 && emb[[i, 1]] > 2.0;
    let labels: Array1<i64> = (0..n).map(|i| i64::from((emb[[i, 0]] > 0.0) != exception(i))).collect();
    let logits = Array2::from_shape_fn((n, 2), |(i, c)| if c == 1 { emb[[i, 0]] } else { -emb[[i, 0]] });
    let arrays: [(&str, &dyn tenfold_core_tensor::arrays::Npy); 3] =
        [("emb", &emb.view()), ("logits", &logits.view()), ("y", &labels.view())];
    write_npz(folder.join(format!("{name}.npz")), &arrays).unwrap();
}
