//! # A quotient by hand
//! ●○○ about 10 minutes
//!
//! Let `a = (6, −3)`, `b = (2, 4)`, `y = a/b` and `dy = (4, 12)`. Compute da and db, on paper. Use the second
//! form for db: you need y for it anyway.
//!
//! Then the same quotient, but b is one number for both places, `b = 2`. It is used twice, and gradients of uses add
//! up (chapter 2). What is its gradient?

// TODO: fill in the gradients of both inputs
const DA: [f64; 2] = [f64::NAN, f64::NAN];
const DB: [f64; 2] = [f64::NAN, f64::NAN];
/// With one b = 2 for both places.
const DB_REPEATED: f64 = f64::NAN;

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
