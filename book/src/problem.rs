//! What can be wrong with the book, where, and the way out.

use std::fmt;
use thiserror::Error;

/// A line of a file, with its path from the top of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, such as `chapters/05-matmul.md`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A fault and the place of it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {fault}")]
pub struct Problem {
    /// Where it is to be mended.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// All problems of a book, to be shown at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => write!(f, "1 problem: the book is not built"),
            n => write!(f, "{n} problems: the book is not built"),
        }
    }
}

impl std::error::Error for Problems {}

/// What is wrong. Each message ends with the way out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the messages say what the variants and their fields are")]
pub enum Fault {
    #[error(
        "cannot read `{path}`: {reason}. Check the path; it starts at the top of the repository"
    )]
    Unreadable { path: String, reason: String },
    #[error("`{path}` is not valid Rust: {reason}. `cargo check` says more")]
    NotRust { path: String, reason: String },

    #[error("{reason} in `{latex}`. Correct the LaTeX: KaTeX's functions can be used")]
    Latex { latex: String, reason: String },

    #[error(
        "this dollar sign begins no formula. Close the formula, and each brace in it; a sign of \
         currency is `\\$`"
    )]
    LoneDollar,

    #[error("this equation has no id. Write ```eq matmul-dw")]
    EquationWithoutId,
    #[error("`{id}` is no id: small letters, digits and hyphens make one")]
    MalformedId { id: String },
    #[error("the id `{id}` is taken: see {first}. Choose another")]
    DuplicateId { id: String, first: Place },
    #[error(
        "a scalar equation has no ledger line: `shapes: {shapes}` of equation `{id}` names single \
         numbers alone. Take the line away"
    )]
    ScalarLedger { id: String, shapes: String },
    #[error(
        "equation `{id}` has no test. Write `#[test] fn {test}()` in `{file}`, or take the number \
         away: a definition stands between double dollars{hint}"
    )]
    EquationWithoutTest { id: String, test: String, file: String, hint: String },
    #[error("the test `{test}` of equation `{id}` is ignored. A number claims a test that runs")]
    IgnoredTest { id: String, test: String },
    #[error(
        "the test `{test}` has no equation in `{chapter}`. Write the equation `{id}`, or give the \
         test a name without `eq_`"
    )]
    TestWithoutEquation { test: String, chapter: String, id: String },
    #[error(
        "exercise {number} has no solution. Fold it below the exercises: \
         `<summary>Solution of exercise {number}</summary>`"
    )]
    ExerciseWithoutSolution { number: u64 },
    #[error(
        "there is no exercise `{name}`{hint} `exercises/info.toml` lists them; `rustlings dev update` \
         takes a new one into the package"
    )]
    NoExercise { name: String, hint: String },
    #[error(
        "exercise `{name}` belongs to `{found}`, and this chapter's folder is `{folder}`. Show one of \
         this chapter, or correct `dir` in `exercises/info.toml`"
    )]
    ExerciseOfAnotherChapter { name: String, found: String, folder: String },
    #[error("an exercise needs a chapter: a file such as `05-matmul.md`")]
    ExerciseOutsideChapter,
    #[error(
        "exercise `{name}` has no hint. Give it a line `hint = \"\"\"…\"\"\"`: a nudge in Markdown"
    )]
    ExerciseWithoutHint { name: String },
    #[error("exercise `{name}` has no solution. Write it in `{path}`")]
    ExerciseWithoutSolutionFile { name: String, path: String },
    #[error("exercise `{name}` is not in `{chapter}`. Show it there: {{{{exercise {name}}}}}")]
    UnshownExercise { name: String, chapter: String },
    #[error("this file needs {missing}")]
    ExerciseFile { missing: &'static str },
    #[error("this is no list of exercises: {reason}. `rustlings dev check` says more")]
    NotAListOfExercises { reason: String },
    #[error(
        "`{text}` has its place on a page of its own line, not within a caption or an exercise. \
         Move it there"
    )]
    DirectiveWithinPassage { text: String },
    #[error("numbered equations need a chapter: a file such as `05-matmul.md`")]
    EquationOutsideChapter,
    #[error(
        "the file's number is {in_name}, but it is chapter {in_summary} of SUMMARY.md. Rename the \
         file, or move its line"
    )]
    ChapterNumber { in_name: u32, in_summary: String },

    #[error("`{target}` is not there{hint} Correct the link, or restore what it pointed to")]
    DeadLink { target: String, hint: String },
    #[error(
        "the link to `{target}` has no text. Only equations and figures have a text of their own"
    )]
    LinkWithoutText { target: String },

    #[error("`{path}` has no item `{item}`{hint} Was it renamed? Quote it under its new name")]
    NoItem { path: String, item: String, hint: String },
    #[error("`{path}` has several items `{item}`: {choices}. Name one of them")]
    AmbiguousItem { path: String, item: String, choices: String },
    #[error(
        "`{target}` has no paragraph that a comment begins with \"{words}\"{hint} A paragraph ends \
         at a blank line"
    )]
    NoParagraph { target: String, words: String, hint: String },
    #[error(
        "`{path}` has no piece `{name}`{hint} Mark it with `// ANCHOR: {name}` and \
         `// ANCHOR_END: {name}`"
    )]
    NoAnchor { path: String, name: String, hint: String },
    #[error(
        "`{text}` is not understood. Write {{{{code FILE#ITEM}}}}, {{{{output NOTEBOOK#CELL}}}}, \
         {{{{number RECORD#/PATH as percent 1}}}}, {{{{reported 95 %}}}}, {{{{shapes}}}}, \
         {{{{score}}}}, {{{{pytorch NAME}}}}, {{{{exercise NAME}}}} or {{{{solutions}}}}"
    )]
    Directive { text: String },

    #[error("`{path}` is no notebook: {reason}. Save it again in Jupyter, in format 4.5 or later")]
    NotANotebook { path: String, reason: String },
    #[error("`{path}` has no cell `{cell}`{hint} Restore the cell, or quote another one")]
    NoCell { path: String, cell: String, hint: String },
    #[error(
        "cell `{cell}` of `{path}` has no output. Run the notebook and save it with its outputs: \
         `python tests/notebooks --write {path}`"
    )]
    NoOutput { path: String, cell: String },
    #[error("cell `{cell}` of `{path}` failed: {reason}. Mend the cell and run the notebook again")]
    FailedCell { path: String, cell: String, reason: String },
    #[error("cell `{cell}` of `{path}` shows {kind}. {way_out}")]
    OtherOutput { path: String, cell: String, kind: String, way_out: String },

    #[error("this block needs the line `{key}: …`. {purpose}")]
    MissingField { key: &'static str, purpose: &'static str },
    #[error("`{key}` means nothing in this block. It knows: {known}")]
    UnknownField { key: String, known: String },
    #[error(
        "figure `{id}` has no alternative text. Add a line `alt: …` that says what a reader who \
         cannot see it needs to know"
    )]
    FigureWithoutAlt { id: String },
    #[error(
        "widget `{id}` has no file `{path}`. Write it: it says {purpose}; book/widgets/src/lib.rs \
         says how a widget is made"
    )]
    WidgetWithoutFile { id: String, path: String, purpose: &'static str },
    #[error(
        "this image is not quoted. Show a notebook cell's output in a ```figure block, so that the \
         figure is what the code draws"
    )]
    TypedImage,
    #[error(
        "the number `{number}` is typed. Quote it from a record or a cell with {{{{number …}}}}; \
         write {{{{reported {number}}}}} where others report it; set a constant as mathematics or code"
    )]
    TypedNumber { number: String },
    #[error(
        "this Rust code is typed. Quote code that compiles and is tested with {{{{code FILE#ITEM}}}}"
    )]
    TypedRust,

    #[error(
        "`{path}` has no box `{name}`{hint} Correct the name, or record it: tests/pytorch says how"
    )]
    NoBox { name: String, path: String, hint: String },
    #[error("a score is that of a chapter: a file such as `05-matmul.md`")]
    ScoreOutsideChapter,
    #[error(
        "cell `score` of `{path}` prints no score, but `{text}`. Print `The score: the tape: 93.42 % \
         right, ± 0.81 over five seeds`"
    )]
    NotAScore { path: String, text: String },
    #[error(
        "no block is called `{kind}`{hint} A quote stands between braces, such as \
         {{{{pytorch scalar}}}}; plain text in a block of the kind `text`"
    )]
    UnknownBlock { kind: String, hint: String },
    #[error("`{path}` is no record: {reason}. Record the run again")]
    NotARecord { path: String, reason: String },
    #[error("`{path}` has nothing at `{pointer}`{hint} Correct the path")]
    NoField { path: String, pointer: String, hint: String },
    #[error("`{value}` is no number. Quote a number{hint}")]
    NotANumber { value: String, hint: String },
    #[error(
        "the format `{format}` is unknown. There are: `fixed 2`, `percent 1`, `scientific 1`, \
         `grouped`"
    )]
    UnknownFormat { format: String },
    #[error(
        "cell `{cell}` of `{path}` does not say `{after}` before {wanted}{hint} Correct the words"
    )]
    NoSuchWords { path: String, cell: String, after: String, wanted: &'static str, hint: String },
    #[error(
        "the source `{text}` is not understood. Write it as in {{{{number …}}}}: \
         `notebooks/02-tape.ipynb#id after \"paths: \" as grouped`"
    )]
    AnswerSource { text: String },
    #[error("the answer `{answer}` is none of the choices `{choices}`. Make it one of them")]
    AnswerIsNoChoice { answer: String, choices: String },
    #[error("there are {places} places, but {answers} answers. Quote one for each place of `at`")]
    AnswersForPlaces { places: usize, answers: usize },
    #[error("the answer {value} is off the sliders, which go from {low} to {high}. Widen them")]
    AnswerOffTheSliders { value: String, low: String, high: String },

    #[error("the page loads `{url}` from elsewhere. Keep a copy in book/theme")]
    ForeignRequest { url: String },
}

/// The end of a sentence: `; did you mean …?`, or a full stop where no candidate is close.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(|| ".".to_owned(), |(_, candidate)| format!("; did you mean `{candidate}`?"))
}
