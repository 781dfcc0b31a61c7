//! Finding planted wrong labels: memorisation and the proxies beside other people's detectors, on the same images.
//!
//! Nothing here is timed in turn: the rows compare `1 - AUROC`, lower is better, and name the seconds that each detector took.

use super::NAME;
use super::valuation::{CLEANLAB, PYDVL, Valuation};
use crate::Peers;
use crate::error::BenchError;
use crate::rounds::timed;
use crate::row::Row;
use burn::tensor::Device;
use ndarray::{Array2, Axis};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;
use tenfold_core_tensor::arrays::write_npz;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::ops::softmax::tempered_softmax;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{auroc, paired_bootstrap};
use tenfold_data::embedded;
use tenfold_data::images::Standardiser;
use tenfold_data::noise::SymmetricNoise;
use tenfold_memorisation::proxies::{TrainingLog, el2n};
use tenfold_memorisation::{Design, MemorisationError, Study, SubsetDesign};
use tenfold_vision::{
    Architecture, Ensemble, ImageShape, Inputs, Member, MlpConfig, Samples, Targets, TrainConfig, TrainingSet,
    VisionError, evaluate, watch,
};

/// Training images.
const EXAMPLES: usize = 1_000;
/// Clean held-out images, which kNN-Shapley values the training images by.
const HELD_OUT: usize = 500;
/// Share of the training images that get another label.
const WRONG: f64 = 0.1;
const CLASSES: usize = 10;
/// Models of the subset estimator, on 70 % of the images each.
const MODELS: usize = 100;
/// Folds of the predictions that cleanlab reads.
const FOLDS: usize = 5;
/// Neighbours of kNN-Shapley.
const NEIGHBOURS: usize = 10;
const EPOCHS: usize = 30;
/// Epochs after which EL2N is read, of so many runs.
const EARLY: (usize, usize) = (5, 10);
const DRAWS: usize = 1_000;

/// Images of which some have a wrong label.
struct Planted {
    x: Array2<f32>,
    labels: Vec<usize>,
    wrong: Vec<bool>,
    held_out: Array2<f32>,
    held_out_labels: Vec<usize>,
    image: ImageShape,
}

/// What somebody thinks of every image, the more suspicious the higher.
struct Suspicion {
    name: String,
    scores: Vec<f64>,
    seconds: f64,
}

pub(super) fn run(peers: Option<&Peers>, folder: &Path) -> Result<Vec<Row>, BenchError> {
    let planted = Planted::new()?;
    let net = Nets::new(&planted);
    let ours = [net.memorisation()?, net.el2n()?].into_iter().chain(net.log()?).collect::<Vec<_>>();
    let theirs = match peers {
        None => Vec::new(),
        Some(peers) => {
            let mut valuation = Valuation::start(peers);
            let mut asked = |name: &'static str| {
                let found = match name {
                    CLEANLAB => net.cleanlab(&mut valuation, folder),
                    _ => planted.neighbours(&mut valuation, folder),
                };
                (name, found)
            };
            vec![asked(CLEANLAB), asked(PYDVL)]
        }
    };
    let mut rows = Vec::new();
    for mine in &ours {
        let row = || Row {
            unit: "1-auroc".into(),
            ..Row::ours(NAME, format!("flips-{}", mine.name), 1.0 - planted.auroc(mine))
        };
        if theirs.is_empty() {
            rows.push(row().with_quality(planted.say(mine)?));
        }
        for (name, peer) in &theirs {
            rows.push(match peer {
                Err(error) => row().without_peer(name, error),
                Ok(peer) => {
                    let difference = planted.difference(mine, peer)?;
                    let quality = format!("{}; {}; difference {difference}", planted.say(mine)?, planted.say(peer)?);
                    row().with_peer(&peer.name, 1.0 - planted.auroc(peer)).with_quality(quality)
                }
            });
        }
    }
    Ok(rows)
}

impl Planted {
    fn new() -> Result<Self, BenchError> {
        let slice = embedded::fashion_mnist_slice()?;
        let spread = |n: usize, of: usize| (0..n).map(|i| i * of / n).collect::<Vec<_>>();
        let base = slice.train.select(&spread(EXAMPLES, slice.train.len()))?;
        let held_out = slice.test.select(&spread(HELD_OUT, slice.test.len()))?;
        let noise = SymmetricNoise::default().with_rate(WRONG).with_exact(true);
        let noisy = noise.apply(base.labels(), CLASSES, Seed::new(7).named("bench-flips"))?;
        let standardiser = Standardiser::fit(&base);
        Ok(Self {
            x: base.to_matrix(&standardiser)?,
            wrong: noisy.flipped,
            labels: noisy.labels,
            held_out: held_out.to_matrix(&standardiser)?,
            held_out_labels: held_out.labels().to_vec(),
            image: base.shape(),
        })
    }

    fn auroc(&self, suspicion: &Suspicion) -> f64 {
        self.auroc_of(suspicion, &(0..EXAMPLES).collect::<Vec<_>>())
    }

    fn auroc_of(&self, suspicion: &Suspicion, examples: &[usize]) -> f64 {
        let of = |wrong: bool| -> Vec<f64> {
            examples.iter().filter(|&&i| self.wrong[i] == wrong).map(|&i| suspicion.scores[i]).collect()
        };
        auroc(&of(true), &of(false))
    }

    /// A detector's name, AUROC with its interval over images, and seconds.
    fn say(&self, suspicion: &Suspicion) -> Result<String, BenchError> {
        let seed = Seed::new(7).named("bench-flips-draws");
        let e = paired_bootstrap(EXAMPLES, DRAWS, seed, |picked| self.auroc_of(suspicion, picked))?;
        let Suspicion { name, seconds, .. } = suspicion;
        Ok(format!("{name}: AUROC {:.3} [{:.3}, {:.3}] in {seconds:.1} s", e.value, e.lo, e.hi))
    }

    /// The difference of two detectors on the same images, with its interval.
    fn difference(&self, mine: &Suspicion, peer: &Suspicion) -> Result<String, BenchError> {
        let seed = Seed::new(7).named("bench-flips-draws");
        let of = |picked: &[usize]| self.auroc_of(mine, picked) - self.auroc_of(peer, picked);
        let e = paired_bootstrap(EXAMPLES, DRAWS, seed, of)?;
        Ok(format!("{:+.3} [{:+.3}, {:+.3}]", e.value, e.lo, e.hi))
    }

    /// kNN-Shapley on the pixels: an image of low value is suspicious.
    fn neighbours(&self, valuation: &mut Valuation, folder: &Path) -> Result<Suspicion, BenchError> {
        let version = valuation.version(PYDVL)?;
        let file = folder.join("neighbours.npz");
        let (y, held_out_y) = (integers(&self.labels), integers(&self.held_out_labels));
        let (x, held_out) = (self.x.view(), self.held_out.view());
        write_npz(&file, &[("x", &x), ("y", &y.view()), ("test_x", &held_out), ("test_y", &held_out_y.view())])?;
        let request = json!({"op": "knn_shapley", "arrays": file, "neighbours": NEIGHBOURS});
        let values = valuation.values(&request, EXAMPLES)?;
        Ok(Suspicion {
            name: format!("{version} kNN-Shapley"),
            scores: values.numbers.iter().map(|v| -v).collect(),
            seconds: values.seconds,
        })
    }
}

/// A perceptron with 64 hidden units, and the data it reads.
struct Nets<'a> {
    planted: &'a Planted,
    architecture: Architecture,
    config: TrainConfig,
    targets: Targets,
}

impl<'a> Nets<'a> {
    fn new(planted: &'a Planted) -> Self {
        let config = TrainConfig::default().with_epochs(EPOCHS).with_batch_size(32).with_learning_rate(0.02);
        Self {
            planted,
            architecture: MlpConfig::new(planted.image.features(), &[64], CLASSES).into(),
            config,
            targets: Targets::Hard(planted.labels.clone()),
        }
    }

    fn inputs(&self) -> Result<Inputs<'_>, VisionError> {
        Inputs::new(self.planted.x.view(), self.planted.image)
    }

    fn set(&self) -> Result<TrainingSet<'_>, VisionError> {
        TrainingSet::new(self.inputs()?, &self.targets)
    }

    /// Logits of all images, of a network for each mask.
    fn logits(&self, what: &str, masks: &[BitMask]) -> Result<Vec<Vec<f32>>, BenchError> {
        let (set, inputs) = (self.set()?, self.inputs()?);
        let seed = Seed::new(7).named("bench-flips").named(what);
        let member = |k: usize| {
            Member::new(seed.child(k as u64), self.architecture.clone(), self.config.clone())
                .with_samples(Samples::Mask(masks[k].clone()))
        };
        let read = |_: usize, run: &tenfold_vision::Trained<_>| {
            Ok(evaluate(&run.model, &inputs, EXAMPLES)?.logits.into_raw_vec_and_offset().0)
        };
        Ok(Ensemble::new(&set, &Device::flex()).collect(masks.len(), member, read)?)
    }

    fn memorisation(&self) -> Result<Suspicion, BenchError> {
        let (seconds, scores) = timed(|| -> Result<Vec<f64>, BenchError> {
            let design = SubsetDesign::new(EXAMPLES, MODELS).with_design(Design::Complementary);
            let masks = design.masks(Seed::new(7).named("bench-flips-masks"))?;
            let logits = self.logits("subsets", &masks)?;
            let study = Study::run(masks, |k, _| {
                let rows = logits[k].chunks_exact(CLASSES).zip(&self.planted.labels);
                Ok::<_, MemorisationError>(
                    rows.map(|(row, &label)| tenfold_core_tensor::ops::top_k::argmax(row) == label).collect(),
                )
            })?;
            Ok(study.scores()?.iter().map(|score| score.mem.value).collect())
        });
        Ok(Suspicion { name: "mem".into(), scores: scores?, seconds })
    }

    /// EL2N: early in training, averaged over runs.
    fn el2n(&self) -> Result<Suspicion, BenchError> {
        let (epochs, runs) = EARLY;
        let early = Self {
            config: self.config.clone().with_epochs(epochs),
            targets: self.targets.clone(),
            architecture: self.architecture.clone(),
            planted: self.planted,
        };
        let (seconds, scores) = timed(|| -> Result<Vec<f64>, BenchError> {
            let all: BitMask = (0..EXAMPLES).map(|_| true).collect();
            let mut sums = vec![0.0; EXAMPLES];
            for logits in early.logits("el2n", &vec![all; runs])? {
                let logits = Array2::from_shape_vec((EXAMPLES, CLASSES), logits)?;
                sums.iter_mut().zip(el2n(logits.view(), &self.planted.labels)?).for_each(|(sum, v)| *sum += v);
            }
            Ok(sums)
        });
        Ok(Suspicion { name: "el2n".into(), scores: scores?, seconds })
    }

    /// CSL and AUM: one training, read after each epoch.
    fn log(&self) -> Result<[Suspicion; 2], BenchError> {
        let (seconds, log) = timed(|| -> Result<TrainingLog, BenchError> {
            let seed = Seed::new(7).named("bench-flips-log");
            let (set, inputs) = (self.set()?, self.inputs()?);
            let mut log = TrainingLog::new(self.planted.labels.clone());
            let mut read = Ok(());
            watch(self.architecture.init(seed, &Device::flex())?, &set, &self.config, seed, |_, model| {
                read = evaluate(model, &inputs, EXAMPLES)
                    .map_err(BenchError::from)
                    .and_then(|e| Ok(log.add(e.logits.view())?));
                if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            read.map(|()| log)
        });
        let proxies = log?.finish()?;
        let aum = proxies.aum.iter().map(|v| -v).collect();
        Ok([("csl", proxies.csl), ("aum", aum)].map(|(name, scores)| Suspicion { name: name.into(), scores, seconds }))
    }

    /// cleanlab on predictions for images that the network did not see: an image of low quality is suspicious.
    fn cleanlab(&self, valuation: &mut Valuation, folder: &Path) -> Result<Suspicion, BenchError> {
        let version = valuation.version(CLEANLAB)?;
        let folds: Vec<BitMask> = (0..FOLDS).map(|f| (0..EXAMPLES).map(|i| i % FOLDS != f).collect()).collect();
        let (seconds, logits) = timed(|| self.logits("folds", &folds));
        let logits = logits?;
        let mut probabilities = Array2::<f64>::zeros((EXAMPLES, CLASSES));
        for (i, mut row) in probabilities.axis_iter_mut(Axis(0)).enumerate() {
            let logits = &logits[i % FOLDS][i * CLASSES..][..CLASSES];
            tempered_softmax(logits.iter().copied(), 1.0, row.as_slice_mut().expect("a row of a new matrix"));
        }
        let file = folder.join("folds.npz");
        let labels = integers(&self.planted.labels);
        write_npz(&file, &[("probabilities", &probabilities.view()), ("labels", &labels.view())])?;
        let values = valuation.values(&json!({"op": "label_quality", "arrays": file}), EXAMPLES)?;
        Ok(Suspicion {
            name: format!("{version} self-confidence"),
            scores: values.numbers.iter().map(|v| -v).collect(),
            seconds: seconds + values.seconds,
        })
    }
}

fn integers(labels: &[usize]) -> ndarray::Array1<i64> {
    labels.iter().map(|&label| label as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_label_in_ten_is_wrong_and_the_auroc_says_who_knows() {
        let planted = Planted::new().unwrap();
        let slice = embedded::fashion_mnist_slice().unwrap();
        let of = |i: usize| slice.train.labels()[i * slice.train.len() / EXAMPLES];
        assert_eq!(planted.wrong.iter().filter(|w| **w).count(), 100);
        assert!((0..EXAMPLES).all(|i| (planted.labels[i] != of(i)) == planted.wrong[i]));
        let knows: Vec<f64> = planted.wrong.iter().map(|w| f64::from(u8::from(*w))).collect();
        let suspicion = |scores: Vec<f64>| Suspicion { name: "s".into(), scores, seconds: 0.0 };
        assert_eq!(planted.auroc(&suspicion(knows.clone())), 1.0);
        assert_eq!(planted.auroc(&suspicion(knows.iter().map(|v| -v).collect())), 0.0);
    }
}
