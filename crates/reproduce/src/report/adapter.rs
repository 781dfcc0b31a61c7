//! Chapters as they were written before `tenfold-report`, with figures drawn at once: for the experiment that still does so.

use crate::error::ReproduceError;
use crate::folder::RunFolder;
use tenfold_core_tensor::image::ImageShape;
use tenfold_report::{Card, Drawing, Picture, Pixels, ReportError, Table};

/// A chapter of the report.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it holds, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a chapter.
#[derive(Debug, Clone)]
pub enum Block {
    /// Plain text.
    Text(String),
    /// A table with a header row.
    Table {
        /// What it shows.
        caption: String,
        /// Column names, with units.
        header: Vec<String>,
        /// Rows of as many cells as the header.
        rows: Vec<Vec<String>>,
    },
    /// A drawing.
    Plot {
        /// What [`save_svg`] or [`Gallery::save`] returned.
        file: Drawn,
        /// What it shows and what to see in it.
        caption: String,
    },
}

/// A drawing with its name.
#[derive(Debug, Clone)]
pub struct Drawn {
    name: String,
    drawing: Drawing,
}

/// Names a drawing. It is written with the report.
///
/// # Errors
/// If it could not be drawn.
pub fn save_svg(_: &RunFolder, name: &str, svg: Result<String, ReportError>) -> Result<Drawn, ReproduceError> {
    Ok(Drawn { name: name.into(), drawing: Drawing::Svg(svg?) })
}

impl From<Section> for tenfold_report::Section {
    fn from(section: Section) -> Self {
        section.blocks.into_iter().fold(Self::new(section.title), |section, block| match block {
            Block::Text(text) => section.text(text),
            Block::Table { caption, header, rows } => section.table(Table::new(caption, header).rows(rows)),
            Block::Plot { file, caption } => section.chart(file.name, file.drawing, caption),
        })
    }
}

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
    /// Lines above the pictures.
    pub label: Vec<String>,
    /// The pictures; the others belong to the first.
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
    /// Names the sheet. It is written with the report.
    ///
    /// # Errors
    /// If a picture is neither grey nor RGB.
    pub fn save(&self, _: &RunFolder, name: &str) -> Result<Drawn, ReproduceError> {
        let card = |tile: &Tile| -> Result<Card, ReportError> {
            let (channels, height, width) = tile.shape;
            let shape = ImageShape::new(channels, height, width);
            let picture = Picture::new(Pixels::ChannelsFirst(&tile.pixels), shape)?;
            let title = tile.lines.first().cloned().unwrap_or_default();
            Ok(tile.lines.iter().skip(1).fold(Card::new(title, picture), |card, line| card.line(line.as_str())))
        };
        let mut gallery = tenfold_report::Gallery::new(self.title.as_str(), self.subtitle.as_str());
        for row in &self.rows {
            let mut cards = row.tiles.iter().map(card).collect::<Result<Vec<_>, _>>()?.into_iter();
            if let Some(first) = cards.next() {
                gallery = gallery.row_around(row.label.join("; "), first, cards.collect());
            }
        }
        Ok(Drawn { name: name.into(), drawing: Drawing::Gallery(gallery) })
    }
}
