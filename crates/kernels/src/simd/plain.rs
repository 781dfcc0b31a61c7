//! Eight lanes as an array, for any processor: the compiler makes of it what it can.

use super::Simd;

/// Arrays of eight numbers.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

const LANES: usize = 8;
type V = [f32; LANES];

#[inline(always)]
fn zip(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Plain {
    type V = V;
    type Mask = [bool; LANES];
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(self, x: f32) -> V {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> V {
        std::array::from_fn(|i| from[..LANES][i])
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: V) {
        to[..LANES].copy_from_slice(&v);
    }

    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> V {
        let mut v = [fill; LANES];
        v[..from.len()].copy_from_slice(from);
        v
    }

    #[inline(always)]
    fn store_part(self, to: &mut [f32], v: V) {
        let n = to.len();
        to.copy_from_slice(&v[..n]);
    }

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> V {
        // SAFETY: the caller answers for eight numbers at `from`.
        unsafe { from.cast::<V>().read_unaligned() }
    }

    #[inline(always)]
    fn add(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }

    // Not `f32::mul_add`, which is a function call where the processor has no such instruction.
    #[cfg(not(any(target_feature = "fma", target_arch = "aarch64")))]
    #[inline(always)]
    fn fma(self, a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[cfg(any(target_feature = "fma", target_arch = "aarch64"))]
    #[inline(always)]
    fn fma(self, a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn neg_fma(self, a: V, b: V, c: V) -> V {
        self.fma(a.map(|a| -a), b, c)
    }

    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: V, b: V) -> V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn sqrt(self, a: V) -> V {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn abs(self, a: V) -> V {
        a.map(f32::abs)
    }

    #[inline(always)]
    fn copysign(self, a: V, sign: V) -> V {
        zip(a, sign, f32::copysign)
    }

    #[inline(always)]
    fn gt(self, a: V, b: V) -> [bool; LANES] {
        std::array::from_fn(|i| a[i] > b[i])
    }

    #[inline(always)]
    fn select(self, mask: [bool; LANES], a: V, b: V) -> V {
        std::array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn pow2(self, k: V) -> V {
        k.map(|k| f32::from_bits(((k as i32 + 127) << 23) as u32))
    }

    #[inline(always)]
    fn scale(self, a: V, k: V) -> V {
        let power = |k: i32| f32::from_bits(((k + 127) << 23) as u32);
        // NaN becomes zero.
        let k = k.map(|k| k as i32);
        std::array::from_fn(|i| a[i] * power(k[i] >> 1) * power(k[i] - (k[i] >> 1)))
    }

    #[inline(always)]
    fn pick(self, table: &[f32; 8], by: V) -> V {
        by.map(|x| table[(x.to_bits() >> 22) as usize % 8])
    }

    #[inline(always)]
    fn split(self, a: V) -> (V, V) {
        let bits = a.map(f32::to_bits);
        let mantissa = bits.map(|b| f32::from_bits((b & 0x007f_ffff) | 0x3f80_0000));
        (mantissa, bits.map(|b| ((b >> 23) as i32 - 127) as f32))
    }

    #[inline(always)]
    fn interleave(self, a: V, b: V) -> (V, V) {
        let of = |i: usize| if i.is_multiple_of(2) { a[i / 2] } else { b[i / 2] };
        (std::array::from_fn(of), std::array::from_fn(|i| of(LANES + i)))
    }

    #[inline(always)]
    fn deinterleave(self, a: V, b: V) -> (V, V) {
        let of = |i: usize| if i < LANES { a[i] } else { b[i - LANES] };
        (std::array::from_fn(|i| of(2 * i)), std::array::from_fn(|i| of(2 * i + 1)))
    }

    #[inline(always)]
    fn sum(self, a: V) -> f32 {
        let four: [f32; 4] = std::array::from_fn(|i| a[i] + a[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }

    #[inline(always)]
    fn largest(self, a: V) -> f32 {
        a.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m })
    }
}
