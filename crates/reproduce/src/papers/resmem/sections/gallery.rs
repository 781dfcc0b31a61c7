//! Test images that the memory changed, with the neighbours that changed them.

use super::super::compare::Changed;
use super::super::study::Study;
use crate::error::ReproduceError;
use tenfold_data::Images;
use tenfold_report::{Card, Gallery, Picture, Pixels, Section};

pub(super) fn section(study: &Study, [training, test]: &[Images; 2]) -> Result<Section, ReproduceError> {
    let first = &study.by_capacity[0][0];
    let names = test.class_names();
    let card = |images: &Images, row: usize, class: &str, line: String| -> Result<Card, ReproduceError> {
        let picture = Picture::new(Pixels::ChannelsFirst(images.pixels(row)), images.shape())?;
        Ok(Card::new(class, picture).line(line))
    };
    let mut gallery = Gallery::new(
        format!("Fixed and broken test images, {}, first seed", study.capacities[0].name),
        "first the test image with its class, then its nearest training images with label and weight",
    );
    let changed = first.fixed.iter().map(|c| ("fixed", c)).chain(first.broken.iter().map(|c| ("broken", c)));
    for (what, c) in changed {
        let Changed { row, base, resmem, neighbours } = c;
        let tested = card(test, *row, &names[test.labels()[*row]], "test image".into())?;
        let near = neighbours.iter().map(|(i, weight, label)| {
            card(training, study.first_rows[*i], &names[*label], format!("weight {weight:.2}"))
        });
        let label = format!("{what}, test {row}; base: {}; ResMem: {}", names[*base], names[*resmem]);
        gallery = gallery.row_around(label, tested, near.collect::<Result<_, _>>()?);
    }
    let text = format!(
        "At the smallest capacity and the first seed the memory fixed {} test images and broke {}; these are the first of each in \
         the order of the test set.",
        first.changed(true).count(),
        first.changed(false).count()
    );
    let caption = "Test images whose prediction the memory changed, with the neighbours that changed it.";
    Ok(Section::new("What the memory changes").text(text).gallery("resmem-gallery", gallery, caption))
}
