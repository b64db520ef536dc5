//! The list of all exercises: `exercises/info.toml`, in the format of rustlings.

use crate::page::Passage;
use crate::problem::{Fault, Place, Problem, did_you_mean};
use crate::repository::Repository;
use serde::Deserialize;
use toml::Spanned;

const PATH: &str = "exercises/info.toml";

/// All exercises, in the order in which they are done.
#[derive(Debug, Default)]
pub struct List {
    entries: Vec<Entry>,
}

/// What the list has of an exercise.
#[derive(Debug)]
pub struct Entry {
    /// Its name: that of its file, and of its program.
    pub name: String,
    /// The folder of its chapter, such as `01_scalar`.
    pub folder: String,
    /// A nudge in Markdown, if there is one.
    pub hint: Option<Passage>,
    line: usize,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    exercises: Vec<InfoEntry>,
}

#[derive(Deserialize)]
struct InfoEntry {
    name: Spanned<String>,
    #[serde(default)]
    dir: String,
    hint: Option<Spanned<String>>,
}

impl List {
    /// Reads the list. A repository without exercises has an empty one.
    ///
    /// # Errors
    /// A [`Problem`] where it is not in rustlings' format.
    pub fn read(repository: &Repository) -> Result<Self, Box<Problem>> {
        if !repository.has(PATH) {
            return Ok(Self::default());
        }
        let problem =
            |line, fault| Box::new(Problem { place: Place { file: PATH.to_owned(), line }, fault });
        let text = repository.read(PATH).map_err(|fault| problem(1, fault))?;
        Self::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(&text, span.start));
            problem(line, Fault::NotAListOfExercises { reason: error.message().to_owned() })
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let info: Info = toml::from_str(text)?;
        let entries = info.exercises.into_iter().map(|entry| Entry {
            line: line_at(text, entry.name.span().start),
            name: entry.name.into_inner(),
            folder: entry.dir,
            hint: entry.hint.and_then(|hint| passage(text, &hint)),
        });
        Ok(Self { entries: entries.collect() })
    }

    /// The exercise `name`, which must be of the chapter whose folder this is.
    ///
    /// # Errors
    /// [`Fault::NoExercise`] or [`Fault::ExerciseOfAnotherChapter`].
    pub fn find(&self, name: &str, folder: &str) -> Result<&Entry, Fault> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            let hint = did_you_mean(name, self.entries.iter().map(|entry| entry.name.as_str()));
            return Err(Fault::NoExercise { name: name.to_owned(), hint });
        };
        if entry.folder == folder {
            return Ok(entry);
        }
        let (name, found) = (name.to_owned(), entry.folder.clone());
        Err(Fault::ExerciseOfAnotherChapter { name, found, folder: folder.to_owned() })
    }

    /// The exercises of a chapter.
    pub fn of_folder(&self, folder: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.folder == folder)
    }
}

impl Entry {
    /// Where the list names it.
    pub fn place(&self) -> Place {
        Place { file: PATH.to_owned(), line: self.line }
    }

    /// Its file among the `exercises` or the `solutions`.
    pub fn path(&self, kind: &str) -> String {
        format!("exercises/{kind}/{}/{}.rs", self.folder, self.name)
    }
}

/// A text of the list with its line, or `None` where it says nothing.
fn passage(text: &str, value: &Spanned<String>) -> Option<Passage> {
    let span = value.span();
    // TOML drops a line break that follows the opening quotes.
    let raw = text[span.clone()].trim_start_matches(['"', '\'']);
    let blank = raw.len() - raw.trim_start().len();
    let line = line_at(text, span.start) + raw[..blank].matches('\n').count();
    let value = value.get_ref().trim();
    let place = Place { file: PATH.to_owned(), line };
    (!value.is_empty()).then(|| Passage { text: value.to_owned(), place })
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format_version = 1\n\n[[exercises]]\nname = \"a\"\ndir = \"01_scale\"\n\
                        hint = \"\"\"\n\nOne\nline.\"\"\"\n\n[[exercises]]\nname = \"b\"\nhint = ' '\n";

    #[test]
    fn entries_and_hints_have_their_lines() {
        let list = List::parse(TEXT).unwrap();
        let a = list.find("a", "01_scale").unwrap();
        assert_eq!(
            (a.place().line, a.path("solutions").as_str()),
            (4, "exercises/solutions/01_scale/a.rs")
        );
        let hint = a.hint.as_ref().unwrap();
        assert_eq!((hint.text.as_str(), hint.place.line), ("One\nline.", 8));
        assert!(list.find("b", "").unwrap().hint.is_none());
        assert_eq!(list.of_folder("01_scale").count(), 1);
    }

    #[test]
    fn an_exercise_is_of_its_chapter() {
        let list = List::parse(TEXT).unwrap();
        assert!(matches!(list.find("a", "02_shift"), Err(Fault::ExerciseOfAnotherChapter { .. })));
        assert!(matches!(list.find("c", "01_scale"), Err(Fault::NoExercise { .. })));
    }
}
