//! The graph index against exact search.

mod common;

use common::{clustered, uniform};
use ndarray::{Array2, s};
use tenfold_core_tensor::ops::nearest::{Metric, Neighbours};
use tenfold_core_tensor::seed::Seed;
use tenfold_resmem::index::{Exact, Hnsw, Index};
use tenfold_resmem::{HnswConfig, IndexKind, Memory, MemoryConfig, Storage, Targets};

fn hnsw(keys: &Array2<f32>, config: HnswConfig) -> Hnsw {
    Hnsw::new(keys.view(), Metric::Euclidean, Storage::F32, &config).unwrap()
}

fn exact(keys: &Array2<f32>, queries: &Array2<f32>, k: usize, metric: Metric) -> Neighbours {
    Exact::new(keys.view(), metric, Storage::F32).unwrap().search(queries.view(), k).unwrap()
}

#[test]
fn finds_nearly_all_neighbours() {
    let keys = uniform(2500, 16, 10_000, 1);
    let queries = uniform(200, 16, 10_000, 2);
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let mut index = Hnsw::new(keys.view(), metric, Storage::F32, &HnswConfig::default()).unwrap();
        let truth = exact(&keys, &queries, 10, metric);
        let found = index.search(queries.view(), 10).unwrap();
        assert!(found.recall(&truth) > 0.97, "recall {}", found.recall(&truth));
        // What was found carries the exact distance.
        for (q, (i, d)) in found.indices.outer_iter().zip(found.distances.outer_iter()).enumerate() {
            let mine: Vec<(u32, f32)> = i.iter().copied().zip(d.iter().copied()).collect();
            assert!(mine.is_sorted_by(|a, b| a.1 <= b.1));
            let known = truth.indices.row(q);
            for (i, d) in mine {
                let at = known.iter().position(|t| *t == i);
                assert!(at.is_none_or(|at| truth.distances[[q, at]] == d));
            }
        }
        index.set_ef(12).unwrap();
        let narrow = index.search(queries.view(), 10).unwrap().recall(&truth);
        index.set_ef(400).unwrap();
        let wide = index.search(queries.view(), 10).unwrap().recall(&truth);
        assert!(narrow < wide && wide > 0.995, "recall {narrow} to {wide}");
    }
}

#[test]
fn every_point_finds_itself_after_a_parallel_build() {
    for (keys, m) in [(uniform(2000, 8, 10_000, 3), 4), (clustered(2000, 8, 40, 4), 2), (uniform(2000, 3, 4, 5), 3)] {
        let config = HnswConfig::default().with_m(m).with_ef_construction(20).with_ef(8).with_parallel(true);
        let index = hnsw(&keys, config);
        let found = index.search(keys.view(), 1).unwrap();
        // Among equal keys any one counts as the point itself.
        assert!(found.distances.iter().all(|d| *d == 0.0));
    }
}

#[test]
fn the_same_seed_gives_the_same_graph() {
    let keys = clustered(1500, 6, 9, 6);
    let (a, b) = (HnswConfig::default().with_ef(10), HnswConfig::default().with_ef(10).with_seed(Seed::new(9)));
    let queries = uniform(300, 6, 1000, 7);
    let search = |config, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| hnsw(&keys, config).search(queries.view(), 10).unwrap())
    };
    assert_eq!(search(a, 1), search(a, 3));
    assert_ne!(search(a, 1), search(b, 1), "the seed has no effect");
}

#[test]
fn asks_beyond_ef_and_beyond_the_graph_are_answered() {
    let keys = clustered(1500, 5, 6, 8);
    let queries = uniform(20, 5, 1000, 9);
    let index = hnsw(&keys, HnswConfig::default().with_ef(16));
    for k in [17, 300, 1000, 1500] {
        let found = index.search(queries.view(), k).unwrap();
        let truth = exact(&keys, &queries, k, Metric::Euclidean);
        assert!(found.recall(&truth) > 0.9, "k = {k}");
        if k >= 400 {
            assert_eq!(found, truth, "a beam this wide looks at all keys");
        }
    }
    let error = index.search(queries.view(), 1501).unwrap_err().to_string();
    assert_eq!(error, "k = 1501: between 1 and the 1500 keys there are");
}

#[test]
fn equal_keys_come_by_ascending_row() {
    let mut keys = uniform(3000, 4, 10_000, 10);
    let same = keys.row(7).to_owned();
    (0..12).for_each(|i| keys.row_mut(100 + 200 * i).assign(&same));
    let index = hnsw(&keys, HnswConfig::default());
    let found = index.search(keys.slice(s![7..8, ..]), 20).unwrap();
    let equal: Vec<u32> =
        found.indices.iter().zip(&found.distances).filter(|(_, d)| **d == 0.0).map(|(i, _)| *i).collect();
    assert!(!equal.is_empty() && equal.is_sorted(), "{equal:?}");
}

#[test]
fn one_key_is_a_graph() {
    let keys = uniform(1, 3, 10, 11);
    assert_eq!(hnsw(&keys, HnswConfig::default()).search(keys.view(), 1).unwrap().indices[[0, 0]], 0);
}

#[test]
fn half_precision_changes_distances_by_its_rounding_alone() {
    let (keys, queries) = (uniform(500, 32, 100_000, 12), uniform(50, 32, 100_000, 13));
    let full = exact(&keys, &queries, 500, Metric::Euclidean);
    let half = Exact::new(keys.view(), Metric::Euclidean, Storage::F16).unwrap().search(queries.view(), 500).unwrap();
    for q in 0..50 {
        for (i, d) in half.indices.row(q).iter().zip(half.distances.row(q)) {
            let at = full.indices.row(q).iter().position(|t| t == i).unwrap();
            // |phi - round(phi)| <= 2^-11 |phi| coordinate by coordinate, plus the single-precision result's rounding.
            let norm = keys.row(*i as usize).dot(&keys.row(*i as usize)).sqrt();
            let bound = norm / 2048.0 + 4.0 * f32::EPSILON * d;
            assert!((d - full.distances[[q, at]]).abs() <= bound);
        }
    }
    let big = ndarray::array![[0.0_f32], [7e4]];
    let error = Exact::new(big.view(), Metric::Euclidean, Storage::F16).unwrap_err().to_string();
    assert_eq!(error, "keys: row 1, column 0 is 70000, must not exceed 65504 in size to be stored in half precision");
}

#[test]
fn half_precision_searches_across_its_blocks() {
    let keys = uniform(40_000, 2, 500, 14);
    let queries = uniform(9, 2, 500, 15);
    let rounded = keys.mapv(|v| half::f16::from_f32(v).to_f32());
    let half = Exact::new(keys.view(), Metric::Euclidean, Storage::F16).unwrap().search(queries.view(), 30).unwrap();
    assert_eq!(half.distances, exact(&rounded, &queries, 30, Metric::Euclidean).distances);
}

#[test]
fn a_memory_passes_ef_on() {
    let keys = uniform(2000, 12, 10_000, 16);
    let targets = Targets::classes((0..2000).map(|i| i % 2).collect::<Vec<_>>(), 2);
    let config = MemoryConfig::default().with_index(IndexKind::Hnsw(HnswConfig::default().with_ef(5)));
    let mut memory = Memory::from_arrays(keys.view(), Array2::zeros((2000, 2)), targets, config).unwrap();
    let queries = uniform(200, 12, 10_000, 17);
    let truth = exact(&keys, &queries, 5, Metric::Euclidean);
    let narrow = memory.search(queries.view(), 5, None).unwrap().recall(&truth);
    memory.set_ef(100).unwrap();
    let wide = memory.search(queries.view(), 5, None).unwrap().recall(&truth);
    assert!(narrow < wide, "{narrow} to {wide}");
    assert!(memory.set_ef(0).is_err());
    let IndexKind::Hnsw(config) = memory.config().index else { unreachable!() };
    assert_eq!(config.ef, 100);
}

#[test]
fn queries_whose_distances_single_precision_cannot_square_look_at_every_key() {
    let keys = uniform(2000, 4, 10_000, 18);
    let index = hnsw(&keys, HnswConfig::default().with_ef(20));
    let far = uniform(20, 4, 10_000, 19).mapv(|v| v * 1e25);
    assert_eq!(index.search(far.view(), 3).unwrap(), exact(&keys, &far, 3, Metric::Euclidean));
    // Two clusters, in one of which keys are 1e-25 apart.
    let mut close = keys.clone();
    for (i, mut row) in close.outer_iter_mut().enumerate().skip(1000) {
        row.fill(0.0);
        row[i % 4] = 1e-25 * (1.0 + i as f32);
    }
    let index = hnsw(&close, HnswConfig::default().with_ef(20));
    let queries = close.slice(s![1500..1520, ..]).to_owned();
    assert_eq!(index.search(queries.view(), 5).unwrap(), exact(&close, &queries, 5, Metric::Euclidean));
}

#[test]
fn keys_whose_distances_single_precision_cannot_square_have_no_graph() {
    let keys = uniform(300, 4, 10_000, 20);
    for size in [1e-22_f32, 1e20, 1e30] {
        let keys = keys.mapv(|v| v * size);
        let refused = Hnsw::new(keys.view(), Metric::Euclidean, Storage::F32, &HnswConfig::default()).unwrap_err();
        assert!(refused.to_string().contains("from end to end: a graph is for keys from 1e-15 to 1e19"), "{refused}");
        // The exact index holds them.
        let found = exact(&keys, &keys, 1, Metric::Euclidean);
        assert!(found.indices.iter().enumerate().all(|(q, i)| q == *i as usize), "{size}");
        assert!(Hnsw::new(keys.view(), Metric::Cosine, Storage::F32, &HnswConfig::default()).is_ok());
    }
}

#[test]
fn half_precision_orders_by_the_distance_and_not_by_its_rounding() {
    // Keys a hair apart, far from the query and in different blocks: rounded to single precision their distances are equal.
    let mut keys = Array2::<f32>::zeros((20_000, 2));
    keys[[3, 1]] = 0.001;
    keys.slice_mut(s![.., 0]).fill(1.0);
    keys.row_mut(19_000).assign(&ndarray::array![1.0, 0.0]);
    keys.slice_mut(s![..3, 0]).fill(9.0);
    keys.slice_mut(s![4..19_000, 0]).fill(9.0);
    keys.slice_mut(s![19_001.., 0]).fill(9.0);
    let queries = ndarray::array![[1000.0_f32, 0.0]].mapv(|v| -v);
    let half = Exact::new(keys.view(), Metric::Euclidean, Storage::F16).unwrap().search(queries.view(), 2).unwrap();
    assert_eq!(half.indices, ndarray::array![[19_000, 3]]);
}
