//! The report as one HTML file that opens offline and reads well on a phone.

use super::markdown::provenance;
use super::{Block, Section, interval, number, tally};
use crate::claim::Verdict;
use crate::decided::Decided;
use crate::experiment::Paper;
use crate::finding::Role;
use crate::folder::{RunConfig, RunFolder};
use tenfold_charts::escape;
use tenfold_core_tensor::files::FileError;

const STYLE: &str = include_str!("report.css");

/// The report as one HTML file; pictures are read from the run folder and put inside.
///
/// # Errors
/// If a picture is not there.
pub fn html(
    config: &RunConfig,
    papers: &[(&Paper, Vec<Section>)],
    claims: &[Decided],
    folder: &RunFolder,
) -> Result<String, FileError> {
    let title = format!("Tenfold: {} at scale {}", config.papers.join(", "), config.scale);
    let mut body = format!("<h1>{}</h1>\n<p class=\"quiet\">{}</p>\n", escape(&title), escape(&provenance(config)));
    body.push_str("<ul>\n");
    tally(claims).iter().for_each(|line| body.push_str(&format!("<li>{}</li>\n", escape(line))));
    body.push_str("</ul>\n");
    for (paper, sections) in papers {
        body.push_str(&format!(
            "<h2 id=\"{0}\">{0}</h2>\n<p>{1} ({2})</p>\n",
            paper.name,
            escape(paper.title),
            escape(paper.citation)
        ));
        body.push_str("<div class=\"claims\">\n");
        claims.iter().filter(|c| c.paper == paper.name).for_each(|c| body.push_str(&claim(c)));
        body.push_str("</div>\n");
        for section in sections {
            body.push_str(&format!("<section>\n<h3>{}</h3>\n", escape(&section.title)));
            for b in &section.blocks {
                body.push_str(&block(b, folder)?);
            }
            body.push_str("</section>\n");
        }
    }
    let title = escape(&title);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    ))
}

fn claim(c: &Decided) -> String {
    let class = match c.verdict {
        Verdict::Held => "held",
        Verdict::NotHeld => "not-held",
        Verdict::Inconclusive => "open",
    };
    let kind = format!("{:?}", c.kind).to_lowercase();
    let remark = if c.remark.is_empty() { String::new() } else { format!("<p>{}</p>\n", escape(&c.remark)) };
    let parts: String = c
        .parts
        .iter()
        .map(|p| {
            let role = match p.role {
                Role::Decides => "decides",
                Role::Shown => "shown",
                Role::Control => "control",
            };
            let (e, lo, hi) = (number(p.estimate), number(p.lo), number(p.hi));
            let (name, data) = (escape(&p.name), escape(&p.data));
            format!("<tr><td>{name}</td><td>{data}</td><td>{role}</td><td class=\"n\">{e} [{lo}, {hi}]</td></tr>\n")
        })
        .collect();
    let table = if parts.is_empty() {
        String::new()
    } else {
        format!(
            "<div class=\"wide\"><table><thead><tr><th>part</th><th>data</th><th>role</th>\
             <th>estimate [95 % interval]</th></tr></thead><tbody>\n{parts}</tbody></table></div>\n"
        )
    };
    format!(
        "<details class=\"claim {class}\" id=\"{id}\">\n<summary><span class=\"verdict\">{sign} {words}</span> \
         <code>{id}</code> <span class=\"kind\">{kind}</span><br>{statement}<br><span class=\"n\">{interval}</span>\
         </summary>\n{remark}<p class=\"quiet\">{rule}.<br>Data: {data}; {n}. Source: {source}. {seconds:.1} s.</p>\n\
         {table}</details>\n",
        id = escape(&c.id),
        sign = c.verdict.sign(),
        words = c.verdict.words(),
        statement = escape(&c.statement),
        interval = escape(&interval(c)),
        rule = escape(&c.rule),
        data = escape(&c.data),
        n = escape(&c.n),
        source = escape(&c.source),
        seconds = c.seconds,
    )
}

fn block(block: &Block, folder: &RunFolder) -> Result<String, FileError> {
    Ok(match block {
        Block::Text(text) => format!("<p>{}</p>\n", escape(text)),
        Block::Plot { file, caption } => {
            let path = folder.path(file);
            let svg = std::fs::read_to_string(&path).map_err(|e| FileError::new(path, e))?;
            // An XML declaration may not stand inside HTML.
            let svg = &svg[svg.find("<svg").unwrap_or(0)..];
            format!("<figure>\n{svg}\n<figcaption>{}</figcaption>\n</figure>\n", escape(caption))
        }
        Block::Table { caption, header, rows } => {
            let cells = |tag: &str, row: &[String]| -> String {
                row.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect()
            };
            let body: String = rows.iter().map(|r| format!("<tr>{}</tr>\n", cells("td", r))).collect();
            format!(
                "<div class=\"wide\"><table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>\n{body}</tbody></table></div>\n",
                escape(caption),
                cells("th", header)
            )
        }
    })
}
