//! What a network should say about each input, and how much each input counts.

use crate::error::{VisionError, require};
use crate::inputs::Inputs;
use crate::loss::{BatchTargets, argmax};
use ndarray::Array2;
use tenfold_core_tensor::files::sha256;

/// The wanted class, or the wanted distribution over classes, of each of n samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class per sample, from 0 to K - 1.
    Hard(Vec<usize>),
    /// One distribution per sample, `[n, K]`: non-negative, and each row sums to 1 within 2^-10, the rounding of
    /// probabilities stored in half precision.
    Soft(Array2<f32>),
}

/// How far a soft target's sum may be from 1.
const SUM_TOLERANCE: f32 = 1.0 / 1024.0;

impl Targets {
    /// How many samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Hard(labels) => labels.len(),
            Self::Soft(rows) => rows.nrows(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A checksum of labels or distributions.
    pub(crate) fn fingerprint(&self, rows: impl Iterator<Item = usize>) -> String {
        match self {
            Self::Hard(labels) => format!("hard {}", checksum(rows.map(|i| (labels[i] as u64).to_le_bytes()))),
            Self::Soft(q) => {
                let values = rows.flat_map(|i| q.row(i).into_iter().map(|v| v.to_le_bytes()));
                format!("soft {}", checksum(values))
            }
        }
    }

    /// Checks labels or distributions against the number of classes.
    pub(crate) fn validate(&self, classes: usize) -> Result<(), VisionError> {
        match self {
            Self::Hard(labels) => match labels.iter().position(|&label| label >= classes) {
                Some(row) => Err(VisionError::Sample {
                    field: "label",
                    row,
                    value: labels[row].to_string(),
                    rule: "must be below the number of classes",
                }),
                None => Ok(()),
            },
            Self::Soft(rows) if rows.ncols() != classes => Err(VisionError::Shape {
                what: "soft targets",
                expected: vec![rows.nrows(), classes],
                found: rows.shape().to_vec(),
            }),
            Self::Soft(rows) => {
                let proper =
                    |q: ndarray::ArrayView1<f32>| q.iter().all(|&p| p >= 0.0) && (q.sum() - 1.0).abs() <= SUM_TOLERANCE;
                match rows.rows().into_iter().position(|q| !proper(q)) {
                    Some(row) => Err(VisionError::Sample {
                        field: "target",
                        row,
                        value: rows.row(row).to_string(),
                        rule: "must be non-negative and sum to 1 within 2^-10",
                    }),
                    None => Ok(()),
                }
            }
        }
    }

    /// The class with the largest probability; of equals, the first.
    fn most_wanted(&self, sample: usize) -> usize {
        match self {
            Self::Hard(labels) => labels[sample],
            Self::Soft(rows) => argmax(rows.row(sample)),
        }
    }

    /// Appends the smoothed target `scale * ((1 - a) q + a / K)` of a sample to a batch.
    fn push(&self, sample: usize, classes: usize, smoothing: f64, scale: f64, batch: &mut Vec<f32>) {
        let share = scale * smoothing / classes as f64;
        let keep = scale * (1.0 - smoothing);
        match self {
            Self::Hard(labels) => {
                let start = batch.len();
                batch.resize(start + classes, share as f32);
                batch[start + labels[sample]] = (keep + share) as f32;
            }
            Self::Soft(rows) => batch.extend(rows.row(sample).iter().map(|&q| (keep * f64::from(q) + share) as f32)),
        }
    }
}

/// Inputs with their targets and, if wanted, weights.
///
/// Weights are scaled to mean 1 over the set, so that only their ratios matter and the learning rate keeps its
/// meaning; a batch B is then given the loss `1/|B| sum_{i in B} w_i n / (sum_j w_j) CE(q_i, p_i)`. Over a whole pass,
/// a weight of 2 has the effect of the sample standing there twice.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_vision::{ImageShape, Inputs, Targets, TrainingSet};
///
/// let pixels = Array2::<f32>::zeros((3, 4));
/// let inputs = Inputs::new(pixels.view(), ImageShape::table(4)).unwrap();
/// let targets = Targets::Hard(vec![0, 1, 1]);
/// let set = TrainingSet::new(inputs.clone(), &targets).unwrap().with_weights(&[1.0, 0.5, 0.0]).unwrap();
/// assert_eq!(set.len(), 3);
/// assert!(TrainingSet::new(inputs, &Targets::Hard(vec![0, 1])).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct TrainingSet<'a> {
    inputs: Inputs<'a>,
    targets: &'a Targets,
    weights: Option<Weights<'a>>,
    /// The rows of inputs, targets and weights that are the samples of this set, unless all are.
    rows: Option<&'a [u32]>,
}

#[derive(Clone, Copy, Debug)]
struct Weights<'a> {
    weights: &'a [f32],
    mean: f64,
}

impl<'a> TrainingSet<'a> {
    /// Pairs inputs with targets, each with weight 1.
    ///
    /// # Errors
    /// [`VisionError::Shape`] unless there are as many of one as of the other, and at least one.
    pub fn new(inputs: Inputs<'a>, targets: &'a Targets) -> Result<Self, VisionError> {
        if targets.len() != inputs.len() || inputs.is_empty() {
            return Err(VisionError::Shape {
                what: "targets, one for each of at least one input",
                expected: vec![inputs.len().max(1)],
                found: vec![targets.len()],
            });
        }
        Ok(Self { inputs, targets, weights: None, rows: None })
    }

    /// Gives each sample a weight, at least 0, of which one must be above. (Of a selection, each row of the whole set.)
    ///
    /// # Errors
    /// [`VisionError::Shape`] for a wrong length, [`VisionError::Sample`] for a negative or non-finite weight, or when
    /// all are 0.
    pub fn with_weights(mut self, weights: &'a [f32]) -> Result<Self, VisionError> {
        if weights.len() != self.inputs.len() {
            return Err(VisionError::Shape {
                what: "sample weights",
                expected: vec![self.inputs.len()],
                found: vec![weights.len()],
            });
        }
        let bad =
            |row: usize, rule| Err(VisionError::Sample { field: "weight", row, value: weights[row].to_string(), rule });
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return bad(row, "must be finite and at least 0");
        }
        self.weights = Some(Weights { weights, mean: 1.0 });
        self.scale_weights()
    }

    /// The set whose samples are these rows of this one, in this order; a row may come more than once. Nothing is
    /// copied, and training on it is, byte for byte, training on a copy of the rows. Weights are scaled anew.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_vision::{ImageShape, Inputs, Targets, TrainingSet};
    ///
    /// let pixels = array![[0.0], [1.0], [2.0]];
    /// let targets = Targets::Hard(vec![0, 1, 1]);
    /// let set = TrainingSet::new(Inputs::new(pixels.view(), ImageShape::table(1)).unwrap(), &targets).unwrap();
    /// let bootstrap = set.select(&[2, 0, 2, 2]).unwrap();
    /// assert_eq!(bootstrap.len(), 4);
    /// assert!(set.select(&[3]).is_err());
    /// ```
    ///
    /// # Errors
    /// [`VisionError::Setting`] for no row, a row that the set does not have, or a set that is itself a selection;
    /// [`VisionError::Sample`] if all of them have weight 0.
    pub fn select<'b>(&'b self, rows: &'b [u32]) -> Result<TrainingSet<'b>, VisionError> {
        require(self.rows.is_none(), "samples", "a selection", "must be rows of a whole set")?;
        require(!rows.is_empty(), "samples", "none", "must be at least one row")?;
        if let Some(&row) = rows.iter().find(|&&row| row as usize >= self.len()) {
            return Err(VisionError::setting("samples", row, "every row must be below the number of samples"));
        }
        let set = TrainingSet { inputs: self.inputs.reborrow(), rows: Some(rows), ..*self };
        set.scale_weights()
    }

    /// The same set, borrowed from this one.
    pub(crate) fn reborrow(&self) -> TrainingSet<'_> {
        TrainingSet { inputs: self.inputs.reborrow(), ..*self }
    }

    /// The same samples with other targets, one for each row of the whole set.
    pub(crate) fn with_targets<'b>(&'b self, targets: &'b Targets) -> Result<TrainingSet<'b>, VisionError> {
        let set = TrainingSet::new(self.inputs.reborrow(), targets)?;
        Ok(TrainingSet { weights: self.weights, rows: self.rows, ..set })
    }

    /// Gives the weights of the set's samples the mean 1.
    fn scale_weights(mut self) -> Result<Self, VisionError> {
        if let Some(Weights { weights, .. }) = self.weights {
            let sum: f64 = (0..self.len()).map(|sample| f64::from(weights[self.row(sample)])).sum();
            if sum == 0.0 {
                let (row, value) = (self.row(0), weights[self.row(0)].to_string());
                let rule = "at least one weight must be above 0";
                return Err(VisionError::Sample { field: "weight", row, value, rule });
            }
            self.weights = Some(Weights { weights, mean: sum / self.len() as f64 });
        }
        Ok(self)
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.rows.map_or(self.inputs.len(), <[u32]>::len)
    }

    /// Never true: a set without samples cannot be made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs; of a [selection](Self::select), those of the whole set.
    pub fn inputs(&self) -> &Inputs<'a> {
        &self.inputs
    }

    /// The row of a sample in inputs, targets and weights.
    pub(crate) fn row(&self, sample: usize) -> usize {
        self.rows.map_or(sample, |rows| rows[sample] as usize)
    }

    /// The numbers of a sample's input, channel by channel.
    pub(crate) fn input(&self, sample: usize) -> &[f32] {
        self.inputs.row(self.row(sample))
    }

    /// A checksum of shapes and numbers: equal for equal sets, and for no others.
    pub fn fingerprint(&self) -> String {
        let inputs = &self.inputs;
        let rows = || (0..self.len()).map(|sample| self.row(sample));
        let mut parts = vec![format!("{:?} {}", inputs.image().dims(), self.len())];
        parts.extend(rows().map(|row| checksum(inputs.row(row).iter().map(|v| v.to_le_bytes()))));
        parts.push(self.targets.fingerprint(rows()));
        parts.extend(self.weights.map(|w| checksum(rows().map(|row| w.weights[row].to_le_bytes()))));
        sha256(parts.join("\n").as_bytes())
    }

    /// Checks the targets against the number of classes.
    pub(crate) fn validate(&self, classes: usize) -> Result<(), VisionError> {
        self.targets.validate(classes)
    }

    /// The weight of a sample, scaled to mean 1 over the set.
    fn weight(&self, sample: usize) -> f64 {
        self.weights.map_or(1.0, |w| f64::from(w.weights[self.row(sample)]) / w.mean)
    }

    /// The smoothed targets of a batch, each scaled by its sample's weight over the batch size, in place of what is there.
    pub(crate) fn batch_targets(&self, samples: &[usize], classes: usize, smoothing: f64, to: &mut BatchTargets) {
        let scale = |sample: usize| self.weight(sample) / samples.len() as f64;
        to.rows.clear();
        for &sample in samples {
            self.targets.push(self.row(sample), classes, smoothing, scale(sample), &mut to.rows);
        }
        to.scales = self.weights.map(|_| samples.iter().map(|&s| scale(s) as f32).collect());
        to.labels.clear();
        to.labels.extend(samples.iter().map(|&s| self.targets.most_wanted(self.row(s))));
    }
}

fn checksum<const N: usize>(values: impl Iterator<Item = [u8; N]>) -> String {
    sha256(&values.flatten().collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use tenfold_core_tensor::image::ImageShape;

    fn validate(targets: Targets, classes: usize) -> Result<(), VisionError> {
        let pixels = Array2::zeros((targets.len(), 1));
        let inputs = Inputs::new(pixels.view(), ImageShape::table(1)).unwrap();
        TrainingSet::new(inputs, &targets).unwrap().validate(classes)
    }

    #[test]
    fn bad_targets_name_row_and_value() {
        let error = validate(Targets::Hard(vec![0, 3]), 3).unwrap_err().to_string();
        assert_eq!(error, "label of sample 1 is 3: must be below the number of classes");
        let error = validate(Targets::Soft(array![[0.5, 0.5]]), 3).unwrap_err().to_string();
        assert_eq!(error, "soft targets: expected shape [1, 3], found [1, 2]");
        for bad in [array![[1.5, -0.5]], array![[0.5, 0.4]], array![[f32::NAN, 1.0]], array![[f32::INFINITY, 0.0]]] {
            let error = validate(Targets::Soft(bad), 2).unwrap_err().to_string();
            assert!(error.starts_with("target of sample 0 is ["), "{error}");
        }
        validate(Targets::Soft(array![[0.3334, 0.3333, 0.3333]]), 3).unwrap();
    }

    #[test]
    fn bad_weights_name_row_and_value() {
        let pixels = Array2::zeros((2, 1));
        let inputs = Inputs::new(pixels.view(), ImageShape::table(1)).unwrap();
        let targets = Targets::Hard(vec![0, 1]);
        let set = TrainingSet::new(inputs, &targets).unwrap();
        for (weights, expected) in [
            (vec![1.0], "sample weights: expected shape [2], found [1]"),
            (vec![1.0, -1.0], "weight of sample 1 is -1: must be finite and at least 0"),
            (vec![f32::NAN, 1.0], "weight of sample 0 is NaN: must be finite and at least 0"),
            (vec![0.0, 0.0], "weight of sample 0 is 0: at least one weight must be above 0"),
        ] {
            assert_eq!(set.clone().with_weights(&weights).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_selection_is_a_copy_of_its_rows() {
        let pixels = array![[0.0_f32], [1.0], [2.0], [3.0]];
        let targets = Targets::Hard(vec![0, 1, 2, 3]);
        let inputs = Inputs::new(pixels.view(), ImageShape::table(1)).unwrap();
        let set = TrainingSet::new(inputs, &targets).unwrap().with_weights(&[4.0, 1.0, 0.0, 3.0]).unwrap();
        let selection = set.select(&[3, 1, 3]).unwrap();

        let copied = pixels.select(ndarray::Axis(0), &[3, 1, 3]);
        let targets = Targets::Hard(vec![3, 1, 3]);
        let inputs = Inputs::new(copied.view(), ImageShape::table(1)).unwrap();
        let copy = TrainingSet::new(inputs, &targets).unwrap().with_weights(&[3.0, 1.0, 3.0]).unwrap();
        assert_eq!(selection.fingerprint(), copy.fingerprint());
        assert_ne!(selection.fingerprint(), set.fingerprint());
        let [mut found, mut expected] = [BatchTargets::default(), BatchTargets::default()];
        selection.batch_targets(&[1, 2], 4, 0.1, &mut found);
        copy.batch_targets(&[1, 2], 4, 0.1, &mut expected);
        assert_eq!((found.rows, found.scales, found.labels), (expected.rows, expected.scales, expected.labels));
        assert_eq!(selection.input(2), [3.0]);

        let refused = |rows: &[u32], start: &str| {
            let error = set.select(rows).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        };
        refused(&[], "samples = none: ");
        refused(&[0, 4], "samples = 4: ");
        refused(&[2, 2], "weight of sample 2 is 0: ");
        assert!(selection.select(&[0]).unwrap_err().to_string().starts_with("samples = a selection: "));
    }

    #[test]
    fn smoothed_weighted_targets_by_hand() {
        let pixels = Array2::zeros((2, 1));
        let inputs = Inputs::new(pixels.view(), ImageShape::table(1)).unwrap();
        let targets = Targets::Hard(vec![1, 0]);
        let set = TrainingSet::new(inputs, &targets).unwrap().with_weights(&[3.0, 1.0]).unwrap();
        // Weights 1.5 and 0.5 after scaling; a batch of two halves them; a = 0.2 over 2 classes gives 0.9 and 0.1.
        let mut batch = BatchTargets::default();
        set.batch_targets(&[0, 1], 2, 0.2, &mut batch);
        for (found, expected) in batch.rows.iter().zip([0.075_f32, 0.675, 0.225, 0.025]) {
            assert!((found - expected).abs() <= f32::EPSILON * expected, "{:?}", batch.rows);
        }
        assert_eq!(batch.scales.unwrap(), [0.75, 0.25]);
        assert_eq!(batch.labels, [1, 0]);
    }
}
