//! Stratified folds, for estimates from models that did not see the example.

use super::{StatsError, need};
use crate::seed::Seed;
use rand::seq::SliceRandom;

/// The fold of each of n labelled examples, from 0 to `folds - 1`: the examples of a class are shuffled and dealt in turn, and the
/// next class goes on where the last one stopped. So any two folds differ by at most one in size and in each class, and a class with
/// fewer examples than folds has each of them in a fold of its own.
///
/// ```
/// use tenfold_core_tensor::{seed::Seed, stats::stratified_folds};
/// let fold = stratified_folds(&[0, 0, 0, 0, 1, 1], 3, Seed::new(1))?;
/// assert_ne!(fold[4], fold[5]);
/// assert!((0..3).all(|k| fold.iter().filter(|f| **f == k).count() == 2));
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two folds, or fewer examples than folds.
pub fn stratified_folds(labels: &[usize], folds: usize, seed: Seed) -> Result<Vec<usize>, StatsError> {
    need("stratified_folds (folds)", folds, 2)?;
    need("stratified_folds (examples)", labels.len(), folds)?;
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&i| labels[i]);
    for rows in order.chunk_by_mut(|&a, &b| labels[a] == labels[b]) {
        rows.shuffle(&mut seed.named("folds").child(labels[rows[0]] as u64).rng());
    }
    let mut fold = vec![0; labels.len()];
    order.iter().enumerate().for_each(|(place, &i)| fold[i] = place % folds);
    Ok(fold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn too_few_are_refused() {
        assert!(stratified_folds(&[0, 1], 1, Seed::new(0)).is_err());
        assert!(stratified_folds(&[0, 1], 3, Seed::new(0)).is_err());
    }

    proptest! {
        #[test]
        fn folds_differ_by_at_most_one_in_every_class(
            sizes in prop::collection::vec(0_usize..12, 1..6), folds in 2_usize..6, seed: u64
        ) {
            let labels: Vec<usize> = sizes.iter().enumerate().flat_map(|(c, &k)| std::iter::repeat_n(c, k)).collect();
            prop_assume!(labels.len() >= folds);
            let fold = stratified_folds(&labels, folds, Seed::new(seed)).unwrap();
            let count = |class: Option<usize>, k: usize| {
                fold.iter().zip(&labels).filter(|(f, y)| **f == k && class.is_none_or(|c| c == **y)).count()
            };
            for class in std::iter::once(None).chain((0..sizes.len()).map(Some)) {
                let counts: Vec<usize> = (0..folds).map(|k| count(class, k)).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
            }
        }
    }
}
