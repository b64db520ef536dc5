//! Figures: what a notebook's cell drew, with a number, a caption and words for those who cannot
//! see it.
//!
//! ````text
//! ```figure cost
//! cell: notebooks/05-matmul.ipynb#cost
//! alt: Time against size, both axes logarithmic: a line of slope 3.
//! caption: The time of a product. See [](#eq:matmul).
//! ```
//! ````
//!
//! In the place of `cell`, `file` names an SVG that a command draws, and `command` that command.
//!
//! A block `widget scalar` has the same lines, and a figure that moves: the files of that name in
//! `book/widgets` take the picture's place in a browser that runs them ([`crate::widgets`]). A line
//! `live: …` is the caption then, where the picture's own does not fit.

use crate::blocks::{self, Block};
use crate::chapter::Chapter;
use crate::labels::Labels;
use crate::notebook::{Notebook, Shown};
use crate::page::{Page, Revision, escape_attribute, escape_text};
use crate::problem::Fault;
use crate::repository::Repository;
use std::ops::Range;

/// A figure.
#[derive(Debug)]
pub struct Figure {
    /// Its id, such as `cost`.
    pub id: String,
    /// Where it stands.
    pub range: Range<usize>,
    /// What is drawn.
    pub source: Source,
    /// `Figure 5.1`, or nothing outside of chapters.
    label: Option<String>,
    alt: String,
    /// The caption, and the line on which it stands, counted from the block's first.
    caption: (String, usize),
    /// Of a widget: what its caption is while it runs.
    live: Option<(String, usize)>,
    /// Whether a widget takes the picture's place.
    pub moves: bool,
}

/// Where a figure is from.
#[derive(Debug)]
pub enum Source {
    /// The output of a notebook's cell: the notebook and the cell's id.
    Cell(String, String),
    /// A file, and the command that writes it.
    File(String, String),
}

const FIELDS: [&str; 5] = ["cell", "file", "command", "alt", "caption"];
const FIELDS_OF_WIDGET: [&str; 6] = ["cell", "file", "command", "alt", "caption", "live"];

/// The figures of a page, numbered in order.
pub fn collect(
    page: &Page<'_>,
    chapter: Option<&Chapter>,
    labels: &mut Labels,
    revision: &mut Revision,
) -> Vec<Figure> {
    let mut figures = Vec::new();
    let of_kind = |kind, moves| blocks::of_kind(page, kind).into_iter().map(move |b| (b, moves));
    let mut blocks: Vec<_> = of_kind("figure", false).chain(of_kind("widget", true)).collect();
    blocks.sort_by_key(|(block, _)| block.range.start);
    for (block, moves) in blocks {
        let offset = block.range.start;
        let label =
            chapter.map(|chapter| format!("Figure {}.{}", chapter.number, figures.len() + 1));
        match figure(block, label, moves) {
            Ok(figure) => {
                let text = figure.label.clone().unwrap_or_else(|| "the figure".to_owned());
                if let Err(fault) = labels.add(page, offset, &format!("fig:{}", figure.id), text) {
                    revision.note(page, offset, fault);
                }
                figures.push(figure);
            }
            Err(fault) => revision.note(page, offset, fault),
        }
    }
    figures
}

fn figure(block: Block, label: Option<String>, moves: bool) -> Result<Figure, Fault> {
    let Block { id, text, range, first_line } = block;
    if !blocks::is_id(&id) {
        return Err(Fault::MalformedId { id });
    }
    let known: &[_] = if moves { &FIELDS_OF_WIDGET } else { &FIELDS };
    let fields = blocks::fields(&text, known)?;
    let field = |key: &str| fields.iter().find(|field| field.key == key);
    let value = |key: &str| field(key).map(|field| field.value.clone()).unwrap_or_default();
    let missing = |key, purpose| Fault::MissingField { key, purpose };
    let source = match field("cell") {
        Some(cell) => {
            let (path, cell) = cell.value.split_once('#').ok_or_else(|| {
                missing(
                    "cell",
                    "It names the notebook and the cell: `notebooks/05-matmul.ipynb#id`",
                )
            })?;
            Source::Cell(path.to_owned(), cell.to_owned())
        }
        None if value("file").is_empty() => {
            return Err(missing("cell", "It names the notebook's cell that draws the figure"));
        }
        None if value("command").is_empty() => {
            return Err(missing("command", "It says how the reader draws the figure"));
        }
        None => Source::File(value("file"), value("command")),
    };
    if value("alt").is_empty() {
        return Err(Fault::FigureWithoutAlt { id });
    }
    let words = |key| field(key).map(|field| (field.value.clone(), first_line + field.line));
    let caption =
        words("caption").ok_or_else(|| missing("caption", "It says what the figure shows"))?;
    Ok(Figure { id, range, source, label, alt: value("alt"), caption, live: words("live"), moves })
}

/// Draws the figures. `expand` renders a caption, which is Markdown with quotes and references.
pub fn revise(
    page: &Page<'_>,
    figures: &[Figure],
    repository: &Repository,
    mut expand: impl FnMut(&Page<'_>, &mut Revision) -> String,
    revision: &mut Revision,
) {
    for figure in figures {
        let first = page.place(figure.range.start).line;
        let mut expanded = |(text, line): &(String, usize)| {
            expand(&Page::parse(page.file, first + line, text), revision)
        };
        let caption = expanded(&figure.caption);
        let live = figure.live.as_ref().map(expanded);
        let text = rendered(figure, &caption, live.as_deref(), repository);
        revision.replace_or_note(page, figure.range.clone(), text);
    }
}

fn rendered(
    figure: &Figure,
    caption: &str,
    live: Option<&str>,
    repository: &Repository,
) -> Result<String, Fault> {
    let host = if figure.moves { widget(&figure.id, repository)? } else { String::new() };
    let Figure { id, alt, .. } = figure;
    let alt = escape_attribute(alt);
    let picture = match figure.picture(repository)? {
        Shown::Svg(svg) => format!(
            "<div class=\"picture\" role=\"img\" aria-label=\"{alt}\">\n{}\n</div>",
            inline_svg(&svg, id)
        ),
        Shown::Png(png) => format!(
            "<div class=\"picture\"><img alt=\"{alt}\" src=\"data:image/png;base64,{}\"></div>",
            png.split_whitespace().collect::<String>()
        ),
        Shown::Html(_) | Shown::Text(_) => return Err(figure.other_output()),
    };
    let run = match &figure.source {
        Source::Cell(path, cell) => repository.link("run-link", "Run it", path, cell),
        Source::File(_, command) => {
            format!("<code class=\"run-command\">{}</code>", escape_text(command))
        }
    };
    let label = figure
        .label
        .as_ref()
        .map_or_else(String::new, |label| format!("<strong>{label}.</strong> "));
    // The blank lines end and begin the HTML, so that a caption is read as Markdown.
    let mut captions = format!("{label}{caption} {run}");
    if let Some(live) = live {
        captions = format!(
            "<div class=\"of-picture\">\n\n{captions}\n\n</div>\n\
             <div class=\"of-widget\" hidden>\n\n{label}{live}\n\n</div>"
        );
    }
    Ok(format!(
        "<figure id=\"fig:{id}\">\n{host}{picture}\n<figcaption>\n\n{captions}\n\n\
         </figcaption>\n</figure>"
    ))
}

/// The element that a widget's script fills, where the widget has all its files.
fn widget(name: &str, repository: &Repository) -> Result<String, Fault> {
    let module = name.replace('-', "_");
    let files = [
        (format!("book/widgets/src/{module}.rs"), "what it computes"),
        (format!("book/widgets/js/{name}.js"), "how it is shown"),
        (format!("book/tests/browser/widgets/{name}.js"), "how a browser checks its numbers"),
    ];
    for (path, purpose) in files {
        if !repository.has(&path) {
            return Err(Fault::WidgetWithoutFile { id: name.to_owned(), path, purpose });
        }
    }
    Ok(format!("<div class=\"widget\" data-widget=\"{name}\"></div>\n"))
}

impl Figure {
    fn picture(&self, repository: &Repository) -> Result<Shown, Fault> {
        match &self.source {
            Source::Cell(path, cell) => Notebook::read(repository, path)?.shown(cell),
            Source::File(path, _) => repository.read(path).map(Shown::Svg),
        }
    }

    fn other_output(&self) -> Fault {
        let (path, cell) = match &self.source {
            Source::Cell(path, cell) | Source::File(path, cell) => (path.clone(), cell.clone()),
        };
        Fault::OtherOutput {
            way_out: format!("Quote it with {{{{output {path}#{cell}}}}}"),
            path,
            cell,
            kind: "no picture".to_owned(),
        }
    }
}

/// An SVG as a part of the page, whose colors it takes.
///
/// Its ids get `id` before them, for a page can have several pictures. Blank lines would end the
/// HTML in Markdown.
fn inline_svg(svg: &str, id: &str) -> String {
    let svg = svg.find("<svg").map_or(svg, |start| &svg[start..]);
    let svg = svg
        .replace(" id=\"", &format!(" id=\"{id}-"))
        .replace("url(#", &format!("url(#{id}-"))
        .replace("href=\"#", &format!("href=\"#{id}-"))
        // The words around the picture say what it shows.
        .replacen("<svg", "<svg aria-hidden=\"true\"", 1);
    let lines: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_on_a_page_share_no_ids() {
        let svg = "<?xml version=\"1.0\"?>\n<svg>\n\n<clipPath id=\"a\"/><g clip-path=\"url(#a)\"/>\n</svg>";
        assert_eq!(
            inline_svg(svg, "cost"),
            "<svg aria-hidden=\"true\">\n<clipPath id=\"cost-a\"/><g clip-path=\"url(#cost-a)\"/>\n</svg>"
        );
    }
}
