//! Random numbers: each purpose has streams of its own. Chapter 9.
//!
//! A training draws where its weights start, the order of each epoch, what dropout drops and how
//! images look. What is drawn for one of these must tell nothing of what is drawn for another: else
//! an experiment with another start would change the order as well, and two runs with neighboring
//! seeds would share their masks.
//!
//! # Keys
//!
//! The generator is ChaCha with 8 rounds, a cipher. It makes its words from a key of 256 bits and
//! from their position. Here the key is four numbers of 64 bits:
//!
//! ```text
//! key = (seed, purpose, index, index)        such as (29, mask, layer, step)
//! ```
//!
//! They are written side by side. Nothing is added or hashed, so two streams that differ in one of
//! the four have different keys, whatever the numbers are. And under different keys a cipher's words
//! are unrelated: whoever could tell those of many keys from independent random numbers would have
//! broken it, and nobody has broken ChaCha with 8 rounds.
//!
//! # Positions
//!
//! The place of a word in its stream is free for entries: word i of a mask decides on entry i, and a
//! longer mask begins with the shorter one.
//!
//! So all that is drawn is a pure function of the seed, the purpose, its indices and the place. No
//! draw depends on what was drawn before, which is why a resumed training ends with the bits of one
//! that was never broken off. A stream is a key and a position: to start one allocates nothing.
//!
//! # Same seed, same bits
//!
//! A training is fixed by its settings, its seed and the bytes of its data. Run twice, it ends with
//! the same bits in every weight, every loss and every prediction, and with the same bytes in its
//! model file. That holds
//!
//! - on any number of threads, since work is split by its size alone: see [`parallel`](crate::parallel);
//! - after any interruption, by Ctrl-C, by a kill or by a power cut, however often: see `train`;
//! - from file to file: what is written and read back has the same bits;
//! - on every machine with this system and registers of this width. A register of another width
//!   sums in another order, and a machine that rounds a product before it is added rounds
//!   differently: see [`product`](crate::product). Another system may have other sines and
//!   logarithms in its mathematical library, by the last bit.
//!
//! Times differ, and what is computed from them, such as samples a second. The date of a record
//! differs too.
//!
//! Other bits come from another version of this crate or of the compiler, another batch size (its sums
//! are others) and another order or number of the samples. A training that has gone another way at one
//! bit does not come back: its weights soon differ in every digit, although it learns as well.
//!
//! # Sources
//!
//! D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008. J.-P. Aumasson, "Too much crypto", 2019, on
//! the 8 rounds.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use std::fmt;

/// What random numbers are for, with the indices that tell its streams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Where the weights of a network start.
    Init,
    /// The order in which an epoch visits the samples.
    Order {
        /// The epoch, from 0.
        epoch: u64,
    },
    /// What a dropout drops.
    Mask {
        /// Tells the dropouts of a network apart.
        layer: u64,
        /// The update, from 0.
        step: u64,
    },
    /// How an image looks.
    Augmentation {
        /// The epoch, from 0.
        epoch: u64,
        /// The image's number in its data set.
        sample: u64,
    },
    /// Which samples a part of a data set takes.
    Split,
    /// A drawn digit.
    Digit {
        /// Its number.
        sample: u64,
    },
    /// A drawn picture.
    Picture {
        /// Its number.
        sample: u64,
    },
    /// Points of the plane.
    Points,
    /// Inputs for a check or a measurement.
    Check,
}

impl Purpose {
    /// The purpose and its indices as the three words of a key behind the seed.
    ///
    /// Each purpose keeps its number for ever: another one gives other bits. None is 0, so that no key is
    /// all zeros.
    fn words(self) -> [u64; 3] {
        match self {
            Self::Init => [1, 0, 0],
            Self::Order { epoch } => [2, epoch, 0],
            Self::Mask { layer, step } => [3, layer, step],
            Self::Augmentation { epoch, sample } => [4, epoch, sample],
            Self::Split => [5, 0, 0],
            Self::Digit { sample } => [6, sample, 0],
            Self::Picture { sample } => [7, sample, 0],
            Self::Points => [8, 0, 0],
            Self::Check => [9, 0, 0],
        }
    }
}

/// The random numbers of `seed` for a `purpose`, from the first.
///
/// ```
/// use chainrule::random::{Purpose, stream};
/// use rand::Rng;
///
/// let mut mask = stream(29, Purpose::Mask { layer: 0, step: 1 });
/// let mut order = stream(29, Purpose::Order { epoch: 0 });
/// assert_ne!(mask.next_u64(), order.next_u64());
/// ```
pub fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let [purpose, first, second] = purpose.words();
    let mut key = [0; 32];
    for (bytes, word) in key.as_chunks_mut().0.iter_mut().zip([seed, purpose, first, second]) {
        *bytes = word.to_le_bytes();
    }
    ChaCha8Rng::from_seed(key)
}

/// The seeds of a training, one for each thing that it draws. A number gives all of them its value.
///
/// With several starts and one of all else, trainings differ by their start alone:
///
/// ```
/// use chainrule::Mlp;
/// use chainrule::random::Seeds;
///
/// let plan = Mlp::new(&[784, 128, 10])?;
/// let network = plan.network::<f32>(24, 29)?;
/// let other_start = plan.network::<f32>(24, Seeds { init: 7, ..Seeds::from(29) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In files they are one number where all are equal, and an object otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(from = "Saved", into = "Saved"))]
pub struct Seeds {
    /// Fixes where the weights start: [`Purpose::Init`].
    pub init: u64,
    /// Fixes the order of the samples in each epoch: [`Purpose::Order`].
    pub order: u64,
    /// Fixes what each dropout drops in each update: [`Purpose::Mask`].
    pub masks: u64,
    /// Fixes how each sample looks in each epoch: [`Purpose::Augmentation`].
    pub augmentation: u64,
}

impl Seeds {
    /// The seed, where all have the same.
    fn one(self) -> Option<u64> {
        (self == Self::from(self.init)).then_some(self.init)
    }
}

impl From<u64> for Seeds {
    fn from(seed: u64) -> Self {
        Self { init: seed, order: seed, masks: seed, augmentation: seed }
    }
}

impl fmt::Display for Seeds {
    /// Such as `seed 29`, or `seeds 7 (init), 29 (order), 29 (masks), 29 (augmentation)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { init, order, masks, augmentation } = self;
        match self.one() {
            Some(seed) => write!(f, "seed {seed}"),
            None => write!(
                f,
                "seeds {init} (init), {order} (order), {masks} (masks), {augmentation} (augmentation)"
            ),
        }
    }
}

/// [`Seeds`] in a file.
#[cfg(feature = "train")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Saved {
    One(u64),
    Each { init: u64, order: u64, masks: u64, augmentation: u64 },
}

#[cfg(feature = "train")]
impl From<Saved> for Seeds {
    fn from(saved: Saved) -> Self {
        match saved {
            Saved::One(seed) => Self::from(seed),
            Saved::Each { init, order, masks, augmentation } => {
                Self { init, order, masks, augmentation }
            }
        }
    }
}

#[cfg(feature = "train")]
impl From<Seeds> for Saved {
    fn from(seeds: Seeds) -> Self {
        let Seeds { init, order, masks, augmentation } = seeds;
        match seeds.one() {
            Some(seed) => Self::One(seed),
            None => Self::Each { init, order, masks, augmentation },
        }
    }
}
