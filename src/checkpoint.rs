//! Tensors and what is said of them, in a safetensors file. Chapter 11.

use crate::checksum::Checksum;
use crate::file::write_atomically;
use crate::memory::{self, MemoryError};
use crate::real::Real;
use crate::regular;
use crate::tensor::Tensor;
use safetensors::tensor::{Dtype, Metadata, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A checkpoint that cannot be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be written: no folder, no permission, no space.
    #[error("{}: cannot be written: {source}. Free some space or name another folder", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no safetensors file, or is cut short.
    #[error("{}: not a safetensors file, or cut short: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What its header says.
        reason: String,
    },
    /// What is said of the tensors is too long for a header.
    #[error(
        "{}: its names and texts would take {bytes} bytes, and {} MB are the most: plan fewer epochs, or \
         let early stopping read less often",
        path.display(), MAX_HEADER / 1_000_000
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// Bytes of the header.
        bytes: u64,
    },
    /// The file lacks an entry in its metadata: another program wrote it.
    #[error("{}: no `{key}` in its metadata: not written by chainrule as this kind of file", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: String,
    },
    /// The file is not what was written.
    #[error(
        "{}: damaged, or changed since it was written: its checksum does not fit its content. Begin \
         the training again, or put back an earlier copy",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// Its tensors are too large for this machine.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A tensor holds numbers of another type.
    #[error("{}: tensor {name} holds {found}, not {expected}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The type it has.
        found: String,
        /// The type that was asked for.
        expected: &'static str,
    },
}

/// The entry of a file's metadata that holds all texts, as one object. safetensors keeps entries in a hash
/// map: it would write several in another order each time.
const TEXTS: &str = "chainrule";

/// The text that is the checksum of all others and of the tensors.
const SEAL: &str = "sha256";

/// Most bytes of a header. The format has ten times as many, but as JSON of small values those take
/// gigabytes to be read.
const MAX_HEADER: u64 = 10_000_000;

/// Named tensors with named texts: the content of a safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<T> {
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor<T>>,
    /// Texts by name.
    pub metadata: BTreeMap<String, String>,
}

impl<T: Real> Checkpoint<T> {
    /// Writes the file at `path`: all of it, or nothing. Equal tensors and texts give equal bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] and [`CheckpointError::Header`]; what stood at `path` then still stands
    /// there.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let views = self.tensors.iter().map(|(name, tensor)| (name, Entries(tensor)));
        let texts = serde_json::to_string(&self.metadata).expect("texts are plain data");
        let metadata = HashMap::from([(TEXTS.to_owned(), texts)]);
        let failure = |source| CheckpointError::Write { path: path.to_path_buf(), source };
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| failure(io::Error::other(error)))?;
        let bytes = file.first_chunk().map_or(0, |&size| u64::from_le_bytes(size));
        if bytes > MAX_HEADER {
            return Err(CheckpointError::Header { path: path.to_path_buf(), bytes });
        }
        write_atomically(path, &file).map_err(failure)
    }

    /// Adds a checksum of all names, shapes, entries and texts to the texts.
    pub fn seal(&mut self) {
        self.metadata.insert(SEAL.to_owned(), self.checksum());
    }

    /// Refuses what is not as it was when it was [sealed](Checkpoint::seal) and written to `path`.
    ///
    /// # Errors
    /// [`CheckpointError::Metadata`] where there is no checksum, [`CheckpointError::Checksum`] where it is
    /// another one.
    pub fn check_seal(&self, path: &Path) -> Result<(), CheckpointError> {
        match text(self, path, SEAL)? == self.checksum() {
            true => Ok(()),
            false => Err(CheckpointError::Checksum { path: path.to_path_buf() }),
        }
    }

    fn checksum(&self) -> String {
        let mut sum = Checksum::default();
        sum.piece(format!("{} tensors of {}", self.tensors.len(), T::NAME));
        for (key, text) in self.metadata.iter().filter(|(key, _)| *key != SEAL) {
            sum.piece(key);
            sum.piece(text);
        }
        for (name, tensor) in &self.tensors {
            sum.piece(name);
            sum.piece(format!("{:?}", tensor.shape()));
            sum.piece(Entries(tensor).data());
        }
        sum.finish()
    }

    /// Reads the regular file at `path`. What its header says is judged before its tensors take memory.
    ///
    /// # Errors
    /// [`CheckpointError`] where it is missing, cut short, of another format or type, or too large.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let failure = |source| CheckpointError::Read { path: path.to_path_buf(), source };
        let format = |reason: String| CheckpointError::Format { path: path.to_path_buf(), reason };
        let file = regular::open(path).map_err(failure)?;
        let length = file.metadata().map_err(failure)?.len();
        let mut file = BufReader::new(file);
        let header = read_header(&mut file, length).map_err(failure)?.map_err(format)?;
        let entries = header.metadata().clone().unwrap_or_default();
        let metadata = match entries.get(TEXTS) {
            Some(texts) => serde_json::from_str(texts)
                .map_err(|error| format(format!("its metadata `{TEXTS}`: {error}")))?,
            // Once each text was an entry of its own.
            None => entries.into_iter().collect(),
        };
        memory::require(path.display().to_string(), header.data_len() as f64, "take another file")?;
        let mut tensors = BTreeMap::new();
        // Their bytes follow each other without a gap, or there would be no header.
        for name in header.offset_keys() {
            let info = header.info(&name).expect("the header has what it names");
            if info.dtype != dtype::<T>() {
                let (path, found) = (path.to_path_buf(), format!("{:?}", info.dtype));
                return Err(CheckpointError::Type { path, name, found, expected: T::NAME });
            }
            let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
            file.read_exact(&mut bytes).map_err(failure)?;
            let entries = bytes.chunks_exact(size_of::<T>()).map(T::read_le).collect();
            let tensor = Tensor::from_shape_vec(info.shape.as_slice(), entries)
                .map_err(|error| format(format!("tensor {name}: {error}")))?;
            tensors.insert(name, tensor);
        }
        Ok(Self { tensors, metadata })
    }
}

/// The header of a safetensors file of so many bytes: its size in 8 bytes, the lowest first, and JSON. The
/// inner error says what is wrong with it.
///
/// The crate reads a header from the bytes of a whole file alone, and adds up sizes that the file claims.
fn read_header(file: &mut impl Read, length: u64) -> io::Result<Result<Metadata, String>> {
    const SIZE: u64 = size_of::<u64>() as u64;
    let Some(rest) = length.checked_sub(SIZE) else {
        return Ok(Err(format!("it has {length} bytes")));
    };
    let mut size = [0; SIZE as usize];
    file.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    let Some(rest) = rest.checked_sub(size).filter(|_| size <= MAX_HEADER) else {
        return Ok(Err(format!("its header would have {size} bytes")));
    };
    let mut header = vec![0; size as usize];
    file.read_exact(&mut header)?;
    Ok(match serde_json::from_slice::<Metadata>(&header) {
        Err(error) => Err(format!("its header: {error}")),
        Ok(header) if header.data_len() as u64 != rest => {
            Err(format!("its tensors would have {} bytes, and {rest} are there", header.data_len()))
        }
        Ok(header) => Ok(header),
    })
}

/// The text `key` of a checkpoint read from `path`.
///
/// # Errors
/// [`CheckpointError::Metadata`] where there is none.
pub fn text<'a, T>(
    checkpoint: &'a Checkpoint<T>,
    path: &Path,
    key: &str,
) -> Result<&'a str, CheckpointError> {
    checkpoint
        .metadata
        .get(key)
        .map(String::as_str)
        .ok_or_else(|| CheckpointError::Metadata { path: path.to_path_buf(), key: key.to_owned() })
}

/// A tensor as safetensors sees it.
struct Entries<'a, T>(&'a Tensor<T>);

impl<T: Real> View for Entries<'_, T> {
    fn dtype(&self) -> Dtype {
        dtype::<T>()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        self.0.iter().for_each(|&entry| entry.write_le(&mut bytes));
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}

fn dtype<T: Real>() -> Dtype {
    if size_of::<T>() == size_of::<f32>() { Dtype::F32 } else { Dtype::F64 }
}
