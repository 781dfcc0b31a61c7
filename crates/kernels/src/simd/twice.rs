//! Two vectors for one, so that two computations without a common number alternate, instruction by instruction.
//!
//! The elementary functions are chains of forty instructions, each of which waits four cycles for the one before. A processor
//! looks ahead for others, but not as far as the next vector's chain where that comes after the whole of this one.

use super::Simd;

/// Vectors of twice the lanes of S.
#[derive(Clone, Copy, Debug)]
pub struct Twice<S>(pub S);

macro_rules! lanewise {
    ($($name:ident($($arg:ident),*);)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: Self::V),*) -> Self::V {
            (self.0.$name($($arg.0),*), self.0.$name($($arg.1),*))
        }
    )*};
}

impl<S: Simd> Simd for Twice<S> {
    type V = (S::V, S::V);
    type Mask = (S::Mask, S::Mask);
    const LANES: usize = 2 * S::LANES;
    const REGISTERS: usize = S::REGISTERS / 2;

    lanewise! {
        add(a, b);
        sub(a, b);
        mul(a, b);
        div(a, b);
        fma(a, b, c);
        neg_fma(a, b, c);
        max(a, b);
        min(a, b);
        sqrt(a);
        abs(a);
        copysign(a, sign);
        pow2(k);
        scale(a, k);
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        (self.0.splat(x), self.0.splat(x))
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        let (a, b) = from[..Self::LANES].split_at(S::LANES);
        (self.0.load(a), self.0.load(b))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::V) {
        let (a, b) = to[..Self::LANES].split_at_mut(S::LANES);
        self.0.store(a, v.0);
        self.0.store(b, v.1);
    }

    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> Self::V {
        let (a, b) = from.split_at(from.len().min(S::LANES));
        (self.0.load_part(a, fill), self.0.load_part(b, fill))
    }

    #[inline(always)]
    fn store_part(self, to: &mut [f32], v: Self::V) {
        let (a, b) = to.split_at_mut(to.len().min(S::LANES));
        self.0.store_part(a, v.0);
        self.0.store_part(b, v.1);
    }

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> Self::V {
        // SAFETY: the caller answers for twice the lanes of S at `from`.
        unsafe { (self.0.load_at(from), self.0.load_at(from.add(S::LANES))) }
    }

    #[inline(always)]
    fn gt(self, a: Self::V, b: Self::V) -> Self::Mask {
        (self.0.gt(a.0, b.0), self.0.gt(a.1, b.1))
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V {
        (self.0.select(mask.0, a.0, b.0), self.0.select(mask.1, a.1, b.1))
    }

    #[inline(always)]
    fn pick(self, table: &[f32; 8], by: Self::V) -> Self::V {
        (self.0.pick(table, by.0), self.0.pick(table, by.1))
    }

    #[inline(always)]
    fn split(self, a: Self::V) -> (Self::V, Self::V) {
        let ((m0, e0), (m1, e1)) = (self.0.split(a.0), self.0.split(a.1));
        ((m0, m1), (e0, e1))
    }

    #[inline(always)]
    fn interleave(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        (self.0.interleave(a.0, b.0), self.0.interleave(a.1, b.1))
    }

    #[inline(always)]
    fn deinterleave(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        let ((even, odd), (more_even, more_odd)) = (self.0.deinterleave(a.0, a.1), self.0.deinterleave(b.0, b.1));
        ((even, more_even), (odd, more_odd))
    }

    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        self.0.sum(self.0.add(a.0, a.1))
    }

    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        self.0.largest(self.0.max(a.0, a.1))
    }
}
