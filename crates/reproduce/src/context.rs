//! What an experiment is given.

use crate::error::ReproduceError;
use crate::folder::RunFolder;
use crate::scale::Scale;
use burn::tensor::Device;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenfold_core_tensor::progress::Progress;
use tenfold_vision::Shard;

/// What an experiment is given: how much to do, where, and where to keep it.
pub struct Context<'a> {
    /// How much work to do.
    pub scale: Scale,
    /// Seeds asked for on the command line.
    pub seeds: Option<usize>,
    /// Data set asked for on the command line.
    pub data: Option<String>,
    /// Where full data sets lie.
    pub data_root: PathBuf,
    /// Where tensors live (without autodiff).
    pub device: Device,
    /// Independent pieces of work done at a time.
    pub jobs: usize,
    /// Which part of the networks is trained here, where several machines share them.
    pub shard: Option<Shard>,
    /// Where results are kept.
    pub folder: &'a RunFolder,
    /// What the person sees.
    pub progress: Progress,
}

impl Context<'_> {
    /// The number of seeds: the one asked for, or the experiment's own.
    pub fn seeds_or(&self, own: usize) -> usize {
        self.seeds.unwrap_or(own)
    }

    /// Does independent pieces of work on `jobs` workers and returns their results in the order of `items`.
    ///
    /// Each worker runs its kernels on its own thread alone: many small trainings side by side finish sooner than one
    /// after another on all threads, and a result never depends on the number of workers.
    ///
    /// # Errors
    /// The first error in the order of `items`.
    pub fn parallel<I: Sync, T: Send>(
        &self,
        items: &[I],
        work: impl Fn(&I) -> Result<T, ReproduceError> + Sync,
    ) -> Result<Vec<T>, ReproduceError> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<Done<T>>, ReproduceError> {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| ReproduceError::Argument {
                    field: "--jobs",
                    value: self.jobs.to_string(),
                    rule: format!("the machine cannot start so many threads ({e})"),
                })?;
            let mut done = Vec::new();
            while let Some((i, item)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?)))
            {
                let result = pool.install(|| work(item));
                // What was done stays kept; what was not is not begun.
                if result.is_err() {
                    next.store(items.len(), Ordering::Relaxed);
                }
                done.push((i, result));
                self.progress.advance(1);
            }
            Ok(done)
        };
        let done = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs.min(items.len())).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
        })?;
        let mut results: Vec<_> = done.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// An item's place and what came of it.
type Done<T> = (usize, Result<T, ReproduceError>);

/// The worker's result; its panic, where it had one, goes on in our thread.
fn join<T>(worker: std::thread::ScopedJoinHandle<'_, T>) -> T {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
