//! The floating-point operations of a step. Chapter 15.
//!
//! Nearly all arithmetic of a network is in its products: those of the linear layers and those of the
//! convolutions. They are what is counted here. All else, from a bias to the optimizer, does a few
//! operations for each number that it reads, and waits for memory rather than for the multipliers.
//!
//! In Y = X·W, with X `[m, k]`, W `[k, n]` and Y `[m, n]`, each of the m·n entries of Y is a sum of k
//! terms: k multiplications and, from zero, k additions. The two gradients of chapter 5 are products of
//! the same three lengths:
//!
//! ```text
//! Y  = X·W         [m, k]·[k, n]        2·m·k·n
//! dX = dY·Wᵀ       [m, n]·[n, k]        2·m·n·k
//! dW = Xᵀ·dY       [k, m]·[m, n]        2·k·m·n
//! ```
//!
//! A gradient is computed where a parameter is behind it. So a layer takes three products and the first
//! layer two, as nobody wants the gradient of the images; a frozen first layer takes one.
//!
//! By chapter 13 a convolution is the product of all patches with the kernel. It has
//! m = batch·out_height·out_width, k = kernel²·c_in and n = c_out. For both, k·n is the number of
//! weights and m the number of rows of Y (all axes but the last), as each weight is multiplied once for
//! each row:
//!
//! ```text
//! 2·m·k·n = 2 · rows of Y · entries of W
//! ```
//!
//! An op says itself how many multiplications that is: [`Op::multiplications`](super::Op).
//!
//! That is what the derivation needs, and not what an algorithm does: it counts the zeros of the
//! padding, which a patch holds too, and no zeros that an algorithm adds of its own.

use super::Tape;
use crate::real::Real;
use crate::tensor::matrix_shape;

/// Rows of `output` · entries of `w`: the multiplications of a product whose right factor has the
/// shape `w`.
pub(crate) fn product_multiplications(w: &[usize], output: &[usize]) -> u64 {
    let (rows, _) = matrix_shape(output);
    (rows * w.iter().product::<usize>()) as u64
}

/// Additions and multiplications of the products on a tape. Chapter 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// In a pass forward.
    pub forward: u64,
    /// In a pass back from a node that all products lead to.
    pub backward: u64,
}

impl Operations {
    /// In both passes.
    pub fn step(self) -> u64 {
        self.forward + self.backward
    }
}

/// The operations of a step. Chapter 15.
impl<T: Real> Tape<T> {
    /// The operations of the products in a pass forward and one back: 2·m·k·n for each product of
    /// `[m, k]` with `[k, n]`, and as many for each of its two gradients that is wanted. Chapter 15.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::Array2;
    ///
    /// let mut tape = Tape::<f32>::new();
    /// let x = tape.input(Array2::zeros((5, 3)));
    /// let w = tape.parameter(Array2::zeros((3, 4)));
    /// let v = tape.parameter(Array2::zeros((4, 2)));
    /// let y = tape.matmul(x, w)?;
    /// tape.matmul(y, v)?;
    /// let operations = tape.operations();
    /// assert_eq!(operations.forward, 2 * 5 * 3 * 4 + 2 * 5 * 4 * 2);
    /// // Of the first product dW alone, of the second both gradients.
    /// assert_eq!(operations.backward, 2 * 5 * 3 * 4 + 2 * (2 * 5 * 4 * 2));
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn operations(&self) -> Operations {
        let mut operations = Operations::default();
        for (node, y) in self.nodes.iter().zip(&self.values) {
            let Some(op) = &node.op else { continue };
            let shapes: Vec<_> =
                node.inputs.iter().map(|input| self.values[input.0].shape()).collect();
            let product = 2 * op.multiplications(&shapes, y.shape());
            let factors = node.inputs.iter().take(2);
            let gradients = factors.filter(|input| self.wanted[input.0]).count() as u64;
            operations.forward += product;
            operations.backward += gradients * product;
        }
        operations
    }

    /// Entries of the tensors that a pass forward and one back read or write, each counted once: all
    /// values, leaves included, and the gradients that are wanted. Chapter 15.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::Array2;
    ///
    /// let mut tape = Tape::<f32>::new();
    /// let x = tape.input(Array2::zeros((5, 3)));
    /// let w = tape.parameter(Array2::zeros((3, 4)));
    /// tape.matmul(x, w)?;
    /// // X, then W and dW, then Y and dY: nobody wants dX.
    /// assert_eq!(tape.step_entries(), 15 + 2 * 12 + 2 * 20);
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn step_entries(&self) -> usize {
        let tensors = self.values.iter().zip(&self.wanted);
        tensors.map(|(value, &wanted)| value.len() * (1 + usize::from(wanted))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mlp;
    use crate::cnn::{Cnn, Flagship, Lenet};
    use crate::conv::Conv;
    use ndarray::{Array1, Array2, Array4};

    #[track_caller]
    fn assert_operations<T: Real>(tape: &Tape<T>, forward: u64, backward: u64) {
        assert_eq!(tape.operations(), Operations { forward, backward });
        assert_eq!(tape.operations().step(), forward + backward);
    }

    #[test]
    fn each_product_counts_with_the_gradients_that_are_wanted() {
        let product = 2 * 5 * 3 * 4;
        for (x_wanted, w_wanted) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut tape = Tape::<f64>::new();
            let mut leaf = |rows, columns, wanted| {
                let value = Array2::zeros((rows, columns));
                if wanted { tape.parameter(value) } else { tape.input(value) }
            };
            let (x, w) = (leaf(5, 3, x_wanted), leaf(3, 4, w_wanted));
            let y = tape.matmul(x, w).unwrap();
            // A bias, an activation and a sum multiply nothing.
            let bias = tape.parameter(Array1::zeros(4));
            let y = tape.add_bias(y, bias).unwrap();
            let y = tape.tanh(y).unwrap();
            tape.sum(y).unwrap();
            let gradients = u64::from(x_wanted) + u64::from(w_wanted);
            assert_operations(&tape, product, gradients * product);
        }
    }

    #[test]
    fn linear_layers_count_as_their_products() {
        let mut tape = Tape::<f32>::new();
        let x = tape.input(Array2::zeros((7, 5)));
        let [w, v] = [(5, 4), (4, 3)].map(|shape| tape.parameter(Array2::zeros(shape)));
        let [b, c] = [4, 3].map(|width| tape.parameter(Array1::zeros(width)));
        let y = tape.linear_relu(x, w, b).unwrap();
        tape.linear(y, v, c).unwrap();
        let (first, second) = (2 * 7 * 5 * 4, 2 * 7 * 4 * 3);
        assert_operations(&tape, first + second, first + 2 * second);
    }

    #[test]
    fn a_convolution_counts_as_the_product_of_its_patches() {
        let mut tape = Tape::<f32>::new();
        let x = tape.parameter(Array4::zeros((2, 7, 9, 3)));
        let w = tape.parameter(Array4::zeros((3, 3, 3, 5)));
        let settings = Conv { stride: 2, padding: 1, ..Conv::default() };
        tape.conv2d(x, w, settings).unwrap();
        // 4 x 5 places, patches of 3·3·3 entries, 5 filters.
        let product = 2 * (2 * 4 * 5) * 27 * 5;
        assert_operations(&tape, product, 2 * product);
    }

    #[test]
    fn a_step_of_the_mlp() {
        let network = Mlp::new(&[784, 128, 64, 10]).unwrap().network::<f32>(24, 29).unwrap();
        let [first, second, third] = [784 * 128, 128 * 64, 64 * 10].map(|weights| 48 * weights);
        assert_operations(&network.tape, first + second + third, first + 2 * (second + third));
    }

    #[test]
    fn a_step_of_the_plain_cnn() {
        let network = Cnn::new([32, 32, 3], 10).network::<f32>(64, 29).unwrap();
        // By hand, of one image: 2·1024·27·32, 2·256·288·64 and 2·4096·10.
        let [conv1, conv2, linear] = [1_769_472, 9_437_184, 81_920].map(|image: u64| 64 * image);
        assert_operations(&network.tape, conv1 + conv2 + linear, conv1 + 2 * (conv2 + linear));
        assert_eq!(network.tape.operations().step(), 64 * 32_096_256);
    }

    #[test]
    fn a_step_of_lenet() {
        let network = Lenet::new([32, 32, 3], 10).network::<f32>(32, 29).unwrap();
        // 28 x 28 places of 75 entries and 6 filters, 10 x 10 places of 150 entries and 16 filters.
        let conv1 = 2 * 784 * 75 * 6;
        let rest = 2 * 100 * 150 * 16 + 2 * (400 * 120 + 120 * 84 + 84 * 10);
        assert_operations(&network.tape, 32 * (conv1 + rest), 32 * (conv1 + 2 * rest));
    }

    #[test]
    fn a_frozen_layer_counts_once() {
        let plan = Flagship::new([32, 32, 3], 10).filters([4, 8, 16]);
        let network = plan.network::<f32>(2, 29).unwrap();
        // 31 x 31 places of 2·2·3 entries and 24 filters. No gradient of these filters is wanted, but
        // of their bias: so all that follow have both gradients.
        let frozen = 2 * 961 * 12 * 24;
        let learned: u64 =
            [(961, 24, 4), (225, 4, 4), (225, 4, 8), (49, 8, 8), (49, 8, 16), (9, 16, 16)]
                .map(|(places, c_in, c_out)| 2 * places * 9 * c_in * c_out)
                .iter()
                .sum();
        let head = 2 * 16 * 10;
        let rest = learned + head;
        assert_operations(&network.tape, 2 * (frozen + rest), 2 * (2 * rest));
    }
}
