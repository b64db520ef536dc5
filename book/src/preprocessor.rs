//! The preprocessor: it reads all pages, then revises each.
//!
//! mdBook would run several preprocessors one after the other, and stop at the first that fails.
//! This is one, so that all problems of a book are shown at once, each with its line in the file
//! that the author wrote.

use crate::budget::Budget;
use crate::chapter::Chapter;
use crate::directives::{self, Directive};
use crate::equations::{self, Equation};
use crate::exercises::list::List;
use crate::exercises::{self, Exercise};
use crate::figures::{self, Figure};
use crate::headings::{self, Heading};
use crate::labels::Labels;
use crate::links;
use crate::mathematics::Mathematics;
use crate::page::{Page, Revision};
use crate::predict::{self, Prediction};
use crate::problem::{Fault, Problems};
use crate::prose;
use crate::repository::Repository;
use crate::score::{self, Scored};
use crate::sections;
use crate::solutions::{self, Exercises};
use crate::widgets::Widgets;
use mdbook_preprocessor::book::{Book, Chapter as BookChapter};
use mdbook_preprocessor::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The name in book.toml.
pub const NAME: &str = "chainrule";

/// The preprocessor of the book.
#[derive(Debug, Default)]
pub struct Chainrule {
    repository: Option<Repository>,
    summary: Arc<Mutex<Summary>>,
}

/// What a book has of each kind, all of it checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pages.
    pub pages: usize,
    /// Numbered equations, each with a test.
    pub equations: usize,
    /// Figures, each quoted.
    pub figures: usize,
    /// Other quotes: code, outputs, numbers.
    pub quotes: usize,
    /// What each chapter asks of its reader.
    pub budgets: Vec<Budget>,
    /// What moves in the pages: known once the site is built.
    pub widgets: Widgets,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pages: {}, equations with tests: {}, figures: {}, other quotes: {}, {}",
            self.pages, self.equations, self.figures, self.quotes, self.widgets
        )
    }
}

impl Chainrule {
    /// A preprocessor that quotes from `repository`, instead of the folder above the book's.
    pub fn of(repository: Repository) -> Self {
        Self { repository: Some(repository), ..Self::default() }
    }

    /// What the book had when it was last processed.
    pub fn summary(&self) -> Arc<Mutex<Summary>> {
        Arc::clone(&self.summary)
    }
}

impl Preprocessor for Chainrule {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let top = context.root.parent().unwrap_or(&context.root);
        let repository = self.repository.clone().unwrap_or_else(|| Repository::open(top));
        let folder = context.config.book.src.clone();
        let folder = folder.file_name().and_then(|name| name.to_str()).unwrap_or("chapters");
        let texts: Vec<Text> = book.chapters().filter_map(|c| Text::of(c, folder)).collect();
        let mut manuscript = Manuscript::read(&texts, repository);
        let revised = manuscript.revise();
        if !manuscript.problems.is_empty() {
            manuscript.problems.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(Problems(manuscript.problems).into());
        }
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = manuscript.summary();
        let mut revised = revised.into_iter();
        book.for_each_chapter_mut(|chapter| {
            if chapter.source_path.is_some()
                && let Some(text) = revised.next()
            {
                chapter.content = text;
            }
        });
        Ok(book)
    }
}

/// A page as it was written.
#[derive(Debug)]
struct Text {
    file: String,
    content: String,
    /// The number that SUMMARY.md gives it.
    number: Option<String>,
}

impl Text {
    /// The text of a chapter, or `None` of a draft.
    fn of(chapter: &BookChapter, folder: &str) -> Option<Self> {
        let path = chapter.source_path.as_ref()?.to_str()?.replace('\\', "/");
        Some(Self {
            file: format!("{folder}/{path}"),
            content: chapter.content.replace("\r\n", "\n"),
            number: chapter.number.as_ref().map(|n| n.to_string().trim_end_matches('.').to_owned()),
        })
    }
}

/// All pages, with what was found in them.
struct Manuscript<'a> {
    pages: Vec<Sheet<'a>>,
    labels: Labels,
    /// The list of all exercises.
    solutions: String,
    repository: Repository,
    mathematics: Mathematics,
    problems: Vec<crate::problem::Problem>,
}

struct Sheet<'a> {
    page: Page<'a>,
    chapter: Option<Chapter>,
    headings: Vec<Heading>,
    equations: Vec<Equation>,
    figures: Vec<Figure>,
    predictions: Vec<Prediction>,
    directives: Vec<Directive<'a>>,
    exercises: Vec<Exercise>,
    listed_exercises: Exercises,
}

impl Sheet<'_> {
    /// What a chapter asks of its reader; nothing of another page.
    fn budget(&self, repository: &Repository) -> Option<Budget> {
        let Self { page, headings, directives, .. } = self;
        let widgets = self.figures.iter().filter(|figure| figure.moves).count();
        Some(Budget {
            equations: self.equations.len(),
            figures: self.figures.len() - widgets,
            widgets,
            exercises: self.exercises.len() + self.listed_exercises.count(),
            ..Budget::of_text(page, self.chapter.as_ref()?, headings, directives, repository)
        })
    }
}

impl<'a> Manuscript<'a> {
    /// Reads all pages: after this, all that can be referred to is known.
    fn read(texts: &'a [Text], repository: Repository) -> Self {
        let mut labels = Labels::default();
        let mut problems = Vec::new();
        let mut pages = Vec::new();
        let mut solutions = String::new();
        let list = List::read(&repository).map_err(|problem| problems.push(*problem)).ok();
        for text in texts {
            let page = Page::parse(&text.file, 1, &text.content);
            let mut revision = Revision::default();
            let chapter = Chapter::of_file(&text.file);
            if let (Some(chapter), Some(number)) = (&chapter, &text.number)
                && chapter.number.to_string() != *number
            {
                let (in_name, in_summary) = (chapter.number, number.clone());
                revision.note(&page, 0, Fault::ChapterNumber { in_name, in_summary });
            }
            labels.add_page(&text.file);
            let headings = headings::collect(&page, &mut labels, &mut revision);
            let equations = equations::collect(&page, chapter.as_ref(), &mut labels, &mut revision);
            let figures = figures::collect(&page, chapter.as_ref(), &mut labels, &mut revision);
            let predictions = predict::collect(&page, &mut labels, &mut revision);
            let directives = directives::collect(&page, &mut revision);
            let exercises = list.as_ref().map_or_else(Vec::new, |list| {
                exercises::collect(
                    &page,
                    chapter.as_ref(),
                    &directives,
                    list,
                    &repository,
                    &mut labels,
                    &mut revision,
                )
            });
            let listed_exercises = solutions::collect(&page, &headings, &mut labels, &mut revision);
            solutions.push_str(&solutions::list(&page, &headings, &listed_exercises, &exercises));
            problems.append(&mut revision.problems);
            pages.push(Sheet {
                page,
                chapter,
                headings,
                equations,
                figures,
                predictions,
                directives,
                exercises,
                listed_exercises,
            });
        }
        let mathematics = Mathematics::default();
        let solutions = mathematics.within(&solutions);
        Self { pages, labels, solutions, repository, mathematics, problems }
    }

    /// The pages as mdBook shall render them.
    fn revise(&mut self) -> Vec<String> {
        let (texts, problems): (Vec<_>, Vec<_>) =
            self.pages.iter().map(|sheet| self.revise_page(sheet)).unzip();
        self.problems.extend(problems.into_iter().flatten());
        texts
    }

    fn revise_page(&self, sheet: &Sheet<'_>) -> (String, Vec<crate::problem::Problem>) {
        let Sheet { page, headings, equations, figures, directives, exercises, .. } = sheet;
        let repository = &self.repository;
        let mut revision = Revision::default();
        headings::revise(page, headings, &mut revision);
        solutions::revise(&sheet.listed_exercises, &mut revision);
        if let Some(chapter) = &sheet.chapter {
            sections::revise(
                page,
                chapter,
                headings,
                directives,
                figures,
                repository,
                &mut revision,
            );
            equations::revise(
                page,
                equations,
                chapter,
                repository,
                &self.mathematics,
                &mut revision,
            );
        }
        let passage = |passage: &Page<'_>, revision: &mut Revision| {
            let mut of_passage = Revision::default();
            let directives = directives::collect(passage, &mut of_passage);
            directives::refuse_those_of_a_page(passage, &directives, &mut of_passage);
            self.revise_text(passage, &directives, equations, &mut of_passage);
            let (text, problems) = of_passage.apply(passage.text);
            revision.problems.extend(problems);
            text
        };
        figures::revise(page, figures, repository, passage, &mut revision);
        predict::revise(page, &sheet.predictions, repository, passage, &mut revision);
        exercises::revise(exercises, repository, passage, &mut revision);
        score::revise(page, directives, &self.chapters(), repository, &mut revision);
        self.revise_text(page, directives, equations, &mut revision);
        revision.apply(page.text)
    }

    /// What a caption and an exercise can have as well as a page.
    fn revise_text(
        &self,
        page: &Page<'_>,
        directives: &[Directive<'_>],
        equations: &[Equation],
        revision: &mut Revision,
    ) {
        self.mathematics.revise(page, revision);
        links::revise(page, &self.labels, &self.repository, revision);
        let solutions = &self.solutions;
        directives::revise(page, directives, equations, solutions, &self.repository, revision);
        let quoted: Vec<_> = directives.iter().map(|directive| directive.range.clone()).collect();
        prose::check(page, &quoted, revision);
    }

    /// The chapters, in the order of their numbers.
    fn chapters(&self) -> Vec<Scored<'_>> {
        let chapters = self.pages.iter().filter_map(|sheet| {
            let title = sheet.headings.first().map_or("", |heading| heading.title(&sheet.page));
            Some(Scored { chapter: sheet.chapter.as_ref()?, file: sheet.page.file, title })
        });
        let mut chapters: Vec<_> = chapters.collect();
        chapters.sort_by_key(|scored| scored.chapter.number);
        chapters
    }

    fn summary(&self) -> Summary {
        let sum = |of: fn(&Sheet<'_>) -> usize| self.pages.iter().map(of).sum();
        Summary {
            pages: self.pages.len(),
            equations: sum(|sheet| sheet.equations.len()),
            figures: sum(|sheet| sheet.figures.len()),
            quotes: sum(|sheet| sheet.directives.len()),
            budgets: self.pages.iter().filter_map(|sheet| sheet.budget(&self.repository)).collect(),
            widgets: Widgets::default(),
        }
    }
}
