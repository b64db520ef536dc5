//! What a source reports, and what our records say of it.

use super::summary::Metric;

/// A number or a finding that a source reports.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The source's letter in the list of the book.
    pub source: &'static str,
    /// What it reports, in a line.
    pub text: String,
    /// What must hold of our records, if it is so.
    pub statement: Statement,
    /// Other settings in which it might hold: what is other in them, and what must hold then.
    pub otherwise: Vec<(String, Statement)>,
}

/// What can hold of records.
#[derive(Clone, Debug)]
pub enum Statement {
    /// A number of a configuration.
    Number {
        /// The configuration.
        configuration: String,
        /// Which number.
        metric: Metric,
        /// As it is reported; a fraction where the metric is one.
        reported: f64,
    },
    /// A number is larger in one configuration than in another.
    Larger {
        /// Which number.
        metric: Metric,
        /// Where it is larger.
        larger: String,
        /// Where it is smaller.
        smaller: String,
    },
    /// An accuracy is the same in two configurations, within a point.
    Same {
        /// Which number.
        metric: Metric,
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// A number is below this bound, beyond the spread of its seeds.
    Below {
        /// The configuration.
        configuration: String,
        /// Which number.
        metric: Metric,
        /// The bound.
        bound: f64,
    },
    /// All of these hold.
    All(Vec<Statement>),
    /// The source leaves out what a test would need.
    NotTestable {
        /// What it leaves out.
        why: String,
    },
}

impl Claim {
    /// A claim without other settings.
    pub fn new(source: &'static str, text: impl Into<String>, statement: Statement) -> Self {
        Self { source, text: text.into(), statement, otherwise: Vec::new() }
    }

    /// With another setting in which it might hold.
    pub fn or(mut self, setting: impl Into<String>, statement: Statement) -> Self {
        self.otherwise.push((setting.into(), statement));
        self
    }
}

/// A number of a configuration, as it is reported.
pub fn number(configuration: impl Into<String>, metric: Metric, reported: f64) -> Statement {
    Statement::Number { configuration: configuration.into(), metric, reported }
}

/// A number is larger in one configuration than in another.
pub fn larger(metric: Metric, larger: impl Into<String>, smaller: impl Into<String>) -> Statement {
    Statement::Larger { metric, larger: larger.into(), smaller: smaller.into() }
}

/// A number is the same in both.
pub fn same(metric: Metric, one: impl Into<String>, other: impl Into<String>) -> Statement {
    Statement::Same { metric, one: one.into(), other: other.into() }
}

/// A number is below a bound.
pub fn below(configuration: impl Into<String>, metric: Metric, bound: f64) -> Statement {
    Statement::Below { configuration: configuration.into(), metric, bound }
}

/// The source leaves this out.
pub fn not_testable(why: impl Into<String>) -> Statement {
    Statement::NotTestable { why: why.into() }
}
