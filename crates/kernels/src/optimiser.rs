//! Steps of optimisers over flat parameters, in place: each number is read and written once.

use crate::disjoint::Disjoint;
use crate::parallel::{CHUNK, tasks};
use crate::simd::{Kernel, Simd, dispatch};

/// Stochastic gradient descent with momentum mu and weight decay lambda:
/// `g' = g + lambda p`, `v = mu v + g'`, `p -= eta v`, or with Nesterov's look-ahead `p -= eta (g' + mu v)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// eta.
    pub learning_rate: f32,
    /// mu; 0 uses and changes no velocity.
    pub momentum: f32,
    /// Whether to look ahead.
    pub nesterov: bool,
    /// lambda.
    pub weight_decay: f32,
}

/// Adam with decoupled weight decay lambda (Loshchilov and Hutter 2019): `p -= eta lambda p`,
/// `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
/// `p -= eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// eta.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// lambda.
    pub weight_decay: f64,
    /// t, from one.
    pub step: u64,
}

impl Sgd {
    /// One step. `velocity` starts at zero; it is not read without momentum, and may be empty then.
    ///
    /// ```
    /// use tenfold_kernels::optimiser::Sgd;
    /// let (mut p, mut v) = ([1.0, 2.0], [0.0, 0.0]);
    /// let sgd = Sgd { learning_rate: 0.5, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    /// sgd.step(&mut p, &[1.0, -2.0], &mut v);
    /// assert_eq!(p, [0.5, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If lengths differ.
    pub fn step(&self, parameter: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let n = parameter.len();
        assert_eq!(gradient.len(), n, "one gradient per parameter");
        let moving = self.momentum != 0.0;
        assert!(!moving || velocity.len() == n, "one velocity per parameter");
        let (p, v) = (Disjoint::new(parameter), Disjoint::new(velocity));
        each_chunk(n, |start, len| {
            // SAFETY: chunks do not overlap.
            let parameter = unsafe { p.part(start, len) };
            // SAFETY: as above; without momentum nothing is taken.
            let velocity = unsafe { v.part(if moving { start } else { 0 }, if moving { len } else { 0 }) };
            dispatch(SgdChunk { sgd: *self, parameter, gradient: &gradient[start..start + len], velocity });
        });
    }
}

impl AdamW {
    /// One step. Both moments start at zero.
    ///
    /// ```
    /// use tenfold_kernels::optimiser::AdamW;
    /// let (mut p, mut m, mut v) = ([1.0], [0.0], [0.0]);
    /// let adamw =
    ///     AdamW { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, step: 1 };
    /// adamw.step(&mut p, &[5.0], &mut m, &mut v);
    /// assert!((p[0] - 0.9_f32).abs() < 1e-6); // the first step is eta in the gradient's direction
    /// ```
    ///
    /// # Panics
    /// If lengths differ.
    pub fn step(&self, parameter: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let n = parameter.len();
        assert!(gradient.len() == n && first.len() == n && second.len() == n, "one of each per parameter");
        let [p, m, v] = [parameter, first, second].map(Disjoint::new);
        each_chunk(n, |start, len| {
            // SAFETY: chunks do not overlap.
            let [parameter, first, second] = [&p, &m, &v].map(|d| unsafe { d.part(start, len) });
            dispatch(AdamWChunk { adamw: *self, parameter, gradient: &gradient[start..start + len], first, second });
        });
    }
}

/// What a step makes of a vector of parameters, its gradient and its running averages. With SGD the first average is the
/// velocity, and there is no second.
pub(crate) trait Rule: Copy + Send + Sync {
    /// Numbers that are the same for all parameters of a step.
    type Constants<S: Simd>: Copy;

    /// They.
    fn constants<S: Simd>(self, simd: S) -> Self::Constants<S>;

    /// The parameters and averages after the step.
    fn step<S: Simd>(simd: S, of: &Self::Constants<S>, p: S::V, g: S::V, averages: [S::V; 2]) -> (S::V, [S::V; 2]);
}

/// eta, mu and lambda, and whether to look ahead.
#[derive(Clone, Copy)]
pub(crate) struct SgdConstants<V>([V; 3], bool);

impl Rule for Sgd {
    type Constants<S: Simd> = SgdConstants<S::V>;

    #[inline(always)]
    fn constants<S: Simd>(self, simd: S) -> SgdConstants<S::V> {
        let Self { learning_rate, momentum, nesterov, weight_decay } = self;
        SgdConstants([learning_rate, momentum, weight_decay].map(|x| simd.splat(x)), nesterov)
    }

    #[inline(always)]
    fn step<S: Simd>(
        simd: S,
        &SgdConstants([eta, mu, lambda], nesterov): &SgdConstants<S::V>,
        p: S::V,
        g: S::V,
        [velocity, other]: [S::V; 2],
    ) -> (S::V, [S::V; 2]) {
        let g = simd.fma(lambda, p, g);
        let velocity = simd.fma(mu, velocity, g);
        let direction = if nesterov { simd.fma(mu, velocity, g) } else { velocity };
        (simd.neg_fma(eta, direction, p), [velocity, other])
    }
}

impl Rule for AdamW {
    /// What is kept of a parameter, beta1, its rest, beta2, its rest, the rate, the second moment's scale, epsilon.
    type Constants<S: Simd> = [S::V; 8];

    #[inline(always)]
    fn constants<S: Simd>(self, simd: S) -> [S::V; 8] {
        let Self { learning_rate, beta1, beta2, epsilon, weight_decay, step } = self;
        let t = step as f64;
        let (bias1, bias2) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
        let constants = [
            1.0 - learning_rate * weight_decay,
            beta1,
            1.0 - beta1,
            beta2,
            1.0 - beta2,
            learning_rate / bias1,
            1.0 / bias2,
            epsilon,
        ];
        constants.map(|x| simd.splat(x as f32))
    }

    #[inline(always)]
    fn step<S: Simd>(
        simd: S,
        &[keep, beta1, new1, beta2, new2, rate, scale, epsilon]: &[S::V; 8],
        p: S::V,
        g: S::V,
        [first, second]: [S::V; 2],
    ) -> (S::V, [S::V; 2]) {
        let first = simd.fma(beta1, first, simd.mul(new1, g));
        let second = simd.fma(beta2, second, simd.mul(new2, simd.mul(g, g)));
        let deviation = simd.add(simd.sqrt(simd.mul(second, scale)), epsilon);
        let stepped = simd.sub(simd.mul(keep, p), simd.div(simd.mul(rate, first), deviation));
        (stepped, [first, second])
    }
}

/// Runs `task(start, len)` for consecutive chunks of `n` numbers.
fn each_chunk(n: usize, task: impl Fn(usize, usize) + Sync + Send) {
    tasks(n.div_ceil(CHUNK), 8 * n, |i| task(i * CHUNK, CHUNK.min(n - i * CHUNK)));
}

struct SgdChunk<'a> {
    sgd: Sgd,
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    velocity: &'a mut [f32],
}

impl Kernel for SgdChunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let constants = self.sgd.constants(simd);
        let pairs = self.parameter.chunks_mut(S::LANES).zip(self.gradient.chunks(S::LANES));
        let none = simd.zero();
        if self.sgd.momentum == 0.0 {
            for (p, g) in pairs {
                let (new, _) = <Sgd as Rule>::step(simd, &constants, simd.read(p), simd.read(g), [none; 2]);
                simd.write(p, new);
            }
            return;
        }
        for ((p, g), v) in pairs.zip(self.velocity.chunks_mut(S::LANES)) {
            let (new, [velocity, _]) =
                <Sgd as Rule>::step(simd, &constants, simd.read(p), simd.read(g), [simd.read(v), none]);
            simd.write(v, velocity);
            simd.write(p, new);
        }
    }
}

struct AdamWChunk<'a> {
    adamw: AdamW,
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for AdamWChunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let constants = self.adamw.constants(simd);
        let pairs = self.parameter.chunks_mut(S::LANES).zip(self.gradient.chunks(S::LANES));
        let moments = self.first.chunks_mut(S::LANES).zip(self.second.chunks_mut(S::LANES));
        for ((p, g), (m, v)) in pairs.zip(moments) {
            let old = [simd.read(m), simd.read(v)];
            let (new, [first, second]) = <AdamW as Rule>::step(simd, &constants, simd.read(p), simd.read(g), old);
            simd.write(m, first);
            simd.write(v, second);
            simd.write(p, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, phase: f64) -> Vec<f32> {
        (0..n).map(|i| (i as f64 * 0.7 + phase).sin() as f32).collect()
    }

    fn assert_close(found: &[f32], want: &[f64]) {
        for (f, w) in found.iter().zip(want) {
            // A dozen operations on numbers of size one.
            assert!((f64::from(*f) - w).abs() < 16.0 * f64::from(f32::EPSILON) * (1.0 + w.abs()), "{f} != {w}");
        }
    }

    #[test]
    fn sgd_is_its_equations_over_several_steps() {
        for n in [0, 1, 13, 9000] {
            for (momentum, nesterov, weight_decay) in
                [(0.0_f32, false, 0.0_f32), (0.0, false, 0.1), (0.9, false, 0.1), (0.9, true, 0.0)]
            {
                let sgd = Sgd { learning_rate: 0.1, momentum, nesterov, weight_decay };
                let (mut p, mut v) = (wave(n, 0.0), vec![0.0; n]);
                let [mut wp, mut wv]: [Vec<f64>; 2] = [p.iter().map(|&x| f64::from(x)).collect(), vec![0.0; n]];
                for step in 0..3 {
                    let g = wave(n, 1.0 + f64::from(step));
                    sgd.step(&mut p, &g, &mut v);
                    let [eta, mu, lambda] = [sgd.learning_rate, momentum, weight_decay].map(f64::from);
                    for i in 0..n {
                        let g = f64::from(g[i]) + lambda * wp[i];
                        wv[i] = mu * wv[i] + g;
                        wp[i] -= eta * if nesterov { g + mu * wv[i] } else { wv[i] };
                    }
                    assert_close(&p, &wp);
                    if momentum > 0.0 {
                        assert_close(&v, &wv);
                    }
                }
            }
        }
    }

    #[test]
    fn adamw_is_its_equations_over_several_steps() {
        for n in [0, 1, 13, 9000] {
            let (mut p, mut m, mut v) = (wave(n, 0.0), vec![0.0; n], vec![0.0; n]);
            let mut wp: Vec<f64> = p.iter().map(|&x| f64::from(x)).collect();
            let (mut wm, mut wv) = (vec![0.0; n], vec![0.0; n]);
            for step in 1..4 {
                let (beta1, beta2) = (0.9_f64, 0.99_f64);
                let adamw = AdamW { learning_rate: 0.1, beta1, beta2, epsilon: 1e-3, weight_decay: 0.1, step };
                let g = wave(n, step as f64);
                adamw.step(&mut p, &g, &mut m, &mut v);
                let t = step as i32;
                for i in 0..n {
                    let g = f64::from(g[i]);
                    wm[i] = beta1 * wm[i] + (1.0 - beta1) * g;
                    wv[i] = beta2 * wv[i] + (1.0 - beta2) * g * g;
                    let (m, v) = (wm[i] / (1.0 - beta1.powi(t)), wv[i] / (1.0 - beta2.powi(t)));
                    wp[i] -= 0.1 * 0.1 * wp[i] + 0.1 * m / (v.sqrt() + 1e-3);
                }
                assert_close(&p, &wp);
                assert_close(&m, &wm);
                assert_close(&v, &wv);
            }
        }
    }
}
