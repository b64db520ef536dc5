//! The download of a public data set.
//!
//! A file is written under its name with `.part` behind it. What a cut connection leaves there,
//! the next download goes on from. Once the checksum is right the file takes its name, so under
//! that name stands the whole file or none.
//!
//! Every file has a known size. A mirror that sends more is cut off there.

use crate::data::inventory::{Verdict, verify};
use crate::data::known::{self, Checked, KnownFile, Set};
use crate::data::mnist;
use crate::regular;
use flate2::read::MultiGzDecoder;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

/// Longest wait for a connection, and for the next bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file.
    pub file: &'a str,
    /// Bytes at hand.
    pub done: u64,
    /// Bytes in all, where the mirror tells.
    pub total: Option<u64>,
}

/// A file that is at hand, whole and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its address, or `None` where it was at hand before.
    pub from: Option<String>,
}

/// A file that could not be downloaded.
#[derive(Debug, Error)]
pub enum FetchError {
    /// A mirror cannot be reached.
    #[error("{url}: no answer ({source}): check the connection, or name another mirror")]
    Connection {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// A mirror answers with something else than the file.
    #[error("{url}: the mirror answers {status}: name another mirror")]
    Status {
        /// The address.
        url: String,
        /// The status of the answer, such as `404 Not Found`.
        status: StatusCode,
    },
    /// The connection broke before the end.
    #[error(
        "{url}: cut off after {done}{} bytes ({reason}): {} keeps them, and the next download \
         goes on from there",
        total.map_or(String::new(), |total| format!(" of {total}")), part.display()
    )]
    Cut {
        /// The address.
        url: String,
        /// The partial file.
        part: PathBuf,
        /// Bytes at hand.
        done: u64,
        /// Bytes in all, where the mirror told.
        total: Option<u64>,
        /// How the connection ended.
        reason: String,
    },
    /// What was downloaded is not the file.
    #[error(
        "{url}: expected SHA-256 {expected}, found {found}: the download is deleted; try again, \
         or name another mirror"
    )]
    Checksum {
        /// The address.
        url: String,
        /// The checksum that it should have.
        expected: &'static str,
        /// The checksum that it has, or why it has none.
        found: String,
    },
    /// A mirror sends more than the file has.
    #[error(
        "{url}: cut off, as it is longer than the {limit} bytes that the file has at most: the \
         download is deleted; name another mirror"
    )]
    TooLong {
        /// The address.
        url: String,
        /// The most bytes that the file has.
        limit: u64,
    },
    /// There is no room.
    #[error(
        "{}: no room ({source}): free some, and the next download goes on from there, or name \
         another folder",
        path.display()
    )]
    Full {
        /// What was written.
        path: PathBuf,
        /// Why it cannot be.
        source: io::Error,
    },
    /// A folder or file cannot be written to.
    #[error("{}: cannot be written ({source}): name a folder that you may write to", path.display())]
    Unwritable {
        /// What was to be written.
        path: PathBuf,
        /// Why it cannot be.
        source: io::Error,
    },
    /// There is another file under that name already.
    #[error(
        "{}: there already, with SHA-256 {found} instead of {expected}: it is left as it is; move \
         it away, or name another folder",
        path.display()
    )]
    Occupied {
        /// The file.
        path: PathBuf,
        /// The checksum that it should have.
        expected: &'static str,
        /// The checksum that it has, or why it has none.
        found: String,
    },
    /// No mirror gave the file.
    #[error("{file}: no mirror gave it: {}", failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mirrors {
        /// The file.
        file: &'static str,
        /// What went wrong at each mirror, in the order in which they were tried.
        failures: Vec<FetchError>,
    },
}

impl FetchError {
    fn write(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full { path, source },
            _ => Self::Unwritable { path, source },
        }
    }

    /// Whether another mirror may help.
    fn is_of_the_mirror(&self) -> bool {
        match self {
            Self::Connection { .. }
            | Self::Status { .. }
            | Self::Cut { .. }
            | Self::Checksum { .. }
            | Self::TooLong { .. }
            | Self::Mirrors { .. } => true,
            Self::Full { .. } | Self::Unwritable { .. } | Self::Occupied { .. } => false,
        }
    }
}

/// The addresses under which public mirrors offer a set's files.
pub fn mirrors(set: Set) -> &'static [&'static str] {
    match set {
        Set::Mnist => &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        Set::Cifar10 => &["https://www.cs.toronto.edu/~kriz/"],
    }
}

/// Downloads `set` into its place in `folder`, from `mirror` where it is given and from the
/// public mirrors otherwise. A set that is there already, in any place where it is looked for, is
/// verified and left.
///
/// `progress` is called again and again while bytes arrive.
///
/// # Errors
/// [`FetchError`]. Files that were whole by then stay.
pub fn fetch(
    set: Set,
    folder: &Path,
    mirror: Option<&str>,
    progress: impl FnMut(Progress<'_>),
) -> Result<Vec<Fetched>, FetchError> {
    for place in set.folders() {
        let place = folder.join(place);
        let there: Option<Vec<_>> =
            set.files().iter().map(|file| at_hand(file, &place).ok().flatten()).collect();
        if let Some(paths) = there {
            return Ok(paths.into_iter().map(|path| Fetched { path, from: None }).collect());
        }
    }
    if let Verdict::Repacked(found) = verify(set, folder) {
        return Ok(found.into_iter().map(|file| Fetched { path: file.path, from: None }).collect());
    }
    let target = folder.join(set.folders()[0]);
    match mirror {
        Some(mirror) => fetch_files(set.files(), &target, &[mirror], progress),
        None => fetch_files(set.files(), &target, mirrors(set), progress),
    }
}

/// Downloads `files` into `folder`, each from the first of `mirrors` that has it. A mirror is the
/// address before a file's name.
///
/// # Errors
/// [`FetchError`]. Files that were whole by then stay.
pub fn fetch_files(
    files: &[KnownFile],
    folder: &Path,
    mirrors: &[&str],
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Vec<Fetched>, FetchError> {
    let agent: Agent = Agent::config_builder()
        .user_agent(concat!("chainrule/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .into();
    fs::create_dir_all(folder).map_err(|source| FetchError::write(folder, source))?;
    files.iter().map(|file| fetch_file(&agent, file, folder, mirrors, &mut progress)).collect()
}

fn fetch_file(
    agent: &Agent,
    file: &KnownFile,
    folder: &Path,
    mirrors: &[&str],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, FetchError> {
    if let Some(path) = at_hand(file, folder)? {
        return Ok(Fetched { path, from: None });
    }
    let mut failures = Vec::new();
    for mirror in mirrors {
        let url = format!("{}/{}", mirror.trim_end_matches('/'), file.name);
        match download(agent, file, &url, folder, progress) {
            Ok(path) => return Ok(Fetched { path, from: Some(url) }),
            Err(error) if error.is_of_the_mirror() => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(match failures.len() {
        1 => failures.remove(0),
        _ => FetchError::Mirrors { file: file.name, failures },
    })
}

/// The file where it is in `folder` already, as a mirror has it or unpacked.
fn at_hand(file: &KnownFile, folder: &Path) -> Result<Option<PathBuf>, FetchError> {
    // What cannot be looked into cannot be written to either.
    let found = mnist::find(folder, file).map_err(|source| FetchError::write(folder, source))?;
    let Some(path) = found else { return Ok(None) };
    let packed = path.ends_with(file.name);
    match checksum(file, &path, packed) {
        Ok(found) if found == file.sha256 => Ok(Some(path)),
        other => {
            let found = other.unwrap_or_else(|error| format!("none ({error})"));
            Err(FetchError::Occupied { path, expected: file.sha256, found })
        }
    }
}

/// The checksum of `file` at `path`, `packed` as a mirror has it or not. Of what unpacks to more
/// than the file has, only a byte too many is read.
fn checksum(file: &KnownFile, path: &Path, packed: bool) -> io::Result<String> {
    let opened = regular::open(path)?;
    match (packed, file.checked) {
        (true, Checked::Unpacked) => known::sha256(MultiGzDecoder::new(opened).take(file.size + 1)),
        _ => known::sha256(opened),
    }
}

/// Downloads one file from one address, verifies it and gives it its name.
fn download(
    agent: &Agent,
    file: &KnownFile,
    url: &str,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let part = folder.join(format!("{}.part", file.name));
    // A download may have been stopped between its last byte and its new name.
    if !checksum(file, &part, true).is_ok_and(|found| found == file.sha256) {
        receive(agent, file, url, &part, progress)?;
        let found = checksum(file, &part, true)
            .unwrap_or_else(|error| format!("none, as it does not unpack ({error})"));
        if found != file.sha256 {
            fs::remove_file(&part).map_err(|source| FetchError::write(&part, source))?;
            return Err(FetchError::Checksum { url: url.into(), expected: file.sha256, found });
        }
    }
    let path = folder.join(file.name);
    fs::rename(&part, &path).map_err(|source| FetchError::write(&path, source))?;
    Ok(path)
}

/// Writes what `url` has to `part`, from where `part` ends.
fn receive(
    agent: &Agent,
    file: &KnownFile,
    url: &str,
    part: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    let unwritable = |source| FetchError::write(part, source);
    let limit = file.limit();
    let mut done = match regular::open(part) {
        Ok(part) => part.metadata().map_err(unwritable)?.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(unwritable(error)),
    };
    if done >= limit {
        // What is that long and not the file is not its beginning either.
        done = 0;
    }
    let mut response = request(agent, url, done)?;
    if done > 0 && !continues(&response, done) {
        // 200 is the whole file: the mirror ignores ranges. Anything else (416: there is nothing
        // behind these bytes) says that they are not the beginning of this file.
        done = 0;
        if response.status() != StatusCode::OK {
            response = request(agent, url, done)?;
        }
    }
    if done == 0 && response.status() != StatusCode::OK {
        return Err(FetchError::Status { url: url.into(), status: response.status() });
    }
    let total = response.body().content_length().map(|length| done.saturating_add(length));
    let mut options = OpenOptions::new();
    let options = if done > 0 { options.append(true) } else { options.write(true).truncate(true) };
    let mut output = options.create(true).open(part).map_err(unwritable)?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    let cut = |done, reason| {
        let (url, part) = (url.to_owned(), part.to_owned());
        FetchError::Cut { url, part, done, total, reason }
    };
    progress(Progress { file: file.name, done, total });
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Err(cut(done, error.to_string())),
        };
        if done + read as u64 > limit {
            fs::remove_file(part).map_err(unwritable)?;
            return Err(FetchError::TooLong { url: url.into(), limit });
        }
        output.write_all(&buffer[..read]).map_err(unwritable)?;
        done += read as u64;
        progress(Progress { file: file.name, done, total });
    }
    if total.is_some_and(|total| done < total) {
        return Err(cut(done, "the mirror closed the connection".into()));
    }
    output.sync_all().map_err(unwritable)
}

/// Asks for all of `url` behind its first `done` bytes.
fn request(agent: &Agent, url: &str, done: u64) -> Result<Response<Body>, FetchError> {
    let mut request = agent.get(url);
    if done > 0 {
        request = request.header(header::RANGE, format!("bytes={done}-"));
    }
    request
        .call()
        .map_err(|source| FetchError::Connection { url: url.into(), source: Box::new(source) })
}

/// Whether the answer goes on from byte `done`.
fn continues(response: &Response<Body>, done: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    response.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {done}-")))
}
