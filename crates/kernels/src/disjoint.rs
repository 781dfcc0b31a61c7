//! A slice that several tasks write at once, each its own part.
//!
//! # Safety of this module
//! [`Disjoint`] hands out parts of one exclusively borrowed slice through a shared reference. Bounds are always checked;
//! that no two parts overlap while both are alive is the caller's promise, stated where [`Disjoint::part`] is called. The
//! tests under Miri run the callers on small shapes.

use std::marker::PhantomData;

/// An exclusively borrowed slice, to be written in parts from several threads.
pub struct Disjoint<'a, T = f32> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for `&mut [T]`, which may be sent; parts are exclusive by the promise of `part`.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}
// SAFETY: a shared reference only gives parts out through `part`, whose callers promise that they do not overlap.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    /// Takes the slice for as long as parts are written.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// The `len` entries from `start`.
    ///
    /// # Safety
    /// No other part that overlaps this one is alive.
    ///
    /// # Panics
    /// If the part is not within the slice.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the caller's promise")]
    #[inline(always)]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "part {start}..+{len} of {}", self.len);
        // SAFETY: within the borrowed slice by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
