//! Prediction depth.

use crate::error::{MemorisationError, require, require_shape};
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::ops::nearest::{ExactSearch, Metric};

/// Prediction depth: the first layer, from 0, from which on nearest-neighbour probes (k = 30) of all layers agree with the
/// network's prediction; the number of layers where even the last probe disagrees. High for hard examples.
///
/// `layers` are the embeddings `[n, e_l]` of the training set, input side first; the probe of an example is the most frequent
/// label among its k nearest others (of equally frequent ones, the smallest).
///
/// ```
/// use ndarray::{Array2, array};
/// use tenfold_memorisation::proxies::prediction_depth;
/// // Two classes: mixed up in the first layer, apart in the second.
/// let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
/// let mixed = Array2::from_shape_fn((20, 1), |(i, _)| i as f32);
/// let apart = Array2::from_shape_fn((20, 1), |(i, _)| (i % 2) as f32 * 100.0 + i as f32 / 100.0);
/// let depth = prediction_depth(&[mixed.view(), apart.view()], &labels, &labels, 3)?;
/// assert!(depth.iter().filter(|d| **d == 1).count() > 15);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// No layer, k = 0 or not below n, or other numbers of rows.
pub fn prediction_depth(
    layers: &[ArrayView2<f32>],
    labels: &[usize],
    predictions: &[usize],
    k: usize,
) -> Result<Vec<usize>, MemorisationError> {
    let n = labels.len();
    require(!layers.is_empty(), "layers", 0, "must be at least 1")?;
    require(k >= 1 && k < n, "k", k, "must be at least 1 and below the number of examples")?;
    require_shape("labels and predictions", &[n], &[predictions.len()], "one of each for every example")?;
    let mut agrees = Array2::from_elem((layers.len(), n), false);
    for (embedding, mut agrees) in layers.iter().zip(agrees.outer_iter_mut()) {
        require_shape("labels and embedding", &[n], &[embedding.nrows()], "one row for each example")?;
        let search = ExactSearch::new(*embedding, Metric::Euclidean)?;
        // One more than k, since an example is its own neighbour.
        let found = search.search(*embedding, k + 1)?;
        for (i, row) in found.indices.outer_iter().enumerate() {
            let others = row.iter().map(|j| *j as usize).filter(|j| *j != i).take(k);
            agrees[i] = most_frequent(others.map(|j| labels[j])) == Some(predictions[i]);
        }
    }
    let depth = |i: usize| layers.len() - agrees.column(i).iter().rev().take_while(|a| **a).count();
    Ok((0..n).map(depth).collect())
}

fn most_frequent(labels: impl Iterator<Item = usize>) -> Option<usize> {
    let mut sorted: Vec<usize> = labels.collect();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b).map(|run| (run.len(), std::cmp::Reverse(run[0])));
    runs.max().map(|(_, label)| label.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_from_where_all_later_probes_agree() {
        let labels: Vec<usize> = (0..12).map(|i| i / 6).collect();
        let apart = Array2::from_shape_fn((12, 1), |(i, _)| i as f32 + (i / 6) as f32 * 50.0);
        let mixed = Array2::from_shape_fn((12, 1), |(i, _)| (i % 6) as f32 + (i / 6) as f32 * 0.1);
        let depth = |layers: &[ArrayView2<f32>], predictions: &[usize]| {
            prediction_depth(layers, &labels, predictions, 1).unwrap()
        };
        // Apart, mixed, apart: agreement in the first layer does not count.
        assert_eq!(depth(&[apart.view(), mixed.view(), apart.view()], &labels), [2; 12]);
        assert_eq!(depth(&[apart.view(), apart.view()], &labels), [0; 12]);
        // A prediction that is not the label is not what the probes find.
        let wrong: Vec<usize> = labels.iter().map(|l| 1 - l).collect();
        assert_eq!(depth(&[apart.view(), apart.view()], &wrong), [2; 12]);
    }

    #[test]
    fn bad_settings_are_named() {
        let x = Array2::<f32>::zeros((3, 1));
        let fails = |e: MemorisationError, start: &str| assert!(e.to_string().starts_with(start), "{e}");
        fails(prediction_depth(&[], &[0; 3], &[0; 3], 1).unwrap_err(), "layers = 0: ");
        fails(prediction_depth(&[x.view()], &[0; 3], &[0; 3], 3).unwrap_err(), "k = 3: ");
        fails(prediction_depth(&[x.view()], &[0; 4], &[0; 4], 1).unwrap_err(), "labels and embedding: ");
    }
}
