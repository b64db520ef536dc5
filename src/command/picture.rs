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
