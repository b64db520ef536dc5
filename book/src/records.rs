//! Numbers from records of runs and from cells, each in the form that the sentence needs:
//! `{{number notebooks/records/x.json#/test/accuracy as percent 1}}` or
//! `{{number notebooks/05-matmul.ipynb#check after "error " as scientific 1}}`.
//!
//! A record is JSON. The path in it has a part a level: a key, or an index of a list, or
//! `key=value` for the one object of a list that has this value there.

use crate::directives::Source;
use crate::notebook::Notebook;
use crate::page::{escape_attribute, escape_text};
use crate::problem::{Fault, did_you_mean};
use crate::repository::Repository;
use serde_json::Value;

/// The number as Markdown, with its source at hand.
///
/// # Errors
/// [`Fault`] where the source, the path, the words or the format are wrong.
pub fn quote(repository: &Repository, source: &Source<'_>) -> Result<String, Fault> {
    let value = find(repository, source)?;
    let shown = match source.format {
        Some(format) => formatted(&value, format)?,
        None => escape_text(&value),
    };
    Ok(linked(repository, source.target, &shown))
}

/// The number as plain text.
///
/// # Errors
/// As [`quote`], and [`Fault::NotANumber`].
pub fn number(repository: &Repository, source: &Source<'_>) -> Result<String, Fault> {
    written(&find(repository, source)?, source.format).map(|(_, shown)| shown)
}

/// All numbers of a list in a record, or those up to the end of the line that a cell printed: their
/// values, and their plain text.
///
/// # Errors
/// As [`number`].
pub fn numbers(repository: &Repository, source: &Source<'_>) -> Result<Vec<(f64, String)>, Fault> {
    let values: Vec<String> = match in_record(repository, source.target)? {
        Some(Value::Array(list)) => list.iter().map(ToString::to_string).collect(),
        Some(value) => vec![value.to_string()],
        None => line(repository, source)?
            .split_whitespace()
            .map(|value| value.replace(',', ""))
            .collect(),
    };
    values.iter().map(|value| written(value, source.format)).collect()
}

/// The text of a record, or what a cell printed after the words up to the end of the line.
///
/// # Errors
/// [`Fault`] where the source, the path or the words are wrong.
pub fn line(repository: &Repository, source: &Source<'_>) -> Result<String, Fault> {
    match in_record(repository, source.target)? {
        Some(Value::String(text)) => Ok(text),
        Some(value) => Ok(value.to_string()),
        None => after_words(repository, source, "an answer", |rest| {
            let line = rest.lines().next().unwrap_or_default().trim();
            (!line.is_empty()).then(|| line.to_owned())
        }),
    }
}

/// A number and its plain text.
fn written(value: &str, format: Option<&str>) -> Result<(f64, String), Fault> {
    let number = parsed(value, format)?;
    let shown = match format {
        Some(format) => formatted(value, format)?.replace("<sup>", "^").replace("</sup>", ""),
        None => value.to_owned(),
    };
    Ok((number, shown))
}

fn parsed(value: &str, format: Option<&str>) -> Result<f64, Fault> {
    value.parse().map_err(|_| Fault::NotANumber {
        value: value.to_owned(),
        hint: format.map_or_else(String::new, |format| format!(", or drop the format `{format}`")),
    })
}

fn find(repository: &Repository, source: &Source<'_>) -> Result<String, Fault> {
    match in_record(repository, source.target)? {
        Some(Value::String(text)) => Ok(text),
        Some(value) => Ok(value.to_string()),
        None => after_words(repository, source, "a number", |rest| {
            let number: String = rest
                .trim_start()
                .chars()
                .take_while(|&c| {
                    c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E' | ',')
                })
                .collect();
            let number = number.trim_end_matches(['.', ',', '-', '+', 'e', 'E']).replace(',', "");
            number.contains(|c: char| c.is_ascii_digit()).then_some(number)
        }),
    }
}

/// What stands in a record, or `None` where the target is a notebook.
fn in_record(repository: &Repository, target: &str) -> Result<Option<Value>, Fault> {
    let (path, within) = target.split_once('#').unwrap_or((target, ""));
    if path.ends_with(".ipynb") {
        return Ok(None);
    }
    let text = repository.read(path)?;
    let record: Value = serde_json::from_str(&text)
        .map_err(|e| Fault::NotARecord { path: path.to_owned(), reason: e.to_string() })?;
    look_up(path, &record, within).cloned().map(Some)
}

/// A number, which is HTML, with a link to `target` from which it was quoted.
pub fn linked(repository: &Repository, target: &str, shown: &str) -> String {
    let title = escape_attribute(&format!("from {target}"));
    let (path, within) = target.split_once('#').unwrap_or((target, ""));
    let fragment = if path.ends_with(".ipynb") { within } else { "" };
    match repository.address(path, fragment) {
        Some(address) => format!(
            "<a class=\"number\" title=\"{title}\" href=\"{}\">{shown}</a>",
            escape_attribute(&address)
        ),
        None => format!("<span class=\"number\" title=\"{title}\">{shown}</span>"),
    }
}

fn look_up<'a>(path: &str, record: &'a Value, pointer: &str) -> Result<&'a Value, Fault> {
    let mut value = record;
    for part in pointer.split('/').filter(|part| !part.is_empty()) {
        let next = match value {
            Value::Object(fields) => fields.get(part),
            Value::Array(list) => match part.split_once('=') {
                Some((key, wanted)) => list.iter().find(|object| match object.get(key) {
                    Some(Value::String(text)) => text == wanted,
                    Some(Value::Number(number)) => number.to_string() == wanted,
                    _ => false,
                }),
                None => part.parse().ok().and_then(|k: usize| list.get(k)),
            },
            _ => None,
        };
        value = next.ok_or_else(|| {
            let hint = match value {
                Value::Object(fields) => did_you_mean(part, fields.keys().map(String::as_str)),
                _ => ".".to_owned(),
            };
            Fault::NoField { path: path.to_owned(), pointer: pointer.to_owned(), hint }
        })?;
    }
    Ok(value)
}

/// What `read` finds in the text of a cell behind the words.
fn after_words(
    repository: &Repository,
    source: &Source<'_>,
    wanted: &'static str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<String, Fault> {
    let (path, cell) = source.target.split_once('#').unwrap_or((source.target, ""));
    let words = source.after.unwrap_or("");
    let text = Notebook::read(repository, path)?.text(cell)?;
    let found = text.split_once(words).and_then(|(_, rest)| read(rest));
    found.ok_or_else(|| Fault::NoSuchWords {
        path: path.to_owned(),
        cell: cell.to_owned(),
        after: words.to_owned(),
        wanted,
        hint: did_you_mean(words.trim(), text.lines()),
    })
}

/// `value` as `fixed 2`, `percent 1`, `scientific 1` or `grouped` writes it, in HTML.
fn formatted(value: &str, format: &str) -> Result<String, Fault> {
    let number = parsed(value, Some(format))?;
    let (kind, digits) = format.split_once(' ').unwrap_or((format, "0"));
    let digits: usize =
        digits.parse().map_err(|_| Fault::UnknownFormat { format: format.to_owned() })?;
    // A true minus sign, as mathematics has it.
    let minus = |text: String| text.replace('-', "−");
    match kind {
        "fixed" => Ok(minus(format!("{number:.digits$}"))),
        "percent" => Ok(minus(format!("{:.digits$} %", 100.0 * number))),
        "scientific" if number == 0.0 => Ok("0".to_owned()),
        "scientific" => {
            let text = minus(format!("{number:.digits$e}"));
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            Ok(format!("{mantissa} · 10<sup>{exponent}</sup>"))
        }
        "grouped" => Ok(minus(grouped(number.round()))),
        _ => Err(Fault::UnknownFormat { format: format.to_owned() }),
    }
}

/// A whole number with a comma before every third digit from the right.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let (sign, digits) =
        digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_asked() {
        assert_eq!(formatted("0.98765", "percent 1").unwrap(), "98.8 %");
        assert_eq!(formatted("-1.5", "fixed 2").unwrap(), "−1.50");
        assert_eq!(formatted("1.12e-10", "scientific 1").unwrap(), "1.1 · 10<sup>−10</sup>");
        assert_eq!(formatted("0.0", "scientific 1").unwrap(), "0");
        assert_eq!(formatted("109386", "grouped").unwrap(), "109,386");
        assert_eq!(formatted("-1000", "grouped").unwrap(), "−1,000");
        assert_eq!(formatted("12", "grouped").unwrap(), "12");
        assert!(formatted("many", "fixed 1").is_err());
        assert!(formatted("1", "roughly").is_err());
    }

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let record: Value = serde_json::from_str(
            r#"{"ops": [{"op": "matmul", "error": 1}, {"op": "linear", "error": 2}]}"#,
        )
        .unwrap();
        let at = |pointer| look_up("x.json", &record, pointer).map(ToString::to_string);
        assert_eq!(at("/ops/op=linear/error"), Ok("2".to_owned()));
        assert_eq!(at("/ops/0/error"), Ok("1".to_owned()));
        let fault = at("/ops/op=linear/erro").unwrap_err().to_string();
        assert!(fault.contains("did you mean `error`?"), "{fault}");
        assert!(at("/ops/7/error").is_err());
    }
}
