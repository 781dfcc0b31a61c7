//! Numbers sixteen by sixteen: how matrices lie here.
//!
//! A matrix `[rows, columns]` is cut into panels of [`WIDTH`] columns, `[panels, rows, WIDTH]`; what the last panel has beyond
//! the columns is zero. A line is a row of a panel: one line of the cache, two vectors of AVX2, one of AVX-512.

/// Columns of a panel.
pub(super) const WIDTH: usize = 16;

/// A row of a panel.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [f32; WIDTH]);

/// Panels of so many columns.
pub(super) fn panels(columns: usize) -> usize {
    columns.div_ceil(WIDTH)
}

/// A matrix of zeros.
pub(super) fn zeros(rows: usize, columns: usize) -> Vec<Line> {
    vec![Line::default(); panels(columns) * rows]
}

/// Copies a row-major matrix into panels.
pub(super) fn pack(from: &[f32], columns: usize, to: &mut [Line]) {
    let rows = from.len() / columns;
    for (i, row) in from.chunks_exact(columns).enumerate() {
        set_row(row, i, rows, to);
    }
}

/// Copies one row of `rows` into panels.
#[inline]
pub(super) fn set_row(row: &[f32], i: usize, rows: usize, to: &mut [Line]) {
    let (whole, rest) = row.as_chunks::<WIDTH>();
    for (panel, part) in whole.iter().enumerate() {
        to[panel * rows + i].0 = *part;
    }
    if !rest.is_empty() {
        let line = &mut to[whole.len() * rows + i].0;
        line[..rest.len()].copy_from_slice(rest);
        line[rest.len()..].fill(0.0);
    }
}

/// Appends a matrix in panels to a row-major one.
pub(super) fn unpack(from: &[Line], rows: usize, columns: usize, to: &mut Vec<f32>) {
    for i in 0..rows {
        for panel in 0..panels(columns) {
            let part = WIDTH.min(columns - panel * WIDTH);
            to.extend_from_slice(&from[panel * rows + i].0[..part]);
        }
    }
}

/// The panels of the transpose, `[columns, rows]`, of a matrix `[rows, columns]`.
pub(super) fn transpose(from: &[Line], rows: usize, columns: usize, to: &mut [Line]) {
    for (panel, to) in to.chunks_exact_mut(columns).enumerate() {
        let lanes = WIDTH.min(rows - panel * WIDTH);
        for (of, to) in to.chunks_mut(WIDTH).enumerate() {
            let from = &from[of * rows + panel * WIDTH..][..lanes];
            for (lane, to) in to.iter_mut().enumerate() {
                for (to, from) in to.0.iter_mut().zip(from) {
                    *to = from.0[lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    #[test]
    fn packed_and_transposed_twice_is_the_matrix_itself() {
        for (rows, columns) in [(1, 1), (3, 16), (17, 5), (40, 33)] {
            let matrix = numbers(rows * columns, 0.5);
            let mut packed = zeros(rows, columns);
            pack(&matrix, columns, &mut packed);
            let mut transposed = zeros(columns, rows);
            transpose(&packed, rows, columns, &mut transposed);
            let mut found = Vec::new();
            unpack(&transposed, columns, rows, &mut found);
            let want: Vec<f32> = (0..columns)
                .flat_map(|j| (0..rows).map(move |i| (i, j)))
                .map(|(i, j)| matrix[i * columns + j])
                .collect();
            assert_eq!(found, want);
            let mut back = zeros(rows, columns);
            transpose(&transposed, columns, rows, &mut back);
            found.clear();
            unpack(&back, rows, columns, &mut found);
            assert_eq!(found, matrix);
            // Beyond the columns there are zeros.
            let beyond = panels(columns) * WIDTH - columns;
            let last = &back[(panels(columns) - 1) * rows..];
            assert!(last.iter().all(|line| line.0[WIDTH - beyond..].iter().all(|&x| x == 0.0)));
        }
    }
}
