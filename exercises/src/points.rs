//! Points inside or outside an ellipse: what a network learns in chapters 1 to 4.

use chainrule::data::ellipse::{self, ELLIPSE};
use chainrule::scalar::Sample;

/// Samples, with the questions that are asked about them.
pub trait Points {
    /// The share of the samples, from 0 to 1, of which `says` names the class: 0 or 1.
    fn share_right(&self, says: impl Fn(&Sample) -> usize) -> f64;
}

impl Points for [Sample] {
    fn share_right(&self, says: impl Fn(&Sample) -> usize) -> f64 {
        let right = self.iter().filter(|sample| sample.t[says(sample)] == 1.0).count();
        right as f64 / self.len() as f64
    }
}

/// `count` points that `seed` fixes. Class 1, the target (0, 1), lies outside of the ellipse, and
/// class 0 inside. The larger class has 56 % of the points.
pub fn points(count: usize, seed: u64) -> Vec<Sample> {
    let drawn = ellipse::draw(count, ELLIPSE, seed);
    let sample = |i| {
        let mut sample = Sample { x: [0.0; 2], t: [0.0; 2] };
        drawn.read(i, &mut sample.x);
        sample.t[drawn.label(i)] = 1.0;
        sample
    };
    (0..drawn.len()).map(sample).collect()
}
