//! `1 + 1 = 2`. `1 − 1 = 0`. `c + c = 10`. `1/c − c/c² = 0`. A number minus itself and a number
//! divided by itself are constants: two terms that are not zero cancel. A tape that assigned
//! instead of adding would say −1 and −1/5 there.

const C: f64 = 5.0;

const DC_SUM: f64 = 2.0;
const DC_DIFFERENCE: f64 = 0.0;
const DC_PRODUCT: f64 = 10.0;
const DC_QUOTIENT: f64 = 0.0;

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
