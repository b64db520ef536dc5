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
    if is_there(bytes, machine()) {
        return Ok(());
    }
    Err(MemoryError { what: what.into(), bytes, way_out })
}

/// Whether this process is granted so many `bytes`, on a machine that has a `total` of them.
#[cfg(feature = "train")]
fn is_there(bytes: f64, total: Option<f64>) -> bool {
    // Some systems promise more than they have.
    let exist = total.is_none_or(|total| bytes <= total);
    // A request is refused before a byte is used, and what was granted goes back unused.
    exist && Vec::<u8>::new().try_reserve_exact(bytes as usize).is_ok()
}

/// Bytes of memory and swap space, where the system says it in a file, as Linux does.
#[cfg(feature = "train")]
fn machine() -> Option<f64> {
    stated(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// Bytes of memory and swap space, as Linux states them.
#[cfg(feature = "train")]
fn stated(text: &str) -> Option<f64> {
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
    fn entries_are_those_of_the_layers() {
        let network = Entries::of_input([7, 5, 3]).convolution(3, 4).crop(1).halve().linear(2);
        // The second row of images has 6 x 4 pixels, and its pooled ones 3 x 2, of 4 channels each.
        assert_eq!(network.weights(), (3 * 3 * 3 * 4 + 3 * 2 * 4 * 2) as f64);
        let answers = (7 * 5 * 4 + 3 * 2 * 4 + 2) as f64;
        let entries = 2.0 * network.weights() + 6.0 * (7.0 * 5.0 * 3.0 + 2.0 * answers);
        assert_eq!(network.bytes::<f64>(6), 8.0 * entries);
        assert_eq!(Entries::of_input([7, 5, 3]).crop(6).linear(1).weights(), 0.0);
    }

    #[test]
    fn what_the_machine_has_not_is_not_asked_for() {
        assert!(is_there(4096.0, None));
        assert!(is_there(4096.0, Some(4096.0)));
        assert!(!is_there(4097.0, Some(4096.0)));
        // More than any address space.
        assert!(!is_there(1e18, None) && !is_there(1e18, Some(1e30)));
    }

    #[test]
    fn memory_and_swap_space_are_read_as_linux_states_them() {
        let memory = "MemTotal:       16315660 kB\nMemFree:  21184 kB\n";
        assert_eq!(stated(memory), Some(1024.0 * 16_315_660.0));
        let both = format!("{memory}SwapTotal:       2097148 kB\n");
        assert_eq!(stated(&both), Some(1024.0 * (16_315_660.0 + 2_097_148.0)));
        assert_eq!(stated("MemFree:  21184 kB\n"), None);
        assert_eq!(stated("MemTotal: much\n"), None);
        // No machine has less that runs this.
        assert!(!cfg!(target_os = "linux") || machine().is_some_and(|bytes| bytes > 1e7));
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
