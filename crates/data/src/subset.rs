//! Seeded subsets, as ascending row numbers: random, balanced or stratified.

use crate::error::{DataError, require};
use crate::images::rows_by_class;
use crate::split::{self, PartSizes};
use rand::seq::index;
use tenfold_core_tensor::seed::Seed;

/// `n` of `n_total` rows, every set of rows equally likely.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// let rows = tenfold_data::subset::random(100, 10, Seed::new(3))?;
/// assert_eq!(rows.len(), 10);
/// assert!(rows.is_sorted() && rows[9] < 100);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Param`] unless `1 <= n <= n_total`.
pub fn random(n_total: usize, n: usize, seed: Seed) -> Result<Vec<usize>, DataError> {
    require((1..=n_total).contains(&n), "n", n, format!("between 1 and {n_total}"))?;
    Ok(draw(n_total, n, seed.named("subset")))
}

/// `per_class` rows of every class.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// let labels = [0, 0, 0, 1, 1];
/// let rows = tenfold_data::subset::balanced(&labels, 2, 2, Seed::new(3))?;
/// assert_eq!(rows.iter().filter(|&&row| labels[row] == 0).count(), 2);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Param`] if `per_class` is 0, a class has fewer examples than that, or a label is out of range.
pub fn balanced(labels: &[usize], n_classes: usize, per_class: usize, seed: Seed) -> Result<Vec<usize>, DataError> {
    require(per_class > 0, "per_class", per_class, "at least 1")?;
    by_class(labels, &vec![per_class; n_classes], "per_class", seed.named("subset"))
}

/// `n` rows with every class in its proportional share (see [`split::stratified`]).
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// let labels = [0, 0, 0, 0, 1, 1];
/// let rows = tenfold_data::subset::stratified(&labels, 2, 3, Seed::new(3))?;
/// assert_eq!(rows.iter().filter(|&&row| labels[row] == 0).count(), 2);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Param`] unless `1 <= n <= labels.len()`, or if some class cannot have an example among `n`.
pub fn stratified(labels: &[usize], n_classes: usize, n: usize, seed: Seed) -> Result<Vec<usize>, DataError> {
    let parts = split::stratified(labels, n_classes, &PartSizes::Counts(vec![n]), seed.named("subset"))?;
    Ok(parts.into_iter().flatten().collect())
}

/// `counts[c]` rows of each class `c`; `field` names the argument that asked for them.
pub(crate) fn by_class(
    labels: &[usize],
    counts: &[usize],
    field: &'static str,
    seed: Seed,
) -> Result<Vec<usize>, DataError> {
    let mut chosen = Vec::with_capacity(counts.iter().sum::<usize>().min(labels.len()));
    for (class, rows) in rows_by_class(labels, counts.len())?.into_iter().enumerate() {
        let n = counts[class];
        require(n <= rows.len(), field, n, format!("class {class} has only {} examples", rows.len()))?;
        chosen.extend(draw(rows.len(), n, seed.child(class as u64)).into_iter().map(|i| rows[i]));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

fn draw(n_total: usize, n: usize, seed: Seed) -> Vec<usize> {
    let mut rows = index::sample(&mut seed.rng(), n_total, n).into_vec();
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::class_counts;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_error() {
        let message = |r: Result<Vec<usize>, DataError>| r.unwrap_err().to_string();
        let seed = Seed::new(0);
        assert_eq!(message(random(3, 0, seed)), "n = 0: between 1 and 3");
        assert_eq!(message(random(3, 4, seed)), "n = 4: between 1 and 3");
        assert_eq!(message(balanced(&[0, 1], 2, 0, seed)), "per_class = 0: at least 1");
        assert_eq!(message(balanced(&[0, 1, 1], 2, 2, seed)), "per_class = 2: class 0 has only 1 examples");
        assert_eq!(message(stratified(&[0, 1], 2, 3, seed)), "parts = [3]: together at most 2 examples");
        assert!(message(stratified(&[0, 1], 2, 1, seed)).contains("too few to be in every part"));
        assert!(message(balanced(&[0, 5], 2, 1, seed)).contains("labels = 5: below 2 classes"));
    }

    proptest! {
        #[test]
        fn counts_are_exact_and_rows_distinct(labels in prop::collection::vec(0_usize..3, 30..80), seed: u64) {
            let counts = class_counts(&labels, 3);
            let smallest = counts.iter().min().copied().unwrap();
            prop_assume!(smallest > 0);
            let rows = balanced(&labels, 3, smallest, Seed::new(seed)).unwrap();
            let picked: Vec<usize> = rows.iter().map(|&r| labels[r]).collect();
            prop_assert_eq!(class_counts(&picked, 3), vec![smallest; 3]);
            prop_assert!(rows.windows(2).all(|w| w[0] < w[1]));
            let rows = random(labels.len(), 20, Seed::new(seed)).unwrap();
            prop_assert!(rows.len() == 20 && rows.windows(2).all(|w| w[0] < w[1]));
            prop_assert_eq!(rows, random(labels.len(), 20, Seed::new(seed)).unwrap());
        }
    }
}
