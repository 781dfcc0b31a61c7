//! Splitting work among threads so that no result depends on how many there are.
//!
//! Work is cut into tasks by its size alone, and each number is computed within one task; rayon decides which thread runs
//! which. In a pool of one thread, and for little work, the tasks run one after another.

use rayon::prelude::*;

/// Work, in operations on single numbers, below which waking a thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 16;

/// Numbers in a chunk of an elementwise operation: small enough for the first-level cache with an input and an output.
pub const CHUNK: usize = 1 << 12;

/// Whether work of this many operations should be split.
fn worth_it(work: usize) -> bool {
    work >= WORTH_A_THREAD && rayon::current_num_threads() > 1
}

/// Runs `task(0)` to `task(n - 1)`, all of them together `work` operations.
pub fn tasks(n: usize, work: usize, task: impl Fn(usize) + Sync + Send) {
    if n > 1 && worth_it(work) { (0..n).into_par_iter().for_each(task) } else { (0..n).for_each(task) }
}

/// Runs `task(i, chunk)` for the chunks of `size` numbers of `out`, all of them together `work` operations.
pub fn chunks<T: Send>(out: &mut [T], size: usize, work: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    if size == 0 {
        return;
    }
    if out.len() > size && worth_it(work) {
        out.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| task(i, chunk));
    } else {
        out.chunks_mut(size).enumerate().for_each(|(i, chunk)| task(i, chunk));
    }
}

/// Collects `task(0)` to `task(n - 1)` in that order, all of them together `work` operations.
pub fn collect<T: Send>(n: usize, work: usize, task: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    if n > 1 && worth_it(work) { (0..n).into_par_iter().map(task).collect() } else { (0..n).map(task).collect() }
}
