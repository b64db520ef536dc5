//! Put `Wᵀ` in the place of W. Then `dX = dY·(Wᵀ)ᵀ = dY·W`, which is `[m, n]·[n, k]`. The gradient of
//! `Wᵀ` is `Xᵀ·dY`, and that of W is its transpose, `dYᵀ·X`, which is `[n, m]·[m, k]`.

use chainrule::tape::{Gradients, Inputs};
use chainrule::tensor::{expect_inputs, matrix};
use chainrule::{BrokenRule, Op, Tensor};

/// Y = X·Wᵀ. Shapes: X `[m, k]`, W `[n, k]`, Y `[m, n]`.
struct OtherProduct;

impl Op<f64> for OtherProduct {
    fn name(&self) -> &'static str {
        "other_product"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match expect_inputs(inputs)? {
            [&[m, k], &[n, columns]] if k == columns => Ok(vec![m, n]),
            _ => Err("X must be [m, k], and W [n, k]".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&matrix(&x[0]).dot(&matrix(&x[1]).t()));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let (x, w, dy) = (matrix(&x[0]), matrix(&x[1]), matrix(dy));
        if let Some(dx) = dx.wanted(0) {
            *dx += &dy.dot(&w);
        }
        if let Some(dw) = dx.wanted(1) {
            *dw += &dy.t().dot(&x);
        }
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};

    const TASK: &str = "add dX and dW of the other product";

    #[test]
    fn both_gradients() {
        let (mut tape, mut draw) = (Tape::<f64>::new(), Draw::new(3));
        let x = tape.parameter(draw.away_from_zero(&[4, 3]));
        let w = tape.parameter(draw.away_from_zero(&[2, 3]));
        let y = tape.push(OtherProduct, &[x, w]).expect("shapes that fit");
        let dy = draw.away_from_zero(&[4, 2]);
        let found = Gradcheck::default().diagnose(&mut tape, y, &dy).expect("a gradient for y");
        for (name, found) in ["dX", "dW"].iter().zip(found) {
            assert!(found.agrees(), "{TASK}\n    {name}: {found}\n");
        }
    }

    #[test]
    fn one_matrix_as_both_factors() {
        let (mut tape, mut draw) = (Tape::<f64>::new(), Draw::new(4));
        let c = tape.parameter(draw.away_from_zero(&[3, 3]));
        let y = tape.push(OtherProduct, &[c, c]).expect("shapes that fit");
        let dy = draw.away_from_zero(&[3, 3]);
        let found = Gradcheck::default().diagnose(&mut tape, y, &dy).expect("a gradient for y");
        assert!(found[0].agrees(), "{TASK}\n    C·Cᵀ, with one matrix twice: {}\n", found[0]);
    }
}
