use super::*;
use crate::simd::{Kernel, Level, Simd, dispatch_up_to};
use crate::testing::numbers;

const LEVELS: [Level; 3] = [Level::Plain, Level::Avx2, Level::Avx512];

fn doubles(len: usize, phase: f64) -> Vec<f64> {
    crate::testing::double(&numbers(len, phase))
}

#[track_caller]
fn near(found: f64, want: f64) {
    assert!((found - want).abs() <= 1e-12 * (1.0 + want.abs()), "{found} != {want}");
}

/// Sums, squares and signs of rows; the rows added to ones; squares about numbers.
struct Rows<'a, const R: usize>([&'a [f32]; R], &'a Cut, &'a [f64]);

impl<const R: usize> Kernel for Rows<'_, R> {
    type Output = (Sums<R>, Vec<f64>, [f64; R]);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self(rows, cut, m) = self;
        let mut to = vec![1.0; m.len()];
        let sums = cut.add_up(simd, rows, &mut to);
        (sums, to, cut.apart(simd, rows, m))
    }
}

fn rows_are_right<const R: usize>() {
    for (len, without) in (1..36).flat_map(|len| (0..len).map(move |without| (len, without))) {
        let padded = |mut row: Vec<f32>| {
            row.resize(width(len), 0.0);
            row
        };
        let rows: [Vec<f32>; R] = std::array::from_fn(|r| padded(numbers(len, r as f64 + without as f64)));
        let mut m = doubles(len, 5.0);
        m.resize(width(len), 0.0);
        let cut = Cut::new(len, without);
        for limit in LEVELS {
            let slices: [&[f32]; R] = std::array::from_fn(|r| &rows[r][..]);
            let (sums, to, apart) = dispatch_up_to(limit, Rows(slices, &cut, &m));
            let others = || (0..len).filter(|k| *k != without);
            for (r, row) in rows.iter().enumerate() {
                let of = |of: &dyn Fn(usize, f64) -> f64| others().map(|k| of(k, f64::from(row[k]))).sum::<f64>();
                near(sums.sums[r], of(&|_, v| v));
                near(sums.squares[r], of(&|_, v| v * v));
                near(apart[r], of(&|k, v| (v - m[k]) * (v - m[k])));
            }
            assert_eq!(sums.signs, rows.iter().flatten().any(|v| v.is_sign_negative()));
            for (k, to) in to.iter().enumerate() {
                let all: f64 = rows.iter().map(|row| f64::from(row[k])).sum();
                near(*to, 1.0 + if k == without { 0.0 } else { all });
            }
        }
    }
}

#[test]
fn sums_of_rows_leave_one_entry_out_and_count_no_other_twice() {
    rows_are_right::<1>();
    rows_are_right::<2>();
    rows_are_right::<4>();
    rows_are_right::<5>();
}

#[test]
fn zeros_are_as_many_as_rows_that_can_be_cut_whatever_was_there() {
    let mut buffer = vec![3.0; 50];
    for len in 1..40 {
        let zeros = zeros(&mut buffer, len);
        assert_eq!(zeros, vec![0.0; len.max(EIGHT)]);
        zeros.fill(1.0);
    }
}

struct OfSlice<'a>(&'a [f64]);

impl Kernel for OfSlice<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; 3] {
        [total(simd, self.0), square(simd, self.0), squares_about(simd, self.0, 0.7)]
    }
}

#[test]
fn sums_of_slices_are_those_of_the_definition() {
    for (limit, len) in LEVELS.into_iter().flat_map(|limit| (0..40).map(move |len| (limit, len))) {
        let a = doubles(len, 2.0);
        let [total, square, about] = dispatch_up_to(limit, OfSlice(&a));
        near(total, a.iter().sum());
        near(square, a.iter().map(|a| a * a).sum());
        near(about, a.iter().map(|a| (a - 0.7) * (a - 0.7)).sum());
    }
}

#[test]
fn squares_of_sums_are_those_of_the_definition() {
    let (rows, weights) = (doubles(5 * 24, 0.0), doubles(3 * 5, 1.0));
    let mut squares = [f64::NAN; 3];
    squares_of_sums(&rows, 24, &weights, &mut squares);
    for (found, weights) in squares.into_iter().zip(weights.chunks_exact(5)) {
        let sum = |k: usize| weights.iter().enumerate().map(|(t, w)| w * rows[t * 24 + k]).sum::<f64>();
        near(found, (0..24).map(|k| sum(k) * sum(k)).sum());
    }
    squares_of_sums(&[], 8, &[], &mut squares);
    assert_eq!(squares, [0.0; 3]);
}

/// Exponentials of a row, logarithms of quotients, squares.
struct Each<'a>(&'a [f32], [&'a [f64]; 2]);

impl Kernel for Each<'_> {
    type Output = [Vec<f64>; 3];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self(row, [a, b]) = self;
        let mut powers = vec![f64::NAN; width(row.len())];
        exponentials(simd, row, 1.25, 2.0, &mut powers);
        let (mut logs, mut squares) = (a.to_vec(), a.to_vec());
        subtract_log_quotients(simd, &mut logs, a, b);
        add_squares(simd, &mut squares, b);
        [powers, logs, squares]
    }
}

#[test]
fn each_number_is_met_once() {
    for (limit, len) in LEVELS.into_iter().flat_map(|limit| (1..30).map(move |len| (limit, len))) {
        let row = numbers(len, 0.5);
        let whole = len.next_multiple_of(EIGHT);
        let [a, b] = [1.0, 4.0].map(|phase| doubles(whole, phase).iter().map(|v| v.abs() + 0.1).collect::<Vec<f64>>());
        let [powers, logs, squares] = dispatch_up_to(limit, Each(&row, [&a, &b]));
        for (k, power) in powers.into_iter().enumerate() {
            near(power, row.get(k).map_or(0.0, |z| ((f64::from(*z) - 1.25) / 2.0).exp()));
        }
        for k in 0..whole {
            near(logs[k], a[k] - (a[k] / b[k]).ln());
            near(squares[k], a[k] + b[k] * b[k]);
        }
    }
}

struct Near<'a>(&'a [f64], &'a [f64]);

impl Kernel for Near<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        sums_near(simd, self.0, self.1, 1.0, 1e-3)
    }
}

#[test]
fn sums_far_from_a_number_and_what_is_not_finite_are_noticed_at_any_place() {
    for limit in LEVELS {
        let a: Vec<f64> = (0..16).map(|i| f64::from(i) / 16.0).collect();
        let mut b: Vec<f64> = a.iter().map(|a| 1.0009 - a).collect();
        assert!(dispatch_up_to(limit, Near(&a, &b)));
        for at in 0..16 {
            let was = b[at];
            for bad in [was + 2e-4, was - 2e-3, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                b[at] = bad;
                assert!(!dispatch_up_to(limit, Near(&a, &b)), "{limit:?} {at} {bad}");
            }
            b[at] = was;
        }
    }
}
