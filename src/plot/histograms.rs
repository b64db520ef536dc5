//! Histograms one below the other: how numbers are spread, layer by layer.

use super::axis::{self, Axis, Scale};
use super::canvas::{Align, Canvas, LINE, Point, Rect, TEXT_SIZE, widest};
use super::theme::{Ink, Theme};
use super::{Figure, PlotError, outputs};
use num_traits::AsPrimitive;
use plotters::backend::DrawingBackend;
use std::path::Path;

/// Bins of a histogram.
const BINS: usize = 60;

/// The height of a highest bin, in CSS pixels.
const HEIGHT: f64 = 26.0;
/// From one row to the next.
const STEP: f64 = 20.0;

/// Panels side by side that share their rows: a histogram a row, each with an area of its own
/// size, so that its highest bin is as high as that of any other row.
///
/// ```
/// use chainrule::plot::Histograms;
///
/// let figure = Histograms::new("Two layers", ["layer 0", "layer 1"])
///     .panel("value", [vec![0.1, 0.5, 0.7], vec![0.5, 0.5, 0.6]])
///     .magnitudes("gradient, absolute", [vec![0.1, -0.2], vec![1e-3, 2e-3]]);
/// assert!(figure.svg()?.contains("layer 1"));
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
///
/// A number that the axis has no place for, such as a zero on a logarithmic one, is left out. The
/// description says how many were.
#[derive(Clone, Debug)]
pub struct Histograms {
    title: String,
    names: Vec<String>,
    panels: Vec<Panel>,
}

#[derive(Clone, Debug)]
struct Panel {
    label: String,
    scale: Scale,
    rows: Vec<Vec<f64>>,
}

impl Panel {
    /// The numbers of a row that the axis has a place for.
    fn held(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        self.rows[row].iter().copied().filter(|&value| self.scale.holds(value))
    }

    fn left_out(&self) -> usize {
        let of_row = |row: usize| self.rows[row].len() - self.held(row).count();
        (0..self.rows.len()).map(of_row).sum()
    }

    fn axis(&self) -> Axis {
        let all = (0..self.rows.len()).flat_map(|row| self.held(row));
        Axis::new(self.scale, all, 4, 0.02, false)
    }

    /// The share of the highest bin that each bin of a row has.
    fn shares(&self, row: usize, axis: &Axis) -> [f64; BINS] {
        let mut counts = [0_usize; BINS];
        for value in self.held(row) {
            counts[((axis.along(value) * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        let most = counts.into_iter().max().unwrap_or(0).max(1);
        counts.map(|count| count as f64 / most as f64)
    }
}

impl Histograms {
    /// A figure whose rows have these names, from the top, and no panel yet.
    pub fn new(
        title: impl Into<String>,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        Self { title: title.into(), names, panels: Vec::new() }
    }

    /// Adds a panel with the numbers of each row, in the order of the names.
    pub fn panel<V: AsPrimitive<f64>>(
        self,
        label: impl Into<String>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = V>>,
    ) -> Self {
        let rows = rows.into_iter().map(|row| row.into_iter().map(AsPrimitive::as_).collect());
        self.add(label, Scale::Linear, rows.collect())
    }

    /// Adds a panel with the absolute numbers of each row, on a logarithmic axis.
    pub fn magnitudes<V: AsPrimitive<f64>>(
        self,
        label: impl Into<String>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = V>>,
    ) -> Self {
        let absolute = |row: V| -> f64 { row.as_().abs() };
        let rows = rows.into_iter().map(|row| row.into_iter().map(absolute).collect());
        self.add(label, Scale::Logarithmic, rows.collect())
    }

    fn add(mut self, label: impl Into<String>, scale: Scale, rows: Vec<Vec<f64>>) -> Self {
        self.panels.push(Panel { label: label.into(), scale, rows });
        self
    }

    /// Where the top of a row's highest bin is, counted from the top of its panel.
    fn height(&self) -> f64 {
        HEIGHT + STEP * self.names.len().saturating_sub(1) as f64
    }

    fn paint_panel<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        panel: &Panel,
        area: Rect,
    ) -> Result<(), PlotError> {
        let x_axis = panel.axis();
        let mut y_axis = Axis::new(Scale::Linear, [0.0, 1.0], 1, 0.0, false);
        y_axis.ticks.clear();
        axis::paint(canvas, area, (&x_axis, &panel.label), &y_axis)?;
        for row in 0..self.names.len() {
            let floor = area.y + HEIGHT + STEP * row as f64;
            let outline = outline(&panel.shares(row, &x_axis), area, floor);
            canvas.polygon(&outline, Ink::series(0).faded(0.55))?;
            canvas.line(&outline, Ink::series(0), 0.8)?;
        }
        Ok(())
    }
}

/// The steps of a histogram that stands on `floor`, closed along it.
fn outline(shares: &[f64; BINS], area: Rect, floor: f64) -> Vec<Point> {
    let edge = |bin: usize| area.x + area.width * bin as f64 / BINS as f64;
    let mut points = vec![(edge(0), floor)];
    for (bin, share) in shares.iter().enumerate() {
        let y = floor - share * HEIGHT;
        points.extend([(edge(bin), y), (edge(bin + 1), y)]);
    }
    points.push((edge(BINS), floor));
    points
}

impl Figure for Histograms {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let panel = |panel: &Panel| match panel.left_out() {
            0 => panel.label.clone(),
            1 => format!("{} (1 number without a place on the axis is left out)", panel.label),
            n => format!("{} ({n} numbers without a place on the axis are left out)", panel.label),
        };
        let panels: Vec<String> = self.panels.iter().map(panel).collect();
        format!(
            "Histograms, a row each for {}. Panels: {}.",
            self.names.join(", "),
            panels.join(", ")
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        let figure = self.title.clone();
        if self.names.is_empty() || self.panels.is_empty() {
            let remedy = "name a row, and add a panel with `panel` or `magnitudes`";
            return Err(PlotError::Empty { figure, what: "it".to_owned(), remedy });
        }
        for panel in &self.panels {
            if panel.rows.len() != self.names.len() {
                let (names, count) = (self.names.len(), panel.rows.len());
                return Err(PlotError::Names { figure, names, named: "rows", count });
            }
            if (0..panel.rows.len()).all(|row| panel.held(row).next().is_none()) {
                let what = format!("panel \"{}\"", panel.label);
                let remedy = "give it a finite number, not zero where the axis is logarithmic";
                return Err(PlotError::Empty { figure, what, remedy });
            }
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        const BETWEEN: f64 = 22.0;
        let top = canvas.heading(&self.title)? + 4.0;
        let names = widest(self.names.iter().map(String::as_str), TEXT_SIZE)? + 12.0;
        for (row, name) in self.names.iter().enumerate() {
            let baseline = top + HEIGHT + STEP * row as f64 - 2.0;
            canvas.text(name, (names - 8.0, baseline), Align::Right, TEXT_SIZE, Ink::TEXT)?;
        }
        let count = self.panels.len() as f64;
        let width = (canvas.width - names - 12.0 - BETWEEN * (count - 1.0)) / count;
        for (k, panel) in self.panels.iter().enumerate() {
            let x = names + k as f64 * (width + BETWEEN);
            let area = Rect { x, y: top, width, height: self.height() };
            self.paint_panel(canvas, panel, area)?;
        }
        Ok(top + self.height() + 2.4 * LINE)
    }
}

outputs!(Histograms);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_as_high_as_its_share_of_the_highest() {
        let figure = Histograms::new("", ["a"]).panel("x", [[0.0, 0.0, 1.0, f64::NAN]]);
        let panel = &figure.panels[0];
        let shares = panel.shares(0, &panel.axis());
        assert_eq!(shares.iter().filter(|&&share| share > 0.0).count(), 2);
        assert_eq!((shares.iter().sum::<f64>(), panel.left_out()), (1.5, 1));
    }
}
