//! Pooling of images.

use crate::error::{KernelError, require};
use crate::parallel;

/// A window that moves over images `[n, C, H, W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// n C.
    planes: usize,
    /// n and C.
    leading: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Pool2d {
    /// Checks sizes. Rows and columns that no whole window covers are left out; padding never wins a maximum, and does not
    /// count in a mean.
    ///
    /// ```
    /// use tenfold_kernels::pool::Pool2d;
    /// let pool = Pool2d::new([8, 16, 32, 31], [2, 2], [2, 2], [0, 0])?;
    /// assert_eq!(pool.output_shape(), [8, 16, 16, 15]);
    /// let error = Pool2d::new([8, 16, 32, 31], [2, 2], [2, 2], [0, 2]).unwrap_err();
    /// assert_eq!(error.to_string(), "padding = [0, 2]: must be at most half the window");
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Errors
    /// Names a window, stride or padding that breaks a rule.
    pub fn new(
        [n, channels, height, width]: [usize; 4],
        window: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<Self, KernelError> {
        require(!window.contains(&0), "window", format!("{window:?}"), "must be at least 1")?;
        require(!stride.contains(&0), "stride", format!("{stride:?}"), "must be at least 1")?;
        let half = padding[0] <= window[0] / 2 && padding[1] <= window[1] / 2;
        require(half, "padding", format!("{padding:?}"), "must be at most half the window")?;
        let input = [height, width];
        let fits = (0..2).all(|a| window[a] <= input[a] + 2 * padding[a]);
        require(fits, "window", format!("{window:?}"), "must not be larger than the padded image")?;
        let output = [0, 1].map(|a| (input[a] + 2 * padding[a] - window[a]) / stride[a] + 1);
        Ok(Self { planes: n * channels, leading: [n, channels], input, output, window, stride, padding })
    }

    /// `[n, C, H, W]`.
    pub fn input_shape(&self) -> [usize; 4] {
        [self.leading[0], self.leading[1], self.input[0], self.input[1]]
    }

    /// `[n, C, OH, OW]`.
    pub fn output_shape(&self) -> [usize; 4] {
        [self.leading[0], self.leading[1], self.output[0], self.output[1]]
    }

    /// The largest number in each window; NaN if there is one.
    ///
    /// ```
    /// use tenfold_kernels::pool::Pool2d;
    /// let mut y = [0.0];
    /// Pool2d::new([1, 1, 2, 2], [2, 2], [2, 2], [0, 0])?.max(&[1.0, 4.0, 3.0, 2.0], &mut y);
    /// assert_eq!(y, [4.0]);
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn max(&self, x: &[f32], y: &mut [f32]) {
        let [height, width] = self.input;
        self.each_plane(x, y, |x, y| {
            if self.in_pairs() {
                let rows = x.chunks_exact(2 * width).zip(y.chunks_exact_mut(self.output[1]));
                for (two, y) in rows {
                    let (upper, lower) = two.split_at(width);
                    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
                    for (y, (upper, lower)) in y.iter_mut().zip(pairs) {
                        *y = larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]));
                    }
                }
                return;
            }
            debug_assert_eq!(x.len(), height * width);
            for (at, y) in y.iter_mut().enumerate() {
                *y = self.window_at(at).map(|i| x[i]).fold(f32::NEG_INFINITY, larger);
            }
        });
    }

    /// The gradient of [`max`](Self::max): a window's gradient goes to its largest number, to the first of equals.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn max_gradient(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let area = self.input[0] * self.input[1];
        let outputs = self.output[0] * self.output[1];
        assert_eq!(x.len(), self.planes * area, "x: expected {:?}", self.input_shape());
        self.check_gradient(dy, dx);
        parallel::chunks(dx, area.max(1), x.len(), |plane, dx| {
            let (x, dy) = (&x[plane * area..][..area], &dy[plane * outputs..][..outputs]);
            if self.in_pairs() {
                return self.max_gradient_of_pairs(x, dy, dx);
            }
            dx.fill(0.0);
            for (at, dy) in dy.iter().enumerate() {
                let mut window = self.window_at(at);
                let Some(mut best) = window.next() else { continue };
                for i in window {
                    if x[i] > x[best] || (x[i].is_nan() && !x[best].is_nan()) {
                        best = i;
                    }
                }
                dx[best] += dy;
            }
        });
    }

    /// Windows of two by two that do not overlap: what networks use, and worth a loop of its own.
    fn in_pairs(&self) -> bool {
        self.window == [2, 2] && self.stride == [2, 2] && self.padding == [0, 0]
    }

    /// [`max_gradient`](Self::max_gradient) of one plane: each number is written once.
    fn max_gradient_of_pairs(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (width, columns) = (self.input[1], self.output[1]);
        let whole = self.output[0] * 2 * width;
        let (covered, left_out) = dx.split_at_mut(whole);
        left_out.fill(0.0);
        let rows = covered.chunks_exact_mut(2 * width).zip(x.chunks_exact(2 * width)).zip(dy.chunks_exact(columns));
        for ((dx, x), dy) in rows {
            let ((to_upper, to_lower), (upper, lower)) = (dx.split_at_mut(width), x.split_at(width));
            // An odd last column is in no window.
            to_upper[2 * columns..].fill(0.0);
            to_lower[2 * columns..].fill(0.0);
            gradient_of_pairs(
                [upper, lower].map(|row| &row.as_chunks::<2>().0[..columns]),
                dy,
                &mut to_upper.as_chunks_mut::<2>().0[..columns],
                &mut to_lower.as_chunks_mut::<2>().0[..columns],
            );
        }
    }

    /// The mean of each window's numbers.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn mean(&self, x: &[f32], y: &mut [f32]) {
        self.each_plane(x, y, |x, y| {
            for (at, y) in y.iter_mut().enumerate() {
                let (sum, count) = self.window_at(at).fold((0.0, 0_usize), |(s, n), i| (s + x[i], n + 1));
                *y = sum / count as f32;
            }
        });
    }

    /// The gradient of [`mean`](Self::mean).
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn mean_gradient(&self, dy: &[f32], dx: &mut [f32]) {
        let area = self.input[0] * self.input[1];
        let outputs = self.output[0] * self.output[1];
        self.check_gradient(dy, dx);
        let work = dx.len();
        parallel::chunks(dx, area.max(1), work, |plane, dx| {
            dx.fill(0.0);
            for (at, dy) in dy[plane * outputs..][..outputs].iter().enumerate() {
                let share = dy / self.window_at(at).count() as f32;
                self.window_at(at).for_each(|i| dx[i] += share);
            }
        });
    }

    fn check_gradient(&self, dy: &[f32], dx: &[f32]) {
        assert_eq!(dx.len(), self.planes * self.input[0] * self.input[1], "dx: expected {:?}", self.input_shape());
        assert_eq!(dy.len(), self.planes * self.output[0] * self.output[1], "dy: expected {:?}", self.output_shape());
    }

    fn each_plane(&self, x: &[f32], y: &mut [f32], task: impl Fn(&[f32], &mut [f32]) + Sync + Send) {
        let area = self.input[0] * self.input[1];
        let outputs = self.output[0] * self.output[1];
        self.check_gradient(y, x);
        parallel::chunks(y, outputs.max(1), x.len(), |plane, y| task(&x[plane * area..][..area], y));
    }

    /// Indices into a plane of what a window covers, row by row.
    #[inline(always)]
    fn window_at(&self, output: usize) -> impl Iterator<Item = usize> + use<> {
        let at = [output / self.output[1], output % self.output[1]];
        let range = |axis: usize| {
            let start = at[axis] * self.stride[axis];
            let end = (start + self.window[axis]).min(self.input[axis] + self.padding[axis]);
            start.saturating_sub(self.padding[axis])..end - self.padding[axis]
        };
        let (rows, columns, width) = (range(0), range(1), self.input[1]);
        rows.flat_map(move |i| columns.clone().map(move |j| i * width + j))
    }
}

/// The gradient of a row of maxima in the two rows that they were taken from. Which of four random numbers wins is nothing
/// that a branch predicts, so the winners are bits of all ones; the compiler makes vectors of the loop where it knows that
/// no slice overlaps another, which it does of arguments.
#[inline(never)]
fn gradient_of_pairs(
    [upper, lower]: [&[[f32; 2]]; 2],
    dy: &[f32],
    to_upper: &mut [[f32; 2]],
    to_lower: &mut [[f32; 2]],
) {
    let inputs = upper.iter().zip(lower);
    let outputs = to_upper.iter_mut().zip(to_lower);
    for (((upper, lower), dy), (to_upper, to_lower)) in inputs.zip(dy).zip(outputs) {
        let largest = larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]));
        let is = |v: f32| u32::from((v == largest) | v.is_nan()).wrapping_neg();
        let a = is(upper[0]);
        let b = !a & is(upper[1]);
        let c = !(a | b) & is(lower[0]);
        let of = |wins: u32| f32::from_bits(dy.to_bits() & wins);
        *to_upper = [of(a), of(b)];
        *to_lower = [of(c), of(!(a | b | c))];
    }
}

/// The larger of two numbers; NaN if one is.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn maxima_means_and_gradients_are_those_of_the_windows(
            (n, c, h, w) in (0_usize..3, 1_usize..3, 1_usize..8, 1_usize..9),
            (window, stride, padding) in ([1_usize..4, 1..4], [1_usize..4, 1..4], [0_usize..2, 0..2]),
            seed in 1_usize..1000,
        ) {
            let Ok(pool) = Pool2d::new([n, c, h, w], window, stride, padding) else { return Ok(()) };
            // Distinct numbers, so that the largest is unique.
            let len = n * c * h * w;
            let x: Vec<f32> = (0..len).map(|i| ((i * 7919 * seed) % 1009) as f32 + i as f32 / 4096.0).collect();
            let [_, _, oh, ow] = pool.output_shape();
            let (mut max, mut mean) = (vec![f32::NAN; n * c * oh * ow], vec![f32::NAN; n * c * oh * ow]);
            pool.max(&x, &mut max);
            pool.mean(&x, &mut mean);
            let dy: Vec<f32> = (0..max.len()).map(|i| (i % 7) as f32 - 3.0).collect();
            let (mut dmax, mut dmean) = (vec![f32::NAN; len], vec![f32::NAN; len]);
            pool.max_gradient(&x, &dy, &mut dmax);
            pool.mean_gradient(&dy, &mut dmean);

            let (mut want_dmax, mut want_dmean) = (vec![0.0_f32; len], vec![0.0_f32; len]);
            for at in 0..max.len() {
                let (plane, i, j) = (at / (oh * ow), at / ow % oh, at % ow);
                let mut inside = Vec::new();
                for (r, s) in (0..window[0]).flat_map(|r| (0..window[1]).map(move |s| (r, s))) {
                    let row = (i * stride[0] + r).wrapping_sub(padding[0]);
                    let column = (j * stride[1] + s).wrapping_sub(padding[1]);
                    if row < h && column < w {
                        inside.push((plane * h + row) * w + column);
                    }
                }
                let best = *inside.iter().max_by(|a, b| x[**a].total_cmp(&x[**b])).unwrap();
                prop_assert_eq!(max[at], x[best]);
                want_dmax[best] += dy[at];
                let want = inside.iter().map(|i| x[*i]).sum::<f32>() / inside.len() as f32;
                prop_assert!((mean[at] - want).abs() <= 16.0 * f32::EPSILON * want.abs());
                inside.iter().for_each(|i| want_dmean[*i] += dy[at] / inside.len() as f32);
            }
            prop_assert_eq!(dmax, want_dmax);
            prop_assert!(dmean.iter().zip(&want_dmean).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn nan_wins_its_window_and_takes_its_gradient() {
        let pool = Pool2d::new([1, 1, 2, 4], [2, 2], [2, 2], [0, 0]).unwrap();
        let x = [1.0, f32::NAN, 5.0, 6.0, 2.0, 3.0, 7.0, 4.0];
        let (mut y, mut dx) = ([0.0; 2], [0.0; 8]);
        pool.max(&x, &mut y);
        assert!(y[0].is_nan() && y[1] == 7.0);
        pool.max_gradient(&x, &[1.0, 2.0], &mut dx);
        assert_eq!(dx, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn each_rule_names_its_field() {
        let of = |window, stride, padding| Pool2d::new([1, 1, 4, 4], window, stride, padding).unwrap_err().to_string();
        assert!(of([0, 2], [1, 1], [0, 0]).starts_with("window = [0, 2]"));
        assert!(of([2, 2], [1, 0], [0, 0]).starts_with("stride = [1, 0]"));
        assert!(of([2, 2], [1, 1], [2, 0]).starts_with("padding = [2, 0]"));
        assert!(of([5, 2], [1, 1], [0, 0]).starts_with("window = [5, 2]"));
    }
}
