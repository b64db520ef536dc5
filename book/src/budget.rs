//! How much a chapter asks of its reader, beside what it may: printed by each build, and never an
//! error.
//!
//! Words are those that a reader meets unfolded before the exercises: not captions, boxes, exercises,
//! code and what `<details>` folds. A formula is one word, and so is a quoted number.

use crate::chapter::Chapter;
use crate::code;
use crate::directives::{Directive, Request};
use crate::headings::Heading;
use crate::page::Page;
use crate::repository::Repository;
use pulldown_cmark::{Event, Tag, TagEnd};
use std::ops::Range;

/// What a chapter has of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The chapter's number and title.
    pub chapter: String,
    /// Words before the exercises.
    pub words: usize,
    /// Numbered equations.
    pub equations: usize,
    /// Lines of code that are no test.
    pub lines: usize,
    /// Tests that are shown.
    pub tests: usize,
    /// Figures.
    pub figures: usize,
    /// Widgets.
    pub widgets: usize,
    /// Exercises.
    pub exercises: usize,
    /// The most lines that the chapter may list: the first two build what the others use.
    pub most_lines: usize,
}

const MOST_WORDS: usize = 3_000;
const MOST_EQUATIONS: usize = 8;
const MOST_TESTS: usize = 2;

impl Budget {
    /// Counts the words and the code of a chapter. The other parts are the caller's to fill in.
    pub fn of_text(
        page: &Page<'_>,
        chapter: &Chapter,
        headings: &[Heading],
        directives: &[Directive<'_>],
        repository: &Repository,
    ) -> Self {
        let title = headings.first().map_or("", |heading| heading.title(page));
        let folded = folded(page);
        let exercises = headings.iter().find(|heading| heading.id == "exercises");
        let end = exercises.map_or(page.text.len(), |heading| heading.range.start);
        let mut budget = Self {
            chapter: format!("{} {title}", chapter.number),
            words: words(page, end, &folded, directives),
            most_lines: if chapter.number <= 2 { 90 } else { 60 },
            ..Self::default()
        };
        for Directive { request, range } in directives {
            let is_open = !folded.iter().any(|fold| fold.contains(&range.start));
            if let Request::Code(target, documented) = *request
                && is_open
                && let Ok(code) = code::find(repository, target, documented)
            {
                match code.test {
                    Some(_) => budget.tests += 1,
                    None => budget.lines += code.text.lines().count(),
                }
            }
        }
        budget
    }

    /// The columns: the head, the count, and the most that there may be.
    fn columns(&self) -> [(&'static str, usize, usize); 7] {
        let any = usize::MAX;
        [
            ("words", self.words, MOST_WORDS),
            ("equations", self.equations, MOST_EQUATIONS),
            ("lines", self.lines, self.most_lines),
            ("tests", self.tests, MOST_TESTS),
            ("figures", self.figures, any),
            ("widgets", self.widgets, any),
            ("exercises", self.exercises, any),
        ]
    }
}

/// The chapters as a table. What is above its budget is marked.
pub fn table(budgets: &[Budget]) -> String {
    let heads = Budget::default().columns().map(|(head, ..)| head);
    let width = budgets.iter().map(|budget| budget.chapter.chars().count()).max().unwrap_or(0);
    let mut table = format!("{:width$}", "chapter", width = width.max("chapter".len()));
    table.extend(heads.map(|head| format!("  {head} ")));
    for budget in budgets {
        table.push_str(&format!("\n{:width$}", budget.chapter, width = width.max("chapter".len())));
        for (head, count, most) in budget.columns() {
            let mark = if count > most { '!' } else { ' ' };
            table.push_str(&format!("  {count:>width$}{mark}", width = head.len()));
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// What `<details>` folds.
fn folded(page: &Page<'_>) -> Vec<Range<usize>> {
    let mut folded = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (event, range) in &page.events {
        if let Event::Html(html) | Event::InlineHtml(html) = event {
            let (opened, closed) =
                (html.matches("<details").count(), html.matches("</details>").count());
            if depth == 0 && opened > 0 {
                start = range.start;
            }
            let open = depth + opened;
            depth = open.saturating_sub(closed);
            if open > 0 && depth == 0 {
                folded.push(start..range.end);
            }
        }
    }
    folded
}

/// The words of the text up to `end`.
fn words(
    page: &Page<'_>,
    end: usize,
    folded: &[Range<usize>],
    directives: &[Directive<'_>],
) -> usize {
    let mut in_code = false;
    let mut words = 0;
    let texts = page.events.iter().filter(|(_, range)| range.start < end);
    for (event, range) in texts.filter(|(_, at)| !folded.iter().any(|f| f.contains(&at.start))) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(_) if !in_code => {
                let text = without(directives, &page.text[range.clone()], range.start);
                words += text.split_whitespace().filter(|word| is_word(word)).count();
            }
            Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) => words += 1,
            _ => {}
        }
    }
    words
}

/// `text`, which begins at `offset`, with a word in the place of each number that it quotes, and
/// nothing in that of the other directives.
fn without(directives: &[Directive<'_>], text: &str, offset: usize) -> String {
    let mut kept = String::new();
    let mut done = offset;
    let end = offset + text.len();
    for Directive { request, range } in directives {
        if range.end <= offset || range.start >= end {
            continue;
        }
        let (from, to) = (range.start.max(done), range.end.min(end));
        kept.push_str(&text[done - offset..from - offset]);
        if matches!(request, Request::Number(_) | Request::Reported(_)) && range.start >= offset {
            kept.push('0');
        }
        done = to;
    }
    kept + &text[done - offset..]
}

/// A word has a letter or a digit; a dash between two words has none.
fn is_word(word: &str) -> bool {
    word.contains(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directives;
    use crate::headings;
    use crate::labels::Labels;
    use crate::page::Revision;

    fn words_of(text: &str) -> usize {
        let page = Page::parse("chapters/01-a.md", 1, text);
        let mut revision = Revision::default();
        let headings = headings::collect(&page, &mut Labels::default(), &mut revision);
        let directives = directives::collect(&page, &mut revision);
        let chapter = Chapter::of_file(page.file).unwrap();
        let repository = Repository::open(".");
        Budget::of_text(&page, &chapter, &headings, &directives, &repository).words
    }

    #[test]
    fn a_formula_and_a_quoted_number_are_a_word_each() {
        assert_eq!(words_of("Let $y = f(x)$ be *a function* of `x`."), 7);
        assert_eq!(words_of("It took {{number a.json#/b as fixed 1}} s – or {{reported 3}}%."), 6);
        assert_eq!(words_of("{{exercise a_b}}\n\n{{score}}\n\n{{number \"a b.json#/c\"}}"), 1);
        assert_eq!(words_of("$$\nx\n$$\n\n| a | b |\n|---|---|\n| c | $d$ |"), 5);
    }

    #[test]
    fn what_is_folded_or_stands_in_a_block_is_not_counted() {
        let fold = "<details>\n<summary>A proof</summary>\n\nLong and dry.\n\n</details>\n\n";
        assert_eq!(words_of(&format!("One.\n\n{fold}Two.")), 2);
        assert_eq!(words_of("One.\n\n```figure a\ncaption: b c d\n```\n\nTwo."), 2);
        assert_eq!(words_of("# One\n\nTwo.\n\n## Exercises\n\nThree, four."), 2);
    }

    #[test]
    fn what_is_above_its_budget_is_marked() {
        let short =
            Budget { chapter: "1 A".into(), words: 3_000, most_lines: 90, ..Budget::default() };
        let long = Budget { words: 3_001, lines: 91, equations: 9, tests: 2, ..short.clone() };
        assert_eq!(
            table(&[short, long]),
            "chapter  words   equations   lines   tests   figures   widgets   exercises\n\
             1 A       3000           0       0       0         0         0           0\n\
             1 A       3001!          9!     91!      2         0         0           0"
        );
    }
}
