//! Lines of `metrics.jsonl`.

use super::super::Measured;
use super::super::compare::Compared;
use super::super::synthetic::{NOISE, WIDTHS};
use super::super::theory::{DIMENSIONS, SIZES};
use serde_json::{Value, json};

/// One line for every base model and method, and for every theory seed.
pub(in super::super) fn metrics(m: &Measured) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut add = |data: &str, net: &str, keys: &str, n: usize, noise: f64, seed: usize, c: &Compared| {
        for j in &c.judged {
            lines.push(json!({
                "paper": "resmem", "data": data, "net": net, "keys": keys, "train": n, "label_noise": noise, "seed": seed,
                "method": j.method, "validation_accuracy": j.validation, "test_accuracy": c.accuracy(j.method),
                "setting": j.setting,
            }));
        }
    };
    for study in m.studies() {
        for (capacity, results) in study.capacities.iter().zip(&study.by_capacity) {
            for (seed, r) in results.iter().enumerate() {
                add(study.data(), &capacity.name, "embedding", study.sizes[study.main], 0.0, seed, r);
            }
        }
        let other = study.sizes.iter().zip(&study.by_size).enumerate().filter(|(share, _)| *share != study.main);
        for (_, (n, results)) in other {
            for (seed, r) in results.iter().enumerate() {
                add(study.data(), &study.middle().name, "embedding", *n, 0.0, seed, r);
            }
        }
    }
    let n = m.settings.synthetic_sizes[0];
    for (noise, by_width) in NOISE.iter().zip(&m.synthetic.rule) {
        for (w, results) in WIDTHS.iter().zip(by_width) {
            for (seed, r) in results.iter().enumerate() {
                add("rule-and-exceptions", &format!("mlp-{w}"), "embedding", n, *noise, seed, &r.embedded);
                add("rule-and-exceptions", &format!("mlp-{w}"), "raw", n, *noise, seed, &r.raw);
            }
        }
    }
    for (seed, r) in m.synthetic.clusters.iter().enumerate() {
        add("pure-clusters", &format!("mlp-{}", WIDTHS[1]), "raw", n, 0.0, seed, r);
    }
    for (d, rate) in DIMENSIONS.iter().zip(&m.theory.rates) {
        for (seed, risks) in rate.risks.iter().enumerate() {
            for (n, risk) in SIZES.iter().zip(risks) {
                lines.push(
                    json!({ "paper": "resmem", "data": "linear-ball", "d": d, "n": n, "seed": seed, "risk": risk }),
                );
            }
        }
    }
    lines
}
