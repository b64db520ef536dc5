//! Exercises on the reader's own code: `{{exercise scalar_tanh}}`.
//!
//! An exercise is a program of the package `exercises`, in the format of rustlings. Its file asks,
//! the file of the same name among the solutions answers ([`file`]), and `exercises/info.toml` has
//! the hint ([`list`]). The page numbers the exercises in their order and quotes all three, the hint
//! and the solution folded. `[](#ex:scalar_tanh)` refers to one from any chapter.
//!
//! `{{exercise scalar_tanh as try it}}` is for one that stands within the text.

pub mod file;
pub mod list;

use crate::chapter::Chapter;
use crate::code;
use crate::directives::{Directive, Request};
use crate::labels::Labels;
use crate::page::{Page, Passage, Revision, escape_text};
use crate::problem::{Fault, Problem};
use crate::repository::Repository;
use file::{Question, Solution};
use list::{Entry, List};
use std::ops::Range;

/// An exercise that a page shows.
#[derive(Debug)]
pub struct Exercise {
    /// Its name in `exercises/info.toml`.
    pub name: String,
    /// Its number, such as `1.3`.
    pub number: String,
    /// What is asked.
    pub question: Question,
    hint: Passage,
    solution: Solution,
    within_text: bool,
    range: Range<usize>,
}

impl Exercise {
    /// The anchor of its solution.
    pub fn anchor(&self) -> String {
        format!("solution-{}", self.name)
    }
}

/// The exercises of a page, numbered in order. Notes those of the chapter that it does not show.
pub fn collect(
    page: &Page<'_>,
    chapter: Option<&Chapter>,
    directives: &[Directive<'_>],
    list: &List,
    repository: &Repository,
    labels: &mut Labels,
    revision: &mut Revision,
) -> Vec<Exercise> {
    let mut shown = Vec::new();
    let mut exercises = Vec::new();
    for Directive { request, range } in directives {
        let Request::Exercise(name, within_text) = *request else { continue };
        shown.push(name);
        let found = chapter
            .ok_or(Fault::ExerciseOutsideChapter)
            .and_then(|chapter| Ok((chapter, list.find(name, &chapter.exercises())?)));
        let (chapter, entry) = match found {
            Ok(found) => found,
            Err(fault) => {
                revision.note(page, range.start, fault);
                continue;
            }
        };
        let number = format!("{}.{}", chapter.number, shown.len());
        match exercise(entry, number, within_text, range.clone(), repository) {
            Ok(exercise) => {
                let label = format!("exercise {}", exercise.number);
                if let Err(fault) = labels.add(page, range.start, &format!("ex:{name}"), label) {
                    revision.note(page, range.start, fault);
                }
                labels.add_anchor(page.file, &exercise.anchor());
                exercises.push(exercise);
            }
            Err(problem) => revision.problems.push(*problem),
        }
    }
    if let Some(chapter) = chapter {
        for entry in list.of_folder(&chapter.exercises()) {
            if !shown.contains(&entry.name.as_str()) {
                let (name, chapter) = (entry.name.clone(), page.file.to_owned());
                let fault = Fault::UnshownExercise { name, chapter };
                revision.problems.push(Problem { place: entry.place(), fault });
            }
        }
    }
    exercises
}

fn exercise(
    entry: &Entry,
    number: String,
    within_text: bool,
    range: Range<usize>,
    repository: &Repository,
) -> Result<Exercise, Box<Problem>> {
    let name = entry.name.clone();
    let (asked, solved) = (entry.path("exercises"), entry.path("solutions"));
    let at_entry = |fault| Box::new(Problem { place: entry.place(), fault });
    let hint = entry
        .hint
        .clone()
        .ok_or_else(|| at_entry(Fault::ExerciseWithoutHint { name: name.clone() }))?;
    if !repository.has(&solved) {
        let fault = Fault::ExerciseWithoutSolutionFile { name, path: solved };
        return Err(at_entry(fault));
    }
    let question = Question::parse(&asked, &repository.read(&asked).map_err(at_entry)?)?;
    let solution = Solution::parse(&solved, &repository.read(&solved).map_err(at_entry)?)?;
    Ok(Exercise { name, number, question, hint, solution, within_text, range })
}

/// Shows the exercises. `expand` renders a passage, which is Markdown with quotes and references.
pub fn revise(
    exercises: &[Exercise],
    repository: &Repository,
    mut expand: impl FnMut(&Page<'_>, &mut Revision) -> String,
    revision: &mut Revision,
) {
    for exercise in exercises {
        let mut text =
            |passage: &Passage, revision: &mut Revision| expand(&passage.page(), revision);
        let Exercise { question, hint, solution, .. } = exercise;
        let title = text(&question.title, revision);
        let asked = text(&question.text, revision);
        let hint = text(hint, revision);
        let explanation = text(&solution.explanation, revision);
        let html = rendered(exercise, repository, [&title, &asked, &hint, &explanation]);
        revision.replace(exercise.range.clone(), html);
    }
}

fn rendered(
    exercise: &Exercise,
    repository: &Repository,
    [title, asked, hint, explanation]: [&str; 4],
) -> String {
    let Exercise { name, number, question, solution, within_text, .. } = exercise;
    let heading = match within_text {
        true => format!("Try it ({number})"),
        false => format!("Exercise {number}"),
    };
    let Question { title: place, dots, time, .. } = question;
    let signs = "●".repeat(*dots) + &"○".repeat(3 - dots);
    let time = escape_text(time);
    let path = &place.place.file;
    let link = repository.link("source-link", &escape_text(path), path, "");
    let command = |words: &str| {
        format!("<code class=\"run-command\">{}</code>", escape_text(&format!("{words} {name}")))
    };
    let (rustlings, cargo) = (command("rustlings run"), command("cargo test --bin"));
    let listing = match &solution.code {
        Some(code) => code::listing(repository, &solution.explanation.place.file, code),
        None => String::new(),
    };
    let anchor = exercise.anchor();
    // The blank lines end and begin the HTML, so that what is between is read as Markdown.
    format!(
        "<div class=\"exercise\" id=\"ex:{name}\" role=\"group\" aria-labelledby=\"ex:{name}-title\">\n\
         <div class=\"exercise-title\" id=\"ex:{name}-title\">\n\n\
         **{heading}. {title}** <span class=\"difficulty\" role=\"img\" \
         aria-label=\"difficulty {dots} of 3\">{signs}</span> \
         <span class=\"exercise-time\">{time}</span>\n\n\
         </div>\n\n{asked}\n\n\
         <p class=\"exercise-run\">In the folder <code>exercises</code>: {rustlings} or {cargo} {link}</p>\n\
         <details class=\"hint\">\n<summary>Hint for exercise {number}</summary>\n\n{hint}\n\n</details>\n\
         <details class=\"solution\">\n<summary>Solution of exercise {number}</summary>\
         <span id=\"{anchor}\"></span>\n\n{explanation}\n\n{listing}\n\n</details>\n</div>"
    )
}
