//! A network in the manner of LeNet-5. Chapter 14.

use super::pool;
use crate::conv::Conv;
use crate::memory::Entries;
use crate::network::{Network, Recorder};
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::softmax::Loss;
use crate::tensor::ShapeError;

/// The plan of a LeNet-like network: 6 and then 16 filters of 5 x 5 without padding, each with ReLU and
/// 2 x 2 max pooling, and linear layers of 120, 84 and as many units as there are classes.
///
/// LeNet-5 had averages in place of maxima, tanh in place of ReLU, and a first linear layer that was a
/// convolution. Source: LeCun, Bottou, Bengio and Haffner 1998.
///
/// ```
/// use chainrule::cnn::Lenet;
///
/// let network = Lenet::new([32, 32, 3], 10).network::<f32>(4, 29)?;
/// assert_eq!(network.parameter_count(), 456 + 2_416 + 48_120 + 10_164 + 850);
/// # Ok::<(), chainrule::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Lenet {
    image: [usize; 3],
    classes: usize,
}

impl Lenet {
    /// For images `[height, width, channels]`: the mean cross-entropy of `classes` classes.
    pub fn new(image: [usize; 3], classes: usize) -> Self {
        Self { image, classes }
    }

    /// Its memory, layer by layer.
    pub fn entries(&self) -> Entries {
        let first = Entries::of_input(self.image).crop(4).convolution(5, 6).halve();
        let second = first.crop(4).convolution(5, 16).halve();
        second.linear(120).linear(84).linear(self.classes)
    }

    /// `[height, width, channels]` of an input.
    pub(crate) fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Records the network for passes of `batch` samples, its weights drawn from `seeds`.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, no class, or images of fewer than 16 pixels a side.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let mut rng = stream(seeds.into().init, Purpose::Init);
        let mut recorder = Recorder::new(batch, &self.image);
        let mut x = recorder.input();
        for (name, filters) in [("conv1", 6), ("conv2", 16)] {
            x = recorder.convolution(name, x, [5, filters], Conv::default(), &mut rng)?;
            x = pool(&mut recorder, name, None, x)?;
        }
        x = recorder.tape.flatten(x)?;
        x = recorder.linear("fc1", x, 120, true, &mut rng)?;
        x = recorder.linear("fc2", x, 84, true, &mut rng)?;
        let logits = recorder.linear("fc3", x, self.classes, false, &mut rng)?;
        recorder.finish(logits, Loss::default())
    }
}
