//! The shape of one image.

use serde::{Deserialize, Serialize};

/// Channels, height and width of one input. A table of `d` columns is an "image" of `d` channels, one pixel each.
///
/// ```
/// use tenfold_core_tensor::image::ImageShape;
/// assert_eq!(ImageShape::new(3, 32, 32).features(), 3072);
/// assert_eq!(ImageShape::table(13), ImageShape::new(13, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageShape {
    /// Colour planes, C: 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// Rows of pixels, H.
    pub height: usize,
    /// Columns of pixels, W.
    pub width: usize,
}

impl ImageShape {
    /// Channels, height, width.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// The shape of one row of a table with `columns` numbers.
    pub const fn table(columns: usize) -> Self {
        Self::new(columns, 1, 1)
    }

    /// `C * H * W`, the numbers of one image; `usize::MAX` where the product does not fit.
    pub const fn features(self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    /// `[C, H, W]`.
    pub const fn dims(self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }
}
