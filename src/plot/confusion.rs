//! A confusion matrix: the counts, on shades that let the few confusions be seen beside the many
//! hits.

use super::canvas::{Align, Canvas, LINE, Rect, TEXT_SIZE, text_width, widest};
use super::theme::{DEEPEST_SHADE, Ink, Theme};
use super::{Figure, PlotError, outputs};
use crate::metrics::Confusion;
use plotters::backend::DrawingBackend;
use std::path::Path;

/// A confusion matrix, one row a true class and one column a predicted class.
///
/// A cell's shade grows with the logarithm of its count, ln(1 + count): ten samples among
/// thousands are seen. Cells of no sample are left empty.
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    title: String,
    confusion: Confusion,
    names: Vec<String>,
}

impl ConfusionMatrix {
    /// The matrix with its classes numbered from 0.
    pub fn new(title: impl Into<String>, confusion: &Confusion) -> Self {
        let names = (0..confusion.classes()).map(|class| class.to_string()).collect();
        Self { title: title.into(), confusion: confusion.clone(), names }
    }

    /// Names the classes, in their order.
    pub fn classes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }
}

impl Figure for ConfusionMatrix {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let Self { confusion, names, .. } = self;
        let classes = confusion.classes();
        let pairs = (0..classes).flat_map(|t| (0..classes).map(move |p| (t, p)));
        let mut confused: Vec<(usize, usize)> =
            pairs.filter(|&(t, p)| t != p && confusion.count(t, p) > 0).collect();
        confused.sort_by_key(|&(t, p)| std::cmp::Reverse(confusion.count(t, p)));
        let confused: Vec<String> = confused
            .iter()
            .take(3)
            .map(|&(t, p)| {
                format!("{} taken for {} {} times", names[t], names[p], confusion.count(t, p))
            })
            .collect();
        let confused = match confused.is_empty() {
            true => "No class was taken for another".into(),
            false => format!("Most frequent confusions: {}", confused.join(", ")),
        };
        format!(
            "Confusion matrix of {} samples in {classes} classes, true classes in rows, \
             predicted classes in columns. Accuracy {:.2} %. {confused}.",
            confusion.samples(),
            100.0 * confusion.accuracy()
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        let (names, count) = (self.names.len(), self.confusion.classes());
        if names != count {
            let (figure, named) = (self.title.clone(), "classes");
            return Err(PlotError::Names { figure, names, named, count });
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let Self { confusion, names, .. } = self;
        let classes = confusion.classes();
        let mut top = canvas.heading(&self.title)?;
        top = canvas.note("number of samples; shade: its logarithm", top)?;
        top += LINE;
        canvas.text("true class", (4.0, top), Align::Left, TEXT_SIZE, Ink::TEXT)?;
        top += 9.0;

        let label = widest(names.iter().map(String::as_str), TEXT_SIZE)?;
        let left = 4.0 + label + 8.0;
        let cell = ((canvas.width - left - 4.0) / classes as f64).min(64.0);
        let side = cell * classes as f64;
        // Counts as large as the cells allow, and none where they could not be read.
        let counts: Vec<String> =
            confusion.rows().iter().flatten().map(|count| count.to_string()).collect();
        let largest = confusion.rows().iter().flatten().copied().max().unwrap_or(1);
        let width = widest(counts.iter().map(String::as_str), TEXT_SIZE)?;
        let size = (TEXT_SIZE * (cell - 4.0) / width).min(TEXT_SIZE);

        for (t, name) in names.iter().enumerate() {
            let y = top + (t as f64 + 0.5) * cell;
            let at = (left - 6.0, y + 0.36 * TEXT_SIZE);
            canvas.text(name, at, Align::Right, TEXT_SIZE, Ink::TEXT)?;
            for p in (0..classes).filter(|&p| confusion.count(t, p) > 0) {
                let x = left + p as f64 * cell;
                let depth = (confusion.count(t, p) as f64).ln_1p() / (largest as f64).ln_1p();
                let shade = Ink::BLUE.faded(depth * DEEPEST_SHADE);
                canvas.rect(Rect { x, y: y - cell / 2.0, width: cell, height: cell }, shade)?;
                if size >= SMALLEST {
                    let at = (x + cell / 2.0, y + 0.36 * size);
                    let count = &counts[t * classes + p];
                    canvas.text(count, at, Align::Center, size, Ink::TEXT)?;
                }
            }
        }
        for k in 0..=classes {
            let (x, y) = (left + k as f64 * cell, top + k as f64 * cell);
            canvas.line(&[(x, top), (x, top + side)], Ink::GRID, 1.0)?;
            canvas.line(&[(left, y), (left + side, y)], Ink::GRID, 1.0)?;
        }

        let mut bottom = top + side;
        let upwards = label > cell - 4.0;
        for (p, name) in names.iter().enumerate() {
            let x = left + (p as f64 + 0.5) * cell;
            if upwards {
                let at = (x + 0.36 * TEXT_SIZE, bottom + 6.0);
                canvas.text_upwards(name, at, Align::Right, TEXT_SIZE, Ink::TEXT)?;
            } else {
                let at = (x, bottom + 4.0 + TEXT_SIZE);
                canvas.text(name, at, Align::Center, TEXT_SIZE, Ink::TEXT)?;
            }
        }
        bottom += if upwards { label + 4.0 } else { LINE };
        let predicted = "predicted class";
        let half = text_width(predicted, TEXT_SIZE)? / 2.0;
        let x = (left + side / 2.0).max(half + 4.0);
        canvas.text(predicted, (x, bottom + LINE), Align::Center, TEXT_SIZE, Ink::TEXT)?;
        Ok(bottom + LINE + 8.0)
    }
}

/// Smaller numbers are not drawn.
const SMALLEST: f64 = 7.0;

outputs!(ConfusionMatrix);
