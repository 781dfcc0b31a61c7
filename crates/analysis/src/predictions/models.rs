//! What all models say of one point.

use tenfold_kernels::eights::{add_squares, subtract_log_quotients};
use tenfold_kernels::simd::{EIGHT, Simd};

/// What was read off the rows of all models at one point: a list for each number, so that vectors go along models. The lists of
/// numbers go on to whole vectors, with a row that is right and sure.
#[derive(Debug, Default)]
pub(crate) struct Models {
    count: usize,
    /// `1 - p_y`.
    pub(crate) rest: Vec<f64>,
    /// The sum of squares of all `p_k` but `p_y`; `||p - e_y||^2` once [`finish`](Self::finish) has been called.
    pub(crate) square: Vec<f64>,
    /// `log p_y - log (1 - p_y)`, once `log (against / over)` has been taken from it: one logarithm of the quotient, which is rounded
    /// once.
    pub(crate) margin: Vec<f64>,
    pub(crate) against: Vec<f64>,
    pub(crate) over: Vec<f64>,
    /// The class of the largest number.
    pub(crate) prediction: Vec<usize>,
}

impl Models {
    /// Makes room for so many models. What was known of as many stays until it is read anew: clearing the lists at every point takes
    /// a twentieth of the time.
    pub(crate) fn resize(&mut self, count: usize) {
        if count == self.count {
            return;
        }
        let len = count.next_multiple_of(EIGHT);
        for list in [&mut self.rest, &mut self.square, &mut self.margin] {
            list.clear();
            list.resize(len, 0.0);
        }
        for list in [&mut self.against, &mut self.over] {
            list.clear();
            list.resize(len, 1.0);
        }
        self.count = count;
        self.prediction.resize(count, 0);
    }

    /// N.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// What is the same sum for every model, with vectors that go along them.
    #[inline(always)]
    pub(crate) fn finish<S: Simd>(&mut self, simd: S) {
        subtract_log_quotients(simd, &mut self.margin, &self.against, &self.over);
        add_squares(simd, &mut self.square, &self.rest);
    }
}
