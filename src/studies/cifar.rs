//! What both studies of CIFAR-10 share: the source's benchmark network and its data.

use super::setting::{Samples, Setting, Source};
use crate::cnn::Cnn;
use crate::model::Model;

/// Two convolutions of 32 and 64 filters, each with ReLU and 2 x 2 pooling, and a hidden layer of 128 units.
pub(super) fn network() -> Cnn {
    Cnn::new([32, 32, 3], 10).hidden(&[128])
}

/// A training of `network` at a constant rate, on 45,000 images with 5,000 held out.
pub(super) fn setting(network: Cnn, epochs: usize, batch: usize, rate: f64) -> Setting {
    let samples = Samples::new(Source::Cifar10, 45_000, 5_000);
    Setting::sgd(samples, Model::Cnn(network), epochs, batch, rate)
}
