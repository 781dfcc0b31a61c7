//! The header of a `.safetensors` file, bounded before it is read.

use super::Dtype;
use super::npy::Broken;
use safetensors::tensor::{Dtype as Stored, Metadata};
use std::io::Read;

/// The format's own limit on a header.
const MAX_HEADER: u64 = 100_000_000;

/// One tensor of the file.
pub(super) struct Tensor {
    pub(super) name: String,
    /// None for types this crate does not read.
    pub(super) dtype: Option<Dtype>,
    pub(super) type_name: String,
    pub(super) shape: Vec<usize>,
    /// Position and length in the file.
    pub(super) span: (u64, u64),
}

/// Lists the tensors of a file of `file_length` bytes, sorted by name.
pub(super) fn read_header(reader: &mut impl Read, file_length: u64) -> Result<Vec<Tensor>, Broken> {
    let mut length = [0; 8];
    reader.read_exact(&mut length).map_err(|e| (0, format!("header length missing ({e})")))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length > file_length.saturating_sub(8) {
        return Err((0, format!("header of {length} bytes in a file of {file_length}")));
    }
    let mut text = vec![0; length as usize];
    reader.read_exact(&mut text).map_err(|e| (8, format!("header ends early ({e})")))?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|e| {
        let offset = if e.line() == 1 { 8 + e.column() as u64 } else { 8 };
        (offset, format!("header: {e}"))
    })?;
    let payload = file_length - 8 - length;
    if metadata.data_len() as u64 != payload {
        return Err((8, format!("header describes {} bytes of data, the file holds {payload}", metadata.data_len())));
    }
    let mut tensors: Vec<Tensor> = metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| Tensor {
            name,
            dtype: dtype_of(info.dtype),
            type_name: format!("{:?}", info.dtype),
            shape: info.shape.clone(),
            span: (8 + length + info.data_offsets.0 as u64, (info.data_offsets.1 - info.data_offsets.0) as u64),
        })
        .collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

fn dtype_of(stored: Stored) -> Option<Dtype> {
    Some(match stored {
        Stored::BOOL => Dtype::Bool,
        Stored::U8 => Dtype::Uint(1),
        Stored::I8 => Dtype::Int(1),
        Stored::I16 => Dtype::Int(2),
        Stored::U16 => Dtype::Uint(2),
        Stored::F16 => Dtype::Float(2),
        Stored::BF16 => Dtype::Bfloat16,
        Stored::I32 => Dtype::Int(4),
        Stored::U32 => Dtype::Uint(4),
        Stored::F32 => Dtype::Float(4),
        Stored::F64 => Dtype::Float(8),
        Stored::I64 => Dtype::Int(8),
        Stored::U64 => Dtype::Uint(8),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), n in 0_u64..80) {
            let mut file = n.to_le_bytes().to_vec();
            file.extend(&bytes);
            let _ = read_header(&mut &file[..], file.len() as u64);
        }

        #[test]
        fn absurd_sizes_never_panic(a in any::<u64>(), b in any::<u64>(), n in any::<u64>()) {
            let json = format!("{{\"x\":{{\"dtype\":\"F32\",\"shape\":[{n},{n}],\"data_offsets\":[{a},{b}]}}}}");
            let mut file = (json.len() as u64).to_le_bytes().to_vec();
            file.extend(json.as_bytes());
            prop_assert!(read_header(&mut &file[..], file.len() as u64).is_err());
        }
    }
}
