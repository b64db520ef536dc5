//! # One input twice
//! ●○○ about 5 minutes
//!
//! Let `c = 5`, and let `y` be `c + c`, `c − c`, `c·c` or `c / c`. What is `dc` in each case, with
//! `dy = 1`? Add two terms each time, one for each place in which `c` is an input. The local
//! derivatives of `a / b` are `1/b` and `−a/b²`.

const C: f64 = 5.0;

// TODO: fill in dc for each of the four
const DC_SUM: f64 = f64::NAN;
const DC_DIFFERENCE: f64 = f64::NAN;
const DC_PRODUCT: f64 = f64::NAN;
const DC_QUOTIENT: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};
    use std::ops::{Add, Div, Mul, Sub};

    #[test]
    fn four_ops() {
        let answers = [
            Answer::new("DC_SUM", DC_SUM, C, |c| c.add(c)),
            Answer::new("DC_DIFFERENCE", DC_DIFFERENCE, C, |c| c.sub(c)),
            Answer::new("DC_PRODUCT", DC_PRODUCT, C, |c| c.mul(c)),
            Answer::new("DC_QUOTIENT", DC_QUOTIENT, C, |c| c.div(c)),
        ];
        assert_by_hand("fill in dc for each of the four", &answers);
    }
}
