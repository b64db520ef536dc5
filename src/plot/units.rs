//! A small network as a drawing: a circle for a number, a line wherever one number enters another,
//! and the ways through some of them in color.

use super::canvas::{Align, Canvas, LINE, Point, TEXT_SIZE};
use super::theme::{Ink, Theme};
use super::{Figure, PlotError, outputs};
use plotters::backend::DrawingBackend;
use std::path::Path;

/// A network as its units, in columns from the inputs to the loss. Every number of a column enters
/// every number of the next one. Chapter 1.
///
/// ```
/// use chainrule::plot::Units;
///
/// let figure = Units::new("Every way from w to the loss")
///     .layer("inputs", ["x0", "x1"])
///     .layer("hidden units", ["h0", "h1", "h2"])
///     .layer("loss", ["L"])
///     .label("x0", "h1", "w")
///     .through(["x0", "h1"]);
/// assert_eq!(figure.svg()?.matches("#D55E00").count(), 2); // x0 to h1, h1 to L
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Units {
    title: String,
    layers: Vec<Layer>,
    /// From a unit to a unit of the next layer, and what stands beside the line.
    labels: Vec<[String; 3]>,
    through: Vec<String>,
}

#[derive(Clone, Debug)]
struct Layer {
    name: String,
    units: Vec<String>,
}

impl Units {
    /// A figure without a layer yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), layers: Vec::new(), labels: Vec::new(), through: Vec::new() }
    }

    /// Adds a layer behind the others, with the names of its units: two or three letters, and each
    /// of them once in the figure.
    pub fn layer(
        mut self,
        name: impl Into<String>,
        units: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let units = units.into_iter().map(Into::into).collect();
        self.layers.push(Layer { name: name.into(), units });
        self
    }

    /// Writes beside the line between two units of neighboring layers, a weight's name for example.
    pub fn label(
        mut self,
        from: impl Into<String>,
        to: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        self.labels.push([from.into(), to.into(), label.into()]);
        self
    }

    /// Colors every way from the first layer to the last that passes through all of these units.
    pub fn through(mut self, units: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.through.extend(units.into_iter().map(Into::into));
        self
    }

    /// The layer of a unit and its place there.
    fn find(&self, name: &str) -> Option<(usize, usize)> {
        self.layers.iter().enumerate().find_map(|(layer, Layer { units, .. })| {
            Some((layer, units.iter().position(|unit| unit == name)?))
        })
    }

    /// Every line, by the layer that it leaves and its units there and in the next layer.
    fn lines(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.layers.windows(2).enumerate().flat_map(|(layer, pair)| {
            let [from, to] = [pair[0].units.len(), pair[1].units.len()];
            (0..from).flat_map(move |i| (0..to).map(move |j| (layer, i, j)))
        })
    }

    /// Whether a way in color passes through this unit: all do where none of its layer is asked for.
    fn is_passed(&self, layer: usize, unit: usize) -> bool {
        let mut asked = self.through.iter().filter_map(|name| self.find(name));
        !self.through.is_empty() && asked.all(|(other, passed)| other != layer || passed == unit)
    }

    fn is_colored(&self, (layer, from, to): (usize, usize, usize)) -> bool {
        self.is_passed(layer, from) && self.is_passed(layer + 1, to)
    }
}

/// Radius of a circle.
const RADIUS: f64 = 18.0;
/// The distance of two circles of a layer.
const DISTANCE: f64 = 62.0;
/// From the edge of the figure to the first and the last circles: half of a layer's name.
const MARGIN: f64 = 48.0;

impl Figure for Units {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let layers = self.layers.iter().map(|Layer { name, units }| {
            let units = units.join(", ");
            format!("{name} {units}")
        });
        let layers: Vec<String> = layers.collect();
        let colored = match self.through.as_slice() {
            [] => String::new(),
            units => format!(" In color: every way through {}.", units.join(" and ")),
        };
        let labels = self
            .labels
            .iter()
            .map(|[from, to, label]| format!(" The line from {from} to {to} is labeled {label}."));
        format!("A network from left to right: {}.{colored}", layers.join("; "))
            + &labels.collect::<String>()
    }

    fn check(&self) -> Result<(), PlotError> {
        let figure = || self.title.clone();
        let empty = self.layers.iter().find(|layer| layer.units.is_empty());
        if self.layers.len() < 2 || empty.is_some() {
            let what =
                empty.map_or_else(|| "it".into(), |layer| format!("layer \"{}\"", layer.name));
            let remedy = "give it two layers or more with `layer`, and each layer a unit or more";
            return Err(PlotError::Empty { figure: figure(), what, remedy });
        }
        let unknown = |name: &String| PlotError::Unit { figure: figure(), name: name.clone() };
        if let Some(name) = self.through.iter().find(|name| self.find(name).is_none()) {
            return Err(unknown(name));
        }
        for [from, to, _] in &self.labels {
            let layers = [from, to].map(|name| self.find(name).map(|(layer, _)| layer));
            match layers {
                [Some(layer), Some(next)] if next == layer + 1 => {}
                [None, _] => return Err(unknown(from)),
                [_, None] => return Err(unknown(to)),
                _ => {
                    let (from, to) = (from.clone(), to.clone());
                    return Err(PlotError::Line { figure: figure(), from, to });
                }
            }
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let top = canvas.heading(&self.title)? + 6.0;
        let most = self.layers.iter().map(|layer| layer.units.len()).max().unwrap_or(0);
        let height = most as f64 * DISTANCE;
        let across = (canvas.width - 2.0 * MARGIN) / (self.layers.len() - 1) as f64;
        let x = |layer: usize| MARGIN + layer as f64 * across;
        let place = |layer: usize, unit: usize| {
            let count = self.layers[layer].units.len() as f64;
            (x(layer), top + height / 2.0 + (unit as f64 - (count - 1.0) / 2.0) * DISTANCE)
        };

        for colored in [false, true] {
            let (ink, width) =
                if colored { (Ink::VERMILION, 3.0) } else { (Ink::TEXT.faded(0.35), 1.3) };
            for line in self.lines().filter(|&line| self.is_colored(line) == colored) {
                let (layer, i, j) = line;
                let ends = between(place(layer, i), place(layer + 1, j));
                canvas.line(&ends, ink, width)?;
            }
        }
        for [from, to, label] in &self.labels {
            let ends =
                [from, to].map(|name| self.find(name).map(|(layer, unit)| place(layer, unit)));
            let [Some(from), Some(to)] = ends else { continue };
            // Above the line, where it is still far from the others that arrive with it.
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let (along, aside, align) = match dy {
                0.0 => (0.36, 0.0, Align::Center),
                dy if dy > 0.0 => (0.3, 3.0, Align::Left),
                _ => (0.36, -3.0, Align::Right),
            };
            let at = (from.0 + along * dx + aside, from.1 + along * dy - 6.0);
            canvas.text(label, at, align, TEXT_SIZE, Ink::TEXT)?;
        }
        for (layer, Layer { name, units }) in self.layers.iter().enumerate() {
            for (unit, name) in units.iter().enumerate() {
                let (x, y) = place(layer, unit);
                let passed = self.is_passed(layer, unit);
                canvas.ring((x, y), RADIUS, Ink::TEXT, if passed { 2.2 } else { 1.2 })?;
                let baseline = (x, y + 0.36 * TEXT_SIZE);
                canvas.text(name, baseline, Align::Center, TEXT_SIZE, Ink::TEXT)?;
            }
            let at = (x(layer), top + height + LINE);
            canvas.text(name, at, Align::Center, TEXT_SIZE, Ink::MUTED)?;
        }
        Ok(top + height + 2.0 * LINE)
    }
}

/// The line between two circles, from rim to rim.
fn between(from: Point, to: Point) -> [Point; 2] {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let rim = RADIUS / dx.hypot(dy);
    [(from.0 + rim * dx, from.1 + rim * dy), (to.0 - rim * dx, to.1 - rim * dy)]
}

outputs!(Units);
