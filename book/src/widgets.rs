//! What moves in the pages: the widgets' modules and scripts, put into a built site.
//!
//! A ```` ```widget ```` block ([`crate::figures`]) leaves a recorded figure and an empty element in
//! its page. Here the pages that have one get scripts, and the site the files. Scripts are classic and
//! a widget's module stands in one of them, as base64: a page that is opened from the disk may load
//! nothing else. Without modules the pages stay as they are, and show the recorded figures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};
use thiserror::Error;

/// The environment variable that names a folder of ready modules, `NAME.wasm` for the widget NAME.
pub const VARIABLE: &str = "CHAINRULE_WIDGETS";

/// What the modules are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// The scripts that all widgets share, in the order in which they are run.
const SHARED: [&str; 3] = ["widget", "controls", "plot"];

/// Where the crate is in the repository, and its scripts.
const SCRIPTS: &str = "book/widgets/js";
const STYLE: &str = "book/widgets/widgets.css";

/// The folder in the site.
const FOLDER: &str = "widgets";

/// Where a book has its widgets' modules from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// They are compiled, where this machine can, and else left out.
    #[default]
    IfPossible,
    /// They are compiled, and it is an error where this machine cannot.
    Compiled,
    /// They are in this folder.
    Ready(PathBuf),
    /// Nowhere: the book is built without.
    LeftOut,
}

impl Wish {
    /// The modules that the environment names by [`VARIABLE`], or compiled ones where that is possible.
    pub fn of_environment() -> Self {
        let path = env::var_os(VARIABLE).filter(|path| !path.is_empty());
        path.map_or(Self::IfPossible, |path| Self::Ready(path.into()))
    }

    /// The same, but never left out.
    pub fn required(self) -> Self {
        if self == Self::IfPossible { Self::Compiled } else { self }
    }
}

/// What became of the widgets of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Widgets {
    /// No page has one.
    #[default]
    None,
    /// This many pages have theirs.
    Running(usize),
    /// They are left out: this machine cannot compile them.
    Missing,
}

impl fmt::Display for Widgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "pages with widgets: 0"),
            Self::Running(pages) => write!(f, "pages with widgets: {pages}"),
            Self::Missing => write!(
                f,
                "widgets: left out, their recorded figures are shown. To have them: \
                 `rustup target add {TARGET}`"
            ),
        }
    }
}

/// Why a book that needs its widgets has none.
#[derive(Debug, Error)]
pub enum WidgetsError {
    /// Nothing here compiles for the target.
    #[error(
        "the widgets cannot be compiled: Rust's target {TARGET} is not installed. \
         `rustup target add {TARGET}`, or name a folder of ready modules by {VARIABLE}"
    )]
    NoTarget,
    /// The module cannot be read.
    #[error("cannot read the module {}: {source}. Correct {VARIABLE}, or unset it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no module.
    #[error("{} is no WebAssembly module. Compile it again", path.display())]
    NoModule {
        /// The file.
        path: PathBuf,
    },
    /// The compiler refuses the crate.
    #[error("the widgets do not compile, see above: `cargo check -p widgets` says more")]
    Compile,
    /// A file cannot be read or written.
    #[error("the widgets cannot be put into the site: {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Gives the pages of the site in `folder` their widgets, compiled from the repository at `top`.
///
/// # Errors
/// [`WidgetsError`].
pub fn install(top: &Path, folder: &Path, wish: &Wish) -> Result<Widgets, WidgetsError> {
    let pages = pages(folder)?;
    if pages.is_empty() {
        return Ok(Widgets::None);
    }
    match wish {
        Wish::Ready(_) => {}
        Wish::Compiled | Wish::IfPossible if has_target(top) => {}
        Wish::Compiled => return Err(WidgetsError::NoTarget),
        Wish::IfPossible => return Ok(Widgets::Missing),
        Wish::LeftOut => return Ok(Widgets::None),
    }
    let into = folder.join(FOLDER);
    at(&into, fs::create_dir_all(&into))?;
    let copy = |name: &str, path: String| {
        let (from, to) = (top.join(path), into.join(name));
        at(&from, fs::copy(&from, &to)).map(drop)
    };
    copy("widgets.css", STYLE.to_owned())?;
    for name in SHARED {
        copy(&format!("{name}.js"), format!("{SCRIPTS}/{name}.js"))?;
    }
    for (path, text, names) in &pages {
        let mut tags = format!("<link rel=\"stylesheet\" href=\"{FOLDER}/widgets.css\">\n");
        let mut load = |script: &str| {
            tags.push_str(&format!("<script defer src=\"{FOLDER}/{script}.js\"></script>\n"));
        };
        SHARED.iter().for_each(|script| load(script));
        for name in names {
            let module = match wish {
                Wish::Ready(folder) => folder.join(format!("{name}.wasm")),
                _ => compile(top, name)?,
            };
            let module = STANDARD.encode(read(module)?);
            let script = format!("chainrule.modules[\"{name}\"] = \"{module}\";\n");
            at(&into, fs::write(into.join(format!("{name}.module.js")), script))?;
            copy(&format!("{name}.js"), format!("{SCRIPTS}/{name}.js"))?;
            load(&format!("{name}.module"));
            load(name);
        }
        at(path, fs::write(path, text.replacen("</head>", &format!("{tags}</head>"), 1)))?;
    }
    Ok(Widgets::Running(pages.len()))
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, WidgetsError> {
    result.map_err(|source| WidgetsError::File { path: path.to_owned(), source })
}

/// The pages with widgets: their path, their text, the names of their widgets. The page that is the
/// whole book is for paper, where nothing moves.
type Pages = Vec<(PathBuf, String, Vec<String>)>;

fn pages(folder: &Path) -> Result<Pages, WidgetsError> {
    let mut pages = Vec::new();
    for entry in at(folder, fs::read_dir(folder))? {
        let path = at(folder, entry)?.path();
        if path.extension().is_none_or(|extension| extension != "html")
            || path.ends_with("print.html")
        {
            continue;
        }
        let text = at(&path, fs::read_to_string(&path))?;
        let names: Vec<String> = text
            .split("data-widget=\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect();
        if !names.is_empty() {
            pages.push((path, text, names));
        }
    }
    Ok(pages)
}

fn read(path: PathBuf) -> Result<Vec<u8>, WidgetsError> {
    match fs::read(&path) {
        Ok(module) if module.starts_with(b"\0asm") => Ok(module),
        Ok(_) => Err(WidgetsError::NoModule { path }),
        Err(source) => Err(WidgetsError::Unreadable { path, source }),
    }
}

/// Whether the compiler has the target's standard library.
fn has_target(top: &Path) -> bool {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")));
    rustc.current_dir(top).args(["--print", "target-libdir", "--target", TARGET]);
    rustc.output().is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// Compiles the module of a widget, and returns where it is.
///
/// In a folder of its own: its flags differ from those of everything else, which would be compiled
/// again and again.
fn compile(top: &Path, name: &str) -> Result<PathBuf, WidgetsError> {
    let target = top.join("target/widgets");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
        .current_dir(top)
        .args(["build", "--quiet", "--package", "widgets", "--profile", "widgets"])
        .args(["--no-default-features", "--features", name])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+simd128")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    if status.is_ok_and(|status| status.success()) {
        Ok(target.join(TARGET).join("widgets/widgets.wasm"))
    } else {
        Err(WidgetsError::Compile)
    }
}
