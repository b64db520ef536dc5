//! A tape as a drawing: boxes for nodes, arrows for the flow of values, from top to bottom.
//!
//! The layout has four steps.
//!
//! ```text
//! layers     An op stands below all its inputs: its layer is the longest path to it from a leaf.
//!            A leaf stands directly above its first consumer.
//! bends      An arrow that passes layers gets a place in each of them, so that no box is there.
//! order      Within a layer, by the mean position of the neighbors, swept down and up.
//! positions  Each place wants to be at the mean of its neighbors, x*. The layer takes the nearest
//!            positions that keep the order and the gaps: min Σ w (x − x*)², xᵢ₊₁ − xᵢ ≥ gapᵢ.
//!            Ops weigh more than leaves, so that a network runs straight down and its
//!            parameters give way.
//! ```
//!
//! It is made for the graphs of a chapter, of 3 to 40 nodes.

use super::trace::number;
use super::{Tape, Var};
use crate::real::Real;
use crate::svg;
use std::fmt::{self, Write};

const FONT_SIZE: f64 = 13.0;
/// Width of a character: 0.602 em in the monospaced fonts in use, and a reserve.
const CHARACTER: f64 = 0.625 * FONT_SIZE;
const LINE: f64 = 17.0;
const PADDING: f64 = 9.0;
const GAP: f64 = 14.0;
const LAYER_GAP: f64 = 38.0;
const MARGIN: f64 = 6.0;
const ARROW: f64 = 7.0;
/// Least width of a box, and the distance of arrows that share one: two arrows fit any box.
const BOX: f64 = 64.0;
const ARROW_GAP: f64 = 20.0;
/// How much more than a leaf's the wish of an op counts.
const OP_WEIGHT: f64 = 1000.0;
const SWEEPS: usize = 20;

/// What the boxes hold below a node's label and kind.
#[derive(Clone, Copy, Debug)]
enum Content {
    Shapes,
    Numbers,
}

/// A drawing of a tape, to be shown in a notebook or written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    svg: String,
    trace: String,
}

impl Drawing {
    /// The SVG, which takes its color from the page.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Shows the drawing as the output of a notebook's cell, with the trace as its text.
    pub fn evcxr_display(&self) {
        svg::show(&self.svg, &self.trace);
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.svg)
    }
}

/// The tape as a drawing. Chapter 2.
impl<T: Real> Tape<T> {
    /// The graph as a drawing that a notebook shows. See [`Tape::to_svg`].
    pub fn drawing(&self) -> Drawing {
        Drawing { svg: self.to_svg(), trace: self.trace() }
    }

    /// The graph with its numbers, as of the last passes: where a node has a single entry, its box
    /// holds the value and the gradient in the place of the shape.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.parameter(arr1(&[3.0]));
    /// let y = tape.multiply(a, a)?;
    /// tape.label(a, "a");
    /// tape.backward(y);
    /// let drawing = tape.drawing_with_numbers();
    /// assert!(drawing.svg().contains("a = 3") && drawing.svg().contains("da = 6"));
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn drawing_with_numbers(&self) -> Drawing {
        Drawing { svg: self.svg(Content::Numbers), trace: self.trace() }
    }

    /// The graph in Graphviz's language. Parameters are boxes, inputs are parallelograms and ops
    /// are ellipses; each holds its label, its kind and its shape.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph tape {\n  node [fontname=\"monospace\"];\n");
        for var in self.vars() {
            let lines = self.lines(var, Content::Shapes);
            let lines: Vec<String> = lines.iter().map(|line| escape_dot(line)).collect();
            let shape = match (self.is_leaf(var), self.wanted[var.0]) {
                (true, true) => "box",
                (true, false) => "parallelogram",
                (false, _) => "ellipse",
            };
            let _ = writeln!(dot, "  n{} [shape={shape}, label=\"{}\"];", var.0, lines.join("\\n"));
        }
        for (from, to, _) in self.edges() {
            let _ = writeln!(dot, "  n{from} -> n{to};");
        }
        dot + "}\n"
    }

    /// The graph as an SVG that takes its color from the page. Parameters have a heavy frame,
    /// inputs a dashed one, and ops a round one. Each box holds the label, the kind and the shape.
    ///
    /// Arrows arrive at an op in the order of its inputs, from left to right.
    pub fn to_svg(&self) -> String {
        self.svg(Content::Shapes)
    }

    fn svg(&self, content: Content) -> String {
        let layout = Layout::of(self, content);
        let expressions: Vec<String> =
            self.vars().map(|var| format!("%{} = {}", var.0, self.expression(var))).collect();
        let title = format!("Computation graph of {} nodes", self.nodes.len());
        let mut drawing =
            svg::open(&title, &expressions.join("; "), layout.size, layout.size.0.max(1.0));
        for arrow in &layout.arrows {
            let (x, y) = arrow.tip;
            let _ = writeln!(
                drawing,
                "<g data-edge=\"{}-{}\"><path d=\"{}\" fill=\"none\" stroke=\"currentColor\" \
                 stroke-width=\"1.2\"/><path d=\"M{x:.1} {y:.1}l{:.1} {:.1}h{ARROW}z\" \
                 fill=\"currentColor\"/></g>",
                arrow.from,
                arrow.to,
                arrow.path,
                -ARROW / 2.0,
                -ARROW
            );
        }
        for var in self.vars() {
            self.write_box(&mut drawing, var, &layout.places[var.0], content);
        }
        drawing + "</svg>\n"
    }

    fn write_box(&self, drawing: &mut String, var: Var, place: &Place, content: Content) {
        let (left, width, height) = (place.x - place.width / 2.0, place.width, place.height);
        let frame = match (self.is_leaf(var), self.wanted[var.0]) {
            (true, true) => "stroke-width=\"2.2\"",
            (true, false) => "stroke-width=\"1.2\" stroke-dasharray=\"4 4\"",
            (false, _) => "stroke-width=\"1.2\" rx=\"14\"",
        };
        let _ = writeln!(
            drawing,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"none\" stroke=\"currentColor\" {frame}/>",
            place.y
        );
        for (k, line) in self.lines(var, content).iter().enumerate() {
            let weight = if k == 0 { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                drawing,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"{FONT_SIZE}\" \
                 font-family=\"ui-monospace, monospace\" fill=\"currentColor\"{weight}>{}</text>",
                place.x,
                place.y + PADDING + LINE * (k as f64 + 0.72),
                svg::escape(line)
            );
        }
    }

    fn is_leaf(&self, var: Var) -> bool {
        self.nodes[var.0].op.is_none()
    }

    /// What stands in a node's box.
    fn lines(&self, var: Var, content: Content) -> Vec<String> {
        let kind = self.kind(var).to_string();
        let value = self.value(var);
        if let (Content::Numbers, 1, Some(&entry)) = (content, value.len(), value.first()) {
            let number = |entry: T| number(entry.as_f64()).replace('-', "−");
            let name = self.nodes[var.0].label.as_deref();
            let value = name.map_or_else(String::new, |name| format!("{name} = ")) + &number(entry);
            let gradient = self
                .gradient(var)
                .first()
                .map(|&gradient| format!("d{} = {}", name.unwrap_or_default(), number(gradient)));
            return [value, kind].into_iter().chain(gradient).collect();
        }
        let shape = format!("{:?}", self.values[var.0].shape());
        self.nodes[var.0].label.iter().cloned().chain([kind, shape]).collect()
    }

    /// All arrows: from an input, to an op, as its how-manieth input.
    fn edges(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.nodes.iter().enumerate().flat_map(|(to, node)| {
            node.inputs.iter().enumerate().map(move |(k, from)| (from.0, to, k))
        })
    }
}

fn escape_dot(text: &str) -> String {
    let printable = text.chars().map(svg::printable).collect::<String>();
    printable.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A node's place, or the place where an arrow passes a layer. `x` is its middle, `y` its top.
struct Place {
    layer: usize,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// How much its wish counts.
    weight: f64,
    /// Neighbors in the layers above and below, each with how far beside the neighbor this place
    /// stands when the arrow between them is straight.
    neighbors: [Vec<(usize, f64)>; 2],
}

struct Arrow {
    from: usize,
    to: usize,
    path: String,
    tip: (f64, f64),
}

struct Layout {
    /// The nodes' places, then those where arrows pass.
    places: Vec<Place>,
    arrows: Vec<Arrow>,
    size: (f64, f64),
}

impl Layout {
    fn of<T: Real>(tape: &Tape<T>, content: Content) -> Self {
        let mut places: Vec<Place> = tape
            .vars()
            .zip(layers(tape))
            .map(|(var, layer)| {
                let lines = tape.lines(var, content);
                let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
                let width = (longest as f64 * CHARACTER + 2.0 * PADDING).max(BOX);
                let height = lines.len() as f64 * LINE + 2.0 * PADDING;
                let weight = if tape.is_leaf(var) { 1.0 } else { OP_WEIGHT };
                Place {
                    layer,
                    x: 0.0,
                    y: 0.0,
                    width,
                    height,
                    weight,
                    neighbors: Default::default(),
                }
            })
            .collect();
        let chains = connect(tape, &mut places);
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (i, place) in places.iter().enumerate() {
            rows.resize(rows.len().max(place.layer + 1), Vec::new());
            rows[place.layer].push(i);
        }
        order(&mut places, &mut rows);
        let size = position(&mut places, &rows);
        let arrows = arrows(tape, &places, &chains);
        Self { places, arrows, size }
    }
}

/// The layer of each node, from 0 at the top.
fn layers<T: Real>(tape: &Tape<T>) -> Vec<usize> {
    let mut layers = vec![0; tape.nodes.len()];
    for (from, to, _) in tape.edges() {
        layers[to] = layers[to].max(layers[from] + 1);
    }
    for var in tape.vars().filter(|&var| tape.is_leaf(var)) {
        let consumers = tape.edges().filter(|edge| edge.0 == var.0).map(|edge| layers[edge.1]);
        layers[var.0] = consumers.min().map_or(0, |layer| layer - 1);
    }
    layers
}

/// Where arrow `k` of `arrows` meets a box of this width, from the middle of the box.
fn port(k: usize, arrows: usize, width: f64) -> f64 {
    let gap = ARROW_GAP.min(width / (arrows + 1) as f64);
    gap * (k as f64 - (arrows - 1) as f64 / 2.0)
}

/// Adds the places where arrows pass layers, makes neighbors of what an arrow joins, and returns
/// for each arrow the places on its way.
fn connect<T: Real>(tape: &Tape<T>, places: &mut Vec<Place>) -> Vec<Vec<usize>> {
    let mut chains = Vec::new();
    for (from, to, k) in tape.edges() {
        let mut chain = vec![from];
        for layer in places[from].layer + 1..places[to].layer {
            chain.push(places.len());
            let neighbors = Default::default();
            let (width, height, weight) = (0.0, 0.0, OP_WEIGHT);
            places.push(Place { layer, x: 0.0, y: 0.0, width, height, weight, neighbors });
        }
        chain.push(to);
        let arrival = port(k, tape.nodes[to].inputs.len(), places[to].width);
        for pair in chain.windows(2) {
            let aside = if pair[1] == to { arrival } else { 0.0 };
            places[pair[0]].neighbors[1].push((pair[1], aside));
            places[pair[1]].neighbors[0].push((pair[0], -aside));
        }
        chains.push(chain);
    }
    chains
}

/// Orders each row by the mean position of its places' neighbors above, then below, in turn.
fn order(places: &mut [Place], rows: &mut [Vec<usize>]) {
    let number = |places: &mut [Place], row: &[usize]| {
        let mut left = 0.0;
        for &i in row {
            places[i].x = left + places[i].width / 2.0;
            left += places[i].width + GAP;
        }
        // From the middle, so that rows of different lengths compare.
        row.iter().for_each(|&i| places[i].x -= left / 2.0);
    };
    rows.iter().for_each(|row| number(places, row));
    for sweep in 0..SWEEPS {
        let side = sweep % 2;
        for layer in 0..rows.len() {
            let row = &mut rows[if side == 0 { layer } else { rows.len() - 1 - layer }];
            let wishes: Vec<f64> = row.iter().map(|&i| wish(places, i, &[side])).collect();
            let mut sorted: Vec<usize> = (0..row.len()).collect();
            sorted.sort_by(|&a, &b| wishes[a].total_cmp(&wishes[b]));
            *row = sorted.iter().map(|&k| row[k]).collect();
            number(places, row);
        }
    }
}

/// The mean position of a place's neighbors on these sides; its own where it has none there.
fn wish(places: &[Place], i: usize, sides: &[usize]) -> f64 {
    let neighbors = sides.iter().flat_map(|&side| &places[i].neighbors[side]);
    let (sum, weights) = neighbors.fold((0.0, 0.0), |(sum, weights), &(neighbor, aside)| {
        let Place { x, weight, .. } = places[neighbor];
        (sum + weight * (x + aside), weights + weight)
    });
    if weights == 0.0 { places[i].x } else { sum / weights }
}

/// Gives every place its position, and returns the size of the whole.
fn position(places: &mut [Place], rows: &[Vec<usize>]) -> (f64, f64) {
    for sweep in 0..SWEEPS {
        for layer in 0..rows.len() {
            let row = &rows[if sweep % 2 == 0 { layer } else { rows.len() - 1 - layer }];
            let wishes: Vec<f64> = row.iter().map(|&i| wish(places, i, &[0, 1])).collect();
            let row_places: Vec<&Place> = row.iter().map(|&i| &places[i]).collect();
            let separated = separate(&wishes, &row_places);
            for (&i, x) in row.iter().zip(separated) {
                places[i].x = x;
            }
        }
    }
    let left = places.iter().map(|place| place.x - place.width / 2.0).fold(0.0, f64::min);
    let mut top = MARGIN;
    for row in rows {
        let height = row.iter().map(|&i| places[i].height).fold(0.0, f64::max);
        for &i in row {
            let place = &mut places[i];
            place.x += MARGIN - left;
            if place.width == 0.0 {
                place.height = height;
            }
            place.y = top + (height - place.height) / 2.0;
        }
        top += height + LAYER_GAP;
    }
    let right = places.iter().map(|place| place.x + place.width / 2.0).fold(0.0, f64::max);
    (right + MARGIN, (top - LAYER_GAP + MARGIN).max(2.0 * MARGIN))
}

/// The positions of a row nearest to its `wishes` (weighted least squares) at which its boxes keep
/// their order and their gaps.
///
/// With the gaps subtracted, positions must not fall from left to right. Neighbors whose wishes
/// fall are pooled at their mean until none do.
fn separate(wishes: &[f64], row: &[&Place]) -> Vec<f64> {
    let mut offsets = vec![0.0; row.len()];
    for i in 1..row.len() {
        offsets[i] = offsets[i - 1] + (row[i - 1].width + row[i].width) / 2.0 + GAP;
    }
    // Each pool: mean, weight, number of members.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for i in 0..row.len() {
        let (mut mean, mut weight, mut count) = (wishes[i] - offsets[i], row[i].weight, 1);
        while let Some((left, left_weight, members)) = pools.pop_if(|pool| pool.0 > mean) {
            mean = (mean * weight + left * left_weight) / (weight + left_weight);
            weight += left_weight;
            count += members;
        }
        pools.push((mean, weight, count));
    }
    let pooled = pools.iter().flat_map(|&(mean, _, count)| std::iter::repeat_n(mean, count));
    pooled.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

fn arrows<T: Real>(tape: &Tape<T>, places: &[Place], chains: &[Vec<usize>]) -> Vec<Arrow> {
    let edges: Vec<_> = tape.edges().collect();
    let arrival = |e: usize| {
        let (_, to, k) = edges[e];
        places[to].x + port(k, tape.nodes[to].inputs.len(), places[to].width)
    };
    // Where an arrow is headed when it leaves its box: arrows leave in this order.
    let heading = |e: usize| {
        let next = chains[e][1];
        if next == edges[e].1 { arrival(e) } else { places[next].x }
    };
    let departure = |e: usize| {
        let from = edges[e].0;
        let mut leaving: Vec<usize> =
            (0..edges.len()).filter(|&other| edges[other].0 == from).collect();
        leaving.sort_by(|&a, &b| heading(a).total_cmp(&heading(b)));
        let k = leaving.iter().position(|&other| other == e).unwrap_or(0);
        places[from].x + port(k, leaving.len(), places[from].width)
    };
    (0..edges.len())
        .map(|e| {
            let (from, to, _) = edges[e];
            let (mut x, mut y) = (departure(e), places[from].y + places[from].height);
            let mut path = format!("M{x:.1} {y:.1}");
            for &next in &chains[e][1..] {
                let place = &places[next];
                // The line ends inside the head of the arrow, so that its end does not show.
                let (next_x, next_y) = if next == to {
                    (arrival(e), place.y - ARROW / 2.0)
                } else {
                    (place.x, place.y)
                };
                let middle = f64::midpoint(y, next_y);
                let _ = write!(
                    path,
                    "C{x:.1} {middle:.1} {next_x:.1} {middle:.1} {next_x:.1} {next_y:.1}"
                );
                (x, y) = (next_x, place.y + place.height);
                if next != to {
                    let _ = write!(path, "V{y:.1}");
                }
            }
            Arrow { from, to, path, tip: (arrival(e), places[to].y) }
        })
        .collect()
}
