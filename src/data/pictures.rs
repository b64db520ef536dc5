//! Pictures in color, drawn by the crate: what stands in where CIFAR-10 is not at hand.
//! Chapter 14.
//!
//! A picture shows one object before a ground that is full of other things. The class is the
//! object's form, or the pattern on it. All else is drawn anew for every picture:
//!
//! ```text
//! ground     two colors, mixed along a slow wave
//! clutter    bars anywhere, in any color, behind the object; one more before it
//! place      q = R(−angle)·(p − center) / radius      a pixel p as the object sees it
//! form       d(q): distance of q from the outline in radii, negative inside
//! cover      clamp(1/2 − d·radius, 0, 1)              the share of the pixel that is object
//! paint      two colors, mixed along a slope, or along the pattern of its class
//! light      p ← p · gain · (1 + slope·place)         brighter on one side
//! noise      p ← p + N(0, 0.04²)                      in each color of each pixel
//! ```
//!
//! Each class has a hue that its objects tend to, and hardly keep to: as in photographs, color
//! tells a little. An object may be darker or lighter than its ground, and stand anywhere and at
//! any angle. So the mean picture of a class shows next to nothing, and what a network has to find
//! are edges, corners and textures, wherever they are.

use crate::data::Dataset;
use crate::parallel;
use crate::random::{Purpose, stream};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f32::consts::{PI, TAU};

/// Number of classes.
pub const CLASSES: usize = 10;

/// What the classes are, in the order of the labels.
pub const NAMES: [&str; CLASSES] = [
    "disk", "ring", "crescent", "square", "triangle", "cross", "star", "stripes", "checks",
    "target",
];

/// Rows and columns of a picture.
pub const SIDE: usize = 32;

/// Colors of a pixel: red, green and blue.
pub const CHANNELS: usize = 3;

/// Bytes of a picture.
const BYTES: usize = SIDE * SIDE * CHANNELS;

/// Fewest pictures worth a second thread: some milliseconds of drawing.
const MIN_PICTURES: usize = 64;

/// `count` pictures that `seed` fixes, `[32, 32, 3]` in 10 classes, each class equally likely.
///
/// Picture i depends on the seed and on i alone: a longer draw begins with the shorter one, and
/// no number of threads changes a byte.
pub fn draw(count: usize, seed: u64) -> Dataset {
    // A data set has a sample at least; a selection of it may have none.
    let drawn = count.max(1);
    let mut pixels = vec![0; drawn * BYTES];
    let mut labels = vec![0; drawn];
    draw_half(&mut pixels, &mut labels, seed, 0);
    let pictures =
        Dataset::from_bytes("drawn pictures", &[SIDE, SIDE, CHANNELS], CLASSES, pixels, labels)
            .expect("as many pictures as labels, all below 10")
            .name_classes(&NAMES);
    if count == 0 { pictures.select(&[]) } else { pictures }
}

/// Draws the pictures from number `first` on.
fn draw_half(pixels: &mut [u8], labels: &mut [u8], seed: u64, first: u64) {
    let count = labels.len();
    if count < 2 * MIN_PICTURES {
        let pictures = pixels.as_chunks_mut::<BYTES>().0.iter_mut().zip(labels);
        for ((picture, label), sample) in pictures.zip(first..) {
            let mut rng = stream(seed, Purpose::Picture { sample });
            *label = rng.random_range(0..CLASSES) as u8;
            Scene::new(usize::from(*label), &mut rng).paint(picture, &mut rng);
        }
    } else {
        let (left, right) = pixels.split_at_mut(count / 2 * BYTES);
        let (left_labels, right_labels) = labels.split_at_mut(count / 2);
        parallel::join(
            || draw_half(left, left_labels, seed, first),
            || draw_half(right, right_labels, seed, first + (count / 2) as u64),
        );
    }
}

/// A place in the picture, in pixels from its left upper corner, or a direction.
type Point = [f32; 2];

/// Red, green and blue, from 0 to 1.
type Color = [f32; 3];

/// All that a picture shows but its noise.
struct Scene {
    ground: [Color; 2],
    wave: Wave,
    behind: [Bar; 6],
    object: Object,
    before: Bar,
    /// Brightness of the whole, and its slope from the middle to the edge.
    gain: f32,
    slope: Point,
}

/// A wave over the plane, from 0 to 1.
struct Wave {
    frequency: Point,
    phase: f32,
}

/// A bar with round ends.
struct Bar {
    ends: [Point; 2],
    radius: f32,
    color: Color,
}

/// The one thing in the picture that has a class.
struct Object {
    class: usize,
    center: Point,
    /// Of the circle around it, in pixels.
    radius: f32,
    angle: f32,
    paint: [Color; 2],
    /// Half the periods of its pattern in a radius, times π.
    frequency: f32,
    /// Where its pattern begins.
    phase: Point,
    /// Whether a pattern lies on a square and not on a disk.
    is_square: bool,
}

impl Scene {
    fn new(class: usize, rng: &mut ChaCha8Rng) -> Self {
        let object = Object::new(class, rng);
        let ground = [0, 1].map(|_| color_unlike(object.paint[0], rng));
        let wave = Wave {
            frequency: [0, 1].map(|_| 0.12 * normal(rng)),
            phase: rng.random_range(0.0..TAU),
        };
        let behind = std::array::from_fn(|_| Bar::new(2.0, rng));
        let before = Bar::new(0.8, rng);
        let gain = (0.15 * normal(rng)).exp();
        let slope = [0, 1].map(|_| 0.15 * normal(rng));
        Self { ground, wave, behind, object, before, gain, slope }
    }

    /// The color at `p` before light and noise.
    fn color(&self, p: Point) -> Color {
        let mut color = mix(self.ground[0], self.ground[1], self.wave.at(p));
        for bar in &self.behind {
            color = mix(color, bar.color, cover(bar.distance(p)));
        }
        let (paint, distance) = self.object.at(p);
        color = mix(color, paint, cover(distance));
        mix(color, self.before.color, cover(self.before.distance(p)))
    }

    fn paint(&self, picture: &mut [u8; BYTES], rng: &mut ChaCha8Rng) {
        for (k, pixel) in picture.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            let p = [(k % SIDE) as f32 + 0.5, (k / SIDE) as f32 + 0.5];
            let [x, y] = p.map(|coordinate| 2.0 * coordinate / SIDE as f32 - 1.0);
            let light = self.gain * (1.0 + self.slope[0] * x + self.slope[1] * y);
            *pixel = self.color(p).map(|level| {
                (255.0 * (level * light + 0.04 * normal(rng)).clamp(0.0, 1.0)).round() as u8
            });
        }
    }
}

impl Wave {
    fn at(&self, [x, y]: Point) -> f32 {
        0.5 + 0.5 * (self.frequency[0] * x + self.frequency[1] * y + self.phase).sin()
    }
}

impl Bar {
    /// A bar of a radius up to `widest`, at least half in the picture.
    fn new(widest: f32, rng: &mut ChaCha8Rng) -> Self {
        let start = [0, 1].map(|_| rng.random_range(0.0..SIDE as f32));
        let end = start.map(|coordinate| coordinate + 6.0 * normal(rng));
        let radius = rng.random_range(0.5..widest);
        Self { ends: [start, end], radius, color: color(rng.random_range(0.0..1.0), rng) }
    }

    fn distance(&self, [x, y]: Point) -> f32 {
        let [[ax, ay], [bx, by]] = self.ends;
        let (along, across) = ([bx - ax, by - ay], [x - ax, y - ay]);
        let square = (along[0] * along[0] + along[1] * along[1]).max(f32::MIN_POSITIVE);
        let t = ((across[0] * along[0] + across[1] * along[1]) / square).clamp(0.0, 1.0);
        length([across[0] - t * along[0], across[1] - t * along[1]]) - self.radius
    }
}

impl Object {
    fn new(class: usize, rng: &mut ChaCha8Rng) -> Self {
        let hue = class as f32 / CLASSES as f32 + 0.2 * normal(rng);
        let paint = color(hue, rng);
        // A pattern needs two colors that differ; a form is shaded.
        let second = match form(class) {
            None => color_unlike(paint, rng),
            Some(_) => paint.map(|level| (level + 0.1 * normal(rng)).clamp(0.0, 1.0)),
        };
        Self {
            class,
            center: [0, 1].map(|_| rng.random_range(10.0..22.0)),
            radius: rng.random_range(7.0..12.0),
            angle: rng.random_range(0.0..TAU),
            paint: [paint, second],
            frequency: rng.random_range(2.0 * PI..3.0 * PI),
            phase: [0, 1].map(|_| rng.random_range(0.0..TAU)),
            is_square: rng.random(),
        }
    }

    /// The color of the object at `p`, and the distance of `p` from its outline in pixels.
    fn at(&self, [x, y]: Point) -> (Color, f32) {
        let (sin, cos) = self.angle.sin_cos();
        let [x, y] = [x - self.center[0], y - self.center[1]].map(|offset| offset / self.radius);
        let q = [cos * x + sin * y, cos * y - sin * x];
        let (distance, share) = match form(self.class) {
            Some(form) => (form(q), 0.5 + 0.5 * q[1].clamp(-1.0, 1.0)),
            None => (if self.is_square { square(q) } else { disk(q) }, self.pattern(q)),
        };
        (mix(self.paint[0], self.paint[1], share), self.radius * distance)
    }

    /// The share of the second color: 0 or 1 but for a soft edge.
    fn pattern(&self, [x, y]: Point) -> f32 {
        let wave = |coordinate: f32, phase: f32| (self.frequency * coordinate + phase).sin();
        let [phase, other] = self.phase;
        let height = match NAMES[self.class] {
            "stripes" => wave(x, phase),
            "checks" => wave(x, phase) * wave(y, other),
            _ => wave(length([x, y]), phase),
        };
        (0.5 + 2.0 * height).clamp(0.0, 1.0)
    }
}

/// The distance of a point from the outline of a class, negative inside, where the circle around
/// it has the radius 1. `None` for the classes that are told by a pattern.
fn form(class: usize) -> Option<fn(Point) -> f32> {
    Some(match NAMES[class] {
        "disk" => disk,
        "ring" => |q| (length(q) - 0.7).abs() - 0.22,
        // What another disk leaves of a disk.
        "crescent" => |[x, y]| (length([x, y]) - 0.95).max(0.75 - length([x - 0.5, y])),
        "square" => square,
        // The farthest of three sides.
        "triangle" => |[x, y]| {
            let sides = [(1.0, 0.0), (-0.5, 0.866), (-0.5, -0.866)];
            sides.into_iter().map(|(a, b)| a * x + b * y - 0.5).fold(f32::MIN, f32::max)
        },
        "cross" => |[x, y]| {
            let (short, long) = (x.abs().min(y.abs()), x.abs().max(y.abs()));
            (short - 0.28).max(long - 0.95)
        },
        "star" => star,
        _ => return None,
    })
}

fn disk(q: Point) -> f32 {
    length(q) - 0.85
}

fn square([x, y]: Point) -> f32 {
    x.abs().max(y.abs()) - 0.72
}

/// Five points on the unit circle, and between them notches to a radius of 0.4. Folded into the
/// tenth between a point and a notch, the outline is a line.
fn star([x, y]: Point) -> f32 {
    let angle = (y.atan2(x).rem_euclid(TAU / 5.0) - PI / 5.0).abs();
    let (sin, cos) = (PI / 5.0 - angle).sin_cos();
    let (notch_sin, notch_cos) = (PI / 5.0).sin_cos();
    let along = [0.4 * notch_cos - 1.0, 0.4 * notch_sin];
    let radius = length([x, y]);
    let (across, up) = (radius * cos - 1.0, radius * sin);
    (across * along[1] - up * along[0]) / length(along)
}

fn length([x, y]: Point) -> f32 {
    (x * x + y * y).sqrt()
}

/// The share of a pixel that a thing covers whose outline is `distance` away.
fn cover(distance: f32) -> f32 {
    (0.5 - distance).clamp(0.0, 1.0)
}

fn mix(a: Color, b: Color, share: f32) -> Color {
    [0, 1, 2].map(|channel| a[channel] + share * (b[channel] - a[channel]))
}

fn normal(rng: &mut ChaCha8Rng) -> f32 {
    rng.sample(StandardNormal)
}

/// A color of this hue, from 0 (red) over 1/3 (green) and 2/3 (blue) to 1, of any saturation and
/// brightness that is not too low.
fn color(hue: f32, rng: &mut ChaCha8Rng) -> Color {
    let (saturation, value) = (rng.random_range(0.2..0.9), rng.random_range(0.25..1.0));
    [0.0, 2.0, 4.0].map(|offset: f32| {
        // How far the hue is from this color, in sixths of the circle: full up to 1, none from 2.
        let distance = ((6.0 * hue - offset + 3.0).rem_euclid(6.0) - 3.0).abs();
        value * (1.0 - saturation * (distance - 1.0).clamp(0.0, 1.0))
    })
}

/// A color that can be told from `other`.
fn color_unlike(other: Color, rng: &mut ChaCha8Rng) -> Color {
    loop {
        let color = color(rng.random_range(0.0..1.0), rng);
        let square: f32 = color.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
        if square > 0.4 * 0.4 {
            return color;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{assert_abs_diff_eq, assert_relative_eq};

    /// Distances worked out by hand, inside, on the outline and outside.
    #[test]
    fn a_form_is_a_distance_from_its_outline() {
        let half = 0.5_f32.sqrt();
        for (name, q, expected) in [
            ("disk", [0.3, -0.4], -0.35),
            ("disk", [0.0, 1.0], 0.15),
            ("ring", [0.0, 0.0], 0.48),
            ("ring", [-0.7, 0.0], -0.22),
            ("ring", [0.0, 1.0], 0.08),
            ("crescent", [-0.6, 0.0], -0.35),
            ("crescent", [0.5, 0.0], 0.75),
            ("crescent", [0.0, 1.2], 0.25),
            ("square", [0.2, -0.9], 0.18),
            ("square", [-0.5, 0.3], -0.22),
            ("triangle", [0.0, 0.0], -0.5),
            ("triangle", [-1.0, 0.0], 0.0),
            ("triangle", [0.5, 0.1], 0.0),
            ("triangle", [0.0, 1.0], 0.366),
            ("triangle", [0.0, -1.0], 0.366),
            ("cross", [0.0, 0.0], -0.28),
            ("cross", [0.8, 0.1], -0.15),
            ("cross", [-0.1, 0.95], 0.0),
            ("cross", [0.5, 0.5], 0.22),
            ("star", [1.0, 0.0], 0.0),
            ("star", [(0.4 * TAU).cos(), (0.4 * TAU).sin()], 0.0),
            ("star", [0.4 * (0.1 * TAU).cos(), 0.4 * (0.1 * TAU).sin()], 0.0),
            ("star", [0.4 * (0.7 * TAU).cos(), 0.4 * (0.7 * TAU).sin()], 0.0),
            // The height of a triangle with sides 1 and 0.4 and 36° between them.
            ("star", [0.0, 0.0], -0.4 * (0.1 * TAU).sin() / 0.716_09),
            ("star", [-half, -half], 0.143_7),
        ] {
            let class = NAMES.iter().position(|known| *known == name).unwrap();
            let form = form(class).unwrap();
            assert_abs_diff_eq!(form(q), expected, epsilon = 2e-3);
        }
        assert!((7..10).all(|class| form(class).is_none()));
    }

    fn object(class: usize) -> Object {
        Object {
            class,
            center: [12.0, 20.0],
            radius: 10.0,
            angle: TAU / 4.0,
            paint: [[0.0, 0.2, 1.0], [1.0, 0.6, 0.0]],
            frequency: 2.0,
            phase: [0.5, 0.25],
            is_square: true,
        }
    }

    #[test]
    fn an_object_is_moved_turned_and_scaled() {
        // The square turned by a quarter: 6 pixels down are 0.6 radii to its right.
        let (color, distance) = object(3).at([12.0, 26.0]);
        assert_relative_eq!(distance, -1.2, max_relative = 1e-4);
        assert_abs_diff_eq!(&color[..], &[0.5, 0.4, 0.5][..], epsilon = 1e-4);
        // 9 pixels to the right are 0.9 up, towards the first color.
        let (color, distance) = object(3).at([21.0, 20.0]);
        assert_relative_eq!(distance, 1.8, max_relative = 1e-4);
        assert_abs_diff_eq!(&color[..], &[0.05, 0.22, 0.95][..], epsilon = 1e-4);
        // A pattern lies on a square or on a disk.
        let corner = [19.0, 27.0];
        assert_relative_eq!(object(7).at(corner).1, -0.2, max_relative = 1e-3);
        let on_disk = Object { is_square: false, ..object(7) };
        assert_relative_eq!(on_disk.at(corner).1, 98_f32.sqrt() - 8.5, max_relative = 1e-4);
    }

    #[test]
    fn patterns_are_waves_with_hard_edges() {
        let share = |height: f32| (0.5 + 2.0 * height).clamp(0.0, 1.0);
        let q: Point = [-0.3, 0.4];
        assert_relative_eq!(object(7).pattern(q), share((-0.1_f32).sin()), max_relative = 1e-5);
        let height = (-0.1_f32).sin() * 1.05_f32.sin();
        assert_relative_eq!(object(8).pattern(q), share(height), max_relative = 1e-5);
        assert_relative_eq!(object(9).pattern(q), share(1.5_f32.sin()), max_relative = 1e-5);
        let steep = Object { phase: [-0.9, 0.0], ..object(9) };
        assert_relative_eq!(steep.pattern(q), 0.5 + 2.0 * 0.1_f32.sin(), max_relative = 1e-5);
    }

    #[test]
    fn bars_have_round_ends() {
        let bar = Bar { ends: [[2.0, 1.0], [6.0, 4.0]], radius: 1.5, color: [0.0; 3] };
        for (p, expected) in [
            ([4.0, 2.5], -1.5),
            ([1.9, 5.3], 2.0),
            ([-1.0, -3.0], 3.5),
            ([9.0, 8.0], 3.5),
            ([6.0, 5.0], -0.5),
        ] {
            assert_abs_diff_eq!(bar.distance(p), expected, epsilon = 1e-5);
        }
        let point = Bar { ends: [[2.0, 1.0]; 2], radius: 0.5, color: [0.0; 3] };
        assert_abs_diff_eq!(point.distance([5.0, 5.0]), 4.5);
    }

    #[test]
    fn waves_go_from_one_color_to_the_other() {
        let wave = Wave { frequency: [0.5, -0.25], phase: 1.0 };
        assert_relative_eq!(wave.at([2.0, 4.0]), 0.5 + 0.5 * 1.0_f32.sin(), max_relative = 1e-5);
        assert_relative_eq!(wave.at([4.0, 0.0]), 0.5 + 0.5 * 3.0_f32.sin(), max_relative = 1e-5);
        assert_eq!([cover(-2.0), cover(-0.25), cover(0.25), cover(3.0)], [1.0, 0.75, 0.25, 0.0]);
        assert_eq!(mix([0.0, 1.0, 0.5], [1.0, 0.0, 0.5], 0.25), [0.25, 0.75, 0.5]);
    }

    #[test]
    fn a_hue_orders_the_colors() {
        let mut rng = stream(3, Purpose::Check);
        for _ in 0..100 {
            // Red, yellow, green, cyan, blue, magenta: which colors are full and which are low.
            for (k, full) in [0b001, 0b011, 0b010, 0b110, 0b100, 0b101].into_iter().enumerate() {
                let color = color(k as f32 / 6.0 - 1.0, &mut rng);
                let most = color.iter().fold(0.0_f32, |most, level| most.max(*level));
                let least = color.iter().fold(1.0_f32, |least, level| least.min(*level));
                assert!((0.25..1.0).contains(&most), "{color:?}");
                assert!((0.19..0.91).contains(&(1.0 - least / most)), "{color:?}");
                for (channel, &level) in color.iter().enumerate() {
                    let expected = if full >> channel & 1 == 1 { most } else { least };
                    assert_abs_diff_eq!(level, expected, epsilon = 1e-4);
                }
            }
            let first = color(0.3, &mut rng);
            let second = color_unlike(first, &mut rng);
            let [r, g, b] = [0, 1, 2].map(|channel| first[channel] - second[channel]);
            assert!(length([length([r, g]), b]) > 0.4, "{first:?} {second:?}");
        }
    }
}
