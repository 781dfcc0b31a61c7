//! Reading arrays whole, or in blocks of rows.

use super::decode::{self, Lost, Real};
use super::open::{Opened, open};
use super::{ArrayError, ArrayPath};
use ndarray::{Array1, Array2, ArrayD, IxDyn, ShapeBuilder};
use std::io::Read;

/// Bytes asked of a stream at a time: memory grows only as data really comes.
const STEP: usize = 1 << 20;

/// Reads an array of any shape as `f32`.
///
/// Wider floats and integers are rounded to nearest; what single precision does not reach is refused (see the [module](super)).
/// NaN and infinities pass: whether they are allowed is the caller's rule.
///
/// # Errors
/// A missing or broken file, a missing key, an element type that is not a number, a finite number above 3.4e38.
pub fn read_array(path: &ArrayPath) -> Result<ArrayD<f32>, ArrayError> {
    array_of(path)
}

/// Reads a matrix as `f32`, as [`read_array`] does.
///
/// # Errors
/// As [`read_array`], or another number of axes than two.
pub fn read_matrix(path: &ArrayPath) -> Result<Array2<f32>, ArrayError> {
    matrix_of(path)
}

/// Reads a vector as `f32`, as [`read_array`] does. A matrix of one column or one row counts as a vector.
///
/// # Errors
/// As [`read_array`], or more than one axis longer than 1.
pub fn read_vector(path: &ArrayPath) -> Result<Array1<f32>, ArrayError> {
    vector_of(path)
}

/// Reads a matrix as `f64`, for numbers that are compared, binned or subtracted: nothing is rounded.
///
/// # Errors
/// As [`read_matrix`], but numbers of any size pass; a whole number that a double does not hold is refused.
pub fn read_matrix_f64(path: &ArrayPath) -> Result<Array2<f64>, ArrayError> {
    matrix_of(path)
}

/// Reads a vector as `f64`, for numbers that are compared, binned or subtracted: nothing is rounded.
///
/// ```
/// use ndarray::array;
/// use tenfold_core_tensor::arrays::{ArrayPath, read_vector, read_vector_f64, write_npy};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("times.npy");
/// // Two seconds of 2026.
/// write_npy(&path, array![1_790_000_001_i64, 1_790_000_002].view())?;
/// let times = read_vector_f64(&ArrayPath::from(path.clone()))?;
/// assert_eq!(times[1] - times[0], 1.0);
/// // Single precision has them at the same time.
/// let times = read_vector(&ArrayPath::from(path))?;
/// assert_eq!(times[1] - times[0], 0.0);
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
///
/// # Errors
/// As [`read_vector`], but numbers of any size pass; a whole number that a double does not hold is refused.
pub fn read_vector_f64(path: &ArrayPath) -> Result<Array1<f64>, ArrayError> {
    vector_of(path)
}

fn array_of<T: Real>(path: &ArrayPath) -> Result<ArrayD<T>, ArrayError> {
    let opened = open(path)?;
    let shape = IxDyn(&opened.shape).set_f(opened.fortran_order);
    let (path, dims) = (opened.path.clone(), opened.shape.clone());
    let values = all_floats(opened)?;
    ArrayD::from_shape_vec(shape, values).map(|a| a.as_standard_layout().into_owned()).map_err(|_| ArrayError::Shape {
        path,
        shape: dims,
        rule: "does not fit in memory",
    })
}

fn matrix_of<T: Real>(path: &ArrayPath) -> Result<Array2<T>, ArrayError> {
    let array = array_of(path)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| ArrayError::Shape {
        path: path.clone(),
        shape,
        rule: "must have two axes, [rows, columns]",
    })
}

fn vector_of<T: Real>(path: &ArrayPath) -> Result<Array1<T>, ArrayError> {
    let array = array_of(path)?;
    let shape = array.shape().to_vec();
    if shape.is_empty() || shape.iter().filter(|&&n| n != 1).count() > 1 {
        return Err(ArrayError::Shape { path: path.clone(), shape, rule: "must have one axis" });
    }
    Ok(array.into_iter().collect())
}

/// Reads class labels: integers of any width, or booleans, none negative.
///
/// # Errors
/// As [`read_vector`], elements that are not integers, or a negative label.
pub fn read_labels(path: &ArrayPath) -> Result<Vec<usize>, ArrayError> {
    let mut opened = open(path)?;
    let path = opened.path.clone();
    if !opened.dtype.is_integer() {
        let dtype = opened.dtype.to_string();
        return Err(ArrayError::Dtype { path, dtype, rule: "labels must be integers" });
    }
    if opened.shape.is_empty() || opened.shape.iter().filter(|&&n| n != 1).count() > 1 {
        return Err(ArrayError::Shape { path, shape: opened.shape, rule: "must have one axis" });
    }
    let (dtype, big_endian, total) = (opened.dtype, opened.big_endian, opened.len());
    let mut labels = Vec::new();
    let mut bad = None;
    while let Some(bytes) = next_bytes(&mut opened, labels.len(), total)? {
        decode::integers(&bytes, dtype, big_endian, |value| match usize::try_from(value) {
            Ok(label) => labels.push(label),
            Err(_) => {
                bad.get_or_insert((labels.len(), value));
                labels.push(0);
            }
        });
    }
    match bad {
        Some((index, value)) => {
            Err(ArrayError::Value { path, index, value: value.to_string(), rule: "labels must not be negative" })
        }
        None => Ok(labels),
    }
}

fn all_floats<T: Real>(mut opened: Opened) -> Result<Vec<T>, ArrayError> {
    let mut values = Vec::new();
    let end = opened.len();
    append(&mut opened, 0, end, &mut values)?;
    Ok(values)
}

/// Appends the elements from `start`, where the stream is, to `end`.
fn append<T: Real>(opened: &mut Opened, start: usize, end: usize, to: &mut Vec<T>) -> Result<(), ArrayError> {
    let (dtype, big_endian, before) = (opened.dtype, opened.big_endian, to.len());
    loop {
        let done = start + to.len() - before;
        let Some(bytes) = next_bytes(opened, done, end)? else { return Ok(()) };
        decode::floats(&bytes, dtype, big_endian, to).map_err(|lost| unheld::<T>(&opened.path, done, lost))?;
    }
}

/// An element that the number it is read as cannot hold, the first of those decoded being element `first`.
pub(super) fn unheld<T: Real>(path: &ArrayPath, first: usize, (index, value): Lost) -> ArrayError {
    ArrayError::Value { path: path.clone(), index: first + index, value, rule: T::RULE }
}

/// The next at most [`STEP`] bytes' worth of elements after the first `done` of the `total` that are wanted; none at the end.
/// With the array's last element, its checksum is verified.
fn next_bytes(opened: &mut Opened, done: usize, total: usize) -> Result<Option<Vec<u8>>, ArrayError> {
    let size = opened.dtype.size();
    let count = (total - done).min(STEP / size);
    if count == 0 {
        return Ok(None);
    }
    let mut bytes = vec![0; count * size];
    opened.elements.read_exact(&mut bytes).map_err(|e| {
        let at = opened.offset + (done * size) as u64;
        opened.broken(at, format!("data ends early, at element {done} of {total} or soon after ({e})"))
    })?;
    if done + count == opened.len() {
        opened.finish()?;
    }
    Ok(Some(bytes))
}

/// Reads an array a block of rows at a time, so that it need not fit in memory.
///
/// The first axis counts rows; the others are flattened. Arrays in Fortran order are read whole first, since their rows
/// are not contiguous.
///
/// The checksum of an array in an `.npz` is known with its last block: that block is refused where the bytes are damaged, and
/// what the blocks before it gave is worth nothing then.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, write_npy};
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("x.npy");
/// write_npy(&path, Array2::<f32>::ones((10, 3)).view())?;
/// let mut blocks = RowBlocks::open(&ArrayPath::from(path))?;
/// let mut rows = 0;
/// while let Some(block) = blocks.next_block(4)? {
///     rows += block.nrows();
/// }
/// assert_eq!((rows, blocks.shape()), (10, &[10, 3][..]));
/// # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
/// ```
pub struct RowBlocks {
    opened: Opened,
    width: usize,
    next_row: usize,
    /// The whole array, where it had to be read at once.
    whole: Option<Array2<f64>>,
}

impl RowBlocks {
    /// Opens an array and checks its header; no element is read yet.
    ///
    /// # Errors
    /// As [`read_array`], or an array without axes.
    pub fn open(path: &ArrayPath) -> Result<Self, ArrayError> {
        let opened = open(path)?;
        let Some((&rows, rest)) = opened.shape.split_first() else {
            return Err(ArrayError::Shape { path: opened.path, shape: Vec::new(), rule: "must have rows" });
        };
        let width = rest.iter().product();
        let whole = if opened.fortran_order && !rest.is_empty() {
            let array = array_of(path)?;
            let shape = array.shape().to_vec();
            let rule = "does not fit in memory";
            let flat = array.into_shape_with_order((rows, width));
            Some(flat.map_err(|_| ArrayError::Shape { path: opened.path.clone(), shape, rule })?)
        } else {
            None
        };
        Ok(Self { opened, width, next_row: 0, whole })
    }

    /// The array's shape.
    pub fn shape(&self) -> &[usize] {
        &self.opened.shape
    }

    /// The next at most `rows` rows; none at the end.
    ///
    /// # Errors
    /// If the data end early or are damaged, or a number does not fit, as in [`read_array`].
    pub fn next_block(&mut self, rows: usize) -> Result<Option<Array2<f32>>, ArrayError> {
        self.next_of(rows)
    }

    /// The same as `f64`, for numbers that are compared: nothing is rounded.
    ///
    /// # Errors
    /// If the data end early or are damaged, or a number does not fit, as in [`read_vector_f64`].
    pub fn next_block_f64(&mut self, rows: usize) -> Result<Option<Array2<f64>>, ArrayError> {
        self.next_of(rows)
    }

    fn next_of<T: Real>(&mut self, rows: usize) -> Result<Option<Array2<T>>, ArrayError> {
        let first = self.next_row;
        let rows = rows.min(self.opened.shape[0] - first);
        if rows == 0 {
            return Ok(None);
        }
        self.next_row += rows;
        let (start, end) = (first * self.width, self.next_row * self.width);
        let mut values = Vec::with_capacity(rows * self.width);
        match &self.whole {
            Some(whole) => {
                for (at, value) in (start..end).zip(whole.slice(ndarray::s![first..first + rows, ..])) {
                    let lost = || unheld::<T>(&self.opened.path, at, (0, format!("{value:e}")));
                    values.push(T::double(*value).ok_or_else(lost)?);
                }
            }
            None => append(&mut self.opened, start, end, &mut values)?,
        }
        let block = Array2::from_shape_vec((rows, self.width), values);
        block.map(Some).map_err(|e| self.opened.broken(self.opened.offset, e.to_string()))
    }
}
