use super::*;
use crate::testing::{check_gradient, double, numbers};
use proptest::prelude::*;

/// The output in double precision.
fn reference(a: &Attention, q: &[f64], k: &[f64], v: &[f64]) -> Vec<f64> {
    let mut o = vec![0.0; a.heads * a.queries * a.values];
    for h in 0..a.heads {
        for i in 0..a.queries {
            let seen = if a.causal { a.keys.min(i + 1) } else { a.keys };
            let q = &q[(h * a.queries + i) * a.width..][..a.width];
            let score = |j: usize| -> f64 {
                let k = &k[(h * a.keys + j) * a.width..][..a.width];
                f64::from(a.scale) * q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>()
            };
            let weights: Vec<f64> = (0..seen).map(|j| score(j).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (j, w) in weights.iter().enumerate() {
                for e in 0..a.values {
                    o[(h * a.queries + i) * a.values + e] += w / total * v[(h * a.keys + j) * a.values + e];
                }
            }
        }
    }
    o
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 40 }))]

    #[test]
    fn values_and_gradients_are_those_of_the_definition(
        heads in 0_usize..3, queries in 0_usize..9, keys in 1_usize..9, width in 1_usize..6, values in 1_usize..6,
        causal: bool, seed in 0.0..6.0,
    ) {
        let shapes = ([heads, queries, width], [heads, keys, width], [heads, keys, values]);
        let a = Attention::new(shapes.0, shapes.1, shapes.2, 0.6, causal).unwrap();
        let of = |s: [usize; 3], seed| numbers(s.iter().product(), seed);
        let (q, k, v) = (of(shapes.0, seed), of(shapes.1, seed + 1.0), of(shapes.2, seed + 2.0));
        let d_o = of(a.output_shape(), seed + 3.0);
        let (mut o, mut lse) = (vec![f32::NAN; d_o.len()], vec![f32::NAN; heads * queries]);
        a.forward(&q, &k, &v, &mut o, &mut lse);
        let [q64, k64, v64] = [double(&q), double(&k), double(&v)];
        for (o, want) in o.iter().zip(reference(&a, &q64, &k64, &v64)) {
            prop_assert!((f64::from(*o) - want).abs() < 1e-5, "{o} != {want}");
        }
        let (mut dq, mut dk, mut dv) = (vec![f32::NAN; q.len()], vec![f32::NAN; k.len()], vec![f32::NAN; v.len()]);
        a.backward([&q, &k, &v], &o, &lse, &d_o, Gradients { q: &mut dq, k: &mut dk, v: &mut dv });
        let loss = |q: &[f64], k: &[f64], v: &[f64]| -> f64 {
            reference(&a, q, k, v).iter().zip(&d_o).map(|(o, &d)| o * f64::from(d)).sum()
        };
        check_gradient(&dq, &q64, |q| loss(q, &k64, &v64))?;
        check_gradient(&dk, &k64, |k| loss(&q64, k, &v64))?;
        check_gradient(&dv, &v64, |v| loss(&q64, &k64, v))?;
    }
}

#[test]
fn several_blocks_of_queries_agree_with_the_definition_for_any_number_of_threads() {
    for causal in [false, true] {
        let (n, d) = (150, 8);
        let a = Attention::new([2, n, d], [2, n, d], [2, n, d], 0.3, causal).unwrap();
        let (q, k, v) = (numbers(2 * n * d, 0.0), numbers(2 * n * d, 1.0), numbers(2 * n * d, 2.0));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut o, mut lse) = (vec![0.0; q.len()], vec![0.0; 2 * n]);
                a.forward(&q, &k, &v, &mut o, &mut lse);
                let [mut dq, mut dk, mut dv] = [0; 3].map(|_| vec![0.0; q.len()]);
                a.backward([&q, &k, &v], &o, &lse, &v, Gradients { q: &mut dq, k: &mut dk, v: &mut dv });
                [o, lse, dq, dk, dv]
            })
        };
        let found = run(1);
        assert_eq!(found, run(3));
        for (o, want) in found[0].iter().zip(reference(&a, &double(&q), &double(&k), &double(&v))) {
            assert!((f64::from(*o) - want).abs() < 1e-5, "{o} != {want}");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let error = Attention::new([2, 3, 4], [2, 5, 6], [2, 5, 4], 1.0, false).unwrap_err();
    assert_eq!(error.to_string(), "attention keys: expected [2, 5, 4], found [2, 5, 6]");
    let error = Attention::new([2, 3, 4], [2, 5, 4], [2, 6, 4], 1.0, false).unwrap_err();
    assert_eq!(error.to_string(), "attention values: expected [2, 5, 4], found [2, 6, 4]");
}
