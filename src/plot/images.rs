//! A grid of images with what they are and what they were taken for.

use super::canvas::{Align, Canvas, LINE, Raster, Rect, TEXT_SIZE, widest};
use super::theme::{Ink, MOST_IMAGES, Theme};
use super::{Figure, PlotError, outputs};
use crate::real::Real;
use ndarray::{Array, ArrayView3, Axis, Dimension};
use plotters::backend::DrawingBackend;
use std::path::Path;

/// A grid of images, each with its label below it.
///
/// An image that was taken for something else has a heavy frame, a cross, and two labels: what it
/// was taken for, and what it is.
#[derive(Clone, Debug)]
pub struct ImageGrid {
    title: String,
    tiles: Vec<Tile>,
}

#[derive(Clone, Debug)]
struct Tile {
    /// Or the shape of an array that is no image.
    image: Result<Raster, Vec<usize>>,
    truth: String,
    prediction: Option<String>,
}

impl Tile {
    fn is_wrong(&self) -> bool {
        self.prediction.as_ref().is_some_and(|prediction| *prediction != self.truth)
    }

    /// What stands below the image.
    fn lines(&self) -> (&str, Option<String>) {
        match &self.prediction {
            Some(prediction) if self.is_wrong() => (prediction, Some(format!("is {}", self.truth))),
            _ => (&self.truth, None),
        }
    }
}

impl ImageGrid {
    /// A grid without an image yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), tiles: Vec::new() }
    }

    /// Adds an image with its label.
    ///
    /// Entries from 0 (black) to 1 (full), of shape `[height, width]` or `[height, width, 1]` for
    /// gray and `[height, width, 3]` for red, green and blue.
    pub fn image<T: Real, D: Dimension>(
        mut self,
        image: &Array<T, D>,
        label: impl Into<String>,
    ) -> Self {
        self.tiles.push(Tile { image: raster(image), truth: label.into(), prediction: None });
        self
    }

    /// Adds an image as [`ImageGrid::image`] does, with its true label and the predicted one.
    pub fn prediction<T: Real, D: Dimension>(
        mut self,
        image: &Array<T, D>,
        truth: impl Into<String>,
        predicted: impl Into<String>,
    ) -> Self {
        let (truth, prediction) = (truth.into(), Some(predicted.into()));
        self.tiles.push(Tile { image: raster(image), truth, prediction });
        self
    }

    fn predictions(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.prediction.is_some()).count()
    }

    fn wrong(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.is_wrong()).count()
    }
}

/// What the shape of an image must be.
pub(super) const PICTURE: &str =
    "[height, width], or [height, width, 1 or 3], without an empty axis";

/// The pixels of an image, or the shape of what is none.
pub(super) fn raster<T: Real, D: Dimension>(image: &Array<T, D>) -> Result<Raster, Vec<usize>> {
    let shape = image.shape().to_vec();
    let view = image.view().into_dyn();
    let view = if shape.len() == 2 { view.insert_axis(Axis(2)) } else { view };
    let pixels: ArrayView3<'_, T> = view.into_dimensionality().map_err(|_| shape.clone())?;
    let (height, width, count) = pixels.dim();
    if !matches!(count, 1 | 3) || height == 0 || width == 0 {
        return Err(shape);
    }
    let rgba = ndarray::indices((height, width)).into_iter().flat_map(|(i, j)| {
        let byte = |channel: usize| {
            // A cast turns what is not a number into 0.
            (pixels[(i, j, channel)].as_f64().clamp(0.0, 1.0) * 255.0).round() as u8
        };
        [byte(0), byte(count / 2), byte(count - 1), 255]
    });
    Ok(Raster { width, height, rgba: rgba.collect() })
}

impl Figure for ImageGrid {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let labels = self.tiles.iter().map(|tile| match tile.lines() {
            (label, None) => label.to_string(),
            (taken, Some(is)) => format!("{taken} (wrong: {is})"),
        });
        let wrong = match self.predictions() {
            0 => String::new(),
            predictions => format!(", {} of {predictions} predictions wrong", self.wrong()),
        };
        let labels: Vec<String> = labels.collect();
        format!("{} images{wrong}, row by row: {}.", self.tiles.len(), labels.join(", "))
    }

    fn check(&self) -> Result<(), PlotError> {
        let (figure, count) = (self.title.clone(), self.tiles.len());
        if count == 0 {
            let remedy = "add images with `image` or `prediction`";
            return Err(PlotError::Empty { figure, what: "it".into(), remedy });
        }
        if count > MOST_IMAGES {
            return Err(PlotError::TooMany { figure, count, most: MOST_IMAGES });
        }
        for (image, tile) in self.tiles.iter().enumerate() {
            if let Err(shape) = &tile.image {
                let (shape, expected) = (shape.clone(), PICTURE.into());
                return Err(PlotError::Shape { figure, image, shape, expected });
            }
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let mut top = canvas.heading(&self.title)?;
        let any_wrong = self.wrong() > 0;
        let note = match (self.predictions(), any_wrong) {
            (0, _) => "below each image: its class",
            (_, false) => "below each image: its predicted class, which is right",
            (_, true) => {
                "below each image: its predicted class; framed and crossed where that is wrong, \
                 with the true class below it"
            }
        };
        top = canvas.note(note, top)? + 8.0;

        let lines: Vec<_> = self.tiles.iter().map(Tile::lines).collect();
        let seconds = lines.iter().filter_map(|(_, second)| second.as_deref());
        let firsts = widest(lines.iter().map(|(first, _)| *first), TEXT_SIZE)?;
        let text = widest(seconds, TEXT_SIZE)?.max(firsts + if any_wrong { CROSS } else { 0.0 });
        let (columns, tile) = columns(self.tiles.len(), canvas.width - 8.0, text);

        let mut row_height = 0.0;
        for (i, (item, (first, second))) in self.tiles.iter().zip(&lines).enumerate() {
            let Ok(raster) = &item.image else { continue };
            let column = i % columns;
            if column == 0 {
                top += row_height;
                let row = &lines[i..lines.len().min(i + columns)];
                let is_double = row.iter().any(|(_, second)| second.is_some());
                row_height = tile + GAP + if is_double { 2.0 * LINE } else { LINE };
            }
            let (x, y) = (4.0 + column as f64 * (tile + GAP), top);
            let square = Rect { x, y, width: tile, height: tile };
            let fitted = fit(raster, square);
            canvas.raster(raster, fitted)?;
            let middle = x + tile / 2.0;
            let baseline = y + tile + LINE - 3.0;
            if let Some(second) = second {
                canvas.frame(fitted, Ink::VERMILION, 3.0)?;
                let half = (widest([*first], TEXT_SIZE)? + CROSS) / 2.0;
                paint_cross(canvas, (middle - half, baseline - 0.36 * TEXT_SIZE))?;
                let at = (middle - half + CROSS, baseline);
                canvas.text(first, at, Align::Left, TEXT_SIZE, Ink::TEXT)?;
                let at = (middle, baseline + LINE - 2.0);
                canvas.text(second, at, Align::Center, TEXT_SIZE, Ink::MUTED)?;
            } else {
                canvas.frame(fitted, Ink::AXIS, 1.0)?;
                canvas.text(first, (middle, baseline), Align::Center, TEXT_SIZE, Ink::TEXT)?;
            }
        }
        Ok(top + row_height)
    }
}

const GAP: f64 = 12.0;
/// Room for the cross and the space behind it.
const CROSS: f64 = 15.0;
/// Largest side of an image.
const LARGEST: f64 = 84.0;

/// The number of columns and the side of the squares: as many columns as leave room for `text`.
fn columns(count: usize, width: f64, text: f64) -> (usize, f64) {
    let least = text.clamp(44.0, width);
    let most = ((width + GAP) / (least + GAP)).floor().clamp(1.0, 8.0) as usize;
    let columns = most.min(count);
    let side = ((width + GAP) / columns as f64 - GAP).min(LARGEST.max(least));
    (columns, side)
}

/// The largest rectangle of the raster's proportions in the middle of `square`.
pub(super) fn fit(raster: &Raster, square: Rect) -> Rect {
    let (width, height) = (raster.width as f64, raster.height as f64);
    let scale = square.width / width.max(height);
    let (width, height) = (scale * width, scale * height);
    Rect {
        x: square.x + (square.width - width) / 2.0,
        y: square.y + (square.height - height) / 2.0,
        width,
        height,
    }
}

/// A cross at the height of `y`, to the right of `x`.
fn paint_cross<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    (x, y): (f64, f64),
) -> Result<(), PlotError> {
    let arm = 4.5;
    let (left, right) = (x, x + 2.0 * arm);
    canvas.line(&[(left, y - arm), (right, y + arm)], Ink::VERMILION, 2.2)?;
    canvas.line(&[(left, y + arm), (right, y - arm)], Ink::VERMILION, 2.2)
}

outputs!(ImageGrid);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr2, arr3};

    #[test]
    fn gray_and_color_become_bytes() {
        let gray = raster(&arr2(&[[0.0, 1.0, 0.5], [-1.0, 2.0, f64::NAN]])).unwrap();
        assert_eq!((gray.width, gray.height), (3, 2));
        let bytes: Vec<&[u8]> = gray.rgba.chunks(4).collect();
        assert_eq!(bytes[0], [0, 0, 0, 255]);
        assert_eq!(bytes[1], [255; 4]);
        assert_eq!(bytes[2], [128, 128, 128, 255]);
        assert_eq!((bytes[3][0], bytes[4][0], bytes[5][0]), (0, 255, 0));
        let color = raster(&arr3(&[[[0.2_f32, 0.4, 0.6], [1.0, 0.0, 0.2]]])).unwrap();
        assert_eq!(color.rgba, [51, 102, 153, 255, 255, 0, 51, 255]);
        let one = raster(&arr3(&[[[0.2_f32], [1.0]]])).unwrap();
        assert_eq!(one.rgba, [51, 51, 51, 255, 255, 255, 255, 255]);
        assert_eq!(raster(&arr3(&[[[0.2_f32, 0.4]]])).unwrap_err(), [1, 1, 2]);
    }

    #[test]
    fn columns_leave_room_for_the_text() {
        assert_eq!(columns(20, 472.0, 10.0), (8, 48.5));
        assert_eq!(columns(20, 472.0, 100.0), (4, 100.0));
        assert_eq!(columns(2, 472.0, 10.0), (2, LARGEST));
        assert_eq!(columns(3, 472.0, 1000.0), (1, 472.0));
    }

    #[test]
    fn images_keep_their_proportions() {
        let square = Rect { x: 10.0, y: 20.0, width: 60.0, height: 60.0 };
        let wide = Raster { width: 4, height: 2, rgba: vec![] };
        assert_eq!(fit(&wide, square), Rect { x: 10.0, y: 35.0, width: 60.0, height: 30.0 });
        let high = Raster { width: 1, height: 3, rgba: vec![] };
        assert_eq!(fit(&high, square), Rect { x: 30.0, y: 20.0, width: 20.0, height: 60.0 });
    }
}
