//! The weights of a first layer, each unit's as an image.
//!
//! Zero is transparent: it is the page. Positive weights are blue, negative ones vermilion, the
//! more opaque the larger they are. One scale serves all images, from −m to m with m the largest
//! magnitude of all, so that images compare and zero has one look.

use super::axis;
use super::canvas::{Align, Canvas, LINE, Raster, Rect, TEXT_SIZE};
use super::images::fit;
use super::theme::{Ink, MOST_IMAGES, PALETTE, Theme};
use super::{Figure, PlotError, outputs};
use crate::real::Real;
use ndarray::Array2;
use plotters::backend::DrawingBackend;
use std::path::Path;

/// Weights as images, with one scale for all.
///
/// ```
/// use chainrule::plot::WeightImages;
/// use ndarray::Array2;
///
/// // A layer from 3 x 3 pixels to 4 units.
/// let w = Array2::from_shape_fn((9, 4), |(pixel, unit)| pixel as f64 - 2.0 * unit as f64);
/// let figure = WeightImages::new("First layer").units(&w, 3, 3);
/// assert_eq!(figure.svg()?.matches("<image").count(), 4 + 1); // and the scale
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightImages {
    title: String,
    quantity: String,
    images: Vec<Result<Array2<f64>, Misfit>>,
}

/// A matrix whose columns are no images.
#[derive(Clone, Debug)]
struct Misfit {
    shape: Vec<usize>,
    /// How many rows it needs.
    rows: usize,
}

impl WeightImages {
    /// A figure without an image yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), quantity: "weight".into(), images: Vec::new() }
    }

    /// What the colors stand for, with its unit, where it is not a weight.
    pub fn quantity(mut self, quantity: impl Into<String>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Adds one image: `[height, width]`.
    pub fn image<T: Real>(mut self, weights: &Array2<T>) -> Self {
        self.images.push(Ok(weights.mapv(Real::as_f64)));
        self
    }

    /// Adds an image for each column of `w`, which is `[height · width, units]` as in a linear
    /// layer.
    pub fn units<T: Real>(mut self, w: &Array2<T>, height: usize, width: usize) -> Self {
        for column in w.columns() {
            let weights = column.mapv(Real::as_f64).into_shape_with_order((height, width));
            let (shape, rows) = (w.shape().to_vec(), height.saturating_mul(width));
            self.images.push(weights.map_err(|_| Misfit { shape, rows }));
        }
        self
    }

    fn weights(&self) -> impl Iterator<Item = f64> {
        self.images.iter().flatten().flatten().copied()
    }

    /// The largest magnitude, or 1 where there is none above 0.
    fn limit(&self) -> f64 {
        let limit = self.weights().filter(|w| w.is_finite()).map(f64::abs).fold(0.0, f64::max);
        if limit > 0.0 { limit } else { 1.0 }
    }
}

/// Color and opacity of a weight, as a share of the limit. What is not finite is left out.
fn pixel(share: f64) -> [u8; 4] {
    if !share.is_finite() {
        return [0; 4];
    }
    let [r, g, b] = PALETTE[usize::from(share < 0.0)];
    [r, g, b, (share.abs().min(1.0) * 255.0).round() as u8]
}

impl Figure for WeightImages {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let left_out = match self.weights().filter(|w| !w.is_finite()).count() {
            0 => String::new(),
            n => format!(" {n} that are not finite are left out."),
        };
        let limit = self.limit();
        format!(
            "{} images of the {}, row by row from the first unit, on one scale from −{limit:.3e} \
             (vermilion) over 0 (the page) to {limit:.3e} (blue).{left_out}",
            self.images.len(),
            self.quantity
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        let (figure, count) = (self.title.clone(), self.images.len());
        if count == 0 {
            let remedy = "add images with `image` or `units`";
            return Err(PlotError::Empty { figure, what: "it".into(), remedy });
        }
        // One more for the scale.
        if count >= MOST_IMAGES {
            return Err(PlotError::TooMany { figure, count, most: MOST_IMAGES - 1 });
        }
        for (image, weights) in self.images.iter().enumerate() {
            let (shape, expected) = match weights {
                Err(Misfit { shape, rows }) => {
                    (shape.clone(), format!("a column of a matrix with {rows} rows"))
                }
                Ok(weights) if weights.is_empty() => {
                    (weights.shape().to_vec(), "[height, width], without an empty axis".into())
                }
                Ok(_) => continue,
            };
            return Err(PlotError::Shape { figure, image, shape, expected });
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let limit = self.limit();
        let mut top = canvas.heading(&self.title)?;
        top = canvas.note("one image a unit, row by row from the first", top)? + 8.0;

        let width = canvas.width - 8.0;
        let columns = columns(self.images.len());
        let gap = if columns > 10 { 3.0 } else { 8.0 };
        let tile = ((width + gap) / columns as f64 - gap).min(LARGEST);
        for (i, weights) in self.images.iter().flatten().enumerate() {
            let x = 4.0 + (i % columns) as f64 * (tile + gap);
            let y = top + (i / columns) as f64 * (tile + gap);
            let (height, width) = weights.dim();
            let rgba = weights.iter().flat_map(|w| pixel(w / limit)).collect();
            let raster = Raster { width, height, rgba };
            let rect = fit(&raster, Rect { x, y, width: tile, height: tile });
            canvas.raster(&raster, rect)?;
            canvas.frame(rect, Ink::AXIS, 0.7)?;
        }
        let rows = self.images.len().div_ceil(columns);
        self.paint_scale(canvas, top + rows as f64 * (tile + gap) + 6.0, limit)
    }
}

impl WeightImages {
    /// The color bar, from `y` down. Returns where it ends.
    fn paint_scale<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        y: f64,
        limit: f64,
    ) -> Result<f64, PlotError> {
        let bar = Rect { x: 40.0, y: y + LINE, width: canvas.width - 80.0, height: 12.0 };
        let middle = bar.x + bar.width / 2.0;
        canvas.text(&self.quantity, (middle, bar.y - 6.0), Align::Center, TEXT_SIZE, Ink::TEXT)?;
        let steps = 201;
        let share = |i: usize| 2.0 * i as f64 / (steps - 1) as f64 - 1.0;
        let rgba = (0..steps).flat_map(|i| pixel(share(i))).collect();
        canvas.raster(&Raster { width: steps, height: 1, rgba }, bar)?;
        canvas.frame(bar, Ink::AXIS, 0.7)?;
        let bottom = bar.y + bar.height;
        for share in [-1.0, -0.5, 0.0, 0.5, 1.0] {
            let x = middle + share * bar.width / 2.0;
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], Ink::AXIS, 1.0)?;
            // Two digits beyond the first, and a minus sign of the width of the digits.
            let text = axis::label(share * limit, limit / 100.0).replace('-', "−");
            let at = (x, bottom + 5.0 + TEXT_SIZE);
            canvas.text(&text, at, Align::Center, TEXT_SIZE, Ink::MUTED)?;
        }
        Ok(bottom + 2.0 * LINE)
    }
}

/// Largest side of an image.
const LARGEST: f64 = 88.0;

/// The number of columns: a grid a little wider than high, and at most 20 across.
fn columns(count: usize) -> usize {
    ((1.6 * count as f64).sqrt().ceil() as usize).clamp(count.min(5), count.min(20))
}

outputs!(WeightImages);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_symmetric_around_a_transparent_zero() {
        let opacity = |share: f64| pixel(share)[3];
        assert_eq!([-1.0, -0.4, 0.0, 0.4, 1.0].map(opacity), [255, 102, 0, 102, 255]);
        assert_eq!(pixel(0.4)[..3], PALETTE[0]);
        assert_eq!(pixel(-0.4)[..3], PALETTE[1]);
        assert_eq!(pixel(f64::NAN), [0; 4]);
    }

    #[test]
    fn the_limit_is_the_largest_finite_magnitude() {
        let figure = |weights: [f64; 3]| {
            let w = Array2::from_shape_fn((1, 3), |(_, j)| weights[j]);
            WeightImages::new("").image(&w)
        };
        assert_eq!(figure([1.0, -3.0, 2.0]).limit(), 3.0);
        assert_eq!(figure([f64::INFINITY, f64::NAN, 0.5]).limit(), 0.5);
        assert_eq!(figure([0.0; 3]).limit(), 1.0);
    }

    #[test]
    fn the_grid_grows_with_the_count() {
        assert_eq!([1, 3, 5, 10, 32, 300, 1000].map(columns), [1, 3, 5, 5, 8, 20, 20]);
    }
}
