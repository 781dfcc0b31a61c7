//! What all models say of one point.

use crate::block::Block;
use crate::eights::Cut;
use crate::error::AnalysisError;
use crate::reading::{Place, Reading, Row};
use std::ops::Range;
use tenfold_kernels::simd::Simd;

/// What was read off the rows of all models at one point: a list for each number, so that vectors go along models.
#[derive(Default)]
pub(crate) struct Models {
    /// `1 - p_y`.
    pub(crate) rest: Vec<f64>,
    /// `||p - e_y||^2`.
    pub(crate) square: Vec<f64>,
    /// `log p_y - log (1 - p_y)`, once [`finish`](Self::finish) has been called.
    pub(crate) margin: Vec<f64>,
    /// What the logarithm of is still to be taken from the margin.
    against: Vec<f64>,
    /// The class of the largest number.
    pub(crate) prediction: Vec<usize>,
}

impl Models {
    /// Makes room for so many models.
    pub(crate) fn resize(&mut self, count: usize) {
        for list in [&mut self.rest, &mut self.square, &mut self.margin, &mut self.against] {
            list.resize(count, 0.0);
        }
        self.prediction.resize(count, 0);
    }

    /// N.
    pub(crate) fn count(&self) -> usize {
        self.rest.len()
    }

    /// What was read of models from t on.
    #[inline(always)]
    fn put<const N: usize>(&mut self, t: usize, rows: [Row; N]) {
        for (i, row) in rows.into_iter().enumerate() {
            self.rest[t + i] = row.rest;
            self.square[t + i] = row.square;
            self.margin[t + i] = row.margin;
            self.against[t + i] = row.against;
            self.prediction[t + i] = row.prediction;
        }
    }

    /// Takes the logarithms. One by one, between rows, they would interrupt the vectors, which a call of a function has to put away.
    pub(crate) fn finish(&mut self) {
        for (margin, against) in self.margin.iter_mut().zip(&self.against) {
            *margin -= against.ln();
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
                to.put(t, self.some::<S, R, 4>(simd, reading, t, room, sums)?);
                t += 4;
            }
        }
        while t + 2 <= end {
            to.put(t, self.some::<S, R, 2>(simd, reading, t, room, sums)?);
            t += 2;
        }
        if t < end {
            to.put(t, self.some::<S, R, 1>(simd, reading, t, room, sums)?);
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
    ) -> Result<[Row; N], AnalysisError> {
        let mut rows: [&[f32]; N] = [&[]; N];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.block.row_and_fetch(t + i, self.place);
        }
        let mut read = [Row::default(); N];
        let room = &mut room[t * self.room..][..N * self.room];
        if !reading.read(simd, (self.cut, self.label), rows, room, sums, &mut read) {
            let place = Place { label: self.label, model: t, point: self.block.number(self.place) };
            return Err(reading.fault(&rows, place));
        }
        Ok(read)
    }

    /// `||d_t - m||^2` of each model, without the label, where m is zero.
    #[inline(always)]
    pub(crate) fn apart<S: Simd, R: Reading>(&self, simd: S, room: &[R::Number], m: &[f64], to: &mut [f64]) {
        let (fours, rest) = to.as_chunks_mut::<4>();
        for (i, to) in fours.iter_mut().enumerate() {
            *to = self.some_apart::<S, R, 4>(simd, 4 * i, room, m);
        }
        let first = self.block.models() - rest.len();
        for (i, to) in rest.iter_mut().enumerate() {
            [*to] = self.some_apart::<S, R, 1>(simd, first + i, room, m);
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
        let mut rows: [&[R::Number]; N] = [&[]; N];
        for (i, row) in rows.iter_mut().enumerate() {
            // As `read` left them.
            *row = R::kept(self.block.row(t + i, self.place), &room[(t + i) * self.room..][..self.room]);
        }
        self.cut.apart(simd, rows, m)
    }
}
