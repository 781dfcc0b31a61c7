//! Blocks along the second axis of an array, without the whole of it in memory.

use super::open::{Opened, open};
use super::{ArrayError, ArrayPath, Dtype, decode, read_array};
use crate::files::FileError;
use ndarray::{Array3, ArrayView3, Ix3, s};
use rayon::prelude::*;
use std::fs::File;
use std::io;

/// Reads an array `[N, n, C]` some of the n at a time, each block with all N: what K models say of some points.
///
/// `.npy` and `.safetensors` files are read where the numbers lie, by several threads, into memory that is used again for the
/// next block: blocks of a few MiB stay in the cache until they are worked on. The arrays of an `.npz` file, and arrays in
/// Fortran order, are read whole first.
///
/// ```
/// use ndarray::{Array3, s};
/// use tenfold_core_tensor::arrays::{ArrayPath, Slabs, write_npy};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("p.npy");
/// let array = Array3::from_shape_fn((3, 5, 2), |(t, i, k)| (t * 100 + i * 10 + k) as f32);
/// write_npy(&path, array.view())?;
/// let mut slabs = Slabs::open(&ArrayPath::from(path))?;
/// assert_eq!(slabs.next_slab(2)?.unwrap(), array.slice(s![.., 0..2, ..]));
/// assert_eq!(slabs.next_slab(9)?.unwrap(), array.slice(s![.., 2..5, ..]));
/// assert!(slabs.next_slab(9)?.is_none());
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
pub struct Slabs {
    opened: Opened,
    shape: [usize; 3],
    next: usize,
    source: Source,
    /// The last block that was read from a file.
    block: Vec<f32>,
}

enum Source {
    /// The file, to be read in places.
    File(File),
    /// All numbers.
    Whole(Array3<f32>),
}

impl Slabs {
    /// Opens an array and checks its header.
    ///
    /// # Errors
    /// As [`read_array`], or an array that has not three axes.
    pub fn open(path: &ArrayPath) -> Result<Self, ArrayError> {
        let opened = open(path)?;
        let [a, b, c] = opened.shape[..] else {
            let (path, shape) = (opened.path, opened.shape);
            return Err(ArrayError::Shape { path, shape, rule: "must have three axes" });
        };
        let in_place = !opened.fortran_order && opened.path.file.extension().is_none_or(|e| e != "npz");
        let source = if in_place {
            let file = &opened.path.file;
            Source::File(File::open(file).map_err(|e| FileError::new(file, e))?)
        } else {
            let array = read_array(path)?.into_dimensionality::<Ix3>();
            Source::Whole(array.map_err(|e| opened.broken(opened.offset, e.to_string()))?)
        };
        Ok(Self { opened, shape: [a, b, c], next: 0, source, block: Vec::new() })
    }

    /// The array's shape.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The next at most `count` of the second axis, `[N, count, C]`; none at the end.
    ///
    /// # Errors
    /// If the data end early or the file cannot be read.
    pub fn next_slab(&mut self, count: usize) -> Result<Option<ArrayView3<'_, f32>>, ArrayError> {
        let [outer, middle, inner] = self.shape;
        let count = count.min(middle - self.next);
        if count == 0 {
            return Ok(None);
        }
        let first = self.next;
        self.next += count;
        let file = match &self.source {
            Source::Whole(array) => return Ok(Some(array.slice(s![.., first..first + count, ..]))),
            Source::File(file) => file,
        };
        let opened = &self.opened;
        let (dtype, big_endian, start) = (opened.dtype, opened.big_endian, opened.offset);
        let each = count * inner;
        self.block.resize(outer * each, 0.0);
        let read = |(t, values): (usize, &mut [f32])| {
            let offset = start + ((t * middle + first) * inner * dtype.size()) as u64;
            let read = if dtype == Dtype::Float(4) && !big_endian && cfg!(target_endian = "little") {
                // As they lie in the file: read where they stay.
                read_at(file, bytemuck::cast_slice_mut(values), offset)
            } else {
                let mut bytes = vec![0; each * dtype.size()];
                read_at(file, &mut bytes, offset).map(|()| {
                    let mut decoded = Vec::with_capacity(each);
                    decode::floats(&bytes, dtype, big_endian, &mut decoded);
                    values.copy_from_slice(&decoded);
                })
            };
            read.map_err(|error| (offset, error))
        };
        let done = self.block.par_chunks_mut(each.max(1)).enumerate().try_for_each(read);
        done.map_err(|(offset, e)| opened.broken(offset, format!("data cannot be read ({e})")))?;
        let slab = ArrayView3::from_shape((outer, count, inner), &self.block);
        slab.map(Some).map_err(|e| opened.broken(opened.offset, e.to_string()))
    }
}

/// Fills the buffer from a place in the file, whatever other threads read.
#[cfg(unix)]
fn read_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, to, offset)
}

/// Fills the buffer from a place in the file, whatever other threads read.
#[cfg(windows)]
fn read_at(file: &File, mut to: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !to.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, to, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                offset += n as u64;
                to = &mut std::mem::take(&mut to)[n..];
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrays::{write_npy, write_npz};

    #[test]
    fn every_format_gives_the_same_slabs() {
        let folder = tempfile::tempdir().unwrap();
        let array = Array3::from_shape_fn((2, 7, 3), |(t, i, k)| (t * 50 + i * 5 + k) as f32);
        let (npy, npz) = (folder.path().join("a.npy"), folder.path().join("a.npz"));
        write_npy(&npy, array.view()).unwrap();
        write_npz(&npz, &[("a", &array.view())]).unwrap();
        let wide = folder.path().join("wide.npy");
        write_npy(&wide, array.mapv(f64::from).view()).unwrap();
        for path in [ArrayPath::from(npy), ArrayPath::from(wide), format!("{}:a", npz.display()).parse().unwrap()] {
            let mut slabs = Slabs::open(&path).unwrap();
            assert_eq!(slabs.shape(), [2, 7, 3]);
            let mut seen = 0;
            while let Some(slab) = slabs.next_slab(3).unwrap() {
                assert_eq!(slab, array.slice(s![.., seen..seen + slab.dim().1, ..]), "{path}");
                seen += slab.dim().1;
            }
            assert_eq!(seen, 7);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_npy(&path, ndarray::Array2::<f32>::zeros((2, 2)).view()).unwrap();
        let error = Slabs::open(&ArrayPath::from(path)).err().map(|e| e.to_string()).unwrap();
        assert!(error.contains("must have three axes"), "{error}");
    }
}
