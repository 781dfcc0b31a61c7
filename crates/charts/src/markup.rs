//! Text in pages.

/// Text that cannot become markup.
///
/// ```
/// assert_eq!(tenfold_charts::escape("a < \"b\""), "a &lt; &quot;b&quot;");
/// ```
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
