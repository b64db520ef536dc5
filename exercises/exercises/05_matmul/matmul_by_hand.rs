//! # Two gradients by hand
//! ●○○ about 10 minutes
//!
//! Two samples of two inputs, and one output: `X = [[1, 2], [3, 4]]`, `W = [[5], [-1]]`, so `Y = [[3],
//! [11]]`. From the rest of the network comes `dY = [[1], [2]]`. Compute `dX` and `dW` on paper.

// TODO: fill in dX and dW
const DX: [[f64; 2]; 2] = [[f64::NAN; 2]; 2];
const DW: [f64; 2] = [f64::NAN; 2];

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};

    const X: [[f64; 2]; 2] = [[1.0, 2.0], [3.0, 4.0]];
    const W: [f64; 2] = [5.0, -1.0];

    /// The sum of the outputs, each times its entry of dY.
    fn loss(x: [[f64; 2]; 2], w: [f64; 2]) -> f64 {
        let y = x.map(|row| row[0] * w[0] + row[1] * w[1]);
        y[0] + 2.0 * y[1]
    }

    /// The loss with another number in one place of X or of W.
    fn moved(place: (usize, usize), number: f64) -> f64 {
        let (mut x, mut w) = (X, W);
        match place {
            (2, l) => w[l] = number,
            (i, l) => x[i][l] = number,
        }
        loss(x, w)
    }

    #[test]
    fn both_gradients() {
        let answers = [
            Answer::new("DX[0][0]", DX[0][0], X[0][0], |number| moved((0, 0), number)),
            Answer::new("DX[0][1]", DX[0][1], X[0][1], |number| moved((0, 1), number)),
            Answer::new("DX[1][0]", DX[1][0], X[1][0], |number| moved((1, 0), number)),
            Answer::new("DX[1][1]", DX[1][1], X[1][1], |number| moved((1, 1), number)),
            Answer::new("DW[0]", DW[0], W[0], |number| moved((2, 0), number)),
            Answer::new("DW[1]", DW[1], W[1], |number| moved((2, 1), number)),
        ];
        assert_by_hand("fill in dX and dW", &answers);
    }
}
