//! Jobs on worker threads whose kernels run on their own thread alone.
//!
//! Many small trainings side by side finish sooner than one after another on all threads: a small kernel does not
//! repay the waking of other threads.

use crate::error::VisionError;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

/// Jobs handed out beyond the first whose result nobody has taken, for each worker: how far the others may run ahead
/// of one that is slow.
const AHEAD: usize = 16;

/// Does `work` on each job, in order, on `count` workers, and hands what comes of it to `receive`, in the calling
/// thread, as it comes. `receive` returns how many jobs it still holds back, or breaks: then what is being worked on is
/// finished and received, and nothing new is begun.
pub(super) fn run<J: Send, T: Send>(
    count: usize,
    jobs: impl Iterator<Item = J>,
    work: impl Fn(J) -> T + Sync,
    mut receive: impl FnMut(T) -> Result<ControlFlow<(), usize>, VisionError>,
) -> Result<(), VisionError> {
    let pools: Vec<ThreadPool> = (0..count).map(|_| pool()).collect::<Result<_, _>>()?;
    let (give, take) = mpsc::channel();
    let (pools, take, work) = (&pools, &Mutex::new(take), &work);
    let (done, results) = mpsc::sync_channel(count);
    let stopped = &AtomicBool::new(false);
    std::thread::scope(move |scope| {
        for pool in pools {
            let done = done.clone();
            // The pool's thread does the work; this one only waits, so that the scope can join it.
            scope.spawn(move || pool.install(|| worker(take, stopped, work, &done)));
        }
        drop(done);
        // Moved in here: when this thread leaves, by whatever way, the workers find no more jobs and nobody to tell.
        let (results, mut give) = (results, Some(give));
        let mut jobs = jobs.fuse();
        let (mut working, mut held) = (0, 0);
        loop {
            while let Some(queue) = give.as_ref().filter(|_| working == 0 || working + held < AHEAD * count) {
                match jobs.next().map(|job| queue.send(job)) {
                    Some(Ok(())) => working += 1,
                    _ => give = None,
                }
            }
            let Ok(result) = results.recv() else { return Ok(()) };
            working -= 1;
            let flow = receive(result);
            match flow {
                Ok(ControlFlow::Continue(back)) => held = back,
                Ok(ControlFlow::Break(())) | Err(_) => {
                    stopped.store(true, Ordering::Relaxed);
                    give = None;
                }
            }
            let _ = flow?;
        }
    })
}

fn pool() -> Result<ThreadPool, VisionError> {
    let rule = "the machine cannot start so many threads";
    ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| VisionError::setting("strategy.count", e, rule))
}

fn worker<J, T>(jobs: &Mutex<Receiver<J>>, stopped: &AtomicBool, work: &impl Fn(J) -> T, done: &SyncSender<T>) {
    loop {
        // Nothing that can panic happens under the lock.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // Jobs that were handed out but not begun are still in the queue when the others stop.
            Ok(job) if !stopped.load(Ordering::Relaxed) => {
                if done.send(work(job)).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_job_is_done_once_on_one_thread_kernels() {
        let mut seen = vec![0; 100];
        run(
            4,
            0..100,
            |job| (job, rayon::current_num_threads()),
            |(job, threads)| {
                assert_eq!(threads, 1);
                seen[job] += 1;
                Ok(ControlFlow::Continue(0))
            },
        )
        .unwrap();
        assert_eq!(seen, [1; 100]);
    }

    #[test]
    fn nobody_runs_far_ahead_of_a_slow_job() {
        let begun = AtomicUsize::new(0);
        let (release, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        // How many came before the first, until it came.
        let mut early = Some(0);
        run(
            2,
            0..1000,
            |job| {
                begun.fetch_add(1, Ordering::SeqCst);
                if job == 0 {
                    // Released when the others cannot go on.
                    wait.lock().unwrap().recv().unwrap();
                }
                job
            },
            |job| {
                early = early.filter(|_| job != 0).map(|early| early + 1);
                if early == Some(2 * AHEAD - 1) {
                    assert_eq!(begun.load(Ordering::SeqCst), 2 * AHEAD);
                    release.send(()).unwrap();
                }
                Ok(ControlFlow::Continue(early.unwrap_or(0)))
            },
        )
        .unwrap();
        assert_eq!(begun.into_inner(), 1000);
    }

    #[test]
    fn a_break_or_an_error_begins_nothing_new() {
        let begun = AtomicUsize::new(0);
        let count = |job: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            job
        };
        run(1, 0..1000, count, |_| Ok(ControlFlow::Break(()))).unwrap();
        assert!(begun.load(Ordering::SeqCst) <= 3, "the one, the one in the channel and the one in work");
        let refuse = |_| Err(VisionError::setting("a", "b", "c"));
        assert!(run(1, 0..1000, |job| job, refuse).is_err());
    }
}
