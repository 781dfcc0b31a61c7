//! The linear setting against the table that the spec's author measured in NumPy (spec section 4).
//!
//! These are the spec's own measurements at L = 0.5, not figures of the paper. Each is a mean over 1,000 test points of
//! one draw, so tolerances are wide.

use ndarray::{Array1, Array2};
use rand::RngExt;
use tenfold_core_tensor::seed::Seed;
use tenfold_resmem::theory::{Risk, norm_constrained_least_squares, residual_knn_risk, t2_law};

const L: f64 = 0.5;

/// Uniform on the ball of radius `sqrt(d + 2)` by rejection from the cube: identity covariance.
fn ball(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = Seed::new(seed).rng();
    let mut points = Array2::zeros((n, d));
    for mut point in points.outer_iter_mut() {
        loop {
            point.iter_mut().for_each(|v| *v = rng.random_range(-1.0..1.0_f32));
            if point.dot(&point) <= 1.0 {
                break;
            }
        }
        point *= ((d + 2) as f32).sqrt();
    }
    points
}

fn risk(n: usize, d: usize, noise: f64, k: usize, seed: u64) -> Risk {
    let (train, test) = (ball(n, d, seed), ball(1000, d, seed + 1));
    let mut theta = Array1::zeros(d);
    theta[0] = 1.0;
    let mut rng = Seed::new(seed + 2).rng();
    // Twelve uniform numbers have variance one and sum to nearly a normal number.
    let y = train.column(0).mapv(|v| {
        let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        f64::from(v) + noise * normal
    });
    residual_knn_risk(train.view(), y.view(), test.view(), theta.view(), L, k).unwrap()
}

#[test]
fn risks_are_those_of_the_spec() {
    for (d, n, expected) in [(2, 1000, 0.00051), (4, 1000, 0.0115), (4, 10_000, 0.0035), (8, 100, 0.117)] {
        let runs: Vec<Risk> = (0..3).map(|run| risk(n, d, 0.0, 1, 100 * run)).collect();
        let mean = |term: fn(&Risk) -> f64| runs.iter().map(term).sum::<f64>() / 3.0;
        assert!((mean(|r| r.resmem) / expected - 1.0).abs() < 0.25, "d = {d}, n = {n}: {}", mean(|r| r.resmem));
        assert!((mean(|r| r.base) - 0.25).abs() < 0.04, "base {}", mean(|r| r.base));
        assert!(runs.iter().all(|r| r.resmem <= 2.0 * (r.t1 + r.t2)), "decomposition");
    }
}

#[test]
fn the_unlearnable_part_follows_its_law() {
    // Far from the boundary of the ball, that is in few dimensions.
    let measured = (0..3).map(|run| risk(20_000, 2, 0.0, 1, 50 * run).t2).sum::<f64>() / 3.0;
    let law = t2_law(2, 20_000, L).unwrap();
    assert!((measured / law - 1.0).abs() < 0.15, "{measured} against {law}");
}

#[test]
fn one_neighbour_repeats_noise() {
    // d = 4, n = 3,000 as in the spec: k = 1 loses to the base model once the noise is above 1 - L.
    let risks = [(0.25, 1), (1.0, 1), (1.0, 30)].map(|(noise, k)| risk(3000, 4, noise, k, 7));
    assert!(risks[0].resmem < risks[0].base);
    assert!(risks[1].resmem > 2.0 * risks[1].base);
    assert!(risks[2].resmem < 0.5 * risks[2].base);
    assert!(risks.iter().all(|r| r.resmem < r.knn), "kNN alone is worse throughout");
}

#[test]
fn no_shortfall_no_gain() {
    let (train, test) = (ball(300, 3, 1), ball(50, 3, 2));
    let theta = Array1::from_vec(vec![0.0, 1.0, 0.0]);
    let y = train.column(1).mapv(f64::from);
    let risk = residual_knn_risk(train.view(), y.view(), test.view(), theta.view(), 1.5, 1).unwrap();
    assert!(risk.base < 1e-20 && risk.resmem < 1e-20);
}

#[test]
fn every_rule_is_named() {
    let x = ball(10, 2, 3);
    let y = Array1::<f64>::zeros(10);
    let text = |r: Result<Array1<f64>, tenfold_resmem::ResmemError>| r.unwrap_err().to_string();
    assert_eq!(
        text(norm_constrained_least_squares(x.view(), y.view(), -1.0)),
        "bound = -1: must be finite and at least 0"
    );
    let short = Array1::<f64>::zeros(9);
    assert!(text(norm_constrained_least_squares(x.view(), short.view(), 1.0)).contains("[10, 2] against [9]"));
    let flat = Array2::<f32>::ones((10, 2));
    assert!(text(norm_constrained_least_squares(flat.view(), y.view(), 1.0)).ends_with("columns must be independent"));
    let nan = y.mapv(|_| f64::NAN);
    assert!(text(norm_constrained_least_squares(x.view(), nan.view(), 1.0)).ends_with("must be finite"));
    assert!(t2_law(0, 10, L).is_err() && t2_law(2, 0, L).is_err() && t2_law(2, 10, f64::NAN).is_err());
    let wrong = Array1::<f64>::zeros(3);
    assert!(residual_knn_risk(x.view(), y.view(), x.view(), wrong.view(), L, 1).is_err());
}
