//! Buffers that a thread keeps from one task to the next.

use std::cell::RefCell;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `task` a buffer of `len` numbers, whatever they are: from the thread's last tasks, or zeros.
///
/// Buffers grow to the largest use on this thread and stay. Uses may nest.
pub(crate) fn with<T>(len: usize, task: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = BUFFERS.with_borrow_mut(|buffers| buffers.pop().unwrap_or_default());
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = task(&mut buffer[..len]);
    BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    result
}
