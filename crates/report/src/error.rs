//! What can go wrong.

/// Something could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct ReportError {
    /// The chart's title, or what else it is.
    pub what: String,
    /// Why.
    pub reason: String,
}
