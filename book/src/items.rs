//! Rust items by their paths: `Linear::forward` in the file that has it.
//!
//! The path of an item is its name, after those of the modules and types around it. A method of a
//! trait's implementation has the trait's name before it too: `Linear::Op::forward`. The last
//! parts of a path are enough where they fit one item alone.

use crate::problem::{Fault, did_you_mean};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::ops::{Range, RangeInclusive};
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item as SynItem, TraitItem, Type};

/// An item of a Rust file.
#[derive(Clone, Debug)]
pub struct Item {
    /// The path's parts.
    pub path: Vec<String>,
    /// Where it stands, in bytes, its documentation and its attributes included.
    pub range: Range<usize>,
    /// Where it stands without its documentation.
    pub undocumented: Range<usize>,
    /// Whether it is a test.
    pub is_test: bool,
    /// Whether it is a test that does not run.
    pub is_ignored: bool,
}

/// All items of a file.
///
/// # Errors
/// [`Fault::NotRust`] where `text` does not parse.
pub fn items(path: &str, text: &str) -> Result<Vec<Item>, Fault> {
    let file = syn::parse_file(text)
        .map_err(|error| Fault::NotRust { path: path.to_owned(), reason: error.to_string() })?;
    let mut items = Vec::new();
    collect(&file.items, &[], &mut items);
    for Item { undocumented, .. } in &mut items {
        // What is left of the documentation's last line is no part of the item.
        let code = &text[undocumented.clone()];
        undocumented.start += code.len() - code.trim_start().len();
    }
    Ok(items)
}

/// The item whose path ends with `wanted`, such as `Linear::forward`.
///
/// # Errors
/// [`Fault::NoItem`] where there is none, [`Fault::AmbiguousItem`] where there are several.
pub fn find<'a>(file: &str, items: &'a [Item], wanted: &str) -> Result<&'a Item, Fault> {
    let parts: Vec<&str> = wanted.split("::").collect();
    let fits = |item: &&Item| {
        // `Linear::forward` is also `Linear::Op::forward`.
        let path: Vec<&str> = item.path.iter().map(String::as_str).collect();
        let without_trait = [&path[..path.len().saturating_sub(2)], &path[path.len() - 1..]];
        path.ends_with(&parts) || path.len() > 2 && without_trait.concat().ends_with(&parts)
    };
    let mut found: Vec<&Item> = items.iter().filter(fits).collect();
    if let Some(exact) = found.iter().position(|item| item.path.iter().eq(parts.iter())) {
        found = vec![found[exact]];
    }
    match found[..] {
        [item] => Ok(item),
        [] => {
            let paths: Vec<String> = items.iter().map(|item| item.path.join("::")).collect();
            let hint = did_you_mean(wanted, paths.iter().map(String::as_str));
            Err(Fault::NoItem { path: file.to_owned(), item: wanted.to_owned(), hint })
        }
        _ => Err(Fault::AmbiguousItem {
            path: file.to_owned(),
            item: wanted.to_owned(),
            choices: found
                .iter()
                .map(|item| format!("`{}`", item.path.join("::")))
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// The lines of a range of bytes, from 1.
pub fn lines(text: &str, range: &Range<usize>) -> RangeInclusive<usize> {
    let line = |offset: usize| 1 + text[..offset].matches('\n').count();
    line(range.start)..=line(range.end)
}

fn collect(items: &[SynItem], around: &[String], found: &mut Vec<Item>) {
    for item in items {
        match item {
            SynItem::Const(item) => found.push(one(around, &item.ident, item, &item.attrs)),
            SynItem::Enum(item) => found.push(one(around, &item.ident, item, &item.attrs)),
            SynItem::Fn(item) => found.push(one(around, &item.sig.ident, item, &item.attrs)),
            SynItem::Static(item) => found.push(one(around, &item.ident, item, &item.attrs)),
            SynItem::Struct(item) => found.push(one(around, &item.ident, item, &item.attrs)),
            SynItem::Type(item) => found.push(one(around, &item.ident, item, &item.attrs)),
            SynItem::Mod(item) => {
                found.push(one(around, &item.ident, item, &item.attrs));
                if let Some((_, items)) = &item.content {
                    collect(items, &join(around, &item.ident), found);
                }
            }
            SynItem::Trait(item) => {
                found.push(one(around, &item.ident, item, &item.attrs));
                let around = join(around, &item.ident);
                for item in &item.items {
                    if let TraitItem::Fn(item) = item {
                        found.push(one(&around, &item.sig.ident, item, &item.attrs));
                    }
                }
            }
            SynItem::Impl(item) => {
                let mut around = around.to_vec();
                if let Type::Path(implementor) = &*item.self_ty
                    && let Some(name) = implementor.path.segments.last()
                {
                    around.push(name.ident.to_string());
                }
                if let Some((implemented, _)) = &item.trait_
                    && let Some(name) = implemented.segments.last()
                {
                    around.push(name.ident.to_string());
                    let mut whole = one(&around, "impl", item, &item.attrs);
                    whole.path.pop();
                    found.push(whole);
                }
                for item in &item.items {
                    match item {
                        ImplItem::Fn(item) => {
                            found.push(one(&around, &item.sig.ident, item, &item.attrs));
                        }
                        ImplItem::Const(item) => {
                            found.push(one(&around, &item.ident, item, &item.attrs));
                        }
                        _ => {}
                    }
                }
            }
            SynItem::Macro(item) => match &item.ident {
                Some(ident) => found.push(one(around, ident, item, &item.attrs)),
                None => collect_tests(item.mac.tokens.clone(), around, found),
            },
            _ => {}
        }
    }
}

fn join(around: &[String], name: impl ToString) -> Vec<String> {
    around.iter().cloned().chain([name.to_string()]).collect()
}

fn one(
    around: &[String],
    name: impl ToString,
    spanned: &impl Spanned,
    attributes: &[Attribute],
) -> Item {
    let range = spanned.span().byte_range();
    let documented = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .map(|attribute| attribute.span().byte_range().end)
        .max();
    let has = |name| attributes.iter().any(|attribute| attribute.path().is_ident(name));
    Item {
        path: join(around, name),
        undocumented: documented.unwrap_or(range.start)..range.end,
        range,
        is_test: has("test"),
        is_ignored: has("ignore"),
    }
}

/// The tests within a macro's invocation, as proptest has them: their arguments are no Rust.
fn collect_tests(tokens: TokenStream, around: &[String], found: &mut Vec<Item>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut start = None;
    let (mut is_test, mut is_ignored) = (false, false);
    let mut k = 0;
    while k < tokens.len() {
        match &tokens[k..] {
            [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                if hash.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
            {
                start = start.or(Some(hash.span().byte_range().start));
                let name = attribute.stream().into_iter().next().map(|name| name.to_string());
                is_test |= name.as_deref() == Some("test");
                is_ignored |= name.as_deref() == Some("ignore");
                k += 2;
            }
            [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] if keyword == "fn" => {
                let body = rest.iter().find_map(|token| match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
                    _ => None,
                });
                if let Some(body) = body {
                    let start = start.unwrap_or(keyword.span().byte_range().start);
                    let range = start..body.span().byte_range().end;
                    found.push(Item {
                        path: join(around, name),
                        undocumented: range.clone(),
                        range,
                        is_test,
                        is_ignored,
                    });
                }
                (start, is_test, is_ignored) = (None, false, false);
                k += 2;
            }
            _ => k += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
//! A file.

/// A layer.
#[derive(Debug)]
struct Linear;

impl Op for Linear {
    /// Runs.
    fn forward(&self) {}
}

impl Linear {
    fn new() -> Self { Linear }
}

mod inner {
    pub struct Relu;
    impl Op for Relu { fn forward(&self) {} }
}

proptest! {
    #![proptest_config(Config { cases: 3 })]

    #[test]
    fn eq_drawn(m in 1..9_usize) { assert!(m > 0); }
}

#[test]
#[ignore]
fn eq_idle() {}
"#;

    fn quote(path: &str) -> String {
        let items = items("a.rs", FILE).unwrap();
        FILE[find("a.rs", &items, path).unwrap().range.clone()].to_owned()
    }

    #[test]
    fn items_are_found_by_their_paths() {
        assert!(quote("Linear").starts_with("/// A layer.\n#[derive(Debug)]\nstruct"));
        assert_eq!(quote("Linear::forward"), "/// Runs.\n    fn forward(&self) {}");
        assert_eq!(quote("Linear::Op::forward"), quote("Linear::forward"));
        assert!(quote("Linear::Op").starts_with("impl Op for Linear {"));
        assert_eq!(quote("inner::Relu::forward"), "fn forward(&self) {}");
        assert_eq!(quote("Relu::forward"), "fn forward(&self) {}");
        assert!(quote("eq_drawn").starts_with("#[test]\n    fn eq_drawn(m in"));
        assert!(quote("eq_drawn").ends_with('}'));
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let items = items("a.rs", FILE).unwrap();
        let state = |path| find("a.rs", &items, path).map(|item| (item.is_test, item.is_ignored));
        assert_eq!(state("eq_drawn"), Ok((true, false)));
        assert_eq!(state("eq_idle"), Ok((true, true)));
        assert_eq!(state("Linear::new"), Ok((false, false)));
    }

    #[test]
    fn a_miss_names_the_nearest_and_an_ambiguity_its_choices() {
        let items = items("a.rs", FILE).unwrap();
        let miss = find("a.rs", &items, "Linear::forwards").unwrap_err().to_string();
        assert!(miss.contains("did you mean `Linear::Op::forward`?"), "{miss}");
        let several = find("a.rs", &items, "forward").unwrap_err().to_string();
        assert!(several.contains("`Linear::Op::forward`, `inner::Relu::Op::forward`"), "{several}");
    }

    #[test]
    fn documentation_can_be_left_out() {
        let items = items("a.rs", FILE).unwrap();
        let item = find("a.rs", &items, "Linear").unwrap();
        assert_eq!(&FILE[item.undocumented.clone()], "#[derive(Debug)]\nstruct Linear;");
    }
}
