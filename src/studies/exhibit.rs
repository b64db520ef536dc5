//! What is shown of a study: tables and figures, from its records alone.

mod render;

pub use self::render::{RenderError, Rendered};

use super::summary::{Metric, Series};

/// A table or a figure.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Its name, of which that of its file is made.
    pub name: &'static str,
    /// What it shows, in a line.
    pub title: String,
    /// What is in it.
    pub content: Content,
}

/// What is in an exhibit. Configurations are named by patterns, in which `*` stands for any characters.
#[derive(Clone, Debug)]
pub enum Content {
    /// A row for each configuration and a column for each number, over all seeds.
    Table {
        /// The configurations.
        rows: Vec<String>,
        /// The numbers.
        columns: Vec<Metric>,
    },
    /// Curves over the epochs, each with a band of one standard deviation over the seeds.
    Curves {
        /// The configurations.
        rows: Vec<String>,
        /// The column of the records.
        series: Series,
        /// Whether the vertical axis is logarithmic.
        logarithmic: bool,
    },
    /// A number against another one that the configurations differ in.
    Against {
        /// What the horizontal axis is, which is logarithmic.
        label: &'static str,
        /// The number.
        metric: Metric,
        /// Lines: what each is called, and its places with their configurations.
        lines: Vec<(String, Vec<(f64, String)>)>,
    },
    /// Of each layer at each look, the gradient over the weight and the percentiles of the sums.
    Layers {
        /// The configurations.
        rows: Vec<String>,
    },
    /// The training loss between the epochs, of the first seed.
    Updates {
        /// The configuration.
        configuration: String,
    },
    /// What a 2-3-2 network of points takes for the second class, as it learns: of the first seed.
    Boundaries {
        /// The configuration.
        configuration: String,
        /// After these epochs.
        epochs: Vec<usize>,
    },
    /// The confusion matrix of all seeds together.
    Confusion {
        /// The configuration.
        configuration: String,
    },
}

impl Exhibit {
    /// An exhibit of this content.
    pub fn new(name: &'static str, title: impl Into<String>, content: Content) -> Self {
        Self { name, title: title.into(), content }
    }

    /// The patterns by which it names configurations.
    pub fn patterns(&self) -> Vec<String> {
        match &self.content {
            Content::Table { rows, .. }
            | Content::Curves { rows, .. }
            | Content::Layers { rows } => rows.clone(),
            Content::Against { lines, .. } => {
                lines.iter().flat_map(|(_, places)| places).map(|(_, name)| name.clone()).collect()
            }
            Content::Updates { configuration }
            | Content::Boundaries { configuration, .. }
            | Content::Confusion { configuration } => vec![configuration.clone()],
        }
    }
}

/// A table of these configurations and numbers.
pub fn table(rows: &[&str], columns: &[Metric]) -> Content {
    Content::Table { rows: owned(rows), columns: columns.to_vec() }
}

/// Curves of these configurations.
pub fn curves(rows: &[&str], series: Series, logarithmic: bool) -> Content {
    Content::Curves { rows: owned(rows), series, logarithmic }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
