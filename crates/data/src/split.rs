//! Stratified splits: parts of exact sizes in which every class has its share.

use crate::error::{DataError, require};
use crate::images::rows_by_class;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// How large the parts of a split are. What they leave over belongs to no part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartSizes {
    /// Examples in each part.
    Counts(Vec<usize>),
    /// Share of all examples in each part; the shares add up to at most 1.
    Fractions(Vec<f64>),
}

impl PartSizes {
    /// The number of examples in each part when there are `n`. Fractions are rounded by largest remainder, so that
    /// shares which add up to 1 use every example.
    ///
    /// # Errors
    /// [`DataError::Param`] if there is no part, a part is empty, a fraction is not in `(0, 1]`, or the parts need more
    /// than `n` examples.
    ///
    /// ```
    /// use tenfold_data::split::PartSizes;
    /// assert_eq!(PartSizes::Fractions(vec![0.5, 0.25, 0.25]).counts(10)?, [5, 3, 2]);
    /// # Ok::<(), tenfold_data::DataError>(())
    /// ```
    pub fn counts(&self, n: usize) -> Result<Vec<usize>, DataError> {
        let counts = match self {
            Self::Counts(counts) => counts.clone(),
            Self::Fractions(fractions) => rounded(fractions, n)?,
        };
        require(!counts.is_empty(), "parts", "[]", "at least one part")?;
        require(counts.iter().all(|&c| c > 0), "parts", format!("{counts:?}"), "every part at least 1 example")?;
        let total = counts.iter().try_fold(0_usize, |sum, &c| sum.checked_add(c));
        require(
            total.is_some_and(|t| t <= n),
            "parts",
            format!("{counts:?}"),
            format!("together at most {n} examples"),
        )?;
        Ok(counts)
    }
}

fn rounded(fractions: &[f64], n: usize) -> Result<Vec<usize>, DataError> {
    for &f in fractions {
        require(f > 0.0 && f <= 1.0, "fractions", f, "in (0, 1]")?;
    }
    let sum: f64 = fractions.iter().sum();
    // Each term and each addition rounds once, relative to at most 1.
    let slack = 2.0 * fractions.len() as f64 * f64::EPSILON;
    require(sum <= 1.0 + slack, "fractions", format!("{fractions:?}"), "together at most 1")?;
    let targets: Vec<f64> = fractions.iter().map(|f| f * n as f64).collect();
    let mut counts: Vec<usize> = targets.iter().map(|t| t.floor() as usize).collect();
    let total = ((sum * n as f64).round() as usize).min(n);
    let mut by_remainder: Vec<usize> = (0..fractions.len()).collect();
    by_remainder.sort_by(|&a, &b| targets[b].fract().total_cmp(&targets[a].fract()).then(a.cmp(&b)));
    let missing = total.saturating_sub(counts.iter().sum());
    for &part in by_remainder.iter().cycle().take(missing) {
        counts[part] += 1;
    }
    Ok(counts)
}

/// Splits examples into parts of exact sizes, with every class that occurs in every part and within one example of
/// its proportional share; only where some share is below one example are others moved to make room for it. Rows of a
/// part come in ascending order; parts do not overlap.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::split::{PartSizes, stratified};
///
/// let labels: Vec<usize> = (0..100).map(|i| i % 4).collect();
/// let parts = stratified(&labels, 4, &PartSizes::Counts(vec![60, 20]), Seed::new(1))?;
/// assert_eq!((parts[0].len(), parts[1].len()), (60, 20));
/// assert_eq!(parts[1].iter().filter(|&&row| labels[row] == 3).count(), 5);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Param`] if the sizes are not possible (see [`PartSizes::counts`]), a label is out of range, or a class
/// has too few examples to be in every part.
pub fn stratified(
    labels: &[usize],
    n_classes: usize,
    sizes: &PartSizes,
    seed: Seed,
) -> Result<Vec<Vec<usize>>, DataError> {
    let rows = rows_by_class(labels, n_classes)?;
    let counts = sizes.counts(labels.len())?;
    let class_sizes: Vec<usize> = rows.iter().map(Vec::len).collect();
    let table = allot(&counts, &class_sizes)?;
    let mut parts: Vec<Vec<usize>> = counts.iter().map(|&c| Vec::with_capacity(c)).collect();
    for (class, mut rows) in rows.into_iter().enumerate() {
        rows.shuffle(&mut seed.named("split").child(class as u64).rng());
        let mut rest = rows.into_iter();
        for (part, allotted) in parts.iter_mut().zip(&table) {
            part.extend(rest.by_ref().take(allotted[class]));
        }
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    Ok(parts)
}

/// How many examples of each class every part gets: `table[part][class]`, rows adding up to `parts` exactly.
fn allot(parts: &[usize], classes: &[usize]) -> Result<Vec<Vec<usize>>, DataError> {
    let n: usize = classes.iter().sum();
    // What no part takes is one more row, so that the columns add up as well.
    let mut rows = parts.to_vec();
    rows.push(n - parts.iter().sum::<usize>());
    let mut table = proportional(&rows, classes, n);
    cover(&mut table, parts.len(), classes)?;
    table.truncate(parts.len());
    Ok(table)
}

/// Rounds `rows[p] * columns[c] / n` up or down so that rows and columns both add up exactly. The roundings-up form a
/// 0-1 matrix with given margins, which exists; giving each column's to the rows that still lack most finds it
/// (Gale and Ryser).
fn proportional(rows: &[usize], columns: &[usize], n: usize) -> Vec<Vec<usize>> {
    let product = |p: usize, c: usize| rows[p] as u128 * columns[c] as u128;
    let n = n as u128;
    let mut table: Vec<Vec<usize>> =
        (0..rows.len()).map(|p| (0..columns.len()).map(|c| (product(p, c) / n) as usize).collect()).collect();
    let mut lacking: Vec<usize> = table.iter().zip(rows).map(|(row, &size)| size - row.iter().sum::<usize>()).collect();
    for (c, &size) in columns.iter().enumerate() {
        let missing = size - table.iter().map(|row| row[c]).sum::<usize>();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&p| (std::cmp::Reverse((lacking[p], product(p, c) % n)), p));
        for &p in &order[..missing] {
            table[p][c] += 1;
            lacking[p] -= 1;
        }
    }
    table
}

/// Puts every class into each of the first `n_parts` rows by swaps that keep all sums.
fn cover(table: &mut [Vec<usize>], n_parts: usize, classes: &[usize]) -> Result<(), DataError> {
    for part in 0..n_parts {
        for class in (0..classes.len()).filter(|&c| classes[c] > 0) {
            if table[part][class] > 0 {
                continue;
            }
            // A row may give an example away if it keeps one; the row of leftovers may give its last.
            let spare = |p: usize| table[p][class].saturating_sub(usize::from(p < n_parts));
            let giver = (0..table.len()).filter(|&p| spare(p) > 0).max_by_key(|&p| (spare(p), std::cmp::Reverse(p)));
            let traded = (0..classes.len())
                .filter(|&c| table[part][c] > 1)
                .max_by_key(|&c| (table[part][c], std::cmp::Reverse(c)));
            let (Some(giver), Some(traded)) = (giver, traded) else {
                return Err(DataError::param(
                    "parts",
                    n_parts,
                    format!("class {class} has {} examples, too few to be in every part", classes[class]),
                ));
            };
            table[giver][class] -= 1;
            table[part][class] += 1;
            table[part][traded] -= 1;
            table[giver][traded] += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::class_counts;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_error() {
        let message = |sizes: PartSizes| stratified(&[0, 0, 1, 1], 2, &sizes, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(PartSizes::Counts(vec![])), "parts = []: at least one part");
        assert_eq!(message(PartSizes::Counts(vec![4, 0])), "parts = [4, 0]: every part at least 1 example");
        assert_eq!(message(PartSizes::Counts(vec![3, 2])), "parts = [3, 2]: together at most 4 examples");
        assert!(message(PartSizes::Counts(vec![usize::MAX, 2])).contains("together at most 4"));
        assert_eq!(message(PartSizes::Fractions(vec![0.0])), "fractions = 0: in (0, 1]");
        assert_eq!(message(PartSizes::Fractions(vec![f64::NAN])), "fractions = NaN: in (0, 1]");
        assert_eq!(message(PartSizes::Fractions(vec![0.7, 0.7])), "fractions = [0.7, 0.7]: together at most 1");
        assert_eq!(
            message(PartSizes::Counts(vec![2, 1])),
            "parts = 2: class 1 has 2 examples, too few to be in every part"
        );
        let out_of_range = stratified(&[0, 2], 2, &PartSizes::Counts(vec![1]), Seed::new(0)).unwrap_err();
        assert!(out_of_range.to_string().contains("below 2 classes"));
    }

    #[test]
    fn a_rare_class_reaches_every_part() {
        let mut labels = vec![0; 97];
        labels.extend([1; 3]);
        for seed in 0..20 {
            let sizes = PartSizes::Fractions(vec![0.8, 0.1, 0.1]);
            let parts = stratified(&labels, 2, &sizes, Seed::new(seed)).unwrap();
            for (part, size) in parts.iter().zip([80, 10, 10]) {
                assert_eq!(part.len(), size);
                assert_eq!(part.iter().filter(|&&r| labels[r] == 1).count(), 1);
            }
        }
    }

    #[test]
    fn different_seeds_pick_different_rows_and_each_row_equally_often() {
        let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let runs = 2000;
        let mut hits = [0_u32; 40];
        for seed in 0..runs {
            let parts = stratified(&labels, 2, &PartSizes::Counts(vec![10]), Seed::new(seed)).unwrap();
            parts[0].iter().for_each(|&row| hits[row] += 1);
        }
        let expected = runs as f64 / 4.0;
        let sd = (runs as f64 * 0.25 * 0.75).sqrt();
        assert!(hits.iter().all(|&h| (f64::from(h) - expected).abs() < 5.0 * sd), "{hits:?}");
    }

    proptest! {
        #[test]
        fn parts_are_exact_disjoint_and_proportional(
            class_sizes in prop::collection::vec(6_usize..60, 1..6), shares in prop::collection::vec(1_usize..10, 1..4),
            seed: u64
        ) {
            let labels: Vec<usize> =
                class_sizes.iter().enumerate().flat_map(|(c, &k)| std::iter::repeat_n(c, k)).collect();
            let n = labels.len();
            // Each part holds at least a tenth of the data over the number of parts, so every share is possible.
            let count = |share: &usize| (n * share / 10 / shares.len()).max(class_sizes.len());
            let counts: Vec<usize> = shares.iter().map(count).collect();
            prop_assume!(counts.iter().sum::<usize>() <= n);
            let sizes = PartSizes::Counts(counts.clone());
            let parts = stratified(&labels, class_sizes.len(), &sizes, Seed::new(seed)).unwrap();
            let unforced = counts.iter().all(|part| class_sizes.iter().all(|class| part * class >= n));
            let mut seen = vec![false; n];
            for (part, &count) in parts.iter().zip(&counts) {
                prop_assert_eq!(part.len(), count);
                prop_assert!(part.is_sorted());
                for &row in part {
                    prop_assert!(!std::mem::replace(&mut seen[row], true), "row {} twice", row);
                }
                let part_labels: Vec<usize> = part.iter().map(|&r| labels[r]).collect();
                for (c, &k) in class_counts(&part_labels, class_sizes.len()).iter().enumerate() {
                    let share = (count * class_sizes[c]) as f64 / n as f64;
                    prop_assert!(k >= 1);
                    prop_assert!(!unforced || (k as f64 - share).abs() <= 1.0, "class {c}: {k} of {share}");
                }
            }
            prop_assert_eq!(parts, stratified(&labels, class_sizes.len(), &sizes, Seed::new(seed)).unwrap());
        }

        #[test]
        fn rounding_keeps_both_margins(
            columns in prop::collection::vec(1_usize..50, 1..8), cut in prop::collection::vec(0.0_f64..1.0, 1..4)
        ) {
            let n: usize = columns.iter().sum();
            let mut marks: Vec<usize> = cut.iter().map(|c| (c * n as f64) as usize).chain([0, n]).collect();
            marks.sort_unstable();
            let rows: Vec<usize> = marks.windows(2).map(|w| w[1] - w[0]).collect();
            let table = proportional(&rows, &columns, n);
            for (p, row) in table.iter().enumerate() {
                prop_assert_eq!(row.iter().sum::<usize>(), rows[p]);
                for (c, &cell) in row.iter().enumerate() {
                    let floor = rows[p] * columns[c] / n;
                    prop_assert!(cell == floor || cell == floor + 1);
                }
            }
            for (c, &size) in columns.iter().enumerate() {
                prop_assert_eq!(table.iter().map(|row| row[c]).sum::<usize>(), size);
            }
        }
    }
}
