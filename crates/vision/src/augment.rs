//! What happens to an image before the network sees it.

use crate::error::{VisionError, require};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::image::ImageShape;
use tenfold_core_tensor::seed::Rng;

/// Random changes that keep an image's class, drawn anew for every image in every epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Augmentation {
    /// Images as they are.
    #[default]
    None,
    /// Pad each side with `padding` zeros, crop a window of the original size at a uniform place, and, with `flip`,
    /// mirror left and right with probability one half.
    PadCropFlip {
        /// Zeros on each side; less than height and width.
        padding: usize,
        /// Whether to mirror.
        flip: bool,
    },
}

impl Augmentation {
    /// Checks the padding against the images.
    pub(crate) fn validate(self, image: ImageShape) -> Result<(), VisionError> {
        match self {
            Self::None => Ok(()),
            Self::PadCropFlip { padding, .. } => {
                let rule = "must be less than the image's height and width, or a crop could miss the image";
                require(padding < image.height.min(image.width), "augmentation.padding", padding, rule)
            }
        }
    }

    /// Appends one image to a batch, changed by this augmentation.
    pub(crate) fn push(self, source: &[f32], image: ImageShape, rng: &mut Rng, batch: &mut Vec<f32>) {
        match self {
            Self::None => batch.extend_from_slice(source),
            Self::PadCropFlip { padding, flip } => {
                // Drawn in a fixed order, so that the stream does not depend on the outcome of a draw.
                let down = rng.random_range(0..=2 * padding);
                let right = rng.random_range(0..=2 * padding);
                let mirror = rng.random::<bool>() && flip;
                let start = batch.len();
                batch.resize(start + image.features(), 0.0);
                crop(source, image, [down, right], padding, &mut batch[start..]);
                if mirror {
                    batch[start..].chunks_exact_mut(image.width).for_each(<[f32]>::reverse);
                }
            }
        }
    }
}

/// Copies the window that starts at (`down`, `right`) of the padded image. `out` holds zeros.
fn crop(source: &[f32], image: ImageShape, [down, right]: [usize; 2], padding: usize, out: &mut [f32]) {
    let ImageShape { height, width, .. } = image;
    // Along each axis, out[i] = source[i + offset - padding] where that exists.
    let overlap = |offset: usize, size: usize| {
        let (from, to) = (offset.saturating_sub(padding), padding.saturating_sub(offset));
        (from, to, size - from.max(to))
    };
    let (from_row, to_row, rows) = overlap(down, height);
    let (from_column, to_column, columns) = overlap(right, width);
    for (source, out) in source.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width)) {
        for row in 0..rows {
            let from = (from_row + row) * width + from_column;
            let to = (to_row + row) * width + to_column;
            out[to..to + columns].copy_from_slice(&source[from..from + columns]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tenfold_core_tensor::seed::Seed;

    #[test]
    fn crops_by_hand() {
        let image = ImageShape::new(1, 2, 3);
        let source = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let at = |down, right| {
            let mut out = vec![0.0; 6];
            crop(&source, image, [down, right], 1, &mut out);
            out
        };
        assert_eq!(at(1, 1), source);
        assert_eq!(at(0, 0), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(at(2, 2), [5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(1, 2), [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
    }

    #[test]
    fn half_of_the_images_are_mirrored_and_every_offset_occurs() {
        let image = ImageShape::new(1, 1, 2);
        let augmentation = Augmentation::PadCropFlip { padding: 0, flip: true };
        let mut rng = Seed::new(3).rng();
        let mut batch = Vec::new();
        let n = 2000;
        (0..n).for_each(|_| augmentation.push(&[1.0, 2.0], image, &mut rng, &mut batch));
        let mirrored = batch.chunks_exact(2).filter(|p| p[0] == 2.0).count() as f64;
        // Five standard deviations of a binomial with p = 1/2.
        assert!((mirrored - n as f64 / 2.0).abs() < 2.5 * f64::from(n).sqrt(), "{mirrored} of {n}");
    }

    #[test]
    fn a_padding_that_could_hide_the_image_is_refused() {
        let augmentation = Augmentation::PadCropFlip { padding: 2, flip: false };
        let error = augmentation.validate(ImageShape::new(1, 2, 9)).unwrap_err();
        assert!(matches!(error, VisionError::Setting { field: "augmentation.padding", .. }), "{error}");
        augmentation.validate(ImageShape::new(1, 3, 9)).unwrap();
    }

    proptest! {
        #[test]
        fn a_crop_equals_indexing_the_padded_image(
            (height, width, padding, down, right) in (1_usize..6, 1_usize..6).prop_flat_map(|(h, w)| {
                (Just(h), Just(w), 0..h.min(w)).prop_flat_map(|(h, w, p)| (Just(h), Just(w), Just(p), 0..=2 * p, 0..=2 * p))
            })
        ) {
            let image = ImageShape::new(2, height, width);
            let source: Vec<f32> = (1..=image.features()).map(|v| v as f32).collect();
            let mut out = vec![0.0; image.features()];
            crop(&source, image, [down, right], padding, &mut out);
            for c in 0..2 {
                for i in 0..height {
                    for j in 0..width {
                        let (r, s) = ((i + down).wrapping_sub(padding), (j + right).wrapping_sub(padding));
                        let inside = r < height && s < width;
                        let expected = if inside { source[(c * height + r) * width + s] } else { 0.0 };
                        prop_assert_eq!(out[(c * height + i) * width + j], expected);
                    }
                }
            }
        }
    }
}
