//! Predict first: a question that the reader answers before the page does.
//!
//! ````text
//! ```predict doublings
//! question: How many paths lead from the bottom of thirty doublings to the top?
//! kind: number
//! unit: paths
//! answer: notebooks/02-tape.ipynb#doubling after "30 doublings: " as grouped
//! after: Each doubling doubles them.
//! ```
//! ````
//!
//! The answer is quoted as `{{number …}}` quotes: from a cell or a record. There are three kinds.
//!
//! - `number`: one number, with a `unit` or none.
//! - `choice`: one of `choices: it falls | it stays`. What the cell prints after the words, to the end
//!   of the line, is one of them.
//! - `sketch`: a slider for each place of `at: 0 | 10 | 20`, from `low` to `high`. The cell prints as
//!   many numbers after the words, with spaces between them.
//!
//! `theme/predict.js` compares the guess with the answer and keeps it in the browser. Without it, and
//! on paper, the question stands above its answer.

use crate::blocks::{self, Block, Field};
use crate::directives;
use crate::labels::Labels;
use crate::page::{Page, Passage, Revision, escape_attribute, escape_text};
use crate::problem::{Fault, Place, Problem};
use crate::records;
use crate::repository::Repository;
use serde_json::{Value, json};
use std::ops::Range;

/// A question, with the source of its answer.
#[derive(Debug)]
pub struct Prediction {
    /// Its id, such as `doublings`.
    pub id: String,
    /// What is asked.
    pub question: Passage,
    kind: Kind,
    /// Where the answer is quoted from, as in `{{number …}}`.
    answer: Passage,
    after: Option<Passage>,
    range: Range<usize>,
}

#[derive(Debug)]
enum Kind {
    Number { unit: String },
    Choice { choices: Vec<Passage> },
    Sketch { at: Vec<String>, low: f64, high: f64, unit: String },
}

/// A guess's controls and the answer, in Markdown, and the answer as the script has it.
struct Parts {
    controls: String,
    answer: String,
    data: Value,
}

const COMMON: [&str; 4] = ["question", "kind", "answer", "after"];

/// The predictions of a page.
pub fn collect(page: &Page<'_>, labels: &mut Labels, revision: &mut Revision) -> Vec<Prediction> {
    let mut predictions = Vec::new();
    for block in blocks::of_kind(page, "predict") {
        let offset = block.range.start;
        match prediction(page, block) {
            Ok(prediction) => {
                let id = format!("predict:{}", prediction.id);
                if let Err(fault) = labels.add(page, offset, &id, "the prediction".to_owned()) {
                    revision.note(page, offset, fault);
                }
                predictions.push(prediction);
            }
            Err(fault) => revision.note(page, offset, fault),
        }
    }
    predictions
}

fn prediction(page: &Page<'_>, block: Block) -> Result<Prediction, Fault> {
    let Block { id, text, range, first_line } = block;
    if !blocks::is_id(&id) {
        return Err(Fault::MalformedId { id });
    }
    let kind =
        blocks::fields(&text, &[&COMMON[..], &["unit", "choices", "at", "low", "high"]].concat())?;
    let kind = kind.iter().find(|field| field.key == "kind").map_or("", |kind| &kind.value);
    let own: &[&str] = match kind {
        "number" => &["unit"],
        "choice" => &["choices"],
        "sketch" => &["at", "low", "high", "unit"],
        _ => return Err(missing("kind", "It is `number`, `choice` or `sketch`")),
    };
    let fields = blocks::fields(&text, &[&COMMON[..], own].concat())?;
    let first_line = page.place(range.start).line + first_line;
    let find = |key: &str| fields.iter().find(|field| field.key == key && !field.value.is_empty());
    let passage = |field: &Field<'_>| Passage {
        text: field.value.clone(),
        place: Place { file: page.file.to_owned(), line: first_line + field.line },
    };
    let needed = |key, purpose| find(key).map(passage).ok_or_else(|| missing(key, purpose));
    let unit = find("unit").map(|unit| unit.value.clone()).unwrap_or_default();
    let kind = match kind {
        "choice" => Kind::Choice {
            choices: list(&needed("choices", "They stand between bars: `it falls | it stays`")?),
        },
        "sketch" => {
            let at = list(&needed("at", "It names the places, between bars: `0 | 10 | 20`")?);
            let end = |key| {
                let number = find(key).and_then(|field| field.value.parse::<f64>().ok());
                number.ok_or_else(|| missing(key, "It is the number at an end of the sliders"))
            };
            let (low, high) = (end("low")?, end("high")?);
            if low >= high {
                return Err(missing("high", "It is above `low`"));
            }
            Kind::Sketch { at: at.into_iter().map(|place| place.text).collect(), low, high, unit }
        }
        _ => Kind::Number { unit },
    };
    Ok(Prediction {
        question: needed("question", "It is what the reader is asked")?,
        answer: needed("answer", "It is quoted: `notebooks/02-tape.ipynb#id after \"paths: \"`")?,
        after: find("after").map(passage),
        id,
        kind,
        range,
    })
}

fn missing(key: &'static str, purpose: &'static str) -> Fault {
    Fault::MissingField { key, purpose }
}

/// What stands between bars.
fn list(passage: &Passage) -> Vec<Passage> {
    let parts = passage.text.split('|').map(str::trim);
    parts.map(|part| Passage { text: part.to_owned(), place: passage.place.clone() }).collect()
}

/// Shows the questions. `expand` renders a passage, which is Markdown with quotes and references.
pub fn revise(
    page: &Page<'_>,
    predictions: &[Prediction],
    repository: &Repository,
    mut expand: impl FnMut(&Page<'_>, &mut Revision) -> String,
    revision: &mut Revision,
) {
    let mut expand = |passage: &Passage, revision: &mut Revision| expand(&passage.page(), revision);
    for prediction in predictions {
        let Prediction { question, after, answer, range, .. } = prediction;
        let asked = expand(question, revision);
        let after = after.as_ref().map_or_else(String::new, |after| expand(after, revision));
        match prediction.parts(repository, |choice| expand(choice, revision)) {
            Ok(parts) => {
                let html = rendered(page, prediction, &parts, &asked, &after);
                revision.replace(range.clone(), html);
            }
            Err(fault) => {
                revision.problems.push(Problem { place: answer.place.clone(), fault });
            }
        }
    }
}

fn rendered(
    page: &Page<'_>,
    prediction: &Prediction,
    parts: &Parts,
    question: &str,
    after: &str,
) -> String {
    let id = &prediction.id;
    let name = page.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
    let mut data = parts.data.clone();
    for (key, value) in [("page", name), ("id", id), ("question", &prediction.question.text)] {
        data[key] = value.into();
    }
    let data = escape_attribute(&data.to_string());
    let Parts { controls, answer, .. } = parts;
    // The blank lines end and begin the HTML, so that what is between is read as Markdown.
    format!(
        "<div class=\"predict\" id=\"predict:{id}\" role=\"group\" \
         aria-labelledby=\"predict:{id}-question\" data-predict=\"{data}\">\n\
         <div class=\"predict-question\" id=\"predict:{id}-question\">\n\n\
         **Predict first.** {question}\n\n\
         </div>\n<form class=\"predict-guess\" hidden>\n{controls}\n\
         <button type=\"submit\">Compare</button>\n\
         <button type=\"button\" class=\"predict-clear\" hidden>Clear</button>\n</form>\n\
         <p class=\"predict-comparison\" role=\"status\"></p>\n\
         <details class=\"predict-answer\">\n<summary>Answer</summary>\n\n\
         {answer}\n\n{after}\n\n</details>\n</div>"
    )
}

impl Prediction {
    /// `expand` renders a choice.
    fn parts(
        &self,
        repository: &Repository,
        mut expand: impl FnMut(&Passage) -> String,
    ) -> Result<Parts, Fault> {
        let source = directives::source(&self.answer.text)
            .ok_or_else(|| Fault::AnswerSource { text: self.answer.text.clone() })?;
        match &self.kind {
            Kind::Number { unit } => {
                let unit = after_space(unit);
                let number = records::quote(repository, &source)?;
                let shown = records::number(repository, &source)?;
                Ok(Parts {
                    controls: format!(
                        "<label>Your guess <input type=\"number\" name=\"guess\" step=\"any\" \
                         required>{}</label>",
                        escape_attribute(&unit)
                    ),
                    answer: measured(&format!("{number}{}", escape_text(&unit)), ""),
                    data: json!({ "kind": "number", "answer": format!("{shown}{unit}") }),
                })
            }
            Kind::Choice { choices } => {
                let answer = records::line(repository, &source)?;
                let right = choices.iter().find(|choice| plain(&choice.text) == answer);
                let right = right.ok_or_else(|| Fault::AnswerIsNoChoice {
                    answer: answer.clone(),
                    choices: choices
                        .iter()
                        .map(|c| c.text.as_str())
                        .collect::<Vec<_>>()
                        .join(" | "),
                })?;
                let labels: Vec<String> = choices
                    .iter()
                    .map(|choice| {
                        format!(
                            "<label><input type=\"radio\" name=\"guess\" value=\"{}\" required> \
                             <span>{}</span></label>",
                            escape_attribute(&plain(&choice.text)),
                            expand(choice)
                        )
                    })
                    .collect();
                Ok(Parts {
                    controls: fieldset(&format!("\n\n{}\n\n", labels.join("\n\n"))),
                    answer: measured(&expand(right), &run(repository, source.target)),
                    data: json!({ "kind": "choice", "answer": answer }),
                })
            }
            Kind::Sketch { at, low, high, unit } => {
                let unit = after_space(unit);
                let values = records::numbers(repository, &source)?;
                if values.len() != at.len() {
                    let (places, answers) = (at.len(), values.len());
                    return Err(Fault::AnswersForPlaces { places, answers });
                }
                if let Some((value, _)) = values.iter().find(|(x, _)| !(low..=high).contains(&x)) {
                    let (value, low, high) = (value.to_string(), low.to_string(), high.to_string());
                    return Err(Fault::AnswerOffTheSliders { value, low, high });
                }
                let shown: Vec<String> =
                    values.iter().map(|(_, shown)| format!("{shown}{unit}")).collect();
                let sliders = at.iter().zip(&values).zip(&shown).map(|((place, (x, _)), shown)| {
                    slider(place, (x - low) / (high - low), shown, *low, *high, &unit)
                });
                let sliders: String = sliders.collect();
                let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
                let table = [
                    row(at.iter().map(|place| escape_text(place)).collect()),
                    row(vec!["--:".to_owned(); at.len()]),
                    row(shown.iter().map(|value| escape_text(value)).collect()),
                ];
                let table = table.join("\n");
                Ok(Parts {
                    controls: fieldset(&format!(
                        "\n<div class=\"predict-sketch\">{sliders}</div>\n"
                    )),
                    answer: format!("{table}\n\n{}", run(repository, source.target)),
                    data: json!({ "kind": "sketch", "at": at, "answer": shown, "unit": unit }),
                })
            }
        }
    }
}

fn fieldset(controls: &str) -> String {
    format!("<fieldset>\n<legend>Your guess</legend>{controls}</fieldset>")
}

/// The answer, which the script copies beside the guess.
fn measured(answer: &str, run: &str) -> String {
    format!("<span class=\"predict-measured\">{answer}</span> {run}")
}

fn run(repository: &Repository, target: &str) -> String {
    let (path, within) = target.split_once('#').unwrap_or((target, ""));
    repository.link("run-link", "Run it", path, if path.ends_with(".ipynb") { within } else { "" })
}

/// A slider, with a mark at the `share` of its length where the measured value is.
fn slider(place: &str, share: f64, shown: &str, low: f64, high: f64, unit: &str) -> String {
    let (step, middle) = ((high - low) / 100.0, (low + high) / 2.0);
    let [place, shown, unit] = [place, shown, unit].map(escape_attribute);
    format!(
        "<div class=\"predict-place\"><span class=\"predict-value\" aria-hidden=\"true\">{middle}</span>\
         <span class=\"predict-track\"><input type=\"range\" name=\"guess\" min=\"{low}\" max=\"{high}\" \
         step=\"{step}\" value=\"{middle}\" aria-label=\"at {place}\" data-unit=\"{unit}\">\
         <span class=\"predict-mark\" style=\"--share: {share:.3}\" hidden></span></span>\
         <span>{place}</span><span class=\"predict-there\" hidden>{shown}</span></div>"
    )
}

/// A unit after a narrow space that does not break, or nothing.
fn after_space(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("\u{202f}{unit}") }
}

/// A choice without the signs of Markdown, as a cell prints it.
fn plain(choice: &str) -> String {
    choice.replace(['$', '`', '*'], "")
}
