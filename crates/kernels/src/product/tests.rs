use super::*;
use proptest::prelude::*;

/// Multiples of 1/16 up to 1: products and sums of thousands of them are exact in any order.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + seed * 11) % 33) as f32 / 16.0 - 1.0).collect()
}

/// A and B, each as it is or as the transpose of what lies there, and C before.
struct Case {
    sizes: [usize; 3],
    transposed: [bool; 2],
    numbers: [Vec<f32>; 3],
}

impl Case {
    fn new(sizes @ [m, k, n]: [usize; 3], transposed: [bool; 2]) -> Self {
        Self { sizes, transposed, numbers: [numbers(m * k, 1), numbers(k * n, 2), numbers(m * n, 3)] }
    }

    fn matrices(&self) -> [Matrix<'_>; 2] {
        let ([m, k, n], [a, b, _]) = (self.sizes, &self.numbers);
        let of = |values, [rows, columns]: [usize; 2], transposed| match transposed {
            true => Matrix::new(values, columns, rows).transpose(),
            false => Matrix::new(values, rows, columns),
        };
        [of(a.as_slice(), [m, k], self.transposed[0]), of(b.as_slice(), [k, n], self.transposed[1])]
    }

    /// The definition, `A B + add C`.
    fn expected(&self, i: usize, j: usize, add: bool) -> f32 {
        let ([m, k, n], [a, b, c]) = (self.sizes, &self.numbers);
        let of_a = |p: usize| a[if self.transposed[0] { p * m + i } else { i * k + p }];
        let of_b = |p: usize| b[if self.transposed[1] { j * k + p } else { p * n + j }];
        (0..k).map(|p| of_a(p) * of_b(p)).sum::<f32>() + if add { c[i * n + j] } else { 0.0 }
    }

    fn check(&self, add: bool) {
        let ([_, _, n], [a, b]) = (self.sizes, self.matrices());
        let mut c = self.numbers[2].clone();
        product(a, b, &mut c, add);
        let mut scaled = self.numbers[2].clone();
        scaled_product_here(0.5, a, b, &mut scaled, add);
        for (at, &c0) in self.numbers[2].iter().enumerate() {
            let want = self.expected(at / n, at % n, add);
            assert_eq!(c[at], want, "{:?} {:?} at {at}", self.sizes, self.transposed);
            let before = if add { c0 } else { 0.0 };
            assert_eq!(scaled[at], (want - before) / 2.0 + before, "scaled {:?} at {at}", self.sizes);
        }
    }
}

proptest! {
    #[test]
    fn equals_the_definition(m in 0_usize..20, k in 0_usize..20, n in 0_usize..40, ta: bool, tb: bool, add: bool) {
        Case::new([m, k, n], [ta, tb]).check(add);
    }
}

#[test]
fn equals_the_definition_beyond_one_pass_one_task_and_one_packing() {
    for transposed in [[false, false], [true, false], [false, true], [true, true]] {
        // Deeper than a pass, more rows than a task's, more columns than are packed at once for this depth.
        Case::new([7, 1100, 35], transposed).check(false);
        Case::new([131, 20, 33], transposed).check(true);
        Case::new([2, PACKED / 64, 70], transposed).check(false);
        Case::new([1, 600, 130], transposed).check(true);
        Case::new([130, 600, 1], transposed).check(true);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (m, k, n) = (150, 700, 90);
    let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.7).sin()).collect();
    let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 1.3).cos()).collect();
    let run = |threads, m| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut c = vec![0.0; m * n];
        pool.install(|| product(Matrix::new(&a[..m * k], m, k), Matrix::new(&b, k, n), &mut c, false));
        c
    };
    let one = run(1, m);
    assert_eq!(one, run(3, m));
    // Nor on the rows beside it.
    assert_eq!(one[..7 * n], run(2, 7));
}

#[test]
fn parts_are_finished_once_where_they_lie() {
    for ([m, k, n], threads) in [([50, 40, 300], 2), ([3, 700, 2000], 2), ([1, 5, 9], 1), ([4, 0, 3], 1)] {
        let case = Case::new([m, k, n], [false, true]);
        let [a, b] = case.matrices();
        let mut c = vec![f32::NAN; m * n];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let finish = |at: usize, part: &mut [f32]| {
            assert!(
                at.is_multiple_of(n) && part.len().is_multiple_of(n) || at % n + part.len() <= n,
                "rows or a piece of one"
            );
            part.iter_mut().zip(at..).for_each(|(c, at)| *c += at as f32);
        };
        pool.install(|| product_then(a, b, &mut c, finish));
        for (at, &c) in c.iter().enumerate() {
            assert_eq!(c, case.expected(at / n, at % n, false) + at as f32, "[{m}, {k}, {n}] at {at}");
        }
    }
}

#[test]
#[should_panic(expected = "[2, 3] times [2, 3]")]
fn sizes_that_do_not_fit_are_named() {
    let x = [0.0; 6];
    product(Matrix::new(&x, 2, 3), Matrix::new(&x, 2, 3), &mut [0.0; 4], false);
}

#[test]
fn nan_in_either_passes() {
    for (a, b) in [([f32::NAN, 0.0], [1.0, 1.0]), ([1.0, 0.0], [0.0, f32::NAN])] {
        let mut c = [0.0; 4];
        product(Matrix::new(&a, 2, 1), Matrix::new(&b, 1, 2), &mut c, false);
        assert_eq!(c.map(f32::is_nan), std::array::from_fn(|i| a[i / 2].is_nan() || b[i % 2].is_nan()));
    }
}
