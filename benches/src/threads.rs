//! Pools of a fixed number of threads.

use crate::error::BenchError;
use rayon::ThreadPool;

/// The pools that a bench runs in: all cores, then one thread.
///
/// Of several threads, each is bound to a core. A system that wakes two of them on the same core takes up to ten
/// milliseconds to part them, and a turn of a bench is not much longer: without this, `x + x` on two threads was at times
/// as slow as on one. PyTorch's threads are bound as well.
///
/// # Errors
/// If the system does not give us threads.
pub fn pools() -> Result<Vec<ThreadPool>, BenchError> {
    let mut counts = vec![rayon::current_num_threads(), 1];
    counts.dedup();
    counts
        .into_iter()
        .map(|n| Ok(rayon::ThreadPoolBuilder::new().num_threads(n).start_handler(bind(n)).build()?))
        .collect()
}

/// Binds the `i`-th of `threads` threads to the `i`-th core, where the system can. A single thread goes where it likes.
fn bind(threads: usize) -> impl Fn(usize) {
    let cores = if threads > 1 { core_affinity::get_core_ids().unwrap_or_default() } else { Vec::new() };
    move |thread| {
        if let Some(core) = cores.get(thread) {
            core_affinity::set_for_current(*core);
        }
    }
}

/// What is put behind the name of work that runs on fewer than all cores.
pub fn suffix(pool: &ThreadPool) -> String {
    match pool.current_num_threads() {
        n if n == rayon::current_num_threads() => String::new(),
        n => format!("-t{n}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pool_has_one_thread_and_the_first_has_all() {
        let pools = pools().unwrap();
        assert_eq!(pools[0].current_num_threads(), rayon::current_num_threads());
        assert_eq!(suffix(&pools[0]), "");
        let last = pools.last().unwrap();
        assert_eq!(last.current_num_threads(), 1);
        assert!(pools.len() == 1 || suffix(last) == "-t1");
    }
}
