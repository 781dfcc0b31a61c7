//! `tenfold analysis collapse`: how far a network's last layer has collapsed.

use crate::error::CliError;
use crate::output::{Output, ending};
use crate::page::write_page;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use tenfold_analysis::AnalysisError;
use tenfold_analysis::collapse::{FrameFit, NeuralCollapse, QuantileFit, closed_form};
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix, read_vector};
use tenfold_report::{Axis, AxisScale, Chart, Page, Point, Section, Series, Table, estimate, number, percent};

/// Measure neural collapse (NC1 to NC4) of embeddings, and whether logits look like a simplex frame with noise.
#[derive(Args)]
#[command(
    after_help = "Example:\n  tenfold analysis collapse --embeddings emb.npy --labels y.npy --head head.npz:w --bias head.npz:b \\\n    --logits logits.npy --report collapse.html"
)]
pub(crate) struct Collapse {
    /// Inputs of the last layer, `[points, width]`.
    #[arg(long, value_name = "ARRAY")]
    embeddings: ArrayPath,
    /// The class of every point, from 0.
    #[arg(long, value_name = "ARRAY")]
    labels: ArrayPath,
    /// Weights of the last layer, `[classes, width]`: adds NC3 and NC4.
    #[arg(long, value_name = "ARRAY")]
    head: Option<ArrayPath>,
    /// Its bias, `[classes]`.
    #[arg(long, value_name = "ARRAY", requires = "head")]
    bias: Option<ArrayPath>,
    /// Logits of the points, `[points, classes]`: fits the simplex frame and its noise.
    #[arg(long, value_name = "ARRAY")]
    logits: Option<ArrayPath>,
    /// Page to write: with --logits, quantiles of the noise against Gumbel's and Gauss's law.
    #[arg(long, value_name = "FILE.html", value_parser = ending("html"))]
    report: Option<PathBuf>,
}

impl Collapse {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        let (embeddings, labels) = (read_matrix(&self.embeddings)?, read_labels(&self.labels)?);
        if labels.len() != embeddings.nrows() {
            let (left, right) = (format!("--embeddings {}", self.embeddings), format!("--labels {}", self.labels));
            return Err(CliError::Rows { left, left_rows: embeddings.nrows(), right, right_rows: labels.len() });
        }
        let head = self.head.as_ref().map(read_matrix).transpose()?;
        let bias = self.bias.as_ref().map(read_vector).transpose()?;
        let classes = head.as_ref().map_or(labels.iter().max().map_or(0, |c| c + 1), |head| head.nrows());
        let pair = head.as_ref().map(|head| (head.view(), bias.as_ref().map(|bias| bias.view())));
        let found = NeuralCollapse::of(embeddings.view(), &labels, classes, pair)
            .map_err(|error| self.named(("--embeddings", &self.embeddings), error))?;
        let frame = match &self.logits {
            None => None,
            Some(path) => {
                let logits = read_matrix(path)?;
                if let Some(head) = self.head.as_ref().filter(|_| logits.ncols() != classes) {
                    let rule = format!("has {} classes, --head {head} has {classes}; they must agree", logits.ncols());
                    return Err(CliError::Option { option: "--logits", value: path.to_string(), rule });
                }
                let fit =
                    FrameFit::of(logits.view(), &labels).map_err(|error| self.named(("--logits", path), error))?;
                Some((fit, logits.ncols()))
            }
        };
        if let Some(path) = &self.report {
            write_page(path, &self.page(&found, frame.as_ref()).html()?)?;
        }
        let optional = |v: Option<f64>| v.map_or_else(|| "needs --head".to_string(), number);
        let mut output = Output::new()
            .field("points", labels.len(), labels.len())
            .field("classes", classes, classes)
            .field("nc1_within", number(found.within), found.within)
            .field("nc2_lengths", number(found.lengths), found.lengths)
            .field("nc2_angles", number(found.angles), found.angles)
            .field("nc2_spread", number(found.spread), found.spread)
            .field("nc3_duality", optional(found.duality), json!(found.duality))
            .field("nc4_nearest", optional(found.nearest), json!(found.nearest))
            .field("nearest_mean_error", number(found.nearest_error), found.nearest_error);
        if let Some((frame, _)) = &frame {
            output = output
                .field("frame_scale", number(frame.scale), frame.scale)
                .field(
                    "frame_explains",
                    format!("{} % of the logits' squares", percent(frame.explained)),
                    frame.explained,
                )
                .field("noise", number(frame.noise), frame.noise)
                .field("gumbel", estimate(&frame.gumbel.correlation), json!(frame.gumbel))
                .field("gaussian", estimate(&frame.gaussian.correlation), json!(frame.gaussian))
                .field("gumbel_less_gaussian", estimate(&frame.difference), json!(frame.difference));
        }
        Ok(output.file("report", self.report.as_ref()))
    }

    /// Names the option and file behind a fault: of the two that are measured, or of what describes them.
    fn named(&self, measured: (&'static str, &ArrayPath), error: AnalysisError) -> CliError {
        let field = match &error {
            AnalysisError::Setting { field, .. } => field,
            AnalysisError::Shape { what, .. } => what,
            AnalysisError::Label { .. } => "labels",
            _ => "",
        };
        let (option, path) = match (field, &self.head, &self.bias) {
            ("head" | "head and embeddings", Some(head), _) => ("--head", head),
            ("bias" | "bias and classes", _, Some(bias)) => ("--bias", bias),
            ("labels", ..) => ("--labels", &self.labels),
            _ => measured,
        };
        CliError::Option { option, value: path.to_string(), rule: error.to_string() }
    }

    /// The frame's fit comes with the number of classes of the logits.
    fn page(&self, found: &NeuralCollapse, frame: Option<&(FrameFit, usize)>) -> Page {
        let row = |name: &str, value: Option<f64>| [name.to_string(), value.map_or("needs a head".into(), number)];
        let table = Table::new("All numbers fall to 0 as a network collapses.", ["", "value"]).rows([
            row("NC1: tr(Sigma_W Sigma_B^+) / C", Some(found.within)),
            row("NC2: variation of the lengths of class means", Some(found.lengths)),
            row("NC2: deviation of the cosines between them", Some(found.angles)),
            row("NC2: mean |cos + 1/(C-1)|", Some(found.spread)),
            row("NC3: head against class means", found.duality),
            row("NC4: share where head and nearest mean disagree", found.nearest),
        ]);
        Page::new("Neural collapse")
            .quiet(&format!("{} with the labels {}.", self.embeddings, self.labels))
            .section(Section::new("How far").table(table))
            .sections(frame.map(|(frame, classes)| simplex(frame, *classes)))
    }
}

/// The logits as a simplex frame with noise.
fn simplex(frame: &FrameFit, classes: usize) -> Section {
    let series = |name: &str, fit: &QuantileFit| {
        Series::new(name, fit.quantiles.iter().step_by(4).map(|(law, seen)| Point::bare(*law, *seen)).collect())
    };
    let ends = [-3.0, 3.0].map(|v| Point::bare(v, v)).to_vec();
    let chart = Chart {
        title: "quantiles of the logits' noise".into(),
        x: Axis::new("quantile of the law (standard deviations)", AxisScale::Linear),
        y: Axis::new("quantile of the residuals (standard deviations)", AxisScale::Linear),
        series: vec![
            series("Gumbel", &frame.gumbel),
            series("Gauss", &frame.gaussian),
            Series::reference("that law", ends),
        ],
    };
    let header = ["", "correlation of quantiles, 95 % over points", "largest distance"];
    let row = |name: &str, fit: &QuantileFit| [name.to_string(), estimate(&fit.correlation), number(fit.distance)];
    let table = Table::new("", header).row(row("Gumbel", &frame.gumbel)).row(row("Gauss", &frame.gaussian));
    let section = Section::new("Logits as a simplex frame with noise")
        .chart("quantiles", chart, "The law that the noise has lies on the dashed line.")
        .table(table);
    // s' = s sqrt(K/(K-1)) in units of the Gumbel noise's own scale.
    let k = classes as f64;
    let unit = (std::f64::consts::PI.powi(2) / 6.0 * (1.0 - 1.0 / k)).sqrt();
    let scale = frame.scale * (k / (k - 1.0)).sqrt() / (frame.noise / unit);
    let Ok(form) = closed_form(classes, scale) else { return section };
    section.text(format!(
        "Were the noise Gumbel's and of scale one, the scale s' = {} would give Bias^2 = {} and Var = {}.",
        number(scale),
        number(form.bias),
        number(form.variance)
    ))
}
