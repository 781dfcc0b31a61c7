//! A page of pictures that opens offline.

use crate::page::document;
use tenfold_charts::{Pixels, escape, picture as encoded};
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
    let bytes: Vec<u8> = pixels.iter().map(|v| byte(*v)).collect();
    let bytes = if channels_last { Pixels::ChannelsLast(&bytes) } else { Pixels::ChannelsFirst(&bytes) };
    encoded(bytes, shape).map_err(|error| error.to_string())
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
        let style = ".cards { display: flex; flex-wrap: wrap; gap: 1rem }\nfigure { margin: 0; width: 10.5rem }\n\
                     img { width: 100%; image-rendering: pixelated; background: #eee }\n\
                     .below { display: flex; gap: .3rem }\n.below figure { width: 2.4rem; font-size: 10px; overflow: hidden }\n\
                     figcaption { font-size: 13px }\n.below figcaption b { display: none }\n";
        document(&self.title, style, &format!("<p>{}</p>\n{sections}", escape(&self.note)))
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
