//! The weights of a first layer, each unit's as an image; and what a layer answers to a picture.
//!
//! One number a pixel: zero is transparent, so it is the page. Positive weights are blue, negative
//! ones vermilion, the more opaque the larger they are.
//!
//! Three numbers a pixel, for red, green and blue: zero is gray, and each color is the brighter the
//! larger its weight is. So an image looks like the picture that its unit answers to.
//!
//! One scale serves all images, from −m to m with m the largest magnitude of all, so that images
//! compare and zero has one look. Where magnitudes differ by orders, each image has a scale of its
//! own. What a layer answers has a long tail: there m is the magnitude that one in a hundred exceeds,
//! and larger ones have the colors of the ends.

use super::axis;
use super::canvas::{Align, Canvas, LINE, Raster, Rect, TEXT_SIZE, widest};
use super::images::{PICTURE, fit, raster};
use super::theme::{Ink, MOST_IMAGES, PALETTE, Theme};
use super::{Figure, PlotError, outputs};
use crate::real::Real;
use ndarray::{Array, Array2, Array3, Array4, ArrayView2, Axis, Dimension};
use plotters::backend::DrawingBackend;
use std::path::Path;

/// Weights, or what is made of them, as images.
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
    /// What has an image each.
    source: &'static str,
    /// `[height, width, channels]`.
    images: Vec<Result<Array3<f64>, Misfit>>,
    /// Below the images, in their order; or none.
    labels: Vec<String>,
    own_scales: bool,
    /// The share of the numbers that may lie beyond their scale.
    tail: f64,
    picture: Option<(Result<Raster, Vec<usize>>, String)>,
}

/// An array that is no image.
#[derive(Clone, Debug)]
struct Misfit {
    shape: Vec<usize>,
    expected: String,
}

impl WeightImages {
    /// A figure without an image yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            quantity: "weight".into(),
            source: "unit",
            images: Vec::new(),
            labels: Vec::new(),
            own_scales: false,
            tail: 0.0,
            picture: None,
        }
    }

    /// What the colors stand for, with its unit, where it is not a weight.
    pub fn quantity(mut self, quantity: impl Into<String>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// With a scale for each image, from minus its largest magnitude to its largest magnitude.
    pub fn own_scales(mut self) -> Self {
        self.own_scales = true;
        self
    }

    /// Adds one image: `[height, width]`.
    pub fn image<T: Real>(mut self, weights: &Array2<T>) -> Self {
        self.push(weights.view());
        self
    }

    fn push<T: Real>(&mut self, weights: ArrayView2<'_, T>) {
        self.images.push(Ok(weights.mapv(Real::as_f64).insert_axis(Axis(2))));
    }

    /// Adds an image for each column of `w`, as in a linear layer: `[height · width, units]`, or
    /// `[height · width · 3, units]` in color.
    pub fn units<T: Real>(mut self, w: &Array2<T>, height: usize, width: usize) -> Self {
        let pixels = height.saturating_mul(width);
        let color = pixels.saturating_mul(3);
        let channels = if w.nrows() == color { 3 } else { 1 };
        for column in w.columns() {
            let weights =
                column.mapv(Real::as_f64).into_shape_with_order((height, width, channels));
            self.images.push(weights.map_err(|_| Misfit {
                shape: w.shape().to_vec(),
                expected: format!("a column of a matrix with {pixels} rows, or {color} in color"),
            }));
        }
        self
    }

    /// Adds an image for each filter of a convolution on gray or colored images: `[height, width,
    /// 1 or 3, filters]`.
    pub fn filters<T: Real>(mut self, w: &Array4<T>) -> Self {
        self.source = "filter";
        for filter in w.axis_iter(Axis(3)) {
            self.images.push(match filter.dim() {
                (_, _, 1 | 3) => Ok(filter.mapv(Real::as_f64)),
                _ => Err(Misfit {
                    shape: w.shape().to_vec(),
                    expected: "[height, width, 1 or 3, filters]".into(),
                }),
            });
        }
        self
    }

    /// Adds an image for each channel of what a layer makes of one picture: `[height, width,
    /// channels]`.
    pub fn maps<T: Real>(mut self, maps: &Array3<T>) -> Self {
        (self.source, self.tail) = ("channel", TAIL);
        for map in maps.axis_iter(Axis(2)) {
            self.push(map);
        }
        self
    }

    /// Names the images in their order, each below it.
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl ToString>) -> Self {
        self.labels = labels.into_iter().map(|label| label.to_string()).collect();
        self
    }

    /// Shows beside the images the picture that they are the answer to, with its label. Its shape
    /// and entries are those of [`ImageGrid::image`](super::ImageGrid::image).
    pub fn beside<T: Real, D: Dimension>(
        mut self,
        picture: &Array<T, D>,
        label: impl Into<String>,
    ) -> Self {
        self.picture = Some((raster(picture), label.into()));
        self
    }

    fn weights(&self) -> impl Iterator<Item = f64> {
        self.images.iter().flatten().flatten().copied()
    }

    /// Where the scale of all images ends.
    fn limit(&self) -> f64 {
        limit(self.weights(), self.tail)
    }

    /// Whether there are finite numbers beyond the scale of all images.
    fn has_tail(&self) -> bool {
        let limit = self.limit();
        !self.own_scales && self.weights().any(|w| w.is_finite() && w.abs() > limit)
    }

    /// The images as they are drawn, each as a share of its scale's end.
    fn rasters(&self) -> impl Iterator<Item = Raster> {
        let all = self.limit();
        self.images.iter().flatten().map(move |weights| {
            let limit =
                if self.own_scales { limit(weights.iter().copied(), self.tail) } else { all };
            let (height, width, _) = weights.dim();
            let pixels = weights.rows().into_iter();
            let rgba =
                pixels.flat_map(|pixel| color(&pixel.mapv(|w| w / limit).to_vec())).collect();
            Raster { width, height, rgba }
        })
    }

    /// Whether an image has three numbers a pixel.
    fn is_colored(&self) -> bool {
        self.images.iter().flatten().any(|weights| weights.dim().2 == 3)
    }
}

/// The finite magnitude that the share `tail` exceeds, the largest where that one is 0, or 1 where
/// there is none above 0.
fn limit(weights: impl Iterator<Item = f64>, tail: f64) -> f64 {
    let mut magnitudes: Vec<f64> = weights.filter(|w| w.is_finite()).map(f64::abs).collect();
    magnitudes.sort_unstable_by(f64::total_cmp);
    let last = magnitudes.len().saturating_sub(1);
    let within = last - (tail * last as f64) as usize;
    let candidates = [within, last].map(|k| magnitudes.get(k).copied().unwrap_or(0.0));
    candidates.into_iter().find(|&limit| limit > 0.0).unwrap_or(1.0)
}

/// Color and opacity of a pixel, from its one or three weights as shares of the limit. What is not
/// finite is left out.
fn color(shares: &[f64]) -> [u8; 4] {
    let byte = |level: f64| (level.clamp(0.0, 1.0) * 255.0).round() as u8;
    match *shares {
        [share] if share.is_finite() => {
            let [r, g, b] = PALETTE[usize::from(share < 0.0)];
            [r, g, b, byte(share.abs())]
        }
        [r, g, b] if shares.iter().all(|share| share.is_finite()) => {
            let [r, g, b] = [r, g, b].map(|share| byte(f64::midpoint(1.0, share)));
            [r, g, b, 255]
        }
        _ => [0; 4],
    }
}

impl Figure for WeightImages {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let limit = self.limit();
        let (from, to) = match self.own_scales {
            true => ("minus its largest magnitude".into(), "that magnitude".into()),
            false => (format!("−{limit:.3e}"), format!("{limit:.3e}")),
        };
        let scale = if self.own_scales { "each on a scale of its own" } else { "on one scale" };
        let scale = match self.is_colored() {
            true => format!(
                "{scale} for red, green and blue from {from} (dark) over 0 (gray) to {to} (bright)"
            ),
            false => format!("{scale} from {from} (vermilion) over 0 (the page) to {to} (blue)"),
        };
        let tail = if self.has_tail() { " and beyond" } else { "" };
        let labels = match self.labels.as_slice() {
            [] => String::new(),
            labels => format!(" Below them: {}.", labels.join(", ")),
        };
        let beside = match &self.picture {
            Some((_, label)) => format!(" Beside them the picture that they answer to: {label}."),
            None => String::new(),
        };
        let left_out = match self.weights().filter(|w| !w.is_finite()).count() {
            0 => String::new(),
            n => format!(" {n} that are not finite are left out."),
        };
        format!(
            "{} images of the {}, row by row from the first {}, \
             {scale}{tail}.{labels}{beside}{left_out}",
            self.images.len(),
            self.quantity,
            self.source,
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        let (figure, count) = (self.title.clone(), self.images.len());
        if count == 0 {
            let remedy = "add images with `image`, `units`, `filters` or `maps`";
            return Err(PlotError::Empty { figure, what: "it".into(), remedy });
        }
        // One more for the scale, and one for the picture.
        if count + 1 >= MOST_IMAGES {
            return Err(PlotError::TooMany { figure, count, most: MOST_IMAGES - 2 });
        }
        let names = self.labels.len();
        if names != 0 && names != count {
            return Err(PlotError::Names { figure, names, named: "images", count });
        }
        if let Some((Err(shape), _)) = &self.picture {
            // It stands behind the others in the numbering.
            let (image, expected) = (count, PICTURE.into());
            return Err(PlotError::Shape { figure, image, shape: shape.clone(), expected });
        }
        let color = self.is_colored();
        for (image, weights) in self.images.iter().enumerate() {
            let (shape, expected) = match weights {
                Err(Misfit { shape, expected }) => (shape.clone(), expected.clone()),
                Ok(weights) if weights.is_empty() => {
                    (weights.shape().to_vec(), "[height, width], without an empty axis".into())
                }
                Ok(weights) if color && weights.dim().2 == 1 => {
                    (weights.shape().to_vec(), "in color, as others of the figure are".into())
                }
                Ok(_) => continue,
            };
            return Err(PlotError::Shape { figure, image, shape, expected });
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let top = canvas.heading(&self.title)?;
        let first = if self.picture.is_some() { "the picture, and " } else { "" };
        let last = match (self.own_scales, &self.picture) {
            (true, _) => ", each on its own scale",
            (false, None) => " from the first",
            (false, Some(_)) => "",
        };
        let note = format!("{first}one image a {}, row by row{last}", self.source);
        let top = canvas.note(&note, top)? + 8.0;
        let (left, bottom) = self.paint_picture(canvas, top)?;

        let width = canvas.width - 4.0 - left;
        let text = widest(self.labels.iter().map(String::as_str), TEXT_SIZE)?;
        let most = ((width + GAP) / (text + GAP)).max(1.0) as usize;
        let columns = columns(self.images.len(), width).min(most);
        let gap = if columns > 10 { 3.0 } else { GAP };
        let tile = ((width + gap) / columns as f64 - gap).min(LARGEST);
        let row_height = tile + gap + if self.labels.is_empty() { 0.0 } else { LINE };
        for (i, raster) in self.rasters().enumerate() {
            let x = left + (i % columns) as f64 * (tile + gap);
            let y = top + (i / columns) as f64 * row_height;
            let rect = fit(&raster, Rect { x, y, width: tile, height: tile });
            canvas.raster(&raster, rect)?;
            canvas.frame(rect, Ink::AXIS, 0.7)?;
            if let Some(label) = self.labels.get(i) {
                let at = (x + tile / 2.0, rect.y + rect.height + LINE - 3.0);
                canvas.text(label, at, Align::Center, TEXT_SIZE, Ink::TEXT)?;
            }
        }
        let rows = self.images.len().div_ceil(columns);
        self.paint_scale(canvas, bottom.max(top + rows as f64 * row_height) + 6.0)
    }
}

impl WeightImages {
    /// The picture at the left, where there is one. Returns where the images begin, and where it
    /// ends.
    fn paint_picture<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        top: f64,
    ) -> Result<(f64, f64), PlotError> {
        let Some((Ok(raster), label)) = &self.picture else { return Ok((4.0, top)) };
        let square = Rect { x: 4.0, y: top, width: LARGEST, height: LARGEST };
        let rect = fit(raster, square);
        canvas.raster(raster, rect)?;
        canvas.frame(rect, Ink::AXIS, 1.0)?;
        let at = (square.x + square.width / 2.0, top + square.height + LINE - 3.0);
        canvas.text(label, at, Align::Center, TEXT_SIZE, Ink::TEXT)?;
        Ok((square.x + square.width + 20.0, top + square.height + LINE))
    }

    /// The color bar, from `y` down. Returns where it ends.
    fn paint_scale<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        y: f64,
    ) -> Result<f64, PlotError> {
        let color = self.is_colored();
        let height = if color { 21.0 } else { 12.0 };
        let bar = Rect { x: 40.0, y: y + LINE, width: canvas.width - 80.0, height };
        let middle = bar.x + bar.width / 2.0;
        let what = if self.own_scales { "share of the largest " } else { "" };
        let what = format!("{what}{}", self.quantity);
        let what = if color { what + " on red, green and blue" } else { what };
        canvas.text(&what, (middle, bar.y - 6.0), Align::Center, TEXT_SIZE, Ink::TEXT)?;
        canvas.raster(&scale(color), bar)?;
        canvas.frame(bar, Ink::AXIS, 0.7)?;
        let bottom = bar.y + bar.height;
        let limit = if self.own_scales { 1.0 } else { self.limit() };
        let tail = self.has_tail();
        for share in [-1.0, -0.5, 0.0, 0.5, 1.0] {
            let x = middle + share * bar.width / 2.0;
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], Ink::AXIS, 1.0)?;
            // Two digits beyond the first.
            let text = axis::label(share * limit, limit / 100.0);
            let text = match share {
                -1.0 if tail => format!("≤ {text}"),
                1.0 if tail => format!("≥ {text}"),
                _ => text,
            };
            let at = (x, bottom + 5.0 + TEXT_SIZE);
            canvas.text(&text, at, Align::Center, TEXT_SIZE, Ink::MUTED)?;
        }
        Ok(bottom + 2.0 * LINE)
    }
}

/// All weights from minus the limit to the limit; in `color` a row for red, green and blue each,
/// with the other two at zero.
fn scale(color: bool) -> Raster {
    let (width, height) = (201, if color { 3 } else { 1 });
    let mut rgba = Vec::with_capacity(4 * width * height);
    for row in 0..height {
        for i in 0..width {
            let mut shares = vec![0.0; height];
            shares[row] = 2.0 * i as f64 / (width - 1) as f64 - 1.0;
            rgba.extend(self::color(&shares));
        }
    }
    Raster { width, height, rgba }
}

/// The share of a layer's answers that lies beyond the scale.
const TAIL: f64 = 0.01;
/// Largest side of an image.
const LARGEST: f64 = 88.0;
/// Space between images, where they are not many.
const GAP: f64 = 8.0;
/// What the grid's height should be.
const HEIGHT: f64 = 360.0;

/// The number of columns on this width: at least what makes a grid about as high as it should be,
/// and what leaves no room unused; at most twice as many, and never more than 20; of these the number
/// that leaves the fewest places empty.
fn columns(count: usize, width: f64) -> usize {
    let square = (count as f64 * width / HEIGHT).sqrt().round();
    let full = ((width + GAP) / (LARGEST + GAP)).floor();
    let least = square.max(full) as usize;
    let [least, most] = [least, 2 * least].map(|columns| columns.clamp(1, count.clamp(1, 20)));
    let empty = |columns: &usize| count.next_multiple_of(*columns) - count;
    (least..=most).min_by_key(empty).unwrap_or(1)
}

outputs!(WeightImages);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_symmetric_around_a_transparent_zero() {
        let opacity = |share: f64| color(&[share])[3];
        assert_eq!([-1.0, -0.4, 0.0, 0.4, 1.0].map(opacity), [255, 102, 0, 102, 255]);
        assert_eq!(color(&[0.4])[..3], PALETTE[0]);
        assert_eq!(color(&[-0.4])[..3], PALETTE[1]);
        assert_eq!(color(&[f64::NAN]), [0; 4]);
    }

    #[test]
    fn colors_are_symmetric_around_gray() {
        assert_eq!(color(&[0.0; 3]), [128, 128, 128, 255]);
        assert_eq!(color(&[1.0, -1.0, 0.5]), [255, 0, 191, 255]);
        assert_eq!(color(&[-0.2, 0.2, 2.0]), [102, 153, 255, 255]);
        assert_eq!(color(&[0.5, f64::NAN, 0.5]), [0; 4]);
        // A pixel has one number or three.
        assert_eq!(color(&[0.5, 0.5]), [0; 4]);
    }

    #[test]
    fn the_scale_runs_through_each_color_alone() {
        let gray = scale(false);
        assert_eq!((gray.width, gray.height), (201, 1));
        assert_eq!(gray.rgba[..4], color(&[-1.0]));
        assert_eq!(gray.rgba[4 * 150..4 * 151], color(&[0.5]));
        let scale = scale(true);
        assert_eq!((scale.width, scale.height), (201, 3));
        let pixel = |row: usize, column: usize| &scale.rgba[4 * (row * 201 + column)..][..4];
        assert_eq!(pixel(0, 0), [0, 128, 128, 255]);
        assert_eq!(pixel(1, 200), [128, 255, 128, 255]);
        assert_eq!(pixel(2, 150), [128, 128, 191, 255]);
    }

    #[test]
    fn a_limit_is_the_largest_finite_magnitude() {
        assert_eq!(limit([1.0, -3.0, 2.0].into_iter(), 0.0), 3.0);
        assert_eq!(limit([f64::INFINITY, f64::NAN, 0.5].into_iter(), 0.0), 0.5);
        assert_eq!(limit([0.0; 3].into_iter(), 0.0), 1.0);
        assert_eq!(limit(std::iter::empty(), 0.5), 1.0);
    }

    #[test]
    fn a_tail_lies_beyond_the_limit() {
        let weights = || (0..=100).map(|k| f64::from(if k % 2 == 0 { k } else { -k }));
        assert_eq!(limit(weights(), 0.0), 100.0);
        assert_eq!(limit(weights(), 0.01), 99.0);
        assert_eq!(limit(weights(), 0.25), 75.0);
        // One that is not 0 among many that are.
        let weights = (0..1000).map(|k| if k == 7 { -0.5 } else { 0.0 });
        assert_eq!(limit(weights, 0.01), 0.5);
    }

    #[test]
    fn the_grid_grows_with_the_count_and_is_full_where_it_can_be() {
        let columns = |width: f64| move |count| columns(count, width);
        let wide = [1, 3, 5, 6, 7, 10, 16, 24, 32, 64, 300, 1000].map(columns(472.0));
        assert_eq!(wide, [1, 3, 5, 6, 7, 5, 8, 6, 8, 16, 20, 20]);
        let narrow = [1, 3, 6, 16, 24, 32, 40, 64].map(columns(364.0));
        assert_eq!(narrow, [1, 3, 3, 4, 6, 8, 8, 8]);
    }
}
