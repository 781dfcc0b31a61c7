//! Sums over rows of probabilities, eight classes at a time and several rows at once.

use tenfold_kernels::simd::{EIGHT, Number, Simd};

/// How rows are cut into eights, and what of them counts: all but the label.
///
/// The last eight overlaps the one before where the classes do not come out even, so that nothing is read beyond a row; what it
/// repeats does not count.
pub(crate) struct Cut {
    /// Eights that do not overlap.
    whole: usize,
    /// The label's eight among them, if it is in one.
    label: usize,
    /// 0 at the label's place, and 1.
    others: [f64; EIGHT],
    /// 1 at places of the last eight that are in no other and not the label's, and 0; none where there are no such places.
    last: Option<[f64; EIGHT]>,
}

/// The length of rows that can be cut: shorter ones need zeros at their end.
pub(crate) fn width(classes: usize) -> usize {
    classes.max(EIGHT)
}

/// The sum of a row's numbers, and of their squares.
pub(crate) type Sums = [f64; 2];

impl Cut {
    /// For rows with so many classes.
    pub(crate) fn new(classes: usize, label: usize) -> Self {
        let width = width(classes);
        let whole = width / EIGHT;
        let counts = |class: usize, from: usize| f64::from(u8::from(class != label && class >= from));
        let last =
            (!width.is_multiple_of(EIGHT)).then(|| std::array::from_fn(|i| counts(width - EIGHT + i, whole * EIGHT)));
        let others = std::array::from_fn(|i| counts(label / EIGHT * EIGHT + i, 0));
        Self { whole, label: label / EIGHT, others, last }
    }

    /// Sums of rows of [`width`] numbers, which are also added to `sums` one row after the other.
    #[inline(always)]
    pub(crate) fn add_up<S: Simd, T: Number, const R: usize>(
        &self,
        simd: S,
        rows: [&[T]; R],
        sums: &mut [f64],
    ) -> [Sums; R] {
        let mut found = Added([[simd.splat_double(0.0); 2]; R]);
        let (eights, label) = (whole(rows), self.label.min(self.whole));
        let to = &mut sums.as_chunks_mut::<EIGHT>().0[..self.whole];
        for (j, to) in to[..label].iter_mut().enumerate() {
            found.add(simd, part(eights, j), to, None);
        }
        if label < self.whole {
            found.add(simd, part(eights, label), &mut to[label], Some(&self.others));
            for (j, to) in to.iter_mut().enumerate().skip(label + 1) {
                found.add(simd, part(eights, j), to, None);
            }
        }
        if let (Some(counts), Some(to)) = (&self.last, sums.last_chunk_mut::<EIGHT>()) {
            found.add(simd, last(rows), to, Some(counts));
        }
        let mut sums = [[0.0; 2]; R];
        for (sums, [all, squares]) in sums.iter_mut().zip(found.0) {
            *sums = [simd.sum_double(all), simd.sum_double(squares)];
        }
        sums
    }

    /// `||d - m||^2` of rows d of [`width`] numbers without the label, where m is zero.
    #[inline(always)]
    pub(crate) fn apart<S: Simd, T: Number, const R: usize>(&self, simd: S, rows: [&[T]; R], m: &[f64]) -> [f64; R] {
        let mut found = Apart([simd.splat_double(0.0); R]);
        let (eights, label) = (whole(rows), self.label.min(self.whole));
        let means = &m.as_chunks::<EIGHT>().0[..self.whole];
        for (j, m) in means[..label].iter().enumerate() {
            found.add(simd, part(eights, j), m, None);
        }
        if label < self.whole {
            found.add(simd, part(eights, label), &means[label], Some(&self.others));
            for (j, m) in means.iter().enumerate().skip(label + 1) {
                found.add(simd, part(eights, j), m, None);
            }
        }
        if let (Some(counts), Some(m)) = (&self.last, m.last_chunk::<EIGHT>()) {
            found.add(simd, last(rows), m, Some(counts));
        }
        let mut squares = [0.0; R];
        for (squares, lanes) in squares.iter_mut().zip(found.0) {
            *squares = simd.sum_double(lanes);
        }
        squares
    }
}

/// What [`Cut::add_up`] sums, in lanes that do not wait for each other.
struct Added<S: Simd, const R: usize>([[S::D; 2]; R]);

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
        for (sums, eight) in self.0.iter_mut().zip(eight) {
            let mut v = T::eight(simd, eight);
            if let Some(counts) = counts {
                v = simd.mul_double(v, simd.load_double(counts));
            }
            *sums = [simd.add_double(sums[0], v), simd.fma_double(v, v, sums[1])];
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

/// The eights of every row that do not overlap.
#[inline(always)]
fn whole<T, const R: usize>(rows: [&[T]; R]) -> [&[[T; EIGHT]]; R] {
    let mut eights: [&[[T; EIGHT]]; R] = [&[]; R];
    for (eights, row) in eights.iter_mut().zip(rows) {
        *eights = row.as_chunks().0;
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

/// The sum of numbers, in lanes that do not wait for each other.
#[inline(always)]
pub(crate) fn total<S: Simd>(simd: S, a: &[f64]) -> f64 {
    let (eights, rest) = a.as_chunks::<EIGHT>();
    let mut sum = simd.splat_double(0.0);
    for a in eights {
        sum = simd.add_double(sum, simd.load_double(a));
    }
    rest.iter().fold(simd.sum_double(sum), |sum, a| sum + a)
}

/// `||a||^2`.
#[inline(always)]
pub(crate) fn square<S: Simd>(simd: S, a: &[f64]) -> f64 {
    squares_about(simd, a, 0.0)
}

/// `sum_i (a_i - centre)^2`.
#[inline(always)]
pub(crate) fn squares_about<S: Simd>(simd: S, a: &[f64], centre: f64) -> f64 {
    let (eights, rest) = a.as_chunks::<EIGHT>();
    let (all, mut sum) = (simd.splat_double(centre), simd.splat_double(0.0));
    for a in eights {
        let e = simd.sub_double(simd.load_double(a), all);
        sum = simd.fma_double(e, e, sum);
    }
    rest.iter().fold(simd.sum_double(sum), |sum, a| sum + (a - centre) * (a - centre))
}
