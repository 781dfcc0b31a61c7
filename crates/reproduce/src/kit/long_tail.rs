//! Long-tailed training sets with balanced validation and test sets, cut anew for each seed.

use crate::error::ReproduceError;
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use std::path::Path;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::long_tail::LongTail;
use tenfold_data::synthetic::{GaussianMixture, GaussianMixtureParams};
use tenfold_data::{Source, Table, features, subset};
use tenfold_vision::{ImageShape, Inputs};

/// Features that are compiled in: all 70,000 images of Fashion-MNIST.
const EMBEDDED: &str = "fashion-mnist-embeddings";

/// The set of features that is cut: the one asked for, or the one compiled in.
pub(crate) fn data_set(asked: Option<&str>) -> String {
    asked.unwrap_or(EMBEDDED).to_string()
}

/// Where training sets are cut from, and the test set that all seeds share.
pub(crate) struct Pools {
    pub(crate) name: String,
    pool: Table,
    pub(crate) test: Table,
    /// The law of the data, where it is known.
    pub(crate) law: Option<GaussianMixtureParams>,
    means: Option<Seed>,
    pub(crate) source: Option<Source>,
}

/// How many examples of each class a cut has.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) tail: LongTail,
    /// Whether each seed has an order of its own of the classes by size: else class 0 is the largest.
    pub(crate) permuted: bool,
    /// Validation examples of each class, and as many fresh ones.
    pub(crate) validation: usize,
}

/// The examples of a seed. Classes are numbered by their size: class 0 has most training examples.
pub(crate) struct Cut {
    pub(crate) train: Table,
    pub(crate) validation: Table,
    /// Drawn like the validation set, and used for nothing but to see what was fitted to that.
    pub(crate) fresh: Table,
    /// The class of the pool that each class is.
    pub(crate) classes: Vec<usize>,
}

/// Inputs of a table.
pub(crate) fn inputs(table: &Table) -> Result<Inputs<'_>, ReproduceError> {
    Ok(Inputs::new(table.x.view(), ImageShape::table(table.x.ncols()))?)
}

impl Pools {
    /// Features of a pretrained network by their name in the catalogue, their first 64 columns, all divided by one number, so that
    /// the mean of their deviations is one.
    pub(crate) fn features(name: &str, root: &Path) -> Result<Self, ReproduceError> {
        let set = features::load(name, root)?;
        let centre = set.train.x.mean_axis(Axis(0)).unwrap_or_default();
        let scale = set.train.x.std_axis(Axis(0), 0.0).mean().unwrap_or(1.0);
        let scaled = |table: Table| Table { x: (table.x - &centre) / scale, ..table };
        Ok(Self {
            name: name.to_string(),
            pool: scaled(set.train),
            test: scaled(set.test),
            law: None,
            means: None,
            source: Some(set.source),
        })
    }

    /// Ten round Gaussians in 32 dimensions, whose posterior is known: the exact case.
    pub(crate) fn gaussian(per_class: usize, test_per_class: usize) -> Result<Self, ReproduceError> {
        let params = GaussianMixtureParams::default().with_dim(32).with_n_classes(10).with_mean_sd(0.42);
        let seed = Seed::new(0).named("distillation-mixture");
        let world = GaussianMixture::new(params.clone(), seed)?;
        let draw = |per_class: usize, seed: Seed| -> Result<Table, ReproduceError> {
            // Enough that each class has its share with six deviations to spare; it is then cut to size.
            let table = world.sample(10 * (per_class + 30 + 6 * per_class.isqrt()), seed)?;
            Ok(table.select(&subset::balanced(&table.labels, 10, per_class, seed)?)?)
        };
        Ok(Self {
            name: "gaussian-mixture-32".to_string(),
            pool: draw(per_class, seed.named("pool"))?,
            test: draw(test_per_class, seed.named("test"))?,
            law: Some(params),
            means: Some(seed),
            source: None,
        })
    }

    /// How many classes there are.
    pub(crate) fn classes(&self) -> usize {
        self.pool.n_classes
    }

    /// The exact `p(y | x)` of a cut's rows for classes with these priors, where the law is known.
    pub(crate) fn posterior(
        &self,
        cut: &Cut,
        rows: &Table,
        priors: &[f64],
    ) -> Result<Option<Array2<f64>>, ReproduceError> {
        let (Some(law), Some(seed)) = (&self.law, self.means) else { return Ok(None) };
        let mut of_pool = vec![0.0; priors.len()];
        cut.classes.iter().zip(priors).for_each(|(&class, &prior)| of_pool[class] = prior);
        let world = GaussianMixture::new(law.clone().with_priors(of_pool), seed)?;
        Ok(Some(world.posterior(rows.x.view())?.select(Axis(1), &cut.classes)))
    }

    /// The examples of a seed.
    pub(crate) fn cut(&self, profile: &Profile, seed: Seed) -> Result<Cut, ReproduceError> {
        let seed = seed.named("cut");
        let k = self.classes();
        let mut classes: Vec<usize> = (0..k).collect();
        if profile.permuted {
            classes.shuffle(&mut seed.named("order").rng());
        }
        let pool = Table { labels: relabelled(&self.pool.labels, &classes), ..self.pool.clone() };
        let rows = profile.tail.select(&pool.labels, k, seed)?;
        let mut taken = vec![false; pool.len()];
        rows.iter().for_each(|&row| taken[row] = true);
        let train = pool.select(&rows)?;
        let mut held_out = |name: &str| -> Result<Table, ReproduceError> {
            let left: Vec<usize> = (0..pool.len()).filter(|&row| !taken[row]).collect();
            let labels: Vec<usize> = left.iter().map(|&row| pool.labels[row]).collect();
            let chosen = subset::balanced(&labels, k, profile.validation, seed.named(name))?;
            let rows: Vec<usize> = chosen.into_iter().map(|i| left[i]).collect();
            rows.iter().for_each(|&row| taken[row] = true);
            Ok(pool.select(&rows)?)
        };
        let (validation, fresh) = (held_out("validation")?, held_out("fresh")?);
        Ok(Cut { train, validation, fresh, classes })
    }

    /// The labels of the test set, as a cut of these classes numbers them.
    pub(crate) fn test_labels(&self, classes: &[usize]) -> Vec<usize> {
        relabelled(&self.test.labels, classes)
    }
}

/// The same labels; what was `classes[k]` is k.
fn relabelled(labels: &[usize], classes: &[usize]) -> Vec<usize> {
    let mut rank = vec![0; classes.len()];
    classes.iter().enumerate().for_each(|(k, &class)| rank[class] = k);
    labels.iter().map(|&label| rank[label]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_have_their_profile_and_share_no_row() {
        let pools = Pools::gaussian(80, 20).unwrap();
        for permuted in [false, true] {
            let tail = LongTail::default().with_n_max(50).with_ratio(10.0);
            let profile = Profile { tail: tail.clone(), permuted, validation: 10 };
            let cut = pools.cut(&profile, Seed::new(3)).unwrap();
            assert_eq!(cut.train.class_counts(), tail.counts(10).unwrap());
            assert_eq!(cut.validation.class_counts(), [10; 10]);
            assert_eq!(cut.fresh.class_counts(), [10; 10]);
            let rows = [&cut.train, &cut.validation, &cut.fresh].map(|t| t.x.rows().into_iter().map(|r| r.to_vec()));
            let mut all: Vec<Vec<u32>> =
                rows.into_iter().flatten().map(|r| r.iter().map(|v| v.to_bits()).collect()).collect();
            let n = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), n);
            assert_eq!(cut.classes == (0..10).collect::<Vec<_>>(), !permuted);
            // The exact posterior names the class more often than anything else, as the cut numbers it.
            let posterior = pools.posterior(&cut, &cut.validation, &[0.1; 10]).unwrap().unwrap();
            let right = posterior
                .rows()
                .into_iter()
                .zip(&cut.validation.labels)
                .filter(|(p, label)| p.iter().all(|q| *q <= p[**label]));
            assert!(right.count() > 40, "posterior and labels do not go together");
        }
    }
}
