//! Chapter 10: a second set of weights that follows the first.

use chainrule::gradcheck::Draw;
use chainrule::named::Learned;
use chainrule::optim::{Average, Averaging, HyperparameterError};
use chainrule::{Mlp, Network, Tensor};
use ndarray::Array1;

/// A network with batch norm, so with parameters and with buffers.
fn network(seed: u64) -> Network<f64> {
    Mlp::new(&[2, 3, 2]).unwrap().batch_norm(true).network(4, seed).unwrap()
}

/// In place of an update: every learned number becomes another one.
fn set(network: &mut Network<f64>, draw: &mut Draw) -> Vec<f64> {
    network.for_each_learned(|_, entries| {
        let drawn: Tensor<f64> = draw.away_from_zero(&[entries.len()]);
        entries.copy_from_slice(drawn.as_slice().unwrap());
    });
    numbers(network)
}

/// All learned numbers.
fn numbers(network: &mut Network<f64>) -> Vec<f64> {
    network.learned().into_iter().flat_map(|(_, tensor)| tensor).collect()
}

fn phi(average: &Average<f64>) -> Vec<f64> {
    average.state().flat_map(|(_, tensor)| tensor.clone()).collect()
}

/// The coefficients with which θ₁ … θ_t stand in φ_t, against those claimed, for φ that does not
/// lead θ. What is left stands before θ₀.
fn assert_coefficients(averaging: Averaging, claimed: impl Fn(usize, usize) -> f64) {
    let mut draw = Draw::new(61);
    let mut network = network(1);
    let mut average = Average::new(averaging, &network).unwrap();
    let mut thetas = vec![numbers(&mut network)];
    assert_eq!(phi(&average), thetas[0]);
    for t in 1..=20 {
        thetas.push(set(&mut network, &mut draw));
        average.update(&mut network, t as u64);
        assert_eq!(numbers(&mut network), thetas[t], "θ goes on from where it is");
        for (k, phi) in phi(&average).into_iter().enumerate() {
            let expected: f64 = (1..=t).map(|i| claimed(t, i) * thetas[i][k]).sum();
            assert!((phi - expected).abs() < 1e-13, "update {t}, number {k}: {phi}, {expected}");
        }
    }
}

#[test]
fn eq_average_mean() {
    // Updates 6, 9, 12, … count; up to 6 φ is θ.
    assert_coefficients(Averaging::Mean { from: 6, every: 3 }, |t, i| {
        if t < 6 {
            return f64::from(u8::from(i == t));
        }
        let counted = (t - 6) / 3 + 1;
        if i >= 6 && (i - 6).is_multiple_of(3) { 1.0 / counted as f64 } else { 0.0 }
    });
    assert_coefficients(Averaging::Mean { from: 1, every: 1 }, |t, _| 1.0 / t as f64);
}

#[test]
fn eq_average_exponential() {
    // (1 − β)·β^(t−i) / (1 − βᵗ)
    assert_coefficients(Averaging::Exponential { decay: 0.8 }, |t, i| {
        0.2 * 0.8_f64.powi((t - i) as i32) / (1.0 - 0.8_f64.powi(t as i32))
    });
    assert_coefficients(Averaging::Exponential { decay: 0.0 }, |t, i| f64::from(u8::from(i == t)));
}

/// φ and θ by the formulas, where θ goes on from φ every k updates.
fn assert_lookahead(averaging: Averaging, every: usize, alpha: impl Fn(usize) -> f64) {
    let mut draw = Draw::new(62);
    let mut network = network(2);
    let mut average = Average::new(averaging, &network).unwrap();
    let mut slow = numbers(&mut network);
    for t in 1..=30_usize {
        let fast = set(&mut network, &mut draw);
        average.update(&mut network, t as u64);
        if !t.is_multiple_of(every) {
            assert_eq!((phi(&average), numbers(&mut network)), (slow.clone(), fast));
            continue;
        }
        for (slow, fast) in slow.iter_mut().zip(fast) {
            *slow = (1.0 - alpha(t)) * *slow + alpha(t) * fast;
        }
        let found = phi(&average);
        assert!(found.iter().zip(&slow).all(|(found, slow)| (found - slow).abs() < 1e-13), "{t}");
        assert_eq!(numbers(&mut network), found, "θ goes on from φ");
        // Without the rounding of the lines above.
        slow = found;
    }
}

#[test]
fn eq_average_lookahead() {
    assert_lookahead(Averaging::Lookahead { every: 4, weight: 0.3 }, 4, |_| 0.3);
    assert_lookahead(Averaging::Lookahead { every: 1, weight: 1.0 }, 1, |_| 1.0);
}

#[test]
fn eq_average_annealed() {
    let share = |t: usize, steps: f64| 0.95_f64.powi(5) * (t as f64 / steps).min(1.0).powi(3);
    assert_lookahead(Averaging::airbench(40), 5, |t| 1.0 - share(t, 40.0));
    // Behind the last update the share stays.
    assert_lookahead(Averaging::airbench(20), 5, |t| 1.0 - share(t, 20.0));
    let other = Averaging::AnnealedLookahead { every: 3, decay: 0.5, steps: 30 };
    assert_lookahead(other, 3, |t| 1.0 - 0.125 * (t as f64 / 30.0).powi(3));
    let last = 1.0 - Averaging::airbench(40).weight(40).unwrap();
    assert!((last - 0.774).abs() < 1e-3, "{last}");
}

#[test]
fn constants_stay_what_they_are() {
    for averaging in [
        Averaging::Exponential { decay: 0.99 },
        Averaging::Mean { from: 3, every: 1 },
        Averaging::Lookahead { every: 1, weight: 0.7 },
        Averaging::airbench(50),
    ] {
        let mut network = network(3);
        let start = set(&mut network, &mut Draw::new(63));
        let mut average = Average::new(averaging, &network).unwrap();
        for t in 1..=50 {
            average.update(&mut network, t);
        }
        assert_eq!((phi(&average), numbers(&mut network)), (start.clone(), start), "{averaging:?}");
    }
}

#[test]
fn a_weight_of_one_is_a_copy() {
    let mut network = network(9);
    set(&mut network, &mut Draw::new(67));
    let averaging = Averaging::Lookahead { every: 1, weight: 1.0 };
    let mut average = Average::new(averaging, &network).unwrap();
    // 1 + (1e-20 − 1) is 0.
    network.for_each_learned(|_, entries| entries.fill(1e-20));
    average.update(&mut network, 1);
    assert!(phi(&average).iter().all(|&phi| phi == 1e-20));
}

#[test]
fn averages_take_turns_with_the_weights() {
    let mut draw = Draw::new(64);
    let mut network = network(4);
    let mut average = Average::new(Averaging::Mean { from: 1, every: 1 }, &network).unwrap();
    for t in 1..=3 {
        set(&mut network, &mut draw);
        average.update(&mut network, t);
    }
    let (slow, fast) = (phi(&average), numbers(&mut network));
    assert!(slow.iter().zip(&fast).all(|(slow, fast)| slow != fast), "buffers too");
    average.swap(&mut network);
    assert_eq!((phi(&average), numbers(&mut network)), (fast.clone(), slow.clone()));
    average.swap(&mut network);
    assert_eq!((phi(&average), numbers(&mut network)), (slow.clone(), fast));
    average.finish(&mut network);
    assert_eq!((phi(&average), numbers(&mut network)), (slow.clone(), slow));
    assert_eq!(average.averaging(), Averaging::Mean { from: 1, every: 1 });
}

#[test]
fn a_restored_average_goes_on_bit_for_bit() {
    let averaging = Averaging::Exponential { decay: 0.9 };
    let mut draw = Draw::new(65);
    let mut network = network(5);
    let mut average = Average::new(averaging, &network).unwrap();
    for t in 1..=7 {
        set(&mut network, &mut draw);
        average.update(&mut network, t);
    }
    let saved: Vec<_> = average.state().map(|(name, t)| (name.to_owned(), t.clone())).collect();
    let names: Vec<_> = saved.iter().map(|(name, _)| name.as_str()).collect();
    let learned = network.learned();
    assert!(learned.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()), "{names:?}");
    assert!(names.contains(&"norms.0.running_var"), "{names:?}");
    let find = |name: &str| saved.iter().find(|(saved, _)| saved == name).map(|(_, t)| t.clone());
    let mut other = Average::new(averaging, &self::network(6)).unwrap();
    other.restore(find).unwrap();
    set(&mut network, &mut draw);
    average.update(&mut network, 8);
    other.update(&mut network, 8);
    assert_eq!(phi(&other), phi(&average));

    let before = phi(&other);
    let error = other.restore(|name| find(name).filter(|_| name != "layers.1.bias")).unwrap_err();
    assert!(error.to_string().starts_with("no tensor layers.1.bias"), "{error}");
    let error = other
        .restore(|name| {
            let tensor = find(name)?;
            Some(if name == "norms.0.running_mean" { Array1::zeros(7).into_dyn() } else { tensor })
        })
        .unwrap_err();
    assert!(error.to_string().starts_with("tensor norms.0.running_mean is [7]"), "{error}");
    assert_eq!(phi(&other), before, "a refused state changes nothing");
}

/// More numbers than one thread takes.
#[test]
fn large_averages_lose_and_mix_nothing() {
    let mut network = Mlp::new(&[500, 600]).unwrap().network::<f32>(1, 7).unwrap();
    let averaging = Averaging::Lookahead { every: 1, weight: 0.25 };
    let mut average = Average::new(averaging, &network).unwrap();
    let weight = network.parameters()[0].var;
    let start = network.tape.value(weight).clone();
    let moved: Tensor<f32> = Draw::new(66).away_from_zero(&[500, 600]);
    network.tape.set(weight, &moved).unwrap();
    average.update(&mut network, 1);
    let expected = &start + (&moved - &start) * 0.25;
    assert_eq!(network.tape.value(weight), &expected);
}

#[test]
fn hyperparameters_outside_their_ranges_are_refused() {
    let lookahead = |every, weight| Averaging::Lookahead { every, weight };
    let annealed = |every, decay, steps| Averaging::AnnealedLookahead { every, decay, steps };
    let faults = [
        (lookahead(0, 0.5), "every"),
        (lookahead(5, 0.0), "weight"),
        (lookahead(5, f64::NAN), "weight"),
        (lookahead(5, 1.5), "1 − weight"),
        (annealed(0, 0.9, 10), "every"),
        (annealed(5, 1.0, 10), "decay"),
        (annealed(5, 0.9, 0), "steps"),
        (Averaging::Exponential { decay: 1.0 }, "decay"),
        (Averaging::Exponential { decay: -0.1 }, "decay"),
        (Averaging::Mean { from: 0, every: 1 }, "from"),
        (Averaging::Mean { from: 1, every: 0 }, "every"),
    ];
    for (averaging, name) in faults {
        let HyperparameterError { name: found, .. } = averaging.check().unwrap_err();
        assert_eq!(found, name, "{averaging:?}");
        assert!(Average::new(averaging, &network(8)).is_err());
        // Nothing panics where the fault goes unheard.
        averaging.weight(1);
        averaging.weight(3);
    }
    assert_eq!(lookahead(1, 1.0).check(), Ok(()));
}

#[cfg(feature = "train")]
#[test]
fn averagings_in_records() {
    use serde_json::{from_str, to_string};
    let text = r#"{"averaging":"annealed-lookahead","every":5,"decay":0.95,"steps":40}"#;
    assert_eq!(to_string(&Averaging::airbench(40)).unwrap(), text);
    for averaging in [
        Averaging::airbench(40),
        Averaging::Lookahead { every: 5, weight: 0.5 },
        Averaging::Exponential { decay: 0.999 },
        Averaging::Mean { from: 10, every: 5 },
    ] {
        assert_eq!(from_str::<Averaging>(&to_string(&averaging).unwrap()).unwrap(), averaging);
    }
}

#[test]
fn a_network_of_another_size_is_not_averaged() {
    let network = |outputs| Mlp::new(&[2, outputs]).unwrap().network::<f64>(1, 29).unwrap();
    for averaging in [
        Averaging::Mean { from: 1, every: 1 },
        Averaging::Exponential { decay: 0.9 },
        Averaging::Lookahead { every: 1, weight: 0.5 },
    ] {
        for other in [2, 4] {
            let mut average = Average::new(averaging, &network(3)).unwrap();
            let mut other = network(other);
            let update = std::panic::AssertUnwindSafe(|| average.update(&mut other, 2));
            assert!(std::panic::catch_unwind(update).is_err(), "{averaging:?}");
        }
    }
}
