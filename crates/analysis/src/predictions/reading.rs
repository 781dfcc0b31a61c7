//! How a row of numbers becomes errors on the simplex.

use super::models::Models;
use crate::error::AnalysisError;
use tenfold_kernels::eights::{Cut, exponentials, sums_near, total, width};
use tenfold_kernels::extremes::{largest, least};
use tenfold_kernels::simd::{EIGHT, Number, Simd};

/// Sums of exponentials below this may have lost digits to underflow.
const VANISHING: f64 = 1e-290;

/// The label of rows, and the model and point that name the first of them; the others are of the next models.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) label: usize,
    pub(crate) model: usize,
    pub(crate) point: usize,
}

/// How rows become probabilities.
pub(crate) trait Reading: Copy {
    /// What the probabilities are kept in.
    type Number: Number;

    /// How many numbers of `room` a row of so many classes takes.
    fn room(classes: usize) -> usize;

    /// Reads rows of the same point, and adds their probabilities to `sums` but at the label, whose error `-(1 - p_y)` is minus the
    /// sum of the others'. `sums` has [`width`] numbers and `room` [`room`](Self::room) for each row; what is beyond the classes is
    /// zero. What is read of each goes to the models from some on, where [`Models::finish`] looks for it. False where a row cannot
    /// be read.
    fn read<S: Simd, const R: usize>(
        self,
        simd: S,
        cut: (&Cut, usize),
        rows: [&[f32]; R],
        room: &mut [Self::Number],
        sums: &mut [f64],
        to: (&mut Models, usize),
    ) -> bool;

    /// Whether what was read of all models may stand: what costs less for all at once, before [`Models::finish`].
    fn fine<S: Simd>(self, simd: S, models: &Models) -> bool;

    /// What is wrong with the first of the rows that cannot be read.
    fn fault<'a>(self, rows: impl IntoIterator<Item = &'a [f32]>, at: Place) -> AnalysisError;

    /// Where the probabilities are after that: [`width`] numbers, of which those at the label mean nothing.
    fn kept<'a>(row: &'a [f32], room: &'a [Self::Number]) -> &'a [Self::Number];
}

/// Rows of probabilities that may be so far from one.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance(pub(crate) f64);

impl Reading for Tolerance {
    type Number = f32;

    fn room(classes: usize) -> usize {
        if classes < EIGHT { EIGHT } else { 0 }
    }

    #[inline(always)]
    fn read<S: Simd, const R: usize>(
        self,
        simd: S,
        (cut, label): (&Cut, usize),
        rows: [&[f32]; R],
        room: &mut [f32],
        sums: &mut [f64],
        to: (&mut Models, usize),
    ) -> bool {
        let found = if rows[0].len() < EIGHT {
            let mut padded: [&[f32]; R] = [&[]; R];
            for ((row, room), padded) in rows.iter().zip(room.chunks_exact_mut(EIGHT)).zip(&mut padded) {
                room[..row.len()].copy_from_slice(row);
                *padded = room;
            }
            cut.add_up(simd, padded, sums)
        } else {
            cut.add_up(simd, rows, sums)
        };
        let (models, t) = to;
        models.rest[t..t + R].copy_from_slice(&found.sums);
        models.square[t..t + R].copy_from_slice(&found.squares);
        models.against[t..t + R].copy_from_slice(&found.sums);
        models.margin[t..t + R].fill(0.0);
        let mut sure = true;
        for ((over, row), rest) in models.over[t..t + R].iter_mut().zip(rows).zip(found.sums) {
            *over = f64::from(row[label]);
            sure &= *over > rest;
        }
        // More than the sum of all others is more than each. Rows with faults have no prediction, and are refused.
        models.prediction[t..t + R].fill(label);
        if !sure {
            for (i, row) in rows.into_iter().enumerate() {
                if models.over[t + i] <= found.sums[i] {
                    models.prediction[t + i] = largest(simd, row).map_or(label, |(_, class)| class);
                }
            }
        }
        // Minus zero is fine.
        !found.signs || least(simd, rows) >= 0.0
    }

    #[inline(always)]
    fn fine<S: Simd>(self, simd: S, models: &Models) -> bool {
        sums_near(simd, &models.rest, &models.over, 1.0, self.0)
    }

    #[cold]
    fn fault<'a>(self, rows: impl IntoIterator<Item = &'a [f32]>, at: Place) -> AnalysisError {
        let rows: Vec<&[f32]> = rows.into_iter().collect();
        let sum = |row: &[f32]| row.iter().map(|p| f64::from(*p)).sum::<f64>();
        let off = |row: &[f32]| (sum(row) - 1.0).abs();
        let fine = |row: &[f32]| off(row) <= self.0 && row.iter().all(|p| *p >= 0.0);
        // Sums in another order are rounded differently: one at the very edge may look fine here, and is the furthest off.
        let edge = || (0..rows.len()).max_by(|a, b| off(rows[*a]).total_cmp(&off(rows[*b])));
        let r = rows.iter().position(|row| !fine(row)).or_else(edge).expect("a row");
        let (row, model, point) = (rows[r], at.model + r, at.point);
        let value = |class: usize, rule| AnalysisError::Value { model, point, class, value: row[class], rule };
        if let Some(class) = row.iter().position(|p| !p.is_finite()) {
            return value(class, "must be a finite number");
        }
        match row.iter().position(|p| *p < 0.0) {
            Some(class) => value(class, "must be a probability, from 0 to 1"),
            None => AnalysisError::Sum { model, point, sum: sum(row), tolerance: self.0 },
        }
    }

    #[inline(always)]
    fn kept<'a>(row: &'a [f32], room: &'a [f32]) -> &'a [f32] {
        if row.len() < EIGHT { room } else { row }
    }
}

/// Rows of logits, divided by a temperature.
#[derive(Clone, Copy)]
pub(crate) struct Temperature(pub(crate) f64);

impl Reading for Temperature {
    type Number = f64;

    fn room(classes: usize) -> usize {
        width(classes)
    }

    #[inline(always)]
    fn read<S: Simd, const R: usize>(
        self,
        simd: S,
        (cut, label): (&Cut, usize),
        rows: [&[f32]; R],
        room: &mut [f64],
        sums: &mut [f64],
        to: (&mut Models, usize),
    ) -> bool {
        let (temperature, width) = (self.0, width(rows[0].len()));
        let (models, t) = to;
        for (t, (d, row)) in (t..).zip(room.chunks_exact_mut(width).zip(rows)) {
            let Some((most, prediction)) = largest(simd, row) else { return false };
            let largest = f64::from(most);
            exponentials(simd, row, largest, temperature, d);
            let right = std::mem::take(&mut d[label]);
            let others = total(simd, d);
            let share = 1.0 / (right + others);
            d.iter_mut().for_each(|d| *d *= share);
            // Next to a label that is far above all others, their exponentials vanish.
            (models.margin[t], models.against[t]) = match others > VANISHING {
                true => ((f64::from(row[label]) - largest) / temperature, others),
                false => (log_odds(row, label, temperature), 1.0),
            };
            (models.over[t], models.prediction[t]) = (1.0, prediction);
        }
        let mut kept: [&[f64]; R] = [&[]; R];
        for (kept, room) in kept.iter_mut().zip(room.chunks_exact(width)) {
            *kept = room;
        }
        let found = cut.add_up(simd, kept, sums);
        models.rest[t..t + R].copy_from_slice(&found.sums);
        models.square[t..t + R].copy_from_slice(&found.squares);
        true
    }

    #[inline(always)]
    fn fine<S: Simd>(self, _: S, _: &Models) -> bool {
        true
    }

    #[cold]
    fn fault<'a>(self, rows: impl IntoIterator<Item = &'a [f32]>, at: Place) -> AnalysisError {
        let bad = |(r, row): (usize, &'a [f32])| row.iter().position(|z| !z.is_finite()).map(|class| (r, row, class));
        let (r, row, class) = rows.into_iter().enumerate().find_map(bad).expect("a number that is not finite");
        let (value, rule) = (row[class], "must be a finite number");
        AnalysisError::Value { model: at.model + r, point: at.point, class, value, rule }
    }

    #[inline(always)]
    fn kept<'a>(_: &'a [f32], room: &'a [f64]) -> &'a [f64] {
        room
    }
}

/// `log p_y - log (1 - p_y)` from logits: the label's minus the log-sum-exp of the others.
fn log_odds(row: &[f32], label: usize, temperature: f64) -> f64 {
    let others = || row.iter().enumerate().filter(|(k, _)| *k != label).map(|(_, z)| f64::from(*z) / temperature);
    let largest = others().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = others().map(|z| (z - largest).exp()).sum();
    f64::from(row[label]) / temperature - largest - sum.ln()
}
