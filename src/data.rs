//! Data sets: drawn by the crate, or read from files. Chapter 11.

pub mod augment;
pub mod channels;
#[cfg(feature = "data")]
pub mod cifar;
pub mod digits;
pub mod ellipse;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "train")]
pub mod fingerprint;
#[cfg(feature = "data")]
pub mod folder;
#[cfg(feature = "data")]
pub mod inventory;
mod join;
#[cfg(feature = "data")]
pub mod known;
#[cfg(feature = "data")]
pub mod mnist;
#[cfg(feature = "data")]
mod nameless;
pub mod pictures;
pub mod split;

use crate::real::Real;
use crate::tensor::saturating_product;
use std::sync::Arc;
use thiserror::Error;

/// Inputs with their class indices.
///
/// A selection of its samples shares the inputs: no split copies an image.
#[derive(Clone, Debug)]
pub struct Dataset {
    source: Arc<Source>,
    /// Which samples of the source, in which order.
    samples: Vec<usize>,
    /// Of the classes that have one.
    class_names: &'static [&'static str],
}

#[derive(Debug)]
struct Source {
    name: String,
    /// Shape of one input.
    shape: Vec<usize>,
    classes: usize,
    inputs: Inputs,
    labels: Vec<u8>,
}

#[derive(Debug)]
enum Inputs {
    /// Pixels from 0 to 255, read as 0 to 1. A quarter of the memory of `f32`.
    Bytes(Vec<u8>),
    Reals(Vec<f32>),
}

/// Data that make no data set.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DatasetError {
    /// The number of input entries is not the number of labels times the entries of one input.
    #[error(
        "{name}: {labels} labels need {labels} inputs of shape {shape:?}, {expected} entries in \
         all, but there are {found}"
    )]
    Entries {
        /// The data set.
        name: String,
        /// Number of labels.
        labels: usize,
        /// Shape of one input.
        shape: Vec<usize>,
        /// Entries that all inputs must have.
        expected: usize,
        /// Entries that there are.
        found: usize,
    },
    /// The inputs have more entries than memory can have.
    #[error("{name}: {labels} inputs of shape {shape:?} have more entries than memory can hold")]
    TooLarge {
        /// The data set.
        name: String,
        /// Number of labels.
        labels: usize,
        /// Shape of one input.
        shape: Vec<usize>,
    },
    /// There is no class that a label could be.
    #[error("{name}: no classes: a label is below the number of classes, so it is 1 or more")]
    NoClasses {
        /// The data set.
        name: String,
    },
    /// A label is not a class index.
    #[error(
        "{name}: sample {sample} has label {label}, but there are {classes} classes, 0 to {}",
        classes.saturating_sub(1)
    )]
    Label {
        /// The data set.
        name: String,
        /// The sample.
        sample: usize,
        /// Its label.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
    /// An entry of an input is not a finite number.
    #[error("{name}: sample {sample} has {value} at entry {entry}: remove or repair that sample")]
    NotFinite {
        /// The data set.
        name: String,
        /// The sample.
        sample: usize,
        /// The entry of its input.
        entry: usize,
        /// The entry's value.
        value: f32,
    },
    /// There is nothing in it.
    #[error("{name}: no samples")]
    Empty {
        /// The data set.
        name: String,
    },
    /// Two sets cannot be one.
    #[error("{one}, and {two}: only sets of one kind can be joined")]
    Join {
        /// What the first has.
        one: String,
        /// What the second has.
        two: String,
    },
}

impl Dataset {
    /// A data set of 8-bit images: `pixels` holds one image of `shape` after the other, one for
    /// each label.
    ///
    /// # Errors
    /// [`DatasetError`] where the sizes do not fit, a label is not below `classes`, or there is
    /// nothing in it.
    pub fn from_bytes(
        name: impl Into<String>,
        shape: &[usize],
        classes: usize,
        pixels: Vec<u8>,
        labels: Vec<u8>,
    ) -> Result<Self, DatasetError> {
        Self::build(name.into(), shape, classes, Inputs::Bytes(pixels), labels)
    }

    /// A data set of real inputs, as [`Dataset::from_bytes`].
    ///
    /// # Errors
    /// Those of [`Dataset::from_bytes`], and [`DatasetError::NotFinite`].
    pub fn from_reals(
        name: impl Into<String>,
        shape: &[usize],
        classes: usize,
        inputs: Vec<f32>,
        labels: Vec<u8>,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        if let Some(position) = inputs.iter().position(|x| !x.is_finite()) {
            let entries = saturating_product(shape).max(1);
            let (sample, entry) = (position / entries, position % entries);
            return Err(DatasetError::NotFinite { name, sample, entry, value: inputs[position] });
        }
        Self::build(name, shape, classes, Inputs::Reals(inputs), labels)
    }

    fn build(
        name: String,
        shape: &[usize],
        classes: usize,
        inputs: Inputs,
        labels: Vec<u8>,
    ) -> Result<Self, DatasetError> {
        let found = match &inputs {
            Inputs::Bytes(bytes) => bytes.len(),
            Inputs::Reals(reals) => reals.len(),
        };
        let expected = saturating_product(&[&[labels.len()], shape].concat());
        if expected == usize::MAX || saturating_product(shape) == usize::MAX {
            let (labels, shape) = (labels.len(), shape.to_vec());
            return Err(DatasetError::TooLarge { name, labels, shape });
        }
        if classes == 0 {
            return Err(DatasetError::NoClasses { name });
        }
        if found != expected {
            let (labels, shape) = (labels.len(), shape.to_vec());
            return Err(DatasetError::Entries { name, labels, shape, expected, found });
        }
        if found == 0 {
            return Err(DatasetError::Empty { name });
        }
        if let Some(sample) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(DatasetError::Label { name, sample, label: labels[sample], classes });
        }
        let samples = (0..labels.len()).collect();
        let source = Source { name, shape: shape.to_vec(), classes, inputs, labels };
        Ok(Self { source: Arc::new(source), samples, class_names: &[] })
    }

    /// What it is called in records and on screen.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Shape of one input: `[28, 28]` for MNIST.
    pub fn shape(&self) -> &[usize] {
        &self.source.shape
    }

    /// Height, width and channels of one input, where the inputs are images `[height, width]`, of one
    /// channel, or `[height, width, channels]`.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        image_shape(self.shape())
    }

    /// Number of entries of one input: 784 for MNIST.
    pub fn features(&self) -> usize {
        self.source.shape.iter().product()
    }

    /// Number of classes. Labels are below it.
    pub fn classes(&self) -> usize {
        self.source.classes
    }

    /// Names the classes, in the order of their indices.
    pub fn name_classes(self, class_names: &'static [&'static str]) -> Self {
        Self { class_names, ..self }
    }

    /// What a class is called: its index, where it has no name.
    pub fn class_name(&self, class: usize) -> String {
        self.class_names.get(class).map_or_else(|| class.to_string(), ToString::to_string)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample. Only a selection of none is empty.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The class index of sample `i`.
    ///
    /// # Panics
    /// If there is no sample `i`.
    pub fn label(&self, i: usize) -> usize {
        usize::from(self.source.labels[self.samples[i]])
    }

    /// Writes the input of sample `i`, bytes scaled to 0 … 1, into `input`, which has
    /// [`Dataset::features`] entries.
    ///
    /// # Panics
    /// If there is no sample `i`, or `input` has another length.
    pub fn read<T: Real>(&self, i: usize, input: &mut [T]) {
        let (sample, features) = (self.samples[i], self.features());
        assert_eq!(input.len(), features, "the buffer must hold one input");
        let range = sample * features..(sample + 1) * features;
        match &self.source.inputs {
            Inputs::Bytes(bytes) => {
                let scale = T::of(1.0 / 255.0);
                for (x, &byte) in input.iter_mut().zip(&bytes[range]) {
                    *x = T::of(f64::from(byte)) * scale;
                }
            }
            Inputs::Reals(reals) => {
                for (x, &real) in input.iter_mut().zip(&reals[range]) {
                    *x = T::of(f64::from(real));
                }
            }
        }
    }

    /// Whether these are the same samples of the same source, in the same order. It reads none of them: equal
    /// samples of two sources are not the same.
    #[cfg(feature = "train")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.samples == other.samples
    }

    /// The samples at these positions, in this order. Shares the inputs with `self`.
    ///
    /// # Panics
    /// If there is no sample at a position.
    pub fn select(&self, positions: &[usize]) -> Self {
        let samples = positions.iter().map(|&i| self.samples[i]).collect();
        Self { source: Arc::clone(&self.source), samples, class_names: self.class_names }
    }
}

/// `[height, width, channels]` of an image of this `shape`, `[height, width]` with one channel; none of
/// what is no image.
pub(crate) fn image_shape(shape: &[usize]) -> Option<[usize; 3]> {
    match *shape {
        [height, width] => Some([height, width, 1]),
        [height, width, channels] => Some([height, width, channels]),
        _ => None,
    }
}
