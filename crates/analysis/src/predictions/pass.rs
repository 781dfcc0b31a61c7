//! One pass over predictions, for everything that is found point by point.

use super::block::{Block, Layout};
use crate::error::{AnalysisError, require, require_labels, require_shape};
use ndarray::ArrayView3;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Mutex;
use tenfold_core_tensor::arrays::Slabs;

/// Bytes of a block: it stays in the processor's cache from reading to use, and what is read of a model at a time is worth a call of
/// the system.
const BYTES: usize = 3 << 20;
/// The least that is read of a model at a time, in bytes: a call of the system costs as much as copying some thousand.
const LEAST: usize = 4 << 10;
/// Blocks between two meetings of all threads.
const BLOCKS: usize = 128;
/// Blocks at least, so that every thread has some where there are few points.
const FEWEST: usize = 64;

/// Memory of blocks that are done, for the next.
type Rooms = Mutex<Vec<Vec<f32>>>;

/// What N models say of n points, `[N models, n points, C classes]`: an array in memory, or a file that is read in places.
pub enum Predictions<'a> {
    /// All numbers.
    Array(ArrayView3<'a, f32>),
    /// A file, which need not fit in memory.
    File(&'a Slabs),
}

impl<'a> From<ArrayView3<'a, f32>> for Predictions<'a> {
    fn from(array: ArrayView3<'a, f32>) -> Self {
        Self::Array(array)
    }
}

impl<'a> From<&'a Slabs> for Predictions<'a> {
    fn from(file: &'a Slabs) -> Self {
        Self::File(file)
    }
}

impl Predictions<'_> {
    /// N, n and C.
    pub fn shape(&self) -> [usize; 3] {
        match self {
            Self::Array(array) => array.dim().into(),
            Self::File(file) => file.shape(),
        }
    }

    /// Some points, in memory that is used again where they have to be brought together first.
    fn block<'b>(
        &'b self,
        points: Range<usize>,
        labels: &'b [usize],
        first: usize,
        room: &'b mut Vec<f32>,
    ) -> Result<Block<'b>, AnalysisError> {
        let [models, all, classes] = self.shape();
        let labels = &labels[points.clone()];
        let first = first + points.start;
        let layout = |stride, start| Layout { models, classes, stride, start };
        let together = layout(points.len(), 0);
        match self {
            Self::Array(array) => match array.to_slice() {
                Some(values) => Ok(Block::new(values, layout(all, points.start), labels, first)),
                None => {
                    room.clear();
                    room.extend(array.slice(ndarray::s![.., points, ..]));
                    Ok(Block::new(room, together, labels, first))
                }
            },
            Self::File(file) => {
                file.read(points, room)?;
                Ok(Block::new(room, together, labels, first))
            }
        }
    }
}

/// Something that is found of each point from what all models say of it, such as a [`Decomposition`](crate::Decomposition).
///
/// Pairs, lists and options of such things are such things: [`pass`] reads the predictions once for all of them.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{AnalysisError, Block, PerPoint, pass};
/// /// The largest number of every point, over models and classes.
/// struct Largest(Vec<f32>);
/// impl PerPoint for Largest {
///     type Found = Vec<f32>;
///     fn find(&self, block: &Block) -> Result<Vec<f32>, AnalysisError> {
///         let row = |t: usize, i: usize| block.row(t, i).iter().copied().fold(f32::MIN, f32::max);
///         Ok((0..block.len()).map(|i| (0..block.models()).map(|t| row(t, i)).fold(f32::MIN, f32::max)).collect())
///     }
///     fn keep(&mut self, found: Vec<f32>) {
///         self.0.extend(found);
///     }
/// }
/// let z = array![[[1.0_f32, 2.0], [0.0, 3.0]], [[4.0, 0.0], [1.0, 1.0]]];
/// let largest = pass(z.view(), &[0, 1], Largest(Vec::new()), |_| ())?;
/// assert_eq!(largest.0, [4.0, 3.0]);
/// # Ok::<(), AnalysisError>(())
/// ```
pub trait PerPoint: Sync {
    /// What is found in a block of points.
    type Found: Send;

    /// Looks at a block; blocks are looked at by several threads.
    ///
    /// # Errors
    /// What is wrong with the predictions, with model, point and class.
    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError>;

    /// Takes what was found, in the order of the points.
    fn keep(&mut self, found: Self::Found);
}

/// Reads predictions once, and gives back what was found of every point. `progress` is told how many points were done since it was
/// last told.
///
/// # Errors
/// Another number of labels than of points; a label that names no class; what [`PerPoint::find`] finds wrong, at the first such
/// block; a file that cannot be read.
pub fn pass<'a, P: PerPoint>(
    predictions: impl Into<Predictions<'a>>,
    labels: &[usize],
    mut found: P,
    progress: impl Fn(usize),
) -> Result<P, AnalysisError> {
    let predictions = predictions.into();
    let points = predictions.shape()[1];
    check(&predictions, labels, 0)?;
    let (each, rooms) = (points_of_a_block(&predictions), Rooms::default());
    for start in (0..points).step_by(BLOCKS * each) {
        let part = start..(start + BLOCKS * each).min(points);
        let count = part.len();
        for block in look(&predictions, labels, part, (0, each), &rooms, &found)? {
            found.keep(block);
        }
        progress(count);
    }
    Ok(found)
}

/// Adds points to what is found, all or none of them. They are counted from `first`.
pub(crate) fn add<P: PerPoint>(
    to: &mut P,
    block: ArrayView3<f32>,
    labels: &[usize],
    first: usize,
) -> Result<(), AnalysisError> {
    let predictions = Predictions::from(block);
    check(&predictions, labels, first)?;
    let each = points_of_a_block(&predictions);
    for block in look(&predictions, labels, 0..labels.len(), (first, each), &Rooms::default(), to)? {
        to.keep(block);
    }
    Ok(())
}

fn check(predictions: &Predictions, labels: &[usize], first: usize) -> Result<(), AnalysisError> {
    let [models, points, classes] = predictions.shape();
    let (found, wanted) = ([models, points, classes], [models, labels.len(), classes]);
    require_shape("predictions", &found, &wanted, "[models, points, classes], with one label for each point")?;
    require_labels(labels, classes).map_err(|error| error.after(first))
}

/// Whatever the number of threads: sums are made block by block.
fn points_of_a_block(predictions: &Predictions) -> usize {
    let [models, points, classes] = predictions.shape();
    let row = (classes * size_of::<f32>()).max(1);
    (BYTES / (models.max(1) * row)).max(LEAST / row).min(points.div_ceil(FEWEST)).max(1)
}

/// Looks at some points, in blocks, by several threads.
fn look<P: PerPoint>(
    predictions: &Predictions,
    labels: &[usize],
    points: Range<usize>,
    (first, each): (usize, usize),
    rooms: &Rooms,
    at: &P,
) -> Result<Vec<P::Found>, AnalysisError> {
    let one = |i: usize| -> Result<P::Found, AnalysisError> {
        let start = points.start + i * each;
        let mut room = rooms.lock().expect("no panic while a room is taken").pop().unwrap_or_default();
        let found = at.find(&predictions.block(start..(start + each).min(points.end), labels, first, &mut room)?);
        rooms.lock().expect("no panic while a room is given back").push(room);
        found
    };
    let found: Vec<_> = (0..points.len().div_ceil(each)).into_par_iter().map(one).collect();
    // The first error, whichever thread was faster.
    found.into_iter().collect()
}

/// Of the first models alone.
pub struct FirstModels<P> {
    /// Their number.
    pub models: usize,
    /// What is found of them.
    pub found: P,
}

impl<P: PerPoint> PerPoint for FirstModels<P> {
    type Found = P::Found;

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        require(self.models <= block.models(), "first models", self.models, format!("there are {}", block.models()))?;
        self.found.find(&block.first_models(self.models))
    }

    fn keep(&mut self, found: Self::Found) {
        self.found.keep(found);
    }
}

impl<A: PerPoint, B: PerPoint> PerPoint for (A, B) {
    type Found = (A::Found, B::Found);

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        Ok((self.0.find(block)?, self.1.find(block)?))
    }

    fn keep(&mut self, (a, b): Self::Found) {
        self.0.keep(a);
        self.1.keep(b);
    }
}

impl<P: PerPoint> PerPoint for Vec<P> {
    type Found = Vec<P::Found>;

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        self.iter().map(|part| part.find(block)).collect()
    }

    fn keep(&mut self, found: Self::Found) {
        self.iter_mut().zip(found).for_each(|(part, found)| part.keep(found));
    }
}

impl<P: PerPoint> PerPoint for Option<P> {
    type Found = Option<P::Found>;

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        self.as_ref().map(|part| part.find(block)).transpose()
    }

    fn keep(&mut self, found: Self::Found) {
        if let (Some(part), Some(found)) = (self, found) {
            part.keep(found);
        }
    }
}
