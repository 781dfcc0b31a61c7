//! Reading arrays whole, or in blocks of rows.

use super::open::{Opened, open};
use super::{ArrayError, ArrayPath, decode};
use ndarray::{Array1, Array2, ArrayD, IxDyn, ShapeBuilder};

/// Bytes asked of a stream at a time: memory grows only as data really comes.
const STEP: usize = 1 << 20;

/// Reads an array of any shape as `f32`.
///
/// Wider floats and integers are rounded to nearest. NaN and infinities pass: whether they are allowed is the caller's rule.
///
/// # Errors
/// A missing or broken file, a missing key, an element type that is not a number.
pub fn read_array(path: &ArrayPath) -> Result<ArrayD<f32>, ArrayError> {
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

/// Reads a matrix as `f32`, as [`read_array`] does.
///
/// # Errors
/// As [`read_array`], or another number of axes than two.
pub fn read_matrix(path: &ArrayPath) -> Result<Array2<f32>, ArrayError> {
    let array = read_array(path)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| ArrayError::Shape {
        path: path.clone(),
        shape,
        rule: "must have two axes, [rows, columns]",
    })
}

/// Reads a vector as `f32`, as [`read_array`] does. A matrix of one column or one row counts as a vector.
///
/// # Errors
/// As [`read_array`], or more than one axis longer than 1.
pub fn read_vector(path: &ArrayPath) -> Result<Array1<f32>, ArrayError> {
    let array = read_array(path)?;
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

fn all_floats(mut opened: Opened) -> Result<Vec<f32>, ArrayError> {
    let (dtype, big_endian, total) = (opened.dtype, opened.big_endian, opened.len());
    let mut values = Vec::new();
    while let Some(bytes) = next_bytes(&mut opened, values.len(), total)? {
        decode::floats(&bytes, dtype, big_endian, &mut values);
    }
    Ok(values)
}

/// The next at most [`STEP`] bytes' worth of elements after the first `done` of `total`; none at the end.
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
    Ok(Some(bytes))
}

/// Reads an array a block of rows at a time, so that it need not fit in memory.
///
/// The first axis counts rows; the others are flattened. Arrays in Fortran order are read whole first, since their rows
/// are not contiguous.
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
    whole: Option<Array2<f32>>,
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
            let array = read_array(path)?;
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
    /// If the data end early.
    pub fn next_block(&mut self, rows: usize) -> Result<Option<Array2<f32>>, ArrayError> {
        let first = self.next_row;
        let rows = rows.min(self.opened.shape[0] - first);
        if rows == 0 {
            return Ok(None);
        }
        self.next_row += rows;
        if let Some(whole) = &self.whole {
            return Ok(Some(whole.slice(ndarray::s![first..first + rows, ..]).to_owned()));
        }
        let (dtype, big_endian, end) = (self.opened.dtype, self.opened.big_endian, self.next_row * self.width);
        let start = first * self.width;
        let mut values = Vec::with_capacity(rows * self.width);
        while let Some(bytes) = next_bytes(&mut self.opened, start + values.len(), end)? {
            decode::floats(&bytes, dtype, big_endian, &mut values);
        }
        let block = Array2::from_shape_vec((rows, self.width), values);
        block.map(Some).map_err(|e| self.opened.broken(self.opened.offset, e.to_string()))
    }
}
