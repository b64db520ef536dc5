//! Pieces of code that are no items: the lines between `// ANCHOR: name` and
//! `// ANCHOR_END: name`, as in mdBook.

use crate::problem::{Fault, did_you_mean};
use std::ops::RangeInclusive;

/// The piece `name` of the file at `path`, without lines that mark pieces, and the lines that it
/// stands on.
///
/// # Errors
/// [`Fault::NoAnchor`] where its beginning or its end is not marked.
pub fn piece(path: &str, text: &str, name: &str) -> Result<(String, RangeInclusive<usize>), Fault> {
    let mut lines = Vec::new();
    let mut start = None;
    for (k, line) in text.lines().enumerate() {
        match mark(line) {
            Some((false, marked)) if marked == name => start = Some(k + 2),
            Some((true, marked)) if marked == name && start.is_some() => {
                return Ok((lines.join("\n"), start.unwrap_or(k)..=k));
            }
            Some(_) => {}
            None if start.is_some() => lines.push(line),
            None => {}
        }
    }
    let others = text.lines().filter_map(mark).map(|(_, name)| name);
    let hint = did_you_mean(name, others.filter(|other| *other != name));
    Err(Fault::NoAnchor { path: path.to_owned(), name: name.to_owned(), hint })
}

/// `code` without the lines that mark pieces.
pub fn without_marks(code: &str) -> String {
    let lines: Vec<&str> = code.lines().filter(|line| mark(line).is_none()).collect();
    lines.join("\n")
}

/// The name that a line marks, and whether it marks the end.
fn mark(line: &str) -> Option<(bool, &str)> {
    let comment = line.trim().strip_prefix("//")?.trim_start();
    let (end, name) = match comment.strip_prefix("ANCHOR_END:") {
        Some(name) => (true, name),
        None => (false, comment.strip_prefix("ANCHOR:")?),
    };
    Some((end, name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n// ANCHOR: outer\nb\n  // ANCHOR: inner\n  c\n  // ANCHOR_END: inner\n\
                        d\n// ANCHOR_END: outer\n// ANCHOR: open\n";

    #[test]
    fn pieces_are_what_is_between_their_marks() {
        assert_eq!(piece("a.rs", TEXT, "outer"), Ok(("b\n  c\nd".to_owned(), 3..=7)));
        assert_eq!(piece("a.rs", TEXT, "inner"), Ok(("  c".to_owned(), 5..=5)));
    }

    #[test]
    fn a_piece_without_both_marks_is_refused() {
        assert!(piece("a.rs", TEXT, "open").is_err());
        let fault = piece("a.rs", TEXT, "iner").unwrap_err();
        assert!(fault.to_string().contains("did you mean `inner`?"), "{fault}");
    }
}
