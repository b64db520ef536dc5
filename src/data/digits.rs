//! Handwritten digits, drawn by the crate: what stands in where MNIST is not at hand. Chapter 12.
//!
//! A digit is drawn as it is written. A pen follows one of several paths for its class
//! ([`glyphs`]); every image has a hand of its own:
//!
//! ```text
//! stroke     a smooth curve through the points of the path
//! elastic    p ← p + Σ_k a_k · sin(f_k·p + φ_k)      a few slow waves bend the plane
//! affine     p ← A·p                                  aspect, slant, rotation
//! frame      p ← s·p + t                              the longer side of the ink is 20 pixels
//! ink        clamp((r − d)/b + 1/2, 0, 1)             d: distance of a pixel from the nearest
//!                                                     stroke; r: radius; b: blur
//! center     the center of mass of the ink moves to the center of 28 x 28
//! ```
//!
//! Framing and centering are those of MNIST. Only points are bent, never pixels, so edges stay
//! sharp.

// A table, kept as one: a stroke a line where it fits.
#[rustfmt::skip]
mod glyphs;

use crate::data::Dataset;
use glyphs::GLYPHS;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use std::f32::consts::TAU;

/// Number of classes: the digits 0 to 9.
pub const CLASSES: usize = 10;

/// Rows and columns of an image.
pub const SIDE: usize = 28;

/// Rows and columns that the ink of an image may take.
const BOX: usize = 20;

/// Curve points from one point of a path to the next.
const STEPS: usize = 6;

/// `count` digits that `seed` fixes, `[28, 28]` in 10 classes, each class equally likely.
///
/// Image i depends on the seed and on i alone: a longer draw begins with the shorter one.
pub fn draw(count: usize, seed: u64) -> Dataset {
    // A data set has a sample at least; a selection of it may have none.
    let drawn = count.max(1);
    let mut pixels = Vec::with_capacity(drawn * SIDE * SIDE);
    let mut labels = Vec::with_capacity(drawn);
    for index in 0..drawn {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        let label = rng.random_range(0..CLASSES);
        pixels.extend_from_slice(Hand::new(&mut rng).write(label, &mut rng).as_flattened());
        labels.push(label as u8);
    }
    let digits = Dataset::from_bytes("drawn digits", &[SIDE, SIDE], CLASSES, pixels, labels)
        .expect("as many images as labels, all below 10");
    if count == 0 { digits.select(&[]) } else { digits }
}

type Point = [f32; 2];

/// What makes one image differ from another of the same path.
struct Hand {
    waves: [Wave; 6],
    affine: [[f32; 2]; 2],
    /// Half the width of a stroke, in pixels.
    radius: f32,
    /// Width of the edge from ink to paper, in pixels.
    blur: f32,
}

/// One wave of the elastic deformation: a · sin(f·p + φ).
struct Wave {
    amplitude: Point,
    frequency: Point,
    phase: f32,
}

impl Hand {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut normal = |sd: f32| sd * rng.sample::<f32, _>(StandardNormal);
        let waves = std::array::from_fn(|k| {
            let (amplitude, frequency) = if k < 3 { (0.06, 2.5) } else { (0.015, 6.0) };
            Wave {
                amplitude: [normal(amplitude), normal(amplitude)],
                frequency: [normal(frequency), normal(frequency)],
                phase: normal(TAU),
            }
        });
        let aspect = normal(0.18).exp();
        let slant = 0.15 + normal(0.22);
        let (sin, cos) = normal(0.1).sin_cos();
        // x' = aspect·(x − slant·y), then the rotation: y points down, so a hand that leans to
        // the right moves x back as y grows.
        let affine = [
            [cos * aspect, -cos * aspect * slant - sin],
            [sin * aspect, cos - sin * aspect * slant],
        ];
        let radius = (1.2 * normal(0.27).exp()).clamp(0.6, 2.3);
        let blur = 1.1 + normal(0.25).abs();
        Self { waves, affine, radius, blur }
    }

    fn bend(&self, [x, y]: Point) -> Point {
        let mut bent = [x, y];
        for Wave { amplitude, frequency, phase } in &self.waves {
            let sin = (frequency[0] * x + frequency[1] * y + phase).sin();
            bent[0] += amplitude[0] * sin;
            bent[1] += amplitude[1] * sin;
        }
        self.affine.map(|row| row[0] * bent[0] + row[1] * bent[1])
    }

    fn write(&self, label: usize, rng: &mut ChaCha8Rng) -> [[u8; SIDE]; SIDE] {
        let mut lines = Vec::with_capacity(128);
        let (_, strokes) =
            GLYPHS[label].choose_weighted(rng, |glyph| glyph.0).expect("weights are positive");
        for stroke in *strokes {
            let mut from = self.bend(stroke[0]);
            for to in curve(stroke) {
                let to = self.bend(to);
                lines.push([from, to]);
                from = to;
            }
        }
        frame(&mut lines, 2.0 * self.radius);
        center(&self.ink(&lines))
    }

    /// The ink of lines in a box of 20 x 20 pixels, from 0 to 1.
    fn ink(&self, lines: &[[Point; 2]]) -> [[f32; BOX]; BOX] {
        let reach = self.radius + self.blur / 2.0;
        let mut nearest = [[reach * reach; BOX]; BOX];
        for [from, to] in lines {
            let along = [to[0] - from[0], to[1] - from[1]];
            let square = (along[0] * along[0] + along[1] * along[1]).max(f32::MIN_POSITIVE);
            let [columns, rows] = [0, 1].map(|axis| {
                let low = from[axis].min(to[axis]) - reach - 0.5;
                let high = from[axis].max(to[axis]) + reach + 0.5;
                (low.max(0.0) as usize)..(high.max(0.0) as usize).min(BOX)
            });
            for row in rows {
                for column in columns.clone() {
                    let [x, y] = [column as f32 + 0.5 - from[0], row as f32 + 0.5 - from[1]];
                    let t = ((x * along[0] + y * along[1]) / square).clamp(0.0, 1.0);
                    let [dx, dy] = [x - t * along[0], y - t * along[1]];
                    let distance = &mut nearest[row][column];
                    *distance = distance.min(dx * dx + dy * dy);
                }
            }
        }
        nearest.map(|row| {
            row.map(|square| ((self.radius - square.sqrt()) / self.blur + 0.5).clamp(0.0, 1.0))
        })
    }
}

/// Points on the Catmull-Rom curve through `points`: on each piece the cubic whose slope at a
/// point is half the way from the point before it to the point after it. An end has no point
/// beyond it and stands in for it.
fn curve(points: &[Point]) -> impl Iterator<Item = Point> {
    let last = points.len() - 1;
    (0..last).flat_map(move |k| {
        let (a, b) = (points[k], points[k + 1]);
        let (before, after) = (points[k.saturating_sub(1)], points[(k + 2).min(last)]);
        (1..=STEPS).map(move |step| {
            let t = step as f32 / STEPS as f32;
            [0, 1].map(|axis| {
                let (slope_a, slope_b) =
                    ((b[axis] - before[axis]) / 2.0, (after[axis] - a[axis]) / 2.0);
                let way = b[axis] - a[axis];
                let bend = (slope_a - way) * (1.0 - t) - (slope_b - way) * t;
                a[axis] + t * (way + (1.0 - t) * bend)
            })
        })
    })
}

/// Scales and moves lines so that their ink, `width` wide, fills the box of 20 x 20 pixels in
/// its longer direction and stands in its middle in the other.
fn frame(lines: &mut [[Point; 2]], width: f32) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for point in lines.as_flattened() {
        for axis in [0, 1] {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let longer = (high[0] - low[0]).max(high[1] - low[1]);
    let scale = (BOX as f32 - width) / longer;
    for point in lines.as_flattened_mut() {
        for axis in [0, 1] {
            let middle = (low[axis] + high[axis]) / 2.0;
            point[axis] = BOX as f32 / 2.0 + scale * (point[axis] - middle);
        }
    }
}

/// Moves the ink by whole pixels so that its center of mass is at the center of the image.
fn center(ink: &[[f32; BOX]; BOX]) -> [[u8; SIDE]; SIDE] {
    let (mut mass, mut moment) = (0.0, [0.0; 2]);
    for (y, row) in ink.iter().enumerate() {
        for (x, &ink) in row.iter().enumerate() {
            mass += ink;
            moment[0] += ink * (x as f32 + 0.5);
            moment[1] += ink * (y as f32 + 0.5);
        }
    }
    let room = (SIDE - BOX) as f32;
    let [left, top] =
        moment.map(|moment| (SIDE as f32 / 2.0 - moment / mass).round().clamp(0.0, room) as usize);
    let mut image = [[0; SIDE]; SIDE];
    for (y, row) in ink.iter().enumerate() {
        for (x, &ink) in row.iter().enumerate() {
            image[top + y][left + x] = (255.0 * ink).round() as u8;
        }
    }
    image
}
