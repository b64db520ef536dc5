//! The book on a local address, rebuilt and shown anew whenever something that it quotes changes.
//!
//! The site is served from memory. While a chapter does not build, its last good pages stay, and
//! the problems are printed.
//!
//! Each connection has a thread and one answer. A browser opens six at a time, and some only in
//! advance: where they share fewer threads, a page waits for a connection that says nothing.
//!
//! Changes are found by looking at the times of all files, a few hundred, several times a second.
//! The system's notices would tell of every reading too, and the build reads what it is told of.

use crate::site::Site;
use crate::{Options, build, show};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use thiserror::Error;

/// Why the book is not served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {reason}. {way_out}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why not.
        reason: String,
        /// What to try.
        way_out: String,
    },
    /// The first build failed.
    #[error(transparent)]
    Build(#[from] mdbook_driver::errors::Error),
}

/// Listens at the end of each page for the word to load it again.
const RELOAD: &str =
    "<script>new EventSource(\"/changes\").onmessage = () => location.reload();</script>\n";

/// The pages, and the readers who wait for changes.
#[derive(Default)]
struct Shared {
    site: RwLock<Site>,
    readers: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn readers(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another site in the place of this one and tells all readers.
    fn renew(&self, site: Site) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
        for mut reader in self.readers().drain(..) {
            // A reader who is gone does not answer, and is forgotten as the others are: they
            // come back with the new page.
            let _ = reader.write_all(b"data: reload\n\n");
        }
    }
}

/// Serves the book until the process ends.
///
/// # Errors
/// [`ServeError`].
pub fn serve(options: &Options, host: IpAddr, port: u16) -> Result<(), ServeError> {
    let address = SocketAddr::new(host, port);
    let listener = TcpListener::bind(address).map_err(|error| {
        let way_out = if error.kind() == io::ErrorKind::AddrNotAvailable {
            "Name an address of this machine: `-- serve --host 127.0.0.1`".to_owned()
        } else {
            let other = port.wrapping_add(1).max(1024);
            format!("Choose another port: `-- serve --port {other}`")
        };
        ServeError::Address { address, reason: error.to_string(), way_out }
    })?;
    let folder = tempfile::tempdir().map_err(mdbook_driver::errors::Error::from)?;
    let shared = Arc::new(Shared::default());
    let times = times(options);
    rebuild(options, folder.path(), &shared)?;
    let local = listener.local_addr().unwrap_or(address);
    println!("The book is at http://{local}. It follows your changes; Ctrl-C ends it.");
    let pages = Arc::clone(&shared);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let pages = Arc::clone(&pages);
            // A reader who went away while the page was sent is no fault.
            thread::spawn(move || answer(stream, &pages));
        }
    });
    watch(options, folder.path(), &shared, times)
}

fn rebuild(
    options: &Options,
    folder: &Path,
    shared: &Shared,
) -> Result<(), mdbook_driver::errors::Error> {
    build(options, folder)?;
    shared.renew(Site::read(folder)?);
    Ok(())
}

/// Rebuilds whenever a file changes, and never returns.
fn watch(options: &Options, folder: &Path, shared: &Shared, mut known: Times) -> ! {
    loop {
        thread::sleep(Duration::from_millis(300));
        let times = times(options);
        let Some(changed) = first_change(&known, &times) else { continue };
        let start = Instant::now();
        let name = changed.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match rebuild(options, folder, shared) {
            Ok(()) => println!("{name}: rebuilt in {:.1} s", start.elapsed().as_secs_f64()),
            Err(error) => show(&error),
        }
        known = times;
    }
}

/// When each file was last changed.
type Times = BTreeMap<PathBuf, SystemTime>;

fn times(options: &Options) -> Times {
    let mut times = Times::new();
    for path in options.watched() {
        add_times(&path, &mut times);
    }
    times
}

/// A file that goes away while it is looked at has no time, which is a change.
fn add_times(path: &Path, times: &mut Times) {
    let Ok(metadata) = path.metadata() else { return };
    if metadata.is_dir() {
        // Checkpoints of Jupyter, and the like.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        for entry in path.read_dir().into_iter().flatten().flatten().filter(|_| !hidden) {
            add_times(&entry.path(), times);
        }
    } else if let Ok(time) = metadata.modified() {
        times.insert(path.to_owned(), time);
    }
}

fn first_change<'a>(before: &'a Times, after: &'a Times) -> Option<&'a PathBuf> {
    let gone = before.keys().find(|path| !after.contains_key(*path));
    let new = after.iter().find(|(path, time)| before.get(*path) != Some(time));
    new.map(|(path, _)| path).or(gone)
}

/// The longest head of a request that is read, in bytes.
const LONGEST_REQUEST: u64 = 1 << 16;

/// How long a connection may be silent before its request has come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers the only request of a connection.
fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?.take(LONGEST_REQUEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // To close a connection with something unread would reset it, and lose the answer.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let url = request.split(' ').nth(1).unwrap_or_default();
    let url = url.split(['?', '#']).next().unwrap_or_default();
    if url == "/changes" {
        stream.write_all(&head("200 OK", "text/event-stream"))?;
        shared.readers().push(stream);
        return Ok(());
    }
    let site = shared.site.read().unwrap_or_else(PoisonError::into_inner);
    let (status, name, file) = match site.file(url) {
        Some(file) => ("200 OK", url, file),
        None => ("404 Not Found", "404.html", site.file("404.html").unwrap_or_default()),
    };
    let kind = content_type(name);
    let mut response = head(status, kind);
    response.extend_from_slice(file);
    if kind.starts_with("text/html") {
        response.extend_from_slice(RELOAD.as_bytes());
    }
    drop(site);
    stream.write_all(&response)
}

/// The lines before the body, which ends with the connection. While one writes, a page must not
/// come from the browser's memory.
fn head(status: &str, kind: &str) -> Vec<u8> {
    let fields = format!("Content-Type: {kind}\r\nCache-Control: no-store\r\nConnection: close");
    format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n").into_bytes()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_deleted_files_are_changes() {
        let (early, late) = (SystemTime::UNIX_EPOCH, SystemTime::now());
        let times = |pairs: &[(&str, SystemTime)]| -> Times {
            pairs.iter().map(|(path, time)| (PathBuf::from(path), *time)).collect()
        };
        let before = times(&[("a", early), ("b", early)]);
        let change = |after: &Times| first_change(&before, after).cloned();
        assert_eq!(change(&before), None);
        assert_eq!(change(&times(&[("a", early), ("b", late)])), Some("b".into()));
        assert_eq!(change(&times(&[("a", early), ("b", early), ("c", early)])), Some("c".into()));
        assert_eq!(change(&times(&[("b", early)])), Some("a".into()));
    }
}
