//! The public data sets: their files, and the checksums that prove them whole.

use crate::checksum::hexadecimal;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// A public data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// Handwritten digits, 28 x 28 gray: 60,000 to train on and 10,000 to test on.
    Mnist,
    /// Photographs in ten classes, 32 x 32 in color: 50,000 to train on and 10,000 to test on.
    Cifar10,
}

/// A file of a data set, as public mirrors offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its name on a mirror and on disk.
    pub name: &'static str,
    /// What its checksum is taken of.
    pub checked: Checked,
    /// Bytes of what the checksum is taken of.
    pub size: u64,
    /// SHA-256, as 64 hexadecimal digits.
    pub sha256: &'static str,
}

/// What a checksum and a size are taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The file as it is.
    File,
    /// What a gzip file unpacks to: whoever packs it again changes the file and not the data.
    Unpacked,
}

/// The four files of MNIST: images and labels of the training set, then of the test set.
pub const MNIST: [KnownFile; 4] = [
    KnownFile {
        name: "train-images-idx3-ubyte.gz",
        checked: Checked::Unpacked,
        size: 16 + 60_000 * 28 * 28,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    KnownFile {
        name: "train-labels-idx1-ubyte.gz",
        checked: Checked::Unpacked,
        size: 8 + 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    KnownFile {
        name: "t10k-images-idx3-ubyte.gz",
        checked: Checked::Unpacked,
        size: 16 + 10_000 * 28 * 28,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    KnownFile {
        name: "t10k-labels-idx1-ubyte.gz",
        checked: Checked::Unpacked,
        size: 8 + 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// The archive of CIFAR-10's binary version.
pub const CIFAR10: [KnownFile; 1] = [KnownFile {
    name: "cifar-10-binary.tar.gz",
    checked: Checked::File,
    size: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
}];

impl Set {
    /// Both sets.
    pub const ALL: [Self; 2] = [Self::Mnist, Self::Cifar10];

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "MNIST",
            Self::Cifar10 => "CIFAR-10",
        }
    }

    /// Its files, as public mirrors offer them.
    pub fn files(self) -> &'static [KnownFile] {
        match self {
            Self::Mnist => &MNIST,
            Self::Cifar10 => &CIFAR10,
        }
    }

    /// The folders, within the folder of all data sets, that its files are looked for in. A
    /// download goes to the first.
    pub fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Mnist => &["mnist", "", "MNIST/raw"],
            Self::Cifar10 => &["", "cifar-10"],
        }
    }
}

impl KnownFile {
    /// Its name once unpacked.
    pub fn unpacked_name(&self) -> &'static str {
        match self.checked {
            Checked::File => self.name,
            Checked::Unpacked => self.name.trim_end_matches(".gz"),
        }
    }

    /// The most bytes that it has on any mirror. What cannot be packed grows by less than a
    /// hundredth in gzip, and its head has less than a thousand bytes.
    pub fn limit(&self) -> u64 {
        match self.checked {
            Checked::File => self.size,
            Checked::Unpacked => self.size + self.size / 100 + 1_000,
        }
    }
}

/// The SHA-256 of all that `reader` gives, as 64 hexadecimal digits.
///
/// # Errors
/// Those of `reader`.
pub fn sha256(reader: impl Read) -> io::Result<String> {
    Hashing::new(reader).finish()
}

/// Takes the SHA-256 of what is read through it.
#[derive(Debug)]
pub(super) struct Hashing<R> {
    reader: R,
    digest: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, digest: Sha256::new() }
    }

    /// The SHA-256 of what was read and of what is left, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// Those of the reader.
    pub(super) fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(hexadecimal(&self.digest.finalize()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}
