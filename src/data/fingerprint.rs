//! What tells a data set from another: a training goes on with the samples that it began with.

use super::{Dataset, Inputs};
use crate::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A data set in few words. Two of the same samples in the same order have the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// What the data set is called.
    pub name: String,
    /// Number of its samples.
    pub samples: usize,
    /// SHA-256 of their shape, inputs and labels, as 64 hexadecimal digits.
    pub sha256: String,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, samples, sha256 } = self;
        write!(f, "{samples} samples of {name} (SHA-256 {})", sha256.get(..12).unwrap_or(sha256))
    }
}

impl Dataset {
    /// What tells these samples from others. It reads all of them.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut sum = Checksum::default();
        sum.piece(format!("{:?} in {} classes", self.shape(), self.classes()));
        let features = self.features();
        for &sample in &self.samples {
            let range = sample * features..(sample + 1) * features;
            sum.piece([self.source.labels[sample]]);
            match &self.source.inputs {
                Inputs::Bytes(bytes) => sum.piece(&bytes[range]),
                Inputs::Reals(reals) => {
                    sum.piece(
                        reals[range].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>(),
                    );
                }
            }
        }
        Fingerprint { name: self.name().to_owned(), samples: self.len(), sha256: sum.finish() }
    }
}
