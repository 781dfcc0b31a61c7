//! A page of pictures that opens offline.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tenfold_core_tensor::image::ImageShape;

/// A picture with words, and smaller ones below.
pub(super) struct Card {
    pub(super) title: String,
    /// A data URI.
    pub(super) source: String,
    pub(super) lines: Vec<String>,
    pub(super) below: Vec<Card>,
}

/// A page.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) sections: Vec<(String, Vec<Card>)>,
}

/// A picture as a data URI, its range of numbers stretched to black and white.
pub(super) fn picture(pixels: &[f32], shape: ImageShape, channels_last: bool) -> Result<String, String> {
    let (lo, hi) = pixels.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
    if !lo.is_finite() || !hi.is_finite() {
        return Err("has a number that is not finite".into());
    }
    let byte = |v: f32| if hi > lo { ((v - lo) / (hi - lo) * 255.0).round() as u8 } else { 0 };
    let plane = shape.height * shape.width;
    let at = |p: usize, c: usize| if channels_last { p * shape.channels + c } else { c * plane + p };
    let bytes: Vec<u8> = (0..plane)
        .flat_map(|p| (0..shape.channels).map(move |c| (p, c)))
        .map(|(p, c)| byte(pixels[at(p, c)]))
        .collect();
    let colour = if shape.channels == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    let mut png = Vec::new();
    let written = PngEncoder::new(&mut png).write_image(&bytes, shape.width as u32, shape.height as u32, colour);
    written.map_err(|e| e.to_string())?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

impl Page {
    pub(super) fn html(&self) -> String {
        let sections: String = self
            .sections
            .iter()
            .map(|(title, cards)| {
                let cards: String = cards.iter().map(Card::html).collect();
                format!("<h2>{}</h2>\n<div class=\"cards\">\n{cards}</div>\n", escape(title))
            })
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\nbody {{ font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem;\n  \
             color: #1d2530; background: #fff }}\n.cards {{ display: flex; flex-wrap: wrap; gap: 1rem }}\n\
             figure {{ margin: 0; width: 10.5rem }}\nimg {{ width: 100%; image-rendering: pixelated; background: #eee }}\n\
             .below {{ display: flex; gap: .3rem }}\n.below figure {{ width: 2.4rem; font-size: 10px; overflow: hidden }}\n\
             figcaption {{ font-size: 13px }}\n.below figcaption b {{ display: none }}\n</style>\n\
             <h1>{title}</h1>\n<p>{note}</p>\n{sections}</html>\n",
            title = escape(&self.title),
            note = escape(&self.note),
        )
    }
}

impl Card {
    fn html(&self) -> String {
        let lines: String = self.lines.iter().map(|l| format!("<br>{}", escape(l))).collect();
        let below: String = self.below.iter().map(Card::html).collect();
        let below = if below.is_empty() { below } else { format!("<div class=\"below\">{below}</div>") };
        let title = escape(&self.title);
        format!(
            "<figure><img src=\"{}\" alt=\"{title}\" title=\"{title}\"><figcaption><b>{title}</b>{lines}</figcaption>{below}</figure>\n",
            self.source
        )
    }
}

/// Text that cannot become markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
