//! Fenced blocks that are not code: a word that says what they are, an id, and lines `key: value`.
//! A line that is indented continues the one above it.

use crate::page::Page;
use crate::problem::Fault;
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use std::ops::Range;

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// What stands behind the fence, after the kind: an id.
    pub id: String,
    /// What stands in it.
    pub text: String,
    /// Where it stands.
    pub range: Range<usize>,
    /// Number of the first line of the text, counted from the fence.
    pub first_line: usize,
}

/// A line `key: value`, with its number in the block.
#[derive(Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, on one line.
    pub value: String,
    /// The line's number, from 0.
    pub line: usize,
}

/// The fenced blocks of `kind`, such as `figure`.
pub fn of_kind(page: &Page<'_>, kind: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut current: Option<Block> = None;
    for (event, range) in &page.events {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let (first, rest) = info.trim().split_once([' ', ',']).unwrap_or((info.trim(), ""));
                current = (first == kind).then(|| Block {
                    id: rest.trim().to_owned(),
                    text: String::new(),
                    range: range.clone(),
                    first_line: 1,
                });
            }
            Event::Text(text) => {
                if let Some(block) = &mut current {
                    block.text.push_str(text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(current.take()),
            _ => {}
        }
    }
    blocks
}

/// Whether `id` has only small letters, digits and hyphens.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The fields of a block that has nothing else.
///
/// # Errors
/// [`Fault::UnknownField`] where a line is none of `known`.
pub fn fields<'a>(text: &'a str, known: &[&str]) -> Result<Vec<Field<'a>>, Fault> {
    let mut fields: Vec<Field<'a>> = Vec::new();
    for (line, content) in text.lines().enumerate() {
        if content.starts_with([' ', '\t'])
            && let Some(field) = fields.last_mut()
        {
            field.value.push(' ');
            field.value.push_str(content.trim());
            continue;
        }
        if content.trim().is_empty() {
            continue;
        }
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        if !known.contains(&key.trim()) {
            return Err(Fault::UnknownField {
                key: key.trim().to_owned(),
                known: known.join(", "),
            });
        }
        fields.push(Field { key: key.trim(), value: value.trim().to_owned(), line });
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_on_where_lines_are_indented() {
        let text = "alt: a line\n  that goes on\n\ncaption: b: c\n";
        let fields = fields(text, &["alt", "caption"]).unwrap();
        let pairs: Vec<_> = fields.iter().map(|f| (f.key, f.value.as_str(), f.line)).collect();
        assert_eq!(pairs, [("alt", "a line that goes on", 0), ("caption", "b: c", 3)]);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(fields("altt: a", &["alt"]).is_err());
    }
}
