//! The bound on long tails.

use super::All;
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::stats::mean_interval;

pub(in super::super) fn longtail(all: &All) -> Finding {
    let relative = |draws: &[[f64; 2]]| -> Vec<f64> {
        let bound = draws.iter().map(|d| d[1]).sum::<f64>() / draws.len() as f64;
        draws.iter().map(|d| (d[0] - d[1]) / bound).collect()
    };
    let [zipf, flat] = &all.tail.priors;
    let mut parts = Vec::new();
    for prior in [zipf, flat] {
        for (c, what) in ["excess error", "bound"].into_iter().enumerate() {
            if let Ok(e) = mean_interval(&prior.draws.iter().map(|d| d[c]).collect::<Vec<_>>()) {
                let role = if prior.name == flat.name { Role::Control } else { Role::Shown };
                parts.push(Part::new(format!("{what}, {}", prior.name), e, "frequencies (synthetic)", role));
            }
        }
    }
    Finding {
        estimate: mean_interval(&relative(&zipf.draws)).map_err(|e| e.to_string()),
        parts,
        data: "frequencies (synthetic)".into(),
        seeds: zipf.draws.len(),
        n: format!("{} samples of {} examples", zipf.draws.len(), super::super::tail::N),
        seconds: all.tail.seconds,
        remark: String::new(),
    }
}
