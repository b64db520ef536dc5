//! SHA-256, as text; and of several pieces, such as the tensors of a checkpoint.

#[cfg(feature = "train")]
use sha2::{Digest, Sha256};

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
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    fn sum(pieces: &[&str]) -> String {
        let mut sum = Checksum::default();
        pieces.iter().for_each(|piece| sum.piece(piece));
        sum.finish()
    }

    /// FIPS 180-2 has the sum of nothing at all.
    #[test]
    fn pieces_have_the_sum_of_their_lengths_and_bytes() {
        assert_eq!(sum(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let bytes = b"\x02\0\0\0\0\0\0\0ab";
        assert_eq!(sum(&["ab"]), hexadecimal(&Sha256::digest(bytes)));
        assert_ne!(sum(&["ab", "c"]), sum(&["a", "bc"]));
        assert_eq!(hexadecimal(&[0, 9, 255]), "0009ff");
    }
}
