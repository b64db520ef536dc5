//! The data of the studies: each source is read once, whatever many runs need it.

use super::setting::{Samples, Source};
use crate::data::ellipse::{self, ELLIPSE, HYPERBOLA};
use crate::data::folder::NoFolder;
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, cifar, mnist};
use crate::record::Data;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Fixes the drawn points: the same for every run, whatever its own seed.
const DRAWING: u64 = 1;
/// Points to train and validate on, and to test on.
const POINTS: [usize; 2] = [70_000, 10_000];

/// Data that a study cannot have.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// MNIST is missing, or is no MNIST.
    #[error("{0}. `chainrule data fetch mnist` downloads it")]
    Mnist(#[from] mnist::MnistError),
    /// CIFAR-10 is missing, or is no CIFAR-10.
    #[error("{0}. `chainrule data fetch cifar10` downloads it")]
    Cifar(#[from] cifar::CifarError),
    /// There is no folder to look in.
    #[error(transparent)]
    Folder(#[from] NoFolder),
    /// The parts do not fit the source.
    #[error(transparent)]
    Split(#[from] SplitError),
}

/// The sources that were read so far.
#[derive(Debug)]
pub struct Library {
    folder: Result<PathBuf, NoFolder>,
    sources: Mutex<BTreeMap<Source, Arc<Read>>>,
}

/// A source as it was read.
#[derive(Debug)]
struct Read {
    train: Dataset,
    /// None where the parts of a run take their test samples from `train`.
    test: Option<Dataset>,
    /// Of each file by its name; of drawn data, of what was drawn.
    sha256: BTreeMap<String, String>,
}

/// The samples of a run in parts.
#[derive(Clone, Debug)]
pub struct Parts {
    /// To train on.
    pub train: Dataset,
    /// To validate on.
    pub validation: Option<Dataset>,
    /// To test on, once.
    pub test: Dataset,
    /// What a record says of them.
    pub described: Data,
}

impl Library {
    /// Of the data sets in `folder`.
    pub fn new(folder: Result<PathBuf, NoFolder>) -> Self {
        Self { folder, sources: Mutex::default() }
    }

    /// The parts of a run with this `seed`.
    ///
    /// The test samples are drawn first and those to validate on next, so that both stay where only the
    /// number of those to train on changes.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn parts(&self, samples: &Samples, seed: u64) -> Result<Parts, LibraryError> {
        let read = self.read(samples.source)?;
        let Samples { train, validation, .. } = *samples;
        let own = read.test.as_ref().filter(|_| samples.test.is_none());
        let counts = [samples.test.unwrap_or(0), validation, train];
        let [test, validation, train] = parts(&read.train, counts, seed)?;
        let train = train.ok_or_else(|| nothing(&read.train, counts, 2))?;
        let test = own.cloned().or(test).ok_or_else(|| nothing(&read.train, counts, 0))?;
        let described = Data {
            name: train.name().to_owned(),
            test_name: test.name().to_owned(),
            train: train.len(),
            validation: validation.as_ref().map_or(0, Dataset::len),
            test: test.len(),
            sha256: read.sha256.clone(),
        };
        Ok(Parts { train, validation, test, described })
    }

    fn read(&self, source: Source) -> Result<Arc<Read>, LibraryError> {
        // Whoever panicked while it was locked left a map of whole sources.
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = sources.get(&source) {
            return Ok(Arc::clone(read));
        }
        let folder = || self.folder.as_deref().map_err(|&none| none);
        let read = Arc::new(match source {
            Source::Mnist => from_mnist(mnist::load(folder()?)?, false),
            Source::AllMnist => from_mnist(mnist::load(folder()?)?, true),
            Source::Cifar10 => from_cifar(cifar::load(folder()?)?),
            Source::Ellipse => drawn(ELLIPSE),
            Source::Hyperbola => drawn(HYPERBOLA),
        });
        sources.insert(source, Arc::clone(&read));
        Ok(read)
    }
}

/// Parts of these sizes, of which some may be empty.
fn parts(
    data: &Dataset,
    counts: [usize; 3],
    seed: u64,
) -> Result<[Option<Dataset>; 3], SplitError> {
    // The order of all samples is the same, however it is cut.
    let [whole] = split::by_counts(data, [data.len()], seed)?;
    if counts.iter().sum::<usize>() > data.len() {
        let (name, samples) = (data.name().to_owned(), data.len());
        return Err(SplitError::TooMany { name, counts: counts.to_vec(), samples });
    }
    let mut start = 0;
    Ok(counts.map(|count| {
        let positions: Vec<usize> = (start..start + count).collect();
        start += count;
        (count > 0).then(|| whole.select(&positions))
    }))
}

fn nothing(data: &Dataset, counts: [usize; 3], part: usize) -> SplitError {
    SplitError::Empty { name: data.name().to_owned(), part, counts: counts.to_vec() }
}

fn from_mnist(set: mnist::Mnist, pooled: bool) -> Read {
    let sha256 = checksums(&set.files);
    match pooled {
        true => Read { train: set.all, test: None, sha256 },
        false => Read { train: set.train, test: Some(set.test), sha256 },
    }
}

fn from_cifar(set: cifar::Cifar) -> Read {
    let sha256 = checksums(&set.files);
    Read { train: set.train, test: Some(set.test), sha256 }
}

fn drawn(form: ellipse::Form) -> Read {
    let train = ellipse::draw(POINTS[0], form, DRAWING);
    let test = ellipse::draw(POINTS[1], form, DRAWING + 1);
    let sum = |data: &Dataset| data.fingerprint().sha256;
    let sha256 = [("drawn to train on", sum(&train)), ("drawn to test on", sum(&test))];
    let sha256 = sha256.map(|(name, sum)| (name.to_owned(), sum)).into();
    Read { train, test: Some(test), sha256 }
}

fn checksums<'a>(files: impl IntoIterator<Item = &'a mnist::Source>) -> BTreeMap<String, String> {
    let name = |path: &Path| {
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    files.into_iter().map(|file| (name(&file.path), file.sha256.clone())).collect()
}
