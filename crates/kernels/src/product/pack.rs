//! Copies of A and B in the order in which the tiles read them.

use super::Matrix;

/// Depth that is copied at a time where a matrix is turned: a part of the panel that stays in the first-level cache.
const TURNED: usize = 128;

/// Columns `first..` of B as a panel, one entry for each of its rows, with zeros beyond its last column.
pub(super) fn pack_panel<const PANEL: usize>(b: Matrix, first: usize, panel: &mut [[f32; PANEL]]) {
    let columns = PANEL.min(b.columns - first);
    if columns < PANEL {
        panel.as_flattened_mut().fill(0.0);
    }
    if !b.transposed {
        for (to, row) in panel.iter_mut().zip(b.values.chunks_exact(b.columns)) {
            match row[first..].first_chunk::<PANEL>() {
                Some(whole) => *to = *whole,
                None => to[..columns].copy_from_slice(&row[first..]),
            }
        }
        return;
    }
    let column = |j: usize| &b.values[(first + j) * b.rows..][..b.rows];
    for (block, part) in panel.chunks_mut(TURNED).enumerate() {
        let depth = part.len();
        let column = |j: usize| &column(j)[block * TURNED..][..depth];
        let mut j = 0;
        while j + 4 <= columns {
            turn::<4, PANEL>(std::array::from_fn(|i| column(j + i)), j, part);
            j += 4;
        }
        for j in j..columns {
            turn([column(j)], j, part);
        }
    }
}

/// Some columns, from the j-th of the panel. Four by four, the compiler turns them in registers.
fn turn<const N: usize, const PANEL: usize>(columns: [&[f32]; N], j: usize, panel: &mut [[f32; PANEL]]) {
    let whole = columns.map(|column| column.as_chunks::<4>().0);
    let mut rows = panel.chunks_exact_mut(4);
    for (p, rows) in rows.by_ref().enumerate() {
        let four = whole.map(|column| column[p]);
        for (q, row) in rows.iter_mut().enumerate() {
            for (to, x) in row[j..j + N].iter_mut().zip(&four) {
                *to = x[q];
            }
        }
    }
    let rest = rows.into_remainder();
    let done = columns[0].len() - rest.len();
    for (to, column) in columns.iter().enumerate() {
        for (row, &x) in rest.iter_mut().zip(&column[done..]) {
            row[j + to] = x;
        }
    }
}

/// Depth that is copied at a time where rows lie as columns: so many lines of A are read while they are in the cache.
const ABREAST: usize = 16;

/// Rows `first..` of a transposed A, R side by side, from depth `p`: one part of `packed` for each R of them, as deep as
/// `depth`, with zeros beyond the last row.
pub(super) fn pack_rows<const R: usize>(a: Matrix, first: usize, [p, depth]: [usize; 2], packed: &mut [[f32; R]]) {
    let columns = &a.values[p * a.rows..][..depth * a.rows];
    for (block, columns) in columns.chunks(ABREAST * a.rows).enumerate() {
        for (tile, packed) in packed.chunks_exact_mut(depth).enumerate() {
            let first = first + tile * R;
            for (to, column) in packed[block * ABREAST..].iter_mut().zip(columns.chunks_exact(a.rows)) {
                let column = &column[first..];
                match column.first_chunk::<R>() {
                    Some(whole) => *to = *whole,
                    None => {
                        *to = [0.0; R];
                        to[..column.len()].copy_from_slice(column);
                    }
                }
            }
        }
    }
}
