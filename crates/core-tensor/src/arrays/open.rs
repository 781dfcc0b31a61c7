//! Opening one array of any format: a header and a stream of elements.

use super::stream::Stream;
use super::{ArrayError, ArrayPath, Dtype, npy, safetensors};
use crate::files::FileError;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// An array whose elements have not been read yet.
pub(super) struct Opened {
    /// The file, with the key that was found.
    pub(super) path: ArrayPath,
    pub(super) dtype: Dtype,
    pub(super) big_endian: bool,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
    /// Where in the file (for npz: in the array's own stream) the elements begin.
    pub(super) offset: u64,
    /// The elements and nothing after them.
    pub(super) elements: Stream,
}

impl Opened {
    /// Number of elements; the constructors have checked that it fits.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn broken(&self, offset: u64, rule: impl Into<String>) -> ArrayError {
        broken(&self.path, offset, rule)
    }

    /// To be called when the last element was read: fails where the bytes are not those that were stored.
    pub(super) fn finish(&mut self) -> Result<(), ArrayError> {
        let at = self.offset + (self.len() * self.dtype.size()) as u64;
        match self.elements.finish() {
            Err(e) => Err(self.broken(at, format!("the archive cannot be read to the end of the array ({e})"))),
            Ok(Ok(())) => Ok(()),
            Ok(Err((found, stored))) => Err(ArrayError::Checksum { path: self.path.clone(), found, stored }),
        }
    }
}

/// What is wrong at a place of a file.
pub(super) fn broken(path: &ArrayPath, offset: u64, rule: impl Into<String>) -> ArrayError {
    ArrayError::Format { path: path.clone(), offset, rule: rule.into() }
}

pub(super) fn open(path: &ArrayPath) -> Result<Opened, ArrayError> {
    let file = File::open(&path.file).map_err(|e| FileError::new(&path.file, e))?;
    let length = file.metadata().map_err(|e| FileError::new(&path.file, e))?.len();
    let reader = BufReader::with_capacity(1 << 18, file);
    match path.file.extension().and_then(|e| e.to_str()) {
        Some("npy") => open_npy(path, Stream::plain(reader), length),
        Some("npz") => open_npz(path, reader),
        Some("safetensors") => open_safetensors(path, reader, length),
        _ => Err(ArrayError::Extension { path: path.clone() }),
    }
}

fn open_npy(path: &ArrayPath, mut reader: Stream, length: u64) -> Result<Opened, ArrayError> {
    let header = npy::read_header(&mut reader).map_err(|(offset, rule)| ArrayError::Format {
        path: path.clone(),
        offset,
        rule,
    })?;
    let mut opened = Opened {
        path: path.clone(),
        dtype: header.dtype,
        big_endian: header.big_endian,
        fortran_order: header.fortran_order,
        shape: header.shape,
        offset: header.length,
        elements: reader,
    };
    let Some(there) = length.checked_sub(header.length) else {
        return Err(opened.broken(length, format!("header ends at byte {}, the file holds {length}", header.length)));
    };
    check_size(&opened, there)?;
    if opened.len() == 0 {
        // Nobody will read to the end of nothing.
        opened.finish()?;
    }
    Ok(opened)
}

/// Refuses a shape whose bytes do not fit in memory, or are not as many as the `there` bytes of data.
fn check_size(opened: &Opened, there: u64) -> Result<(), ArrayError> {
    let axes = opened.shape.iter().try_fold(1_u64, |n, &axis| n.checked_mul(axis as u64));
    let wanted = axes.and_then(|n| n.checked_mul(opened.dtype.size() as u64)).filter(|n| *n <= isize::MAX as u64);
    let (shape, dtype) = (&opened.shape, opened.dtype);
    match wanted {
        None => Err(opened.broken(0, format!("shape {shape:?} of {dtype} does not fit in memory"))),
        Some(wanted) if wanted != there => {
            let at = opened.offset + wanted.min(there);
            Err(opened.broken(at, format!("shape {shape:?} of {dtype} takes {wanted} bytes, the file holds {there}")))
        }
        Some(_) => Ok(()),
    }
}

fn open_npz(path: &ArrayPath, reader: BufReader<File>) -> Result<Opened, ArrayError> {
    let broken =
        |e: zip::result::ZipError| ArrayError::Format { path: path.clone(), offset: 0, rule: format!("zip: {e}") };
    let mut archive = zip::ZipArchive::new(reader).map_err(broken)?;
    let mut names: Vec<String> =
        archive.file_names().filter_map(|n| Some(n.ok()?.strip_suffix(".npy")?.to_string())).collect();
    names.sort();
    let path = with_key(path, names)?;
    let name = format!("{}.npy", path.key.as_deref().unwrap_or_default());
    // An entry borrows its archive; reading it whole would lose streaming, so the archive moves into the reader's thread
    // of ownership by seeking to the entry and decompressing from there.
    let entry = archive.by_name(&name).map_err(broken)?;
    let (start, packed, unpacked, method) =
        (entry.data_start(), entry.compressed_size(), entry.size(), entry.compression());
    let stored = entry.crc32();
    if entry.encrypted() {
        return Err(ArrayError::Format { path, offset: 0, rule: "zip: the entry is encrypted".into() });
    }
    drop(entry);
    let start =
        start.ok_or_else(|| ArrayError::Format { path: path.clone(), offset: 0, rule: "zip: no data".into() })?;
    let mut reader = archive.into_inner();
    reader.seek(SeekFrom::Start(start)).map_err(|e| FileError::new(&path.file, e))?;
    let stream = reader.take(packed);
    match method {
        zip::CompressionMethod::Stored => open_npy(&path, Stream::entry(stream, stored), unpacked),
        zip::CompressionMethod::Deflated => {
            let stream = flate2::bufread::DeflateDecoder::new(BufReader::new(stream));
            open_npy(&path, Stream::entry(stream, stored), unpacked)
        }
        other => {
            let rule = format!("zip: compression {other} (NumPy writes stored or deflated)");
            Err(ArrayError::Format { path, offset: start, rule })
        }
    }
}

fn open_safetensors(path: &ArrayPath, mut reader: BufReader<File>, length: u64) -> Result<Opened, ArrayError> {
    let mut tensors = safetensors::read_header(&mut reader, length).map_err(|(offset, rule)| ArrayError::Format {
        path: path.clone(),
        offset,
        rule,
    })?;
    let path = with_key(path, tensors.iter().map(|t| t.name.clone()).collect())?;
    tensors.retain(|t| Some(&t.name) == path.key.as_ref());
    let Some(tensor) = tensors.pop() else {
        return Err(ArrayError::Key { path, rule: "no such key", available: Vec::new() });
    };
    let Some(dtype) = tensor.dtype else {
        let rule = "must be bool, an integer, or a float of 16, 32 or 64 bits";
        return Err(ArrayError::Dtype { path, dtype: tensor.type_name, rule });
    };
    let (offset, there) = tensor.span;
    reader.seek(SeekFrom::Start(offset)).map_err(|e| FileError::new(&path.file, e))?;
    let opened = Opened {
        path,
        dtype,
        big_endian: false,
        fortran_order: false,
        shape: tensor.shape,
        offset,
        elements: Stream::plain(reader.take(there)),
    };
    check_size(&opened, there)?;
    Ok(opened)
}

/// The path with its key: the one asked for, or the only one there is.
fn with_key(path: &ArrayPath, available: Vec<String>) -> Result<ArrayPath, ArrayError> {
    let key = match (&path.key, &available[..]) {
        (Some(key), _) if available.contains(key) => key.clone(),
        (None, [only]) => only.clone(),
        (key, _) => {
            let rule = if key.is_some() { "no such key" } else { "name one array as FILE:KEY" };
            return Err(ArrayError::Key { path: path.clone(), rule, available });
        }
    };
    Ok(ArrayPath { file: path.file.clone(), key: Some(key) })
}
