//! Test images that the memory changed, with the neighbours that changed them.

use super::super::compare::Changed;
use super::super::study::Study;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::report::{Block, Gallery, GalleryRow, Section, Tile};
use tenfold_data::Images;

pub(super) fn section(
    context: &Context,
    study: &Study,
    [training, test]: &[Images; 2],
) -> Result<Section, ReproduceError> {
    let first = &study.by_capacity[0][0];
    let names = test.class_names();
    let shape = test.shape();
    let tile = |images: &Images, row: usize, lines: Vec<String>| Tile {
        pixels: images.pixels(row).to_vec(),
        shape: (shape.channels, shape.height, shape.width),
        lines,
    };
    let row = |what: &str, c: &Changed| {
        let truth = &names[test.labels()[c.row]];
        let mut tiles = vec![tile(test, c.row, vec![truth.clone(), "test image".into()])];
        tiles.extend(c.neighbours.iter().map(|(i, weight, label)| {
            tile(training, study.first_rows[*i], vec![names[*label].clone(), format!("weight {weight:.2}")])
        }));
        let label = vec![
            format!("{what}, test {}", c.row),
            format!("base: {}", names[c.base]),
            format!("ResMem: {}", names[c.resmem]),
        ];
        GalleryRow { label, tiles }
    };
    let mut rows: Vec<GalleryRow> = first.fixed.iter().map(|c| row("fixed", c)).collect();
    rows.extend(first.broken.iter().map(|c| row("broken", c)));
    let sheet = Gallery {
        title: format!("Fixed and broken test images, {}, first seed", study.capacities[0].name),
        subtitle: "left the test image with its class, then its nearest training images with label and weight".into(),
        rows,
    };
    Ok(Section {
        title: "What the memory changes".into(),
        blocks: vec![
            Block::Text(format!(
                "At the smallest capacity and the first seed the memory fixed {} test images and broke {}; these are the \
                 first of each in the order of the test set.",
                first.changed(true).count(),
                first.changed(false).count()
            )),
            Block::Plot {
                file: sheet.save(context.folder, "resmem-gallery")?,
                caption: "Test images whose prediction the memory changed, with the neighbours that changed it.".into(),
            },
        ],
    })
}
