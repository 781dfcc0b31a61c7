//! Exact search at a few shapes: `exact:KEYSxWIDTH:kK`, for 1,000 queries.

mod setup;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tenfold_benches::inputs::gaussian;
use tenfold_core_tensor::ops::nearest::{ExactSearch, Metric};
use tenfold_core_tensor::seed::Seed;

const QUERIES: usize = 1_000;
const SHAPES: [(usize, usize, usize); 4] = [(10_000, 64, 1), (10_000, 64, 64), (50_000, 64, 64), (10_000, 784, 10)];

fn exact(c: &mut Criterion) {
    let mut group = c.benchmark_group("exact-search");
    group.throughput(Throughput::Elements(QUERIES as u64));
    for (n, width, k) in SHAPES {
        let keys = gaussian(n, width, Seed::new(1));
        let queries = gaussian(QUERIES, width, Seed::new(2));
        let search = ExactSearch::new(keys.view(), Metric::Euclidean).expect("finite keys");
        group.bench_function(format!("exact:{n}x{width}:k{k}"), |b| {
            b.iter(|| search.search(black_box(queries.view()), k))
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = setup::config(); targets = exact);
criterion_main!(benches);
