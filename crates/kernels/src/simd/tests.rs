use super::*;
use proptest::prelude::*;

const TABLE: [f32; 8] = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0];

/// A kernel on two vectors for one.
struct OnTwice<K>(K);

impl<K: Kernel> Kernel for OnTwice<K> {
    type Output = K::Output;
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> K::Output {
        self.0.run(Twice(simd))
    }
}

/// Every operation on one pair of vectors, as plain numbers.
struct Everything<'a>(&'a [f32], &'a [f32]);

impl Kernel for Everything<'_> {
    type Output = Vec<Vec<f32>>;
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<Vec<f32>> {
        let mut rows = vec![Vec::new(); 18];
        for (a, b) in self.0.chunks(S::LANES).zip(self.1.chunks(S::LANES)) {
            let (x, y) = (simd.load_part(a, 7.0), simd.load_part(b, 7.0));
            let positive = simd.add(simd.abs(x), simd.splat(f32::MIN_POSITIVE));
            let whole = simd.select(simd.gt(x, y), simd.splat(-126.0), simd.splat(127.0));
            let (mantissa, exponent) = simd.split(positive);
            let results = [
                simd.add(x, y),
                simd.sub(x, y),
                simd.mul(x, y),
                simd.div(x, y),
                simd.fma(x, y, x),
                simd.neg_fma(x, y, x),
                simd.max(x, y),
                simd.min(x, y),
                simd.sqrt(positive),
                simd.abs(x),
                simd.copysign(x, y),
                simd.select(simd.gt(x, y), x, y),
                simd.pow2(whole),
                mantissa,
                exponent,
                simd.zero(),
                simd.scale(x, simd.add(whole, whole)),
                simd.pick(&TABLE, simd.add(positive, simd.splat(1.0))),
            ];
            for (row, v) in rows.iter_mut().zip(results) {
                let mut out = vec![0.0; a.len()];
                simd.store_part(&mut out, v);
                row.extend(out);
            }
        }
        rows
    }
}

fn scalar(x: f32, y: f32) -> [f64; 18] {
    let (a, b) = (f64::from(x), f64::from(y));
    let positive = x.abs() + f32::MIN_POSITIVE;
    let exponent = f64::from((positive.to_bits() >> 23) as i32 - 127);
    [
        f64::from(x + y),
        f64::from(x - y),
        f64::from(x * y),
        f64::from(x / y),
        a * b + a,
        a - a * b,
        f64::from(if x > y { x } else { y }),
        f64::from(if x < y { x } else { y }),
        f64::from(positive.sqrt()),
        f64::from(x.abs()),
        f64::from(x.copysign(y)),
        f64::from(if x > y { x } else { y }),
        if x > y { 2_f64.powi(-126) } else { 2_f64.powi(127) },
        f64::from(positive) / exponent.exp2(),
        exponent,
        0.0,
        // 2^254 and 2^-252 are beyond the range, some of the products are not.
        f64::from((a * if x > y { 2_f64.powi(-252) } else { 2_f64.powi(254) }) as f32),
        f64::from(TABLE[((positive + 1.0).to_bits() >> 22) as usize % 8]),
    ]
}

proptest! {
    #[test]
    fn every_level_computes_what_scalars_do(pairs in prop::collection::vec((-9.0_f32..9.0, -9.0_f32..9.0), 1..40)) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
            let rows = dispatch_up_to(limit, Everything(&a, &b));
            prop_assert_eq!(&rows, &dispatch_up_to(limit, OnTwice(Everything(&a, &b))));
            for i in 0..a.len() {
                for (op, want) in scalar(a[i], b[i]).into_iter().enumerate() {
                    let found = f64::from(rows[op][i]);
                    // Rounded once or twice; everything else is exact.
                    let tolerance = if op == 4 || op == 5 { 100.0 * f64::from(f32::EPSILON) } else { 0.0 };
                    prop_assert!(found == want || (found - want).abs() <= tolerance, "{limit:?}: op {op} of {} and {}: {found} != {want}", a[i], b[i]);
                }
            }
        }
    }
}

struct Reduce<'a>(&'a [f32]);

impl Kernel for Reduce<'_> {
    type Output = (f32, f32);
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let v = simd.load(self.0);
        let mut whole = vec![0.0; S::LANES];
        simd.store(&mut whole, v);
        let (first, second) = simd.interleave(v, simd.mul(v, v));
        let (again, squares) = simd.deinterleave(first, second);
        assert_eq!((simd.largest(simd.sub(again, v)), simd.largest(simd.sub(squares, simd.mul(v, v)))), (0.0, 0.0));
        let mut both = vec![0.0; 2 * S::LANES];
        simd.store(&mut both, first);
        simd.store(&mut both[S::LANES..], second);
        for (pair, x) in both.chunks(2).zip(self.0) {
            assert_eq!(pair, [*x, x * x]);
        }
        // SAFETY: `whole` holds a vector's numbers.
        let again = unsafe { simd.load_at(whole.as_ptr()) };
        (simd.sum(again) - self.0[..S::LANES].iter().sum::<f32>(), simd.largest(v))
    }
}

#[test]
fn reductions_cover_every_lane() {
    for lane in 0..8 {
        let mut x = [-1.0_f32; 16];
        x[8 + lane] = -2.0;
        x[lane] = 3.0;
        for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
            assert_eq!(dispatch_up_to(limit, Reduce(&x)), (0.0, 3.0), "{limit:?} lane {lane}");
            let twice = [x, x].concat();
            assert_eq!(dispatch_up_to(limit, OnTwice(Reduce(&twice))), (0.0, 3.0), "{limit:?} lane {lane}, twice");
        }
    }
}

#[test]
fn eight_doubles_are_computed_as_scalars_are() {
    struct Chain<'a>(&'a [f32; EIGHT], &'a [f64; EIGHT]);
    impl Kernel for Chain<'_> {
        type Output = ([f64; EIGHT], f64);
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> ([f64; EIGHT], f64) {
            let (x, y) = (f32::eight(simd, self.0), f64::eight(simd, self.1));
            // Exact products: what is fused does not matter.
            let v = simd.add_double(simd.fma_double(x, y, x), simd.sub_double(x, simd.splat_double(0.1)));
            let v = simd.min_double(simd.mul_double(v, simd.splat_double(0.5)), y);
            let power = simd.pow2_double(simd.splat_double(-1022.0));
            let v = simd.max_double(simd.mul_double(v, simd.pow2_double(simd.splat_double(1.0))), power);
            let mut all = [0.0; EIGHT];
            simd.store_double(&mut all, v);
            (all, simd.sum_double(v))
        }
    }
    let x: [f32; EIGHT] = std::array::from_fn(|i| (i as f32 + 0.3).sin());
    let y: [f64; EIGHT] = std::array::from_fn(|i| f64::from((i as f32 * 7.1).cos()));
    let want: [f64; EIGHT] = std::array::from_fn(|i| {
        let least = (((f64::from(x[i]) * y[i] + f64::from(x[i])) + (f64::from(x[i]) - 0.1)) * 0.5).min(y[i]);
        (least * 2.0).max(f64::MIN_POSITIVE)
    });
    let sum = ((want[0] + want[4]) + (want[2] + want[6])) + ((want[1] + want[5]) + (want[3] + want[7]));
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        assert_eq!(dispatch_up_to(limit, Chain(&x, &y)), (want, sum), "{limit:?}");
        assert_eq!(dispatch_up_to(limit, OnTwice(Chain(&x, &y))), (want, sum), "{limit:?}, twice");
    }
}

#[test]
fn quotients_bits_signs_and_sums_of_eight_doubles_are_right() {
    struct Each<'a>(&'a [f64; EIGHT], &'a [f64; EIGHT]);
    impl Kernel for Each<'_> {
        type Output = ([[f64; EIGHT]; 3], [u8; 2], [f64; 4]);
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let (x, y) = (simd.load_double(self.0), simd.load_double(self.1));
            let found = [simd.div_double(x, y), simd.or_double(x, y), simd.exponent_double(y)];
            let mut all = [[0.0; EIGHT]; 3];
            for (to, v) in all.iter_mut().zip(found) {
                simd.store_double(to, v);
            }
            let sums = simd.sums_double([x, y, found[0], found[2]]);
            assert_eq!(sums, [x, y, found[0], found[2]].map(|v| simd.sum_double(v)));
            (all, [simd.signs_double(x), simd.signs_double(simd.or_double(x, y))], sums)
        }
    }
    let x = [0.3, -1.7, 0.0, -0.0, f64::NEG_INFINITY, 5e-324, 7.0, -1e-300];
    let y = [f64::MIN_POSITIVE, 0.999, 1.0, 1.5, 2.0, 3e17, f64::MAX, 4.0];
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        for (all, signs, sums) in [dispatch_up_to(limit, Each(&x, &y)), dispatch_up_to(limit, OnTwice(Each(&x, &y)))] {
            for i in 0..EIGHT {
                let or = f64::from_bits(x[i].to_bits() | y[i].to_bits());
                let want = [x[i] / y[i], or, [-1022.0, -1.0, 0.0, 0.0, 1.0, 58.0, 1023.0, 2.0][i]];
                assert_eq!(all.map(|v| v[i].to_bits()), want.map(f64::to_bits), "{limit:?} {i}");
            }
            assert_eq!(signs, [0b1001_1010; 2], "{limit:?}");
            assert_eq!(sums[3], 61.0, "{limit:?}");
        }
    }
}

#[test]
fn nan_of_the_second_argument_survives_max_and_min() {
    struct Max;
    impl Kernel for Max {
        type Output = [f32; 4];
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [f32; 4] {
            let (nan, one) = (simd.splat(f32::NAN), simd.splat(1.0));
            [simd.max(one, nan), simd.max(nan, one), simd.min(one, nan), simd.min(nan, one)].map(|v| {
                let mut first = [0.0];
                simd.store_part(&mut first, v);
                first[0]
            })
        }
    }
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        let [a, b, c, d] = dispatch_up_to(limit, Max);
        assert!(a.is_nan() && c.is_nan(), "{limit:?}");
        assert_eq!((b, d), (1.0, 1.0), "{limit:?}");
    }
}
