//! The rate of each step.

use super::{assert_number, part};
use chainrule::optim::Schedule;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::mem::discriminant;

#[derive(Deserialize)]
struct Rates {
    pytorch: String,
    schedule: Schedule,
    rates: Vec<f64>,
}

/// All variants: a new one is missed here by the compiler.
fn schedules() -> usize {
    match (Schedule::Constant { rate: 1.0 }) {
        Schedule::Constant { .. }
        | Schedule::StepDecay { .. }
        | Schedule::Cosine { .. }
        | Schedule::OneCycle { .. }
        | Schedule::Triangle { .. }
        | Schedule::WarmUp { .. } => 6,
    }
}

#[test]
fn every_schedule_is_that_of_pytorch() {
    let mut seen = HashSet::new();
    for (name, Rates { pytorch, schedule, rates }) in part::<BTreeMap<String, Rates>>("schedules") {
        schedule.check().unwrap();
        for (step, &rate) in rates.iter().enumerate() {
            let what = format!("{name}, {pytorch}: step {step}");
            assert_number(&what, schedule.rate(step as u64), rate);
        }
        let distinct: HashSet<u64> = rates.iter().map(|rate| rate.to_bits()).collect();
        assert!(distinct.len() > 3 || name == "constant", "{name}: the rate hardly changes");
        seen.insert(discriminant(&schedule));
    }
    assert_eq!(seen.len(), schedules());
}
