//! The book: mdBook as a library, with a preprocessor that quotes.
//!
//! Chapters hold prose. Everything else on a page is quoted from where it is tested or was run:
//! equations are tied to tests ([`equations`]), code comes from the sources ([`code`]), figures and
//! outputs from notebooks ([`figures`], [`directives`]), numbers from records ([`records`]), exercises
//! from the reader's package ([`exercises`]). What is typed in their place is refused ([`prose`]). A quote that finds nothing, and a link that leads
//! nowhere ([`links`]), stop the build with the file, the line and the way out ([`problem`]).
//!
//! [`preprocessor`] puts these together, for `cargo run --release -p book` as for `mdbook build
//! book`. CONTRIBUTING.md has the rules for authors.

pub mod anchors;
pub mod blocks;
pub mod budget;
pub mod chapter;
pub mod code;
pub mod directives;
pub mod equations;
pub mod exercises;
pub mod figures;
pub mod headings;
pub mod items;
pub mod labels;
pub mod links;
pub mod mathematics;
pub mod notebook;
pub mod page;
pub mod predict;
pub mod preprocessor;
pub mod problem;
pub mod prose;
pub mod pytorch;
pub mod records;
pub mod repository;
pub mod score;
pub mod search;
pub mod sections;
pub mod serve;
pub mod site;
pub mod solutions;
pub mod widgets;

use mdbook_driver::MDBook;
use mdbook_driver::errors::{Error, Result};
use preprocessor::{Chainrule, Summary};
use problem::Problems;
use repository::Repository;
use site::Site;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use widgets::Wish;

/// Where the book is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of book.toml.
    pub book: PathBuf,
    /// The repository that the book quotes from.
    pub repository: Repository,
    /// Where its widgets' module is from.
    pub widgets: Wish,
}

impl Options {
    /// The book in the folder `book` of a repository.
    pub fn new(book: impl Into<PathBuf>) -> Self {
        let book = book.into();
        let repository = Repository::open(book.parent().unwrap_or(&book));
        Self { book, repository, widgets: Wish::of_environment() }
    }

    /// The folder that the site is written to.
    pub fn site(&self) -> PathBuf {
        self.book.join("site")
    }

    /// The folder of the repository.
    fn top(&self) -> &Path {
        self.book.parent().unwrap_or(&self.book)
    }

    /// The folders whose changes change the book.
    fn watched(&self) -> Vec<PathBuf> {
        let own = ["book/book.toml", "book/theme", "book/images", "book/widgets"];
        let quoted = ["chapters", "examples", "exercises", "src", "tests", "notebooks"];
        own.iter()
            .chain(&quoted)
            .map(|path| self.top().join(path))
            .filter(|path| path.exists())
            .collect()
    }
}

/// Builds the site into the folder `destination`, and returns what it has.
///
/// # Errors
/// [`Problems`] of the chapters, [`widgets::WidgetsError`], or what mdBook says.
pub fn build(options: &Options, destination: &Path) -> Result<Summary> {
    let mut book = MDBook::load(&options.book)?;
    book.config.build.build_dir = std::path::absolute(destination)?;
    let preprocessor = Chainrule::of(options.repository.clone());
    let summary = preprocessor.summary();
    // In the place of the command of the same name in book.toml.
    book.with_preprocessor(preprocessor);
    book.build()?;
    search::write_formulas_once(&book.config.build.build_dir)?;
    let widgets = widgets::install(options.top(), &book.config.build.build_dir, &options.widgets)?;
    let summary = summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Summary { widgets, ..summary })
}

/// Builds the site into a temporary folder and checks the links and the loads of its pages too.
///
/// # Errors
/// As [`build`], and [`Problems`] of the site.
pub fn check(options: &Options) -> Result<Summary> {
    let folder = tempfile::tempdir()?;
    let summary = build(options, folder.path())?;
    let problems = Site::read(folder.path())?.problems();
    if problems.is_empty() { Ok(summary) } else { Err(Problems(problems).into()) }
}

/// Prints what went wrong.
pub fn show(error: &Error) {
    match error.downcast_ref::<Problems>() {
        Some(problems) => eprintln!("{problems}"),
        None => eprintln!("{error:#}"),
    }
}
