//! The claims of chapter 2.

mod numeric;

use approx::assert_relative_eq;
use chainrule::gradcheck::Draw;
use chainrule::tape::{Gradients, Inputs};
use chainrule::{Mode, Op, ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, IxDyn, arr1, arr2};
use numeric::gradient;
use proptest::prelude::*;

/// y = x·step in a training pass and y = x otherwise; its buffer counts the training passes.
struct Modal {
    passes: [Tensor<f64>; 1],
}

impl Modal {
    fn factor(mode: Mode) -> f64 {
        match mode {
            Mode::Evaluation => 1.0,
            Mode::Training { step } => step as f64,
        }
    }
}

impl Op<f64> for Modal {
    fn name(&self) -> &'static str {
        "modal"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        if x.mode != Mode::Evaluation {
            self.passes[0] += 1.0;
        }
        y.assign(&(&x[0] * Self::factor(x.mode)));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        if let Some(dx) = dx.wanted(0) {
            dx.scaled_add(Self::factor(x.mode), dy);
        }
    }

    fn buffers(&mut self) -> &mut [Tensor<f64>] {
        &mut self.passes
    }
}

/// A layer with a bend and a mean: x `[batch, 3]`, w `[3, 4]`, b `[4]`.
fn network(batch: usize) -> (Tape<f64>, [Var; 3], Var) {
    let mut draw = Draw::new(2);
    let mut tape = Tape::new();
    let x = tape.input(draw.away_from_zero(&[batch, 3]));
    let w = tape.parameter(draw.away_from_zero(&[3, 4]));
    let b = tape.parameter(draw.away_from_zero(&[4]));
    let hidden = tape.linear_relu(x, w, b).unwrap();
    let loss = tape.mean(hidden).unwrap();
    (tape, [x, w, b], loss)
}

#[test]
fn eq_uses_add_up() {
    // L = Σ dy ⊙ (eˣ + x·x − x/2): three consumers of x, one of which uses it twice.
    let mut draw = Draw::new(1);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let uses =
        [tape.exp(var).unwrap(), tape.multiply(var, var).unwrap(), tape.scale(var, -0.5).unwrap()];
    let sum = tape.add(uses[0], uses[1]).unwrap();
    let y = tape.add(sum, uses[2]).unwrap();
    let mut terms = Tensor::zeros(x.raw_dim());
    for u in uses {
        tape.backward_from(u, &dy).unwrap();
        terms += tape.gradient(var);
    }
    tape.backward_from(y, &dy).unwrap();
    assert_relative_eq!(*tape.gradient(var), terms, max_relative = 1e-14);
    let numeric = gradient(&x, &dy, |x| x.exp() + x * x - x * 0.5);
    assert_relative_eq!(*tape.gradient(var), numeric, max_relative = 1e-7, epsilon = 1e-9);
}

#[test]
fn doubling_twice_is_four() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.5, -2.0]));
    let b = tape.add(a, a).unwrap();
    let c = tape.add(b, b).unwrap();
    tape.backward_from(c, &arr1(&[1.0, 10.0]).into_dyn()).unwrap();
    assert_eq!(tape.value(c), &arr1(&[6.0, -8.0]).into_dyn());
    assert_eq!(tape.gradient(b), &arr1(&[2.0, 20.0]).into_dyn());
    assert_eq!(tape.gradient(a), &arr1(&[4.0, 40.0]).into_dyn());
}

#[test]
fn inputs_precede_outputs() {
    let (tape, [x, w, b], loss) = network(2);
    assert_eq!([x, w, b].map(Var::index), [0, 1, 2]);
    assert!([x, w, b].into_iter().all(|leaf| leaf < loss));
    assert_eq!(tape.vars().map(Var::index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let parameters: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
    assert_eq!(parameters, [w, b]);
    let expressions: Vec<String> = tape.vars().map(|var| tape.expression(var)).collect();
    assert_eq!(
        expressions,
        ["input()", "parameter()", "parameter()", "linear_relu(%0, %1, %2)", "mean(%3)"]
    );
    assert_eq!(format!("{tape:?}"), tape.trace());
}

#[test]
fn a_replay_gives_what_recording_gave() {
    let (mut tape, [_, w, b], loss) = network(5);
    let recorded: Vec<_> = tape.vars().map(|var| tape.value(var).clone()).collect();
    tape.backward(loss);
    let gradients = [w, b].map(|var| tape.gradient(var).clone());
    for _ in 0..2 {
        tape.forward();
        tape.backward(loss);
        for (var, recorded) in tape.vars().zip(&recorded) {
            assert_eq!(tape.value(var), recorded);
        }
        assert_eq!([w, b].map(|var| tape.gradient(var).clone()), gradients);
    }
}

#[test]
fn a_replay_takes_the_leaves_as_they_are_now() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0, 3.0]));
    let b = tape.parameter(arr1(&[5.0, 7.0]));
    let y = tape.multiply(a, b).unwrap();
    tape.set(a, &arr1(&[1.0, -1.0])).unwrap();
    assert_eq!(tape.value(y), &arr1(&[10.0, 21.0]).into_dyn());
    tape.forward();
    assert_eq!(tape.value(y), &arr1(&[5.0, -7.0]).into_dyn());
    tape.backward(y);
    let (mut value, gradient) = tape.parameter_mut(a);
    value.scaled_add(-0.1, gradient);
    tape.value_mut(b).fill(2.0);
    tape.forward();
    assert_relative_eq!(*tape.value(y), arr1(&[1.0, -3.4]).into_dyn(), max_relative = 1e-14);
}

#[test]
fn a_leaf_keeps_its_shape() {
    let (mut tape, [x, ..], _) = network(2);
    assert_eq!(
        tape.set(x, &Array2::zeros((3, 3))).unwrap_err().to_string(),
        "set: [2, 3] · [3, 3]: a leaf keeps its shape; `resize` gives it another"
    );
    assert_eq!(
        tape.backward_from(x, &arr1(&[1.0]).into_dyn()).unwrap_err().to_string(),
        "backward: [2, 3] · [1]: the upstream gradient must have the shape of the output"
    );
}

#[test]
fn gradients_of_untouched_leaves_are_zero() {
    let mut tape = Tape::<f64>::new();
    let [a, b] = [2.0, 3.0].map(|value| tape.parameter(arr1(&[value])));
    let y = tape.multiply(a, a).unwrap();
    let z = tape.multiply(a, b).unwrap();
    tape.backward(z);
    assert_eq!((tape.gradient(a)[0], tape.gradient(b)[0]), (3.0, 2.0));
    tape.backward(y);
    assert_eq!((tape.gradient(a)[0], tape.gradient(b)[0]), (4.0, 0.0));
    // z stands behind y: what was there of the last pass is gone too.
    assert_eq!(tape.gradient(z)[0], 0.0);
    assert_eq!(tape.gradient(y)[0], 1.0);
}

#[test]
fn nobody_s_gradients_are_not_computed() {
    let (mut tape, [x, w, _], loss) = network(2);
    let constant = tape.exp(x).unwrap();
    tape.backward(loss);
    assert!(tape.gradient(x).is_empty());
    assert!(tape.gradient(constant).is_empty());
    assert_eq!(tape.gradient(w).shape(), [3, 4]);
    // From a node with no parameter behind it, all gradients are zero.
    tape.backward(constant);
    assert!(tape.gradient(w).iter().all(|&dw| dw == 0.0));
    tape.backward_from(constant, &Tensor::ones(IxDyn(&[2, 3]))).unwrap();
    assert!(tape.gradient(constant).is_empty());
    assert!(tape.gradient(w).iter().all(|&dw| dw == 0.0));
}

#[test]
fn a_parameter_can_be_the_loss() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0, 3.0]));
    tape.backward(a);
    assert_eq!(tape.gradient(a), &arr1(&[1.0, 1.0]).into_dyn());
}

#[test]
fn another_batch_size_and_back() {
    let (mut tape, [x, w, b], loss) = network(5);
    tape.backward(loss);
    let images = tape.value(x).clone();
    let parameters = [w, b].map(|var| tape.value(var).clone());
    let (value, gradients) =
        (tape.value(loss).clone(), [w, b].map(|var| tape.gradient(var).clone()));

    let (mut small, [x_small, ..], loss_small) = network(2);
    let (few, rest) = images.view().split_at(ndarray::Axis(0), 2);
    small.set(x_small, &few.to_owned()).unwrap();
    small.set(w, &parameters[0]).unwrap();
    small.set(b, &parameters[1]).unwrap();
    small.forward();
    small.backward(loss_small);
    assert_eq!(rest.len_of(ndarray::Axis(0)), 3);

    tape.resize(&[(x, &[2, 3])]).unwrap();
    assert_eq!(tape.value(x).shape(), [2, 3]);
    tape.set(x, &few.to_owned()).unwrap();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.value(loss), small.value(loss_small));
    assert_eq!([w, b].map(|var| tape.value(var).clone()), parameters);
    for var in [w, b] {
        assert_eq!(tape.gradient(var), small.gradient(var));
    }

    tape.resize(&[(x, &[5, 3])]).unwrap();
    tape.set(x, &images).unwrap();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.value(loss), &value);
    assert_eq!([w, b].map(|var| tape.gradient(var).clone()), gradients);
}

#[test]
fn a_backward_pass_right_after_another_shape_computes_the_values_first() {
    let (mut tape, [x, _, b], loss) = network(5);
    tape.backward(loss);
    tape.resize(&[(x, &[7, 3])]).unwrap();
    tape.value_mut(x).fill(1.0);
    tape.backward(loss);
    let gradient = tape.gradient(b).clone();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.gradient(b), &gradient);
}

#[test]
fn a_refused_shape_leaves_the_tape_as_it_was() {
    let (mut tape, [x, w, _], loss) = network(5);
    let values: Vec<_> = tape.vars().map(|var| tape.value(var).clone()).collect();
    let error = tape.resize(&[(x, &[5, 4])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear_relu: [5, 4] · [3, 4] · [4]: columns of the left (4) must equal rows of the \
         right (3)"
    );
    let error = tape.resize(&[(x, &[0, 3])]).unwrap_err();
    assert_eq!(error.rule, "an input is empty: every axis must have a length of 1 or more");
    for (var, value) in tape.vars().zip(&values) {
        assert_eq!(tape.value(var), value);
    }
    tape.backward(loss);
    assert!(tape.gradient(w).iter().any(|&dw| dw != 0.0));
}

#[test]
fn a_var_of_another_tape_is_refused() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.0]));
    let mut other = Tape::<f64>::new();
    for _ in 0..3 {
        other.parameter(arr1(&[1.0]));
    }
    let foreign = other.parameter(arr1(&[1.0]));
    assert_eq!(
        tape.add(a, foreign).unwrap_err().to_string(),
        "add: node 3 is of another tape: this one has 1"
    );
    // The first index beyond the end is refused too, and nothing is recorded.
    let beyond = other.vars().nth(1).unwrap();
    assert!(tape.add(a, beyond).is_err());
    assert_eq!(tape.vars().count(), 1);
}

#[test]
fn a_transposed_array_is_put_in_standard_order() {
    let mut tape = Tape::<f64>::new();
    let array = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reversed_axes();
    let a = tape.parameter(array.clone());
    assert!(tape.value(a).is_standard_layout());
    assert_eq!(tape.value(a), &array.clone().into_dyn());
    let b = tape.parameter(Array2::from_elem((3, 2), 10.0));
    let y = tape.multiply(a, b).unwrap();
    assert_eq!(tape.value(y), &(&array * 10.0).into_dyn());
    tape.set(b, &array).unwrap();
    tape.forward();
    assert_eq!(tape.value(y), &(&array * &array).into_dyn());
}

#[test]
fn ops_see_the_mode_in_both_passes() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[3.0]));
    let y = tape.push(Modal { passes: [Tensor::zeros(IxDyn(&[]))] }, &[x]).unwrap();
    assert_eq!(tape.value(y)[0], 3.0);
    tape.set_mode(Mode::Training { step: 7 });
    tape.forward();
    tape.backward(y);
    assert_eq!((tape.value(y)[0], tape.gradient(x)[0]), (21.0, 7.0));
    assert_eq!(tape.buffers(y)[0][[]], 1.0);
    tape.set_mode(Mode::Evaluation);
    tape.forward();
    tape.backward(y);
    assert_eq!((tape.value(y)[0], tape.gradient(x)[0]), (3.0, 1.0));
    assert_eq!(tape.buffers(y)[0][[]], 1.0);
    assert!(tape.buffers(x).is_empty());
    let z = tape.add(y, y).unwrap();
    assert!(tape.buffers(z).is_empty());
    assert_eq!(Mode::default(), Mode::Evaluation);
}

#[test]
fn a_tape_can_move_to_another_thread() {
    fn send<T: Send + Sync>() {}
    send::<Tape<f32>>();
    send::<ShapeError>();
    assert_eq!(Tape::<f32>::default().vars().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn backward_is_linear_in_dy(batch in 1..6_usize, seed: u64) {
        let (mut tape, [_, w, b], _) = network(batch);
        let hidden = tape.vars().nth(3).unwrap();
        let mut draw = Draw::new(seed);
        let [dy, dz] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[batch, 4]));
        let mut of = |dy: &Tensor<f64>| {
            tape.backward_from(hidden, dy).unwrap();
            [w, b].map(|var| tape.gradient(var).clone())
        };
        let (both, of_dy, of_dz) = (of(&(&dy * 2.0 - &dz)), of(&dy), of(&dz));
        for k in 0..2 {
            let expected = &of_dy[k] * 2.0 - &of_dz[k];
            assert_relative_eq!(both[k], expected, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}
