//! The report as one HTML file that opens offline and reads well on a phone.

use super::{cells, estimate, provenance, tally, title};
use crate::claim::Decided;
use crate::folder::RunConfig;
use crate::paper::Paper;
use tenfold_report::{Page, ReportError, Section, Table, escape, fold};

/// The report as one HTML file, its charts inside.
pub(super) fn html(
    config: &RunConfig,
    papers: &[(&Paper, Vec<Section>)],
    claims: &[Decided],
) -> Result<String, ReportError> {
    let mut page = Page::new(title(config)).quiet(&provenance(config)).list(tally(claims));
    for (paper, sections) in papers {
        page = page.chapter(paper.name).text(&format!("{} ({})", paper.title, paper.citation));
        page = claims.iter().filter(|c| c.paper == paper.name).map(claim).fold(page, Page::markup);
        page = page.sections(sections.iter().cloned());
    }
    page.html()
}

/// A claim: its verdict and estimate are always seen, what decided it opens.
fn claim(c: &Decided) -> String {
    let summary = format!(
        "<b>{} {}</b> <code>{}</code> <span class=\"tag\">{}</span><br>{}<br><span class=\"n\">{}</span>",
        c.verdict.sign(),
        c.verdict.words(),
        escape(&c.id),
        c.kind.words(),
        escape(&c.statement),
        escape(&estimate(c)),
    );
    let mut inside = String::new();
    if !c.remark.is_empty() {
        inside += &format!("<p>{}</p>\n", escape(&c.remark));
    }
    inside += &format!(
        "<p class=\"quiet\">{}.<br>Data: {}; {}. Source: {}. {:.1} s.</p>\n",
        escape(&c.rule),
        escape(&c.data),
        escape(&c.n),
        escape(&c.source),
        c.seconds
    );
    if !c.parts.is_empty() {
        let table = Table::new("", ["part", "estimate [95 % interval]", "role", "data"]);
        inside += &table.rows(c.parts.iter().map(cells)).html();
    }
    fold(c.verdict.tone(), &c.id, &summary, &inside)
}
