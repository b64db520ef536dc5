//! What can be referred to: `[](#eq:matmul-dw)` becomes "(5.3)" and leads there, from any chapter.

use crate::page::Page;
use crate::problem::{Fault, Place, did_you_mean};
use std::collections::{BTreeMap, BTreeSet};

/// All equations, figures, exercises and anchors of the book.
#[derive(Debug, Default)]
pub struct Labels {
    labels: BTreeMap<String, Label>,
    /// The anchors of each page.
    anchors: BTreeMap<String, BTreeSet<String>>,
}

/// An equation, a figure or an exercise.
#[derive(Debug)]
pub struct Label {
    /// What stands in the place of the reference: `(5.3)`, `Figure 5.1` or `exercise 5.2`.
    pub text: String,
    /// Where it was defined.
    pub place: Place,
}

impl Labels {
    /// Adds the equation, figure or exercise `id`, such as `eq:matmul-dw`, at `offset` of `page`.
    ///
    /// # Errors
    /// [`Fault::DuplicateId`].
    pub fn add(
        &mut self,
        page: &Page<'_>,
        offset: usize,
        id: &str,
        text: String,
    ) -> Result<(), Fault> {
        if let Some(label) = self.labels.get(id) {
            return Err(Fault::DuplicateId { id: id.to_owned(), first: label.place.clone() });
        }
        self.add_anchor(page.file, id);
        self.labels.insert(id.to_owned(), Label { text, place: page.place(offset) });
        Ok(())
    }

    /// Makes a page known.
    pub fn add_page(&mut self, file: &str) {
        self.anchors.entry(file.to_owned()).or_default();
    }

    /// Whether there is a page `file`.
    pub fn has_page(&self, file: &str) -> bool {
        self.anchors.contains_key(file)
    }

    /// Adds an anchor of a page.
    pub fn add_anchor(&mut self, file: &str, id: &str) {
        self.anchors.entry(file.to_owned()).or_default().insert(id.to_owned());
    }

    /// The equation, figure or exercise `id`.
    ///
    /// # Errors
    /// [`Fault::DeadLink`].
    pub fn label(&self, id: &str) -> Result<&Label, Fault> {
        self.labels.get(id).ok_or_else(|| Fault::DeadLink {
            target: format!("#{id}"),
            hint: did_you_mean(id, self.labels.keys().map(String::as_str)),
        })
    }

    /// Checks that the page `file` is in the book and has `anchor`, if that is not empty.
    ///
    /// # Errors
    /// [`Fault::DeadLink`].
    pub fn check(&self, file: &str, anchor: &str) -> Result<(), Fault> {
        let Some(anchors) = self.anchors.get(file) else {
            return Err(Fault::DeadLink {
                target: file.to_owned(),
                hint: did_you_mean(file, self.anchors.keys().map(String::as_str)),
            });
        };
        if anchor.is_empty() || anchors.contains(anchor) {
            return Ok(());
        }
        Err(Fault::DeadLink {
            target: format!("{file}#{anchor}"),
            hint: did_you_mean(anchor, anchors.iter().map(String::as_str)),
        })
    }
}
