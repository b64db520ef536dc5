//! Splits share no sample, and lose none.

use chainrule::data::Dataset;
use chainrule::data::split::{SplitError, by_counts, by_ratio, by_shares};
use chainrule::data::{DatasetError, digits, pictures};
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

/// The splits of the studies, of all 70,000 images.
#[test]
fn shares_fix_the_sizes_of_three_parts() {
    let data = numbered(70_000);
    for (shares, expected) in [
        ([50, 5, 15], [50_000, 5_000, 15_000]),
        ([63, 7, 30], [44_100, 4_900, 21_000]),
        ([72, 8, 20], [50_400, 5_600, 14_000]),
        ([81, 9, 10], [56_700, 6_300, 7_000]),
    ] {
        let parts = by_shares(&data, shares, 29).unwrap();
        assert_eq!(parts.each_ref().map(Dataset::len), expected);
    }
    let parts = by_shares(&numbered(60_000), [80, 20], 29).unwrap();
    assert_eq!(parts.each_ref().map(Dataset::len), [48_000, 12_000]);
    // Rounded at each end of a part, so that no sample is lost.
    let parts = by_shares(&numbered(10), [1, 1, 1], 29).unwrap();
    assert_eq!(parts.each_ref().map(Dataset::len), [3, 4, 3]);
    let huge = by_shares(&numbered(9), [u32::MAX, u32::MAX, u32::MAX], 29).unwrap();
    assert_eq!(huge.each_ref().map(Dataset::len), [3, 3, 3]);
}

#[test]
fn what_is_held_out_for_validation_changes_no_test() {
    let data = numbered(1_000);
    let [with_all, test] = by_ratio(&data, 0.7, 29).unwrap().map(|part| numbers(&part));
    let [train, validation, same] =
        by_shares(&data, [63, 7, 30], 29).unwrap().map(|part| numbers(&part));
    assert_eq!(test, same);
    assert_eq!(with_all, [train, validation].concat());
    // And a smaller test part lies in a larger one.
    let [_, smaller] = by_shares(&data, [9, 1], 29).unwrap().map(|part| numbers(&part));
    assert_eq!(smaller, test[200..]);
}

#[test]
fn shares_that_make_no_split_are_named() {
    let data = numbered(10);
    let error = by_shares(&data, [7, 0, 3], 29).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a split needs shares as 63, 7 and 30, of which each is 1 or more, not [7, 0, 3]"
    );
    let error = by_shares(&data, [100, 1], 29).unwrap_err();
    assert!(matches!(error, SplitError::Empty { part: 1, .. }), "{error}");
}

#[test]
fn joined_sets_have_the_samples_of_both() {
    let (one, two) = (numbered(5).select(&[4, 2]), numbered(3));
    let both = one.join(&two, "both").unwrap();
    assert_eq!((numbers(&both), both.name()), (vec![4, 2, 0, 1, 2], "both"));
    let pixels = |data: &Dataset| {
        let mut image = vec![0.0_f32; data.features()];
        let mut read = |i| {
            data.read(i, &mut image);
            (image.clone(), data.label(i))
        };
        (0..data.len()).map(&mut read).collect::<Vec<_>>()
    };
    let [one, two] = [digits::draw(3, 1), digits::draw(2, 2)];
    let both = one.join(&two, "digits").unwrap();
    assert_eq!(pixels(&both), [pixels(&one), pixels(&two)].concat());
    let named = pictures::draw(2, 1);
    let twice = named.join(&named, "pictures").unwrap();
    assert_eq!(twice.class_name(0), named.class_name(0));
}

#[test]
fn sets_that_cannot_be_joined_say_why() {
    let error = digits::draw(2, 1).join(&pictures::draw(2, 1), "both").unwrap_err().to_string();
    assert!(error.contains("has bytes of shape [28, 28] in 10 classes, and "), "{error}");
    assert!(error.ends_with("only sets of one kind can be joined"), "{error}");
    let three = Dataset::from_reals("numbers", &[1], 3, vec![0.0], vec![1]).unwrap();
    let bytes = Dataset::from_bytes("numbers", &[1], 2, vec![0], vec![1]).unwrap();
    for other in [three, bytes] {
        let error = numbered(2).join(&other, "both").unwrap_err();
        assert!(matches!(error, DatasetError::Join { .. }), "{error}");
    }
    let none = numbered(1).select(&[]);
    assert!(matches!(none.join(&none, "none"), Err(DatasetError::Empty { .. })));
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
