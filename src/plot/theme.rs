//! Colors that are told apart by all readers, on light pages and on dark ones.
//!
//! The data colors are those of Okabe and Ito ("Color Universal Design", 2008) that have a
//! contrast of at least 3 to 1 both on white and on near-black: blue, vermilion, bluish green and
//! reddish purple. Their orange, sky blue and yellow are too light for white. Their black is the
//! color of the text here, which follows the page. A fifth series takes it; from the sixth on the
//! colors return with other markers.
//!
//! Shades are transparent: what is weak fades into the page, whatever its color.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A color: red, green and blue.
pub type Rgb = [u8; 3];

/// The data colors, in the order in which series take them.
pub const PALETTE: [Rgb; 4] = [
    [0x00, 0x72, 0xb2], // blue
    [0xd5, 0x5e, 0x00], // vermilion
    [0x00, 0x9e, 0x73], // bluish green
    [0xcc, 0x79, 0xa7], // reddish purple
];

/// The strongest shade behind text: its opacity leaves the text a contrast of 4.5 to 1.
pub(super) const DEEPEST_SHADE: f64 = 0.62;

/// The page that a PNG is made for. An SVG follows its page and needs none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on white.
    #[default]
    Light,
    /// Light text on near-black.
    Dark,
}

impl Theme {
    /// The color of the page.
    pub fn background(self) -> Rgb {
        match self {
            Self::Light => [0xff, 0xff, 0xff],
            Self::Dark => [0x16, 0x18, 0x1d],
        }
    }

    /// The color of text and lines.
    pub fn text(self) -> Rgb {
        match self {
            Self::Light => [0x22, 0x22, 0x22],
            Self::Dark => [0xdd, 0xdd, 0xdd],
        }
    }
}

/// The contrast of two colors, from 1 to 21, as the Web Content Accessibility Guidelines 2
/// define it: (L₁ + 0.05) / (L₂ + 0.05), with L₁ the greater relative luminance.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(color: Rgb) -> f64 {
    let [r, g, b] = color.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// What something is drawn in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ink {
    /// An index into the palette, or `None` for the color of the text.
    pub data: Option<usize>,
    /// Opacity, from 0 to 1.
    pub opacity: f64,
}

impl Ink {
    pub(super) const TEXT: Self = Self { data: None, opacity: 1.0 };
    pub(super) const MUTED: Self = Self { data: None, opacity: 0.75 };
    pub(super) const AXIS: Self = Self { data: None, opacity: 0.5 };
    pub(super) const GRID: Self = Self { data: None, opacity: 0.16 };
    pub(super) const BLUE: Self = Self { data: Some(0), opacity: 1.0 };
    pub(super) const VERMILION: Self = Self { data: Some(1), opacity: 1.0 };

    /// The ink of series `k`.
    pub(super) fn series(k: usize) -> Self {
        let k = k % (PALETTE.len() + 1);
        Self { data: (k < PALETTE.len()).then_some(k), opacity: 1.0 }
    }

    pub(super) fn faded(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    pub(super) fn rgb(self, text: Rgb) -> Rgb {
        self.data.map_or(text, |k| PALETTE[k])
    }

    /// The opaque color that this ink has on a page, with text of the color `text`.
    pub(super) fn over(self, page: Rgb, text: Rgb) -> Rgb {
        let color = self.rgb(text);
        std::array::from_fn(|k| {
            let (ink, page) = (f64::from(color[k]), f64::from(page[k]));
            (ink * self.opacity + page * (1.0 - self.opacity)).round() as u8
        })
    }
}

/// Plotters writes fixed colors. Text is drawn in this one, which [`follow_page`] turns into the
/// color of the page. No palette has it.
pub(super) const TEXT_SENTINEL: Rgb = [0x01, 0x02, 0x03];

/// Image `k` is drawn as a rectangle of this color, in whose place [`follow_page`] puts it.
pub(super) fn image_sentinel(k: usize) -> Rgb {
    [0xfe, (k >> 8) as u8, k as u8]
}

/// More images than this in one figure have no color of their own.
pub(super) const MOST_IMAGES: usize = 1 << 16;

/// Turns the elements that plotters wrote into ones that follow the page: the text's color becomes
/// `currentColor`, and the rectangles that stand for images become those images, PNGs each.
///
/// Every element is a line. A text cannot look like an attribute, for its quotation marks are
/// escaped.
pub(super) fn follow_page(elements: &str, images: &[Vec<u8>]) -> String {
    let mut page = String::with_capacity(elements.len());
    for line in elements.lines() {
        match image_behind(line).and_then(|(geometry, k)| Some((geometry, images.get(k)?))) {
            Some((geometry, png)) => page.push_str(&format!(
                "{}href=\"data:image/png;base64,{}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\"/>",
                geometry.replacen("<rect", "<image", 1),
                STANDARD.encode(png)
            )),
            None => page.push_str(&line.replace("\"#010203\"", "\"currentColor\"")),
        }
        page.push('\n');
    }
    page
}

/// The geometry and the number of the image that the rectangle on this line stands for.
fn image_behind(line: &str) -> Option<(&str, usize)> {
    let (geometry, rest) = line.strip_prefix("<rect").and(line.split_once("opacity="))?;
    let (_, color) = rest.split_once("fill=\"#FE")?;
    Some((geometry, usize::from_str_radix(color.get(..4)?, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let (black, white) = ([0; 3], [255; 3]);
        assert!((contrast(black, white) - 21.0).abs() < 1e-12);
        assert_eq!(contrast(white, white), 1.0);
        assert_eq!(contrast(black, white), contrast(white, black));
        // #767676 is the lightest gray with 4.5 to 1 on white; pure channels weigh by their part.
        assert!((contrast([0x76; 3], white) - 4.54).abs() < 0.01);
        assert!((contrast([255, 0, 0], black) - (0.2126 + 0.05) / 0.05).abs() < 1e-12);
        assert!((contrast([0, 0, 255], black) - (0.0722 + 0.05) / 0.05).abs() < 1e-12);
        assert!((contrast([10; 3], black) - (10.0 / 255.0 / 12.92 + 0.05) / 0.05).abs() < 1e-12);
    }

    #[test]
    fn data_and_text_are_seen_on_both_pages() {
        for theme in [Theme::Light, Theme::Dark] {
            for color in PALETTE {
                assert!(contrast(color, theme.background()) >= 3.0, "{color:?} on {theme:?}");
            }
            assert!(contrast(theme.text(), theme.background()) >= 10.0);
            let muted = Ink::MUTED.over(theme.background(), theme.text());
            assert!(contrast(muted, theme.background()) >= 4.5, "{theme:?}");
        }
    }

    #[test]
    fn text_is_read_on_the_deepest_shade() {
        for theme in [Theme::Light, Theme::Dark] {
            let shade = Ink::BLUE.faded(DEEPEST_SHADE).over(theme.background(), theme.text());
            assert!(contrast(theme.text(), shade) >= 4.5, "{theme:?}");
        }
    }

    #[test]
    fn series_return_with_the_sixth() {
        let data: Vec<_> = (0..6).map(|k| Ink::series(k).data).collect();
        assert_eq!(data, [Some(0), Some(1), Some(2), Some(3), None, Some(0)]);
        assert_eq!(Ink::series(4).rgb([9; 3]), [9; 3]);
        assert_eq!(Ink::series(5).rgb([9; 3]), PALETTE[0]);
    }

    #[test]
    fn ink_over_a_page() {
        let page = [200, 100, 0];
        assert_eq!(Ink::TEXT.over(page, [0, 50, 255]), [0, 50, 255]);
        assert_eq!(Ink::TEXT.faded(0.25).over(page, [0, 50, 255]), [150, 88, 64]);
        assert_eq!(Ink::series(0).faded(0.0).over(page, [9; 3]), page);
    }

    #[test]
    fn sentinels_are_of_no_palette() {
        assert!(PALETTE.iter().all(|color| color[0] != 0xfe && *color != TEXT_SENTINEL));
        assert_eq!(image_sentinel(0x1234), [0xfe, 0x12, 0x34]);
    }

    #[test]
    fn colors_and_images_follow_the_page() {
        let elements = "<line opacity=\"1\" stroke=\"#010203\"/>\n\
            <text fill=\"#010203\">\n&quot;#010203&quot; fill=&quot;#FE0000\n</text>\n\
            <rect x=\"1\" width=\"2\" opacity=\"1\" fill=\"#FE0001\" stroke=\"none\"/>\n\
            <rect x=\"1\" opacity=\"1\" fill=\"#0072B2\" stroke=\"none\"/>\n";
        let expected = "<line opacity=\"1\" stroke=\"currentColor\"/>\n\
            <text fill=\"currentColor\">\n&quot;#010203&quot; fill=&quot;#FE0000\n</text>\n\
            <image x=\"1\" width=\"2\" href=\"data:image/png;base64,AQI=\" \
            preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\"/>\n\
            <rect x=\"1\" opacity=\"1\" fill=\"#0072B2\" stroke=\"none\"/>\n";
        assert_eq!(follow_page(elements, &[vec![], vec![1, 2]]), expected);
    }
}
