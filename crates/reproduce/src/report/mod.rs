//! What a person sees: claims on the terminal, a Markdown file with plots beside it, and one HTML file that opens offline.
//!
//! Chapters, charts and tables are `tenfold-report`'s; what is here is how decided claims look.

mod html;
mod markdown;
mod terminal;

pub use tenfold_report::{Section, number};
pub use terminal::terminal;

use crate::claim::{Kind, Verdict};
use crate::decided::Decided;
use crate::error::ReproduceError;
use crate::experiment::Paper;
use crate::finding::{Part, Role};
use crate::folder::{RunConfig, RunFolder};
use crate::scale::Scale;
use std::collections::HashSet;
use tenfold_report::{Tone, interval};

/// Where drawings lie in the run folder.
const PLOTS: &str = "plots";

/// Writes `report.md`, `report.html` and `plots/NAME.svg` for every figure. All is drawn before anything is written.
///
/// # Errors
/// A chart that cannot be drawn, two figures of one name, or a file system that refuses.
pub fn write(
    folder: &RunFolder,
    config: &RunConfig,
    papers: &[(&Paper, Vec<Section>)],
    claims: &[Decided],
) -> Result<(), ReproduceError> {
    let (mut names, mut plots) = (HashSet::new(), Vec::new());
    for figure in papers.iter().flat_map(|(_, sections)| sections).flat_map(Section::figures) {
        let file = format!("{PLOTS}/{}.svg", figure.name);
        if !names.insert(&figure.name) {
            return Err(ReproduceError::RunFolder { file, rule: "two figures have this name".into() });
        }
        plots.push((file, figure.svg()?));
    }
    let page = html::html(config, papers, claims)?;
    for (file, svg) in plots {
        folder.write(&file, &svg)?;
    }
    folder.write("report.md", &markdown::markdown(config, papers, claims))?;
    folder.write("report.html", &page)?;
    Ok(())
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotHeld => "not held",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// A sign that does not rely on colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Held => "✓",
            Self::NotHeld => "✗",
            Self::Inconclusive => "?",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Held => Tone::Good,
            Self::NotHeld => Tone::Bad,
            Self::Inconclusive => Tone::Open,
        }
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Theory => "theory",
            Self::Empirical => "empirical",
            Self::Control => "control",
        }
    }
}

impl Role {
    fn words(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::Shown => "shown",
            Self::Control => "control",
        }
    }
}

/// What the report is called.
fn title(config: &RunConfig) -> String {
    format!("Tenfold: {} at scale {}", config.papers.join(", "), config.scale)
}

/// What made these numbers, in a sentence.
fn provenance(config: &RunConfig) -> String {
    let seeds = config.seeds.map_or("each experiment's own number of".into(), |s| s.to_string());
    format!(
        "Tenfold {}, commit {}, back end {}, perceptrons trained by {}, {seeds} seeds. Intervals are 95 %.",
        config.version, config.git_commit, config.backend, config.perceptrons
    )
}

/// Verdicts counted by kind: an identity that holds is no evidence about data.
fn tally(claims: &[Decided]) -> Vec<String> {
    let line = |kind: Kind| {
        let of = |v: Verdict| claims.iter().filter(|c| c.kind == kind && c.verdict == v).count();
        let total = claims.iter().filter(|c| c.kind == kind).count();
        let (held, not, open) = (of(Verdict::Held), of(Verdict::NotHeld), of(Verdict::Inconclusive));
        let name = kind.words();
        (total > 0).then(|| format!("{name}: {held} of {total} held, {not} not held, {open} inconclusive"))
    };
    let tiny = claims.iter().any(|c| c.scale == Scale::Tiny.to_string());
    let warning =
        tiny.then(|| "Scale tiny has too little of everything, for tests: its verdicts mean nothing.".to_string());
    let kinds = [Kind::Empirical, Kind::Theory, Kind::Control, Kind::Identity];
    warning.into_iter().chain(kinds.into_iter().filter_map(line)).collect()
}

/// `estimate [lo, hi]` of a claim, or why there is none.
fn estimate(c: &Decided) -> String {
    let end = |v: Option<f64>| v.unwrap_or(f64::NAN);
    match c.estimate {
        Some(e) => interval(number, e, end(c.lo), end(c.hi)),
        None => c.reason.clone().unwrap_or_else(|| "not computable".into()),
    }
}

/// The cells of a part: name, `estimate [lo, hi]`, role, data.
fn cells(p: &Part) -> [String; 4] {
    [p.name.clone(), interval(number, p.estimate, p.lo, p.hi), p.role.words().into(), p.data.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::PAPERS;
    use crate::scale::Scale;
    use tenfold_report::Drawing;
    use tenfold_vision::Engine;

    fn config() -> RunConfig {
        RunConfig {
            version: "0".into(),
            git_commit: "unknown".into(),
            papers: vec![PAPERS[0].name.into()],
            scale: Scale::Quick,
            seeds: None,
            data: None,
            backend: "flex".into(),
            perceptrons: Engine::Perceptron,
        }
    }

    #[test]
    fn every_figure_is_a_file_and_inside_the_page() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(dir.path(), &config()).unwrap();
        let figure =
            |section: Section, name: &str| section.chart(name, Drawing::Svg("<svg></svg>".into()), "what to see");
        let twice = figure(figure(Section::new("s"), "a"), "a");
        let error = write(&folder, &config(), &[(&PAPERS[0], vec![twice])], &[]).unwrap_err().to_string();
        assert!(error.contains("plots/a.svg: two figures have this name"), "{error}");
        assert!(!folder.path("report.md").exists() && !folder.path("plots").exists());

        let section = figure(figure(Section::new("s"), "a"), "b");
        write(&folder, &config(), &[(&PAPERS[0], vec![section])], &[]).unwrap();
        let read = |file: &str| std::fs::read_to_string(folder.path(file)).unwrap();
        assert_eq!((read("plots/a.svg"), read("plots/b.svg")), ("<svg></svg>".into(), "<svg></svg>".into()));
        assert!(read("report.md").contains("![what to see](plots/b.svg)"));
        assert_eq!(read("report.html").matches("<svg></svg>").count(), 2);
    }
}
