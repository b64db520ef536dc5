//! What was written on a tape, and the gradient after it: never one of old values. Chapter 2.

use approx::assert_relative_eq;
use chainrule::dropout::Masks;
use chainrule::fraction::Fraction;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{Mode, Tape, Tensor, Var};
use ndarray::{Array2, Axis, arr1};

/// w `[2, 3]` → s = eʷ → y = w ⊙ s → L = Σ y, with each node's value needed by a backward pass.
struct Small {
    tape: Tape<f64>,
    w: Var,
    s: Var,
    y: Var,
    loss: Var,
}

fn small(w: &Tensor<f64>) -> Small {
    let mut tape = Tape::new();
    let w = tape.parameter(w.clone());
    let s = tape.exp(w).unwrap();
    let y = tape.multiply(w, s).unwrap();
    let loss = tape.sum(y).unwrap();
    Small { tape, w, s, y, loss }
}

/// dL/dw = eʷ + w·eʷ.
fn gradient(w: &Tensor<f64>) -> Tensor<f64> {
    w.mapv(|w| w.exp() + w * w.exp())
}

fn drawn(seed: u64) -> Tensor<f64> {
    Draw::new(seed).away_from_zero(&[2, 3])
}

#[test]
fn a_written_leaf_is_in_the_next_gradient() {
    type Way = fn(&mut Tape<f64>, Var, &Tensor<f64>);
    let ways: [(&str, Way); 4] = [
        ("set", |tape, var, value| tape.set(var, value).unwrap()),
        ("value_mut", |tape, var, value| tape.value_mut(var).assign(value)),
        ("parameter_mut", |tape, var, value| tape.parameter_mut(var).0.assign(value)),
        ("set and forward_after", |tape, var, value| {
            tape.set(var, value).unwrap();
            tape.forward_after(var);
        }),
    ];
    for (name, write) in ways {
        let Small { mut tape, w, loss, .. } = small(&drawn(1));
        tape.backward(loss);
        let moved = drawn(2);
        write(&mut tape, w, &moved);
        tape.backward(loss);
        let difference = tape.gradient(w) - &gradient(&moved);
        assert!(difference.iter().all(|d| d.abs() < 1e-12), "{name}: off by {difference}");
        // The values on the tape are those that the gradient belongs to.
        let value = moved.mapv(|w| w * w.exp()).sum();
        assert_relative_eq!(tape.value(loss)[[]], value, max_relative = 1e-14);
    }
}

#[test]
fn the_vector_jacobian_product_is_of_the_new_leaf_too() {
    let Small { mut tape, w, y, .. } = small(&drawn(1));
    let (moved, dy) = (drawn(2), drawn(3));
    tape.set(w, &moved).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_relative_eq!(tape.gradient(w), &(gradient(&moved) * &dy), max_relative = 1e-14);
}

#[test]
fn a_node_recorded_after_a_write_is_brought_up_to_date_with_the_others() {
    let Small { mut tape, w, y, .. } = small(&drawn(1));
    let moved = drawn(2);
    tape.set(w, &moved).unwrap();
    // Recorded on the old value of y.
    let half = tape.scale(y, 0.5).unwrap();
    tape.backward(half);
    assert_relative_eq!(tape.gradient(w), &(gradient(&moved) * 0.5), max_relative = 1e-14);
    assert_relative_eq!(tape.value(half), &moved.mapv(|w| 0.5 * w * w.exp()), max_relative = 1e-14);
}

#[test]
#[should_panic(expected = "node %1 = exp(%0) was written, and the nodes after it do not follow \
                           from it: call `forward_after` with it before `backward`")]
fn a_written_inner_node_is_refused() {
    let Small { mut tape, s, loss, .. } = small(&drawn(1));
    tape.value_mut(s).fill(3.0);
    tape.backward(loss);
}

#[test]
#[should_panic(expected = "call `forward_after`")]
fn an_inner_node_written_as_a_parameter_is_refused() {
    let Small { mut tape, s, loss, .. } = small(&drawn(1));
    tape.parameter_mut(s).0.fill(3.0);
    tape.backward(loss);
}

#[test]
#[should_panic(expected = "node %2 = multiply(%0, %1) was written")]
fn the_output_itself_is_refused_where_it_was_written() {
    let Small { mut tape, y, .. } = small(&drawn(1));
    tape.value_mut(y).fill(3.0);
    tape.backward_from(y, &drawn(2)).unwrap();
}

#[test]
fn a_node_that_was_written_after_the_output_is_in_nobody_s_way() {
    let Small { mut tape, w, s, loss, .. } = small(&drawn(1));
    tape.value_mut(loss).fill(3.0);
    tape.backward(s);
    assert_eq!(tape.gradient(w), tape.value(s));
    assert_eq!(tape.value(loss)[[]], 3.0);
}

#[test]
fn a_written_inner_node_is_a_constant_until_the_next_forward_pass() {
    let Small { mut tape, w, s, loss, .. } = small(&drawn(1));
    let constant = drawn(2);
    tape.value_mut(s).assign(&constant);
    tape.forward_after(s);
    // L = Σ w ⊙ constant.
    let start = tape.value(w).clone();
    for w_now in [start.clone(), drawn(3)] {
        tape.set(w, &w_now).unwrap();
        tape.backward(loss);
        assert_eq!(tape.gradient(w), &constant);
        assert_eq!(tape.gradient(s), &w_now);
        assert_eq!(tape.value(s), &constant);
        assert_relative_eq!(tape.value(loss)[[]], (&w_now * &constant).sum(), epsilon = 1e-14);
    }
    let report = Gradcheck::default().run(&mut tape, loss, &Tensor::ones(vec![])).unwrap();
    assert!(report.max_relative_error() < 1e-9, "{report}");
    // A whole forward pass computes it again.
    tape.set(w, &start).unwrap();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.value(s), &start.mapv(f64::exp));
    assert_relative_eq!(tape.gradient(w), &gradient(&start), max_relative = 1e-14);
}

#[test]
fn a_forward_pass_takes_back_what_was_written_into_an_inner_node() {
    let Small { mut tape, w, s, loss, .. } = small(&drawn(1));
    tape.value_mut(s).fill(3.0);
    tape.forward();
    tape.backward(loss);
    assert_relative_eq!(tape.gradient(w), &gradient(&drawn(1)), max_relative = 1e-14);
}

/// Nodes between the leaf and the node that is named are not computed by `forward_after`: they are
/// still to be brought up to date.
#[test]
fn forward_after_a_later_node_hides_no_written_leaf() {
    let Small { mut tape, w, y, loss, .. } = small(&drawn(1));
    let moved = drawn(2);
    tape.set(w, &moved).unwrap();
    tape.forward_after(y);
    tape.backward(loss);
    assert_relative_eq!(tape.gradient(w), &gradient(&moved), max_relative = 1e-14);
}

#[test]
fn what_has_an_op_is_neither_set_nor_resized() {
    let Small { mut tape, s, loss, .. } = small(&drawn(1));
    let before = tape.value(loss).clone();
    assert_eq!(
        tape.set(s, &drawn(2)).unwrap_err().to_string(),
        "set: [2, 3]: %1 = exp(%0) is no leaf: `value_mut` and then `forward_after` write it"
    );
    assert_eq!(
        tape.resize(&[(s, &[5, 3])]).unwrap_err().to_string(),
        "resize: [2, 3]: %1 = exp(%0) is no leaf: `value_mut` and then `forward_after` write it"
    );
    tape.backward(loss);
    assert_eq!(tape.value(loss), &before);
}

/// A linear layer, batch norm, dropout and a loss: all that draws or remembers.
fn learning(mode: Mode) -> (Tape<f64>, [Var; 4], [Var; 3]) {
    let mut draw = Draw::new(7);
    let mut tape = Tape::new();
    tape.set_mode(mode);
    let x = tape.input(draw.away_from_zero(&[6, 4]));
    let w = tape.parameter(draw.away_from_zero(&[4, 5]));
    let gamma = tape.parameter(draw.away_from_zero(&[5]));
    let beta = tape.parameter(draw.away_from_zero(&[5]));
    let product = tape.matmul(x, w).unwrap();
    let normal = tape.batch_norm(product, gamma, beta).unwrap();
    let masks = Masks { seed: 3, layer: 0 };
    let kept = tape.dropout(normal, Fraction::new(0.4).unwrap(), masks).unwrap();
    let squares = tape.multiply(kept, kept).unwrap();
    let loss = tape.mean(squares).unwrap();
    (tape, [x, w, gamma, beta], [normal, kept, loss])
}

const STEP: Mode = Mode::Training { step: 3 };

#[test]
fn a_replay_draws_nothing_anew_and_moves_no_running_statistics() {
    let (mut tape, [x, w, ..], [normal, kept, loss]) = learning(STEP);
    tape.forward();
    let dropped = tape.value(kept).mapv(|y| y == 0.0);
    assert!(dropped.iter().any(|&zero| zero) && dropped.iter().any(|&zero| !zero));
    let statistics = tape.buffers(normal).to_vec();
    let moved: Tensor<f64> = Draw::new(8).away_from_zero(&[6, 4]);

    tape.set(x, &moved).unwrap();
    tape.backward(loss);
    assert_eq!(tape.value(kept).mapv(|y| y == 0.0), dropped);
    assert_eq!(tape.buffers(normal), statistics);
    let (value, gradient) = (tape.value(loss).clone(), tape.gradient(w).clone());

    // A pass that counts has the same values and gradients, and moves the statistics.
    tape.forward();
    tape.backward(loss);
    assert_eq!((tape.value(loss), tape.gradient(w)), (&value, &gradient));
    assert_ne!(tape.buffers(normal), statistics);
}

#[test]
fn another_batch_size_is_replayed_without_a_move_of_statistics() {
    let (mut tape, [x, w, ..], [normal, _, loss]) = learning(STEP);
    let statistics = tape.buffers(normal).to_vec();
    let few: Tensor<f64> = Draw::new(8).away_from_zero(&[3, 4]);
    tape.resize(&[(x, &[3, 4])]).unwrap();
    tape.set(x, &few).unwrap();
    tape.backward(loss);
    assert_eq!(tape.buffers(normal), statistics);
    let gradient = tape.gradient(w).clone();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.gradient(w), &gradient);
}

#[test]
fn resize_frees_a_node_that_was_held() {
    let Small { mut tape, w, s, loss, .. } = small(&drawn(1));
    tape.value_mut(s).fill(3.0);
    tape.forward_after(s);
    let few = drawn(2).select(Axis(0), &[0]);
    tape.resize(&[(w, &[1, 3])]).unwrap();
    tape.set(w, &few).unwrap();
    tape.backward(loss);
    assert_relative_eq!(tape.gradient(w), &gradient(&few), max_relative = 1e-14);
}

/// The masks of step 3 are those that the pass drew, whatever step comes next.
#[test]
fn a_replay_is_of_the_mode_of_the_last_forward_pass() {
    let moved: Tensor<f64> = Draw::new(8).away_from_zero(&[6, 4]);
    let (mut tape, [x, w, ..], [.., loss]) = learning(STEP);
    tape.set(x, &moved).unwrap();
    tape.forward();
    tape.backward(loss);
    let (value, gradient) = (tape.value(loss).clone(), tape.gradient(w).clone());
    for next in [Mode::Evaluation, Mode::Training { step: 4 }] {
        let (mut tape, [x, w, ..], [.., loss]) = learning(STEP);
        tape.set_mode(next);
        tape.set(x, &moved).unwrap();
        tape.backward(loss);
        assert_eq!((tape.value(loss), tape.gradient(w)), (&value, &gradient));
        tape.forward();
        assert_ne!(tape.value(loss), &value);
    }
}

#[test]
fn a_written_buffer_is_in_the_next_gradient() {
    let (mut tape, [_, w, ..], [normal, _, loss]) = learning(Mode::Evaluation);
    tape.backward(loss);
    let before = tape.gradient(w).clone();
    tape.buffers_mut(normal)[1].fill(4.0);
    tape.backward(loss);
    let gradient = tape.gradient(w).clone();
    assert_ne!(gradient, before);
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.gradient(w), &gradient);
}

#[test]
fn a_gradient_check_leaves_running_statistics_as_they_were() {
    let (mut tape, [x, ..], [normal, _, loss]) = learning(STEP);
    let statistics = tape.buffers(normal).to_vec();
    // Also where it begins with a replay.
    tape.set(x, &Array2::from_elem((6, 4), 0.5)).unwrap();
    tape.set(x, &Draw::new(9).away_from_zero::<f64>(&[6, 4])).unwrap();
    let report = Gradcheck::default().run(&mut tape, loss, &Tensor::ones(vec![])).unwrap();
    assert!(report.max_relative_error() < 1e-7, "{report}");
    assert_eq!(tape.buffers(normal), statistics);
}

#[test]
fn a_tape_that_nobody_wrote_on_is_not_computed_again() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[2.0]));
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = calls.clone();
    let count = move |x: f64| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        x
    };
    let y = tape.map(x, "count", count, |_| 1.0).unwrap();
    tape.backward(y);
    tape.backward(y);
    tape.forward();
    tape.backward(y);
    // Once while recording, once in the forward pass.
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 2);
}
