//! Where weights start: the deviation or the bound that PyTorch gives its generator.

use super::{assert_number, part};
use chainrule::init::Init;
use chainrule::random::{Purpose, stream};
use serde::Deserialize;
use std::collections::HashSet;
use std::mem::discriminant;

#[derive(Deserialize)]
struct Start {
    init: Init,
    pytorch: String,
    fan_in: usize,
    fan_out: usize,
    #[serde(flatten)]
    drawn: Drawn,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Drawn {
    Normal { mean: f64, deviation: f64 },
    Uniform { low: f64, high: f64 },
    Constant { constant: f64 },
}

#[test]
fn every_initialization_is_that_of_pytorch() {
    let mut seen = HashSet::new();
    for Start { init, pytorch, fan_in, fan_out, drawn } in part::<Vec<Start>>("init") {
        let what = format!("{init} with the fans {fan_in} and {fan_out}, {pytorch}");
        let deviation = init.variance(fan_in, fan_out).sqrt();
        let w = init.sample::<f64>(fan_in, fan_out, &[1000], &mut stream(29, Purpose::Init));
        match (init, drawn) {
            (
                Init::XavierNormal | Init::HeNormal | Init::LecunNormal | Init::Normal { .. },
                Drawn::Normal { mean, deviation: expected },
            ) => {
                assert_eq!(mean, 0.0, "{what}");
                assert_number(&what, deviation, expected);
                // The deviation of a thousand numbers has one of its own, of 2.2 %.
                let found = w.std(0.0) / expected;
                assert!((found - 1.0).abs() < 0.1, "{what}: a sample has {found} times that");
            }
            (
                Init::XavierUniform | Init::HeUniform | Init::LecunUniform,
                Drawn::Uniform { low, high },
            ) => {
                assert_eq!(low, -high, "{what}");
                assert_number(&what, 3.0_f64.sqrt() * deviation, high);
                let largest = w.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
                assert!(largest <= high && largest > 0.99 * high, "{what}: {largest}");
            }
            (Init::Constant { .. } | Init::Zeros, Drawn::Constant { constant }) => {
                assert!(w.iter().all(|&w| w == constant), "{what}: {w}");
            }
            _ => panic!("{what}: PyTorch draws from another distribution"),
        }
        seen.insert(discriminant(&init));
    }
    // The arms above name as many.
    assert_eq!(seen.len(), 9);
}
