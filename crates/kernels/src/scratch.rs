//! Buffers that a thread keeps from one task to the next.

use std::cell::RefCell;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers in a line of the cache.
const LINE: usize = 16;

/// Lends `task` a buffer of `len` numbers, whatever they are: from the thread's last tasks, or zeros. It begins at a line of
/// the cache, so that no vector lies across two.
///
/// Buffers grow to the largest use on this thread and stay. Uses may nest.
pub(crate) fn with<T>(len: usize, task: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = BUFFERS.with_borrow_mut(|buffers| buffers.pop().unwrap_or_default());
    if buffer.len() < len + LINE {
        buffer.resize(len + LINE, 0.0);
    }
    let start = buffer.as_ptr().align_offset(size_of::<[f32; LINE]>()).min(LINE);
    let result = task(&mut buffer[start..start + len]);
    BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    result
}
