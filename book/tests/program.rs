//! The program: what it prints, what it refuses, and that mdBook by itself makes the same pages.

#[allow(dead_code, reason = "each test file uses its part")]
mod fixture;

use book::Options;
use book::preprocessor::Chainrule;
use fixture::Fixture;
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_book"))
}

#[test]
fn this_book_is_in_order() {
    let options = Options::new(env!("CARGO_MANIFEST_DIR"));
    let summary = book::check(&options).unwrap_or_else(|error| panic!("{error}"));
    assert!(summary.equations >= 9 && summary.figures >= 1, "{summary}");
}

/// The command `mdbook build` loads the book as this does, and runs the preprocessor that book.toml
/// names.
#[test]
fn mdbook_by_itself_makes_the_same_pages() {
    let fixture = Fixture::new();
    let mut config = Config::from_disk(fixture.path("book/book.toml")).unwrap();
    let command = format!("\"{}\" preprocess", env!("CARGO_BIN_EXE_book"));
    config.set("preprocessor.chainrule.command", command.replace('\\', "/")).unwrap();
    config.build.build_dir = fixture.path("by-mdbook");
    MDBook::load_with_config(fixture.path("book"), config).unwrap().build().unwrap();

    let options = Options::new(fixture.path("book"));
    book::build(&options, &fixture.path("by-itself")).unwrap();
    let (by_mdbook, by_itself) = (files(&fixture, "by-mdbook"), files(&fixture, "by-itself"));
    assert!(by_itself.iter().any(|path| path.ends_with("01-scale.html")));
    assert_eq!(by_mdbook, by_itself);
    for path in by_itself {
        let read = |site: &str| fs::read(fixture.path(site).join(&path)).unwrap();
        // In one of them a formula stands once, in the other twice.
        let is_index = path.to_string_lossy().starts_with("searchindex");
        assert_eq!(read("by-mdbook") == read("by-itself"), !is_index, "{}", path.display());
    }
    let page = fs::read_to_string(fixture.path("by-mdbook/01-scale.html")).unwrap();
    assert!(page.contains("id=\"eq:double\""));
}

/// The paths of all files in the folder `site` of the fixture, in order.
fn files(fixture: &Fixture, site: &str) -> BTreeSet<PathBuf> {
    let top = fixture.path(site);
    let mut folders = vec![top.clone()];
    let mut files = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(&top).unwrap().to_owned());
            }
        }
    }
    files
}

#[test]
fn mdbook_is_told_of_problems_and_renderers() {
    let supports =
        |renderer| program().args(["preprocess", "supports", renderer]).status().unwrap().success();
    assert!(supports("html"));
    assert!(!supports("epub"));

    let fixture = Fixture::new().append("chapters/02-shift.md", "See [](#eq:none).");
    let loaded = MDBook::load(fixture.path("book")).unwrap();
    let context = PreprocessorContext::new(loaded.root, loaded.config, "html".to_owned());
    let mut child = program()
        .arg("preprocess")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(&(&context, &loaded.book)).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("chapters/02-shift.md:39: `#eq:none` is not there"), "{message}");
    assert!(message.ends_with("1 problem: the book is not built\n"), "{message}");
}

#[test]
fn book_toml_names_this_preprocessor() {
    let loaded = MDBook::load(env!("CARGO_MANIFEST_DIR")).unwrap();
    let command: Option<String> = loaded.config.get("preprocessor.chainrule.command").unwrap();
    assert!(command.unwrap().ends_with("-- preprocess"));
    assert_eq!(Chainrule::default().name(), "chainrule");
}

/// Ends the server with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn serve_prints_its_address_and_answers() {
    let child = program().args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(". ").next().unwrap();

    let page = get(address, "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("text/html") && page.contains("new EventSource(\"/changes\")"));
    assert!(get(address, "/theme/katex.css").contains("content-type: text/css"));
    assert!(get(address, "/none.html").starts_with("HTTP/1.1 404"));
    assert!(get(address, "/../Cargo.toml").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_silent_connection_keeps_no_other_waiting() {
    let child = program().args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(". ").next().unwrap();
    let silent: Vec<_> = (0..12).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert!(get(address, "/").starts_with("HTTP/1.1 200"));
    drop(silent);
}

#[test]
fn readers_are_told_of_a_change() {
    let child = program().args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line.split("http://").nth(1).unwrap().split(". ").next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /changes HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = BufReader::new(stream).lines();
    assert_eq!(answer.next().unwrap().unwrap(), "HTTP/1.1 200 OK");

    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chapters/notation.md");
    File::options().append(true).open(chapter).unwrap().set_modified(SystemTime::now()).unwrap();
    assert!(answer.map_while(Result::ok).any(|line| line == "data: reload"));
    // Where no widget can be compiled, one line before says so.
    let line =
        lines.map(Result::unwrap).find(|line| !line.starts_with("widgets: left out")).unwrap();
    assert!(line.starts_with("notation.md: rebuilt in "), "{line}");
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = program().args(["serve", "--port", &port.to_string()]).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{message}");
    assert!(message.contains("`-- serve --port "), "{message}");
}

#[test]
fn an_address_of_another_machine_is_named_with_the_way_out() {
    let output = program().args(["serve", "--host", "192.0.2.1", "--port", "0"]).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("cannot listen on 192.0.2.1:0: "), "{message}");
    assert!(message.ends_with("`-- serve --host 127.0.0.1`\n"), "{message}");
}

#[test]
fn the_theme_keeps_its_fonts_and_their_licenses() {
    let fonts = Path::new(env!("CARGO_MANIFEST_DIR")).join("theme/fonts");
    let css = fs::read_to_string(fonts.join("fonts.css")).unwrap();
    for rest in css.split("url(").skip(1) {
        let name = rest.split(')').next().unwrap();
        assert!(fonts.join(name).is_file(), "{name}");
    }
    for name in ["KaTeX", "SourceSerif4", "SourceCodePro"] {
        assert!(fonts.join(format!("{name}-LICENSE.txt")).is_file(), "{name}");
    }
}
