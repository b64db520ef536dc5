//! What a run is judged by: accuracy, the confusion matrix, averages over steps and over seeds.
//!
//! A classifier meets n samples. Sample i has the true class yᵢ and the prediction pᵢ. The
//! confusion matrix counts the pairs, one row a true class and one column a predicted class:
//!
//! ```text
//! C_tp = #{ i : yᵢ = t and pᵢ = p }
//!
//! accuracy    = Σ_k C_kk / n
//! precision_k = C_kk / Σ_t C_tk                  of what was called k, the share that is k
//! recall_k    = C_kk / Σ_p C_kp                  of what is k, the share that was called k
//! F1_k        = 2 · C_kk / (Σ_t C_tk + Σ_p C_kp) their harmonic mean
//! ```
//!
//! A share of nothing is undefined. It is `None` here, and never 0 or NaN.

use std::fmt;
use thiserror::Error;

/// Labels, predictions or values that no metric can be computed from.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MetricsError {
    /// Not one prediction a label.
    #[error("{labels} labels and {predictions} predictions: give one prediction a label")]
    Lengths {
        /// Number of labels.
        labels: usize,
        /// Number of predictions.
        predictions: usize,
    },
    /// A label or a prediction is not a class index.
    #[error(
        "the {what} of sample {sample} is class {class}, but there are {classes} classes: \
         count them from 0, or raise the number of classes"
    )]
    Class {
        /// `"label"` or `"prediction"`.
        what: &'static str,
        /// The sample.
        sample: usize,
        /// Its class.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// There is nothing to average.
    #[error("{what}: there are no values; give at least one")]
    Empty {
        /// The metric.
        what: &'static str,
    },
    /// A matrix of counts that is not square.
    #[error("confusion matrix: row {row} has {columns} columns, but there are {rows} rows")]
    NotSquare {
        /// The row.
        row: usize,
        /// Its number of columns.
        columns: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A moving average over no value.
    #[error("moving average: a window of 0 values has no mean; take 1 or more")]
    Window,
}

/// Share of the samples whose prediction is their label, from 0 to 1.
///
/// # Errors
/// [`MetricsError::Lengths`], or [`MetricsError::Empty`] where there is no sample.
pub fn accuracy(labels: &[usize], predictions: &[usize]) -> Result<f64, MetricsError> {
    check_lengths("accuracy", labels, predictions)?;
    let correct = labels.iter().zip(predictions).filter(|(label, prediction)| label == prediction);
    Ok(correct.count() as f64 / labels.len() as f64)
}

fn check_lengths(
    what: &'static str,
    labels: &[usize],
    predictions: &[usize],
) -> Result<(), MetricsError> {
    if labels.len() != predictions.len() {
        let (labels, predictions) = (labels.len(), predictions.len());
        return Err(MetricsError::Lengths { labels, predictions });
    }
    if labels.is_empty() {
        return Err(MetricsError::Empty { what });
    }
    Ok(())
}

/// The confusion matrix: how often each true class (row) was given each prediction (column).
///
/// Its `Display` is an aligned table with precision, recall and F1 of each class.
///
/// ```
/// use chainrule::metrics::Confusion;
///
/// let confusion = Confusion::new(&[0, 0, 0, 1, 1], &[0, 0, 1, 1, 1], 2)?;
/// assert_eq!(confusion.count(0, 1), 1);
/// assert_eq!(confusion.accuracy(), 4.0 / 5.0);
/// assert_eq!(confusion.precision(1), Some(2.0 / 3.0));
/// assert_eq!(confusion.recall(1), Some(1.0));
/// # Ok::<(), chainrule::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(try_from = "Vec<Vec<u64>>", into = "Vec<Vec<u64>>"))]
pub struct Confusion {
    /// Square, not empty, with a sum of 1 or more.
    rows: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts the pairs of `labels` and `predictions`, all below `classes`.
    ///
    /// # Errors
    /// [`MetricsError::Lengths`], [`MetricsError::Empty`] where there is no sample, and
    /// [`MetricsError::Class`] for a class index that is `classes` or more.
    pub fn new(
        labels: &[usize],
        predictions: &[usize],
        classes: usize,
    ) -> Result<Self, MetricsError> {
        check_lengths("confusion matrix", labels, predictions)?;
        for (what, indices) in [("label", labels), ("prediction", predictions)] {
            if let Some(sample) = indices.iter().position(|&class| class >= classes) {
                return Err(MetricsError::Class { what, sample, class: indices[sample], classes });
            }
        }
        let mut rows = vec![vec![0; classes]; classes];
        for (&label, &prediction) in labels.iter().zip(predictions) {
            rows[label][prediction] += 1;
        }
        Ok(Self { rows })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// Number of samples: the sum of all counts.
    pub fn samples(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    /// How many samples of the class `truth` were predicted to be of class `prediction`.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn count(&self, truth: usize, prediction: usize) -> u64 {
        self.rows[truth][prediction]
    }

    /// The counts, one row a true class.
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.rows
    }

    /// Number of samples that are of `class`.
    ///
    /// # Panics
    /// If there is no such class. So do all that take one.
    pub fn occurred(&self, class: usize) -> u64 {
        self.rows[class].iter().sum()
    }

    /// Number of samples that were predicted to be of `class`.
    pub fn predicted(&self, class: usize) -> u64 {
        self.rows.iter().map(|row| row[class]).sum()
    }

    /// Σ_k C_kk / n, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        let correct: u64 = (0..self.classes()).map(|class| self.rows[class][class]).sum();
        correct as f64 / self.samples() as f64
    }

    /// Of the samples that were predicted to be of `class`, the share that is. `None` where the
    /// class was never predicted.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.rows[class][class], self.predicted(class))
    }

    /// Of the samples that are of `class`, the share that was predicted to be. `None` where the
    /// class never occurred.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.rows[class][class], self.occurred(class))
    }

    /// The harmonic mean of precision and recall. `None` where the class neither occurred nor was
    /// predicted; 0 where it did one of the two alone.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.rows[class][class], self.predicted(class) + self.occurred(class))
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl TryFrom<Vec<Vec<u64>>> for Confusion {
    type Error = MetricsError;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, MetricsError> {
        if let Some(row) = rows.iter().position(|row| row.len() != rows.len()) {
            let columns = rows[row].len();
            return Err(MetricsError::NotSquare { row, columns, rows: rows.len() });
        }
        if rows.iter().flatten().all(|&count| count == 0) {
            return Err(MetricsError::Empty { what: "confusion matrix" });
        }
        Ok(Self { rows })
    }
}

impl From<Confusion> for Vec<Vec<u64>> {
    fn from(confusion: Confusion) -> Self {
        confusion.rows
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self.classes();
        let counts = self.rows.iter().flatten().map(|count| count.to_string().len());
        let width = counts.chain([(classes - 1).to_string().len()]).max().unwrap_or(1);
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "-".to_string(), |share| format!("{:.1}", 100.0 * share))
        };
        write!(f, "true \\ predicted")?;
        for class in 0..classes {
            write!(f, "  {class:>width$}")?;
        }
        writeln!(f, "  precision %  recall %   F1 %")?;
        for (class, row) in self.rows.iter().enumerate() {
            write!(f, "{class:>16}")?;
            for count in row {
                write!(f, "  {count:>width$}")?;
            }
            let (precision, recall) = (percent(self.precision(class)), percent(self.recall(class)));
            writeln!(f, "  {precision:>11}  {recall:>8}  {:>5}", percent(self.f1(class)))?;
        }
        write!(f, "accuracy {} % of {} samples", percent(Some(self.accuracy())), self.samples())
    }
}

/// The mean of each value and the `window` − 1 before it.
///
/// While it warms up, over the first `window` − 1 entries, it is the mean of the values that
/// there are. The result has the length of `values`.
///
/// # Errors
/// [`MetricsError::Window`] where `window` is 0.
pub fn moving_average(values: &[f64], window: usize) -> Result<Vec<f64>, MetricsError> {
    if window == 0 {
        return Err(MetricsError::Window);
    }
    let mean = |end: usize| {
        // Summed anew each time: a running sum would carry its rounding, and a NaN, for ever.
        let recent = &values[end.saturating_sub(window)..end];
        recent.iter().sum::<f64>() / recent.len() as f64
    };
    Ok((1..=values.len()).map(mean).collect())
}

/// Mean and sample standard deviation, such as those of an accuracy over seeds.
///
/// ```text
/// mean = Σ xᵢ / n        deviation = √( Σ (xᵢ − mean)² / (n − 1) )
/// ```
///
/// Its `Display` is `mean ± deviation`; the precision of the format is that of both.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation. `None` for a single value, which has none.
    pub deviation: Option<f64>,
    /// Number of values.
    pub count: usize,
}

impl Spread {
    /// The spread of `values`.
    ///
    /// # Errors
    /// [`MetricsError::Empty`] where there is none.
    pub fn of(values: &[f64]) -> Result<Self, MetricsError> {
        if values.is_empty() {
            return Err(MetricsError::Empty { what: "mean" });
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let deviation = (count > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (count - 1) as f64).sqrt()
        });
        Ok(Self { mean, deviation, count })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision().unwrap_or(4);
        write!(f, "{:.precision$}", self.mean)?;
        match self.deviation {
            Some(deviation) => write!(f, " ± {deviation:.precision$}"),
            None => Ok(()),
        }
    }
}
