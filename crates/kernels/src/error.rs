//! What kernels refuse.

/// A shape or setting that a kernel cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Two shapes that do not go together.
    #[error("{what}: expected {expected:?}, found {found:?}")]
    Shape {
        /// Which operand.
        what: &'static str,
        /// The shape it must have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A setting that breaks a rule.
    #[error("{field} = {value}: {rule}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// The rule.
        rule: &'static str,
    },
}

/// Fails unless `found` is `expected`.
pub(crate) fn require_shape(what: &'static str, expected: &[usize], found: &[usize]) -> Result<(), KernelError> {
    match expected == found {
        true => Ok(()),
        false => Err(KernelError::Shape { what, expected: expected.to_vec(), found: found.to_vec() }),
    }
}

/// Fails unless `holds`.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl ToString,
    rule: &'static str,
) -> Result<(), KernelError> {
    match holds {
        true => Ok(()),
        false => Err(KernelError::Setting { field, value: value.to_string(), rule }),
    }
}
