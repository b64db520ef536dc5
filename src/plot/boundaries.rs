//! Points of the plane in two classes, and where a network draws the boundary between them.

use super::axis::{self, Axis, Scale};
use super::canvas::{Align, Canvas, LINE, Point, Raster, Rect, TEXT_SIZE, widest};
use super::theme::{Ink, PALETTE, Theme};
use super::{Figure, PlotError, outputs};
use plotters::backend::DrawingBackend;
use std::path::Path;

/// The square of the plane that is shown, from minus this to this in both directions.
const REACH: f64 = 3.0;

/// Cells of a panel's shade along a side.
const CELLS: usize = 75;

/// The opacity of a shade where the network is sure.
const SURE: f64 = 0.38;

/// One picture of the plane a panel: shaded by what a network says of each place, with the points
/// over it.
///
/// ```
/// use chainrule::plot::Boundaries;
///
/// let figure = Boundaries::new("Left or right of a line")
///     .points(["left", "right"], [([-1.0, 0.5], 0), ([1.0, -0.5], 1)])
///     .panel("sure", |[x, _]| if x > 0.0 { 1.0 } else { 0.0 })
///     .panel("in doubt", |_| 0.5);
/// assert!(figure.svg()?.contains("in doubt"));
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
///
/// Points of the first class are disks, those of the second hollow diamonds. A point outside of the square
/// from −3 to 3 is left out.
#[derive(Clone, Debug)]
pub struct Boundaries {
    title: String,
    classes: [String; 2],
    points: Vec<([f64; 2], usize)>,
    panels: Vec<(String, Raster)>,
}

impl Boundaries {
    /// A figure without points and panels yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            classes: ["class 0".into(), "class 1".into()],
            points: Vec::new(),
            panels: Vec::new(),
        }
    }

    /// Names the two classes and adds points, each with the number of its class. A number above 1
    /// counts as 1.
    pub fn points(
        mut self,
        classes: [impl Into<String>; 2],
        points: impl IntoIterator<Item = ([f64; 2], usize)>,
    ) -> Self {
        self.classes = classes.map(Into::into);
        self.points.extend(points);
        self
    }

    /// Adds a panel. `probability` is that of the second class at a place.
    pub fn panel(mut self, name: impl Into<String>, probability: impl Fn([f64; 2]) -> f64) -> Self {
        let mut rgba = Vec::with_capacity(4 * CELLS * CELLS);
        let middle = |k: usize| (k as f64 + 0.5) / CELLS as f64 * 2.0 * REACH - REACH;
        for row in 0..CELLS {
            for column in 0..CELLS {
                let lean = 2.0 * probability([middle(column), -middle(row)]) - 1.0;
                rgba.extend(PALETTE[usize::from(lean > 0.0)]);
                // What is not a number has no color.
                rgba.push((255.0 * SURE * lean.abs().min(1.0)).round() as u8);
            }
        }
        self.panels.push((name.into(), Raster { width: CELLS, height: CELLS, rgba }));
        self
    }

    fn paint_points<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        area: Rect,
    ) -> Result<(), PlotError> {
        for &([x, y], class) in &self.points {
            if x.abs().max(y.abs()) < REACH {
                let at = (
                    area.x + (x + REACH) / (2.0 * REACH) * area.width,
                    area.y + (REACH - y) / (2.0 * REACH) * area.height,
                );
                paint_point(canvas, at, class)?;
            }
        }
        Ok(())
    }

    /// Both classes in a row below `y`. Returns where what follows begins.
    fn paint_legend<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        y: f64,
    ) -> Result<f64, PlotError> {
        let baseline = y + 0.7 * LINE;
        let mut x = 10.0;
        for (class, name) in self.classes.iter().enumerate() {
            paint_point(canvas, (x, baseline - 0.36 * TEXT_SIZE), class)?;
            canvas.text(name, (x + 10.0, baseline), Align::Left, TEXT_SIZE, Ink::TEXT)?;
            x += 36.0 + widest([name.as_str()], TEXT_SIZE)?;
        }
        Ok(y + LINE)
    }
}

/// A disk for the first class, a hollow diamond for the second.
fn paint_point<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    at: Point,
    class: usize,
) -> Result<(), PlotError> {
    let ((x, y), ink) = (at, Ink::series(class.min(1)));
    if class == 0 {
        return canvas.circle(at, 2.2, ink);
    }
    let corners = [(x, y - 3.0), (x + 3.0, y), (x, y + 3.0), (x - 3.0, y), (x, y - 3.0)];
    canvas.line(&corners, ink, 1.1)
}

impl Figure for Boundaries {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let count =
            |class: usize| self.points.iter().filter(|(_, of)| of.min(&1) == &class).count();
        let panels: Vec<&str> = self.panels.iter().map(|(name, _)| name.as_str()).collect();
        let [first, second] = &self.classes;
        format!(
            "The plane, shaded by a network's probability of \"{second}\". Over it {} points of \
             \"{first}\" as disks and {} of \"{second}\" as diamonds. Panels: {}.",
            count(0),
            count(1),
            panels.join(", ")
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.panels.is_empty() {
            let (figure, what) = (self.title.clone(), "it".to_owned());
            return Err(PlotError::Empty { figure, what, remedy: "add a picture with `panel`" });
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        const BETWEEN: f64 = 16.0;
        let plane = || Axis::new(Scale::Linear, [-REACH, REACH], 3, 0.0, true);
        let (x_axis, y_axis) = (plane(), plane());
        let mut top = canvas.heading(&self.title)?;
        if !self.points.is_empty() {
            top = self.paint_legend(canvas, top)?;
        }
        let labels = widest(y_axis.ticks.iter().map(|tick| tick.text.as_str()), TEXT_SIZE)? + 12.0;
        let columns = self.panels.len().min(2);
        let share = (canvas.width - BETWEEN * (columns - 1) as f64) / columns as f64;
        let side = (share - labels - 6.0).min(300.0);
        let below = 2.4 * LINE;
        for (k, (name, shade)) in self.panels.iter().enumerate() {
            let (row, column) = (k / columns, k % columns);
            let area = Rect {
                x: labels + column as f64 * (share + BETWEEN),
                y: top + 1.5 * LINE + row as f64 * (1.5 * LINE + side + below),
                width: side,
                height: side,
            };
            let at = (area.x, area.y - 0.5 * LINE);
            canvas.text(name, at, Align::Left, TEXT_SIZE, Ink::TEXT)?;
            canvas.raster(shade, area)?;
            axis::paint(canvas, area, (&x_axis, "x₀ (x₁ upwards)"), &y_axis)?;
            self.paint_points(canvas, area)?;
        }
        let rows = self.panels.len().div_ceil(columns) as f64;
        Ok(top + rows * (1.5 * LINE + side + below))
    }
}

outputs!(Boundaries);
