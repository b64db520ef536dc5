//! Handwritten digits, drawn by the crate: what stands in where MNIST is not at hand. Chapter 12.
//!
//! A digit is drawn as it is written. A pen follows one of several paths for its class, and every
//! image has a hand of its own:
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
use crate::random::{Purpose, stream};
use glyphs::GLYPHS;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
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
    for sample in 0..drawn as u64 {
        let mut rng = stream(seed, Purpose::Digit { sample });
        let label = rng.random_range(0..CLASSES);
        pixels.extend_from_slice(Hand::new(&mut rng).write(label, &mut rng).as_flattened());
        labels.push(label as u8);
    }
    let digits = Dataset::from_bytes("drawn digits", &[SIDE, SIDE], CLASSES, pixels, labels)
        .expect("as many images as labels, all below 10");
    if count == 0 { digits.select(&[]) } else { digits }
}

/// A place in the plane: x, which grows to the right, and y, which grows downwards.
pub type Point = [f32; 2];

/// What a pen wrote, a stroke by its points, as an image like the drawn ones: framed, inked and
/// centered as they are, with a pen of their mean width. `None` where there is no point, or one that
/// is not finite.
pub fn written(strokes: &[Vec<Point>]) -> Option<[[u8; SIDE]; SIDE]> {
    // A stroke of one point is a dot.
    let lines = strokes.iter().filter(|stroke| !stroke.is_empty()).flat_map(|stroke| {
        let from = std::iter::once(&stroke[0]).chain(stroke);
        from.zip(stroke).map(|(&from, &to)| [from, to])
    });
    let mut lines: Vec<_> = lines.collect();
    let is_finite = lines.as_flattened().as_flattened().iter().all(|entry| entry.is_finite());
    if lines.is_empty() || !is_finite {
        return None;
    }
    let pen = Pen { radius: RADIUS, blur: BLUR };
    frame(&mut lines, 2.0 * pen.radius);
    Some(center(&pen.ink(&lines)))
}

/// What makes one image differ from another of the same path.
struct Hand {
    waves: [Wave; 6],
    affine: [[f32; 2]; 2],
    pen: Pen,
}

/// Half the width of a stroke: what pens have in the middle.
const RADIUS: f32 = 1.2;

/// Least width of the edge from ink to paper.
const BLUR: f32 = 1.1;

/// What leaves the ink.
struct Pen {
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
        let affine = affine(normal(0.18).exp(), 0.15 + normal(0.22), normal(0.1));
        let radius = (RADIUS * normal(0.27).exp()).clamp(0.6, 2.3);
        let blur = BLUR + normal(0.25).abs();
        Self { waves, affine, pen: Pen { radius, blur } }
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
        frame(&mut lines, 2.0 * self.pen.radius);
        center(&self.pen.ink(&lines))
    }
}

impl Pen {
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

/// Stretches x by `aspect`, leans to the right by `slant` (y points down, so x falls as y grows),
/// and turns by `angle`:
///
/// ```text
/// A = [cos −sin; sin cos] · [aspect 0; 0 1] · [1 −slant; 0 1]
/// ```
fn affine(aspect: f32, slant: f32, angle: f32) -> [[f32; 2]; 2] {
    let (sin, cos) = angle.sin_cos();
    let lean = -aspect * slant;
    [[cos * aspect, cos * lean - sin], [sin * aspect, sin * lean + cos]]
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
    // A dot has no length to be scaled.
    let longer = (high[0] - low[0]).max(high[1] - low[1]).max(f32::EPSILON);
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

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{assert_abs_diff_eq, assert_relative_eq};

    fn hand() -> Hand {
        let waves = std::array::from_fn(|k| Wave {
            amplitude: [0.1 * k as f32, -0.2],
            frequency: [1.0, 2.0 + k as f32],
            phase: 0.3,
        });
        Hand { waves, affine: [[2.0, 0.5], [-1.0, 3.0]], pen: Pen { radius: 1.0, blur: 1.0 } }
    }

    #[test]
    fn points_are_bent_by_waves_and_then_by_the_affine_map() {
        let (x, y) = (0.4_f64, 0.7_f64);
        let (mut u, mut v) = (x, y);
        for k in 0..6 {
            let sin = (x + (2.0 + f64::from(k)) * y + 0.3).sin();
            u += 0.1 * f64::from(k) * sin;
            v -= 0.2 * sin;
        }
        let [bent_x, bent_y] = hand().bend([0.4, 0.7]);
        assert_relative_eq!(f64::from(bent_x), 2.0 * u + 0.5 * v, max_relative = 1e-5);
        assert_relative_eq!(f64::from(bent_y), 3.0 * v - u, max_relative = 1e-5);
    }

    #[test]
    fn the_affine_map_leans_stretches_and_turns() {
        assert_eq!(affine(2.0, 0.0, 0.0), [[2.0, 0.0], [0.0, 1.0]]);
        assert_eq!(affine(2.0, 0.25, 0.0), [[2.0, -0.5], [0.0, 1.0]]);
        // A quarter turn takes x to y and y to −x.
        let turned = affine(2.0, 0.25, TAU / 4.0);
        assert_abs_diff_eq!(turned.as_flattened(), &[0.0, -1.0, 2.0, -0.5][..], epsilon = 1e-6);
        assert_relative_eq!(
            affine(2.0, 0.25, 0.3).as_flattened(),
            &[1.910673, -0.773188, 0.591040, 0.807576][..],
            max_relative = 1e-5
        );
    }

    #[test]
    fn hands_differ_as_people_do() {
        const HANDS: usize = 4_000;
        let hand = |sample| Hand::new(&mut stream(29, Purpose::Digit { sample }));
        let hands: Vec<Hand> = (0..HANDS as u64).map(hand).collect();
        let spread = |value: &dyn Fn(&Hand) -> f32| {
            let mean = hands.iter().map(value).sum::<f32>() / HANDS as f32;
            let square = hands.iter().map(|hand| (value(hand) - mean).powi(2)).sum::<f32>();
            [mean, (square / HANDS as f32).sqrt()]
        };
        let angle = |hand: &Hand| hand.affine[1][0].atan2(hand.affine[0][0]);
        let aspect = |hand: &Hand| hand.affine[1][0].hypot(hand.affine[0][0]);
        // The columns of A at a right angle are those of a hand that does not lean.
        let slant = |hand: &Hand| {
            let [[a, b], [c, d]] = hand.affine;
            -(a * b + c * d) / (a * a + c * c)
        };
        // Of n draws a mean is off by about σ/√n, and a standard deviation by no more. Five times that.
        let near = |found: [f32; 2], expected: [f32; 2]| {
            let epsilon = 5.0 * expected[1] / (HANDS as f32).sqrt();
            assert_abs_diff_eq!(&found[..], &expected[..], epsilon = epsilon);
        };
        near(spread(&|hand| aspect(hand).ln()), [0.0, 0.18]);
        near(spread(&slant), [0.15, 0.22]);
        near(spread(&angle), [0.0, 0.1]);
        near(spread(&|hand| (hand.pen.radius / 1.2).ln()), [0.0, 0.265]);
        // Of |z| with z normal the mean is √(2/π), the standard deviation √(1 − 2/π).
        near(spread(&|hand| hand.pen.blur), [1.1 + 0.25 * 0.798, 0.25 * 0.603]);
        for (k, [amplitude, frequency]) in [(0, [0.06, 2.5]), (2, [0.06, 2.5]), (3, [0.015, 6.0])] {
            near(spread(&|hand| 10.0 * hand.waves[k].amplitude[1]), [0.0, 10.0 * amplitude]);
            near(spread(&|hand| 0.1 * hand.waves[k].frequency[0]), [0.0, 0.1 * frequency]);
        }
    }

    /// A Catmull-Rom curve through equally spaced points of a parabola is the parabola.
    #[test]
    fn the_curve_passes_through_its_points() {
        let points = [0.0, 1.0, 2.0, 3.0, 4.0].map(|x: f32| [x, x * x]);
        let curve: Vec<Point> = curve(&points).collect();
        assert_eq!(curve.len(), 4 * STEPS);
        for (k, [x, y]) in curve.iter().enumerate() {
            if (STEPS..3 * STEPS).contains(&k) {
                assert_relative_eq!(*x, (k + 1) as f32 / STEPS as f32, max_relative = 1e-5);
                assert_relative_eq!(*y, x * x, max_relative = 1e-5);
            }
        }
        for k in 1..=4 {
            assert_relative_eq!(&curve[k * STEPS - 1][..], &points[k][..], max_relative = 1e-5);
        }
    }

    /// From an end the curve sets out at half the speed of a straight line.
    #[test]
    fn the_curve_is_slow_at_its_ends() {
        let line: Vec<Point> = curve(&[[0.0, 0.0], [1.0, -2.0]]).collect();
        for (k, point) in line.iter().enumerate() {
            let t = (k + 1) as f32 / STEPS as f32;
            let x = t + t * (1.0 - t) * (t - 0.5);
            assert_abs_diff_eq!(&point[..], &[x, -2.0 * x][..], epsilon = 1e-6);
        }
    }

    #[test]
    fn the_longer_side_fills_the_box() {
        let mut lines = [[[1.0, 2.0], [3.0, 10.0]], [[2.0, 4.0], [1.5, 3.0]]];
        frame(&mut lines, 4.0);
        // 8 units become 16 pixels and 2 more of ink at each end.
        assert_eq!(lines, [[[8.0, 2.0], [12.0, 18.0]], [[10.0, 6.0], [9.0, 4.0]]]);
        let mut lines = [[[0.0, 1.0], [-10.0, 0.0]]];
        frame(&mut lines, 10.0);
        assert_eq!(lines, [[[15.0, 10.5], [5.0, 9.5]]]);
    }

    #[test]
    fn ink_falls_off_with_the_distance_from_the_nearest_line() {
        let lines = [
            [[3.2, 4.1], [12.7, 15.4]],
            [[12.7, 15.4], [18.5, 3.0]],
            [[10.0, 2.0], [10.0, 2.0]],
            [[-1.0, 21.0], [-3.0, 12.0]],
        ];
        for (radius, blur) in [(1.3, 0.8), (0.6, 1.9), (2.3, 1.1)] {
            let ink = Pen { radius, blur }.ink(&lines);
            for (row, inks) in ink.iter().enumerate() {
                for (column, &ink) in inks.iter().enumerate() {
                    let pixel = [column as f64 + 0.5, row as f64 + 0.5];
                    let distance = (lines.iter())
                        .map(|line| distance(pixel, line.map(|point| point.map(f64::from))))
                        .fold(f64::INFINITY, f64::min);
                    let expected =
                        ((f64::from(radius) - distance) / f64::from(blur) + 0.5).clamp(0.0, 1.0);
                    assert_abs_diff_eq!(f64::from(ink), expected, epsilon = 1e-5);
                }
            }
        }
    }

    /// The distance from a line, by trying many of its points.
    fn distance([x, y]: [f64; 2], [[ax, ay], [bx, by]]: [[f64; 2]; 2]) -> f64 {
        (0..=10_000)
            .map(|step| f64::from(step) / 10_000.0)
            .map(|t| (x - ax - t * (bx - ax)).hypot(y - ay - t * (by - ay)))
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn what_is_written_is_framed_wherever_and_however_large_it_was() {
        let (seven, dot) = (vec![[0.3, 0.2], [0.7, 0.2], [0.45, 0.85]], vec![[0.5, 0.5]]);
        let image = written(&[seven.clone(), vec![]]).unwrap();
        let rows: Vec<_> = (0..SIDE).filter(|&y| image[y].iter().any(|&ink| ink > 0)).collect();
        assert_eq!(rows[rows.len() - 1] - rows[0], BOX - 1);
        let larger = seven.iter().map(|[x, y]| [100.0 * x - 3.0, 100.0 * y + 8.0]).collect();
        for (a, b) in image.as_flattened().iter().zip(written(&[larger]).unwrap().as_flattened()) {
            assert!(a.abs_diff(*b) <= 1);
        }
        let point = written(&[dot]).unwrap();
        assert_eq!((point[13][13], point[14][14]), (point[14][14], point[13][13]));
        assert!(point[14][14] > 200 && point[0][0] == 0);
        assert_eq!(written(&[]), None);
        assert_eq!(written(&[vec![[f32::NAN, 0.0]]]), None);
    }

    #[test]
    fn ink_moves_to_the_center_of_its_mass() {
        let mut ink = [[0.0; BOX]; BOX];
        ink[9][12] = 1.0;
        ink[9][13] = 0.5;
        let image = center(&ink);
        // The center of mass, (12.83, 9.5), moves by (1, 5) towards (14, 14).
        assert_eq!((image[14][13], image[14][14]), (255, 128));
        assert_eq!(image.as_flattened().iter().filter(|&&pixel| pixel > 0).count(), 2);
        // No ink leaves the image: the box moves by 8 at most and by 0 at least.
        for (at, to) in [(0, 8), (BOX - 1, BOX - 1)] {
            let mut ink = [[0.0; BOX]; BOX];
            ink[at][at] = 0.2;
            assert_eq!(center(&ink)[to][to], 51);
        }
    }
}
