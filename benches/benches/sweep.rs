//! A sweep over all parameters of a residual memory on embedded images: `sweep:METHOD:VALIDATIONxPOINTS`, with the
//! accuracy of the best point printed beside its time.

mod setup;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{Array2, s};
use std::hint::black_box;
use tenfold_data::{Standardiser, embedded};
use tenfold_resmem::{Grid, Memory, MemoryConfig, Method, Targets};

const KEYS: usize = 4_000;
const VALIDATION: usize = 1_000;

fn sweep(c: &mut Criterion) {
    let data = embedded::fashion_mnist_slice().expect("embedded data");
    let (pixels, classes) =
        (data.train.to_matrix(&Standardiser::unit(1)).expect("one channel"), data.train.n_classes());
    // A base model that knows nothing but the mean brightness: what a sweep costs does not depend on how good it is.
    let base = Array2::from_shape_fn((pixels.nrows(), classes), |(i, c)| {
        pixels.row(i).mean().unwrap_or(0.0) * (c as f32 - classes as f32 / 2.0)
    });
    let part = |from: usize, to: usize| {
        let rows = s![from..to, ..];
        let targets = Targets::classes(&data.train.labels()[from..to], classes);
        (pixels.slice(rows), base.slice(rows).to_owned(), targets)
    };
    let (keys, key_base, targets) = part(0, KEYS);
    let (queries, query_base, query_targets) = part(KEYS, KEYS + VALIDATION);
    let memory = Memory::from_arrays(keys, key_base, targets, MemoryConfig::default()).expect("good arrays");
    let grid = Grid::default();
    let found = memory.search(queries, 128, None).expect("good queries");

    let mut group = c.benchmark_group("resmem-sweep");
    for (name, method) in [("resmem", Method::Resmem), ("knn", Method::Knn), ("mixture", Method::Mixture)] {
        let run = || memory.sweep(black_box(&found), &query_base, &query_targets, method, &grid).expect("a good grid");
        let done = run();
        let id = format!("sweep:{name}:{VALIDATION}x{}", done.points.len());
        println!("{id}: best accuracy {:.4}, base model {:.4}", done.best.score, done.base);
        group.bench_function(id, |b| b.iter(run));
    }
    group.finish();
}

criterion_group!(name = benches; config = setup::config(); targets = sweep);
criterion_main!(benches);
