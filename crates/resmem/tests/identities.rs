//! What must hold of every memory (spec section 2, "Properties to unit-test").

mod common;

use common::{labels, uniform};
use ndarray::Array2;
use proptest::prelude::*;
use tenfold_core_tensor::ops::nearest::Metric;
use tenfold_core_tensor::seed::Seed;
use tenfold_resmem::{
    Grid, HnswConfig, IndexKind, Kernel, Memory, MemoryConfig, Method, Params, Projection, Ridge, Sigma, Storage,
    Targets,
};

const CLASSES: usize = 4;

/// A sum of `terms` numbers around one, each of them rounded, is off by no more than this.
fn tolerance(terms: usize) -> f64 {
    4.0 * terms as f64 * f64::EPSILON
}

/// A memory of `n` rows, with queries and their base outputs.
struct Case {
    memory: Memory,
    keys: Array2<f32>,
    base: Array2<f32>,
    labels: Vec<usize>,
    queries: Array2<f32>,
    query_base: Array2<f32>,
}

fn case(n: usize, levels: i32, seed: u64, config: MemoryConfig) -> Case {
    let keys = uniform(n, 3, levels, seed);
    let base = uniform(n, CLASSES, 1000, seed + 1).mapv(|v| 6.0 * v);
    // Two classes at least.
    let mut labels = labels(n, CLASSES, seed + 2);
    (labels[0], labels[1]) = (0, 1);
    let memory =
        Memory::from_arrays(keys.view(), base.clone(), Targets::classes(labels.clone(), CLASSES), config).unwrap();
    let (queries, query_base) = (uniform(7, 3, levels, seed + 3), uniform(7, CLASSES, 1000, seed + 4));
    Case { memory, keys, base, labels, queries, query_base }
}

fn any_params(n: usize) -> impl Strategy<Value = Params> {
    let kernel = prop::sample::select(vec![Kernel::Exponential, Kernel::Gaussian]);
    (1..=n, 0.01..5.0_f64, 0.2..5.0_f64, kernel).prop_map(|(k, sigma, temperature, kernel)| Params {
        k,
        sigma: Sigma::Relative(sigma),
        temperature,
        kernel,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scores_sum_to_one_and_project_to_probabilities(params in any_params(30), seed in 0_u64..500) {
        let c = case(30, 10_000, seed, MemoryConfig::default());
        let prediction = c.memory.predict(&c.queries, &c.query_base, &params).unwrap();
        for row in prediction.scores.outer_iter() {
            prop_assert!((row.sum() - 1.0).abs() < tolerance(CLASSES * params.k));
        }
        for projection in [Projection::Simplex, Projection::ClipRenormalise] {
            let p = prediction.probabilities(projection).unwrap();
            prop_assert!(p.iter().all(|p| (0.0..=1.0 + tolerance(CLASSES)).contains(p)));
            prop_assert!(p.outer_iter().all(|row| (row.sum() - 1.0).abs() < tolerance(CLASSES)));
            // Among distinct scores the winner stays the winner.
            let winners = prediction.classes().unwrap();
            for (row, winner) in p.outer_iter().zip(winners) {
                prop_assert!(row.iter().all(|v| *v <= row[winner]));
            }
        }
    }

    #[test]
    fn one_neighbour_interpolates(seed in 0_u64..500, temperature in 0.2..5.0_f64, f16 in any::<bool>()) {
        let storage = if f16 { Storage::F16 } else { Storage::F32 };
        let mut c = case(40, 10_000, seed, MemoryConfig::default().with_storage(storage));
        c.keys = c.memory.keys();
        prop_assume!(c.memory.notes().duplicate_keys == 0);
        let params = Params::default().with_k(1).with_temperature(temperature);
        let prediction = c.memory.predict(&c.keys, &c.base, &params).unwrap();
        prop_assert_eq!(prediction.classes().unwrap(), c.labels.clone());
        for (row, label) in prediction.scores.outer_iter().zip(&c.labels) {
            for (class, score) in row.iter().enumerate() {
                prop_assert!((score - f64::from(u8::from(class == *label))).abs() < tolerance(1));
            }
        }
        // A kernel that is narrow enough does the same with every neighbour in reach.
        let narrow = params.with_k(40).with_sigma(Sigma::Absolute(1e-9));
        prop_assert_eq!(c.memory.predict(&c.keys, &c.base, &narrow).unwrap().classes().unwrap(), c.labels);
    }

    #[test]
    fn a_high_temperature_ranks_like_knn(params in any_params(30), seed in 0_u64..500) {
        let c = case(30, 10_000, seed, MemoryConfig::default());
        let found = c.memory.search(c.queries.view(), params.k, None).unwrap();
        let hot = c.memory.predict_from(&found, &c.query_base, &params.with_temperature(1e12)).unwrap();
        let knn = c.memory.predict_knn(&found, &params).unwrap();
        // Softmax of logits within 6 at T = 1e12 is uniform to 12 / 1e12.
        let uniform = 24e-12 + tolerance(params.k);
        prop_assert!(hot.scores.iter().zip(&knn.scores).all(|(f, knn)| (f - knn).abs() < uniform));
    }

    #[test]
    fn a_wide_kernel_over_all_rows_adds_the_mean_residual(seed in 0_u64..500, temperature in 0.2..5.0_f64) {
        let c = case(30, 10_000, seed, MemoryConfig::default());
        let params = Params::default().with_k(30).with_sigma(Sigma::Absolute(1e14)).with_temperature(temperature);
        let prediction = c.memory.predict(&c.queries, &c.query_base, &params).unwrap();
        let mean = c.memory.residuals(temperature).unwrap().mean_axis(ndarray::Axis(0)).unwrap();
        let base = c.memory.predict_base(&c.query_base, temperature).unwrap();
        // Distances within 4: weights differ from one by no more than 4e-14.
        let flat = 8e-14 + tolerance(30);
        for (f, p) in prediction.scores.outer_iter().zip(base.scores.outer_iter()) {
            prop_assert!((0..CLASSES).all(|k| (f[k] - p[k] - mean[k]).abs() < flat));
        }
    }

    #[test]
    fn residuals_sum_to_zero(seed in 0_u64..500, temperature in 0.2..5.0_f64) {
        let c = case(30, 10_000, seed, MemoryConfig::default().with_top_m(2));
        let residuals = c.memory.residuals(temperature).unwrap();
        prop_assert!(residuals.outer_iter().all(|r| r.sum().abs() < tolerance(CLASSES)));
    }

    #[test]
    fn an_interpolating_base_is_left_alone(seed in 0_u64..500, params in any_params(30)) {
        let c = case(30, 10_000, seed, MemoryConfig::default());
        // exp(-800) is below the smallest double: the base model's softmax at T = 1 is exactly one-hot.
        let sure = |labels: &[usize]| {
            Array2::from_shape_fn((labels.len(), CLASSES), |(i, class)| if class == labels[i] { 800.0 } else { 0.0 })
        };
        let targets = Targets::classes(c.labels.clone(), CLASSES);
        let memory = Memory::from_arrays(c.keys.view(), sure(&c.labels), targets, MemoryConfig::default()).unwrap();
        let with = memory.predict(&c.queries, &c.query_base, &params.with_temperature(1.0)).unwrap();
        let without = memory.predict_base(&c.query_base, 1.0).unwrap();
        prop_assert!(with.scores.iter().zip(&without.scores).all(|(a, b)| (a - b).abs() < tolerance(params.k)));
    }

    #[test]
    fn an_explanation_adds_up(params in any_params(30), seed in 0_u64..500) {
        let c = case(30, 10_000, seed, MemoryConfig::default());
        let prediction = c.memory.predict(&c.queries, &c.query_base, &params).unwrap();
        let why = c.memory.explain(c.queries.row(2), c.query_base.row(2), &params).unwrap();
        prop_assert_eq!(&why.score, &prediction.scores.row(2).to_vec());
        let weights: f64 = why.neighbours.iter().map(|n| n.weight).sum();
        prop_assert!((weights - 1.0).abs() < tolerance(params.k));
        for class in 0..CLASSES {
            let residual: f64 = why.neighbours.iter().map(|n| n.weight * n.residual[class]).sum();
            prop_assert!((why.correction[class] - residual).abs() < tolerance(params.k));
            let identity = why.knn[class] + (why.base[class] - why.average_base[class]);
            prop_assert!((why.score[class] - identity).abs() < tolerance(params.k));
        }
    }

    #[test]
    fn a_sweep_scores_what_prediction_predicts(seed in 0_u64..200, relative in any::<bool>()) {
        // Few levels make ties of distances and of scores.
        let c = case(50, 3, seed, MemoryConfig::default());
        let sigma = if relative { vec![Sigma::Relative(0.5), Sigma::Relative(2.0)] } else { vec![Sigma::Absolute(0.3)] };
        let grid = Grid { k: vec![1, 3, 10], sigma, temperature: vec![0.7, 2.0], lambda: vec![0.2, 0.5], ..Grid::default() };
        let found = c.memory.search(c.queries.view(), 20, None).unwrap();
        let truth = labels(7, CLASSES, seed + 9);
        let targets = Targets::classes(truth.clone(), CLASSES);
        for method in [Method::Resmem, Method::Knn, Method::Mixture] {
            let sweep = c.memory.sweep(&found, &c.query_base, &targets, method, &grid).unwrap();
            for point in &sweep.points {
                let prediction = match method {
                    Method::Resmem => c.memory.predict_from(&found, &c.query_base, &point.params),
                    Method::Knn => c.memory.predict_knn(&found, &point.params),
                    Method::Mixture => {
                        c.memory.predict_mixture(&found, &c.query_base, &point.params, point.lambda.unwrap())
                    }
                };
                let classes = prediction.unwrap().classes().unwrap();
                let right = classes.iter().zip(&truth).filter(|(a, b)| a == b).count();
                prop_assert_eq!(point.score, right as f64 / 7.0);
                prop_assert_eq!(point.sigma, c.memory.sigma(&point.params));
            }
            let first_best = sweep.points.iter().fold(sweep.points[0], |best, p| if p.score > best.score { *p } else { best });
            prop_assert_eq!(sweep.best, first_best);
        }
    }

    #[test]
    fn regression_adds_residuals(seed in 0_u64..200, k in 1_usize..30) {
        let (keys, base, values) = (uniform(30, 3, 1000, seed), uniform(30, 2, 1000, seed + 1), uniform(30, 2, 1000, seed + 2));
        let memory =
            Memory::from_arrays(keys.view(), base.clone(), Targets::Values(values.clone()), MemoryConfig::default()).unwrap();
        let params = Params::default().with_k(1);
        let own = memory.predict(&keys, &base, &params).unwrap();
        prop_assume!(memory.notes().duplicate_keys == 0);
        prop_assert!(own.scores.iter().zip(&values).all(|(f, y)| (f - f64::from(*y)).abs() < tolerance(2)));
        prop_assert!(own.classes().is_err() && own.probabilities(Projection::Simplex).is_err());
        // Shifting the base model and the targets shifts the prediction.
        let targets = Targets::Values(values.mapv(|v| v + 2.0));
        let shifted = Memory::from_arrays(keys.view(), base.mapv(|v| v + 2.0), targets, MemoryConfig::default()).unwrap();
        let (queries, out) = (uniform(5, 3, 1000, seed + 3), uniform(5, 2, 1000, seed + 4));
        let params = params.with_k(k);
        let a = memory.predict(&queries, &out, &params).unwrap().scores;
        let b = shifted.predict(&queries, &out, &params).unwrap().scores;
        // The shift itself is rounded to single precision.
        prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 8.0 * f64::from(f32::EPSILON)));
        let grid = Grid { k: vec![k], sigma: vec![params.sigma], temperature: vec![1.0], ..Grid::default() };
        let found = memory.search(queries.view(), k, None).unwrap();
        let truth = Targets::Values(uniform(5, 2, 1000, seed + 5));
        let sweep = memory.sweep(&found, &out, &truth, Method::Resmem, &grid).unwrap();
        let Targets::Values(truth) = truth else { unreachable!() };
        let error = (&a - &truth.mapv(f64::from)).mapv(|d| d * d).mean().unwrap();
        prop_assert!((sweep.best.score - error).abs() < tolerance(10) * 10.0);
    }

    #[test]
    fn adding_and_removing_equal_building(seed in 0_u64..100, cut in 5_usize..25, hnsw in any::<bool>()) {
        let graph = IndexKind::Hnsw(HnswConfig::default().with_m(4).with_ef(3).with_ef_construction(12));
        let config = MemoryConfig::default().with_index(if hnsw { graph } else { IndexKind::Exact });
        let whole = case(30, 10_000, seed, config);
        let targets = |rows: &[usize]| Targets::classes(rows.iter().map(|&r| whole.labels[r]).collect::<Vec<_>>(), CLASSES);
        let select = |a: &Array2<f32>, rows: &[usize]| a.select(ndarray::Axis(0), rows);
        let (head, tail): (Vec<usize>, Vec<usize>) = (0..30).partition(|row| *row < cut);
        let part = |rows: &[usize]| {
            Memory::from_arrays(select(&whole.keys, rows).view(), select(&whole.base, rows), targets(rows), config).unwrap()
        };
        let mut grown = part(&head);
        grown.add(select(&whole.keys, &tail).view(), select(&whole.base, &tail), &targets(&tail)).unwrap();
        let params = Params::default().with_k(3);
        let predict = |m: &Memory| m.predict(&whole.queries, &whole.query_base, &params).unwrap();
        prop_assert_eq!(predict(&grown), predict(&whole.memory));
        grown.remove(&tail).unwrap();
        prop_assert_eq!(predict(&grown), predict(&part(&head)));
    }

    #[test]
    fn training_rows_are_predicted_without_themselves(seed in 0_u64..100, k in 1_usize..8) {
        // Few levels: many equal keys.
        let c = case(25, 2, seed, MemoryConfig::default());
        let params = Params::default().with_k(k);
        let all = c.memory.predict_training(&params).unwrap();
        let loo = c.memory.leave_one_out_residuals(&params).unwrap();
        for row in [0, 13, 24] {
            let mut others = c.memory.clone();
            others.remove(&[row]).unwrap();
            let sigma = params.with_sigma(Sigma::Absolute(c.memory.sigma(&params)));
            let alone = others
                .predict(&c.keys.slice(ndarray::s![row..=row, ..]).to_owned(), &c.base.slice(ndarray::s![row..=row, ..]).to_owned(), &sigma)
                .unwrap();
            prop_assert!(alone.scores.row(0).iter().zip(all.scores.row(row)).all(|(a, b)| (a - b).abs() < tolerance(k)));
            for class in 0..CLASSES {
                let one_hot = f64::from(u8::from(class == c.labels[row]));
                prop_assert!((loo[[row, class]] - one_hot + all.scores[[row, class]]).abs() < tolerance(1));
            }
        }
    }
}

#[test]
fn threads_do_not_matter() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let c = case(300, 50, 1, MemoryConfig::default().with_metric(Metric::Euclidean));
            let found = c.memory.search(c.keys.view(), 40, None).unwrap();
            let grid = Grid { k: vec![1, 40], ..Grid::default() };
            c.memory.sweep(&found, &c.base, c.memory.targets(), Method::Resmem, &grid).unwrap()
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_shuffled_memory_keeps_residuals_and_keys_but_not_their_ties() {
    let c = case(60, 10_000, 5, MemoryConfig::default());
    let shuffled = c.memory.shuffled(Seed::new(1));
    assert_eq!(shuffled.keys(), c.memory.keys());
    let sorted = |m: &Memory| {
        let mut rows: Vec<Vec<u64>> =
            m.residuals(1.0).unwrap().outer_iter().map(|r| r.iter().map(|v| v.to_bits()).collect()).collect();
        let unsorted = rows.clone();
        rows.sort();
        (rows, unsorted)
    };
    let (a, b) = (sorted(&c.memory), sorted(&shuffled));
    assert_eq!(a.0, b.0);
    assert_ne!(a.1, b.1);
    assert_eq!(sorted(&c.memory.shuffled(Seed::new(1))).1, b.1);
}

#[test]
fn ridge_of_a_huge_penalty_adds_the_mean_residual() {
    let c = case(60, 10_000, 6, MemoryConfig::default());
    let ridge = Ridge::fit(&c.memory, 1e12, 1.0).unwrap().predict(&c.queries, &c.query_base).unwrap();
    let mean = c.memory.residuals(1.0).unwrap().mean_axis(ndarray::Axis(0)).unwrap();
    let expected = c.memory.predict_base(&c.query_base, 1.0).unwrap().scores + &mean;
    assert!(ridge.scores.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-11));
    assert!(Ridge::fit(&c.memory, 0.0, 1.0).is_err());
}

#[test]
fn conflicting_duplicates_are_counted_and_break_ties_by_row() {
    let keys = ndarray::array![[1.0_f32, 0.0], [1.0, -0.0], [1.0, 0.0], [2.0, 2.0]];
    let targets = Targets::classes([2, 2, 0, 1], 4);
    let memory = Memory::from_arrays(keys.view(), Array2::zeros((4, 4)), targets, MemoryConfig::default()).unwrap();
    let notes = memory.notes();
    assert_eq!((notes.duplicate_keys, notes.conflicting_duplicates), (2, 1));
    assert_eq!(notes.empty_classes, [3]);
    let why =
        memory.explain(keys.row(2), ndarray::array![0.0, 0.0, 0.0, 0.0].view(), &Params::default().with_k(3)).unwrap();
    assert_eq!(why.neighbours.iter().map(|n| n.row).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn the_scale_is_the_median_distance_to_the_nearest_key_that_differs() {
    let scale = |keys: &[f32], config: MemoryConfig| {
        let n = keys.len();
        let keys = Array2::from_shape_vec((n, 1), keys.to_vec()).unwrap();
        let targets = Targets::classes((0..n).map(|i| i % 2).collect::<Vec<_>>(), 2);
        Memory::from_arrays(keys.view(), Array2::zeros((n, 2)), targets, config).unwrap().distance_scale()
    };
    let plain = MemoryConfig::default();
    for config in [plain, plain.with_index(IndexKind::Hnsw(HnswConfig::default()))] {
        // Distances 1, 1, 1, 3, 5.
        assert_eq!(scale(&[0.0, 1.0, 1.0, 4.0, 9.0], config), 1.0);
        // A twin of every key, or many, changes nothing; of one key they count as often as it is there.
        let distinct = [0.0, 8.0, 40.0, 96.0];
        assert_eq!(scale(&distinct, config), 20.0);
        for times in [2, 3, 250] {
            assert_eq!(scale(&distinct.repeat(times), config), 20.0, "{times} times");
        }
        // Nothing differs: whatever the width, all weights are one.
        assert_eq!(scale(&[5.0; 40], config), 1.0);
    }
    let one = Memory::from_arrays(
        ndarray::array![[7.0_f32]].view(),
        Array2::zeros((1, 2)),
        Targets::classes([1], 2),
        MemoryConfig::default(),
    );
    assert_eq!(one.unwrap().distance_scale(), 1.0);
}

#[test]
fn bad_input_is_named() {
    let keys = uniform(4, 2, 100, 1);
    let base = Array2::<f32>::zeros((4, 2));
    let good = || Targets::classes([0, 1, 0, 1], 2);
    let build = |keys: &Array2<f32>, base: &Array2<f32>, targets, config| {
        Memory::from_arrays(keys.view(), base.clone(), targets, config)
    };
    let plain = MemoryConfig::default();
    let text = |r: Result<Memory, tenfold_resmem::ResmemError>| r.unwrap_err().to_string();
    let none = Array2::zeros((0, 2));
    assert_eq!(text(build(&none, &none, Targets::classes([], 2), plain)), "number of keys = 0: must be at least 1");
    let narrow = Array2::zeros((4, 0));
    assert_eq!(text(build(&narrow, &base, good(), plain)), "width of keys = 0: must be at least 1");
    let short = Array2::zeros((3, 2));
    assert_eq!(
        text(build(&keys, &short, good(), plain)),
        "keys and base outputs: [4, 2] against [3, 2]; numbers of rows must agree"
    );
    assert!(text(build(&keys, &base, Targets::classes([0, 1], 2), plain)).starts_with("keys and targets: [4, 2]"));
    let wide = Array2::zeros((4, 3));
    assert!(text(build(&keys, &wide, good(), plain)).ends_with("one output a class, or a value"));
    let mut nan = keys.clone();
    nan[[2, 1]] = f32::NAN;
    assert_eq!(text(build(&nan, &base, good(), plain)), "keys: row 2, column 1 is NaN, must be finite");
    assert_eq!(
        text(build(&keys, &base.mapv(|_| f32::INFINITY), good(), plain)),
        "base outputs: row 0, column 0 is inf, must be finite"
    );
    assert_eq!(
        text(build(&keys, &base, Targets::classes([1, 1, 1, 1], 2), plain)),
        "labels = 1: all 4 rows have this label; a classifier's memory needs two"
    );
    assert_eq!(
        text(build(&keys, &base, Targets::classes([0, 1, 2, 0], 2), plain)),
        "labels: row 2 is 2, must be below the 2 classes"
    );
    let mut zero = keys.clone();
    zero.row_mut(3).fill(0.0);
    assert!(
        text(build(&zero, &base, good(), plain.with_metric(Metric::Cosine))).starts_with("keys: row 3 is all zeros")
    );
    assert_eq!(
        text(build(&keys, &base, Targets::Values(base.clone()), plain.with_top_m(1))),
        "top_m needs classification; this is regression"
    );

    let mut memory = build(&keys, &base, good(), plain).unwrap();
    let params = Params::default().with_k(2);
    let predict = |keys: &Array2<f32>, base: &Array2<f32>, params: &Params| {
        memory.predict(keys, base, params).unwrap_err().to_string()
    };
    assert_eq!(predict(&keys, &base, &params.with_k(5)), "k = 5: must be between 1 and the 4 neighbours there are");
    assert!(predict(&keys, &base, &params.with_temperature(0.0)).starts_with("temperature = 0"));
    assert!(predict(&keys, &short, &params).starts_with("keys and base outputs: [4, 2] against [3, 2]"));
    assert!(predict(&keys, &wide, &params).starts_with("queries and their base outputs: [4, 2] against [4, 3]"));
    assert_eq!(predict(&nan, &base, &params), "queries: row 2, column 1 is NaN, must be finite");
    assert!(predict(&keys, &base.mapv(|_| f32::NAN), &params).starts_with("base outputs of the queries: row 0"));
    let own = |rows: &[usize], k| memory.search(keys.view(), k, Some(rows)).unwrap_err().to_string();
    assert_eq!(own(&[0, 1, 2, 9], 1), "exclude_self = 9: must be below 4 rows");
    assert_eq!(own(&[0, 1, 2, 3], 4), "k = 4: must be between 1 and the 3 neighbours there are");
    assert!(own(&[0, 1], 1).starts_with("queries and exclude_self: [4, 2] against [2]"));
    assert_eq!(memory.remove(&[4]).unwrap_err().to_string(), "row to remove = 4: must be below 4 rows");
    assert_eq!(
        memory.remove(&[0, 1, 2, 3]).unwrap_err().to_string(),
        "rows to remove = 4: must leave at least one row"
    );
    assert!(memory.add(wide.view(), base.clone(), &good()).unwrap_err().to_string().contains("widths must agree"));
    assert!(memory.add(keys.view(), wide.clone(), &good()).is_err());
    assert!(memory.add(keys.view(), base.clone(), &Targets::classes([0, 0, 0, 2], 3)).is_err());
    assert_eq!(memory.len(), 4);
    assert_eq!(memory.set_ef(9).unwrap_err().to_string(), "ef = 9: only an HNSW index has candidates to keep");
    let none = Memory::from_model(Vec::<()>::new(), |()| (keys.clone(), base.clone()), good(), plain);
    assert_eq!(none.unwrap_err().to_string(), "number of batches = 0: must be at least 1");
}

/// Every public type can be shared between threads.
#[test]
fn types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Memory>();
    check::<tenfold_resmem::ResmemError>();
    check::<tenfold_resmem::index::Hnsw>();
    check::<tenfold_resmem::Sweep>();
}
