//! Exhibits as Markdown and SVG.

use super::{Content, Exhibit};
use crate::data::ellipse::{self, ELLIPSE};
use crate::metrics::{Confusion, MetricsError};
use crate::plot::{Boundaries, ConfusionMatrix, Curves, PlotError};
use crate::scalar::{Sample, Weights};
use crate::score::samples;
use crate::studies::matches;
use crate::studies::record::Layer;
use crate::studies::summary::{Metric, Series, Summary};
use thiserror::Error;

/// Points in a figure of boundaries.
const POINTS: usize = 200;

/// A rendered exhibit: the text of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// A table in Markdown.
    Markdown(String),
    /// A figure in SVG.
    Svg(String),
}

/// An exhibit that cannot be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// No record has what it shows.
    #[error("{name}: no record has what it shows. `chainrule run {study}` makes them")]
    Nothing {
        /// The exhibit.
        name: String,
        /// Its study.
        study: String,
    },
    /// Records of networks with other numbers of classes.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl Exhibit {
    /// Renders it from the records of its `study`.
    ///
    /// # Errors
    /// [`RenderError`], where there is no record for it.
    pub fn render(&self, study: &str, summaries: &[Summary]) -> Result<Rendered, RenderError> {
        let nothing =
            || RenderError::Nothing { name: self.name.to_owned(), study: study.to_owned() };
        let chosen = |rows: &[String]| -> Vec<&Summary> {
            let matched = |summary: &&Summary| {
                rows.iter().any(|row| matches(row, &summary.configuration.name))
            };
            summaries.iter().filter(matched).filter(|summary| !summary.records.is_empty()).collect()
        };
        let one = |name: &String| chosen(std::slice::from_ref(name)).first().copied();
        match &self.content {
            Content::Table { rows, columns } => match &chosen(rows)[..] {
                [] => Err(nothing()),
                rows => Ok(Rendered::Markdown(table(rows, columns))),
            },
            Content::Layers { rows } => match &chosen(rows)[..] {
                [] => Err(nothing()),
                rows => Ok(Rendered::Markdown(layers(rows))),
            },
            Content::Curves { rows, series, logarithmic } => match &chosen(rows)[..] {
                [] => Err(nothing()),
                rows => Ok(Rendered::Svg(self.curves(rows, *series, *logarithmic)?)),
            },
            Content::Against { label, metric, lines } => {
                let figure = self.against(label, *metric, lines, &one);
                figure.ok_or_else(nothing).and_then(|figure| Ok(Rendered::Svg(figure.svg()?)))
            }
            Content::Updates { configuration } => {
                let figure = one(configuration).and_then(|summary| self.updates(summary));
                figure.ok_or_else(nothing).and_then(|figure| Ok(Rendered::Svg(figure.svg()?)))
            }
            Content::Boundaries { configuration, epochs } => {
                let record = one(configuration).ok_or_else(nothing)?;
                let figure = self.boundaries(record, epochs).ok_or_else(nothing)?;
                Ok(Rendered::Svg(figure.svg()?))
            }
            Content::Confusion { configuration } => {
                let summary = one(configuration).ok_or_else(nothing)?;
                let confusion = together(summary)?.ok_or_else(nothing)?;
                Ok(Rendered::Svg(ConfusionMatrix::new(&self.title, &confusion).svg()?))
            }
        }
    }

    fn curves(
        &self,
        rows: &[&Summary],
        series: Series,
        logarithmic: bool,
    ) -> Result<String, PlotError> {
        let (factor, unit) =
            if series.is_fraction() { (100.0, "%") } else { (1.0, "nats a sample") };
        let mut figure =
            Curves::new(&self.title).x("epoch").y(format!("{} ({unit})", series.name()));
        if logarithmic {
            figure = figure.log_y();
        }
        for summary in rows {
            let runs = summary.records.iter().map(|record| series.of(&record.findings.epochs));
            let runs: Vec<Vec<f64>> =
                runs.map(|values| values.iter().map(|value| factor * value).collect()).collect();
            let longest = runs.iter().map(Vec::len).max().unwrap_or_default();
            figure = figure.band(&summary.configuration.name, 1..=longest, runs);
        }
        figure.svg()
    }

    fn against<'a>(
        &self,
        label: &str,
        metric: Metric,
        lines: &[(String, Vec<(f64, String)>)],
        one: &impl Fn(&String) -> Option<&'a Summary>,
    ) -> Option<Curves> {
        let (factor, unit) = if metric.is_fraction() { (100.0, " (%)") } else { (1.0, "") };
        let mut figure =
            Curves::new(&self.title).x(label).y(format!("{}{unit}", metric.name())).log_x();
        let mut any = false;
        for (name, places) in lines {
            let place =
                |(x, name): &(f64, String)| Some((*x, one(name)?.spread(metric)?.mean * factor));
            let (xs, ys): (Vec<f64>, Vec<f64>) = places.iter().filter_map(place).unzip();
            if !xs.is_empty() {
                any = true;
                figure = figure.line(name, xs, ys);
            }
        }
        any.then_some(figure)
    }

    fn updates(&self, summary: &Summary) -> Option<Curves> {
        let record = summary.records.first()?;
        let setting = record.setting.as_ref()?;
        let every = setting.looks.training?;
        let losses = &record.findings.updates.train_loss;
        // An epoch's last window takes what is left of it.
        let updates = setting.updates() / setting.plan.epochs as u64;
        let windows = updates.div_ceil(every);
        let end = |k: u64| k / windows * updates + ((k % windows + 1) * every).min(updates);
        let numbers = (0..losses.len() as u64).map(|k| end(k) as f64);
        let figure =
            Curves::new(&self.title).x("update").y("training loss (nats a sample)").log_y();
        let name = format!("mean of {every} updates");
        (!losses.is_empty()).then(|| figure.line(name, numbers, losses.iter().copied()))
    }

    fn boundaries(&self, summary: &Summary, epochs: &[usize]) -> Option<Boundaries> {
        let weights = &summary.records.first()?.findings.weights;
        let points = samples(&ellipse::draw(POINTS, ELLIPSE, 0));
        let points = points.iter().map(|point| (point.x, usize::from(point.t[1] == 1.0)));
        let mut figure = Boundaries::new(&self.title).points(["inside", "outside"], points);
        for &epoch in epochs {
            // In a record as on the tape: W, b, V, c.
            let numbers: [f64; 17] = weights.get(epoch)?.as_slice().try_into().ok()?;
            let network = Weights::from_array(numbers);
            let second = move |x| network.forward(&Sample { x, t: [0.0, 1.0] }).p[1];
            figure = figure.panel(format!("after {epoch} epochs"), second);
        }
        Some(figure)
    }
}

/// A table with a row for each configuration.
fn table(rows: &[&Summary], columns: &[Metric]) -> String {
    let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
    let mut text = format!("| | runs | {} |\n|---|--:|", names.join(" | "));
    text += &"--:|".repeat(columns.len());
    for summary in rows {
        let mut runs = summary.records.len().to_string();
        if summary.diverged() > 0 {
            runs += &format!(", {} diverged", summary.diverged());
        }
        text += &format!("\n| {} | {runs} |", summary.configuration.title);
        for column in columns {
            let shown = summary.spread(*column).map(|spread| column.show(spread));
            text += &format!(" {} |", shown.unwrap_or_else(|| "–".to_owned()));
        }
    }
    text + "\n"
}

/// A table with a row for each layer of each look, of the first seed.
fn layers(rows: &[&Summary]) -> String {
    let mut text =
        "| | epoch | layer | gradient / weight | sums: 5 % | 25 % | 50 % | 75 % | 95 % |\n\
                    |---|--:|--:|--:|--:|--:|--:|--:|--:|"
            .to_owned();
    for summary in rows {
        for Layer { epoch, layer, weight, gradient, sums } in &summary.records[0].findings.layers {
            let title = &summary.configuration.title;
            let sums = sums.map(|sum| format!("{sum:.3}")).join(" | ");
            let ratio = gradient / weight;
            text += &format!("\n| {title} | {epoch} | {} | {ratio:.2e} | {sums} |", layer + 1);
        }
    }
    text + "\n"
}

/// The confusion matrices of all seeds, added. None where no run has one.
fn together(summary: &Summary) -> Result<Option<Confusion>, MetricsError> {
    let tests = summary.records.iter().filter_map(|record| record.findings.test.as_ref());
    let matrices: Vec<_> = tests.map(|test| test.confusion.rows()).collect();
    let Some((first, rest)) = matrices.split_first() else { return Ok(None) };
    let mut sum = first.to_vec();
    for matrix in rest {
        for (row, other) in sum.iter_mut().zip(*matrix) {
            row.iter_mut().zip(other).for_each(|(sum, count)| *sum += count);
        }
    }
    Confusion::try_from(sum).map(Some)
}
