//! Below a chapter's title, its files; below each section's, where to run and to read what it
//! quotes.

use crate::chapter::Chapter;
use crate::directives::{Directive, Request};
use crate::figures::{Figure, Source};
use crate::headings::Heading;
use crate::page::{Page, Revision, escape_text};
use crate::repository::Repository;
use pulldown_cmark::HeadingLevel;

/// Writes the lines below the headings of a chapter.
pub fn revise(
    page: &Page<'_>,
    chapter: &Chapter,
    headings: &[Heading],
    directives: &[Directive<'_>],
    figures: &[Figure],
    repository: &Repository,
    revision: &mut Revision,
) {
    let sections: Vec<&Heading> =
        headings.iter().filter(|heading| heading.level <= HeadingLevel::H2).collect();
    for (k, heading) in sections.iter().enumerate() {
        let end = sections.get(k + 1).map_or(page.text.len(), |next| next.range.start);
        let within = heading.range.end..end;
        let links = if heading.level == HeadingLevel::H1 {
            files(chapter, repository)
        } else {
            let cell = figures
                .iter()
                .filter(|figure| within.contains(&figure.range.start))
                .find_map(|figure| match &figure.source {
                    Source::Cell(path, cell) => Some((path.as_str(), cell.as_str())),
                    Source::File(..) => None,
                })
                .or_else(|| {
                    directives
                        .iter()
                        .filter(|directive| within.contains(&directive.range.start))
                        .find_map(|directive| match directive.request {
                            Request::Output(target) => target.split_once('#'),
                            Request::Number(source) if source.target.contains(".ipynb") => {
                                source.target.split_once('#')
                            }
                            _ => None,
                        })
                });
            let source = directives
                .iter()
                .filter(|directive| within.contains(&directive.range.start))
                .find_map(|directive| match directive.request {
                    Request::Code(target, _) => target.split(['#', '@']).next(),
                    _ => None,
                });
            let run = cell.map(|(path, cell)| repository.link("run-link", "Run it", path, cell));
            let source =
                source.map(|path| repository.link("source-link", &escape_text(path), path, ""));
            run.into_iter().chain(source).collect()
        };
        if !links.is_empty() {
            let at = heading.range.end;
            let class =
                if heading.level == HeadingLevel::H1 { "chapter-files" } else { "section-links" };
            revision.replace(at..at, format!("\n<p class=\"{class}\">{}</p>\n\n", links.join(" ")));
        }
    }
}

/// The chapter's number, and its files that there are.
fn files(chapter: &Chapter, repository: &Repository) -> Vec<String> {
    let number = format!("<span>Chapter {}</span>", chapter.number);
    let files =
        [("Code", chapter.source()), ("Tests", chapter.tests()), ("Notebook", chapter.notebook())]
            .into_iter()
            .filter(|(_, path)| repository.has(path))
            .map(|(label, path)| {
                let link = repository.link("source-link", &escape_text(&path), &path, "");
                format!("<span>{label} {link}</span>")
            });
    std::iter::once(number).chain(files).collect()
}
