//! Work on every row of an array, in blocks whose size does not depend on the number of threads.

use super::real::Real;
use crate::error::DistillError;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Numbers in a block: a few hundred rows of a thousand classes.
const BLOCK: usize = 1 << 18;

/// Rows in a block of rows of some width.
fn rows_of_a_block(width: usize) -> usize {
    (BLOCK / width.max(1)).clamp(1, 4096)
}

/// Copies a row in double precision.
pub(crate) fn read<T: Real>(array: &ArrayView2<T>, i: usize, to: &mut [f64]) {
    let row = array.row(i);
    match row.as_slice() {
        Some(row) => to.iter_mut().zip(row).for_each(|(to, v)| *to = v.wide()),
        None => to.iter_mut().zip(row).for_each(|(to, v)| *to = v.wide()),
    }
}

/// Something for each of n rows of some width, in their order; `room` has as many numbers as a row.
pub(crate) fn each_row<O: Send>(
    rows: usize,
    width: usize,
    task: impl Fn(usize, &mut [f64]) -> Result<O, DistillError> + Sync,
) -> Result<Vec<O>, DistillError> {
    let blocks = fold_rows(rows, width, Vec::new, |found, i, room| {
        found.push(task(i, room)?);
        Ok(())
    })?;
    Ok(blocks.into_iter().flatten().collect())
}

/// What was gathered in each block of rows, in their order: sums of blocks can then be added up in a fixed order. The error is that
/// of the first row that has one.
pub(crate) fn fold_rows<A: Send>(
    rows: usize,
    width: usize,
    start: impl Fn() -> A + Sync,
    task: impl Fn(&mut A, usize, &mut [f64]) -> Result<(), DistillError> + Sync,
) -> Result<Vec<A>, DistillError> {
    let size = rows_of_a_block(width);
    let block = |room: &mut Vec<f64>, block: usize| {
        let mut gathered = start();
        for i in block * size..((block + 1) * size).min(rows) {
            task(&mut gathered, i, room)?;
        }
        Ok(gathered)
    };
    let blocks: Vec<Result<A, DistillError>> =
        (0..rows.div_ceil(size)).into_par_iter().map_init(|| vec![0.0; width], block).collect();
    blocks.into_iter().collect()
}

/// The sums over rows of what `task` adds to as many numbers as a row has; `task` gets the sums, the row's number and room.
pub(crate) fn column_sums(
    rows: usize,
    width: usize,
    task: impl Fn(&mut [f64], usize, &mut [f64]) -> Result<(), DistillError> + Sync,
) -> Result<Vec<f64>, DistillError> {
    let blocks = fold_rows(rows, width, || vec![0.0; width], |sums: &mut Vec<f64>, i, room| task(sums, i, room))?;
    let mut total = vec![0.0; width];
    blocks.iter().for_each(|block| total.iter_mut().zip(block).for_each(|(to, v)| *to += v));
    Ok(total)
}

/// A new array, each row of which `task` writes in double precision; what it returns of each row comes too.
pub(crate) fn write_rows<T: Real, O: Send>(
    (rows, width): (usize, usize),
    task: impl Fn(usize, &mut [f64]) -> Result<O, DistillError> + Sync,
) -> Result<(Array2<T>, Vec<O>), DistillError> {
    let mut out = vec![T::narrow(0.0); rows * width];
    let size = rows_of_a_block(width);
    let block = |room: &mut Vec<f64>, (block, out): (usize, &mut [T])| {
        let mut found = Vec::with_capacity(size);
        for (r, out) in out.chunks_exact_mut(width).enumerate() {
            found.push(task(block * size + r, room)?);
            out.iter_mut().zip(&*room).for_each(|(to, v)| *to = T::narrow(*v));
        }
        Ok(found)
    };
    let blocks: Vec<Result<Vec<O>, DistillError>> =
        out.par_chunks_mut(size * width).enumerate().map_init(|| vec![0.0; width], block).collect();
    let mut found = Vec::with_capacity(rows);
    for block in blocks {
        found.extend(block?);
    }
    Ok((Array2::from_shape_vec((rows, width), out).expect("whole rows"), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_do_not_matter_and_the_first_error_is_named() {
        let x = Array2::from_shape_fn((9000, 100), |(i, k)| ((i * 31 + k * 17) % 1009) as f32 / 7.0);
        let sums = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                column_sums(9000, 100, |sums, i, room| {
                    read(&x.view(), i, room);
                    sums.iter_mut().zip(&*room).for_each(|(to, v)| *to += v.sqrt());
                    Ok(())
                })
            })
        };
        assert_eq!(sums(1).unwrap(), sums(3).unwrap());
        let bad = |row| DistillError::Label { row, label: 0, classes: 0 };
        for _ in 0..5 {
            let found = each_row(9000, 100, |i, _| if i % 1000 == 999 { Err(bad(i)) } else { Ok(i) });
            assert_eq!(found.unwrap_err(), bad(999));
        }
        assert_eq!(each_row(9000, 100, |i, _| Ok(i)).unwrap(), (0..9000).collect::<Vec<_>>());
    }

    #[test]
    fn written_rows_are_in_order() {
        let (array, found) = write_rows::<f32, usize>((5000, 60), |i, row| {
            row.fill(i as f64);
            Ok(i)
        })
        .unwrap();
        assert!(array.outer_iter().enumerate().all(|(i, row)| row.iter().all(|v| *v == i as f32)));
        assert_eq!(found, (0..5000).collect::<Vec<_>>());
    }
}
