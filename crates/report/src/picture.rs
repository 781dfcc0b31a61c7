//! Small images inside a page.

use crate::ReportError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tenfold_core_tensor::image::ImageShape;

/// The numbers of an image, and how its channels lie.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a, T = u8> {
    /// `[C, H, W]`.
    ChannelsFirst(&'a [T]),
    /// `[H, W, C]`.
    ChannelsLast(&'a [T]),
}

/// A grey or RGB image as a PNG in a data URI.
///
/// ```
/// use tenfold_report::{Picture, Pixels};
/// use tenfold_core_tensor::image::ImageShape;
/// let picture = Picture::new(Pixels::ChannelsFirst(&[0, 255]), ImageShape::new(1, 1, 2))?;
/// assert!(picture.uri().starts_with("data:image/png;base64,"));
/// assert!(Picture::new(Pixels::ChannelsFirst(&[0; 4]), ImageShape::new(2, 1, 2)).is_err());
/// # Ok::<(), tenfold_report::ReportError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(String);

impl Picture {
    /// From bytes.
    ///
    /// # Errors
    /// Another number of channels, or of bytes than the shape has.
    pub fn new(pixels: Pixels, shape: ImageShape) -> Result<Self, ReportError> {
        let ImageShape { channels, height, width } = shape;
        let plane = height * width;
        let colour = match channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            other => return refuse(format!("has {other} channels, must have 1 or 3")),
        };
        let (Pixels::ChannelsFirst(bytes) | Pixels::ChannelsLast(bytes)) = pixels;
        if bytes.len() != channels * plane {
            return refuse(format!("has {} numbers for {channels} x {height} x {width}", bytes.len()));
        }
        let interleaved: Vec<u8> = match pixels {
            Pixels::ChannelsLast(bytes) => bytes.to_vec(),
            Pixels::ChannelsFirst(bytes) => {
                (0..plane * channels).map(|i| bytes[i % channels * plane + i / channels]).collect()
            }
        };
        let mut png = Vec::new();
        let written = PngEncoder::new(&mut png).write_image(&interleaved, width as u32, height as u32, colour);
        match written {
            Ok(()) => Ok(Self(format!("data:image/png;base64,{}", STANDARD.encode(png)))),
            Err(error) => refuse(error.to_string()),
        }
    }

    /// From numbers of any range, which is stretched to black and white.
    ///
    /// ```
    /// use tenfold_report::{Picture, Pixels};
    /// use tenfold_core_tensor::image::ImageShape;
    /// let shape = ImageShape::new(1, 1, 3);
    /// let stretched = Picture::stretched(Pixels::ChannelsLast(&[-1.0, 0.0, 1.0]), shape)?;
    /// assert_eq!(stretched, Picture::new(Pixels::ChannelsLast(&[0, 128, 255]), shape)?);
    /// assert!(Picture::stretched(Pixels::ChannelsLast(&[0.0, 1.0, f32::NAN]), shape).is_err());
    /// # Ok::<(), tenfold_report::ReportError>(())
    /// ```
    ///
    /// # Errors
    /// A number that is not finite; as [`Picture::new`].
    pub fn stretched(pixels: Pixels<f32>, shape: ImageShape) -> Result<Self, ReportError> {
        let (Pixels::ChannelsFirst(numbers) | Pixels::ChannelsLast(numbers)) = pixels;
        if numbers.iter().any(|v| !v.is_finite()) {
            return refuse("has a number that is not finite".into());
        }
        let (lo, hi) = numbers.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        let byte = |v: &f32| if hi > lo { ((v - lo) / (hi - lo) * 255.0).round() as u8 } else { 0 };
        let bytes: Vec<u8> = numbers.iter().map(byte).collect();
        let pixels = match pixels {
            Pixels::ChannelsFirst(_) => Pixels::ChannelsFirst(&bytes[..]),
            Pixels::ChannelsLast(_) => Pixels::ChannelsLast(&bytes[..]),
        };
        Self::new(pixels, shape)
    }

    /// The data URI.
    pub fn uri(&self) -> &str {
        &self.0
    }
}

fn refuse<T>(reason: String) -> Result<T, ReportError> {
    Err(ReportError { what: "picture".into(), reason })
}
