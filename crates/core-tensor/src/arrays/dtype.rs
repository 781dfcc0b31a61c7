//! Element types.

use std::fmt;

/// The type of an array's elements, as far as this crate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// True or false, one byte.
    Bool,
    /// Signed integer of so many bytes (1, 2, 4, 8).
    Int(u8),
    /// Unsigned integer of so many bytes (1, 2, 4, 8).
    Uint(u8),
    /// IEEE 754 number of so many bytes (2, 4, 8).
    Float(u8),
    /// The upper half of an IEEE single: 8 bits of exponent, 7 of fraction.
    Bfloat16,
}

impl Dtype {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int(n) | Self::Uint(n) | Self::Float(n) => n.into(),
            Self::Bfloat16 => 2,
        }
    }

    /// Whether values are whole numbers.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Bool | Self::Int(_) | Self::Uint(_))
    }

    /// NumPy's type string without the byte order; bfloat16 is stored by NumPy's extension types as `V2`.
    pub(super) fn from_numpy(kind_and_size: &str) -> Option<Self> {
        Some(match kind_and_size {
            "b1" => Self::Bool,
            "i1" => Self::Int(1),
            "i2" => Self::Int(2),
            "i4" => Self::Int(4),
            "i8" => Self::Int(8),
            "u1" => Self::Uint(1),
            "u2" => Self::Uint(2),
            "u4" => Self::Uint(4),
            "u8" => Self::Uint(8),
            "f2" => Self::Float(2),
            "f4" => Self::Float(4),
            "f8" => Self::Float(8),
            "V2" => Self::Bfloat16,
            _ => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int(n) => write!(f, "int{}", 8 * u32::from(*n)),
            Self::Uint(n) => write!(f, "uint{}", 8 * u32::from(*n)),
            Self::Float(n) => write!(f, "float{}", 8 * u32::from(*n)),
            Self::Bfloat16 => f.write_str("bfloat16"),
        }
    }
}
