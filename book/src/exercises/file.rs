//! The files of an exercise. The comment at the top of each (`//!`) is Markdown for the page.
//!
//! ```text
//! //! # Another bend
//! //! ●●○ about 15 minutes
//! //!
//! //! Give the unit the tangent in the place of the sigmoid.
//! ```
//!
//! So begins an exercise: its title, how hard it is, how long it takes, and the question. The
//! comment of a solution explains it, and its code is what stands between the comment and `fn main`.

use crate::code::{self, Code};
use crate::page::Passage;
use crate::problem::{Fault, Place, Problem};

/// What an exercise asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// Its title.
    pub title: Passage,
    /// How hard it is: 1 to 3.
    pub dots: usize,
    /// How long it takes, such as `about 15 minutes`.
    pub time: String,
    /// The question itself.
    pub text: Passage,
}

/// What solves an exercise.
#[derive(Debug)]
pub struct Solution {
    /// The explanation, which can be empty where the code says all.
    pub explanation: Passage,
    /// The code, where there is any.
    pub code: Option<Code>,
}

impl Question {
    /// The question at the top of the file at `path`.
    ///
    /// # Errors
    /// A [`Problem`] with the line that is not as it has to be.
    pub fn parse(path: &str, text: &str) -> Result<Self, Box<Problem>> {
        let head: Vec<&str> = head(text).collect();
        let mut lines = head.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut next = |missing: &'static str| {
            lines.next().ok_or_else(|| malformed(path, head.len(), missing))
        };
        let (at, title) = next("a title: `//! # Another bend`")?;
        let title = title
            .strip_prefix("# ")
            .ok_or_else(|| malformed(path, at, "a title: `//! # Another bend`"))?;
        let title = passage(path, at, title);
        let (at, effort) = next("its effort: `//! ●●○ about 15 minutes`")?;
        let (dots, time) = self::effort(effort)
            .ok_or_else(|| malformed(path, at, "its effort: `//! ●●○ about 15 minutes`"))?;
        let (at, _) = next("a question, below its effort")?;
        let text = passage(path, at, &head[at..].join("\n"));
        Ok(Self { title, dots, time: time.to_owned(), text })
    }
}

impl Solution {
    /// The explanation and the code of the file at `path`.
    ///
    /// # Errors
    /// A [`Problem`] where nothing is explained and nothing coded, or `fn main` is not there.
    pub fn parse(path: &str, text: &str) -> Result<Self, Box<Problem>> {
        let lines: Vec<&str> = text.lines().collect();
        let head: Vec<&str> = head(text).collect();
        let main = lines.iter().position(|line| line.starts_with("fn main()"));
        let main = main.ok_or_else(|| malformed(path, 0, "`fn main()`, below the code"))?;
        let filled = |line: &&str| !line.trim().is_empty();
        let first = head.iter().position(filled).unwrap_or(0);
        let explanation = passage(path, first, &head[first..].join("\n"));
        let body = head.len()..main.max(head.len());
        let start = lines[body.clone()].iter().position(filled).map(|k| body.start + k);
        let code = start.map(|start| {
            let end = lines[body].iter().rposition(filled).map_or(start, |k| head.len() + k);
            let text = code::dedent(&lines[start..=end].join("\n"));
            Code { text, lines: start + 1..=end + 1, test: None }
        });
        if explanation.text.is_empty() && code.is_none() {
            return Err(malformed(path, 0, "an explanation, or code above `fn main()`"));
        }
        Ok(Self { explanation, code })
    }
}

/// The lines of the comment at the top.
fn head(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map_while(|line| {
        let line = line.strip_prefix("//!")?;
        Some(line.strip_prefix(' ').unwrap_or(line))
    })
}

/// How hard and how long: three dots, the first ones filled, and words.
fn effort(line: &str) -> Option<(usize, &str)> {
    let time = line.trim_start_matches('●');
    let dots = (line.len() - time.len()) / '●'.len_utf8();
    let time = time.strip_prefix(&"○".repeat(3_usize.checked_sub(dots)?))?;
    let time = time.strip_prefix(' ')?.trim();
    (dots > 0 && !time.is_empty()).then_some((dots, time))
}

fn passage(path: &str, at: usize, text: &str) -> Passage {
    Passage {
        text: text.trim_end().to_owned(),
        place: Place { file: path.to_owned(), line: at + 1 },
    }
}

fn malformed(path: &str, at: usize, missing: &'static str) -> Box<Problem> {
    let place = Place { file: path.to_owned(), line: at + 1 };
    Box::new(Problem { place, fault: Fault::ExerciseFile { missing } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_a_title_an_effort_and_a_text() {
        let text = "//! # Another bend\n//! ●●○ about 15 minutes\n//!\n//! Give it\n//!   - `tanh`.\n\nfn a() {}\n";
        let question = Question::parse("a.rs", text).unwrap();
        assert_eq!(question.title.text, "Another bend");
        assert_eq!((question.dots, question.time.as_str()), (2, "about 15 minutes"));
        assert_eq!(question.text.text, "Give it\n  - `tanh`.");
        assert_eq!(question.text.place.line, 4);
    }

    #[test]
    fn a_head_that_lacks_a_part_is_refused_at_its_line() {
        let place = |text| Question::parse("a.rs", text).unwrap_err().to_string();
        for (text, line, missing) in [
            ("fn main() {}", 1, "a title"),
            ("//! Bend\n", 1, "a title"),
            ("//! # Bend\n", 2, "its effort"),
            ("//! # Bend\n//!\n//! ●●●● long\n", 3, "its effort"),
            ("//! # Bend\n//! ○○○ long\n", 2, "its effort"),
            ("//! # Bend\n//! ●○○\n", 2, "its effort"),
            ("//! # Bend\n//! ●○○ long\n//!\n", 4, "a question"),
        ] {
            let problem = place(text);
            assert!(problem.starts_with(&format!("a.rs:{line}: ")), "{text}: {problem}");
            assert!(problem.contains(missing), "{text}: {problem}");
        }
    }

    #[test]
    fn a_solution_explains_and_has_code() {
        let text = "//!\n//! So.\n\nuse a::b;\n\nfn c() {}\n\nfn main() {}\n\n#[test]\nfn d() {}\n";
        let solution = Solution::parse("a.rs", text).unwrap();
        assert_eq!(
            (solution.explanation.text.as_str(), solution.explanation.place.line),
            ("So.", 2)
        );
        let code = solution.code.unwrap();
        assert_eq!((code.text.as_str(), code.lines), ("use a::b;\n\nfn c() {}", 4..=6));
        assert!(Solution::parse("a.rs", "//! So.\nfn main() {}\n").unwrap().code.is_none());
        assert!(Solution::parse("a.rs", "//!\nfn main() {}\n").is_err());
        assert!(Solution::parse("a.rs", "//! So.\nfn c() {}\n").is_err());
    }
}
