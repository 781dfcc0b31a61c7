//! Ensembles: the same results as trainings one by one, whatever computes them, and whatever kills them.

use burn::tensor::Device;
use ndarray::{Array2, Axis};
use rand::RngExt;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenfold_core_tensor::progress::Progress;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Architecture, Augmentation, BitMask, ConvNetConfig, Ensemble, EpochLog, ImageShape, Inputs, Member, MlpConfig,
    Model, OptimiserConfig, ResNetConfig, Samples, Schedule, Shard, Shortcut, Strategy, Targets, TrainConfig, Trained,
    TrainingSet, VisionError, evaluate, train,
};

const IMAGE: ImageShape = ImageShape::new(2, 8, 7);
const SAMPLES: usize = 37;

fn data() -> (Array2<f32>, Targets) {
    let mut rng = Seed::new(3).rng();
    let labels: Vec<usize> = (0..SAMPLES).map(|i| i % 3).collect();
    let pixels = Array2::from_shape_fn((SAMPLES, IMAGE.features()), |(i, pixel)| {
        rng.random::<f32>() - 0.5 + if pixel % 3 == labels[i] { 0.7 } else { 0.0 }
    });
    (pixels, Targets::Hard(labels))
}

fn architectures() -> [Architecture; 5] {
    [
        MlpConfig::new(IMAGE.features(), &[], 3).into(),
        MlpConfig::new(IMAGE.features(), &[12, 9], 3).into(),
        ConvNetConfig::new(IMAGE, 3).with_width(4).with_blocks(2).into(),
        ResNetConfig::new(8, IMAGE, 3).with_width(0.25).into(),
        ResNetConfig::new(8, IMAGE, 3).with_width(0.25).with_shortcut(Shortcut::Projection).into(),
    ]
}

/// Members that differ in all that members of one shape may differ in.
fn unlike(architecture: Architecture, optimiser: OptimiserConfig, k: usize) -> Member {
    let rate = if matches!(optimiser, OptimiserConfig::AdamW { .. }) { 1e-4 } else { 2e-3 };
    let mut config = TrainConfig::default()
        .with_epochs(3)
        .with_batch_size(10)
        .with_optimiser(optimiser)
        .with_learning_rate(rate * (1.0 + k as f64))
        .with_weight_decay([0.0, 1e-2, 0.3][k % 3])
        .with_label_smoothing([0.0, 0.1][k % 2]);
    if k % 4 == 1 {
        config = config.with_max_gradient_norm(0.5).with_schedule(Schedule::step(&[1], 0.5));
    }
    if k % 3 == 2 {
        config = config.with_augmentation(Augmentation::PadCropFlip { padding: 1, flip: true });
    }
    let soft = || {
        let mut q = Array2::from_elem((SAMPLES, 3), 0.1);
        q.column_mut(k % 3).fill(0.8);
        Arc::new(Targets::Soft(q))
    };
    // 25 samples each.
    let samples = match k % 3 {
        0 => Samples::Mask((0..SAMPLES).map(|i| i >= k && i < 25 + k).collect()),
        1 => Samples::Rows((0..25).map(|i| (i * i + k as u32) % SAMPLES as u32).collect()),
        _ => Samples::Rows((12..37).rev().collect()),
    };
    let member = Member::new(Seed::new(11).child(k as u64), architecture, config).with_samples(samples);
    if k % 5 == 4 { member.with_targets(soft()) } else { member }
}

/// What the single training of a member gives, on a copy of its samples.
fn alone(member: &Member, pixels: &Array2<f32>, targets: &Targets) -> Trained<Model> {
    let rows: Vec<usize> = match &member.samples {
        Samples::All => (0..SAMPLES).collect(),
        Samples::Mask(mask) => mask.rows().map(|row| row as usize).collect(),
        Samples::Rows(rows) => rows.iter().map(|&row| row as usize).collect(),
    };
    let pixels = pixels.select(Axis(0), &rows);
    let targets = match member.targets.as_deref().unwrap_or(targets) {
        Targets::Hard(labels) => Targets::Hard(rows.iter().map(|&row| labels[row]).collect()),
        Targets::Soft(q) => Targets::Soft(q.select(Axis(0), &rows)),
    };
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let net = member.architecture.init(member.seed, &Device::flex()).unwrap();
    train(net, &set, &member.config, member.seed, |_| ControlFlow::Continue(())).unwrap()
}

fn bytes(net: &Model) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    net.save(dir.path().join("a")).unwrap();
    std::fs::read(dir.path().join("a")).unwrap()
}

fn timeless(run: &Trained<Model>) -> Vec<EpochLog> {
    run.history.iter().map(|log| EpochLog { seconds: 0.0, ..log.clone() }).collect()
}

/// The saved network and the history of each member.
fn results(ensemble: &Ensemble, n: usize, member: impl Fn(usize) -> Member + Sync) -> Vec<(Vec<u8>, Vec<EpochLog>)> {
    ensemble.collect(n, member, |_, run| Ok((bytes(&run.model), timeless(run)))).unwrap()
}

#[test]
fn workers_give_the_bytes_of_single_trainings_whatever_their_number() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let architectures = architectures();
    let member = |k: usize| unlike(architectures[k % 5].clone(), OptimiserConfig::sgd(), k);
    let single: Vec<_> = (0..10)
        .map(|k| {
            let run = alone(&member(k), &pixels, &targets);
            (bytes(&run.model), timeless(&run))
        })
        .collect();
    for count in [1, 4] {
        let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(Strategy::Workers { count });
        assert!(results(&ensemble, 10, member) == single, "{count} workers");
    }
}

/// What the rounding of sums of a few hundred terms may do in each step, errors adding up from step to step.
const ROUNDING: f32 = f32::EPSILON * 10.0 * 9.0;
/// What one ReLU or maximum that is decided by rounding may do on top, at the small learning rates here.
const FLIPPED: f32 = 1e-3;
/// How many of the trainings may have met one: sums are in another order for every width of vectors.
const FLIPS: usize = 2;

/// The largest difference of the logits, relative where they are above one, or of an epoch's loss.
fn difference((logits, history): &(Vec<f32>, Vec<EpochLog>), (other, others): &(Vec<f32>, Vec<EpochLog>)) -> f32 {
    assert_eq!((logits.len(), history.len()), (other.len(), others.len()));
    let of_logits = logits.iter().zip(other).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    let of_losses = history.iter().zip(others).map(|(a, b)| (a.loss - b.loss).abs() as f32);
    // A NaN is no small difference.
    of_logits.chain(of_losses).fold(0.0_f32, |worst, d| if worst.is_nan() || d <= worst { worst } else { d })
}

#[test]
fn stacks_give_single_trainings_up_to_rounding() {
    let (pixels, targets) = data();
    let inputs = Inputs::new(pixels.view(), IMAGE).unwrap();
    let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
    let read = |run: &Trained<Model>| {
        let logits = evaluate(&run.model, &inputs, SAMPLES).unwrap().logits;
        (logits.into_iter().collect::<Vec<f32>>(), timeless(run))
    };
    let mut flips = Vec::new();
    for architecture in architectures() {
        for optimiser in [OptimiserConfig::sgd(), OptimiserConfig::adamw()] {
            let member = |k: usize| unlike(architecture.clone(), optimiser.clone(), k);
            let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(Strategy::Stacked { at_once: 4 });
            let stacked = ensemble.collect(6, member, |_, run| Ok(read(run))).unwrap();
            for (k, found) in stacked.iter().enumerate() {
                let expected = read(&alone(&member(k), &pixels, &targets));
                for (found, expected) in found.1.iter().zip(&expected.1) {
                    assert_eq!((found.epoch, found.learning_rate), (expected.epoch, expected.learning_rate));
                }
                let apart = difference(found, &expected);
                let which = format!("{architecture:?} {optimiser:?} {k}: {apart:e}");
                assert!(apart <= FLIPPED, "{which}");
                if apart > ROUNDING {
                    flips.push(which);
                }
            }
        }
    }
    assert!(flips.len() <= FLIPS, "{flips:#?}");
}

const BOTH: [Strategy; 2] = [Strategy::Workers { count: 3 }, Strategy::Stacked { at_once: 4 }];

/// A small member; those of odd number have a hidden layer.
fn small(k: usize) -> Member {
    let hidden: &[usize] = if k.is_multiple_of(2) { &[] } else { &[5] };
    let config = TrainConfig::default().with_epochs(2).with_batch_size(16);
    Member::new(Seed::new(5).child(k as u64), MlpConfig::new(IMAGE.features(), hidden, 3), config)
}

#[test]
fn a_member_that_fails_leaves_the_others_alone() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let member = |k: usize| {
        let mut member = small(k);
        if k == 3 {
            member.config.learning_rate = 1e30;
        }
        member
    };
    let read = |k: usize, run: &Trained<Model>| match k {
        4 => panic!("number {k} is cursed"),
        5 => Err(run.model.save("/").unwrap_err()),
        _ => Ok(bytes(&run.model)),
    };
    for strategy in BOTH {
        let healthy = Ensemble::new(&set, &Device::flex()).with_strategy(strategy);
        let healthy = healthy.collect(8, small, |_, run| Ok(bytes(&run.model))).unwrap();
        let progress = Progress::silent(8);
        let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(strategy).with_progress(&progress);
        let mut seen = Vec::new();
        let report = ensemble.train(8, member, read, |k, result| {
            seen.push(k);
            match result {
                Ok(result) => assert!(result == healthy[k], "{k}"),
                Err(error) => assert!((3..=5).contains(&k), "{k}: {error}"),
            }
            ControlFlow::Continue(())
        });
        let report = report.unwrap();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((report.trained, report.kept, progress.done()), (5, 0, 8));
        let [(3, diverged), (4, panicked), (5, unwritten)] =
            report.failures.iter().map(|f| (f.member, &f.error)).collect::<Vec<_>>()[..]
        else {
            panic!("{report:?}")
        };
        assert!(
            matches!(diverged, VisionError::NotFinite { learning_rate, .. } if *learning_rate > 1e29),
            "{diverged}"
        );
        assert_eq!(panicked.to_string(), "the worker panicked: number 4 is cursed");
        assert!(matches!(unwritten, VisionError::File(_)), "{unwritten}");
    }
}

/// NaN times zero is NaN: nothing of a diverged member may be multiplied into another.
#[test]
fn a_diverged_member_of_a_stack_of_convolutions_leaves_the_others_alone() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    for architecture in &architectures()[2..4] {
        let config = TrainConfig::default().with_epochs(2).with_batch_size(16);
        let healthy = |k: usize| Member::new(Seed::new(k as u64), architecture.clone(), config.clone());
        let wild = |k: usize| {
            let config = if k == 1 { config.clone().with_learning_rate(1e30) } else { config.clone() };
            Member { config, ..healthy(k) }
        };
        let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(Strategy::Stacked { at_once: 3 });
        let expected = ensemble.collect(3, healthy, |_, run| Ok(bytes(&run.model))).unwrap();
        let report = ensemble.train(
            3,
            wild,
            |_, run| Ok(bytes(&run.model)),
            |k, result| {
                assert!(result.map_or(k == 1, |result| result == expected[k]), "{k}");
                ControlFlow::Continue(())
            },
        );
        assert_eq!(report.unwrap().failures.iter().map(|f| f.member).collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn a_member_that_cannot_be_trained_is_refused_before_any_is() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ensemble = Ensemble::new(&set, &Device::flex()).with_folder(dir.path().join("run"));
    let refused = |change: &(dyn Fn(Member) -> Member + Sync), words: &str| {
        let member = |k: usize| if k == 2 { change(small(k)) } else { small(k) };
        let error = ensemble.collect(4, member, |_, _| -> Result<(), _> { panic!("trained") }).unwrap_err();
        assert!(matches!(error, VisionError::Member { member: 2, .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    let mask = |n: usize| Samples::Mask((0..n).map(|_| true).collect());
    let none = BitMask::from_rows(SAMPLES, []).unwrap();
    refused(&|m| m.with_samples(mask(36)), "member 2: mask of samples: expected shape [37], found [36]");
    refused(&|m| m.with_samples(Samples::Mask(none.clone())), "member 2: samples = none: must be at least one row");
    refused(&|m| m.with_samples(Samples::Rows(vec![1, 37])), "member 2: samples = 37: every row must be below");
    let targets = |labels: Vec<usize>| Arc::new(Targets::Hard(labels));
    refused(&|m| m.with_targets(targets(vec![0; 9])), "member 2: targets, one for each");
    refused(&|m| m.with_targets(targets(vec![3; SAMPLES])), "member 2: label of sample 0 is 3: must be below");
    refused(&|m| Member { architecture: MlpConfig::new(9, &[], 3).into(), ..m }, "member 2: input of the network");
    refused(&|m| Member { architecture: MlpConfig::new(112, &[0], 3).into(), ..m }, "member 2: hidden = [0]");
    refused(&|m| Member { config: m.config.clone().with_batch_size(0), ..m }, "member 2: batch_size = 0");
    refused(&|m| Member { config: m.config.clone().with_checkpoint("x", 1), ..m }, "member 2: config.checkpoint = x");
    let huge = Augmentation::PadCropFlip { padding: 7, flip: false };
    refused(
        &|m| Member { config: m.config.clone().with_augmentation(huge), ..m },
        "member 2: augmentation.padding = 7",
    );
    assert!(!dir.path().join("run").exists(), "a refused ensemble leaves nothing");

    // All samples of weight zero are no samples.
    let weights: Vec<f32> = (0..SAMPLES).map(|i| if i < 3 { 0.0 } else { 1.0 }).collect();
    let weighted = set.clone().with_weights(&weights).unwrap();
    let member = |k| small(k).with_samples(Samples::Rows(vec![0, 2]));
    let error = Ensemble::new(&weighted, &Device::flex()).collect(1, member, |_, _| Ok(())).unwrap_err().to_string();
    assert!(error.starts_with("member 0: weight of sample 0 is 0: at least one"), "{error}");
}

/// Results as they were handed on, and how many were trained and kept.
type HandedOn = (Vec<(usize, Vec<f32>)>, [usize; 2]);

/// What each member says about three samples.
fn handed_on(ensemble: &Ensemble, n: usize) -> HandedOn {
    let (pixels, _) = data();
    let inputs = Inputs::new(pixels.slice(ndarray::s![..3, ..]), IMAGE).unwrap();
    let read =
        |_: usize, run: &Trained<Model>| Ok(evaluate(&run.model, &inputs, 3)?.logits.into_iter().collect::<Vec<f32>>());
    let mut results = Vec::new();
    let report = ensemble.train(n, small, read, |k, result| {
        results.push((k, result.unwrap()));
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert!(report.failures.is_empty());
    (results, [report.trained, report.kept])
}

#[test]
fn shards_on_several_machines_merge_to_the_results_of_one() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let ensemble = |strategy| Ensemble::new(&set, &Device::flex()).with_strategy(strategy);
    let read = |_: usize, run: &Trained<Model>| Ok(bytes(&run.model));
    for strategy in BOTH {
        let whole = ensemble(strategy).collect(11, small, read).unwrap();
        let merged = tempfile::tempdir().unwrap();
        let mut trained = 0;
        for number in 1..=3 {
            let machine = tempfile::tempdir().unwrap();
            let shard = Shard::new(number, 3).unwrap();
            let part = ensemble(strategy).with_folder(machine.path()).with_shard(Some(shard));
            let report = part.train(11, small, read, |_, _| ControlFlow::Continue(())).unwrap();
            assert_eq!((report.trained + report.elsewhere, report.kept), (11, 0));
            trained += report.trained;
            // Doing it again trains nothing, and says that others are missing.
            let again = part.train(11, small, read, |_, _| ControlFlow::Continue(())).unwrap();
            assert_eq!((again.trained, again.kept), (0, report.trained));
            let missing = part.collect(11, small, read).unwrap_err();
            assert!(matches!(missing, VisionError::Elsewhere { missing, members: 11 } if missing == report.elsewhere));
            let log = format!("members-{number}-of-3.log");
            std::fs::copy(machine.path().join(&log), merged.path().join(&log)).unwrap();
            std::fs::copy(machine.path().join("plan.jsonl"), merged.path().join("plan.jsonl")).unwrap();
        }
        assert_eq!(trained, 11, "every member is one shard's");
        let none = |_: usize, _: &Trained<Model>| -> Result<Vec<u8>, VisionError> { panic!("trained again") };
        assert!(ensemble(strategy).with_folder(merged.path()).collect(11, small, none).unwrap() == whole);
    }
    let error = ensemble(BOTH[0]).with_shard(Some(Shard::new(1, 2).unwrap())).collect(2, small, read).unwrap_err();
    assert_eq!(error.to_string(), "shard = 1/2: needs a folder, where its results are kept");
}

#[test]
fn an_ensemble_that_was_stopped_goes_on_where_it_was() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    let weights = [1.0; SAMPLES];
    let weighted = set.clone().with_weights(&weights).unwrap();
    for strategy in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (unbroken, _) = handed_on(&Ensemble::new(&set, &Device::flex()).with_strategy(strategy), 12);
        let again = |set| Ensemble::new(set, &Device::flex()).with_strategy(strategy).with_folder(dir.path());
        let kept = again(&set);
        let mut seen = 0;
        let first = kept.train(
            200,
            small,
            |_, _| Ok(vec![0.0_f32]),
            |_, _| {
                seen += 1;
                ControlFlow::Break(())
            },
        );
        let first = first.unwrap();
        assert_eq!((seen, first.kept), (1, 0));
        assert!((1..200).contains(&first.trained), "{first:?}");
        std::fs::remove_dir_all(dir.path()).unwrap();

        assert_eq!(handed_on(&kept, 12), (unbroken.clone(), [12, 0]));
        // Cut in the middle of a result: it and those after it are trained again.
        let log = dir.path().join("members.log");
        let bytes = std::fs::read(&log).unwrap();
        std::fs::write(&log, &bytes[..bytes.len() * 2 / 3]).unwrap();
        let (resumed, [trained, kept_now]) = handed_on(&kept, 12);
        assert_eq!(resumed, unbroken);
        assert!(trained >= 4 && kept_now >= 4 && trained + kept_now == 12, "{trained} {kept_now}");
        assert_eq!(handed_on(&kept, 12).1, [0, 12]);

        // What decides the results must be the same.
        let refused = |ensemble: Ensemble, member: &(dyn Fn(usize) -> Member + Sync), words: &str| {
            let error = ensemble.collect(12, member, |_, _| Ok(vec![0.0_f32])).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        let other = |k| if k == 7 { small(k).with_samples(Samples::Rows(vec![1])) } else { small(k) };
        refused(again(&set), &other, "plan.jsonl: member 7.samples: it is of another run: null there, ");
        let decayed = |k| Member { config: small(k).config.with_weight_decay(0.5), ..small(k) };
        refused(again(&set), &decayed, "member 0.config.weight_decay: it is of another run: 0.0005 there, 0.5 here");
        refused(again(&weighted), &small, "plan.jsonl: ensemble.data: ");
        let elsewhere = Strategy::Stacked { at_once: 5 };
        refused(again(&set).with_strategy(elsewhere), &small, "plan.jsonl: ensemble.strategy: ");
    }
}

/// The ensemble that is killed below.
fn long(folder: &Path, strategy: Strategy) -> HandedOn {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    handed_on(&Ensemble::new(&set, &Device::flex()).with_strategy(strategy).with_folder(folder), 600)
}

/// Not a test: what the next one runs in a process of its own, to kill it.
#[test]
#[ignore = "run by the test below"]
fn the_one_that_is_killed() {
    let folder = std::env::var_os("ENSEMBLE_FOLDER").unwrap();
    let strategy = BOTH[usize::from(std::env::var_os("ENSEMBLE_STACKED").is_some())];
    long(Path::new(&folder), strategy);
}

#[test]
fn a_killed_ensemble_ends_in_the_same_results() {
    for strategy in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let killed = dir.path().join("killed");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_one_that_is_killed", "--ignored"]).env("ENSEMBLE_FOLDER", &killed);
        if strategy == BOTH[1] {
            command.env("ENSEMBLE_STACKED", "1");
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // Fifty results, each of about a hundred bytes.
        while std::fs::metadata(killed.join("members.log")).map_or(0, |log| log.len()) < 50 * 100 {
            assert!(started.elapsed() < Duration::from_secs(120), "no progress");
            assert!(child.try_wait().unwrap().is_none(), "ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let (resumed, [trained, kept]) = long(&killed, strategy);
        assert!(trained >= 1 && kept >= 25, "{trained} {kept}");
        let (unbroken, _) = long(&dir.path().join("whole"), strategy);
        assert!(resumed == unbroken);
    }
}

#[test]
fn nothing_to_train_is_an_empty_report() {
    let (pixels, targets) = data();
    let set = TrainingSet::new(Inputs::new(pixels.view(), IMAGE).unwrap(), &targets).unwrap();
    for strategy in BOTH {
        let ensemble = Ensemble::new(&set, &Device::flex()).with_strategy(strategy);
        assert!(ensemble.collect(0, small, |_, _| Ok(0)).unwrap().is_empty());
    }
}
