//! Quotes within the text: `{{code …}}`, `{{output …}}`, `{{number …}}` and others.
//!
//! | directive | becomes |
//! |---|---|
//! | `{{code src/matmul.rs#Linear::forward}}` | the item's code; `without docs` after it leaves its documentation out |
//! | `{{code src/matmul.rs@piece}}` | the code between `// ANCHOR: piece` and `// ANCHOR_END: piece` |
//! | `{{output notebooks/05-matmul.ipynb#cell}}` | what the cell printed, or the table that it showed |
//! | `{{number notebooks/records/x.json#/path as percent 1}}` | a number of a record: see [`crate::records`] |
//! | `{{reported 94.8 %}}` | a number that somebody else reports |
//! | `{{shapes}}` | the shape ledger of the chapter |
//! | `{{exercise scalar_tanh}}` | an exercise: see [`crate::exercises`]; `as try it` after it heads one within the text |
//! | `{{pytorch scalar}}` | a box with the same in PyTorch: see [`crate::pytorch`] |
//! | `{{score}}` | what the networks of all chapters up to here get right: see [`crate::score`] |
//! | `{{solutions}}` | all exercises of the book, with links to their solutions |
//!
//! Quotation marks hold a source with spaces together:
//! `{{number "notebooks/records/x.json#/ops/op=sin, by map/error"}}`.

use crate::code;
use crate::equations::{self, Equation};
use crate::notebook::{Notebook, Shown};
use crate::page::{Page, Revision, escape_attribute};
use crate::problem::Fault;
use crate::pytorch;
use crate::records;
use crate::repository::Repository;
use pulldown_cmark::{Event, Tag, TagEnd};
use std::ops::Range;

/// A quote, with its place.
#[derive(Debug)]
pub struct Directive<'a> {
    /// What is to be quoted, and how.
    pub request: Request<'a>,
    /// Where it stands, braces included.
    pub range: Range<usize>,
}

/// What is to be quoted.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Code, with its documentation or without.
    Code(&'a str, bool),
    /// The output of a cell.
    Output(&'a str),
    /// A number.
    Number(Source<'a>),
    /// A number that somebody else reports.
    Reported(&'a str),
    /// The chapter's shape ledger.
    Shapes,
    /// An exercise, and whether it stands within the text.
    Exercise(&'a str, bool),
    /// A box with the same in PyTorch.
    PyTorch(&'a str),
    /// The score so far.
    Score,
    /// The exercises of the book.
    Solutions,
}

/// Where a number is, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The record and the path in it, or the notebook and its cell.
    pub target: &'a str,
    /// The words that the cell prints before it.
    pub after: Option<&'a str>,
    /// Its format, such as `percent 1`.
    pub format: Option<&'a str>,
}

/// The directives of a page.
pub fn collect<'a>(page: &Page<'a>, revision: &mut Revision) -> Vec<Directive<'a>> {
    let mut directives: Vec<Directive<'a>> = Vec::new();
    let (mut in_code, mut done) = (false, 0);
    for (event, range) in &page.events {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(_) if !in_code => {
                let mut from = range.start.max(done);
                while from < range.end
                    && let Some(start) = page.text[from..range.end].find("{{").map(|k| from + k)
                {
                    let rest = &page.text[start + 2..];
                    // One that is not closed ends with its line.
                    let line = rest.find('\n').unwrap_or(rest.len());
                    let closed = rest.find("}}");
                    let length = closed.unwrap_or(line);
                    let inner = rest[..length].trim();
                    done = start + 2 + length + closed.map_or(0, |_| 2);
                    from = done;
                    match closed.and_then(|_| parse(inner)) {
                        Some(request) => directives.push(Directive { request, range: start..done }),
                        None => {
                            let text = page.text[start..done].trim().to_owned();
                            revision.note(page, start, Fault::Directive { text });
                        }
                    }
                }
            }
            _ => {}
        }
    }
    directives
}

fn parse(text: &str) -> Option<Request<'_>> {
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let (target, options) = target(rest)?;
    match (kind, target, options) {
        ("shapes", "", "") => Some(Request::Shapes),
        ("score", "", "") => Some(Request::Score),
        ("solutions", "", "") => Some(Request::Solutions),
        ("exercise", _, "") if !target.is_empty() => Some(Request::Exercise(target, false)),
        ("exercise", _, "as try it") => Some(Request::Exercise(target, true)),
        ("reported", _, _) if !rest.is_empty() => Some(Request::Reported(rest)),
        (_, "", _) => None,
        ("code", _, "") => Some(Request::Code(target, true)),
        ("code", _, "without docs") => Some(Request::Code(target, false)),
        ("output", _, "") => Some(Request::Output(target)),
        ("pytorch", _, "") => Some(Request::PyTorch(target)),
        ("number", _, _) => source(rest).map(Request::Number),
        _ => None,
    }
}

/// A target, between quotation marks or up to a space, and what follows it.
fn target(text: &str) -> Option<(&str, &str)> {
    let (target, options) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    };
    Some((target, options.trim()))
}

/// The source of a number: `TARGET after "words " as percent 1`.
pub fn source(text: &str) -> Option<Source<'_>> {
    let (target, options) = target(text.trim())?;
    let (after, options) = match options.strip_prefix("after \"") {
        Some(rest) => {
            let (words, rest) = rest.split_once('"')?;
            (Some(words), rest.trim())
        }
        None => (None, options),
    };
    let format = match options {
        "" => None,
        options => Some(options.strip_prefix("as ")?.trim()),
    };
    (!target.is_empty()).then_some(Source { target, after, format })
}

/// Puts what they ask for in the place of the directives.
pub fn revise(
    page: &Page<'_>,
    directives: &[Directive<'_>],
    equations: &[Equation],
    solutions: &str,
    repository: &Repository,
    revision: &mut Revision,
) {
    for Directive { request, range } in directives {
        let text = match request {
            Request::Code(target, documented) => code::quote(repository, target, *documented),
            Request::Output(target) => output(repository, target),
            Request::Number(source) => records::quote(repository, source),
            Request::PyTorch(name) => pytorch::quote(repository, name),
            Request::Reported(text) => {
                Ok(format!("<span class=\"reported\" title=\"as reported\">{text}</span>"))
            }
            Request::Shapes => Ok(equations::ledger(equations)),
            Request::Solutions => Ok(solutions.to_owned()),
            // They have a place on a page, which their own modules fill.
            Request::Exercise(..) | Request::Score => continue,
        };
        revision.replace_or_note(page, range.clone(), text);
    }
}

/// Notes those that only a page can have, where `passage` is a caption or an exercise.
pub fn refuse_those_of_a_page(
    passage: &Page<'_>,
    directives: &[Directive<'_>],
    revision: &mut Revision,
) {
    for Directive { request, range } in directives {
        if matches!(request, Request::Exercise(..) | Request::Score) {
            let text = passage.text[range.clone()].to_owned();
            revision.note(passage, range.start, Fault::DirectiveWithinPassage { text });
        }
    }
}

fn output(repository: &Repository, target: &str) -> Result<String, Fault> {
    let (path, cell) = target.split_once('#').unwrap_or((target, ""));
    let shown = match Notebook::read(repository, path)?.shown(cell)? {
        Shown::Text(text) => code::fenced("text", &text),
        Shown::Html(html) => {
            let lines: Vec<&str> = html.lines().filter(|line| !line.trim().is_empty()).collect();
            format!("<div class=\"table-wrapper\">\n{}\n</div>", lines.join("\n"))
        }
        Shown::Svg(_) | Shown::Png(_) => {
            return Err(Fault::OtherOutput {
                path: path.to_owned(),
                cell: cell.to_owned(),
                kind: "a picture".to_owned(),
                way_out: "Quote it in a ```figure block, which has words for it".to_owned(),
            });
        }
    };
    let run = repository.link("run-link", "Run it", path, cell);
    Ok(format!(
        "<div class=\"listing output\" title=\"{}\"><div class=\"listing-source\">Output {run}</div>\
         \n\n{shown}\n\n</div>",
        escape_attribute(&format!("from {target}"))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_understood() {
        let number =
            |target, after, format| Some(Request::Number(Source { target, after, format }));
        assert_eq!(parse("shapes"), Some(Request::Shapes));
        assert_eq!(parse("solutions"), Some(Request::Solutions));
        assert_eq!(parse("exercise a_b"), Some(Request::Exercise("a_b", false)));
        assert_eq!(parse("exercise a_b as try it"), Some(Request::Exercise("a_b", true)));
        assert_eq!(parse("pytorch a"), Some(Request::PyTorch("a")));
        assert_eq!(parse("reported 94.8 %"), Some(Request::Reported("94.8 %")));
        assert_eq!(parse("code a.rs#b without docs"), Some(Request::Code("a.rs#b", false)));
        assert_eq!(
            parse("number a.ipynb#c after \"error \" as scientific 1"),
            number("a.ipynb#c", Some("error "), Some("scientific 1"))
        );
        assert_eq!(parse("number a.json#/b"), number("a.json#/b", None, None));
        assert_eq!(
            parse("number \"a.json#/op=b, with c/d\" as scientific 1"),
            number("a.json#/op=b, with c/d", None, Some("scientific 1"))
        );
        let refused = [
            "exercise",
            "exercise a as",
            "number a after b",
            "number a percent",
            "number \"a b",
            "figure a",
        ];
        for text in ["", "pytorch", "code", "code a b"].into_iter().chain(refused) {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn code_has_no_directives() {
        let page = Page::parse("a.md", 1, "`{{code a}}`\n\n```text\n{{code b}}\n```\n\n{{shapes}}");
        let mut revision = Revision::default();
        let directives = collect(&page, &mut revision);
        assert_eq!(directives.len(), 1);
        assert_eq!(directives[0].request, Request::Shapes);
        assert!(revision.problems.is_empty());
    }
}
