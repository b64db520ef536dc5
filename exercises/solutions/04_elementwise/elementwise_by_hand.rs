//! `y = (3, −0.75)`. The numerator gets `dy/b = (4/2, 12/4)`. The denominator gets `−dy·y/b`, which is
//! `(−4·3/2, 12·0.75/4)`: where y is negative, a larger denominator raises it.
//!
//! With one b = 2, the second quotient is `−3/2`, and its part is `−12·(−1.5)/2 = 9`. The repeated b sums
//! what its two copies get, `−6 + 9`.

const DA: [f64; 2] = [2.0, 3.0];
const DB: [f64; 2] = [-6.0, 2.25];
/// With one b = 2 for both places.
const DB_REPEATED: f64 = 3.0;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};

    #[test]
    fn gradients_of_a_quotient() {
        let answers = [
            Answer::new("DA[0]", DA[0], 6.0, |a| 4.0 * a / 2.0),
            Answer::new("DA[1]", DA[1], -3.0, |a| 12.0 * a / 4.0),
            Answer::new("DB[0]", DB[0], 2.0, |b| 4.0 * 6.0 / b),
            Answer::new("DB[1]", DB[1], 4.0, |b| 12.0 * -3.0 / b),
            Answer::new("DB_REPEATED", DB_REPEATED, 2.0, |b| 4.0 * 6.0 / b + 12.0 * -3.0 / b),
        ];
        assert_by_hand("fill in the gradients of both inputs", &answers);
    }
}
