//! Batch norm in training and then in evaluation, with its running statistics.

use super::{Numbers, assert_equal, part};
use chainrule::normalize::BatchNorm;
use chainrule::{Mode, Tape};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct History {
    momentum: f64,
    epsilon: f64,
    gamma: Numbers,
    beta: Numbers,
    training: Vec<Pass>,
    evaluation: Pass,
}

#[derive(Deserialize)]
struct Pass {
    x: Numbers,
    y: Numbers,
    dy: Numbers,
    dx: Numbers,
    dgamma: Numbers,
    dbeta: Numbers,
    running_mean: Numbers,
    running_variance: Numbers,
}

#[test]
fn batch_norm_is_that_of_pytorch() {
    for (name, history) in part::<BTreeMap<String, History>>("batch_norm") {
        let settings = BatchNorm { momentum: history.momentum, epsilon: history.epsilon };
        let mut tape = Tape::new();
        let x = tape.parameter(history.evaluation.x.0.clone());
        let gamma = tape.parameter(history.gamma.0);
        let beta = tape.parameter(history.beta.0);
        // Recorded in evaluation, which leaves the running statistics as they start.
        let y = tape.batch_norm_with(x, gamma, beta, settings).unwrap();
        assert_eq!(history.training.len(), 2, "{name}");
        let training = history.training.iter().map(|pass| (Mode::Training { step: 0 }, pass));
        for (mode, pass) in training.chain([(Mode::Evaluation, &history.evaluation)]) {
            tape.set_mode(mode);
            tape.set(x, &pass.x.0).unwrap();
            tape.forward();
            tape.backward_from(y, &pass.dy.0).unwrap();
            let [mean, variance] = tape.buffers(y) else { panic!("two running statistics") };
            for (what, found, expected) in [
                ("y", tape.value(y), &pass.y),
                ("dx", tape.gradient(x), &pass.dx),
                ("dγ", tape.gradient(gamma), &pass.dgamma),
                ("dβ", tape.gradient(beta), &pass.dbeta),
                ("running mean", mean, &pass.running_mean),
                ("running variance", variance, &pass.running_variance),
            ] {
                assert_equal(&format!("{name}, {mode:?}: {what}"), found, &expected.0);
            }
        }
    }
}
