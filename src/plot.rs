//! Figures: curves, histograms, points and boundaries, confusion matrices, grids of images, weights seen as
//! images, networks as units, products of matrices.
//!
//! A figure is a value that is built step by step, and becomes an SVG or a PNG at the end:
//!
//! ```
//! use chainrule::plot::Curves;
//!
//! let figure = Curves::new("Loss of 784-300-10")
//!     .x("epoch")
//!     .y("loss, nats a sample")
//!     .line("training", 1..=3, [0.9, 0.4, 0.3])
//!     .line("validation", 1..=3, [0.7, 0.4, 0.35]);
//! let svg: String = figure.svg()?;
//! # Ok::<(), chainrule::plot::PlotError>(())
//! ```
//!
//! An SVG takes the color of its text from the page, so it is read on light and on dark ones
//! ([`theme`]); it has a title and a description for those who do not see it. A PNG is made for
//! the page that is asked for. A notebook shows a figure that is the value of a cell.

mod axis;
mod boundaries;
mod canvas;
mod confusion;
mod curves;
mod histograms;
mod images;
mod products;
pub mod theme;
mod units;
mod weights;

pub use boundaries::Boundaries;
pub use confusion::ConfusionMatrix;
pub use curves::Curves;
pub use histograms::Histograms;
pub use images::ImageGrid;
pub use products::Products;
pub use theme::Theme;
pub use units::Units;
pub use weights::WeightImages;

use crate::file::write_atomically;
use crate::svg;
use canvas::Canvas;
use plotters::backend::DrawingBackend;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no figure.
#[derive(Debug, Error)]
pub enum PlotError {
    /// There is nothing to draw.
    #[error("figure \"{figure}\": {what} has nothing to draw: {remedy}")]
    Empty {
        /// Title of the figure.
        figure: String,
        /// The part that is empty.
        what: String,
        /// What helps.
        remedy: &'static str,
    },
    /// A series has not one y an x.
    #[error("figure \"{figure}\": series \"{series}\" has {xs} x and {ys} y: give one y an x")]
    Lengths {
        /// Title of the figure.
        figure: String,
        /// Name of the series.
        series: String,
        /// Number of x.
        xs: usize,
        /// Number of y.
        ys: usize,
    },
    /// The number of names is not the number of what they name.
    #[error(
        "figure \"{figure}\": {names} names for {count} {named}: give one name each, in their order"
    )]
    Names {
        /// Title of the figure.
        figure: String,
        /// Number of names.
        names: usize,
        /// What has names, in the plural.
        named: &'static str,
        /// Number of what has names.
        count: usize,
    },
    /// An array that is no image.
    #[error("figure \"{figure}\": image {image} has the shape {shape:?}: it must be {expected}")]
    Shape {
        /// Title of the figure.
        figure: String,
        /// Number of the image, from 0.
        image: usize,
        /// Its shape.
        shape: Vec<usize>,
        /// What it must be.
        expected: String,
    },
    /// Two matrices that have no product, or whose product has no such entry.
    #[error(
        "figure \"{figure}\": {name}: [{}, {}] · [{}, {}], entry {entry:?}: {rule}",
        shapes[0][0], shapes[0][1], shapes[1][0], shapes[1][1]
    )]
    Product {
        /// Title of the figure.
        figure: String,
        /// Name of the product.
        name: String,
        /// Rows and columns of both factors.
        shapes: [[usize; 2]; 2],
        /// Row and column of the entry in color.
        entry: [usize; 2],
        /// The rule that is broken.
        rule: &'static str,
    },
    /// A unit that no layer has.
    #[error(
        "figure \"{figure}\": no layer has a unit \"{name}\": give it to one with `layer`, or use \
         the name that it has there"
    )]
    Unit {
        /// Title of the figure.
        figure: String,
        /// The unit's name.
        name: String,
    },
    /// A line between layers that are not neighbors.
    #[error(
        "figure \"{figure}\": no line runs from \"{from}\" to \"{to}\": label one from a layer to \
         the next"
    )]
    Line {
        /// Title of the figure.
        figure: String,
        /// Name of the unit where it begins.
        from: String,
        /// Name of the unit where it ends.
        to: String,
    },
    /// More images than a figure holds.
    #[error("figure \"{figure}\": {count} images are too many: show at most {most}")]
    TooMany {
        /// Title of the figure.
        figure: String,
        /// Number of images.
        count: usize,
        /// Most images.
        most: usize,
    },
    /// The text cannot be set.
    #[error("the font DejaVu Sans of the crate `dejavu`: {0}; build again from a clean registry")]
    Font(String),
    /// The drawing library refuses.
    #[error("the figure cannot be drawn: {0}")]
    Drawing(String),
    /// A file's name does not say what it is to hold.
    #[error("{}: cannot tell the format by the name; end it in .svg or .png", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(
        "{}: cannot be written: {source}. Free some space or name another folder",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Width of a figure, in CSS pixels. A phone shows it at three quarters: its text is read there.
const WIDTH: f64 = 480.0;

/// What a kind of figure must know.
trait Figure {
    fn title(&self) -> &str;

    fn width(&self) -> f64 {
        WIDTH
    }

    /// What is to be seen, in words.
    fn description(&self) -> String;

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError>;

    /// Draws the figure and returns the height that it takes.
    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError>;
}

fn to_svg(figure: &impl Figure) -> Result<String, PlotError> {
    figure.check()?;
    let width = figure.width();
    let (elements, height) = canvas::draw_svg(width, |canvas| figure.paint(canvas))?;
    let size = (width, height.ceil());
    let head = svg::open(figure.title(), &figure.description(), size, width);
    Ok(format!("{head}{elements}</svg>\n"))
}

fn to_png(figure: &impl Figure, theme: Theme) -> Result<Vec<u8>, PlotError> {
    figure.check()?;
    let width = figure.width();
    // Drawn once to know the height.
    let (_, height) = canvas::draw_svg(width, |canvas| figure.paint(canvas))?;
    canvas::draw_png((width, height.ceil()), theme, |canvas| figure.paint(canvas))
}

fn save(figure: &impl Figure, path: &Path, theme: Theme) -> Result<(), PlotError> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let bytes = match extension.as_deref().and_then(|extension| extension.to_str()) {
        Some("svg") => to_svg(figure)?.into_bytes(),
        Some("png") => to_png(figure, theme)?,
        _ => return Err(PlotError::Extension { path: path.into() }),
    };
    write_atomically(path, &bytes).map_err(|source| PlotError::Write { path: path.into(), source })
}

fn display(figure: &impl Figure) {
    match to_svg(figure) {
        Ok(drawing) => {
            svg::show(&drawing, &format!("{}. {}", figure.title(), figure.description()));
        }
        Err(error) => println!("error: {error}"),
    }
}

/// The ways out that all figures have, as methods of their own: a notebook finds no trait's.
macro_rules! outputs {
    ($figure:ty) => {
        impl $figure {
            /// The figure as an SVG that takes its color from the page.
            ///
            /// # Errors
            /// [`PlotError`] where there is nothing to draw or the parts do not fit.
            pub fn svg(&self) -> Result<String, PlotError> {
                super::to_svg(self)
            }

            /// The figure as a PNG on an opaque background, with two pixels a CSS pixel.
            ///
            /// # Errors
            /// [`PlotError`] where there is nothing to draw or the parts do not fit.
            pub fn png(&self, theme: Theme) -> Result<Vec<u8>, PlotError> {
                super::to_png(self, theme)
            }

            /// Writes an SVG or a PNG, as the name ends; a PNG with a light background.
            ///
            /// # Errors
            /// [`PlotError`]: those of drawing, [`PlotError::Extension`] and
            /// [`PlotError::Write`].
            pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
                super::save(self, path.as_ref(), Theme::Light)
            }

            /// [`Self::save`], with the background of a PNG chosen.
            ///
            /// # Errors
            /// Those of [`Self::save`].
            pub fn save_for(&self, path: impl AsRef<Path>, theme: Theme) -> Result<(), PlotError> {
                super::save(self, path.as_ref(), theme)
            }

            /// Shows the figure as the output of a notebook's cell, with its description as
            /// text; or says why there is none.
            pub fn evcxr_display(&self) {
                super::display(self);
            }
        }
    };
}
use outputs;
