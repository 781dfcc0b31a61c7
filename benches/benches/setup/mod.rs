//! What all criterion benches share.

use criterion::Criterion;
use std::time::Duration;

/// Few samples of a second each: these find changes of some percent, not of some per mille.
pub(crate) fn config() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}
