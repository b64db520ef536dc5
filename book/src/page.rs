//! A text with its place in the repository, and changes to it.
//!
//! Every preprocessor reads the same original text and says what to put in the place of which
//! range. The changes are made at the end, all at once: no preprocessor sees another's output, so
//! every offset is an offset into the file that the author wrote.

use crate::problem::{Fault, Place, Problem};
use pulldown_cmark::{Event, Options, Parser};
use std::ops::Range;

/// A piece of Markdown: a chapter, or a caption within one.
#[derive(Debug)]
pub struct Page<'a> {
    /// The file, with its path from the top of the repository.
    pub file: &'a str,
    /// The line of the file on which the text begins, from 1.
    pub first_line: usize,
    /// The text.
    pub text: &'a str,
    /// The text's events, each with its range.
    pub events: Vec<(Event<'a>, Range<usize>)>,
}

impl<'a> Page<'a> {
    /// Parses `text` as mdBook does, with dollars for mathematics besides.
    pub fn parse(file: &'a str, first_line: usize, text: &'a str) -> Self {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_DEFINITION_LIST
            | Options::ENABLE_GFM
            | Options::ENABLE_MATH;
        let events = Parser::new_ext(text, options).into_offset_iter().collect();
        Self { file, first_line, text, events }
    }

    /// The line at `offset`.
    pub fn place(&self, offset: usize) -> Place {
        let line = self.first_line + self.text[..offset].matches('\n').count();
        Place { file: self.file.to_owned(), line }
    }
}

/// A piece of Markdown that is not the page itself, such as an exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The text.
    pub text: String,
    /// Its first line.
    pub place: Place,
}

impl Passage {
    /// The text, parsed.
    pub fn page(&self) -> Page<'_> {
        Page::parse(&self.place.file, self.place.line, &self.text)
    }
}

/// What is to become of a page.
#[derive(Debug, Default)]
pub struct Revision {
    edits: Vec<(Range<usize>, String)>,
    /// What is wrong with the page.
    pub problems: Vec<Problem>,
}

impl Revision {
    /// Puts `text` in the place of `range`.
    pub fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, text.into()));
    }

    /// Puts `text` in the place of `range`, or notes the fault at its start.
    pub fn replace_or_note(
        &mut self,
        page: &Page<'_>,
        range: Range<usize>,
        text: Result<String, Fault>,
    ) {
        match text {
            Ok(text) => self.replace(range, text),
            Err(fault) => self.note(page, range.start, fault),
        }
    }

    /// Notes a fault at `offset`.
    pub fn note(&mut self, page: &Page<'_>, offset: usize, fault: Fault) {
        self.problems.push(Problem { place: page.place(offset), fault });
    }

    /// The page's text with all changes made. Lines that are added within a list keep its
    /// indentation.
    pub fn apply(mut self, text: &str) -> (String, Vec<Problem>) {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut revised = String::with_capacity(2 * text.len());
        let mut done = 0;
        for (range, replacement) in self.edits {
            if range.start < done {
                continue;
            }
            revised.push_str(&text[done..range.start]);
            let line_start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
            let before = &text[line_start..range.start];
            let within_list = before.trim_start().is_empty()
                || before.trim_start().starts_with(['-', '*', '+'])
                || before.trim_start().starts_with(|c: char| c.is_ascii_digit());
            if within_list && !before.is_empty() && replacement.contains('\n') {
                let indentation = " ".repeat(before.chars().count());
                revised.push_str(&replacement.replace('\n', &format!("\n{indentation}")));
            } else {
                revised.push_str(&replacement);
            }
            done = range.end;
        }
        revised.push_str(&text[done..]);
        (revised, self.problems)
    }
}

/// `text` for an HTML attribute in Markdown: no character of it means anything to either.
pub fn escape_attribute(text: &str) -> String {
    escape(text, |c| matches!(c, '&' | '<' | '>' | '"' | '|' | '\n'))
}

/// `text` for HTML within Markdown: every sign that Markdown could take for its own is written by
/// its number.
pub fn escape_text(text: &str) -> String {
    escape(text, |c| c.is_ascii_punctuation() || c == '\n')
}

fn escape(text: &str, wanted: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if wanted(c) {
            escaped.push_str(&format!("&#{};", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}
