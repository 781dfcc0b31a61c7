//! Byte buffers for Burn's tensors whose memory goes from one tensor to the next.
//!
//! A training step allocates and frees the same sizes over and over. Handed back to the operating system, each page is
//! zeroed and mapped again on its next use, which costs more than most operations that write it. Freed buffers are kept by
//! the thread that frees them, by size, up to half a gibibyte.
//!
//! The crate stands alone, with nothing of Burn but the type of its buffers, so that its unsafe code can be tested under
//! AddressSanitizer without compiling a tensor library.
//!
//! ```
//! use tenfold_recycle::Buffer;
//! let mut buffer = Buffer::new(4096);
//! buffer.as_mut_slice().fill(1.0);
//! let address = buffer.as_mut_slice().as_ptr();
//! // Burn keeps bytes for a tensor's numbers, and frees them with the tensor.
//! let bytes = buffer.into_bytes();
//! assert_eq!(bytes.len(), 4 * 4096);
//! drop(bytes);
//! assert_eq!(Buffer::new(4096).as_mut_slice().as_ptr(), address);
//! ```
//!
//! # Safety of this module
//! `Lent` shows its numbers to Burn as bytes. They were initialised when the buffer was made and are only overwritten with
//! initialised bytes after that, any bytes are valid `f32`, and the buffer neither moves nor shrinks while it is lent.

#![allow(unsafe_code)]

use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::MaybeUninit;

/// Bytes that a thread keeps at most. When freeing a buffer would exceed it, sizes that nobody asked for since the last time
/// go first, and all of them if that is not enough.
const KEPT: usize = 512 << 20;

/// Numbers below which the allocator is as fast.
const SMALL: usize = 1 << 10;

#[derive(Default)]
struct Shelf {
    by_len: HashMap<usize, Stack>,
    bytes: usize,
}

/// Buffers of one size.
#[derive(Default)]
struct Stack {
    buffers: Vec<Vec<f32>>,
    /// Whether somebody asked for one since the shelf was last full.
    wanted: bool,
}

impl Shelf {
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let stack = self.by_len.get_mut(&len)?;
        stack.wanted = true;
        let buffer = stack.buffers.pop()?;
        self.bytes -= len * size_of::<f32>();
        Some(buffer)
    }

    fn put(&mut self, buffer: Vec<f32>) {
        let bytes = size_of_val(buffer.as_slice());
        if self.bytes + bytes > KEPT {
            self.by_len.retain(|_, stack| std::mem::take(&mut stack.wanted));
            self.bytes = self.by_len.iter().map(|(len, stack)| len * stack.buffers.len() * size_of::<f32>()).sum();
        }
        if self.bytes + bytes > KEPT {
            *self = Self::default();
        }
        if bytes <= KEPT {
            self.bytes += bytes;
            self.by_len.entry(buffer.len()).or_default().buffers.push(buffer);
        }
    }
}

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::new(Shelf::default());
}

/// Numbers of arbitrary value that are about to be overwritten.
#[derive(Debug)]
pub struct Buffer(Vec<f32>);

impl Buffer {
    /// So many numbers: those of a buffer that this thread has freed, or zeros.
    pub fn new(len: usize) -> Self {
        let kept = SHELF.with_borrow_mut(|shelf| shelf.take(len));
        Self(kept.unwrap_or_else(|| vec![0.0; len]))
    }

    /// Its numbers.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.0
    }

    /// The numbers as bytes, which come back to the thread that frees them. Short ones do not: the allocator is as fast.
    pub fn into_bytes(self) -> Bytes {
        let len = self.0.len();
        if len < SMALL {
            return Bytes::from_elems(self.0);
        }
        // SAFETY: the controller holds `len` initialised numbers.
        unsafe { Bytes::from_controller(Box::new(Lent(self.0)), len * size_of::<f32>()) }
    }
}

/// A buffer while a tensor has it.
struct Lent(Vec<f32>);

impl AllocationController for Lent {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val(self.0.as_slice());
        // SAFETY: the buffer's bytes, borrowed as long as the buffer; the caller writes initialised bytes only.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: the buffer's bytes, borrowed as long as the buffer.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), size_of_val(self.0.as_slice())) })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // A thread that is ending has no shelf any more; then the buffer is freed.
        let _ = SHELF.try_with(|shelf| shelf.borrow_mut().put(buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_buffer_comes_back_and_keeps_its_bytes_until_then() {
        let mut buffer = Buffer::new(SMALL);
        buffer.as_mut_slice().fill(3.0);
        let address = buffer.as_mut_slice().as_ptr();
        let mut bytes = buffer.into_bytes();
        assert_eq!(bytes.len(), 4 * SMALL);
        assert_eq!(&bytes[..4], 3.0_f32.to_le_bytes());
        let copy = bytes.clone();
        bytes[0] = 7;
        assert_eq!(&copy[..4], 3.0_f32.to_le_bytes());
        drop(bytes);
        assert_eq!(Buffer::new(SMALL).as_mut_slice().as_ptr(), address);
    }

    #[test]
    fn what_a_thread_keeps_is_bounded() {
        std::thread::spawn(|| {
            let each = KEPT / 3 / size_of::<f32>();
            let buffers: Vec<Bytes> = (0..4).map(|_| Buffer::new(each).into_bytes()).collect();
            drop(buffers);
            assert!(SHELF.with_borrow(|shelf| shelf.bytes) <= KEPT);
            drop(Buffer::new(KEPT / 4 + 1).into_bytes());
            assert!(SHELF.with_borrow(|shelf| shelf.bytes) <= KEPT);
            // What is asked for again and again outlives what is not.
            let each = KEPT / 8 / size_of::<f32>();
            drop(Buffer::new(each).into_bytes());
            (1..20).for_each(|i| {
                drop(Buffer::new(each).into_bytes());
                drop(Buffer::new(each - i).into_bytes());
            });
            assert!(SHELF.with_borrow(|shelf| shelf.by_len.contains_key(&each)));
            assert!(SHELF.with_borrow(|shelf| shelf.bytes) <= KEPT);
        })
        .join()
        .unwrap();
    }
}
