//! Chapter 9: streams of random numbers, and what each seed of a training fixes.

use chainrule::activation::Activation;
use chainrule::dropout::{Masks, draw_mask};
use chainrule::fraction::Fraction;
use chainrule::random::{Purpose, Seeds, stream};
use chainrule::{Mlp, Var};
use rand::Rng;
use std::collections::HashSet;

/// Numbers that are near each other, far from each other, or look like what a sum or an exclusive or
/// of two indices would make of them.
const NUMBERS: [u64; 9] = [0, 1, 2, 3, 29, 1 << 32, (1 << 32) + 1, u64::MAX - 1, u64::MAX];

fn purposes() -> Vec<Purpose> {
    let mut purposes = vec![Purpose::Init, Purpose::Split, Purpose::Points, Purpose::Check];
    for a in NUMBERS {
        purposes.push(Purpose::Order { epoch: a });
        purposes.push(Purpose::Digit { sample: a });
        purposes.push(Purpose::Picture { sample: a });
        for b in NUMBERS {
            purposes.push(Purpose::Mask { layer: a, step: b });
            purposes.push(Purpose::Augmentation { epoch: a, sample: b });
        }
    }
    purposes
}

#[test]
fn no_two_streams_share_a_key_or_a_word() {
    let (mut keys, mut words, mut streams) = (HashSet::new(), HashSet::new(), 0);
    for seed in NUMBERS {
        for purpose in purposes() {
            let mut rng = stream(seed, purpose);
            assert!(keys.insert(rng.get_seed()), "{seed} {purpose:?}");
            // Two of 7,000 random words of 64 bits are equal once in 10¹² times.
            for place in 0..4 {
                assert!(words.insert(rng.next_u64()), "{seed} {purpose:?} at {place}");
            }
            streams += 1;
        }
    }
    assert_eq!(streams, 9 * (4 + 9 * 3 + 9 * 9 * 2));
}

#[test]
fn a_stream_is_the_same_on_every_machine() {
    // From ChaCha with 8 rounds, written again in Python from its definition.
    let first = |seed, purpose| stream(seed, purpose).next_u32();
    assert_eq!(first(29, Purpose::Mask { layer: 1, step: 3 }), 2_266_187_099);
    assert_eq!(first(0, Purpose::Init), 1_389_847_909);
    assert_eq!(first(u64::MAX, Purpose::Augmentation { epoch: 2, sample: 1 << 40 }), 226_941_567);
}

/// The mask that the words of a stream make at the rate 1/2.
fn mask_of(seed: u64, purpose: Purpose) -> Vec<f64> {
    let mut rng = stream(seed, purpose);
    (0..2_000).map(|_| if rng.next_u32() < 1 << 31 { 0.0 } else { 2.0 }).collect()
}

#[test]
fn a_mask_reuses_no_word_of_an_order() {
    for (epoch, step) in [(0, 0), (0, 1), (1, 1), (1, 2), (7, 8)] {
        let mut mask = vec![0.0; 2_000];
        let half = Fraction::new(0.5).unwrap();
        draw_mask(&mut mask, half, Masks { seed: 29, layer: 0 }, step);
        assert_eq!(mask, mask_of(29, Purpose::Mask { layer: 0, step }));
        let order = mask_of(29, Purpose::Order { epoch });
        assert_half_equal(&mask, &order);
    }
}

/// Two independent masks agree in half of their n entries, give or take five deviations of √n/2.
#[track_caller]
fn assert_half_equal(a: &[f64], b: &[f64]) {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
    let n = a.len() as f64;
    assert!((equal - n / 2.0).abs() < 5.0 * n.sqrt() / 2.0, "{equal} of {n}");
}

/// The masks of a network with two hidden layers of 400 units in an update.
fn masks(seeds: impl Into<Seeds>, step: u64) -> [Vec<f64>; 2] {
    let plan = Mlp::new(&[1, 400, 400, 2]).unwrap().dropout("0.5".parse().unwrap());
    // With a bias nothing is zero but what a mask drops.
    let plan = plan.activations(&[Activation::Sigmoid]).unwrap().bias(0.3);
    let mut network = plan.network::<f64>(1, seeds).unwrap();
    network.learn(step);
    let tape = &network.tape;
    let mask = |var: Var| tape.value(var).mapv(|y| if y == 0.0 { 0.0 } else { 2.0 });
    let masks = tape.vars().filter(|&var| tape.value(var).shape() == [1, 400]).map(mask);
    let masks = masks.filter(|mask| mask.iter().any(|&m| m == 0.0));
    let masks: Vec<_> = masks.map(|mask| mask.into_iter().collect()).collect();
    masks.try_into().expect("two dropouts")
}

#[test]
fn layers_of_neighboring_seeds_share_no_mask() {
    let (this, next) = (masks(29, 3), masks(30, 3));
    assert_eq!(this, masks(29, 3));
    assert_half_equal(&this[0], &this[1]);
    for a in &this {
        for b in &next {
            assert_half_equal(a, b);
        }
    }
}

#[test]
fn a_seed_fixes_what_it_is_for_and_nothing_else() {
    let one = Seeds::from(29);
    let weights = |seeds| Mlp::new(&[3, 4, 2]).unwrap().network::<f64>(1, seeds).unwrap().tensors();
    assert_eq!(weights(one), weights(Seeds { order: 1, masks: 2, augmentation: 3, ..one }));
    assert_ne!(weights(one), weights(Seeds { init: 1, ..one }));
    assert_eq!(masks(one, 3), masks(Seeds { init: 1, order: 2, augmentation: 3, ..one }, 3));
    let other = masks(Seeds { masks: 30, ..one }, 3);
    assert_half_equal(&masks(one, 3)[0], &other[0]);
    assert_eq!(other, masks(30, 3));
}

#[test]
fn seeds_are_named_where_they_differ() {
    assert_eq!(Seeds::from(29).to_string(), "seed 29");
    let seeds = Seeds { init: 1, order: 2, masks: 3, augmentation: 4 };
    assert_eq!(seeds.to_string(), "seeds 1 (init), 2 (order), 3 (masks), 4 (augmentation)");
}
