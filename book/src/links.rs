//! Links: within the book they must lead somewhere; to files of the repository they become links
//! to the web, to the lines of the item where one is named.

use crate::items;
use crate::labels::Labels;
use crate::notebook::Notebook;
use crate::page::{Page, Revision};
use crate::problem::Fault;
use crate::repository::{Repository, lines_fragment};
use pulldown_cmark::{Event, LinkType, Tag, TagEnd};
use std::ops::Range;

/// A link, as far as it is read.
struct Link<'a> {
    target: &'a str,
    range: Range<usize>,
    text: Option<Range<usize>>,
}

/// What a link becomes.
enum Fate {
    /// It stays.
    Kept,
    /// It leads elsewhere.
    To(String),
    /// It leads elsewhere, with this text in the place of none.
    Named(String, String),
    /// Its text stays alone.
    Text,
}

/// Checks and completes the links of a page.
pub fn revise(page: &Page<'_>, labels: &Labels, repository: &Repository, revision: &mut Revision) {
    let mut open: Option<Link<'_>> = None;
    for (event, range) in &page.events {
        match event {
            // An address between angle brackets, or behind a name, is no part of the book.
            Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, .. }) => {
                open = Some(Link { target: dest_url, range: range.clone(), text: None });
            }
            Event::End(TagEnd::Link) => {
                let Some(Link { target, range, text }) = open.take() else { continue };
                let fate = resolve(page, target, text.is_some(), labels, repository);
                let text = text.unwrap_or(range.start + 1..range.start + 1);
                match fate {
                    Ok(Fate::Kept) => {}
                    // The text may hold mathematics or quotes, and is left alone.
                    Ok(Fate::To(target)) => {
                        revision.replace(text.end..range.end, format!("]({target})"));
                    }
                    Ok(Fate::Named(target, name)) => revision.replace(
                        range,
                        format!("<a class=\"reference\" href=\"{target}\">{name}</a>"),
                    ),
                    Ok(Fate::Text) => {
                        revision.replace(range.start..text.start, "");
                        revision.replace(text.end..range.end, "");
                    }
                    Err(fault) => revision.note(page, range.start, fault),
                }
            }
            _ => {
                if let Some(link) = &mut open {
                    let known = link.text.take().unwrap_or(range.clone());
                    link.text = Some(known.start..known.end.max(range.end));
                }
            }
        }
    }
}

fn resolve(
    page: &Page<'_>,
    target: &str,
    has_text: bool,
    labels: &Labels,
    repository: &Repository,
) -> Result<Fate, Fault> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(Fate::Kept);
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() && ["eq:", "fig:", "ex:"].iter().any(|kind| anchor.starts_with(kind)) {
        let label = labels.label(anchor)?;
        let name = label.place.file.rsplit('/').next().unwrap_or_default();
        let target = format!("{}#{anchor}", name.replace(".md", ".html"));
        return Ok(match has_text {
            true => Fate::To(target),
            false => Fate::Named(target, label.text.clone()),
        });
    }
    if !has_text {
        return Err(Fault::LinkWithoutText { target: target.to_owned() });
    }
    if path.is_empty() {
        return labels.check(page.file, anchor).map(|()| Fate::Kept);
    }
    let file = normalize(page.file, path);
    if file.ends_with(".md") && folder(&file) == folder(page.file) {
        return labels.check(&file, anchor).map(|()| Fate::Kept);
    }
    // From an exercise, which lies in another folder.
    if labels.has_page(&file) {
        labels.check(&file, anchor)?;
        let name = file.rsplit('/').next().unwrap_or_default().replace(".md", ".html");
        let hash = if anchor.is_empty() { "" } else { "#" };
        return Ok(Fate::To(format!("{name}{hash}{anchor}")));
    }
    let fragment = fragment(repository, &file, anchor)?;
    Ok(repository.address(&file, &fragment).map_or(Fate::Text, Fate::To))
}

/// The fragment that shows `anchor` in a file of the repository.
fn fragment(repository: &Repository, file: &str, anchor: &str) -> Result<String, Fault> {
    if !repository.has(file) || file.is_empty() {
        return Err(Fault::DeadLink { target: file.to_owned(), hint: ".".to_owned() });
    }
    if anchor.is_empty() {
        return Ok(String::new());
    }
    if file.ends_with(".ipynb") {
        let notebook = Notebook::read(repository, file)?;
        if notebook.has(anchor) {
            return Ok(anchor.to_owned());
        }
        return Err(notebook.shown(anchor).err().unwrap_or_else(|| Fault::DeadLink {
            target: format!("{file}#{anchor}"),
            hint: ".".to_owned(),
        }));
    }
    if file.ends_with(".rs") {
        let text = repository.read(file)?;
        let items = items::items(file, &text)?;
        let item = items::find(file, &items, anchor)?;
        return Ok(lines_fragment(&items::lines(&text, &item.undocumented)));
    }
    Ok(anchor.to_owned())
}

fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `path`, as a page at `file` writes it, from the top of the repository.
fn normalize(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder(file).split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_the_page() {
        assert_eq!(normalize("chapters/05-matmul.md", "../src/tape.rs"), "src/tape.rs");
        assert_eq!(normalize("chapters/05-matmul.md", "02-tape.md"), "chapters/02-tape.md");
        assert_eq!(normalize("chapters/index.md", "./a/../b.md"), "chapters/b.md");
    }
}
