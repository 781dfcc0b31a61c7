//! Rows of numbers in double precision, eight at a time.
//!
//! What is here takes vectors that a [`Kernel`](crate::simd::Kernel) has got, but for [`squares_of_sums`]: kernels that look at many short rows are
//! made of it. Results have the same bits for every width of vectors, where the processor has fused multiply-add.
//!
//! | what | item |
//! |---|---|
//! | sums and squares of several rows at once, without one entry | [`Cut`], on rows of [`width`], added to [`zeros`] |
//! | sums of a slice | [`total`], [`square`], [`squares_about`] |
//! | squares of weighted sums of rows | [`squares_of_sums`] |
//! | something of every number | [`exponentials`], [`subtract_log_quotients`], [`add_squares`] |
//! | whether sums are near a number | [`sums_near`] |
//!
//! ```
//! use tenfold_kernels::eights::total;
//! use tenfold_kernels::simd::{Kernel, Simd, dispatch};
//! struct Total<'a>(&'a [f64]);
//! impl Kernel for Total<'_> {
//!     type Output = f64;
//!     fn run<S: Simd>(self, simd: S) -> f64 {
//!         total(simd, self.0)
//!     }
//! }
//! assert_eq!(dispatch(Total(&[0.5; 11])), 5.5);
//! ```

mod cut;
mod each;
mod sums;

pub use cut::{Cut, Sums};
pub use each::{add_squares, exponentials, subtract_log_quotients, sums_near};
pub use sums::{square, squares_about, squares_of_sums, total};

use crate::simd::EIGHT;

/// The length of rows that can be [`Cut`]: shorter ones need zeros at their end.
#[inline]
#[must_use]
pub fn width(entries: usize) -> usize {
    entries.max(EIGHT)
}

/// [`width`] zeros in place of what was there. They begin at a line of the cache, so that no eight lies across two: where each is
/// added to again and again, that takes a tenth of the time.
#[inline]
pub fn zeros(buffer: &mut Vec<f64>, entries: usize) -> &mut [f64] {
    buffer.clear();
    buffer.resize(width(entries) + EIGHT, 0.0);
    let start = buffer.as_ptr().align_offset(size_of::<[f64; EIGHT]>()).min(EIGHT);
    &mut buffer[start..][..width(entries)]
}

#[cfg(test)]
mod tests;
