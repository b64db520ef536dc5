//! What may not be typed: a result's number, an image, Rust code. Each has a source to be quoted. And
//! what nothing reads: a block of a kind that is not there.
//!
//! A number is a result's by its looks: it has a decimal point, a percent sign, a power of ten or
//! a unit of measurement. Constants stand as mathematics or code, which this check leaves alone.

use crate::page::{Page, Revision};
use crate::problem::{Fault, did_you_mean};
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use std::ops::Range;

const UNITS: [&str; 12] =
    ["%", "s", "ms", "µs", "ns", "seconds", "minutes", "hours", "MB", "GB", "GFLOP/s", "samples/s"];

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

const SUPERSCRIPTS: [char; 11] = ['⁻', '⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// The words that a block can begin with: what other modules read, and languages.
const BLOCKS: [&str; 9] =
    ["eq", "figure", "predict", "widget", "text", "sh", "toml", "json", "python"];

/// Notes what is typed on a page. Ranges in `quoted` are quotes.
pub fn check(page: &Page<'_>, quoted: &[Range<usize>], revision: &mut Revision) {
    // Code, link texts and headings are not searched for numbers.
    let mut exempt = 0;
    for (event, range) in &page.events {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if kind(info) == "rust" => {
                revision.note(page, range.start, Fault::TypedRust);
                exempt += 1;
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info)))
                if !info.is_empty() && !BLOCKS.contains(&kind(info)) =>
            {
                let kind = kind(info).to_owned();
                let hint = did_you_mean(&kind, BLOCKS);
                revision.note(page, range.start, Fault::UnknownBlock { kind, hint });
                exempt += 1;
            }
            Event::Start(Tag::Image { .. }) => {
                revision.note(page, range.start, Fault::TypedImage);
                exempt += 1;
            }
            Event::Start(Tag::CodeBlock(_) | Tag::Link { .. } | Tag::Heading { .. }) => exempt += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Link | TagEnd::Heading(_) | TagEnd::Image) => {
                exempt -= 1
            }
            Event::Html(html) | Event::InlineHtml(html)
                if html.contains("<img") || html.contains("<svg") =>
            {
                revision.note(page, range.start, Fault::TypedImage);
            }
            Event::Text(_) if exempt == 0 => {
                for (start, number) in result_numbers(&page.text[range.clone()]) {
                    let offset = range.start + start;
                    if !quoted.iter().any(|quote| quote.contains(&offset)) {
                        let number = number.to_owned();
                        revision.note(page, offset, Fault::TypedNumber { number });
                    }
                }
            }
            _ => {}
        }
    }
}

/// The word with which a block begins.
fn kind(info: &str) -> &str {
    info.split([' ', ',']).next().unwrap_or_default()
}

/// The numbers in `text` that look like a result's, with their offsets.
fn result_numbers(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(DIGITS).map(|k| rest + k) {
        let end = number_end(text, start);
        rest = end;
        let before = text[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '#' | '/')) {
            continue;
        }
        let after = &text[end..];
        let next = after.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let unit: String =
            next.chars().take_while(|&c| c.is_alphanumeric() || matches!(c, '%' | '/')).collect();
        let exponent = after
            .strip_prefix(['e', 'E'])
            .is_some_and(|rest| rest.trim_start_matches(['-', '+']).starts_with(DIGITS));
        let power = next.strip_prefix(['·', '×']).is_some_and(|rest| {
            rest.trim_start().strip_prefix("10").is_some_and(|rest| rest.starts_with(SUPERSCRIPTS))
        });
        let decimal = text[start..end].contains('.');
        if decimal || exponent || power || UNITS.contains(&unit.as_str()) {
            found.push((start, &text[start..end]));
        }
    }
    found
}

/// The end of the number that starts at `start`: its digits, with points and commas between them.
fn number_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    while end < bytes.len()
        && (bytes[end].is_ascii_digit()
            || matches!(bytes[end], b'.' | b',')
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit))
    {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        result_numbers(text).into_iter().map(|(_, number)| number).collect()
    }

    #[test]
    fn results_are_known_by_their_looks() {
        assert_eq!(found("It reaches 98.6 % in 25 s."), ["98.6", "25"]);
        assert_eq!(found("An error of 1e-10, or 3 · 10⁻⁹, at 95%."), ["1", "3", "95"]);
        assert_eq!(found("It reads 30,000 samples/s."), ["30,000"]);
    }

    #[test]
    fn counts_and_names_are_none() {
        assert!(found("In chapter 5, 784 inputs and 10 outputs. See f64 and v1.2.").is_empty());
        assert!(found("28 × 28 pixels, 3 · 4 products").is_empty());
    }
}
