//! The book on a local address, rebuilt and shown anew whenever something that it quotes changes.
//!
//! The site is served from memory. While a chapter does not build, its last good pages stay, and
//! the problems are printed.

use crate::site::Site;
use crate::{Options, build, show};
use notify_debouncer_mini::new_debouncer;
use notify_debouncer_mini::notify::RecursiveMode;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;
use tiny_http::{Header, Request, Response, Server};

/// Why the book is not served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {reason}. Choose another port: `-- serve --port {other}`")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why not.
        reason: String,
        /// A port to try.
        other: u16,
    },
    /// Changes of files cannot be seen.
    #[error("cannot watch the files: {0}. Build by hand: `cargo run --release -p book`")]
    Watch(#[from] notify_debouncer_mini::notify::Error),
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
    readers: Mutex<Vec<Box<dyn Write + Send>>>,
}

impl Shared {
    fn readers(&self) -> MutexGuard<'_, Vec<Box<dyn Write + Send>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another site in the place of this one and tells all readers.
    fn renew(&self, site: Site) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
        for mut reader in self.readers().drain(..) {
            // A reader who is gone does not answer, and is forgotten as the others are: they
            // come back with the new page.
            let _ = reader.write_all(b"data: reload\n\n").and_then(|()| reader.flush());
        }
    }
}

/// Serves the book until the process ends.
///
/// # Errors
/// [`ServeError`].
pub fn serve(options: &Options, host: IpAddr, port: u16) -> Result<(), ServeError> {
    let address = SocketAddr::new(host, port);
    let server = Server::http(address).map_err(|error| ServeError::Address {
        address,
        reason: error.to_string(),
        other: port.wrapping_add(1).max(1024),
    })?;
    let folder = tempfile::tempdir().map_err(mdbook_driver::errors::Error::from)?;
    let shared = Arc::new(Shared::default());
    rebuild(options, folder.path(), &shared)?;
    let local = server.server_addr().to_ip().unwrap_or(address);
    println!("The book is at http://{local}. It follows your changes; Ctrl-C ends it.");
    let pages = Arc::clone(&shared);
    thread::spawn(move || {
        for request in server.incoming_requests() {
            // A reader who went away while the page was sent is no fault.
            let _ = answer(request, &pages);
        }
    });
    watch(options, folder.path(), &shared)
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

fn watch(options: &Options, folder: &Path, shared: &Shared) -> Result<(), ServeError> {
    let (sender, changes) = mpsc::channel();
    let mut debouncer = new_debouncer(Duration::from_millis(200), sender)?;
    for path in options.watched() {
        debouncer.watcher().watch(&path, RecursiveMode::Recursive)?;
    }
    for change in changes {
        let Ok(events) = change else { continue };
        // What the build itself writes is no change.
        let Some(event) = events.iter().find(|event| !options.is_output(&event.path)) else {
            continue;
        };
        let start = Instant::now();
        let name = event.path.file_name().unwrap_or_default().to_string_lossy();
        match rebuild(options, folder, shared) {
            Ok(()) => println!("{name}: rebuilt in {:.1} s", start.elapsed().as_secs_f64()),
            Err(error) => show(&error),
        }
    }
    Ok(())
}

fn answer(request: Request, shared: &Shared) -> io::Result<()> {
    let url = request.url().split(['?', '#']).next().unwrap_or("/").to_owned();
    if url == "/changes" {
        let mut reader = request.into_writer();
        reader.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n",
        )?;
        reader.flush()?;
        shared.readers().push(reader);
        return Ok(());
    }
    let site = shared.site.read().unwrap_or_else(PoisonError::into_inner);
    let (status, name, file) = match site.file(&url) {
        Some(file) => (200, url.as_str(), file),
        None => (404, "404.html", site.file("404.html").unwrap_or_default()),
    };
    let kind = content_type(name);
    let mut body = file.to_vec();
    if kind.starts_with("text/html") {
        body.extend_from_slice(RELOAD.as_bytes());
    }
    // While one writes, a page must not come from the browser's memory.
    let mut response = Response::from_data(body).with_status_code(status);
    for (field, value) in [("Content-Type", kind), ("Cache-Control", "no-store")] {
        if let Ok(header) = Header::from_bytes(field, value) {
            response = response.with_header(header);
        }
    }
    request.respond(response)
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
