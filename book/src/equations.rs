//! Numbered equations: each has an id, a test and, where it has more than single numbers, a shape
//! ledger.
//!
//! ````text
//! ```eq matmul-dw
//! \mathrm dW = X^{\mathsf T}\,\mathrm dY
//! shapes: [k, n] = [k, m] · [m, n]
//! ```
//! ````
//!
//! The equation `matmul-dw` of `chapters/05-matmul.md` is checked by the test `eq_matmul_dw` in
//! `tests/matmul.rs`. Without that test the book is not built. A test `eq_…` without its equation
//! stops the build too.

use crate::blocks::{self, Block};
use crate::chapter::Chapter;
use crate::code;
use crate::items::{self, Item};
use crate::labels::Labels;
use crate::mathematics::Mathematics;
use crate::page::{Page, Revision, escape_text};
use crate::problem::{Fault, Place, Problem, did_you_mean};
use crate::repository::{Repository, lines_fragment};
use std::ops::Range;

/// A numbered equation.
#[derive(Debug)]
pub struct Equation {
    /// Its id, such as `matmul-dw`.
    pub id: String,
    /// Its number, such as `5.3`.
    pub number: String,
    /// Its shape ledger: a line a product or sum, and none where all is single numbers.
    pub shapes: Vec<String>,
    latex: String,
    range: Range<usize>,
}

impl Equation {
    /// The name of its test.
    pub fn test(&self) -> String {
        format!("eq_{}", self.id.replace('-', "_"))
    }
}

/// The equations of a page, numbered in order.
pub fn collect(
    page: &Page<'_>,
    chapter: Option<&Chapter>,
    labels: &mut Labels,
    revision: &mut Revision,
) -> Vec<Equation> {
    let mut equations = Vec::new();
    for block in blocks::of_kind(page, "eq") {
        let offset = block.range.start;
        match equation(block, chapter, equations.len() + 1) {
            Ok(equation) => {
                let label = format!("({})", equation.number);
                let id = format!("eq:{}", equation.id);
                if let Err(fault) = labels.add(page, offset, &id, label) {
                    revision.note(page, offset, fault);
                }
                equations.push(equation);
            }
            Err(fault) => revision.note(page, offset, fault),
        }
    }
    equations
}

fn equation(block: Block, chapter: Option<&Chapter>, k: usize) -> Result<Equation, Fault> {
    let chapter = chapter.ok_or(Fault::EquationOutsideChapter)?;
    if block.id.is_empty() {
        return Err(Fault::EquationWithoutId);
    }
    if !blocks::is_id(&block.id) {
        return Err(Fault::MalformedId { id: block.id });
    }
    let (mut latex, mut shapes) = (Vec::new(), Vec::new());
    for line in block.text.lines() {
        match line.strip_prefix("shapes:") {
            Some(ledger) => shapes.push(ledger.trim().to_owned()),
            None => latex.push(line),
        }
    }
    if let Some(shapes) = shapes.iter().find(|shapes| !has_axis(shapes)) {
        return Err(Fault::ScalarLedger { id: block.id, shapes: shapes.clone() });
    }
    Ok(Equation {
        id: block.id,
        number: format!("{}.{k}", chapter.number),
        shapes,
        latex: latex.join("\n"),
        range: block.range,
    })
}

/// Renders a chapter's equations, each with its number, its shapes and a link to its test.
pub fn revise(
    page: &Page<'_>,
    equations: &[Equation],
    chapter: &Chapter,
    repository: &Repository,
    mathematics: &Mathematics,
    revision: &mut Revision,
) {
    let file = chapter.tests();
    if equations.is_empty() && !repository.has(&file) {
        return;
    }
    let text = match repository.read(&file) {
        Ok(text) => text,
        Err(fault) => return revision.note(page, 0, fault),
    };
    let items = match items::items(&file, &text) {
        Ok(items) => items,
        Err(fault) => return revision.note(page, 0, fault),
    };
    for equation in equations {
        let html = test_of(equation, &file, &items)
            .map(|test| link(repository, &file, &text, test))
            .and_then(|link| rendered(equation, mathematics, &link));
        revision.replace_or_note(page, equation.range.clone(), html);
    }
    for test in claims(&items) {
        let name = name(test);
        if !equations.iter().any(|equation| equation.test() == name) {
            let line = *items::lines(&text, &test.undocumented).start();
            let id = name.trim_start_matches("eq_").replace('_', "-");
            let fault = Fault::TestWithoutEquation {
                test: name.to_owned(),
                chapter: page.file.to_owned(),
                id,
            };
            revision.problems.push(Problem { place: Place { file: file.clone(), line }, fault });
        }
    }
}

/// The tests that claim to check an equation.
fn claims(items: &[Item]) -> impl Iterator<Item = &Item> {
    items.iter().filter(|item| item.is_test && name(item).starts_with("eq_"))
}

fn name(item: &Item) -> &str {
    item.path.last().map_or("", String::as_str)
}

fn test_of<'a>(equation: &Equation, file: &str, items: &'a [Item]) -> Result<&'a Item, Fault> {
    let (id, test) = (equation.id.clone(), equation.test());
    match claims(items).find(|item| name(item) == test) {
        Some(item) if item.is_ignored => Err(Fault::IgnoredTest { id, test }),
        Some(item) => Ok(item),
        None => {
            let hint = did_you_mean(&test, claims(items).map(name));
            Err(Fault::EquationWithoutTest { id, test, file: file.to_owned(), hint })
        }
    }
}

fn link(repository: &Repository, file: &str, text: &str, test: &Item) -> String {
    let lines = lines_fragment(&items::lines(text, &test.undocumented));
    let label = escape_text(&format!("test {}", name(test)));
    let link = repository.link("test-link", &label, file, &lines);
    match code::command(file, name(test)) {
        // Where the command is, nobody needs to look for it.
        Some(command) => format!("<span title=\"{}\">{link}</span>", escape_text(&command)),
        None => link,
    }
}

fn rendered(equation: &Equation, mathematics: &Mathematics, test: &str) -> Result<String, Fault> {
    let Equation { id, number, .. } = equation;
    let formula = mathematics.render(&equation.latex, true)?;
    let shapes: String = equation
        .shapes
        .iter()
        .map(|shapes| format!("<span class=\"shapes\">{}</span>", escape_text(shapes)))
        .collect();
    Ok(format!(
        "<div class=\"equation\" id=\"eq:{id}\" role=\"group\" aria-label=\"Equation {number}\">\
         <div class=\"formula\">{formula}</div>\
         <a class=\"equation-number\" href=\"#eq:{id}\">({number})</a>\
         <div class=\"equation-notes\">{shapes}{test}</div></div>"
    ))
}

/// The chapter's shape ledger as a table: `{{shapes}}`.
pub fn ledger(equations: &[Equation]) -> String {
    let mut table = "| equation | shapes |\n|---|---|".to_owned();
    for Equation { id, number, shapes, .. } in equations {
        for shapes in shapes {
            let shapes = escape_text(shapes);
            table.push_str(&format!(
                "\n| <a class=\"reference\" href=\"#eq:{id}\">({number})</a> | \
                 <span class=\"shapes\">{shapes}</span> |"
            ));
        }
    }
    table
}

/// Whether a line of the ledger names more than single numbers, whose shape is `[]`.
fn has_axis(shapes: &str) -> bool {
    shapes.split('[').skip(1).any(|shape| !shape.starts_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_has_an_axis() {
        for shapes in ["[3] = [] · [3]", "[] = [17] · [17], summed", "[k, n] = [k, m] · [m, n]"]
        {
            assert!(has_axis(shapes), "{shapes}");
        }
        for shapes in ["[] = []", "[] = [] · [] + [] · []", ""] {
            assert!(!has_axis(shapes), "{shapes}");
        }
    }
}
