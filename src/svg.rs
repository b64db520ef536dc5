//! What every drawing of the crate shares: a frame that follows the theme of the page around it,
//! text that cannot break the markup, and the way into a notebook.

/// In a page, a drawing takes the color of the text around it. Alone, as a file or as an image,
/// it is the root of its document and follows the reader's preference.
const STANDALONE: &str = "<style>svg:root{color-scheme:light dark;color:#222}\
    @media(prefers-color-scheme:dark){svg:root{color:#ddd}}</style>";

/// The opening tag and the alternative text of a drawing of `width` by `height` units.
///
/// It is `natural_width` CSS pixels wide where there is room, and narrower where there is not.
pub(crate) fn open(
    title: &str,
    description: &str,
    (width, height): (f64, f64),
    natural_width: f64,
) -> String {
    let (title, description) = (escape(title), escape(description));
    let natural_height = natural_width * height / width;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{natural_width:.0}\" height=\"{natural_height:.0}\" \
         style=\"max-width:100%;height:auto\" role=\"img\" \
         aria-label=\"{title}. {description}\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n{STANDALONE}\n"
    )
}

/// `text` as it may stand between tags and between quotation marks.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(printable(c)),
        }
    }
    escaped
}

/// `c`, or a space where no SVG may hold it.
pub(crate) fn printable(c: char) -> char {
    if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }
}

/// Shows a drawing in a notebook: evcxr turns what stands between its marks into the output of
/// the cell, and keeps the text for readers without pictures.
pub(crate) fn show(svg: &str, text: &str) {
    println!("EVCXR_BEGIN_CONTENT image/svg+xml\n{svg}\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT text/plain\n{text}\nEVCXR_END_CONTENT");
}
