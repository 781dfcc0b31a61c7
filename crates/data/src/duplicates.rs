//! Planted duplicates: copies of chosen examples, exact or slightly changed, with the pairs recorded.

use crate::error::{DataError, require};
use crate::images::Images;
use crate::table::Table;
use rand::seq::index;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::{Rng, Seed};

/// How many copies to plant, and how near the near ones are.
///
/// Each copy has an original of its own. Copies stand behind the data, exact ones first, and keep their originals'
/// labels. A near copy adds independent normal noise of standard deviation `jitter` to every value: in grey levels
/// (0 to 255, rounded and clamped) for images, in the units of the features for tables.
///
/// Defaults: `exact = 0`, `near = 0`, `jitter = 8`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Duplicates {
    /// Exact copies to plant.
    pub exact: usize,
    /// Near copies to plant.
    pub near: usize,
    /// Standard deviation of the noise on near copies.
    pub jitter: f64,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self { exact: 0, near: 0, jitter: 8.0 }
    }
}

/// One planted copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantedPair {
    /// Row of the original.
    pub original: usize,
    /// Row of the copy.
    pub copy: usize,
    /// Whether the copy equals the original.
    pub exact: bool,
}

/// Data with copies behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted<T> {
    /// The original rows in their order, then the copies.
    pub data: T,
    /// One entry per copy, in the order of the copies.
    pub pairs: Vec<PlantedPair>,
}

impl Duplicates {
    /// Sets the number of exact copies.
    pub fn with_exact(mut self, exact: usize) -> Self {
        self.exact = exact;
        self
    }

    /// Sets the number of near copies.
    pub fn with_near(mut self, near: usize) -> Self {
        self.near = near;
        self
    }

    /// Sets the standard deviation of the noise on near copies.
    pub fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] if nothing is to be planted or `jitter` is not finite and positive.
    pub fn validate(&self) -> Result<(), DataError> {
        require(self.exact > 0 || self.near > 0, "exact + near", 0, "at least one copy")?;
        require(self.jitter.is_finite() && self.jitter > 0.0, "jitter", self.jitter, "finite and positive")
    }

    /// Plants copies of some of the `candidates`, which are distinct rows of the images.
    ///
    /// ```
    /// use tenfold_core_tensor::seed::Seed;
    /// use tenfold_data::{ImageShape, Images, duplicates::Duplicates};
    ///
    /// let names = vec!["a".into(), "b".into()];
    /// let images = Images::new(ImageShape::new(1, 1, 1), vec![10, 20, 30], vec![0, 1, 0], names)?;
    /// let planted = Duplicates::default().with_exact(1).plant_images(&images, &[1], Seed::new(0))?;
    /// assert_eq!(planted.data.pixels(3), [20]);
    /// assert_eq!((planted.pairs[0].original, planted.pairs[0].copy), (1, 3));
    /// # Ok::<(), tenfold_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Duplicates::validate`]; [`DataError::Param`] if a candidate is not a row or stands there twice, or if there
    /// are fewer candidates than copies.
    pub fn plant_images(
        &self,
        images: &Images,
        candidates: &[usize],
        seed: Seed,
    ) -> Result<Planted<Images>, DataError> {
        let (rows, pairs) = self.choose(images.len(), candidates, seed)?;
        let mut data = images.select(&rows)?;
        let mut rng = seed.named("duplicate-jitter").rng();
        for pair in pairs.iter().filter(|pair| !pair.exact) {
            for pixel in data.pixels_mut(pair.copy) {
                *pixel = (f64::from(*pixel) + self.noise(&mut rng)).round().clamp(0.0, 255.0) as u8;
            }
        }
        Ok(Planted { data, pairs })
    }

    /// Plants copies of some of the `candidates`, which are distinct rows of the table.
    ///
    /// # Errors
    /// As [`Duplicates::plant_images`].
    pub fn plant_table(&self, table: &Table, candidates: &[usize], seed: Seed) -> Result<Planted<Table>, DataError> {
        let (rows, pairs) = self.choose(table.len(), candidates, seed)?;
        let mut data = table.select(&rows)?;
        let mut rng = seed.named("duplicate-jitter").rng();
        for pair in pairs.iter().filter(|pair| !pair.exact) {
            data.x.row_mut(pair.copy).mapv_inplace(|v| (f64::from(v) + self.noise(&mut rng)) as f32);
        }
        Ok(Planted { data, pairs })
    }

    fn noise(&self, rng: &mut Rng) -> f64 {
        let unit: f64 = StandardNormal.sample(rng);
        unit * self.jitter
    }

    /// All rows followed by the originals of the copies, and the pairs.
    fn choose(&self, n: usize, candidates: &[usize], seed: Seed) -> Result<(Vec<usize>, Vec<PlantedPair>), DataError> {
        self.validate()?;
        let mut seen = vec![false; n];
        for &row in candidates {
            require(row < n, "candidates", row, format!("below {n} examples"))?;
            require(!std::mem::replace(&mut seen[row], true), "candidates", row, "named once")?;
        }
        let copies = self.exact.saturating_add(self.near);
        let rule = || format!("at most {} candidates, one for each copy", candidates.len());
        require(copies <= candidates.len(), "exact + near", copies, rule())?;
        let chosen = index::sample(&mut seed.named("duplicates").rng(), candidates.len(), copies);
        let originals: Vec<usize> = chosen.into_iter().map(|i| candidates[i]).collect();
        let pairs = originals
            .iter()
            .enumerate()
            .map(|(i, &original)| PlantedPair { original, copy: n + i, exact: i < self.exact })
            .collect();
        Ok(((0..n).chain(originals).collect(), pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use tenfold_core_tensor::image::ImageShape;

    fn images(n: usize, side: usize) -> Images {
        let pixels = (0..n * side * side).map(|i| 100 + (i % 50) as u8).collect();
        let names = vec!["a".into(), "b".into()];
        Images::new(ImageShape::new(1, side, side), pixels, (0..n).map(|i| i % 2).collect(), names).unwrap()
    }

    #[test]
    fn every_rule_has_its_error() {
        let data = images(4, 2);
        let message =
            |d: Duplicates, rows: &[usize]| d.plant_images(&data, rows, Seed::new(0)).unwrap_err().to_string();
        let one = Duplicates::default().with_exact(1);
        assert_eq!(message(Duplicates::default(), &[0]), "exact + near = 0: at least one copy");
        assert_eq!(message(one.clone().with_jitter(0.0), &[0]), "jitter = 0: finite and positive");
        assert_eq!(message(one.clone().with_jitter(f64::INFINITY), &[0]), "jitter = inf: finite and positive");
        assert_eq!(message(one.clone(), &[4]), "candidates = 4: below 4 examples");
        assert_eq!(message(one.clone(), &[1, 1]), "candidates = 1: named once");
        let two = "exact + near = 2: at most 1 candidates, one for each copy";
        assert_eq!(message(one.clone().with_near(1), &[1]), two);
        assert!(message(one.with_near(usize::MAX), &[1]).contains("at most 1 candidates"));
    }

    #[test]
    fn copies_stand_behind_the_data_with_their_labels() {
        let data = images(20, 30);
        let candidates: Vec<usize> = (5..15).collect();
        let params = Duplicates { exact: 3, near: 4, jitter: 5.0 };
        let planted = params.plant_images(&data, &candidates, Seed::new(2)).unwrap();
        assert_eq!((planted.data.len(), planted.pairs.len()), (27, 7));
        assert_eq!(planted.data.select(&(0..20).collect::<Vec<_>>()).unwrap(), data);
        let mut originals: Vec<usize> = planted.pairs.iter().map(|p| p.original).collect();
        originals.sort_unstable();
        originals.dedup();
        assert_eq!(originals.len(), 7, "an original was copied twice");
        for pair in &planted.pairs {
            assert!(candidates.contains(&pair.original));
            assert_eq!(planted.data.labels()[pair.copy], data.labels()[pair.original]);
            let differences: Vec<f64> = std::iter::zip(planted.data.pixels(pair.copy), data.pixels(pair.original))
                .map(|(a, b)| f64::from(*a) - f64::from(*b))
                .collect();
            let n = differences.len() as f64;
            let variance = differences.iter().map(|d| d * d).sum::<f64>() / n;
            // Rounding to whole levels adds 1/12; the variance of a normal sample has relative deviation sqrt(2 / n).
            let expected = if pair.exact { 0.0 } else { 25.0 + 1.0 / 12.0 };
            assert!((variance - expected).abs() <= 5.0 * (2.0 / n).sqrt() * expected, "{variance}");
        }
        assert_eq!(planted, params.plant_images(&data, &candidates, Seed::new(2)).unwrap());
    }

    #[test]
    fn tables_are_jittered_in_their_own_units() {
        let table = Table::new(Array2::from_elem((3, 4000), 2.0), vec![0, 1, 0], 2).unwrap();
        let params = Duplicates { exact: 1, near: 1, jitter: 0.01 };
        let planted = params.plant_table(&table, &[0, 1, 2], Seed::new(2)).unwrap();
        assert_eq!(planted.data.len(), 5);
        assert_eq!(planted.data.x.row(3), table.x.row(0));
        let row = planted.data.x.row(4);
        let variance = row.iter().map(|&v| (f64::from(v) - 2.0).powi(2)).sum::<f64>() / row.len() as f64;
        assert!((variance / 1e-4 - 1.0).abs() < 5.0 * (2.0_f64 / 4000.0).sqrt(), "{variance}");
    }
}
