//! Graph search on the embedded images, `hnsw:10000x784:efEF`, with the recall of each beam printed beside its time.

mod setup;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::s;
use std::hint::black_box;
use tenfold_core_tensor::ops::nearest::{Metric, nearest};
use tenfold_data::{Standardiser, embedded};
use tenfold_resmem::index::{Hnsw, Index};
use tenfold_resmem::{HnswConfig, Storage};

const QUERIES: usize = 500;
const K: usize = 10;

fn hnsw(c: &mut Criterion) {
    let data = embedded::fashion_mnist_slice().expect("embedded data");
    let unit = Standardiser::unit(1);
    let keys = data.train.to_matrix(&unit).expect("one channel");
    let queries = data.test.to_matrix(&unit).expect("one channel").slice_move(s![..QUERIES, ..]);
    let truth = nearest(keys.view(), queries.view(), K, Metric::Euclidean).expect("finite keys");
    let config = HnswConfig::default().with_ef_construction(100);
    let mut index = Hnsw::new(keys.view(), Metric::Euclidean, Storage::F32, &config).expect("finite keys");

    let (n, width) = keys.dim();
    let mut group = c.benchmark_group("hnsw-search");
    group.throughput(Throughput::Elements(QUERIES as u64));
    for ef in [16, 64, 256] {
        index.set_ef(ef).expect("a valid width");
        let id = format!("hnsw:{n}x{width}:ef{ef}");
        let recall = index.search(queries.view(), K).expect("finite queries").recall(&truth);
        println!("{id}: recall {recall:.4}");
        group.bench_function(id, |b| b.iter(|| index.search(black_box(queries.view()), K)));
    }
    group.finish();
}

criterion_group!(name = benches; config = setup::config(); targets = hnsw);
criterion_main!(benches);
