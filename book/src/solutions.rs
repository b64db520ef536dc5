//! The list of all exercises: `{{solutions}}`, with a link to each solution.
//!
//! Besides the exercises on the reader's own code ([`crate::exercises`]) a chapter can have a
//! numbered list below its heading `Exercises`. Each item begins with its title in bold. Its solution
//! is folded below the list:
//!
//! ````text
//! <details>
//! <summary>Solution of exercise 2</summary>
//! ````

use crate::exercises::Exercise;
use crate::headings::Heading;
use crate::labels::Labels;
use crate::page::{Page, Revision};
use crate::problem::Fault;
use pulldown_cmark::{Event, Tag, TagEnd};
use std::collections::BTreeMap;
use std::ops::Range;

/// The id of the heading of the exercises.
const SECTION: &str = "exercises";

/// What stands before the number of a solution.
const SUMMARY: &str = "<summary>Solution of exercise ";

/// What stands behind it.
const END: &str = "</summary>";

/// The exercises of a page.
#[derive(Debug, Default)]
pub struct Exercises {
    /// The title of each, in Markdown, by its number.
    titles: BTreeMap<u64, String>,
    /// Where the solution of each begins, behind its summary.
    solutions: BTreeMap<u64, usize>,
}

impl Exercises {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.titles.len()
    }
}

/// The exercises of a page and their solutions, which become anchors.
pub fn collect(
    page: &Page<'_>,
    headings: &[Heading],
    labels: &mut Labels,
    revision: &mut Revision,
) -> Exercises {
    let mut exercises = Exercises::default();
    let section = section(page, headings);
    let (mut depth, mut number) = (0, 0);
    for (event, range) in &page.events {
        match event {
            Event::Start(Tag::List(first)) if section.contains(&range.start) => {
                depth += 1;
                if depth == 1 {
                    number = first.unwrap_or(0);
                }
            }
            Event::End(TagEnd::List(_)) if section.contains(&range.start) => depth -= 1,
            Event::End(TagEnd::Item) if depth == 1 => number += 1,
            Event::Start(Tag::Strong) if depth == 1 && number > 0 => {
                let title = page.text[range.clone()].trim_matches('*').trim_end_matches('.');
                let words: Vec<&str> = title.split_whitespace().collect();
                exercises.titles.entry(number).or_insert_with(|| words.join(" "));
            }
            Event::Html(html) => {
                let Some(start) = html.find(SUMMARY).map(|k| k + SUMMARY.len()) else { continue };
                let Some(length) = html[start..].find(END) else { continue };
                let Ok(number) = html[start..start + length].parse() else { continue };
                exercises.solutions.insert(number, range.start + start + length + END.len());
                labels.add_anchor(page.file, &anchor(number));
            }
            _ => {}
        }
    }
    for &number in exercises.titles.keys() {
        if !exercises.solutions.contains_key(&number) {
            revision.note(page, section.start, Fault::ExerciseWithoutSolution { number });
        }
    }
    exercises
}

/// Where the exercises stand: from their heading to the next one.
fn section(page: &Page<'_>, headings: &[Heading]) -> Range<usize> {
    let Some(k) = headings.iter().position(|heading| heading.id == SECTION) else {
        return 0..0;
    };
    let end = headings.get(k + 1).map_or(page.text.len(), |next| next.range.start);
    headings[k].range.start..end
}

fn anchor(number: u64) -> String {
    format!("solution-{number}")
}

/// Writes the anchors. They stand within what is folded: a browser that is led there unfolds it.
pub fn revise(exercises: &Exercises, revision: &mut Revision) {
    for (&number, &at) in &exercises.solutions {
        revision.replace(at..at, format!("<span id=\"{}\"></span>", anchor(number)));
    }
}

/// The list of a page's exercises in Markdown, or nothing where it has none.
pub fn list(
    page: &Page<'_>,
    headings: &[Heading],
    exercises: &Exercises,
    on_own_code: &[Exercise],
) -> String {
    let Some(title) = headings.first() else { return String::new() };
    if exercises.titles.is_empty() && on_own_code.is_empty() {
        return String::new();
    }
    let title = title.title(page);
    let file = page.file.rsplit('/').next().unwrap_or(page.file);
    let has_section = headings.iter().any(|heading| heading.id == SECTION);
    let section = if has_section { format!("#{SECTION}") } else { String::new() };
    let mut list = format!("**[{title}]({file}{section})**\n\n");
    for exercise in on_own_code {
        let (title, anchor) = (&exercise.question.title.text, exercise.anchor());
        list.push_str(&format!("- [{}. {title}]({file}#{anchor})\n", exercise.number));
    }
    if !on_own_code.is_empty() {
        list.push('\n');
    }
    for (&number, title) in &exercises.titles {
        list.push_str(&format!("{number}. [{title}]({file}#{})\n", anchor(number)));
    }
    list + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headings;

    const PAGE: &str = "# A\n\n- **no**\n\n## Exercises\n\n1. **By hand.** Do\n   *this*.\n\n2. **In `f32`\n   alone.** \
        And **that**.\n   - **deeper**\n\n<details>\n<summary>Solution of exercise 1</summary>\n\nOne.\n\n</details>\n";

    fn read(text: &str) -> (String, Revision, String) {
        let page = Page::parse("chapters/01-a.md", 1, text);
        let (mut labels, mut revision) = (Labels::default(), Revision::default());
        let headings = headings::collect(&page, &mut labels, &mut revision);
        let exercises = collect(&page, &headings, &mut labels, &mut revision);
        let mut edits = Revision::default();
        revise(&exercises, &mut edits);
        (list(&page, &headings, &exercises, &[]), revision, edits.apply(text).0)
    }

    #[test]
    fn exercises_are_listed_by_their_titles() {
        let (list, _, revised) = read(PAGE);
        assert_eq!(
            list.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            [
                "**[A](01-a.md#exercises)**",
                "1. [By hand](01-a.md#solution-1)",
                "2. [In `f32` alone](01-a.md#solution-2)",
            ]
        );
        let anchored = "<summary>Solution of exercise 1</summary><span id=\"solution-1\"></span>\n";
        assert!(revised.contains(anchored), "{revised}");
        assert_eq!(read("# A\n\n1. **no**\n").0, "");
    }

    #[test]
    fn an_exercise_needs_a_solution() {
        let (_, revision, _) = read(PAGE);
        let [problem] = revision.problems.as_slice() else { panic!("{:?}", revision.problems) };
        assert_eq!(problem.place.line, 5);
        let fault = problem.fault.to_string();
        assert!(fault.contains("exercise 2 has no solution"), "{fault}");
    }
}
