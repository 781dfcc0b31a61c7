//! One pass over predictions, for everything that is found point by point.

use crate::block::{Block, Layout};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decomposition, KlDecomposition, MeanModel, Randomness, Scale, mean_model};
    use ndarray::{Array3, s};
    use std::cell::Cell;
    use tenfold_core_tensor::arrays::{ArrayPath, write_npy};

    fn logits(models: usize, points: usize, classes: usize) -> (Array3<f32>, Vec<usize>) {
        let at = |t: usize, i: usize, k: usize| ((t * 7919 + i * 104_729 + k * 31) % 97) as f32 / 12.0;
        let z = Array3::from_shape_fn((models, points, classes), |(t, i, k)| at(t, i, k));
        (z, (0..points).map(|i| i % classes).collect())
    }

    #[test]
    fn a_file_is_read_once_for_all() {
        let (z, y) = logits(6, 3000, 3);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("z.npy");
        write_npy(&path, z.view()).unwrap();
        let file = Slabs::open(&ArrayPath::from(path)).unwrap();
        let scale = Scale::logits();
        let new = |models| Decomposition::new(models, 3, scale, Randomness::Seed).unwrap();
        let few = [4, 5].map(|models| FirstModels { models, found: new(models) });
        let kl = KlDecomposition::new(6, 3, scale, Randomness::Seed).unwrap();
        let all = ((new(6), Vec::from(few)), (Some(kl), MeanModel::new(6, 3, scale).unwrap()));
        let told = Cell::new(0);
        let ((whole, few), (kl, mean)) = pass(&file, &y, all, |count| told.set(told.get() + count)).unwrap();
        assert_eq!(told.get(), 3000);
        let of = |models: usize| Decomposition::of(z.slice(s![..models, .., ..]), &y, scale, Randomness::Seed).unwrap();
        assert!(whole.points() == of(6).points());
        assert_eq!(whole.averages().unwrap(), of(6).averages().unwrap());
        for part in few {
            assert!(part.found.points() == of(part.models).points(), "{} models", part.models);
        }
        assert!(kl.unwrap() == KlDecomposition::of(z.view(), &y, scale, Randomness::Seed).unwrap());
        assert!(mean.into_probabilities() == mean_model(z.view(), scale).unwrap());
    }

    #[test]
    fn how_an_array_lies_in_memory_does_not_matter() {
        let (z, y) = logits(4, 50, 3);
        let turned = z.view().permuted_axes([1, 0, 2]).as_standard_layout().into_owned();
        let of = |z: ArrayView3<f32>, y: &[usize]| {
            Decomposition::of(z, y, Scale::logits(), Randomness::Seed).unwrap().points().to_vec()
        };
        assert_eq!(of(z.view(), &y), of(turned.view().permuted_axes([1, 0, 2]), &y));
        assert_eq!(of(z.view(), &y)[10..], of(z.slice(s![.., 10.., ..]), &y[10..]));
    }

    #[test]
    fn the_first_fault_is_named_and_the_file_may_end() {
        let (mut z, y) = logits(4, 60_000, 2);
        (z[[3, 50_000, 1]], z[[2, 1_000, 0]], z[[1, 59_000, 0]]) = (f32::NAN, f32::INFINITY, f32::NAN);
        let new = || Decomposition::new(4, 2, Scale::logits(), Randomness::Seed).unwrap();
        let fault = |error: AnalysisError| error.to_string();
        let text = fault(pass(z.view(), &y, new(), |_| ()).unwrap_err());
        assert!(text.starts_with("model 2, point 1000, class 0: inf"), "{text}");
        let few = FirstModels { models: 5, found: new() };
        let text = fault(pass(z.view(), &y, few, |_| ()).map(|_| ()).unwrap_err());
        assert!(text.starts_with("first models = 5: there are 4"), "{text}");
        let text = fault(pass(z.view(), &y[1..], new(), |_| ()).unwrap_err());
        assert!(text.starts_with("predictions: [4, 60000, 2] against [4, 59999, 2]"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("z.npy");
        write_npy(&path, z.view()).unwrap();
        let file = Slabs::open(&ArrayPath::from(path.clone())).unwrap();
        // Cut off after it was opened, in the last model's rows, and before any fault of the numbers.
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(128 + 4 * 180_100 * 2).unwrap();
        let text = fault(pass(&file, &y, new(), |_| ()).unwrap_err());
        assert!(text.contains("z.npy") && text.contains("data cannot be read"), "{text}");
    }

    #[test]
    fn the_first_model_with_a_fault_is_named_whichever_fault_is_seen_first() {
        let rows = [[0.5_f32, 0.25, 0.125, 0.125], [0.25; 4], [1.0, 0.0, -0.0, 0.0]];
        for classes in [4, 12] {
            let fine =
                Array3::from_shape_fn((10, 3, classes), |(t, i, k)| if k < 4 { rows[(t + i) % 3][k] } else { 0.0 });
            let fault = |p: &Array3<f32>| {
                let found = Decomposition::new(10, classes, Scale::probabilities(), Randomness::Seed).unwrap();
                pass(p.view(), &[0, 1, 2], found, |_| ()).map(|_| ()).unwrap_err().to_string()
            };
            let found = Decomposition::of(fine.view(), &[0, 1, 2], Scale::probabilities(), Randomness::Seed).unwrap();
            assert_eq!(found.points().len(), 3);
            let mut p = fine.clone();
            // A sum is looked at for all models together, a sign row by row.
            (p[[9, 1, 3]], p[[8, 1, 1]], p[[2, 1, 2]]) = (-0.1, -0.1, 0.9);
            let text = fault(&p);
            assert!(text.starts_with("model 2, point 1: the probabilities sum to 1."), "{text}");
            p[[1, 1, 0]] = -1e-30;
            let text = fault(&p);
            assert!(text.starts_with("model 1, point 1, class 0: -0.000"), "{text}");
            for (class, bad) in
                [(1, f32::NAN), (1, -f32::NAN), (0, f32::NAN), (3, f32::INFINITY), (1, f32::NEG_INFINITY)]
            {
                p[[0, 1, class]] = bad;
                let text = fault(&p);
                assert!(
                    text.starts_with(&format!("model 0, point 1, class {class}: {bad}, must be a finite")),
                    "{text}"
                );
                p[[0, 1, class]] = fine[[0, 1, class]];
            }
        }
    }
}
