//! Sheets of small images with words under each: as part of a page, where they flow to its width, and as SVG.

use crate::Picture;
use crate::text::{broken, escape};

/// Edge of an image, and what lies between two; sizes of fonts and lines, of an SVG.
const IMAGE: usize = 112;
const GAP: usize = 14;
const EDGE: usize = 10;
const SMALL: usize = 12;
const LARGE: usize = 16;
const LINE: usize = 15;
/// Characters under an image, and in a row of six.
const UNDER: usize = IMAGE / 7;
const ACROSS: usize = 6 * (IMAGE + GAP) / 8;

/// An image with words under it.
#[derive(Debug, Clone)]
pub struct Card {
    picture: Picture,
    title: String,
    lines: Vec<String>,
}

impl Card {
    /// A card without further lines.
    pub fn new(title: impl Into<String>, picture: Picture) -> Self {
        Self { picture, title: title.into(), lines: Vec::new() }
    }

    /// Adds a line under the title.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    fn html(&self) -> String {
        let lines: String = self.lines.iter().map(|line| format!("<br>{}", escape(line))).collect();
        let (title, uri) = (escape(&self.title), self.picture.uri());
        format!("<figure><img src=\"{uri}\" alt=\"{title}\"><figcaption><b>{title}</b>{lines}</figcaption></figure>\n")
    }

    /// All lines, none wider than the image.
    fn words(&self) -> Vec<String> {
        std::iter::once(&self.title).chain(&self.lines).flat_map(|line| broken(line, UNDER)).collect()
    }
}

/// A row of a gallery.
#[derive(Debug, Clone)]
struct Row {
    label: String,
    /// Whether the first card is what the others belong to.
    around: bool,
    cards: Vec<Card>,
}

/// A sheet of images.
///
/// ```
/// use tenfold_report::{Card, Gallery, Picture, Pixels};
/// use tenfold_core_tensor::image::ImageShape;
/// let picture = Picture::new(Pixels::ChannelsFirst(&[0, 255]), ImageShape::new(1, 1, 2))?;
/// let card = |title: &str| Card::new(title, picture.clone()).line("0.4 & more");
/// let gallery = Gallery::new("Coats", "label and score").row("most memorised", vec![card("coat"), card("shirt")]);
/// assert_eq!(gallery.svg().matches("data:image/png;base64,").count(), 2);
/// assert!(gallery.html().contains("0.4 &amp; more"));
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gallery {
    title: String,
    note: String,
    rows: Vec<Row>,
}

impl Gallery {
    /// A sheet with a title and a note on how to read it; either may be empty.
    pub fn new(title: impl Into<String>, note: impl Into<String>) -> Self {
        Self { title: title.into(), note: note.into(), rows: Vec::new() }
    }

    /// Adds a row: what it is about, and its cards.
    pub fn row(mut self, label: impl Into<String>, cards: Vec<Card>) -> Self {
        self.rows.push(Row { label: label.into(), around: false, cards });
        self
    }

    /// Adds a row of a card and of others that belong to it, which stand a little apart.
    pub fn row_around(mut self, label: impl Into<String>, card: Card, others: Vec<Card>) -> Self {
        let cards = std::iter::once(card).chain(others).collect();
        self.rows.push(Row { label: label.into(), around: true, cards });
        self
    }

    /// As part of a page.
    pub fn html(&self) -> String {
        let paragraph = |class: &str, text: &str| match text {
            "" => String::new(),
            text => format!("<p class=\"{class}\">{}</p>\n", escape(text)),
        };
        let mut html = paragraph("label", &self.title) + &paragraph("quiet", &self.note);
        for row in &self.rows {
            let cards: String = row.cards.iter().map(Card::html).collect();
            let class = if row.around { "cards around" } else { "cards" };
            html += &paragraph("label", &row.label);
            html += &format!("<div class=\"{class}\">\n{cards}</div>\n");
        }
        html
    }

    /// As a file of its own.
    pub fn svg(&self) -> String {
        let columns = self.rows.iter().map(|row| row.cards.len()).max().unwrap_or(0).max(6);
        let mut sheet = Sheet { svg: String::new(), bottom: EDGE };
        sheet.words(&broken(&self.title, ACROSS), EDGE, LARGE);
        sheet.words(&broken(&self.note, ACROSS), EDGE, SMALL);
        for row in &self.rows {
            sheet.bottom += EDGE;
            sheet.words(&broken(&row.label, ACROSS), EDGE, SMALL + 2);
            sheet.bottom += EDGE / 2;
            let (top, mut bottom) = (sheet.bottom, sheet.bottom);
            for (c, card) in row.cards.iter().enumerate() {
                let apart = if row.around && c > 0 { GAP } else { 0 };
                let left = EDGE + c * (IMAGE + GAP) + apart;
                sheet.svg += &format!(
                    "<image x=\"{left}\" y=\"{top}\" width=\"{IMAGE}\" height=\"{IMAGE}\" \
                     style=\"image-rendering:pixelated\" href=\"{}\"/>\n",
                    card.picture.uri()
                );
                sheet.bottom = top + IMAGE + EDGE / 2;
                sheet.words(&card.words(), left, SMALL);
                bottom = bottom.max(sheet.bottom);
            }
            sheet.bottom = bottom;
        }
        let (width, height) = (2 * EDGE + columns * (IMAGE + GAP) + GAP, sheet.bottom + EDGE);
        format!(
            "<svg role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" fill=\"#1d2530\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            escape(&self.title),
            sheet.svg
        )
    }
}

/// An SVG that grows downwards.
struct Sheet {
    svg: String,
    bottom: usize,
}

impl Sheet {
    fn words(&mut self, lines: &[String], x: usize, size: usize) {
        for line in lines {
            self.bottom += LINE.max(size + 4);
            let y = self.bottom - 4;
            self.svg += &format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{}</text>\n", escape(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;
    use tenfold_core_tensor::image::ImageShape;

    #[test]
    fn words_under_an_image_are_no_wider_than_it_and_the_next_row_is_below_them() {
        let picture = Picture::new(Pixels::ChannelsFirst(&[7; 12]), ImageShape::new(3, 2, 2)).unwrap();
        let card = Card::new("a class with a name of many words", picture).line("0.97 [0.85, 1.00]");
        assert!(card.words().len() > 3 && card.words().iter().all(|line| line.len() <= UNDER));
        let svg = Gallery::new("t", "n")
            .row_around("first", card.clone(), vec![card.clone()])
            .row("second", vec![card])
            .svg();
        let height = |of: &str, key: &str| {
            let from = &svg[..svg.find(of).unwrap()];
            let at = from.rfind(key).unwrap() + key.len();
            from[at..].split('"').next().unwrap().parse::<usize>().unwrap()
        };
        assert!(height(">second<", " y=\"") > height(">1.00]<", " y=\"") + SMALL);
    }
}
