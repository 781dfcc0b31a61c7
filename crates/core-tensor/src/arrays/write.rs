//! Writing arrays.

use super::ArrayError;
use super::npy::header_bytes;
use crate::files::write_atomic;
use ndarray::{ArrayView, ArrayView2, ArrayViewD, Dimension};
use std::io::{self, Write};
use std::path::Path;

/// A number that can be written, with NumPy's name for it.
pub trait Element: Copy {
    /// NumPy's type string.
    const DESCR: &'static str;
    /// Appends the little-endian bytes.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! element {
    ($($number:ty => $descr:literal),*) => {$(
        impl Element for $number {
            const DESCR: &'static str = $descr;
            fn put(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
        }
    )*};
}
element!(f32 => "<f4", f64 => "<f8", i64 => "<i8", u32 => "<u4", u8 => "|u1");

/// Writes one array as `.npy`, in row-major order; the file appears whole or not at all.
///
/// # Errors
/// If the file system refuses.
pub fn write_npy<T: Element, D: Dimension>(path: impl AsRef<Path>, array: ArrayView<T, D>) -> Result<(), ArrayError> {
    write_atomic(path, |w| put_array(w, array.into_dyn())).map_err(ArrayError::from)
}

/// Writes an array as `.npy` block of rows by block of rows, so that it need not fit in memory; the file appears whole or not
/// at all.
///
/// Rows are those of the last axis. `blocks` is called with what takes the next of them.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_core_tensor::arrays::{ArrayPath, read_matrix, write_npy_blocks};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("x.npy");
/// write_npy_blocks(&path, [3, 2], |push| {
///     push(Array2::<f32>::zeros((2, 2)).view())?;
///     push(Array2::<f32>::ones((1, 2)).view())
/// })?;
/// assert_eq!(read_matrix(&ArrayPath::from(path))?.sum(), 2.0);
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
///
/// # Errors
/// If the file system refuses, or the blocks do not make up the shape.
pub fn write_npy_blocks<T: Element, const D: usize>(
    path: impl AsRef<Path>,
    shape: [usize; D],
    blocks: impl FnOnce(&mut dyn FnMut(ArrayView2<T>) -> io::Result<()>) -> io::Result<()>,
) -> Result<(), ArrayError> {
    let written = write_atomic(path, |w| {
        w.write_all(&header_bytes(T::DESCR, &shape))?;
        let (columns, leading) = shape.split_last().map_or((0, &[][..]), |(last, leading)| (*last, leading));
        let (mut rows, all) = (0, leading.iter().product::<usize>());
        blocks(&mut |block: ArrayView2<T>| {
            rows += block.nrows();
            if block.ncols() != columns || rows > all {
                let text = format!("a block of {:?} ends at row {rows} of {shape:?}", block.dim());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            put_elements(w, block.into_dyn())
        })?;
        if rows == all {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{rows} rows of {shape:?} were given")))
    });
    written.map_err(ArrayError::from)
}

/// An array that can stand in an `.npz` beside arrays of other types and shapes.
pub trait Npy {
    /// Writes header and elements.
    ///
    /// # Errors
    /// If the writer refuses.
    fn put(&self, w: &mut dyn Write) -> io::Result<()>;
}

impl<T: Element, D: Dimension> Npy for ArrayView<'_, T, D> {
    fn put(&self, mut w: &mut dyn Write) -> io::Result<()> {
        put_array(&mut w, self.view().into_dyn())
    }
}

/// Writes named arrays as an uncompressed `.npz`; the file appears whole or not at all, and the same arrays give the
/// same bytes.
///
/// ```
/// use ndarray::array;
/// use tenfold_core_tensor::arrays::{ArrayPath, read_labels, write_npz};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("prediction.npz");
/// let (scores, classes) = (array![[0.25, 0.75]], array![1_i64]);
/// write_npz(&path, &[("scores", &scores.view()), ("classes", &classes.view())])?;
/// assert_eq!(read_labels(&ArrayPath { file: path, key: Some("classes".into()) })?, [1]);
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
///
/// # Errors
/// If the file system refuses.
pub fn write_npz(path: impl AsRef<Path>, arrays: &[(&str, &dyn Npy)]) -> Result<(), ArrayError> {
    // The zip crate wants to seek; a buffer in memory keeps the write atomic.
    let attempt = |w: &mut dyn Write| -> io::Result<()> {
        let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        // No time stamp: the same arrays must give the same bytes.
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .large_file(true);
        for (name, array) in arrays {
            archive.start_file(format!("{name}.npy"), options)?;
            array.put(&mut archive)?;
        }
        w.write_all(archive.finish()?.get_ref())
    };
    write_atomic(path, |w| attempt(w)).map_err(ArrayError::from)
}

fn put_array<T: Element>(w: &mut impl Write, array: ArrayViewD<T>) -> io::Result<()> {
    w.write_all(&header_bytes(T::DESCR, array.shape()))?;
    put_elements(w, array)
}

fn put_elements<T: Element>(w: &mut impl Write, array: ArrayViewD<T>) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for value in array.iter() {
        value.put(&mut buffer);
        if buffer.len() >= (1 << 16) - 8 {
            w.write_all(&buffer)?;
            buffer.clear();
        }
    }
    w.write_all(&buffer)
}
