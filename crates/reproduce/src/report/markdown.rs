//! The report as Markdown.

use super::{Block, Section, interval, number, tally};
use crate::decided::Decided;
use crate::experiment::Paper;
use crate::finding::Role;
use crate::folder::RunConfig;

/// The report as Markdown, pictures by their path in the run folder.
pub fn markdown(config: &RunConfig, papers: &[(&Paper, Vec<Section>)], claims: &[Decided]) -> String {
    let mut md =
        format!("# Tenfold: {} at scale {}\n\n{}\n\n", config.papers.join(", "), config.scale, provenance(config));
    for line in tally(claims) {
        md.push_str(&format!("- {line}\n"));
    }
    for (paper, sections) in papers {
        md.push_str(&format!("\n## {}\n\n{} ({})\n\n", paper.name, paper.title, paper.citation));
        let of_paper = claims.iter().filter(|c| c.paper == paper.name);
        md.push_str("| claim | kind | verdict | estimate [95 % interval] | seeds | s |\n|---|---|---|---|---:|---:|\n");
        for c in of_paper.clone() {
            let kind = format!("{:?}", c.kind).to_lowercase();
            let (verdict, seconds) = (c.verdict.words(), c.seconds);
            md.push_str(&format!(
                "| `{}` | {kind} | {verdict} | {} | {} | {seconds:.1} |\n",
                c.id,
                interval(c),
                c.seeds
            ));
        }
        for c in of_paper {
            md.push_str(&format!("\n### `{}`: {}\n\n{}\n\n", c.id, c.verdict.words(), c.statement));
            md.push_str(&format!("Statistic and rule: {}. Data: {}; {}. Source: {}.\n", c.rule, c.data, c.n, c.source));
            if !c.remark.is_empty() {
                md.push_str(&format!("\n{}\n", c.remark));
            }
            for p in &c.parts {
                let role = match p.role {
                    Role::Decides => "decides",
                    Role::Shown => "shown",
                    Role::Control => "control",
                };
                let (e, lo, hi) = (number(p.estimate), number(p.lo), number(p.hi));
                md.push_str(&format!("- {} ({}, {role}): {e} [{lo}, {hi}]\n", p.name, p.data));
            }
        }
        for section in sections {
            md.push_str(&format!("\n### {}\n", section.title));
            section.blocks.iter().for_each(|b| md.push_str(&block(b)));
        }
    }
    md
}

/// What made these numbers, in a sentence.
pub(super) fn provenance(config: &RunConfig) -> String {
    let seeds = config.seeds.map_or("each experiment's own number of".into(), |s| s.to_string());
    format!(
        "Tenfold {}, commit {}, back end {}, {seeds} seeds. Intervals are 95 %.",
        config.version, config.git_commit, config.backend
    )
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("\n{text}\n"),
        Block::Plot { file, caption } => format!("\n![{caption}]({file})\n"),
        Block::Table { caption, header, rows } => {
            let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            let rule = vec!["---".to_string(); header.len()];
            let body: String = rows.iter().map(|r| row(r)).collect();
            format!("\n{caption}\n\n{}{}{body}", row(header), row(&rule))
        }
    }
}
