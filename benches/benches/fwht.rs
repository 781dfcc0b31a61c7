//! The Walsh-Hadamard transform: `fwht:TYPE:LENGTH`, with the error of a round trip printed beside the time of floats.

mod setup;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tenfold_benches::inputs::gaussian;
use tenfold_core_tensor::ops::walsh_hadamard::walsh_hadamard;
use tenfold_core_tensor::seed::Seed;

fn fwht(c: &mut Criterion) {
    let mut group = c.benchmark_group("fwht");
    for n in [1 << 10, 1 << 14, 1 << 18] {
        let floats = gaussian(1, n, Seed::new(3)).into_raw_vec_and_offset().0;
        let words: Vec<u64> = floats.iter().map(|x| u64::from(x.to_bits())).collect();
        group.throughput(Throughput::Elements(n as u64));

        let mut twice = floats.clone();
        (0..2).for_each(|_| walsh_hadamard(&mut twice).expect("a power of two"));
        let error = twice.iter().zip(&floats).map(|(y, x)| (y / n as f32 - x).abs()).fold(0.0, f32::max);
        println!("fwht:f32:{n}: largest error of a round trip {error:.1e}");
        group.bench_function(format!("fwht:f32:{n}"), |b| {
            // Scaled back every time, so that repeated transforms stay finite.
            let (mut x, scale) = (floats.clone(), 1.0 / (n as f32).sqrt());
            b.iter(|| {
                walsh_hadamard(black_box(&mut x)).expect("a power of two");
                x.iter_mut().for_each(|x| *x *= scale);
            });
        });
        group.bench_function(format!("fwht:u64:{n}"), |b| {
            let mut x = words.clone();
            b.iter(|| walsh_hadamard(black_box(&mut x)).expect("a power of two"));
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = setup::config(); targets = fwht);
criterion_main!(benches);
