//! Splits share no sample, and lose none.

use chainrule::data::Dataset;
use chainrule::data::split::{SplitError, by_counts, by_ratio};
use proptest::prelude::*;

/// Samples that are told apart by their only entry.
fn numbered(count: usize) -> Dataset {
    let inputs = (0..count).map(|i| i as f32).collect();
    Dataset::from_reals("numbers", &[1], 2, inputs, vec![1; count]).unwrap()
}

fn numbers(part: &Dataset) -> Vec<usize> {
    let number = |i| {
        let mut number = [0.0_f64];
        part.read(i, &mut number);
        number[0] as usize
    };
    (0..part.len()).map(number).collect()
}

#[test]
fn parts_are_disjoint_and_complete() {
    let parts = by_counts(&numbered(100), [55, 5, 40], 29).unwrap();
    assert_eq!(parts.each_ref().map(Dataset::len), [55, 5, 40]);
    let mut all: Vec<usize> = parts.iter().flat_map(numbers).collect();
    assert!(!all.is_sorted(), "samples are shuffled");
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_seed_fixes_the_split() {
    let data = numbered(100);
    let split = |seed| by_counts(&data, [60, 40], seed).unwrap().map(|part| numbers(&part));
    assert_eq!(split(29), split(29));
    assert_ne!(split(29), split(30));
    // A part of a part has samples of that part.
    let [half, _] = by_ratio(&data, 0.5, 29).unwrap();
    let [quarter, _] = by_ratio(&half, 0.5, 30).unwrap();
    assert!(numbers(&quarter).iter().all(|number| numbers(&half).contains(number)));
}

#[test]
fn parts_have_the_sizes_asked_for() {
    let data = numbered(70_000);
    for (ratio, first) in [(0.7, 49_000), (0.8, 56_000), (0.9, 63_000)] {
        let parts = by_ratio(&data, ratio, 29).unwrap();
        assert_eq!(parts.each_ref().map(Dataset::len), [first, 70_000 - first]);
    }
    let rounded = by_ratio(&numbered(3), 0.6, 29).unwrap();
    assert_eq!(rounded.each_ref().map(Dataset::len), [2, 1]);
    let with_rest = by_counts(&data, [10, 20], 29).unwrap();
    assert_eq!(with_rest.each_ref().map(Dataset::len), [10, 20]);
}

#[test]
fn splits_that_cannot_be_made_say_why() {
    let data = numbered(10);
    let too_many = |counts: [usize; 2]| {
        let (name, counts) = ("numbers".into(), counts.to_vec());
        SplitError::TooMany { name, counts, samples: 10 }
    };
    for counts in [[6, 5], [11, 1], [usize::MAX, usize::MAX]] {
        assert_eq!(by_counts(&data, counts, 29).unwrap_err(), too_many(counts));
    }
    assert_eq!(
        too_many([6, 5]).to_string(),
        "numbers: parts of [6, 5] need more than its 10 samples: ask for fewer"
    );
    assert!(by_counts(&data, [6, 4], 29).is_ok());
    assert!(matches!(by_counts(&data, [6, 0], 29), Err(SplitError::Empty { part: 1, .. })));
    for ratio in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(by_ratio(&data, ratio, 29), Err(SplitError::Ratio { .. })), "{ratio}");
    }
    // Rounded to nothing.
    assert!(matches!(by_ratio(&data, 0.01, 29), Err(SplitError::Empty { part: 0, .. })));
    assert!(matches!(by_ratio(&data, 0.99, 29), Err(SplitError::Empty { part: 1, .. })));
}

proptest! {
    #[test]
    fn no_sample_is_in_two_parts(
        a in 1_usize..40,
        b in 1_usize..40,
        spare in 0_usize..10,
        seed: u64,
    ) {
        let parts = by_counts(&numbered(a + b + spare), [a, b], seed).unwrap();
        let mut all: Vec<usize> = parts.iter().flat_map(numbers).collect();
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), a + b);
    }
}
