//! The book on a local address, rebuilt and shown anew whenever something that it quotes changes.
//!
//! The site is served from memory. While a chapter does not build, its last good pages stay, and
//! the problems are printed.

use crate::site::Site;
use crate::widgets::Widgets;
use crate::{Options, build, show};
use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream;
use notify::{Config, PollWatcher, RecursiveMode, Watcher};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::runtime;
use tokio::sync::watch;

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
    /// The files cannot be watched.
    #[error("cannot watch the files of the book: {0}")]
    Watch(#[from] notify::Error),
    /// The system refuses what a server needs.
    #[error("cannot start the server: {0}")]
    System(#[from] io::Error),
}

/// Listens at the end of each page for the word to load it again.
const RELOAD: &str =
    "<script>new EventSource(\"/changes\").onmessage = () => location.reload();</script>\n";

/// The site of the last good build, for those who read it and wait for the next.
type Pages = watch::Receiver<Arc<Site>>;

/// Serves the book until the process ends.
///
/// # Errors
/// [`ServeError`].
pub fn serve(options: &Options, host: IpAddr, port: u16) -> Result<(), ServeError> {
    let listener = listen(SocketAddr::new(host, port))?;
    let local = listener.local_addr()?;
    let folder = tempfile::tempdir()?;
    let (_watcher, changes) = watch_files(options)?;
    let (first, widgets) = rebuild(options, folder.path())?;
    let (site, pages) = watch::channel(Arc::new(first));
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    thread::spawn(move || runtime.block_on(answer(listener, pages)));
    println!("The book is at http://{local}. It follows your changes; Ctrl-C ends it.");
    if widgets == Widgets::Missing {
        println!("{widgets}");
    }
    while let Some(path) = next_change(&changes, options.top()) {
        let start = Instant::now();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match rebuild(options, folder.path()) {
            Ok((new, _)) => {
                site.send_replace(Arc::new(new));
                println!("{name}: rebuilt in {:.1} s", start.elapsed().as_secs_f64());
            }
            Err(error) => show(&error),
        }
    }
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|error| {
        let way_out = if error.kind() == io::ErrorKind::AddrNotAvailable {
            "Name an address of this machine: `-- serve --host 127.0.0.1`".to_owned()
        } else {
            let other = address.port().wrapping_add(1).max(1024);
            format!("Choose another port: `-- serve --port {other}`")
        };
        ServeError::Address { address, reason: error.to_string(), way_out }
    })
}

type Rebuilt = (Site, Widgets);

fn rebuild(options: &Options, folder: &Path) -> Result<Rebuilt, mdbook_driver::errors::Error> {
    let summary = build(options, folder)?;
    Ok((Site::read(folder)?, summary.widgets))
}

type Changes = Receiver<notify::Result<notify::Event>>;

/// Looks at the files, a few hundred, twice a second.
///
/// The system's own notices come sooner. But a network drive has none, nor has a Windows drive seen
/// from Linux, and Linux sends one for every file that the build reads.
fn watch_files(options: &Options) -> Result<(PollWatcher, Changes), notify::Error> {
    let (sender, changes) = mpsc::channel();
    let every = Duration::from_millis(500);
    // The watcher keeps times in seconds. By times alone it would miss a second change in one.
    let config = Config::default().with_poll_interval(every).with_compare_contents(true);
    let mut watcher = PollWatcher::new(sender, config)?;
    for path in options.watched() {
        watcher.watch(&path, RecursiveMode::Recursive)?;
    }
    Ok((watcher, changes))
}

/// The next file in the folder `top` that changes. All that has changed by then is in one build.
fn next_change(changes: &Changes, top: &Path) -> Option<PathBuf> {
    let path = changes.iter().find_map(|event| changed_file(event, top))?;
    while changes.try_recv().is_ok() {}
    Some(path)
}

/// The file that an event tells of. A folder changes with its files, and nothing hidden, such as a
/// checkpoint of Jupyter, is quoted.
fn changed_file(event: notify::Result<notify::Event>, top: &Path) -> Option<PathBuf> {
    let is_hidden = |path: &Path| {
        let path = path.strip_prefix(top).unwrap_or(path);
        path.iter().any(|part| part.to_string_lossy().starts_with('.'))
    };
    event.ok()?.paths.into_iter().find(|path| !path.is_dir() && !is_hidden(path))
}

async fn answer(listener: TcpListener, pages: Pages) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let routes = Router::new().route("/changes", get(changes)).fallback(get(page));
    axum::serve(listener, routes.with_state(pages)).await
}

/// Tells an open page of every new site.
async fn changes(State(mut pages): State<Pages>) -> impl IntoResponse {
    pages.mark_unchanged();
    Sse::new(stream::unfold(pages, async |mut pages| {
        pages.changed().await.ok()?;
        Some((Ok::<_, Infallible>(Event::default().data("reload")), pages))
    }))
}

async fn page(State(pages): State<Pages>, url: Uri) -> impl IntoResponse {
    let site = Arc::clone(&pages.borrow());
    let (status, name, file) = match site.file(url.path()) {
        Some(file) => (StatusCode::OK, url.path(), file),
        None => (StatusCode::NOT_FOUND, "404.html", site.file("404.html").unwrap_or_default()),
    };
    let kind = content_type(name);
    let mut body = file.to_vec();
    if kind.starts_with("text/html") {
        body.extend_from_slice(RELOAD.as_bytes());
    }
    // While one writes, a page must not come from the browser's memory.
    (status, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
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
    use notify::{Event, EventKind};

    #[test]
    fn a_file_in_sight_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        let change =
            |path: PathBuf| changed_file(Ok(Event::new(EventKind::Any).add_path(path)), top);
        assert_eq!(change(top.to_owned()), None);
        assert_eq!(change(top.join(".ipynb_checkpoints/a.ipynb")), None);
        assert_eq!(change(top.join("gone.md")), Some(top.join("gone.md")));
    }
}
