//! `tenfold memorisation show`: the most and least memorised examples, as a page.

use super::table::column;
use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::write_page;
use clap::Args;
use ndarray::{ArrayD, Axis};
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, read_array, read_labels};
use tenfold_core_tensor::image::ImageShape;
use tenfold_report::{Card, Gallery, Page, Picture, Pixels, Section, interval};

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
    /// Matrix that `influence` wrote: adds the test points that each example influences most, and the training points that
    /// influence test points most.
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

/// Pictures beside an example or a test point.
const SHOWN: usize = 4;

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

    /// Example `i` with a line of words.
    fn card(&self, i: usize, names: &[String], line: impl Into<String>) -> Result<Card, CliError> {
        let label = self.labels[i];
        let name = names.get(label).cloned().unwrap_or_else(|| format!("class {label}"));
        let numbers: Vec<f32> = self.images.index_axis(Axis(0), i).iter().copied().collect();
        let pixels = if self.last { Pixels::ChannelsLast(&numbers[..]) } else { Pixels::ChannelsFirst(&numbers[..]) };
        let picture = Picture::stretched(pixels, self.shape).map_err(|error| CliError::Option {
            option: "--images",
            value: format!("image {i}"),
            rule: error.reason,
        })?;
        Ok(Card::new(format!("{name} ({i})"), picture).line(line))
    }

    /// Cards of what has an influence or is influenced.
    fn influence(&self, pairs: &[(usize, f32)], names: &[String]) -> Result<Vec<Card>, CliError> {
        pairs.iter().map(|&(i, v)| self.card(i, names, format!("infl {v:.2}"))).collect()
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
        let pairs = match &self.influence {
            Some(path) => read_pairs(path, most, mem.len(), test.as_ref().map_or(0, |t| t.labels.len()))?,
            None => Pairs { of_examples: vec![Vec::new(); count], on_tests: Vec::new() },
        };
        let card = |i: usize| -> Result<Card, CliError> {
            let score = interval(|v| format!("{v:.2}"), mem[i], lo[i], hi[i]);
            let card = train.card(i, &self.names, format!("mem {score}"))?;
            Ok(card.line(format!("p in {:.2}, p out {:.2}", p_in[i], p_out[i])))
        };
        let cards = |examples: &mut dyn Iterator<Item = usize>| examples.map(card).collect::<Result<Vec<_>, _>>();
        let (none, least) = (Gallery::new("", ""), cards(&mut least.iter().rev().copied())?);
        let influenced = test.as_ref().filter(|_| self.influence.is_some());
        let most = match influenced {
            None => none.clone().row("", cards(&mut most.iter().copied())?),
            // Every example with the test points that it influences most.
            Some(test) => most.iter().zip(&pairs.of_examples).try_fold(none.clone(), |gallery, (&i, on)| {
                Ok::<_, CliError>(gallery.row_around("", card(i)?, test.influence(on, &self.names)?))
            })?,
        };
        let note = format!(
            "{} examples scored. mem = p in - p out: the share of the models that saw an example that get it right, minus that of \
             the models that did not; 95 % intervals over models.",
            order.len()
        );
        let beside = if influenced.is_some() { "Beside each: the test points that it influences most." } else { "" };
        let mut page = Page::new("What was memorised")
            .text(&note)
            .section(Section::new("Most memorised").gallery("most", most, beside))
            .section(Section::new("Least memorised").gallery("least", none.clone().row("", least), ""));
        if let Some(test) = influenced {
            let tests = pairs.on_tests.iter().take(count).try_fold(none, |gallery, (j, by)| {
                let card = test.card(*j, &self.names, "test point")?;
                Ok::<_, CliError>(gallery.row_around("", card, train.influence(by, &self.names)?))
            })?;
            let title = "Test points and the training points that influence them most";
            page = page.section(Section::new(title).gallery("tests", tests, ""));
        }
        write_page(&self.out, &page.html()?)?;
        Ok(Output::new().field("examples", order.len(), order.len()).field("shown", 2 * count, 2 * count).field(
            "written",
            self.out.display(),
            self.out.display().to_string(),
        ))
    }
}

/// The strongest pairs of a matrix of influence.
struct Pairs {
    /// For each of some examples the test points that it influences most.
    of_examples: Vec<Vec<(usize, f32)>>,
    /// Test points, the most strongly influenced first, with the examples that influence them most.
    on_tests: Vec<(usize, Vec<(usize, f32)>)>,
}

/// Reads the matrix `[n, m]` once, a block of rows at a time.
fn read_pairs(path: &ArrayPath, examples: &[usize], n: usize, m: usize) -> Result<Pairs, CliError> {
    let mut blocks = RowBlocks::open(path)?;
    if blocks.shape() != [n, m] {
        let rule = format!("has shape {:?}, must be [{n}, {m}]", blocks.shape());
        return Err(CliError::Option { option: "--influence", value: path.to_string(), rule });
    }
    let mut of_examples = vec![Vec::new(); examples.len()];
    let mut on_tests: Vec<(usize, Vec<(usize, f32)>)> = (0..m).map(|j| (j, Vec::new())).collect();
    let mut first = 0;
    while let Some(block) = blocks.next_block(256)? {
        for (row, values) in block.outer_iter().enumerate() {
            let i = first + row;
            for (&v, (_, strongest)) in values.iter().zip(&mut on_tests) {
                keep_strongest(strongest, i, v);
            }
            if let Some(at) = examples.iter().position(|e| *e == i) {
                values.iter().enumerate().for_each(|(j, &v)| keep_strongest(&mut of_examples[at], j, v));
            }
        }
        first += block.nrows();
    }
    let most = |by: &[(usize, f32)]| by.first().map_or(f32::NEG_INFINITY, |(_, v)| *v);
    on_tests.sort_by(|a, b| most(&b.1).total_cmp(&most(&a.1)).then(a.0.cmp(&b.0)));
    Ok(Pairs { of_examples, on_tests })
}

/// Keeps the few largest, descending; of equals, what came first.
fn keep_strongest(strongest: &mut Vec<(usize, f32)>, index: usize, value: f32) {
    if strongest.len() == SHOWN && strongest[SHOWN - 1].1 >= value {
        return;
    }
    let at = strongest.partition_point(|(_, v)| *v >= value);
    strongest.insert(at, (index, value));
    strongest.truncate(SHOWN);
}
