//! The report as Markdown.

use super::{PLOTS, cells, estimate, provenance, tally, title};
use crate::claim::Decided;
use crate::folder::RunConfig;
use crate::paper::Paper;
use tenfold_report::{Section, Table};

/// The report as Markdown, pictures by their path in the run folder.
pub(super) fn markdown(config: &RunConfig, papers: &[(&Paper, Vec<Section>)], claims: &[Decided]) -> String {
    let mut md = format!("# {}\n\n{}\n\n", title(config), provenance(config));
    tally(claims).iter().for_each(|line| md.push_str(&format!("- {line}\n")));
    for (paper, sections) in papers {
        let of_paper = || claims.iter().filter(|c| c.paper == paper.name);
        md.push_str(&format!("\n## {}\n\n{} ({})\n\n", paper.name, paper.title, paper.citation));
        let table = Table::new("", ["claim", "kind", "verdict", "estimate [95 % interval]", "seeds", "s"]);
        md.push_str(&table.rows(of_paper().map(row)).markdown());
        of_paper().for_each(|c| md.push_str(&claim(c)));
        sections.iter().for_each(|section| md.push_str(&section.markdown(3, PLOTS)));
    }
    md
}

fn row(c: &Decided) -> [String; 6] {
    let (kind, verdict) = (c.kind.words().into(), c.verdict.words().into());
    [format!("`{}`", c.id), kind, verdict, estimate(c), c.seeds.to_string(), format!("{:.1}", c.seconds)]
}

fn claim(c: &Decided) -> String {
    let mut md = format!("\n### `{}`: {}\n\n{}\n\n", c.id, c.verdict.words(), c.statement);
    md.push_str(&format!("Statistic and rule: {}. Data: {}; {}. Source: {}.\n", c.rule, c.data, c.n, c.source));
    if !c.remark.is_empty() {
        md.push_str(&format!("\n{}\n", c.remark));
    }
    // A list needs an empty line before it.
    let parts = c
        .parts
        .iter()
        .map(cells)
        .map(|[name, estimate, role, data]| format!("- {name} ({data}, {role}): {estimate}\n"));
    md.extend((!c.parts.is_empty()).then(|| "\n".to_string()).into_iter().chain(parts));
    md
}
