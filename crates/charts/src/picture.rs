//! Pictures inside a page.

use crate::ChartError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tenfold_core_tensor::image::ImageShape;

/// Bytes of an image, and how its channels lie.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a> {
    /// `[C, H, W]`.
    ChannelsFirst(&'a [u8]),
    /// `[H, W, C]`.
    ChannelsLast(&'a [u8]),
}

/// A grey or RGB image as a PNG in a data URI.
///
/// ```
/// use tenfold_charts::{Pixels, picture};
/// use tenfold_core_tensor::image::ImageShape;
/// let uri = picture(Pixels::ChannelsFirst(&[0, 255]), ImageShape::new(1, 1, 2))?;
/// assert!(uri.starts_with("data:image/png;base64,"));
/// assert!(picture(Pixels::ChannelsFirst(&[0; 4]), ImageShape::new(2, 1, 2)).is_err());
/// # Ok::<(), tenfold_charts::ChartError>(())
/// ```
///
/// # Errors
/// Another number of channels, or of bytes than the shape has.
pub fn picture(pixels: Pixels, shape: ImageShape) -> Result<String, ChartError> {
    let ImageShape { channels, height, width } = shape;
    let plane = height * width;
    let colour = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        other => return Err(ChartError(format!("a picture with {other} channels"))),
    };
    let (Pixels::ChannelsFirst(bytes) | Pixels::ChannelsLast(bytes)) = pixels;
    if bytes.len() != channels * plane {
        return Err(ChartError(format!("{} pixels for {channels} x {height} x {width}", bytes.len())));
    }
    let interleaved: Vec<u8> = match pixels {
        Pixels::ChannelsLast(bytes) => bytes.to_vec(),
        Pixels::ChannelsFirst(bytes) => {
            (0..plane * channels).map(|i| bytes[i % channels * plane + i / channels]).collect()
        }
    };
    let mut png = Vec::new();
    let written = PngEncoder::new(&mut png).write_image(&interleaved, width as u32, height as u32, colour);
    written.map_err(|error| ChartError(error.to_string()))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}
