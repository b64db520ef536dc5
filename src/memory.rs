//! How much memory a network takes, estimated before any is taken. Chapter 11.
//!
//! Memory that cannot be had ends a program where it stands. So whoever takes sizes from outside asks
//! here first, and gets an error that says how much it would be. The numbers are `f64`: none of them
//! wraps, whatever the sizes are, and a rounded one is close enough.
//!
//! What is counted is the least that any training takes: the weights and what the layers answer, each
//! with its gradient. Optimizers, averages and scratch space come on top.

#[cfg(feature = "train")]
use thiserror::Error;

/// The entries of a network's tensors, summed up layer by layer, as a plan records its layers.
///
/// ```
/// use chainrule::memory::Entries;
///
/// let network = Entries::of_input([1, 1, 784]).linear(128).linear(10);
/// assert_eq!(network.weights(), 784.0 * 128.0 + 128.0 * 10.0);
/// // Weights and gradients, and for each of 24 samples the input, and answers with gradients.
/// let entries = 2.0 * network.weights() + 24.0 * (784.0 + 2.0 * 138.0);
/// assert_eq!(network.bytes::<f32>(24), 4.0 * entries);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entries {
    image: [usize; 2],
    channels: f64,
    input: f64,
    weights: f64,
    answers: f64,
}

impl Entries {
    /// A network without layers, for inputs `[height, width, channels]`.
    pub fn of_input([height, width, channels]: [usize; 3]) -> Self {
        let channels = channels as f64;
        let mut entries =
            Self { image: [height, width], channels, input: 0.0, weights: 0.0, answers: 0.0 };
        entries.input = entries.answer();
        entries
    }

    /// With a linear layer of `width` units.
    pub fn linear(mut self, width: usize) -> Self {
        self.weights += self.answer() * width as f64;
        (self.image, self.channels) = ([1, 1], width as f64);
        self.answers += self.answer();
        self
    }

    /// With a convolution, its kernel's side `kernel`, that keeps the image's size.
    pub fn convolution(mut self, kernel: usize, filters: usize) -> Self {
        self.weights += (kernel as f64).powi(2) * self.channels * filters as f64;
        self.channels = filters as f64;
        self.answers += self.answer();
        self
    }

    /// Where the next layer's images have so many rows and columns fewer.
    pub fn crop(mut self, pixels: usize) -> Self {
        self.image = self.image.map(|side| side.saturating_sub(pixels));
        self
    }

    /// With a pooling that leaves one of two rows and columns.
    pub fn halve(mut self) -> Self {
        self.image = self.image.map(|side| side / 2);
        self.answers += self.answer();
        self
    }

    /// Entries of all weights.
    pub fn weights(&self) -> f64 {
        self.weights
    }

    /// Bytes that a training in batches of `batch` takes at least, in numbers of type `T`.
    pub fn bytes<T>(&self, batch: usize) -> f64 {
        let samples = batch as f64 * (self.input + 2.0 * self.answers);
        (2.0 * self.weights + samples) * size_of::<T>() as f64
    }

    /// Entries of the last layer's answer to one sample.
    fn answer(&self) -> f64 {
        self.image[0] as f64 * self.image[1] as f64 * self.channels
    }
}

/// Something that takes more memory than there is.
#[cfg(feature = "train")]
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{what} would take at least {} of memory, and this machine has less: {way_out}", human(*.bytes))]
pub struct MemoryError {
    /// What it is.
    pub what: String,
    /// Bytes that it would take.
    pub bytes: f64,
    /// What to do.
    pub way_out: &'static str,
}

/// Refuses `what` if it takes more `bytes` than this machine has, or than it gives this process.
///
/// # Errors
/// [`MemoryError`].
#[cfg(feature = "train")]
pub fn require(
    what: impl Into<String>,
    bytes: f64,
    way_out: &'static str,
) -> Result<(), MemoryError> {
    // A request is refused before a byte is used, and what was granted goes back unused.
    let granted = || {
        let bytes = bytes as usize;
        bytes < isize::MAX as usize && Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
    };
    // Some systems promise more than they have.
    let exists = machine().is_none_or(|total| bytes <= total);
    if exists && granted() {
        return Ok(());
    }
    Err(MemoryError { what: what.into(), bytes, way_out })
}

/// Bytes of memory and swap space, where the system says it in a file, as Linux does.
#[cfg(feature = "train")]
fn machine() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = |name: &str| -> Option<f64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Some(1024.0 * (kilobytes("MemTotal:")? + kilobytes("SwapTotal:").unwrap_or_default()))
}

/// Such as `9.4 TB`.
#[cfg(feature = "train")]
fn human(bytes: f64) -> String {
    const UNITS: [&str; 8] = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let power = ((bytes.log10() / 3.0) as usize).clamp(1, UNITS.len());
    let number = bytes / 1000.0_f64.powi(power as i32);
    match number {
        1000.0.. => format!("{number:.1e} {}", UNITS[power - 1]),
        _ => format!("{number:.1} {}", UNITS[power - 1]),
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_units() {
        for (bytes, expected) in [
            (1.0, "0.0 kB"),
            (1_500.0, "1.5 kB"),
            (3.136e12, "3.1 TB"),
            (1.5e26, "150.0 YB"),
            (2.7e41, "2.7e17 YB"),
        ] {
            assert_eq!(human(bytes), expected);
        }
    }

    #[test]
    fn what_there_is_is_granted_and_what_there_is_not_is_refused() {
        assert_eq!(require("a page", 4096.0, "there is none"), Ok(()));
        for bytes in [1e15, 1e19, 1e40] {
            let error = require("a planet", bytes, "take a smaller one").unwrap_err();
            assert_eq!(error.bytes, bytes);
            let message = error.to_string();
            assert!(message.starts_with("a planet would take at least 1"), "{message}");
            assert!(message.ends_with(": take a smaller one"), "{message}");
        }
    }
}
