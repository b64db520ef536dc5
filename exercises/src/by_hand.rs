//! Derivatives that were found by hand.

use crate::{Line, pronounce};
use chainrule::Tape;
use chainrule::gradcheck::{Diagnosis, Gradcheck};
use ndarray::arr1;

/// A derivative found by hand, with the formula that it is the derivative of.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    name: &'static str,
    value: f64,
    at: f64,
    formula: fn(f64) -> f64,
}

impl Answer {
    /// The constant `name` holds `value`, which should be the slope of `formula` where its
    /// argument is `at`. `NAN` is an answer that is still empty.
    pub fn new(name: &'static str, value: f64, at: f64, formula: fn(f64) -> f64) -> Self {
        Self { name, value, at, formula }
    }

    /// What the gradient check says of it, with the value as the formula's derivative.
    fn line(&self) -> Line {
        let (of, value) = (self.name.to_owned(), self.value);
        let line = |right, words: &str| Line { of: of.clone(), right, words: words.to_owned() };
        if value.is_nan() {
            return line(false, "still empty");
        }
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[self.at]));
        let y = tape.map(x, "formula", self.formula, move |_| value).expect("one number");
        let dy = arr1(&[1.0]).into_dyn();
        let found = Gradcheck::default().diagnose(&mut tape, y, &dy).expect("one number");
        match &found[0] {
            found if found.agrees() => line(true, "right"),
            Diagnosis::Missing => line(false, "zero, and should not be"),
            Diagnosis::Superfluous => line(false, "not zero, and should be"),
            Diagnosis::Factor { .. } => line(false, &one(&found[0])),
            _ => line(false, "not what differences find"),
        }
    }
}

/// The words for a factor, of one number instead of many.
fn one(factor: &Diagnosis) -> String {
    factor.to_string().replacen("every entry is", "it is", 1)
}

/// Compares answers with central differences of their formulas.
///
/// # Panics
/// Where one is not right: with `task` and what is to be said of each.
#[track_caller]
pub fn assert_by_hand(task: &str, answers: &[Answer]) {
    let lines: Vec<Line> = answers.iter().map(Answer::line).collect();
    pronounce(task, &lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: f64, at: f64, formula: fn(f64) -> f64) -> String {
        Answer::new("DX", value, at, formula).line().words
    }

    #[test]
    fn an_answer_gets_its_words() {
        let square = |x| x * x;
        assert_eq!(words(6.0, 3.0, square), "right");
        assert_eq!(words(f64::NAN, 3.0, square), "still empty");
        assert_eq!(words(-6.0, 3.0, square), "it is off by a factor -1: a sign");
        assert_eq!(words(7.1, 3.0, square), "not what differences find");
        assert_eq!(words(0.0, 3.0, square), "zero, and should not be");
        assert_eq!(words(1.0, 3.0, |_| 2.0), "not zero, and should be");
        assert_eq!(words(0.0, 3.0, |_| 2.0), "right");
        let half = "it is off by a factor 0.500: one of two uses lost, or a square differentiated \
            without its 2";
        assert_eq!(words(3.0, 3.0, square), half);
    }
}
