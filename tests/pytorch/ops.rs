//! Every op of the catalog: its value and its gradients.

use super::{FLOOR, Numbers, TOLERANCE, difference, part};
use chainrule::gradcheck::{Case, Draw};
use chainrule::{Mode, Tape, Var, catalog};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What PyTorch found for an op.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    /// In the order in which a case records them.
    inputs: Vec<Input>,
    /// The upstream gradient.
    dy: Numbers,
    y: Numbers,
}

#[derive(Clone, Debug, Deserialize)]
struct Input {
    name: String,
    value: Numbers,
    /// None where nobody asks for it, as of class indices.
    gradient: Option<Numbers>,
}

impl Reference {
    /// The value of input `k`.
    pub fn input(&self, k: usize) -> &chainrule::Tensor<f64> {
        &self.inputs[k].value.0
    }

    /// Where `y`, recorded on a tape whose first leaves are the inputs, differs from it.
    pub fn differences(&self, tape: &mut Tape<f64>, y: Var) -> Vec<String> {
        tape.backward_from(y, &self.dy.0).unwrap();
        let mut found = vec![difference("y", tape.value(y), &self.y.0)];
        for (x, input) in tape.vars().zip(&self.inputs) {
            let what = format!("d{}", input.name);
            match &input.gradient {
                Some(gradient) => found.push(difference(&what, tape.gradient(x), &gradient.0)),
                None => assert!(!tape.is_parameter(x), "{what} is not recorded"),
            }
        }
        found.into_iter().filter_map(Result::err).collect()
    }

    /// The same with the places that `mask` keeps and drops, in place of those that PyTorch drew.
    fn with_mask(&self, mask: impl Fn(usize) -> bool) -> Self {
        let mut moved = self.clone();
        let input = &mut moved.inputs[0];
        let pairs = [
            (&mut moved.y, &input.value),
            (input.gradient.as_mut().expect("x has a gradient"), &moved.dy),
        ];
        for (scaled, of) in pairs {
            let factors = &scaled.0 / &of.0;
            let kept = factors.iter().copied().fold(0.0, f64::max);
            let known = |&factor: &f64| factor == 0.0 || (factor - kept).abs() < 1e-15;
            assert!(kept > 1.0 && factors.iter().all(known), "no dropout: {factors}");
            assert!(factors.iter().any(|&factor| factor == 0.0), "nothing is dropped");
            for (i, (scaled, of)) in scaled.0.iter_mut().zip(&of.0).enumerate() {
                *scaled = if mask(i) { of * kept } else { 0.0 };
            }
        }
        moved
    }
}

/// Where the op of `case` differs from PyTorch's.
fn differences(case: &Case, reference: &Reference) -> Vec<String> {
    let mut tape = Tape::new();
    tape.set_mode(Mode::Training { step: 3 });
    let y = (case.record)(&mut tape, &mut Draw::new(1)).unwrap();
    assert_eq!(y.index(), reference.inputs.len(), "{}: its inputs are other ones", case.op);
    for (x, input) in tape.vars().zip(&reference.inputs) {
        let set = tape.set(x, &input.value.0);
        set.unwrap_or_else(|error| panic!("{}: {}: {error}", case.op, input.name));
    }
    tape.forward();
    if case.op == "dropout" {
        let value = tape.value(y).clone();
        let kept = |i| value.as_slice().unwrap()[i] != 0.0;
        return reference.with_mask(kept).differences(&mut tape, y);
    }
    reference.differences(&mut tape, y)
}

/// The references of the ops, each with its case.
fn references() -> Vec<(String, &'static Case, Reference)> {
    let references: BTreeMap<String, Reference> = part("ops");
    let with_case = |(name, reference): (String, Reference)| {
        let op = name.split(": ").next().unwrap();
        let case = catalog::cases().find(|case| case.op == op);
        let case = case.unwrap_or_else(|| panic!("the catalog has no `{op}`"));
        (name, case, reference)
    };
    references.into_iter().map(with_case).collect()
}

#[test]
fn every_op_of_the_catalog_has_a_reference() {
    let references = references();
    for case in catalog::cases() {
        let found = references.iter().any(|(name, ..)| name == case.op);
        assert!(found, "`{}`: write it into tests/pytorch/ops.py, and record it", case.op);
    }
}

#[test]
fn every_op_is_that_of_pytorch() {
    let mut found = Vec::new();
    for (name, case, reference) in references() {
        found.extend(differences(case, &reference).iter().map(|text| format!("{name}: {text}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// In every tensor of every reference, the smallest error that counts.
#[test]
fn a_wrong_number_is_found_in_every_op() {
    let shifted = |numbers: &mut Numbers| {
        let last = numbers.0.last_mut().unwrap();
        *last += 2.0 * TOLERANCE * last.abs().max(FLOOR);
    };
    for (name, case, reference) in references().into_iter().filter(|(name, ..)| name != "dropout") {
        let mut wrong = reference.clone();
        shifted(&mut wrong.y);
        let found = differences(case, &wrong);
        assert!(found.len() == 1 && found[0].starts_with("y["), "{name}: {found:?}");
        for k in 0..reference.inputs.len() {
            let mut wrong = reference.clone();
            let Some(gradient) = &mut wrong.inputs[k].gradient else { continue };
            shifted(gradient);
            let found = differences(case, &wrong);
            let what = format!("d{}[", reference.inputs[k].name);
            assert!(found.len() == 1 && found[0].starts_with(&what), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_wrong_scale_of_dropout_is_found() {
    let (_, case, mut reference) =
        references().into_iter().find(|(name, ..)| name == "dropout").unwrap();
    reference.y.0 *= 1.0 + 2.0 * TOLERANCE;
    let found = differences(case, &reference);
    assert!(found.len() == 1 && found[0].starts_with("y["), "{found:?}");
}
