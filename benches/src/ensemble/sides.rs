//! Ours, and PyTorch one after another and side by side.

use super::batched;
use super::work::{Data, Ensemble, TIMED};
use crate::Settings;
use crate::agreement::Agreement;
use crate::contest::{self, Entry, Peer, Work};
use crate::error::BenchError;
use crate::rounds::timed;
use crate::row::Row;
use crate::torch::{self, Torch};
use burn::tensor::Device;
use ndarray::Array1;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::arrays::write_npz;
use tenfold_core_tensor::device::{Backend, DeviceSpec};
use tenfold_core_tensor::stats::{mean, variance};
use tenfold_vision::{Inputs, Targets, TrainingSet};

/// PyTorch's side.
const SCRIPT: &str = "ensemble.py";

/// PyTorch on all cores, a member at a time.
const ONE_AFTER_ANOTHER: &str = "torch-one-after-another";

/// Relative difference of mean losses that no spread excuses.
const MOST_APART: f64 = 0.3;

/// A process of one thread for each core.
const SIDE_BY_SIDE: &str = "torch-side-by-side";

#[derive(Deserialize)]
struct Loaded {
    variant: String,
}

/// Of each member, the mean loss of its last epoch.
#[derive(Deserialize)]
pub(super) struct Turn {
    pub(super) losses: Vec<f64>,
}

/// Times everyone.
pub(crate) fn contest(
    bench: &str,
    ensemble: &Ensemble,
    data: &Data,
    settings: &Settings,
    folder: &Path,
) -> Result<Vec<Row>, BenchError> {
    let targets = Targets::Hard(data.labels.clone());
    let set = TrainingSet::new(Inputs::new(data.pixels.view(), data.image)?, &targets)?;
    let device = settings.device.open()?;
    let mine = &ours(ensemble, &set, &device)?;
    let mut entries = Vec::new();
    if let Some(peers) = &settings.peers {
        let files = write(ensemble, data, settings.device, folder)?;
        let cores = rayon::current_num_threads();
        let cpu = settings.device.backend == Backend::Flex;
        let sides = [(ONE_AFTER_ANOTHER, 1, cores), (SIDE_BY_SIDE, cores, 1)];
        for (name, workers, threads) in sides.into_iter().take(if cpu { 2 } else { 1 }) {
            let started = (0..workers).map(|_| Torch::start(peers, SCRIPT, threads)).collect();
            entries.push(Peer { name, entry: enter(name, ensemble, &files, mine, started) });
        }
        if ensemble.batched && cpu {
            entries.push(Peer { name: batched::NUMPY, entry: batched::enter(ensemble, &files, mine, peers) });
        }
    }
    let say = |seconds: f64| {
        let rate = 60.0 * ensemble.members as f64 / seconds;
        let Ensemble { members, .. } = ensemble;
        format!(
            "{TIMED} members timed, times are for {members}: {rate:.1} a minute; {}, mean loss {:.4}",
            data.name,
            mean(mine)
        )
    };
    let turn = || {
        let (seconds, losses) = timed(|| ours(ensemble, &set, &device));
        losses.map(|_| ensemble.extrapolate(seconds))
    };
    let name = format!("{}{}", ensemble.work(), settings.suffix());
    contest::rows(Work { bench, name: &name, rounds: settings.rounds, warm_up: 0 }, Box::new(turn), say, entries)
}

/// Of each member, the mean loss of its last epoch.
fn ours(ensemble: &Ensemble, set: &TrainingSet, device: &Device) -> Result<Vec<f64>, BenchError> {
    let together = tenfold_vision::Ensemble::new(set, device);
    let last = |run: &tenfold_vision::Trained<_>| run.history.last().map_or(f64::NAN, |epoch| epoch.loss);
    Ok(together.collect(TIMED, |k| ensemble.member(k), |_, run| Ok(last(run)))?)
}

/// Whether mean losses of members that differ in the order of their samples are as near as their spread lets one expect: five
/// standard errors, for the error itself comes from a handful of members, and never more than [`MOST_APART`].
pub(super) fn agreement(mine: &[f64], theirs: &[f64]) -> Agreement {
    let error = |losses: &[f64]| variance(losses) / losses.len() as f64;
    let (a, b) = (mean(mine), mean(theirs));
    Agreement::of([a], [b], (5.0 * (error(mine) + error(theirs)).sqrt() / a.abs().max(b.abs())).min(MOST_APART))
}

/// The request that hands everything to a worker.
fn write(ensemble: &Ensemble, data: &Data, device: DeviceSpec, folder: &Path) -> Result<serde_json::Value, BenchError> {
    let weights = (0..TIMED).map(|k| {
        let path = folder.join(format!("{}-{k}.safetensors", ensemble.work()));
        ensemble.architecture.init(ensemble.seed(k), &Device::flex())?.save(&path)?;
        Ok(path)
    });
    let weights = weights.collect::<Result<Vec<PathBuf>, BenchError>>()?;
    let file = folder.join(format!("{}.npz", ensemble.work()));
    let [channels, height, width] = data.image.dims();
    let x = data.pixels.view().into_shape_with_order((data.labels.len(), channels, height, width))?;
    let y: Array1<i64> = data.labels.iter().map(|&label| label as i64).collect();
    write_npz(&file, &[("x", &x), ("y", &y.view())])?;
    Ok(json!({
        "op": "load", "architecture": ensemble.architecture, "config": ensemble.config, "weights": weights,
        "data": file, "device": torch::device(device),
    }))
}

/// Loads all workers, trains once to compare, and is ready to be timed.
fn enter<'a>(
    name: &str,
    ensemble: &'a Ensemble,
    load: &serde_json::Value,
    mine: &[f64],
    mut workers: Vec<Torch>,
) -> Result<Entry<'a>, BenchError> {
    let mut variants = Vec::new();
    let mut version = String::new();
    for worker in &mut workers {
        version = worker.version()?.replacen("torch", name, 1);
        variants.push(worker.ask::<Loaded>(load)?.variant);
    }
    let theirs = together(&mut workers)?;
    variants.dedup();
    Ok(Entry {
        version,
        agreement: agreement(mine, &theirs),
        note: format!("theirs {:.4}, {}", mean(&theirs), variants.join(" or ")),
        turn: Box::new(move || {
            let (seconds, losses) = timed(|| together(&mut workers));
            losses.map(|_| ensemble.extrapolate(seconds))
        }),
    })
}

/// Deals the members out to the workers, and waits for all.
fn together(workers: &mut [Torch]) -> Result<Vec<f64>, BenchError> {
    let share = |worker: usize, workers: usize| (worker..TIMED).step_by(workers).collect::<Vec<_>>();
    let count = workers.len();
    let turns = std::thread::scope(|scope| {
        let asked: Vec<_> = workers
            .iter_mut()
            .enumerate()
            .map(|(i, worker)| {
                scope.spawn(move || worker.ask::<Turn>(&json!({"op": "turn", "members": share(i, count)})))
            })
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        asked.into_iter().map(join).collect::<Result<Vec<Turn>, BenchError>>()
    })?;
    Ok(turns.into_iter().flat_map(|turn| turn.losses).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peers;

    /// Answers with the members it was asked for, as losses.
    const FAKE: &str = r#"
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "hello":
        answer = {"peers": {"torch": "1"}, "threads": request["threads"]}
    else:
        answer = {"losses": request["members"]}
    print(json.dumps(answer), flush=True)
"#;

    #[test]
    fn losses_agree_as_far_as_their_spread_says() {
        let mine = [0.9, 1.1, 0.9, 1.1, 0.9, 1.1];
        let by = |shift: f64| mine.map(|loss| loss + shift);
        let error = (2.0 * variance(&mine) / 6.0).sqrt();
        assert!(agreement(&mine, &by(4.9 * error)).holds());
        assert!(!agreement(&mine, &by(5.1 * error)).holds());
        let wild = [0.1, 1.9, 0.1, 1.9];
        assert!(!agreement(&wild, &wild.map(|loss| loss + 0.5)).holds());
    }

    #[test]
    fn every_member_is_trained_once_whatever_the_number_of_workers() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SCRIPT), FAKE).unwrap();
        let peers = Peers { python: "python3".into(), folder: folder.path().to_owned(), own: None };
        for workers in 1..=TIMED + 1 {
            let mut started: Vec<Torch> = (0..workers).map(|_| Torch::start(&peers, SCRIPT, 1)).collect();
            let mut members = together(&mut started).unwrap();
            members.sort_by(f64::total_cmp);
            assert_eq!(members, [0.0, 1.0, 2.0, 3.0], "{workers} workers");
        }
    }
}
