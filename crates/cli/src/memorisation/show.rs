//! `tenfold memorisation show`: the most and least memorised examples, as a page.

use super::gallery::{Card, Page, picture};
use super::table::column;
use crate::error::CliError;
use crate::output::{Output, ending};
use clap::Args;
use ndarray::{ArrayD, Axis};
use std::io::Write;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, read_array, read_labels};
use tenfold_core_tensor::files::write_atomic;
use tenfold_core_tensor::image::ImageShape;

/// Write a page with the most and the least memorised examples, their labels, intervals and what they influence.
///
/// One HTML file that opens without a network.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold memorisation show --scores scores.npz --images train.npz:x --labels train.npz:y \\\n    --influence infl.npy --test-images test.npz:x --test-labels test.npz:y --out gallery.html"
)]
pub(crate) struct Show {
    /// Scores that `score` wrote.
    #[arg(long, value_name = "FILE.npz", value_parser = ending("npz"))]
    scores: PathBuf,
    /// Training images, `[n, height, width]`, `[n, height, width, 3]` or `[n, 3, height, width]`, any range of numbers.
    #[arg(long, value_name = "ARRAY")]
    images: ArrayPath,
    /// Training labels, `[n]`.
    #[arg(long, value_name = "ARRAY")]
    labels: ArrayPath,
    /// Names of the classes, in order, separated by commas.
    #[arg(long, value_delimiter = ',')]
    names: Vec<String>,
    /// Matrix that `influence` wrote: adds, under each example, the test points it influences most.
    #[arg(long, value_name = "ARRAY", requires = "test_images", requires = "test_labels")]
    influence: Option<ArrayPath>,
    /// Test images.
    #[arg(long, value_name = "ARRAY")]
    test_images: Option<ArrayPath>,
    /// Test labels.
    #[arg(long, value_name = "ARRAY")]
    test_labels: Option<ArrayPath>,
    /// Examples at each end.
    #[arg(long, default_value_t = 24)]
    count: usize,
    /// Page to write.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    out: PathBuf,
}

/// Test points under an example.
const INFLUENCED: usize = 4;

/// Images with their labels.
struct Labelled {
    images: ArrayD<f32>,
    shape: ImageShape,
    /// Whether channels come last.
    last: bool,
    labels: Vec<usize>,
}

impl Labelled {
    fn read(option: &'static str, images: &ArrayPath, labels: &ArrayPath) -> Result<Self, CliError> {
        let wrong = |rule: String| CliError::Option { option, value: images.to_string(), rule };
        let array = read_array(images)?;
        let (shape, last) = match *array.shape() {
            [_, h, w] => (ImageShape::new(1, h, w), true),
            [_, h, w, c @ (1 | 3)] => (ImageShape::new(c, h, w), true),
            [_, c @ (1 | 3), h, w] => (ImageShape::new(c, h, w), false),
            _ => {
                let rule = "must be [n, height, width], with 1 or 3 channels behind or before";
                return Err(wrong(format!("has shape {:?}, {rule}", array.shape())));
            }
        };
        let labels = read_labels(labels)?;
        if labels.len() != array.shape()[0] {
            return Err(wrong(format!("has {} images for {} labels", array.shape()[0], labels.len())));
        }
        Ok(Self { images: array, shape, last, labels })
    }

    fn card(&self, i: usize, names: &[String], lines: Vec<String>) -> Result<Card, CliError> {
        let label = self.labels[i];
        let name = names.get(label).cloned().unwrap_or_else(|| format!("class {label}"));
        let pixels: Vec<f32> = self.images.index_axis(Axis(0), i).iter().copied().collect();
        let source = picture(&pixels, self.shape, self.last).map_err(|rule| CliError::Option {
            option: "--images",
            value: format!("image {i}"),
            rule,
        })?;
        Ok(Card { title: format!("{name} ({i})"), source, lines, below: Vec::new() })
    }
}

impl Show {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let train = Labelled::read("--images", &self.images, &self.labels)?;
        let [mem, lo, hi] = [column(&self.scores, "mem")?, column(&self.scores, "lo")?, column(&self.scores, "hi")?];
        let [p_in, p_out] = [column(&self.scores, "p_in")?, column(&self.scores, "p_out")?];
        if mem.len() != train.labels.len() {
            let (left, right) = (format!("--scores {}", self.scores.display()), "--labels".to_string());
            return Err(CliError::Rows { left, left_rows: mem.len(), right, right_rows: train.labels.len() });
        }
        let test = match (&self.test_images, &self.test_labels) {
            (Some(images), Some(labels)) => Some(Labelled::read("--test-images", images, labels)?),
            _ => None,
        };
        let mut order: Vec<usize> = (0..mem.len()).filter(|&i| !mem[i].is_nan()).collect();
        order.sort_by(|&a, &b| mem[b].total_cmp(&mem[a]).then(a.cmp(&b)));
        let count = self.count.min(order.len());
        let (most, least) = (&order[..count], &order[order.len() - count..]);
        let influenced = match &self.influence {
            Some(path) => self.influenced(path, most, mem.len(), test.as_ref())?,
            None => vec![Vec::new(); count],
        };
        let card = |i: usize, below: &[(usize, f32)]| -> Result<Card, CliError> {
            let lines = vec![
                format!("mem {:.2} [{:.2}, {:.2}]", mem[i], lo[i], hi[i]),
                format!("p in {:.2}, p out {:.2}", p_in[i], p_out[i]),
            ];
            let mut card = train.card(i, &self.names, lines)?;
            if let Some(test) = &test {
                let below = below.iter().map(|&(j, v)| test.card(j, &self.names, vec![format!("infl {v:.2}")]));
                card.below = below.collect::<Result<_, _>>()?;
            }
            Ok(card)
        };
        let page = Page {
            title: "What was memorised".into(),
            note: format!(
                "{} examples scored. mem = p in - p out: the share of the models that saw an example that get it right, \
                 minus that of the models that did not; 95 % intervals over models.",
                order.len()
            ),
            sections: vec![
                (
                    "Most memorised".into(),
                    most.iter().zip(&influenced).map(|(&i, below)| card(i, below)).collect::<Result<_, _>>()?,
                ),
                ("Least memorised".into(), least.iter().rev().map(|&i| card(i, &[])).collect::<Result<_, _>>()?),
            ],
        };
        write_atomic(&self.out, |w| w.write_all(page.html().as_bytes()))?;
        Ok(Output::new().field("examples", order.len(), order.len()).field("shown", 2 * count, 2 * count).field(
            "written",
            self.out.display(),
            self.out.display().to_string(),
        ))
    }

    /// The test points that each of some examples influences most, reading only so many rows at a time.
    fn influenced(
        &self,
        path: &ArrayPath,
        examples: &[usize],
        n: usize,
        test: Option<&Labelled>,
    ) -> Result<Vec<Vec<(usize, f32)>>, CliError> {
        let mut blocks = RowBlocks::open(path)?;
        let m = test.map_or(0, |t| t.labels.len());
        if blocks.shape() != [n, m] {
            let rule = format!("has shape {:?}, must be [{n}, {m}]", blocks.shape());
            return Err(CliError::Option { option: "--influence", value: path.to_string(), rule });
        }
        let mut found = vec![Vec::new(); examples.len()];
        let mut first = 0;
        while let Some(block) = blocks.next_block(256)? {
            for (at, &i) in examples.iter().enumerate() {
                if (first..first + block.nrows()).contains(&i) {
                    let mut row: Vec<(usize, f32)> = block.row(i - first).iter().copied().enumerate().collect();
                    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    row.truncate(INFLUENCED);
                    found[at] = row;
                }
            }
            first += block.nrows();
        }
        Ok(found)
    }
}
