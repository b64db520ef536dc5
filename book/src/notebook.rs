//! Jupyter notebooks, and what their cells showed when they were run.

use crate::problem::{Fault, did_you_mean};
use crate::repository::Repository;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A notebook, in nbformat 4.5 or later: its cells have ids.
#[derive(Debug, Deserialize)]
pub struct Notebook {
    #[serde(skip)]
    path: String,
    /// The cells, in order.
    cells: Vec<Cell>,
}

/// A cell.
#[derive(Debug, Deserialize)]
pub struct Cell {
    #[serde(default)]
    id: String,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "output_type", rename_all = "snake_case")]
enum Output {
    Stream { text: Lines },
    DisplayData { data: BTreeMap<String, serde_json::Value> },
    ExecuteResult { data: BTreeMap<String, serde_json::Value> },
    Error { ename: String, evalue: String },
}

/// Text as nbformat has it: whole, or as a list of lines.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Listed(Vec<String>),
}

impl Lines {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Listed(lines) => lines.concat(),
        }
    }
}

/// What a cell showed, in the best form that a page can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An SVG element.
    Svg(String),
    /// A PNG in base64.
    Png(String),
    /// A piece of HTML, such as a table.
    Html(String),
    /// Plain text.
    Text(String),
}

impl Notebook {
    /// Reads the notebook at `path`.
    ///
    /// # Errors
    /// [`Fault::Unreadable`] or [`Fault::NotANotebook`].
    pub fn read(repository: &Repository, path: &str) -> Result<Self, Fault> {
        let text = repository.read(path)?;
        let mut notebook: Self = serde_json::from_str(&text).map_err(|error| {
            Fault::NotANotebook { path: path.to_owned(), reason: error.to_string() }
        })?;
        path.clone_into(&mut notebook.path);
        Ok(notebook)
    }

    /// Whether there is a cell of this id.
    pub fn has(&self, id: &str) -> bool {
        self.cells.iter().any(|cell| cell.id == id)
    }

    /// What cell `id` showed: its last output, the picture where it gave several forms.
    ///
    /// # Errors
    /// [`Fault::NoCell`], [`Fault::NoOutput`] or [`Fault::FailedCell`].
    pub fn shown(&self, id: &str) -> Result<Shown, Fault> {
        let (path, cell) = (self.path.clone(), id.to_owned());
        let Some(found) = self.cells.iter().find(|cell| cell.id == id) else {
            let ids = self.cells.iter().map(|cell| cell.id.as_str());
            return Err(Fault::NoCell { path, cell, hint: did_you_mean(id, ids) });
        };
        if let Some(reason) = found.failure() {
            return Err(Fault::FailedCell { path, cell, reason });
        }
        found
            .picture()
            .or_else(|| found.text().map(Shown::Text))
            .ok_or(Fault::NoOutput { path, cell })
    }

    /// The plain text that cell `id` showed, beside a picture too.
    ///
    /// # Errors
    /// As [`Notebook::shown`].
    pub fn text(&self, id: &str) -> Result<String, Fault> {
        self.shown(id)?;
        let text = self.cells.iter().find(|cell| cell.id == id).and_then(Cell::text);
        text.ok_or_else(|| Fault::NoOutput { path: self.path.clone(), cell: id.to_owned() })
    }
}

impl Cell {
    /// Why the cell failed. A panic of the Rust kernel leaves no error, but its words.
    fn failure(&self) -> Option<String> {
        self.outputs.iter().find_map(|output| match output {
            Output::Error { ename, evalue } => Some(format!("{ename}: {evalue}")),
            Output::Stream { text } => {
                text.text().lines().find(|line| line.contains("panicked at")).map(str::to_owned)
            }
            _ => None,
        })
    }

    fn forms(&self) -> impl Iterator<Item = &BTreeMap<String, serde_json::Value>> {
        self.outputs.iter().rev().filter_map(|output| match output {
            Output::DisplayData { data } | Output::ExecuteResult { data } => Some(data),
            _ => None,
        })
    }

    fn picture(&self) -> Option<Shown> {
        let form = |mime: &str| self.forms().find_map(|data| text_of(data.get(mime)?));
        form("image/svg+xml")
            .map(Shown::Svg)
            .or_else(|| form("image/png").map(Shown::Png))
            .or_else(|| form("text/html").map(Shown::Html))
    }

    fn text(&self) -> Option<String> {
        let shown = self.outputs.iter().filter_map(|output| match output {
            Output::Stream { text } => Some(text.text()),
            Output::DisplayData { data } | Output::ExecuteResult { data } => {
                text_of(data.get("text/plain")?)
            }
            Output::Error { .. } => None,
        });
        let text: Vec<String> = shown.map(|text| text.trim_matches('\n').to_owned()).collect();
        let text = text.join("\n");
        (!text.trim().is_empty()).then_some(text)
    }
}

fn text_of(value: &serde_json::Value) -> Option<String> {
    Some(Lines::deserialize(value).ok()?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(outputs: &str) -> Notebook {
        let text = format!(r#"{{"cells": [{{"id": "a", "outputs": [{outputs}]}}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_picture_comes_before_its_text() {
        let data = r#"{"output_type": "execute_result",
            "data": {"text/plain": "3 lines", "image/svg+xml": ["<svg>\n", "</svg>"]}}"#;
        let notebook = notebook(data);
        assert_eq!(notebook.shown("a"), Ok(Shown::Svg("<svg>\n</svg>".to_owned())));
        assert_eq!(notebook.text("a"), Ok("3 lines".to_owned()));
    }

    #[test]
    fn streams_are_text() {
        let shown = notebook(r#"{"output_type": "stream", "text": ["one\n", "two\n"]}"#).shown("a");
        assert_eq!(shown, Ok(Shown::Text("one\ntwo".to_owned())));
    }

    #[test]
    fn a_cell_without_output_or_with_a_failure_is_refused() {
        let fault = notebook("").shown("a").unwrap_err().to_string();
        assert!(fault.contains("has no output"), "{fault}");
        let error = r#"{"output_type": "error", "ename": "E0308", "evalue": "mismatched types"}"#;
        let fault = notebook(error).shown("a").unwrap_err().to_string();
        assert!(fault.contains("failed: E0308: mismatched types"), "{fault}");
        let panic = r#"{"output_type": "stream", "text": "thread 'main' panicked at src/lib.rs"}"#;
        let fault = notebook(panic).shown("a").unwrap_err().to_string();
        assert!(fault.contains("failed: thread 'main' panicked"), "{fault}");
    }
}
