//! Sums over rows without one of their entries, eight at a time and several rows at once.

use super::width;
use crate::simd::{EIGHT, Number, Simd};

/// How rows are cut into eights, and what of them counts: all but one entry.
///
/// The last eight overlaps the one before where the entries do not come out even, so that nothing is read beyond a row; what it
/// repeats does not count.
pub struct Cut {
    /// The eight of the entry that does not count among those that do not overlap, if it is in one.
    without: usize,
    /// 0 at its place, and 1.
    others: [f64; EIGHT],
    /// 1 at places of the last eight that are in no other and not its own, and 0; none where there are no such places.
    last: Option<[f64; EIGHT]>,
}

impl Cut {
    /// For rows of so many entries, of which one does not count.
    #[inline]
    #[must_use]
    pub fn new(entries: usize, without: usize) -> Self {
        let width = width(entries);
        let whole = width / EIGHT;
        let counts = |entry: usize, from: usize| f64::from(u8::from(entry != without && entry >= from));
        let last =
            (!width.is_multiple_of(EIGHT)).then(|| std::array::from_fn(|i| counts(width - EIGHT + i, whole * EIGHT)));
        let others = std::array::from_fn(|i| counts(without / EIGHT * EIGHT + i, 0));
        Self { without: without / EIGHT, others, last }
    }

    /// Of rows of [`width`] numbers, which are also added to `to` one row after the other, but for the entry that does not count.
    ///
    /// # Panics
    /// If a row is shorter.
    #[inline(always)]
    pub fn add_up<S: Simd, T: Number, const R: usize>(&self, simd: S, rows: [&[T]; R], to: &mut [f64]) -> Sums<R> {
        let zero = simd.splat_double(0.0);
        let mut found = Added { sums: [zero; R], squares: [zero; R], signs: zero };
        let all = to.as_chunks_mut::<EIGHT>().0;
        let (eights, without) = (whole(rows, all.len()), self.without.min(all.len()));
        for (j, to) in all[..without].iter_mut().enumerate() {
            found.add(simd, part(eights, j), to, None);
        }
        if without < all.len() {
            found.add(simd, part(eights, without), &mut all[without], Some(&self.others));
            for (j, to) in all.iter_mut().enumerate().skip(without + 1) {
                found.add(simd, part(eights, j), to, None);
            }
        }
        if let (Some(counts), Some(to)) = (&self.last, to.last_chunk_mut::<EIGHT>()) {
            found.add(simd, last(rows), to, Some(counts));
        }
        Sums {
            sums: sums_of(simd, found.sums),
            squares: sums_of(simd, found.squares),
            signs: simd.signs_double(found.signs) != 0,
        }
    }

    /// `||d - m||^2` of rows d of [`width`] numbers, without the entry that does not count.
    ///
    /// # Panics
    /// If a row is shorter.
    #[inline(always)]
    pub fn apart<S: Simd, T: Number, const R: usize>(&self, simd: S, rows: [&[T]; R], m: &[f64]) -> [f64; R] {
        let mut found = Apart([simd.splat_double(0.0); R]);
        let means = m.as_chunks::<EIGHT>().0;
        let (eights, without) = (whole(rows, means.len()), self.without.min(means.len()));
        for (j, m) in means[..without].iter().enumerate() {
            found.add(simd, part(eights, j), m, None);
        }
        if without < means.len() {
            found.add(simd, part(eights, without), &means[without], Some(&self.others));
            for (j, m) in means.iter().enumerate().skip(without + 1) {
                found.add(simd, part(eights, j), m, None);
            }
        }
        if let (Some(counts), Some(m)) = (&self.last, m.last_chunk::<EIGHT>()) {
            found.add(simd, last(rows), m, Some(counts));
        }
        sums_of(simd, found.0)
    }
}

/// What [`Cut::add_up`] finds of rows, without the entry that does not count.
pub struct Sums<const R: usize> {
    /// The sum of each row's numbers.
    pub sums: [f64; R],
    /// The sum of their squares.
    pub squares: [f64; R],
    /// Whether any number, that entry too, has its sign set.
    pub signs: bool,
}

/// What [`Cut::add_up`] sums, in lanes that do not wait for each other.
struct Added<S: Simd, const R: usize> {
    sums: [S::D; R],
    squares: [S::D; R],
    signs: S::D,
}

impl<S: Simd, const R: usize> Added<S, R> {
    /// An eight of every row, of which some may not count.
    #[inline(always)]
    fn add<T: Number>(
        &mut self,
        simd: S,
        eight: [&[T; EIGHT]; R],
        to: &mut [f64; EIGHT],
        counts: Option<&[f64; EIGHT]>,
    ) {
        let mut all = simd.load_double(to);
        for ((sum, square), eight) in self.sums.iter_mut().zip(&mut self.squares).zip(eight) {
            let mut v = T::eight(simd, eight);
            self.signs = simd.or_double(self.signs, v);
            if let Some(counts) = counts {
                v = simd.mul_double(v, simd.load_double(counts));
            }
            (*sum, *square) = (simd.add_double(*sum, v), simd.fma_double(v, v, *square));
            all = simd.add_double(all, v);
        }
        simd.store_double(to, all);
    }
}

/// What [`Cut::apart`] sums.
struct Apart<S: Simd, const R: usize>([S::D; R]);

impl<S: Simd, const R: usize> Apart<S, R> {
    /// An eight of every row, of which some may not count.
    #[inline(always)]
    fn add<T: Number>(&mut self, simd: S, eight: [&[T; EIGHT]; R], m: &[f64; EIGHT], counts: Option<&[f64; EIGHT]>) {
        let m = simd.load_double(m);
        for (squares, eight) in self.0.iter_mut().zip(eight) {
            let mut e = simd.sub_double(T::eight(simd, eight), m);
            if let Some(counts) = counts {
                e = simd.mul_double(e, simd.load_double(counts));
            }
            *squares = simd.fma_double(e, e, *squares);
        }
    }
}

/// The sum of each one's lanes, four at a time.
#[inline(always)]
fn sums_of<S: Simd, const R: usize>(simd: S, all: [S::D; R]) -> [f64; R] {
    let mut sums = [0.0; R];
    let (fours, rest) = sums.as_chunks_mut::<4>();
    for (i, to) in fours.iter_mut().enumerate() {
        *to = simd.sums_double([all[4 * i], all[4 * i + 1], all[4 * i + 2], all[4 * i + 3]]);
    }
    let first = R - rest.len();
    for (to, lanes) in rest.iter_mut().zip(&all[first..]) {
        *to = simd.sum_double(*lanes);
    }
    sums
}

/// So many eights of every row.
#[inline(always)]
fn whole<T, const R: usize>(rows: [&[T]; R], count: usize) -> [&[[T; EIGHT]]; R] {
    let mut eights: [&[[T; EIGHT]]; R] = [&[]; R];
    for (eights, row) in eights.iter_mut().zip(rows) {
        *eights = &row.as_chunks().0[..count];
    }
    eights
}

/// The j-th eight of every row.
#[inline(always)]
fn part<T, const R: usize>(eights: [&[[T; EIGHT]]; R], j: usize) -> [&[T; EIGHT]; R] {
    let mut part = [&eights[0][j]; R];
    for (part, eights) in part.iter_mut().zip(eights) {
        *part = &eights[j];
    }
    part
}

/// The last eight of every row.
#[inline(always)]
fn last<'a, T, const R: usize>(rows: [&'a [T]; R]) -> [&'a [T; EIGHT]; R] {
    let of = |row: &'a [T]| row.last_chunk().expect("rows of at least eight numbers");
    let mut last = [of(rows[0]); R];
    for (last, row) in last.iter_mut().zip(rows) {
        *last = of(row);
    }
    last
}
