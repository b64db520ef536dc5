//! Headings: each has an id that its text gives it.
//!
//! mdBook gives ids too. They are written out here, so that a link can be checked against what
//! will be there.

use crate::labels::Labels;
use crate::page::{Page, Revision};
use crate::problem::Fault;
use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use std::collections::BTreeSet;
use std::ops::Range;

/// A heading.
#[derive(Debug)]
pub struct Heading {
    /// Its level.
    pub level: HeadingLevel,
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub range: Range<usize>,
    explicit: bool,
}

impl Heading {
    /// Its words, in Markdown.
    pub fn title<'a>(&self, page: &Page<'a>) -> &'a str {
        page.text[self.range.clone()].trim_matches(['#', ' ', '\n'])
    }
}

/// The headings of a page. Their ids, and those in HTML, become anchors.
pub fn collect(page: &Page<'_>, labels: &mut Labels, revision: &mut Revision) -> Vec<Heading> {
    let mut headings: Vec<Heading> = Vec::new();
    let mut used = BTreeSet::new();
    let mut open: Option<(Heading, String)> = None;
    for (event, range) in &page.events {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                let explicit = id.is_some();
                let id = id.as_ref().map(ToString::to_string).unwrap_or_default();
                let heading = Heading { level: *level, id, range: range.clone(), explicit };
                open = Some((heading, String::new()));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, words)) = &mut open {
                    words.push_str(text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((mut heading, words)) = open.take() else { continue };
                if !heading.explicit {
                    heading.id = unused(&slug(&words), &used);
                }
                if !used.insert(heading.id.clone()) {
                    let first = page.place(
                        headings
                            .iter()
                            .find(|other| other.id == heading.id)
                            .map_or(0, |h| h.range.start),
                    );
                    let id = heading.id.clone();
                    revision.note(page, heading.range.start, Fault::DuplicateId { id, first });
                }
                labels.add_anchor(page.file, &heading.id);
                headings.push(heading);
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                for id in html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    labels.add_anchor(page.file, id);
                }
            }
            _ => {}
        }
    }
    headings
}

/// Writes the ids behind the headings.
pub fn revise(page: &Page<'_>, headings: &[Heading], revision: &mut Revision) {
    for heading in headings.iter().filter(|heading| !heading.explicit) {
        let text = &page.text[heading.range.clone()];
        if text.starts_with('#') {
            let end = heading.range.start + text.trim_end().len();
            revision.replace(end..end, format!(" {{#{}}}", heading.id));
        }
    }
}

/// `text` in small letters, with hyphens for spaces and without other signs.
fn slug(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

fn unused(id: &str, used: &BTreeSet<String>) -> String {
    let numbered = (1..).map(|k| format!("{id}-{k}"));
    std::iter::once(id.to_owned()).chain(numbered).find(|id| !used.contains(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_has_the_id_of_its_words() {
        assert_eq!(slug("What goes wrong?"), "what-goes-wrong");
        assert_eq!(slug("The gradient of `W`"), "the-gradient-of-w");
        let page = Page::parse("a.md", 1, "# A `b`\n\n## C\n\n## C\n\n## D {#e}\n");
        let headings = collect(&page, &mut Labels::default(), &mut Revision::default());
        let ids: Vec<_> = headings.iter().map(|heading| heading.id.as_str()).collect();
        assert_eq!(ids, ["a-b", "c", "c-1", "e"]);
        let mut revision = Revision::default();
        revise(&page, &headings, &mut revision);
        let (text, _) = revision.apply(page.text);
        assert_eq!(text, "# A `b` {#a-b}\n\n## C {#c}\n\n## C {#c-1}\n\n## D {#e}\n");
    }
}
