//! The score so far: `{{score}}`, a table of what each chapter's network got right.
//!
//! A chapter has a line in it if its notebook has a cell with the id `score`, which prints one line:
//!
//! ```text
//! The score: 17 numbers by hand: 93.42 % right, ± 0.81 over five seeds
//! ```

use crate::chapter::Chapter;
use crate::directives::{Directive, Request};
use crate::notebook::Notebook;
use crate::page::{Page, Revision, escape_text};
use crate::problem::Fault;
use crate::records;
use crate::repository::Repository;

/// The id of the cell.
const CELL: &str = "score";

/// A chapter that the table can name.
#[derive(Debug)]
pub struct Scored<'a> {
    /// The chapter.
    pub chapter: &'a Chapter,
    /// The file of its page.
    pub file: &'a str,
    /// Its title, in Markdown.
    pub title: &'a str,
}

/// What a cell says: the network, what it gets right, and how far seeds are apart.
#[derive(Debug, PartialEq, Eq)]
struct Score<'a> {
    network: &'a str,
    right: &'a str,
    spread: &'a str,
    seeds: &'a str,
}

/// Puts the table in the place of `{{score}}`. `chapters` are those of the book, in order.
pub fn revise(
    page: &Page<'_>,
    directives: &[Directive<'_>],
    chapters: &[Scored<'_>],
    repository: &Repository,
    revision: &mut Revision,
) {
    for directive in directives.iter().filter(|directive| directive.request == Request::Score) {
        let table = table(page, chapters, repository);
        revision.replace_or_note(page, directive.range.clone(), table);
    }
}

fn table(
    page: &Page<'_>,
    chapters: &[Scored<'_>],
    repository: &Repository,
) -> Result<String, Fault> {
    let current = chapters.iter().position(|scored| scored.file == page.file);
    let current = current.ok_or(Fault::ScoreOutsideChapter)?;
    let mut table = "| chapter | network | right | spread |\n|---|---|--:|---|".to_owned();
    for (k, scored) in chapters[..=current].iter().enumerate() {
        let path = scored.chapter.notebook();
        if k < current && !repository.has(&path) {
            continue;
        }
        let notebook = Notebook::read(repository, &path)?;
        if k == current || notebook.has(CELL) {
            let text = notebook.text(CELL)?;
            let score = score(&text)
                .ok_or_else(|| Fault::NotAScore { path: path.clone(), text: excerpt(&text) })?;
            table.push_str(&row(scored, &score, &path, repository, k == current));
        }
    }
    Ok(table)
}

fn row(
    scored: &Scored<'_>,
    score: &Score<'_>,
    path: &str,
    repository: &Repository,
    is_current: bool,
) -> String {
    let target = format!("{path}#{CELL}");
    let number = |text: String| records::linked(repository, &target, &escape_text(&text));
    let file = scored.file.rsplit('/').next().unwrap_or_default();
    let cells = [
        format!("[{}. {}]({file})", scored.chapter.number, scored.title.replace('|', "\\|")),
        escape_text(score.network),
        number(format!("{} %", score.right)),
        format!("{}, {}", number(format!("± {}", score.spread)), escape_text(score.seeds)),
    ];
    let bold = if is_current { "**" } else { "" };
    cells.iter().fold("\n|".to_owned(), |row, cell| row + &format!(" {bold}{cell}{bold} |"))
}

/// The first line of `text` that has this form.
fn score(text: &str) -> Option<Score<'_>> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("The score: "))?;
    let (network, result) = line.rsplit_once(": ")?;
    let (right, rest) = result.split_once(" % right, ± ")?;
    let (spread, seeds) = rest.split_once(" over ")?;
    let are_numbers = [right, spread].iter().all(|number| number.parse::<f64>().is_ok());
    let whole = are_numbers && !network.trim().is_empty() && !seeds.trim().is_empty();
    whole.then_some(Score { network: network.trim(), right, spread, seeds: seeds.trim() })
}

fn excerpt(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_has_a_network_a_share_and_a_spread() {
        let score_of = |text| score(text).map(|s| (s.network, s.right, s.spread, s.seeds));
        assert_eq!(
            score_of("So.\nThe score: tape: by hand: 93.42 % right, ± 0.81 over five seeds\n"),
            Some(("tape: by hand", "93.42", "0.81", "five seeds"))
        );
        for text in [
            "93.42 % right, ± 0.81 over five seeds",
            "The score: 93.42 % right, ± 0.81 over five seeds",
            "The score: a: 93.42 % right",
            "The score: a: 93.42 % right, ± 0.81",
            "The score: a: many % right, ± 0.81 over five seeds",
            "The score: a: 93.42 % right, ± some over five seeds",
        ] {
            assert_eq!(score_of(text), None, "{text}");
        }
    }
}
