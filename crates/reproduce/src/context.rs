//! What an experiment is given.

use crate::error::ReproduceError;
use crate::folder::RunFolder;
use crate::scale::Scale;
use burn::tensor::Device;
use rayon::prelude::*;
use std::path::PathBuf;
use tenfold_core_tensor::progress::Progress;

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
        let pool = |threads: usize| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| ReproduceError::Argument {
                field: "--jobs",
                value: threads.to_string(),
                rule: format!("the machine cannot start so many threads ({e})"),
            })
        };
        let single: Vec<rayon::ThreadPool> = (0..self.jobs).map(|_| pool(1)).collect::<Result<_, _>>()?;
        let results: Vec<Result<T, ReproduceError>> = pool(self.jobs)?.install(|| {
            items
                .par_iter()
                .with_max_len(1)
                .map(|item| {
                    let worker = rayon::current_thread_index().unwrap_or(0);
                    let result = single[worker].install(|| work(item));
                    self.progress.advance(1);
                    result
                })
                .collect()
        });
        results.into_iter().collect()
    }
}
