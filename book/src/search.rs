//! The search index, to which mdBook adds each formula twice: as it is read aloud, and as it is
//! drawn. An excerpt in the results should show it once.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// Where a formula's MathML begins, and where what is drawn follows it.
const READ: &str = "class=\"katex-mathml\">";
const DRAWN: &str = "class=\"katex-html\">";

/// What stands for formula `k` until all are found: a shorter one might be seen in what a longer one
/// leaves. No page has these characters, which are for private use.
fn place_of(k: usize) -> String {
    format!("\u{f0000}{k}\u{f0001}")
}

/// Leaves one form of each formula in the index of the site in `folder`: the one that is read aloud.
///
/// # Errors
/// [`io::Error`].
pub fn write_formulas_once(folder: &Path) -> io::Result<()> {
    let mut formulas = BTreeSet::new();
    let mut indices = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".html") {
            formulas.extend(doubled(&fs::read_to_string(path)?));
        } else if name.starts_with("searchindex") {
            // The name may have a hash in it.
            indices.push(path);
        }
    }
    for path in indices {
        let index = fs::read_to_string(&path)?;
        fs::write(path, with_formulas_once(index, &formulas))?;
    }
    Ok(())
}

/// The index with the first text of each pair in the place of both.
fn with_formulas_once(mut index: String, formulas: &BTreeSet<(String, String)>) -> String {
    let mut formulas: Vec<_> = formulas.iter().collect();
    formulas.sort_by_key(|(read, drawn)| std::cmp::Reverse(read.len() + drawn.len()));
    for (k, (read, drawn)) in formulas.iter().enumerate() {
        let both = in_index(&format!(" {read} {drawn}"));
        if index.contains(&both) {
            index = index.replace(&both, &place_of(k));
        }
    }
    for (k, (read, _)) in formulas.iter().enumerate() {
        index = index.replace(&place_of(k), &in_index(&format!(" {read}")));
    }
    index
}

/// A text as it stands in the index: a string of JSON within one of JavaScript.
fn in_index(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].replace('\\', "\\\\").replace('\'', "\\'")
}

/// Both texts of each formula of a page.
fn doubled(page: &str) -> impl Iterator<Item = (String, String)> {
    page.split(READ).skip(1).filter_map(|rest| {
        let (read, rest) = rest.split_once(DRAWN)?;
        // What is drawn ends with the element.
        let mut depth = 1;
        let end = rest.match_indices('<').find_map(|(at, _)| {
            let tag = &rest[at..];
            if tag.starts_with("</span") {
                depth -= 1;
            } else if tag.starts_with("<span") {
                depth += 1;
            }
            (depth == 0).then_some(at)
        })?;
        Some((indexed(read), indexed(&rest[..end])))
    })
}

/// The text of a piece of HTML as mdBook indexes it: a space for each element, and no two spaces in
/// a row.
fn indexed(html: &str) -> String {
    let mut text = String::new();
    for (k, piece) in html.split('<').enumerate() {
        let characters = if k == 0 {
            piece
        } else {
            let (tag, characters) = piece.split_once('>').unwrap_or((piece, ""));
            if !tag.starts_with('/') {
                text.push(' ');
            }
            characters
        };
        text.push_str(characters);
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    for (entity, character) in entities {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_of_a_formula_are_found() {
        let page = "<p>If <span class=\"tex\"><span class=\"katex-mathml\"><math><mi>a</mi><mo>&lt;</mo>\
                    <mi>b</mi></math></span><span aria-hidden=\"true\" class=\"katex-html\"><span>a\
                    </span>&lt;<span><span></span>b</span></span></span> holds</p>";
        let found: Vec<_> = doubled(page).collect();
        assert_eq!(found, [("a < b".into(), "a< b".into())]);
    }

    #[test]
    fn an_excerpt_has_each_formula_once() {
        let pairs = [("x", "x"), ("x x T", "x x T"), ("1 2", "2 1"), ("it's", "its")];
        let formulas = pairs.map(|(read, drawn)| (read.to_owned(), drawn.to_owned())).into();
        let index = r"Let x x be, and x x T x x T too: 1 2 2 1, x. Matrix x x, it\'s its \\n x x";
        assert_eq!(
            with_formulas_once(index.into(), &formulas),
            r"Let x be, and x x T too: 1 2, x. Matrix x, it\'s \\n x"
        );
    }
}
