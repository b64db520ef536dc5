//! What a training began with, kept in its checkpoint: it goes on with the same, or not at all.

use super::console::Failure;
use super::folder::Folder;
use super::source::Data;
use crate::train::Training;
use serde::Serialize;
use serde_json::Value;

/// The note that holds the settings.
const SETTINGS: &str = "settings";
/// The note that holds what is said of the data: their names, their parts, their files' checksums.
const DATA: &str = "data";

/// Writes down what the training begins with.
pub fn note(training: &mut Training<f32>, settings: &Value, data: &Data) -> Result<(), Failure> {
    let data = data.describe().serialize(serde_json::value::Serializer)?;
    let notes = training.notes_mut();
    notes.insert(SETTINGS.to_owned(), settings.to_string());
    notes.insert(DATA.to_owned(), data.to_string());
    Ok(())
}

/// Refuses `settings` that the training did not begin with.
pub fn expect_settings(
    training: &Training<f32>,
    settings: &Value,
    folder: &Folder,
) -> Result<(), Failure> {
    match differences(&noted(training, SETTINGS, folder)?, settings) {
        none if none.is_empty() => Ok(()),
        found => Err(Failure::new(format!(
            "{}: settings.json is not what the training began with: {}. Undo that, or begin another \
             training with --out",
            folder.path().display(),
            found.join("; ")
        ))),
    }
}

/// Refuses `data` that the training did not begin with.
pub fn expect_data(training: &Training<f32>, data: &Data, folder: &Folder) -> Result<(), Failure> {
    let given = data.describe().serialize(serde_json::value::Serializer)?;
    match differences(&noted(training, DATA, folder)?, &given) {
        none if none.is_empty() => Ok(()),
        found => Err(Failure::new(format!(
            "{}: the data are not those that the training began with: {}. Name their folder with \
             --data-dir, or begin another training with --out",
            folder.path().display(),
            found.join("; ")
        ))),
    }
}

fn noted(training: &Training<f32>, note: &str, folder: &Folder) -> Result<Value, Failure> {
    let file = folder.checkpoint();
    let text = training.notes().get(note).ok_or_else(|| {
        Failure::new(format!("{}: no {note}: not written by this command", file.display()))
    })?;
    serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("{}: its {note}: {error}", file.display())))
}

/// Where two values differ: the name of each place, what stands there and what `was` there.
fn differences(was: &Value, is: &Value) -> Vec<String> {
    let (Value::Object(was), Value::Object(is)) = (was, is) else {
        return if was == is { Vec::new() } else { vec![format!(" is {is}, and was {was}")] };
    };
    let mut names: Vec<_> = was.keys().chain(is.keys()).collect();
    names.sort();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let [was, is] = [was, is].map(|object| object.get(name).unwrap_or(&Value::Null));
        for difference in differences(was, is) {
            let dot = if difference.starts_with(' ') { "" } else { "." };
            found.push(format!("{name}{dot}{difference}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_difference_is_named() {
        let was = json!({ "seed": 29, "files": { "a.gz": "01", "b.gz": "02" }, "layers": [8] });
        assert!(differences(&was, &was).is_empty());
        let is = json!({ "seed": 29, "files": { "a.gz": "03", "b.gz": "02" }, "more": true });
        let expected = [
            r#"files.a.gz is "03", and was "01""#,
            "layers is null, and was [8]",
            "more is true, and was null",
        ];
        assert_eq!(differences(&was, &is), expected);
    }
}
