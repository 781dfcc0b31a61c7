//! A sheet of small pictures with a line of text under each, as SVG.

use super::save_svg;
use crate::error::ReproduceError;
use crate::folder::RunFolder;
use tenfold_charts::{ChartError, Pixels, escape, picture};
use tenfold_core_tensor::image::ImageShape;

const TILE: usize = 84;
const LABEL_WIDTH: usize = 176;
const ROW: usize = TILE + 40;
const HEAD: usize = 52;

/// One picture.
#[derive(Debug, Clone)]
pub struct Tile {
    /// 8-bit pixels, channel by channel, row by row.
    pub pixels: Vec<u8>,
    /// Channels (1 or 3), height, width.
    pub shape: (usize, usize, usize),
    /// One or two short lines under it.
    pub lines: Vec<String>,
}

/// A row: what it is about, then its pictures.
#[derive(Debug, Clone)]
pub struct GalleryRow {
    /// Lines left of the pictures.
    pub label: Vec<String>,
    /// The pictures.
    pub tiles: Vec<Tile>,
}

/// A sheet of pictures.
#[derive(Debug, Clone)]
pub struct Gallery {
    /// What it shows.
    pub title: String,
    /// How to read a row.
    pub subtitle: String,
    /// Its rows.
    pub rows: Vec<GalleryRow>,
}

impl Gallery {
    /// Draws the sheet into `plots/NAME.svg` of the run folder and returns that path.
    ///
    /// # Errors
    /// If a picture is neither grey nor RGB, or the file system refuses.
    pub fn save(&self, folder: &RunFolder, name: &str) -> Result<String, ReproduceError> {
        save_svg(folder, name, self.svg())
    }

    fn svg(&self) -> Result<String, ChartError> {
        let columns = self.rows.iter().map(|r| r.tiles.len()).max().unwrap_or(0);
        let (width, height) = (LABEL_WIDTH + columns * (TILE + 12), HEAD + self.rows.len() * ROW);
        let mut svg = format!(
            "<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" fill=\"#1d2530\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"20\" font-size=\"16\">{title}</text>\n\
             <text x=\"8\" y=\"39\" font-size=\"12\" fill=\"#5a6675\">{subtitle}</text>\n",
            title = escape(&self.title),
            subtitle = escape(&self.subtitle)
        );
        for (r, row) in self.rows.iter().enumerate() {
            let top = HEAD + r * ROW;
            lines(&mut svg, &row.label, 8, top + 28, 13, 17);
            for (c, tile) in row.tiles.iter().enumerate() {
                let left = LABEL_WIDTH + c * (TILE + 12);
                let (channels, height, width) = tile.shape;
                let uri = picture(Pixels::ChannelsFirst(&tile.pixels), ImageShape::new(channels, height, width))?;
                svg.push_str(&format!(
                    "<image x=\"{left}\" y=\"{top}\" width=\"{TILE}\" height=\"{TILE}\" \
                     style=\"image-rendering:pixelated\" href=\"{uri}\"/>\n"
                ));
                lines(&mut svg, &tile.lines, left, top + TILE + 13, 11, 13);
            }
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

fn lines(svg: &mut String, lines: &[String], x: usize, y: usize, size: usize, step: usize) {
    for (i, line) in lines.iter().enumerate() {
        let y = y + i * step;
        svg.push_str(&format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{}</text>\n", escape(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_holds_its_pictures_and_words() {
        let tile = |shape: (usize, usize, usize)| Tile {
            pixels: vec![7; shape.0 * shape.1 * shape.2],
            shape,
            lines: vec!["coat".into(), "0.4 & more".into()],
        };
        let sheet = |shape| Gallery {
            title: "fixed".into(),
            subtitle: "how".into(),
            rows: vec![GalleryRow { label: vec!["image 3".into()], tiles: vec![tile((1, 2, 2)), tile(shape)] }],
        };
        let svg = sheet((3, 2, 2)).svg().unwrap();
        assert_eq!(svg.matches("data:image/png;base64,").count(), 2);
        assert!(svg.contains("0.4 &amp; more"));
        assert!(sheet((2, 2, 2)).svg().unwrap_err().to_string().contains("2 channels"));
    }
}
