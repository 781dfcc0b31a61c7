//! Which examples each model sees.

use crate::error::{MemorisationError, require};
use rand::seq::SliceRandom;
use rand::{RngExt, seq::index};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::{Rng, Seed};

/// How subsets are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Each model sees `round(p n)` examples drawn without replacement, as Feldman and Zhang do. How many models see an
    /// example is left to chance.
    Plain,
    /// Each example is in exactly `round(p K)` subsets, and subsets differ in size by one at most.
    #[default]
    Stratified,
    /// Rounds of ten models: the examples fall into ten folds at random, and each model of the round sees `10 p` of them,
    /// every fold seen by as many models. The subsets of a round complement each other.
    Complementary,
}

/// Subsets of n examples for K models.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_memorisation::{Design, SubsetDesign};
///
/// let masks = SubsetDesign::new(50, 20).masks(Seed::new(7))?;
/// assert_eq!((masks.len(), masks[0].len()), (20, 50));
/// // Every example is in fourteen of the twenty subsets.
/// assert!((0..50).all(|i| masks.iter().filter(|mask| mask.get(i)).count() == 14));
///
/// let error = SubsetDesign::new(50, 25).with_design(Design::Complementary).masks(Seed::new(7)).unwrap_err();
/// assert_eq!(error.to_string(), "models = 25: must be a multiple of 10 for a complementary design");
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsetDesign {
    /// n, the examples.
    pub examples: usize,
    /// K, the models.
    pub models: usize,
    /// p, the share of the examples that a model sees; default 0.7.
    pub fraction: f64,
    /// How subsets are drawn; default stratified.
    pub design: Design,
}

/// Most entries of a design, examples times models: 4 GiB of a byte each.
pub const MOST_BITS: u64 = 1 << 32;

/// Folds, and models, of a round of the complementary design.
const FOLDS: usize = 10;

impl SubsetDesign {
    /// A stratified design with p = 0.7.
    pub fn new(examples: usize, models: usize) -> Self {
        Self { examples, models, fraction: 0.7, design: Design::default() }
    }

    /// Sets p.
    pub fn with_fraction(mut self, fraction: f64) -> Self {
        self.fraction = fraction;
        self
    }

    /// Sets how subsets are drawn.
    pub fn with_design(mut self, design: Design) -> Self {
        self.design = design;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Names the field, its value and the rule.
    pub fn validate(&self) -> Result<(), MemorisationError> {
        let Self { examples, models, fraction, design } = *self;
        require(examples >= 2, "examples", examples, "must be at least 2")?;
        require(u32::try_from(examples).is_ok(), "examples", examples, "must be below 2^32")?;
        require(models >= 2, "models", models, "must be at least 2")?;
        let most = MOST_BITS / examples as u64;
        require(models as u64 <= most, "models", models, format!("must be at most {most} for {examples} examples"))?;
        require(fraction > 0.0 && fraction < 1.0, "fraction", fraction, "must be above 0 and below 1")?;
        match design {
            Design::Plain => {
                let m = round(fraction, examples);
                let rule = format!("{m} of {examples} examples in a subset; some must be in and some out");
                require(m > 0 && m < examples, "fraction", fraction, rule)
            }
            Design::Stratified => {
                let q = round(fraction, models);
                let rule = format!("each example in {q} of {models} subsets; some must be in and some out");
                require(q > 0 && q < models, "fraction", fraction, rule)
            }
            Design::Complementary => {
                let rule = "must be a multiple of 10 for a complementary design";
                require(models.is_multiple_of(FOLDS), "models", models, rule)?;
                let tenths = fraction * FOLDS as f64;
                let whole = (tenths - tenths.round()).abs() < 1e-9 && (1.0..=9.0).contains(&tenths.round());
                require(whole, "fraction", fraction, "must be 0.1, 0.2, ... 0.9 for a complementary design")?;
                require(examples >= FOLDS, "examples", examples, "must be at least 10 for a complementary design")
            }
        }
    }

    /// The subsets, one mask of n bits per model. Model k's mask in a plain design does not depend on K.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn masks(&self, seed: Seed) -> Result<Vec<BitMask>, MemorisationError> {
        self.validate()?;
        let seed = seed.named("subsets");
        Ok(match self.design {
            Design::Plain => (0..self.models).map(|k| self.plain(seed.child(k as u64))).collect(),
            Design::Stratified => self.stratified(seed),
            Design::Complementary => {
                (0..self.models / FOLDS).flat_map(|round| self.complementary(seed.child(round as u64))).collect()
            }
        })
    }

    fn plain(&self, seed: Seed) -> BitMask {
        let chosen = index::sample(&mut seed.rng(), self.examples, round(self.fraction, self.examples));
        bits(self.examples, chosen.into_iter())
    }

    /// Every example draws its models; then examples move from subsets that are too large to such as are too small.
    fn stratified(&self, seed: Seed) -> Vec<BitMask> {
        let (n, models) = (self.examples, self.models);
        let q = round(self.fraction, models);
        let mut rng = seed.rng();
        let mut sees = vec![vec![false; n]; models];
        (0..n).for_each(|i| index::sample(&mut rng, models, q).into_iter().for_each(|k| sees[k][i] = true));
        let mut sizes: Vec<usize> = sees.iter().map(|row| row.iter().filter(|&&s| s).count()).collect();
        let (least, most) = (n * q / models, (n * q).div_ceil(models));
        loop {
            let outside = |k: &usize| sizes[*k] > most || sizes[*k] < least;
            let Some(k) = (0..models).find(outside) else { break };
            // The other side of the exchange: some subset that can give or take one.
            let too_large = sizes[k] > most;
            let fits = |&j: &usize| if too_large { sizes[j] < most } else { sizes[j] > least };
            let candidates: Vec<usize> = (0..models).filter(fits).collect();
            let other = candidates[rng.random_range(0..candidates.len())];
            let (from, to) = if too_large { (k, other) } else { (other, k) };
            move_one(&mut sees, from, to, &mut rng);
            sizes[from] -= 1;
            sizes[to] += 1;
        }
        sees.into_iter().map(|row| row.into_iter().collect()).collect()
    }

    fn complementary(&self, seed: Seed) -> Vec<BitMask> {
        let n = self.examples;
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut seed.rng());
        let seen = round(self.fraction, FOLDS);
        let fold = |position: usize| position * FOLDS / n;
        // Model j sees the folds j, j + 1, ... , so that each fold is seen by as many models as a model sees folds.
        let sees = |j: usize, position: usize| (fold(position) + FOLDS - j) % FOLDS < seen;
        (0..FOLDS).map(|j| bits(n, (0..n).filter(|&at| sees(j, at)).map(|at| order[at]))).collect()
    }
}

/// Moves an example, drawn among those that one subset has and the other lacks.
fn move_one(sees: &mut [Vec<bool>], from: usize, to: usize, rng: &mut Rng) {
    let movable: Vec<usize> = (0..sees[from].len()).filter(|&i| sees[from][i] && !sees[to][i]).collect();
    // There is one: the subset that gives is the larger.
    let i = movable[rng.random_range(0..movable.len())];
    sees[from][i] = false;
    sees[to][i] = true;
}

fn round(fraction: f64, of: usize) -> usize {
    (fraction * of as f64).round() as usize
}

fn bits(n: usize, rows: impl Iterator<Item = usize>) -> BitMask {
    let mut sees = vec![false; n];
    rows.for_each(|i| sees[i] = true);
    sees.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn balanced_designs_are_balanced(n in 10_usize..80, rounds in 1_usize..6, tenths in 1_usize..10, s in 0_u64..50) {
            let (models, fraction) = (10 * rounds, tenths as f64 / 10.0);
            for design in [Design::Stratified, Design::Complementary] {
                let design = SubsetDesign::new(n, models).with_fraction(fraction).with_design(design);
                let masks = design.masks(Seed::new(s)).unwrap();
                prop_assert!((0..n).all(|i| masks.iter().filter(|m| m.get(i)).count() == tenths * rounds));
                if design.design == Design::Stratified {
                    let sizes: Vec<usize> = masks.iter().map(BitMask::count).collect();
                    prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
                }
            }
        }
    }

    #[test]
    fn plain_subsets_have_one_size_and_do_not_depend_on_their_number() {
        let of = |models| SubsetDesign::new(33, models).with_design(Design::Plain).masks(Seed::new(1)).unwrap();
        let masks = of(9);
        assert!(masks.iter().all(|mask| mask.count() == 23));
        assert_eq!(masks[..4], of(4));
        assert_ne!(masks[0], masks[1]);
    }

    #[test]
    fn pairs_of_examples_are_in_subsets_together_as_often_as_chance_says() {
        // In a balanced design q (q - 1) / (K (K - 1)) of the models see both.
        let (n, models) = (40, 30);
        let mut together = 0;
        for s in 0..20 {
            let masks = SubsetDesign::new(n, models).masks(Seed::new(s)).unwrap();
            together += masks.iter().filter(|mask| mask.get(0) && mask.get(1)).count();
        }
        let expected = 20.0 * 21.0 * 20.0 / 29.0;
        assert!((together as f64 - expected).abs() < 25.0, "{together} against {expected}");
    }

    #[test]
    fn settings_name_field_value_and_rule() {
        let fails = |design: SubsetDesign, start: &str| {
            let error = design.validate().unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        };
        fails(SubsetDesign::new(1, 20), "examples = 1: ");
        fails(SubsetDesign::new(9, 1), "models = 1: ");
        fails(SubsetDesign::new(9, 20).with_fraction(1.0), "fraction = 1: ");
        fails(SubsetDesign::new(9, 20).with_fraction(f64::NAN), "fraction = NaN: ");
        fails(SubsetDesign::new(9, 20).with_fraction(0.01), "fraction = 0.01: each example in 0 of 20");
        fails(SubsetDesign::new(9, 20).with_fraction(0.99).with_design(Design::Plain), "fraction = 0.99: 9 of 9");
        let complementary = |f| SubsetDesign::new(99, 20).with_fraction(f).with_design(Design::Complementary);
        fails(complementary(0.75), "fraction = 0.75: must be 0.1");
        fails(SubsetDesign { examples: 9, ..complementary(0.7) }, "examples = 9: ");
    }
}
