//! Blocks along the second axis of an array, without the whole of it in memory.

use super::open::{Opened, broken, open};
use super::read::unheld;
use super::{ArrayError, ArrayPath, Dtype, decode, read_array};
use crate::files::FileError;
use ndarray::{Array3, Ix3, s};
use std::fs::File;
use std::io;
use std::ops::Range;

/// An array `[N, n, C]` of which some of the n are read at a time, with all N: what K models say of some points.
///
/// `.npy` and `.safetensors` files are read where the numbers lie, by as many threads as ask, into memory of theirs: blocks that fit
/// into a processor's cache stay there until they are worked on. The arrays of an `.npz` file, and arrays in Fortran order, are read
/// whole first.
///
/// ```
/// use ndarray::{Array3, s};
/// use tenfold_core_tensor::arrays::{ArrayPath, Slabs, write_npy};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("p.npy");
/// let array = Array3::from_shape_fn((3, 5, 2), |(t, i, k)| (t * 100 + i * 10 + k) as f32);
/// write_npy(&path, array.view())?;
/// let slabs = Slabs::open(&ArrayPath::from(path))?;
/// let mut room = Vec::new();
/// slabs.read(1..3, &mut room)?;
/// assert_eq!(room, array.slice(s![.., 1..3, ..]).iter().copied().collect::<Vec<f32>>());
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
pub struct Slabs {
    path: ArrayPath,
    shape: [usize; 3],
    dtype: Dtype,
    source: Source,
}

enum Source {
    /// The file, to be read in places, and how its numbers lie in it from some byte on.
    File { file: File, dtype: Dtype, big_endian: bool, start: u64 },
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
        let Opened { path: found, dtype, big_endian, offset: start, .. } = opened;
        let source = if in_place {
            let file = File::open(&found.file).map_err(|e| FileError::new(&found.file, e))?;
            Source::File { file, dtype, big_endian, start }
        } else {
            let array = read_array(path)?.into_dimensionality::<Ix3>();
            Source::Whole(array.map_err(|e| broken(&found, start, e.to_string()))?)
        };
        Ok(Self { path: found, shape: [a, b, c], dtype, source })
    }

    /// The array's shape.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The type of the numbers in the file: doubles and integers are rounded to single precision as they are read.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Some of the second axis, `[N, points.len(), C]` one row after the other, in place of what `to` held.
    ///
    /// # Errors
    /// If the data end early, the file cannot be read, or a number does not fit, as in [`read_array`].
    ///
    /// # Panics
    /// If the range ends beyond the axis.
    pub fn read(&self, points: Range<usize>, to: &mut Vec<f32>) -> Result<(), ArrayError> {
        let [outer, middle, inner] = self.shape;
        assert!(points.start <= points.end && points.end <= middle, "{points:?} of {middle}");
        let (file, dtype, big_endian, start) = match &self.source {
            Source::Whole(array) => {
                to.clear();
                to.extend(array.slice(s![.., points, ..]));
                return Ok(());
            }
            Source::File { file, dtype, big_endian, start } => (file, *dtype, *big_endian, *start),
        };
        let each = points.len() * inner;
        to.resize(outer * each, 0.0);
        // Empty where numbers are read as they lie in the file.
        let (mut bytes, mut decoded) = (Vec::new(), Vec::new());
        for (t, values) in to.chunks_exact_mut(each.max(1)).enumerate() {
            let first = (t * middle + points.start) * inner;
            let offset = start + (first * dtype.size()) as u64;
            let read = if dtype == Dtype::Float(4) && !big_endian && cfg!(target_endian = "little") {
                // As they lie in the file: read where they stay.
                read_at(file, bytemuck::cast_slice_mut(values), offset)
            } else {
                bytes.resize(each * dtype.size(), 0);
                read_at(file, &mut bytes, offset)
            };
            read.map_err(|e| broken(&self.path, offset, format!("data cannot be read ({e})")))?;
            if !bytes.is_empty() {
                decoded.clear();
                let lost = |lost| unheld::<f32>(&self.path, first, lost);
                decode::floats(&bytes, dtype, big_endian, &mut decoded).map_err(lost)?;
                values.copy_from_slice(&decoded);
            }
        }
        Ok(())
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
            let slabs = Slabs::open(&path).unwrap();
            assert_eq!(slabs.shape(), [2, 7, 3]);
            assert_eq!(slabs.dtype(), Dtype::Float(if path.to_string().contains("wide") { 8 } else { 4 }));
            let mut room = vec![9.0; 5];
            for points in [0..3, 3..4, 2..7, 7..7, 0..7] {
                slabs.read(points.clone(), &mut room).unwrap();
                assert!(room.iter().eq(array.slice(s![.., points.clone(), ..])), "{path} {points:?}");
            }
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
