//! The same in PyTorch: `{{pytorch scalar}}`, a box with the code and what it printed there.
//!
//! `tests/pytorch/reference.json` has the boxes by their names, as `tests/pytorch` recorded them:
//!
//! ```json
//! {"torch": "2.9.1", "python": "3.12", "boxes": {"scalar": {"code": "…", "output": "…"}}}
//! ```

use crate::code::fenced;
use crate::page::escape_text;
use crate::problem::{Fault, did_you_mean};
use crate::repository::Repository;
use serde::Deserialize;
use std::collections::BTreeMap;

const FOLDER: &str = "tests/pytorch";
const PATH: &str = "tests/pytorch/reference.json";

#[derive(Deserialize)]
struct Reference {
    torch: String,
    python: String,
    boxes: BTreeMap<String, Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    code: String,
    output: String,
}

/// The box `name` as Markdown.
///
/// # Errors
/// [`Fault::Unreadable`], [`Fault::NotARecord`] or [`Fault::NoBox`].
pub fn quote(repository: &Repository, name: &str) -> Result<String, Fault> {
    let text = repository.read(PATH)?;
    let reference: Reference = serde_json::from_str(&text)
        .map_err(|e| Fault::NotARecord { path: PATH.to_owned(), reason: e.to_string() })?;
    let Some(Recorded { code, output }) = reference.boxes.get(name) else {
        let hint = did_you_mean(name, reference.boxes.keys().map(String::as_str));
        return Err(Fault::NoBox { name: name.to_owned(), path: PATH.to_owned(), hint });
    };
    let version = format!("PyTorch {}, Python {}", reference.torch, reference.python);
    let version = escape_text(&version);
    let source = repository.link("source-link", FOLDER, FOLDER, "");
    Ok(format!(
        "<div class=\"listing pytorch\" role=\"group\" aria-label=\"In PyTorch\">\
         <div class=\"listing-source\"><strong>In PyTorch</strong> <span>{version} {source}</span></div>\
         \n\n{}\n\n{}\n\n</div>",
        fenced("python", code),
        fenced("text", output)
    ))
}
