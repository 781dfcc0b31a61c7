//! Sums whose terms do not wait for one another.

/// Sums that run beside one another, so that the compiler can use vectors and no addition waits for the one before it.
const LANES: usize = 8;

/// K sums over `0..len`, in an order that depends on the length alone.
#[inline(always)]
pub(crate) fn sums<const K: usize>(len: usize, of: impl Fn(usize) -> [f64; K]) -> [f64; K] {
    let mut lanes = [[0.0; K]; LANES];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for (i, lane) in (start..).zip(&mut lanes) {
            add(lane, of(i));
        }
    }
    for (i, lane) in (whole..len).zip(&mut lanes) {
        add(lane, of(i));
    }
    let mut total = [0.0; K];
    lanes.into_iter().for_each(|lane| add(&mut total, lane));
    total
}

#[inline(always)]
fn add<const K: usize>(to: &mut [f64; K], values: [f64; K]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}

/// The sum of a row.
pub(crate) fn sum(row: &[f64]) -> f64 {
    sums(row.len(), |i| [row[i]])[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_counts_once() {
        for len in 0..40 {
            let found = sums(len, |i| [i as f64, 1.0]);
            assert_eq!(found, [(0..len).sum::<usize>() as f64, len as f64]);
        }
        assert_eq!(sum(&[0.5; 11]), 5.5);
    }
}
