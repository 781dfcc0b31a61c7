//! What all models say of one point.

use crate::block::Block;
use crate::eights::Cut;
use crate::error::AnalysisError;
use crate::reading::{Place, Reading};
use std::ops::Range;
use tenfold_kernels::math::log_double;
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
        let quotients = self.against.as_chunks::<EIGHT>().0.iter().zip(self.over.as_chunks::<EIGHT>().0);
        for (margin, (against, over)) in self.margin.as_chunks_mut::<EIGHT>().0.iter_mut().zip(quotients) {
            let log = log_double(simd, simd.div_double(simd.load_double(against), simd.load_double(over)));
            simd.store_double(margin, simd.sub_double(simd.load_double(margin), log));
        }
        let rests = self.rest.as_chunks::<EIGHT>().0;
        for (square, rest) in self.square.as_chunks_mut::<EIGHT>().0.iter_mut().zip(rests) {
            let rest = simd.load_double(rest);
            simd.store_double(square, simd.fma_double(rest, rest, simd.load_double(square)));
        }
    }
}

/// The rows of all models at one point.
pub(crate) struct Rows<'a> {
    pub(crate) block: &'a Block<'a>,
    pub(crate) place: usize,
    pub(crate) label: usize,
    pub(crate) cut: &'a Cut,
    /// Numbers of a model in the room.
    pub(crate) room: usize,
}

impl Rows<'_> {
    /// Reads the rows of some models, several at a time: each waits for the others' additions.
    #[inline(always)]
    pub(crate) fn read<S: Simd, R: Reading>(
        &self,
        simd: S,
        reading: R,
        models: Range<usize>,
        room: &mut [R::Number],
        sums: &mut [f64],
        to: &mut Models,
    ) -> Result<(), AnalysisError> {
        let Range { start: mut t, end } = models;
        if S::REGISTERS >= 32 {
            while t + 4 <= end {
                self.some::<S, R, 4>(simd, reading, t, room, sums, to)?;
                t += 4;
            }
        }
        while t + 2 <= end {
            self.some::<S, R, 2>(simd, reading, t, room, sums, to)?;
            t += 2;
        }
        if t < end {
            self.some::<S, R, 1>(simd, reading, t, room, sums, to)?;
        }
        Ok(())
    }

    /// Reads the rows of so many models from t on.
    #[inline(always)]
    fn some<S: Simd, R: Reading, const N: usize>(
        &self,
        simd: S,
        reading: R,
        t: usize,
        room: &mut [R::Number],
        sums: &mut [f64],
        to: &mut Models,
    ) -> Result<(), AnalysisError> {
        let rows = self.block.rows::<N>(t, self.place);
        let room = &mut room[t * self.room..][..N * self.room];
        match reading.read(simd, (self.cut, self.label), rows, room, sums, (to, t)) {
            true => Ok(()),
            false => Err(self.fault(reading)),
        }
    }

    /// Fails where what was read of all models may not stand.
    #[inline(always)]
    pub(crate) fn check<S: Simd, R: Reading>(&self, simd: S, reading: R, models: &Models) -> Result<(), AnalysisError> {
        match reading.fine(simd, models) {
            true => Ok(()),
            false => Err(self.fault(reading)),
        }
    }

    /// What is wrong with the first model's row that cannot be read, whichever was noticed first.
    #[cold]
    fn fault<R: Reading>(&self, reading: R) -> AnalysisError {
        let rows = (0..self.block.models()).map(|t| self.block.row(t, self.place));
        reading.fault(rows, Place { label: self.label, model: 0, point: self.block.number(self.place) })
    }

    /// `||d_t - m||^2` of each model, without the label, where m is zero.
    #[inline(always)]
    pub(crate) fn apart<S: Simd, R: Reading>(&self, simd: S, room: &[R::Number], m: &[f64], to: &mut [f64]) {
        let (fours, rest) = to.as_chunks_mut::<4>();
        let mut t = 0;
        for to in fours {
            *to = self.some_apart::<S, R, 4>(simd, t, room, m);
            t += 4;
        }
        let (twos, rest) = rest.as_chunks_mut::<2>();
        for to in twos {
            *to = self.some_apart::<S, R, 2>(simd, t, room, m);
            t += 2;
        }
        for to in rest.as_chunks_mut::<1>().0 {
            *to = self.some_apart::<S, R, 1>(simd, t, room, m);
        }
    }

    #[inline(always)]
    fn some_apart<S: Simd, R: Reading, const N: usize>(
        &self,
        simd: S,
        t: usize,
        room: &[R::Number],
        m: &[f64],
    ) -> [f64; N] {
        let read = self.block.near::<N>(t, self.place);
        let room = &room[t * self.room..][..N * self.room];
        let mut rows: [&[R::Number]; N] = [&[]; N];
        for (i, row) in rows.iter_mut().enumerate() {
            // As `read` left them.
            *row = R::kept(read[i], &room[i * self.room..][..self.room]);
        }
        self.cut.apart(simd, rows, m)
    }
}
