//! Code as it stands in the repository: `{{code src/matmul.rs#Linear::forward}}`.
//!
//! After the `#` stands an item's path (see [`crate::items`]) or, after an `@` in its place, the
//! name of a piece (see [`crate::anchors`]). Without either the whole file is quoted.
//!
//! `{{code "src/matmul.rs#Linear::backward / To the weights"}}` is a paragraph of the item: the
//! lines from the comment that begins with these words to the next blank line.

use crate::anchors;
use crate::items::{self, Item};
use crate::page::escape_text;
use crate::problem::{Fault, did_you_mean};
use crate::repository::{Repository, lines_fragment};
use std::ops::RangeInclusive;

/// A piece of code, with its place.
#[derive(Clone, Debug)]
pub struct Code {
    /// The code, without the indentation that all its lines share.
    pub text: String,
    /// The lines on which it stands.
    pub lines: RangeInclusive<usize>,
    /// The name of the test that it is.
    pub test: Option<String>,
}

/// Finds the code at `target`.
///
/// # Errors
/// [`Fault`] where the file, the item or the piece is not there.
pub fn find(repository: &Repository, target: &str, documented: bool) -> Result<Code, Fault> {
    if let Some((path, name)) = target.split_once('@') {
        let (text, lines) = anchors::piece(path, &repository.read(path)?, name)?;
        return Ok(Code { text: dedent(&text), lines, test: None });
    }
    let (path, item) = target.split_once('#').unwrap_or((target, ""));
    let text = repository.read(path)?;
    if item.is_empty() {
        let lines = 1..=text.lines().count().max(1);
        return Ok(Code { text: dedent(&anchors::without_marks(&text)), lines, test: None });
    }
    let items = items::items(path, &text)?;
    let (item, words) = item.split_once(" / ").unwrap_or((item, ""));
    let code = of_item(&text, items::find(path, &items, item)?, documented);
    if words.is_empty() { Ok(code) } else { paragraph(code, target, words) }
}

/// The paragraph of `code` that a comment begins with `words`.
fn paragraph(code: Code, target: &str, words: &str) -> Result<Code, Fault> {
    let comment =
        |line: &str| line.trim().strip_prefix("// ").is_some_and(|c| c.starts_with(words));
    let before = code.text.lines().take_while(|line| !comment(line)).count();
    let lines: Vec<&str> =
        code.text.lines().skip(before).take_while(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        let comments = code.text.lines().filter_map(|line| line.trim().strip_prefix("// "));
        return Err(Fault::NoParagraph {
            target: target.split(" / ").next().unwrap_or(target).to_owned(),
            words: words.to_owned(),
            hint: did_you_mean(words, comments),
        });
    }
    let first = code.lines.start() + before;
    Ok(Code { text: dedent(&lines.join("\n")), lines: first..=first + lines.len() - 1, test: None })
}

fn of_item(text: &str, item: &Item, documented: bool) -> Code {
    let mut range = if documented { item.range.clone() } else { item.undocumented.clone() };
    let lines = items::lines(text, &range);
    // From the start of its line, so that the first line is indented as the others are.
    range.start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    Code {
        text: dedent(&anchors::without_marks(&text[range])),
        lines,
        test: item.is_test.then(|| item.path.join("::")),
    }
}

/// The quote as Markdown: the code in a block, below a line that says where it is from.
///
/// # Errors
/// As [`find`].
pub fn quote(repository: &Repository, target: &str, documented: bool) -> Result<String, Fault> {
    let code = find(repository, target, documented)?;
    let path = target.split(['#', '@']).next().unwrap_or(target);
    Ok(listing(repository, path, &code))
}

/// Code of the file at `path` as Markdown.
pub fn listing(repository: &Repository, path: &str, code: &Code) -> String {
    let source =
        repository.link("source-link", &escape_text(path), path, &lines_fragment(&code.lines));
    let run = code.test.as_ref().and_then(|test| command(path, test));
    let run = run.map_or_else(String::new, |run| {
        // A test's name is long: a phone may break it behind an underscore.
        let underscore = escape_text("_");
        let run = escape_text(&run).replace(&underscore, &format!("{underscore}<wbr>"));
        format!(" <code class=\"run-command\">{run}</code>")
    });
    format!(
        "<div class=\"listing\"><div class=\"listing-source\">{source}{run}</div>\n\n{}\n\n</div>",
        fenced(language(path), &code.text)
    )
}

/// The command that runs a test of a file in `tests`, which is a module of their one program.
pub fn command(path: &str, test: &str) -> Option<String> {
    let module = path.strip_prefix("tests/")?.strip_suffix(".rs")?.replace('/', "::");
    Some(format!("cargo test --test all {module}::{test}"))
}

/// `text` in a fence that nothing in it can close.
pub fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_matches('\n'))
}

fn language(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("json") => "json",
        Some("py") => "python",
        _ => "text",
    }
}

/// `text` without the indentation that all its lines share.
pub fn dedent(text: &str) -> String {
    let indentation = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = text.lines().map(|line| line.get(indentation..).unwrap_or("")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_loses_the_indentation_of_its_place() {
        assert_eq!(dedent("    a\n\n      b\n    c"), "a\n\n  b\nc");
    }

    #[test]
    fn a_paragraph_goes_from_its_comment_to_a_blank_line() {
        let code = || Code {
            text:
                "fn f() {\n    // One.\n    a;\n\n    // Two things.\n    b;\n    c;\n\n    d;\n}"
                    .into(),
            lines: 10..=19,
            test: None,
        };
        let two = paragraph(code(), "f.rs#f / Two", "Two").unwrap();
        assert_eq!((two.text.as_str(), two.lines), ("// Two things.\nb;\nc;", 14..=16));
        assert!(paragraph(code(), "f.rs#f / b", "b").is_err());
    }

    #[test]
    fn no_code_closes_its_fence() {
        assert_eq!(fenced("text", "a"), "```text\na\n```");
        assert_eq!(fenced("text", "````\na"), "`````text\n````\na\n`````");
    }

    #[test]
    fn a_test_has_a_command() {
        assert_eq!(
            command("tests/matmul.rs", "eq_matmul").as_deref(),
            Some("cargo test --test all matmul::eq_matmul")
        );
        assert_eq!(
            command("tests/solutions/matmul.rs", "by_hand").as_deref(),
            Some("cargo test --test all solutions::matmul::by_hand")
        );
        assert_eq!(command("src/matmul.rs", "eq_matmul"), None);
    }
}
