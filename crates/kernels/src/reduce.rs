//! Sums: of a slice, over all but one axis, of planes.

use crate::parallel;
use crate::simd::{Kernel, Simd, dispatch};

/// `s[c] = sum_{n, p} x[n, c, p]` for `x [n, C, P]`; single precision within a plane, double over planes.
///
/// ```
/// let mut sums = [0.0; 2];
/// tenfold_kernels::reduce::channel_sums(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [2, 2, 2], &mut sums);
/// assert_eq!(sums, [14.0, 22.0]);
/// ```
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn channel_sums(x: &[f32], [n, channels, pixels]: [usize; 3], sums: &mut [f32]) {
    assert_eq!(x.len(), n * channels * pixels, "x: expected [{n}, {channels}, {pixels}]");
    assert_eq!(sums.len(), channels, "one sum per channel");
    parallel::chunks(sums, 1, x.len(), |c, sum| {
        let planes = (0..n).map(|i| &x[(i * channels + c) * pixels..][..pixels]);
        sum[0] = planes.map(|plane| f64::from(dispatch(Sum(plane)))).sum::<f64>() as f32;
    });
}

/// `s[j] = sum_i x[i, j]` for `x [rows, columns]`, in blocks of rows that are added in order.
///
/// ```
/// let mut sums = [0.0; 2];
/// tenfold_kernels::reduce::column_sums(&[1.0, 2.0, 3.0, 4.0], 2, &mut sums);
/// assert_eq!(sums, [4.0, 6.0]);
/// ```
///
/// # Panics
/// If `x` is not whole rows, or `sums` not one of them.
pub fn column_sums(x: &[f32], columns: usize, sums: &mut [f32]) {
    assert_eq!(sums.len(), columns, "one sum per column");
    assert!(x.len().is_multiple_of(columns.max(1)), "{} numbers in rows of {columns}", x.len());
    sums.fill(0.0);
    if columns == 0 {
        return;
    }
    const ROWS: usize = 64;
    let blocks = x.len().div_ceil(ROWS * columns);
    let partial = parallel::collect(blocks, x.len(), |b| {
        let mut sums = vec![0.0; columns];
        for row in x[b * ROWS * columns..].chunks_exact(columns).take(ROWS) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        sums
    });
    for block in partial {
        sums.iter_mut().zip(block).for_each(|(sum, x)| *sum += x);
    }
}

/// The mean of each plane of `pixels` numbers.
///
/// ```
/// let mut means = [0.0; 2];
/// tenfold_kernels::reduce::plane_means(&[1.0, 3.0, 5.0, 9.0], 2, &mut means);
/// assert_eq!(means, [2.0, 7.0]);
/// ```
///
/// # Panics
/// If `x` is not as many planes as there are means.
pub fn plane_means(x: &[f32], pixels: usize, means: &mut [f32]) {
    assert_eq!(x.len(), means.len() * pixels, "one mean per plane of {pixels}");
    const PLANES: usize = 64;
    parallel::chunks(means, PLANES, x.len(), |i, means| {
        for (j, mean) in means.iter_mut().enumerate() {
            *mean = dispatch(Sum(&x[(i * PLANES + j) * pixels..][..pixels])) / pixels as f32;
        }
    });
}

/// The gradient of [`plane_means`]: each plane's pixels share its gradient equally.
///
/// # Panics
/// If `dx` is not as many planes as there are gradients.
pub fn plane_means_gradient(dy: &[f32], pixels: usize, dx: &mut [f32]) {
    assert_eq!(dx.len(), dy.len() * pixels, "one gradient per plane of {pixels}");
    let work = dx.len();
    parallel::chunks(dx, pixels.max(1), work, |i, dx| dx.fill(dy[i] / pixels as f32));
}

struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        sum_of(simd, self.0, 0.0, |v| v)
    }
}

/// The sum of `f` over a slice. `f` of `rest`, which fills the last vector up, must be zero.
#[inline(always)]
pub(crate) fn sum_of<S: Simd>(simd: S, x: &[f32], rest: f32, f: impl Fn(S::V) -> S::V) -> f32 {
    // Several sums, so that one addition need not wait for the one before.
    let mut sums = [simd.zero(); 4];
    let mut blocks = x.chunks_exact(4 * S::LANES);
    for block in &mut blocks {
        for (sum, v) in sums.iter_mut().zip(block.chunks_exact(S::LANES)) {
            *sum = simd.add(*sum, f(simd.load(v)));
        }
    }
    for part in blocks.remainder().chunks(S::LANES) {
        let v = if part.len() == S::LANES { simd.load(part) } else { simd.load_part(part, rest) };
        sums[0] = simd.add(sums[0], f(v));
    }
    simd.sum(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_definition_for_awkward_sizes() {
        for (n, channels, pixels) in [(0, 2, 3), (1, 1, 1), (3, 5, 7), (150, 3, 33)] {
            let x: Vec<f32> = (0..n * channels * pixels).map(|i| ((i * 37) % 64) as f32 / 8.0).collect();
            let mut sums = vec![f32::NAN; channels];
            channel_sums(&x, [n, channels, pixels], &mut sums);
            for (c, sum) in sums.iter().enumerate() {
                let want: f32 = (0..n * pixels).map(|i| x[(i / pixels * channels + c) * pixels + i % pixels]).sum();
                assert_eq!(*sum, want, "all sums here are exact");
            }
            let mut sums = vec![f32::NAN; pixels];
            column_sums(&x, pixels, &mut sums);
            for (j, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, x.iter().skip(j).step_by(pixels).sum::<f32>());
            }
        }
    }
}
