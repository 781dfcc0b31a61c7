//! Arrays as kernels see them.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Shape, TensorData};
use tenfold_kernels::parallel::{CHUNK, chunks};
use tenfold_recycle::Buffer;

/// What Burn's CPU back end keeps of a tensor.
pub(super) type Primitive = FloatTensor<Flex>;

/// A contiguous, row-major array of single-precision numbers that is shared with a tensor.
#[derive(Clone, Debug)]
pub struct Array {
    primitive: Primitive,
    shape: Vec<usize>,
}

impl Array {
    /// An array of this shape. `write` fills it; what it finds there is arbitrary.
    pub fn from_fn(shape: &[usize], write: impl FnOnce(&mut [f32])) -> Self {
        let [array] = Self::several([shape], |[to]| write(to));
        array
    }

    /// Arrays of these shapes that are computed together.
    pub fn several<const N: usize>(shapes: [&[usize]; N], write: impl FnOnce([&mut [f32]; N])) -> [Self; N] {
        let mut buffers = shapes.map(|shape| Buffer::new(shape.iter().product()));
        write(buffers.each_mut().map(Buffer::as_mut_slice));
        let mut shapes = shapes.into_iter();
        buffers.map(|buffer| {
            let shape = shapes.next().expect("as many shapes as buffers").to_vec();
            let data = TensorData::from_bytes(buffer.into_bytes(), Shape::from(shape.clone()), DType::F32);
            Self { primitive: Primitive::from_data(data), shape }
        })
    }

    /// An array of these numbers.
    pub fn from_slice(shape: &[usize], values: &[f32]) -> Self {
        Self::from_fn(shape, |to| to.copy_from_slice(values))
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its shape, of known rank.
    ///
    /// # Panics
    /// If it has another rank.
    pub fn dims<const D: usize>(&self) -> [usize; D] {
        self.shape.as_slice().try_into().unwrap_or_else(|_| panic!("rank {D} expected, found {:?}", self.shape))
    }

    /// The length of the last axis; 1 for a single number.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Its numbers, row-major.
    pub fn data(&self) -> &[f32] {
        self.primitive.as_slice().expect("contiguous single precision, as constructed")
    }

    /// Changes the numbers in place where nobody else sees them, and in a copy otherwise.
    pub fn update(self, change: impl FnOnce(&mut [f32])) -> Self {
        let len: usize = self.shape.iter().product();
        let mut primitive = self.primitive;
        let whole = primitive.bytes().len() == len * size_of::<f32>();
        if whole && let Some(values) = primitive.try_storage_mut::<f32>() {
            change(values);
            return Self { primitive, shape: self.shape };
        }
        Self::from_fn(&self.shape, |to| {
            to.copy_from_slice(primitive.as_slice().expect("contiguous single precision, as constructed"));
            change(to);
        })
    }

    pub(super) fn new(primitive: Primitive) -> Self {
        assert_eq!(primitive.dtype(), DType::F32, "kernels take single precision");
        let shape = primitive.layout().shape().to_vec();
        match Rows::of(&primitive) {
            Some(rows) => Self::from_fn(&shape, |to| rows.copy(primitive.storage(), to)),
            None => Self { primitive: primitive.to_contiguous(), shape },
        }
    }

    pub(super) fn into_primitive(self) -> Primitive {
        self.primitive
    }
}

/// A view whose last axis is contiguous, as axes that changed places leave it.
struct Rows {
    /// Shape and strides of all axes but the last.
    axes: Vec<(usize, isize)>,
    start: usize,
    width: usize,
}

impl Rows {
    /// The rows of a view; none where it is contiguous already, or its rows are not.
    fn of(primitive: &Primitive) -> Option<Self> {
        let layout = primitive.layout();
        let (shape, strides) = (layout.shape(), layout.strides());
        let last = shape.len().checked_sub(1)?;
        // Short rows are copied faster by Burn, tile by tile.
        if primitive.is_contiguous() || strides[last] != 1 || shape[last] < 8 {
            return None;
        }
        let axes = (0..last).map(|axis| (shape[axis], strides[axis])).collect();
        Some(Self { axes, start: layout.start_offset(), width: shape[last] })
    }

    fn copy(&self, from: &[f32], to: &mut [f32]) {
        let block = (CHUNK / self.width).max(1);
        let work = to.len();
        chunks(to, block * self.width, work, |i, to| {
            for (j, row) in to.chunks_exact_mut(self.width).enumerate() {
                let start = self.start_of(i * block + j);
                row.copy_from_slice(&from[start..start + self.width]);
            }
        });
    }

    /// Where a row begins in the storage.
    fn start_of(&self, row: usize) -> usize {
        let (mut rest, mut offset) = (row, self.start as isize);
        for (len, stride) in self.axes.iter().rev() {
            offset += (rest % len) as isize * stride;
            rest /= len;
        }
        offset as usize
    }
}
