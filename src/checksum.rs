//! SHA-256, as text; and of several pieces, such as the tensors of a checkpoint.

#[cfg(feature = "train")]
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Takes pieces, and tells whether they were the same ones.
#[cfg(feature = "train")]
#[derive(Debug, Default)]
pub(crate) struct Checksum(Sha256);

#[cfg(feature = "train")]
impl Checksum {
    /// Takes a piece. Its length goes first: "ab" and "c" are not "a" and "bc".
    pub fn piece(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The SHA-256 of all pieces, as 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Two digits a byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all that is written to it");
        hex
    })
}
