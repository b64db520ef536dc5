//! A picture, as the network saw its like in training.
//!
//! MNIST's digits are light on dark, fit a square of 20 pixels and have their center of mass in
//! the middle of 28 x 28 pixels. A digit from elsewhere is brought into that form first. CIFAR-10's
//! photographs fill 32 x 32 pixels in color: of a picture from elsewhere the middle is, scaled.
//!
//! `image` is compiled without optimization: see Cargo.toml. Its generic functions are compiled here,
//! and fast, the methods of its `DynamicImage` are not.

pub mod decode;

use decode::{DecodeError, decode};
use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Entries of a digit.
pub const DIGIT: usize = (SIDE * SIDE) as usize;
/// Entries of a photograph.
pub const PHOTOGRAPH: usize = 3 * (PHOTOGRAPH_SIDE * PHOTOGRAPH_SIDE) as usize;
/// Side of a photograph.
const PHOTOGRAPH_SIDE: u32 = 32;
/// A pixel whose colors differ by more is not gray. JPEG changes each by some levels.
const GRAY: u8 = 24;
/// Side of the whole picture of a digit.
const SIDE: u32 = 28;
/// Side of the square that holds the digit.
const INNER: u32 = 20;
/// A pixel this much lighter than the darkest counts as ink.
const INK: u8 = 32;

/// A picture as a network takes it.
#[derive(Debug)]
pub struct Picture {
    /// Its entries, from 0 to 1.
    pub input: Vec<f32>,
    /// What was done to it that its sender may not expect.
    pub notice: Option<&'static str>,
}

/// Reads the file of a picture.
pub type Reader = fn(&Path) -> Result<Picture, PictureError>;

/// What reads pictures as inputs of so many entries. `None` where no picture has as many.
pub fn reader(features: usize) -> Option<Reader> {
    match features {
        DIGIT => Some(read_digit),
        PHOTOGRAPH => Some(read_photograph),
        _ => None,
    }
}

/// A file that is no picture, or no picture of a digit.
#[derive(Debug, Error)]
pub enum PictureError {
    /// It cannot be read as a picture.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// All pixels are alike.
    #[error("{}: a blank picture: there is no digit in it", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a digit of any size, light on dark or dark on light, as 784 numbers from 0 (ground) to 1
/// (ink). Of a picture in color the brightness counts.
///
/// # Errors
/// [`PictureError`] where the file cannot be read as a picture, or is blank.
fn read_digit(path: &Path) -> Result<Picture, PictureError> {
    let picture = decode(path)?;
    let notice = (!is_gray(&picture)).then_some("in color: the model sees its brightness alone");
    let digit = normalize(imageops::grayscale(&picture))
        .ok_or_else(|| PictureError::Blank { path: path.to_path_buf() })?;
    Ok(Picture { input: levels(&digit), notice })
}

/// Reads a picture of any size as 3,072 numbers: the middle square of it, scaled to 32 x 32 pixels
/// of red, green and blue. A gray picture has the three alike.
///
/// # Errors
/// [`PictureError`] where the file cannot be read as a picture.
fn read_photograph(path: &Path) -> Result<Picture, PictureError> {
    let picture = decode(path)?;
    let notice = is_gray(&picture).then_some("gray: the model sees it with equal colors");
    let (width, height) = picture.dimensions();
    let side = width.min(height);
    let middle = imageops::crop_imm(&picture, (width - side) / 2, (height - side) / 2, side, side);
    let to = PHOTOGRAPH_SIDE;
    let photograph = imageops::resize(&*middle, to, to, FilterType::Triangle);
    Ok(Picture { input: levels(&photograph), notice })
}

/// Levels from 0 to 255 as numbers from 0 to 1.
fn levels(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&level| f32::from(level) / 255.0).collect()
}

fn is_gray(picture: &RgbImage) -> bool {
    picture.pixels().all(|pixel| {
        let [red, green, blue] = pixel.0;
        red.max(green).max(blue) - red.min(green).min(blue) <= GRAY
    })
}

/// Light ink on a dark ground, in MNIST's frame. `None` where all pixels are alike.
fn normalize(mut picture: GrayImage) -> Option<GrayImage> {
    // The ground is what most of the border shows.
    let (width, height) = picture.dimensions();
    let border = picture
        .enumerate_pixels()
        .filter(|&(x, y, _)| x == 0 || y == 0 || x == width - 1 || y == height - 1);
    let levels: Vec<u64> = border.map(|(_, _, pixel)| u64::from(pixel.0[0])).collect();
    if levels.iter().sum::<u64>() > 127 * levels.len() as u64 {
        imageops::invert(&mut picture);
    }
    let darkest = picture.iter().min().copied()?;
    let lightest = picture.iter().max().copied()?;
    if lightest - darkest < INK {
        return None;
    }
    // The whole range of levels, as in the training data.
    let range = u32::from(lightest - darkest);
    for pixel in picture.iter_mut() {
        *pixel = (u32::from(*pixel - darkest) * 255 / range) as u8;
    }
    Some(frame(&crop(&picture)))
}

/// The smallest rectangle that holds all ink.
fn crop(picture: &GrayImage) -> GrayImage {
    let ink = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > INK);
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, _) in ink {
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    imageops::crop_imm(picture, left, top, right - left + 1, bottom - top + 1).to_image()
}

/// The digit scaled into 20 x 20 pixels, its center of mass in the middle of 28 x 28.
fn frame(digit: &GrayImage) -> GrayImage {
    let longest = f64::from(digit.width().max(digit.height()));
    let scaled = |side: u32| ((f64::from(side * INNER) / longest).round() as u32).max(1);
    let (width, height) = (scaled(digit.width()), scaled(digit.height()));
    let digit = imageops::resize(digit, width, height, FilterType::Triangle);
    let mass: f64 = digit.iter().map(|&pixel| f64::from(pixel)).sum();
    let moment = |coordinate: fn((u32, u32)) -> u32| -> f64 {
        let moments = digit
            .enumerate_pixels()
            .map(|(x, y, pixel)| (f64::from(coordinate((x, y))) + 0.5) * f64::from(pixel.0[0]));
        moments.sum::<f64>() / mass
    };
    let place = |center: f64, side: u32| {
        let offset = (f64::from(SIDE) / 2.0 - center).round().max(0.0) as u32;
        i64::from(offset.min(SIDE - side))
    };
    let (x, y) = (place(moment(|(x, _)| x), width), place(moment(|(_, y)| y), height));
    let mut framed = GrayImage::new(SIDE, SIDE);
    imageops::overlay(&mut framed, &digit, x, y);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};

    /// Full ink in these columns and rows of a picture of this size, on a dark ground.
    fn block([width, height]: [u32; 2], columns: Range, rows: Range) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            Luma([if columns.contains(&x) && rows.contains(&y) { 255 } else { 0 }])
        })
    }

    type Range = std::ops::Range<u32>;

    #[track_caller]
    fn assert_framed(picture: &GrayImage, columns: Range, rows: Range) {
        assert_eq!(normalize(picture.clone()), Some(block([SIDE; 2], columns, rows)));
    }

    #[test]
    fn a_digit_fills_20_pixels_around_the_middle() {
        assert_framed(&block([40, 32], 5..15, 3..23), 9..19, 4..24);
        assert_framed(&block([40, 32], 1..39, 1..31), 4..24, 6..22);
        assert_framed(&block([90, 200], 40..45, 7..187), 14..15, 4..24);
        assert_framed(&block([400, 9], 0..400, 4..5), 4..24, 14..15);
    }

    #[test]
    fn its_center_of_mass_is_in_the_middle_as_far_as_there_is_room() {
        // The stem's center is at (2, 10), the foot's at (12, 19.5): theirs at (3.67, 11.58).
        let boot = |x: u32, y: u32| x < 4 && y < 20 || x < 20 && y == 19;
        let framed = |x: u32, y: u32| x >= 8 && y >= 2 && boot(x - 8, y - 2);
        let ink = |is_ink: bool| Luma([if is_ink { 255 } else { 0 }]);
        let picture = GrayImage::from_fn(31, 25, |x, y| ink(x > 0 && y > 1 && boot(x - 1, y - 2)));
        let expected = GrayImage::from_fn(SIDE, SIDE, |x, y| ink(framed(x, y)));
        assert_eq!(normalize(picture.clone()), Some(expected));
        // Turned, its center is so far right that the first column is the best place.
        let turned = imageops::rotate180(&picture);
        let expected = GrayImage::from_fn(SIDE, SIDE, |x, y| {
            ink(x < 20 && (6..26).contains(&y) && boot(19 - x, 25 - y))
        });
        assert_eq!(normalize(turned), Some(expected));
    }

    #[test]
    fn levels_fill_the_range_from_ground_to_ink() {
        // 150 of 50 to 250 is half of the range.
        let picture = GrayImage::from_fn(30, 30, |x, y| {
            Luma([if !(5..25).contains(&y) { 50 } else { [250, 150][usize::from(x > 14)] }])
        });
        let picture = imageops::crop_imm(&picture, 5, 0, 20, 30).to_image();
        let framed = normalize(picture).expect("there is ink");
        assert_eq!([8, 20].map(|x| framed.get_pixel(x, 14).0[0]), [255, 127]);
        assert_eq!(levels(&[0, 51, 255]), [0.0, 0.2, 1.0]);
    }

    #[test]
    fn faint_pixels_are_no_ink() {
        for (faintest, is_digit) in [(INK - 1, false), (INK, true)] {
            let picture = GrayImage::from_fn(9, 9, |x, y| Luma([faintest * u8::from(x == y)]));
            assert_eq!(normalize(picture).is_some(), is_digit, "{faintest}");
        }
        // Nor is such a pixel part of what is cut out.
        let digit = block([40, 32], 5..15, 3..23);
        for level in [INK, INK + 1] {
            let mut picture = digit.clone();
            picture.put_pixel(30, 10, Luma([level]));
            assert_eq!(normalize(picture) == normalize(digit.clone()), level == INK);
        }
    }

    #[test]
    fn the_ground_is_what_most_of_the_border_shows() {
        let digit = block([40, 32], 5..15, 3..23);
        let expected = normalize(digit.clone());
        // Light on dark up to 127, dark on light from 128.
        for (ground, ink) in [(127, 255), (128, 0), (255, 0)] {
            let mut picture = digit.clone();
            picture.pixels_mut().for_each(|p| p.0[0] = if p.0[0] > 0 { ink } else { ground });
            assert_eq!(normalize(picture), expected, "{ground}");
        }
        // The ink may be most of the picture.
        assert_framed(&block([22, 22], 1..21, 1..21), 4..24, 4..24);
        // Of 36 pixels of the border two sides have 19.
        for [light_x, light_y] in [[0, 0], [0, 9], [9, 0], [9, 9]] {
            let picture = GrayImage::from_fn(10, 10, |x, y| {
                Luma([if x == light_x || y == light_y { 255 } else { 0 }])
            });
            assert_framed(&picture, 4..24, 4..24);
        }
    }

    #[test]
    fn a_photograph_is_the_middle_square() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let colors = RgbImage::from_fn(40, 32, |x, y| Rgb([6 * x as u8, 7 * y as u8, 99]));
        let middle = imageops::crop_imm(&colors, 4, 0, 32, 32).to_image();
        let turned = |picture: &RgbImage| imageops::rotate90(picture);
        for (picture, middle) in [(&colors, &middle), (&turned(&colors), &turned(&middle))] {
            let path = folder.path().join("picture.png");
            picture.save(&path).expect("a PNG");
            let read = reader(PHOTOGRAPH).expect("photographs are read")(&path).expect("a picture");
            assert_eq!(read.input, levels(middle));
            assert_eq!(read.notice, None);
        }
        assert!([0, DIGIT - 1, DIGIT + 1, PHOTOGRAPH - 1].iter().all(|&n| reader(n).is_none()));
    }

    #[test]
    fn gray_is_what_has_almost_equal_colors() {
        for (color, expected) in [
            ([100, 100, 100 + GRAY], true),
            ([100, 100 + GRAY, 101], true),
            ([101 + GRAY, 100, 100], false),
            ([100, 110, 101 + GRAY], false),
        ] {
            let mut picture = RgbImage::new(2, 2);
            assert!(is_gray(&picture));
            picture.put_pixel(1, 1, Rgb(color));
            assert_eq!(is_gray(&picture), expected, "{color:?}");
        }
    }
}
