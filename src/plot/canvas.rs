//! A surface to draw on, in units of CSS pixels: the same calls make an SVG and a PNG.

use super::PlotError;
use super::theme::{self, Ink, Rgb, Theme};
use crate::svg::printable;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle, register_font,
};
use plotters_bitmap::BitMapBackend;
use png::{BitDepth, ColorType, Compression, Encoder};
use std::fmt::Display;
use std::sync::OnceLock;

/// Size of running text, and of titles.
pub(super) const TEXT_SIZE: f64 = 14.0;
pub(super) const TITLE_SIZE: f64 = 17.0;
/// The distance between two lines of running text.
pub(super) const LINE: f64 = 19.0;

/// Plotters draws at whole numbers. An SVG counts tenths of a pixel, and is scaled back.
const SVG_SCALE: f64 = 10.0;
/// A PNG has two pixels a unit, for sharp displays, and each is the mean of four drawn ones.
const PNG_SCALE: u32 = 2;
const OVERSAMPLING: usize = 2;

pub(super) type Point = (f64, f64);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where a text stands: it begins, centers or ends here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A small picture, to be enlarged without smoothing. Four bytes a pixel, the last its opacity.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

pub(super) struct Canvas<B: DrawingBackend> {
    backend: B,
    pub width: f64,
    /// Pixels of the backend a unit.
    scale: f64,
    text: Rgb,
    /// From the top of a text, as the backend understands it, to its baseline, in sizes.
    ascent: f64,
    medium: Medium,
}

enum Medium {
    /// With the PNGs of the images so far.
    Svg(Vec<Vec<u8>>),
    /// With the color of the page.
    Bitmap(Rgb),
}

/// The elements of an SVG of this width, and what height they take.
pub(super) fn draw_svg(
    width: f64,
    paint: impl FnOnce(&mut Canvas<SVGBackend<'_>>) -> Result<f64, PlotError>,
) -> Result<(String, f64), PlotError> {
    provide_font()?;
    let mut document = String::new();
    let (images, height) = {
        let mut canvas = Canvas {
            backend: SVGBackend::with_string(&mut document, (0, 0)),
            width,
            scale: SVG_SCALE,
            text: theme::TEXT_SENTINEL,
            ascent: 0.76,
            medium: Medium::Svg(Vec::new()),
        };
        let height = paint(&mut canvas)?;
        canvas.backend.present().map_err(drawing_error)?;
        match canvas.medium {
            Medium::Svg(images) => (images, height),
            Medium::Bitmap(_) => (Vec::new(), height),
        }
    };
    // What stands between plotters' own outermost tags, which are lines.
    let mut lines: Vec<&str> = document.lines().skip(1).collect();
    lines.pop();
    let elements = theme::follow_page(&lines.join("\n"), &images);
    Ok((format!("<g transform=\"scale({})\">\n{elements}</g>\n", SVG_SCALE.recip()), height))
}

/// A PNG of this width and height.
pub(super) fn draw_png(
    (width, height): (f64, f64),
    theme: Theme,
    paint: impl FnOnce(&mut Canvas<BitMapBackend<'_>>) -> Result<f64, PlotError>,
) -> Result<Vec<u8>, PlotError> {
    provide_font()?;
    let [columns, rows] =
        [width, height].map(|length| (length * f64::from(PNG_SCALE)).round() as usize);
    let drawn = [columns, rows].map(|length| (length * OVERSAMPLING) as u32);
    let mut buffer = theme.background().repeat(columns * rows * OVERSAMPLING * OVERSAMPLING);
    let backend = BitMapBackend::with_buffer_and_format(&mut buffer, drawn.into())
        .map_err(|error| PlotError::Drawing(error.to_string()))?;
    let mut canvas = Canvas {
        backend,
        width,
        scale: f64::from(PNG_SCALE) * OVERSAMPLING as f64,
        text: theme.text(),
        ascent: 0.62,
        medium: Medium::Bitmap(theme.background()),
    };
    paint(&mut canvas)?;
    drop(canvas);
    encode(&averaged(&buffer, columns), [columns, rows], ColorType::Rgb)
}

/// An image of so many columns, from one drawn with [`OVERSAMPLING`].
fn averaged(drawn: &[u8], columns: usize) -> Vec<u8> {
    let row = 3 * columns * OVERSAMPLING;
    let mut image = Vec::with_capacity(drawn.len() / (OVERSAMPLING * OVERSAMPLING));
    for rows in drawn.chunks_exact(row * OVERSAMPLING) {
        for column in 0..columns {
            for channel in 0..3 {
                let sum: usize = (0..OVERSAMPLING * OVERSAMPLING)
                    .map(|k| (k / OVERSAMPLING, column * OVERSAMPLING + k % OVERSAMPLING))
                    .map(|(i, j)| usize::from(rows[i * row + 3 * j + channel]))
                    .sum();
                image.push((sum / (OVERSAMPLING * OVERSAMPLING)) as u8);
            }
        }
    }
    image
}

fn encode(
    pixels: &[u8],
    [width, height]: [usize; 2],
    color: ColorType,
) -> Result<Vec<u8>, PlotError> {
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header().map_err(drawing_error)?;
    writer.write_image_data(pixels).map_err(drawing_error)?;
    writer.finish().map_err(drawing_error)?;
    Ok(png)
}

/// Gives plotters a font under the family's generic name: a PNG is set in it, and the texts of an
/// SVG, set in the reader's own, are measured in it. It is wider than most.
fn provide_font() -> Result<(), PlotError> {
    static PROVIDED: OnceLock<bool> = OnceLock::new();
    let provided = PROVIDED.get_or_init(|| {
        register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok()
    });
    if *provided { Ok(()) } else { Err(PlotError::Font("its file is not readable".into())) }
}

/// Plotters divides the sizes of fonts by this.
const FONT_SCALE: f64 = 1.24;

fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::SansSerif, size * FONT_SCALE, FontStyle::Normal)
}

/// The width of a text of this size, in its units.
pub(super) fn text_width(text: &str, size: f64) -> Result<f64, PlotError> {
    provide_font()?;
    // Plotters answers in whole numbers: a large font is measured more exactly.
    let precision = 16.0;
    let size = font(size * precision).box_size(text);
    size.map(|(width, _)| f64::from(width) / precision)
        .map_err(|error| PlotError::Font(error.to_string()))
}

/// The widest of these texts.
pub(super) fn widest<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    size: f64,
) -> Result<f64, PlotError> {
    texts.into_iter().try_fold(0.0, |widest, text| Ok(text_width(text, size)?.max(widest)))
}

/// `text` in lines of at most this width, broken at spaces. A longer word has its own line.
pub(super) fn wrap(text: &str, size: f64, width: f64) -> Result<Vec<String>, PlotError> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size)? <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    Ok(lines)
}

fn drawing_error(error: impl Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}

impl<B: DrawingBackend> Canvas<B> {
    fn point(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn color(&self, ink: Ink) -> RGBAColor {
        let [r, g, b] = ink.rgb(self.text);
        RGBAColor(r, g, b, ink.opacity)
    }

    /// A line through `points`. Fewer than two make none.
    pub(super) fn line(&mut self, points: &[Point], ink: Ink, width: f64) -> Result<(), PlotError> {
        let mut path: Vec<_> = points.iter().map(|&point| self.point(point)).collect();
        path.dedup();
        if path.len() < 2 {
            return Ok(());
        }
        match self.medium {
            Medium::Svg(_) => {
                let stroke_width = (width * self.scale).round().max(1.0) as u32;
                let style = ShapeStyle { color: self.color(ink), filled: false, stroke_width };
                self.backend.draw_path(path, &style).map_err(drawing_error)
            }
            Medium::Bitmap(page) => {
                let [r, g, b] = ink.over(page, self.text);
                self.stroke(&path, RGBAColor(r, g, b, 1.0), width * self.scale / 2.0)
            }
        }
    }

    /// A thick line of rectangles with round joints. Plotters' own has spikes where a line turns
    /// back. What overlaps must be opaque to have one color.
    fn stroke(
        &mut self,
        path: &[(i32, i32)],
        color: RGBAColor,
        half: f64,
    ) -> Result<(), PlotError> {
        let style = ShapeStyle { color, filled: true, stroke_width: 0 };
        for pair in path.windows(2) {
            let [from, to] = [pair[0], pair[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = dx.hypot(dy);
            let (aside_x, aside_y) = (-dy / length * half, dx / length * half);
            let corner = |(x, y): Point, side: f64| {
                ((x + side * aside_x).round() as i32, (y + side * aside_y).round() as i32)
            };
            let corners =
                [corner(from, 1.0), corner(to, 1.0), corner(to, -1.0), corner(from, -1.0)];
            self.backend.fill_polygon(corners, &style).map_err(drawing_error)?;
        }
        let radius = (half - 0.5).round().max(0.0) as u32;
        for &joint in &path[1..path.len() - 1] {
            self.backend.draw_circle(joint, radius, &style, true).map_err(drawing_error)?;
        }
        Ok(())
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&mut self, rect: Rect, ink: Ink, width: f64) -> Result<(), PlotError> {
        let Rect { x, y, .. } = rect;
        let (right, bottom) = (x + rect.width, y + rect.height);
        // From the middle of a side, so that all four corners are joints.
        let corners =
            [(f64::midpoint(x, right), y), (right, y), (right, bottom), (x, bottom), (x, y)];
        self.line(&[&corners[..], &corners[..1]].concat(), ink, width)
    }

    /// The outline of a circle.
    pub(super) fn ring(
        &mut self,
        (x, y): Point,
        radius: f64,
        ink: Ink,
        width: f64,
    ) -> Result<(), PlotError> {
        const CORNERS: u32 = 96;
        let angle = |k: u32| std::f64::consts::TAU * f64::from(k) / f64::from(CORNERS);
        let corner = |k: u32| (x + radius * angle(k).cos(), y + radius * angle(k).sin());
        // Two corners more, so that the line ends where it is closed already.
        self.line(&(0..CORNERS + 2).map(corner).collect::<Vec<_>>(), ink, width)
    }

    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[Point], ink: Ink) -> Result<(), PlotError> {
        let corners: Vec<_> = points.iter().map(|&point| self.point(point)).collect();
        let style = ShapeStyle { color: self.color(ink), filled: true, stroke_width: 0 };
        self.backend.fill_polygon(corners, &style).map_err(drawing_error)
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, rect: Rect, ink: Ink) -> Result<(), PlotError> {
        let (from, to) = self.corners(rect);
        let style = ShapeStyle { color: self.color(ink), filled: true, stroke_width: 0 };
        self.backend.draw_rect(from, to, &style, true).map_err(drawing_error)
    }

    fn corners(&self, rect: Rect) -> ((i32, i32), (i32, i32)) {
        let to = (rect.x + rect.width, rect.y + rect.height);
        (self.point((rect.x, rect.y)), self.point(to))
    }

    /// A filled circle.
    pub(super) fn circle(&mut self, center: Point, radius: f64, ink: Ink) -> Result<(), PlotError> {
        let style = ShapeStyle { color: self.color(ink), filled: true, stroke_width: 0 };
        let radius = (radius * self.scale).round() as u32;
        self.backend.draw_circle(self.point(center), radius, &style, true).map_err(drawing_error)
    }

    /// A text on a baseline at the height of `at`.
    pub(super) fn text(
        &mut self,
        text: &str,
        at: Point,
        align: Align,
        size: f64,
        ink: Ink,
    ) -> Result<(), PlotError> {
        let top = (at.0, at.1 - self.ascent * size);
        self.write(text, top, align, size, ink, FontTransform::None)
    }

    /// A text that runs upwards, on a baseline at the `x` of `at`.
    pub(super) fn text_upwards(
        &mut self,
        text: &str,
        at: Point,
        align: Align,
        size: f64,
        ink: Ink,
    ) -> Result<(), PlotError> {
        let top = (at.0 - self.ascent * size, at.1);
        self.write(text, top, align, size, ink, FontTransform::Rotate270)
    }

    fn write(
        &mut self,
        text: &str,
        top: Point,
        align: Align,
        size: f64,
        ink: Ink,
        transform: FontTransform,
    ) -> Result<(), PlotError> {
        let text: String = text.chars().map(printable).collect();
        let side = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let color = self.color(ink);
        let style = TextStyle::from(font(size * self.scale).transform(transform))
            .color(&color)
            .pos(Pos::new(side, VPos::Top));
        let top = self.point(top);
        self.backend.draw_text(&text, &style, top).map_err(drawing_error)
    }

    /// A picture, enlarged to fill `rect` without smoothing.
    pub(super) fn raster(&mut self, raster: &Raster, rect: Rect) -> Result<(), PlotError> {
        let (from, to) = self.corners(rect);
        if let Medium::Svg(images) = &mut self.medium {
            let [r, g, b] = theme::image_sentinel(images.len());
            images.push(encode(&raster.rgba, [raster.width, raster.height], ColorType::Rgba)?);
            let style =
                ShapeStyle { color: RGBAColor(r, g, b, 1.0), filled: true, stroke_width: 0 };
            return self.backend.draw_rect(from, to, &style, true).map_err(drawing_error);
        }
        for y in from.1..to.1 {
            for x in from.0..to.0 {
                let nearest = |at: i32, from: i32, to: i32, count: usize| {
                    (at - from) as usize * count / (to - from) as usize
                };
                let row = nearest(y, from.1, to.1, raster.height);
                let column = nearest(x, from.0, to.0, raster.width);
                let first = 4 * (row * raster.width + column);
                let [r, g, b, opacity] = std::array::from_fn(|k| raster.rgba[first + k]);
                let color = RGBAColor(r, g, b, f64::from(opacity) / 255.0);
                let color = plotters::style::Color::to_backend_color(&color);
                self.backend.draw_pixel((x, y), color).map_err(drawing_error)?;
            }
        }
        Ok(())
    }

    /// The title at the head of the figure. Returns where what follows begins.
    pub(super) fn heading(&mut self, title: &str) -> Result<f64, PlotError> {
        let mut y = 4.0;
        for line in wrap(title, TITLE_SIZE, self.width - 8.0)? {
            y += 1.3 * TITLE_SIZE;
            self.text(&line, (4.0, y - 0.3 * TITLE_SIZE), Align::Left, TITLE_SIZE, Ink::TEXT)?;
        }
        Ok(y + 6.0)
    }

    /// Lines of quiet text from `y` down. Returns where what follows begins.
    pub(super) fn note(&mut self, note: &str, mut y: f64) -> Result<f64, PlotError> {
        for line in wrap(note, TEXT_SIZE, self.width - 8.0)? {
            y += LINE;
            self.text(&line, (4.0, y - 0.3 * LINE), Align::Left, TEXT_SIZE, Ink::MUTED)?;
        }
        Ok(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_drawn_pixels_make_one() {
        // Two columns of one row: the left is the mean of four, the right is of one color.
        let drawn = [
            [[0, 10, 100], [4, 20, 100], [7, 8, 9], [7, 8, 9]],
            [[8, 30, 100], [12, 44, 255], [7, 8, 9], [7, 8, 9]],
        ];
        assert_eq!(averaged(&drawn.concat().concat(), 2), [6, 26, 138, 7, 8, 9]);
    }
}
