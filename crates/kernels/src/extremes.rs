//! The largest and the least number of rows.
//!
//! Both take vectors that a [`Kernel`](crate::simd::Kernel) has got, for kernels that look at many short rows.

use crate::simd::Simd;

/// The least number of rows of one length; without meaning where one is NaN.
///
/// # Panics
/// If the rows are empty.
#[inline(always)]
pub fn least<S: Simd, const R: usize>(simd: S, rows: [&[f32]; R]) -> f32 {
    let mut least = simd.splat(rows[0][0]);
    for row in rows {
        let (whole, rest) = row.split_at(row.len() - row.len() % S::LANES);
        for part in whole.chunks_exact(S::LANES) {
            least = simd.min(simd.load(part), least);
        }
        if !rest.is_empty() {
            // What is before it once more costs less than a vector that is not full.
            let last = row.len().checked_sub(S::LANES).map(|from| simd.load(&row[from..]));
            least = simd.min(last.unwrap_or_else(|| simd.load_part(row, row[0])), least);
        }
    }
    -simd.largest(simd.sub(simd.zero(), least))
}

/// The largest number and its place, the first of equals; none where a number is not finite.
///
/// # Panics
/// If the row is empty.
#[inline(always)]
pub fn largest<S: Simd>(simd: S, row: &[f32]) -> Option<(f32, usize)> {
    // In each lane the largest number and the place where its vector starts.
    let (mut most, mut starts, mut zeros) = (simd.splat(row[0]), simd.zero(), simd.zero());
    for (j, part) in row.chunks(S::LANES).enumerate() {
        // The first number once more where a vector is not full.
        let v = if part.len() == S::LANES { simd.load(part) } else { simd.load_part(part, row[0]) };
        let more = simd.gt(v, most);
        most = simd.select(more, v, most);
        starts = simd.select(more, simd.splat((j * S::LANES) as f32), starts);
        // Zero times what is not finite is NaN.
        zeros = simd.fma(v, simd.zero(), zeros);
    }
    if simd.sum(zeros) != 0.0 {
        return None;
    }
    let value = simd.largest(most);
    if row.len() > EXACT {
        return row.iter().position(|v| *v == value).map(|place| (value, place));
    }
    // Lanes with less are out.
    let out = simd.gt(simd.splat(value), most);
    let places = simd.add(starts, simd.load(&PLACES));
    let first = simd.largest(simd.select(out, simd.splat(f32::MIN), simd.sub(simd.zero(), places)));
    Some((value, -first as usize))
}

/// Whole numbers up to this are exact in single precision.
const EXACT: usize = 1 << f32::MANTISSA_DIGITS;

/// The number of each lane, of as many as any vector has.
const PLACES: [f32; 64] = {
    let mut places = [0.0; 64];
    let mut i = 0;
    while i < places.len() {
        places[i] = i as f32;
        i += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, Level, dispatch_up_to};
    use crate::testing::numbers;

    /// The largest number of the first row, and the least of both.
    struct Both<'a>([&'a [f32]; 2]);

    impl Kernel for Both<'_> {
        type Output = (Option<(f32, usize)>, f32);

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            (largest(simd, self.0[0]), least(simd, self.0))
        }
    }

    #[test]
    fn they_are_those_of_the_definition_and_the_first_of_equals() {
        for (limit, len) in
            [Level::Plain, Level::Avx2, Level::Avx512].into_iter().flat_map(|l| (1..70).map(move |n| (l, n)))
        {
            let (mut a, b) = (numbers(len, 0.3), numbers(len, 1.9));
            let most = a.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let first = a.iter().position(|v| *v == most).unwrap();
            // Once more at the end.
            a[len - 1] = most;
            let smallest = a.iter().chain(&b).copied().fold(f32::INFINITY, f32::min);
            assert_eq!(dispatch_up_to(limit, Both([&a, &b])), (Some((most, first)), smallest), "{limit:?} {len}");
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let at = len / 2;
                let was = std::mem::replace(&mut a[at], bad);
                assert_eq!(dispatch_up_to(limit, Both([&a, &b])).0, None, "{limit:?} {len} {bad}");
                a[at] = was;
            }
        }
    }
}
