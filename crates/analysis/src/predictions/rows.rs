//! The rows of all models at one point, read several at a time.

use super::block::Block;
use super::models::Models;
use super::reading::{Place, Reading};
use crate::error::AnalysisError;
use std::ops::Range;
use tenfold_kernels::eights::Cut;
use tenfold_kernels::simd::Simd;

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
