//! Exact search against a full sort.

use super::*;
use crate::seed::Seed;
use ndarray::{ShapeBuilder, array};
use proptest::prelude::*;
use rand::RngExt;

fn full_sort(keys: &Array2<f32>, queries: &Array2<f32>, k: usize) -> Array2<u32> {
    let mut out = Array2::zeros((queries.nrows(), k));
    for (q, query) in queries.outer_iter().enumerate() {
        let mut all: Vec<(f64, u32)> = keys
            .outer_iter()
            .enumerate()
            .map(|(i, key)| (squared_distance(query.as_slice().unwrap(), key.as_slice().unwrap()), i as u32))
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all[..k].iter().enumerate().for_each(|(slot, (_, i))| out[[q, slot]] = *i);
    }
    out
}

fn random(n: usize, e: usize, offset: f32, levels: i32, seed: u64) -> Array2<f32> {
    let mut rng = Seed::new(seed).rng();
    Array2::from_shape_simple_fn((n, e), || offset + rng.random_range(-levels..=levels) as f32 / levels as f32)
}

/// Rows whose sizes are powers of two between two exponents, some of them zero.
fn of_sizes(n: usize, e: usize, exponents: std::ops::RangeInclusive<i32>, seed: u64) -> Array2<f32> {
    let mut rng = Seed::new(seed).rng();
    let mut rows = random(n, e, 0.0, 1000, seed + 7);
    for mut row in rows.outer_iter_mut() {
        let size = 2_f64.powi(rng.random_range(exponents.clone()));
        row.mapv_inplace(|v| (f64::from(v) * size) as f32);
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sizes_that_single_precision_cannot_square_do_not_matter(
        n in 1_usize..400, m in 1_usize..100, e in 1_usize..40, k in 1_usize..9,
        lowest in -149_i32..=122, span in prop::sample::select(vec![0, 3, 30, 80, 270]), queries in -149_i32..=122,
        seed in 0_u64..1000
    ) {
        let k = k.min(n);
        let keys = of_sizes(n, e, lowest..=(lowest + span).min(122), seed);
        for queries in [of_sizes(m, e, queries..=queries, seed + 1), of_sizes(m, e, lowest..=lowest, seed + 2)] {
            let found = nearest(keys.view(), queries.view(), k, Metric::Euclidean).unwrap();
            prop_assert_eq!(&found.indices, &full_sort(&keys, &queries, k));
            prop_assert!(found.distances.iter().all(|d| d.is_finite()));
        }
    }

    // Few levels make ties, a large offset makes cancellation, sizes cross the block edges.
    #[test]
    fn equals_a_full_sort(
        n in 1_usize..2300, m in 1_usize..120, e in 1_usize..9, k in 1_usize..70,
        levels in prop::sample::select(vec![1, 3, 10_000]), offset in prop::sample::select(vec![0.0_f32, 3000.0]),
        seed in 0_u64..1000
    ) {
        let k = k.min(n);
        let (keys, queries) = (random(n, e, offset, levels, seed), random(m, e, offset, levels, seed + 1));
        let found = nearest(keys.view(), queries.view(), k, Metric::Euclidean).unwrap();
        prop_assert_eq!(&found.indices, &full_sort(&keys, &queries, k));
        prop_assert_eq!(found.recall(&found), 1.0);
    }

    #[test]
    fn cosine_ignores_lengths(seed in 0_u64..500) {
        let (keys, queries) = (random(200, 6, 0.0, 10_000, seed), random(5, 6, 0.0, 10_000, seed + 1));
        let mut longer = keys.clone();
        longer.outer_iter_mut().enumerate().for_each(|(i, mut r)| r *= 2_f32.powi(i as i32 % 5));
        let a = nearest(keys.view(), queries.view(), 10, Metric::Cosine).unwrap();
        let b = nearest(longer.view(), queries.view(), 10, Metric::Cosine).unwrap();
        prop_assert_eq!(&a, &b);
        let (q, x) = (queries.row(0), keys.row(a.indices[[0, 0]] as usize));
        let cosine = 1.0 - q.dot(&x) / (q.dot(&q) * x.dot(&x)).sqrt();
        prop_assert!((cosine - a.distances[[0, 0]]).abs() < 16.0 * f32::EPSILON);
    }
}

#[test]
fn strided_views_and_thread_counts_do_not_matter() {
    let (keys, queries) = (random(700, 12, 0.0, 100, 1), random(300, 12, 0.0, 100, 2));
    let run = |threads: usize, keys: ArrayView2<f32>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| nearest(keys, queries.view(), 9, Metric::Euclidean).unwrap())
    };
    let transposed = keys.t().as_standard_layout().into_owned();
    assert_eq!(run(1, keys.view()), run(3, transposed.t()));
}

#[test]
fn every_rule_is_named() {
    let keys = array![[0.0_f32, 1.0], [f32::NAN, 0.0]];
    let good = keys.slice(ndarray::s![..1, ..]);
    let text = |r: Result<Neighbours, OpsError>| r.unwrap_err().to_string();
    let e = Metric::Euclidean;
    assert_eq!(text(nearest(keys.view(), good, 1, e)), "keys: row 1, column 0 is NaN, must be finite");
    assert_eq!(text(nearest(good, good, 2, e)), "k = 2: between 1 and the 1 keys there are");
    assert_eq!(text(nearest(good, good, 0, e)), "k = 0: between 1 and the 1 keys there are");
    let wide = Array2::zeros((1, 3));
    assert_eq!(text(nearest(good, wide.view(), 1, e)), "keys and queries: [1, 2] against [1, 3]; widths must agree");
    // As many queries as no memory holds, in a view of one.
    let many = ArrayView2::from_shape((1 << 20, 2).strides((0, 1)), &[0.0_f32; 2]).unwrap();
    let error = check_search(5000, 2, many, 1025).unwrap_err().to_string();
    assert_eq!(error, "k = 1025: at most 1024 for 1048576 queries, for whose neighbours there is memory");
    let none = Array2::zeros((0, 2));
    assert!(text(nearest(none.view(), good, 1, e)).starts_with("number of keys = 0"));
    let zero = Array2::zeros((1, 2));
    assert!(text(nearest(good, zero.view(), 1, Metric::Cosine)).starts_with("queries: row 0 is all zeros"));
}

#[test]
fn keys_of_all_sizes_are_told_apart() {
    for size in [1e-42_f32, 1e-30, 1e-22, 1e-19, 1.0, 2.7e19, 1e25, 1e37] {
        let keys = array![[3.0_f32, 0.0], [1.0, 1.0], [-2.0, 5.0], [0.0, 1.0]].mapv(|v| v * size);
        let queries = array![[1.0_f32, 0.75], [-2.0, 4.0]].mapv(|v| v * size);
        for (k, indices) in [(1, vec![1, 2]), (3, vec![1, 3, 0, 2, 3, 1])] {
            let found = nearest(keys.view(), queries.view(), k, Metric::Euclidean).unwrap();
            assert_eq!(found.indices.iter().copied().collect::<Vec<_>>(), indices, "{size}, {k}");
            let close = (f64::from(found.distances[[1, 0]]) / f64::from(size) - 1.0).abs();
            // Below 1.2e-38 single precision has fewer digits.
            assert!(close < if size < 1e-38 { 1e-2 } else { 1e-6 }, "{size}: {}", found.distances[[1, 0]]);
        }
    }
}

#[test]
fn one_huge_key_leaves_the_others_apart() {
    let mut keys = random(30_000, 3, 0.0, 10_000, 4);
    for huge in [1e12_f32, 1e37] {
        keys.row_mut(17).fill(huge);
        let queries = random(3, 3, 0.0, 10_000, 5);
        let found = nearest(keys.view(), queries.view(), 3, Metric::Euclidean).unwrap();
        assert_eq!(found.indices, full_sort(&keys, &queries, 3), "{huge}");
    }
}

#[test]
fn a_distance_that_single_precision_does_not_hold_is_an_error() {
    let (keys, queries) = (array![[0.0_f32], [3e38]], array![[-3e38_f32]]);
    assert_eq!(nearest(keys.view(), queries.view(), 1, Metric::Euclidean).unwrap().distances, array![[3e38]]);
    let error = nearest(keys.view(), queries.view(), 2, Metric::Euclidean).unwrap_err().to_string();
    assert!(
        error.starts_with("queries: row 0 is farther than 3.4e38 from its neighbour, row 1 of the keys"),
        "{error}"
    );
}

#[test]
fn a_search_with_keys_of_its_own_is_the_same() {
    let (keys, queries) = (random(50, 4, 0.0, 100, 8), random(5, 4, 0.0, 100, 9));
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let search = ExactSearch::new(keys.view(), metric).unwrap();
        let owned = search.clone().into_owned();
        assert_eq!(search.search(queries.view(), 7).unwrap(), owned.search(queries.view(), 7).unwrap());
        assert_eq!(owned.keys().dim(), (50, 4));
    }
}
