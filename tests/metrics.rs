//! Metrics, against values worked out by hand.

use chainrule::metrics::{Confusion, MetricsError, Spread, accuracy, moving_average};

/// Class 2 occurs and is never predicted; class 3 is predicted and never occurs; class 4 does
/// neither.
///
/// ```text
/// true 0: 3 as 0, 1 as 1
/// true 1: 1 as 0, 2 as 1, 1 as 3
/// true 2: 2 as 1
/// ```
fn confusion() -> Confusion {
    let labels = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2];
    let predictions = [0, 0, 0, 1, 0, 1, 1, 3, 1, 1];
    Confusion::new(&labels, &predictions, 5).unwrap()
}

#[test]
fn accuracy_is_the_share_of_equal_pairs() {
    assert_eq!(accuracy(&[0, 1, 2, 2, 1], &[0, 2, 2, 2, 0]), Ok(3.0 / 5.0));
    assert_eq!(accuracy(&[7], &[7]), Ok(1.0));
    assert_eq!(accuracy(&[7], &[1]), Ok(0.0));
}

#[test]
fn rows_are_true_classes() {
    let confusion = confusion();
    assert_eq!(
        confusion.rows(),
        [[3, 1, 0, 0, 0], [1, 2, 0, 1, 0], [0, 2, 0, 0, 0], [0; 5], [0; 5]]
    );
    assert_eq!((confusion.count(2, 1), confusion.count(1, 2)), (2, 0));
    assert_eq!((confusion.classes(), confusion.samples()), (5, 10));
    let occurred: Vec<u64> = (0..5).map(|class| confusion.occurred(class)).collect();
    let predicted: Vec<u64> = (0..5).map(|class| confusion.predicted(class)).collect();
    assert_eq!((occurred, predicted), (vec![4, 4, 2, 0, 0], vec![4, 5, 0, 1, 0]));
}

#[test]
fn shares_of_nothing_are_none() {
    let confusion = confusion();
    assert_eq!(confusion.accuracy(), 0.5);
    let of = |metric: fn(&Confusion, usize) -> Option<f64>| -> Vec<Option<f64>> {
        (0..5).map(|class| metric(&confusion, class)).collect()
    };
    assert_eq!(of(Confusion::precision), [Some(3.0 / 4.0), Some(2.0 / 5.0), None, Some(0.0), None]);
    assert_eq!(of(Confusion::recall), [Some(3.0 / 4.0), Some(2.0 / 4.0), Some(0.0), None, None]);
    assert_eq!(of(Confusion::f1), [Some(6.0 / 8.0), Some(4.0 / 9.0), Some(0.0), Some(0.0), None]);
}

#[test]
fn f1_is_the_harmonic_mean() {
    let confusion = confusion();
    let (precision, recall) = (confusion.precision(1).unwrap(), confusion.recall(1).unwrap());
    let harmonic = 2.0 / (1.0 / precision + 1.0 / recall);
    assert!((confusion.f1(1).unwrap() - harmonic).abs() < 1e-15);
}

#[test]
fn the_table_is_aligned() {
    let expected = "\
true \\ predicted  0  1  2  3  4  precision %  recall %   F1 %
               0  3  1  0  0  0         75.0      75.0   75.0
               1  1  2  0  1  0         40.0      50.0   44.4
               2  0  2  0  0  0            -       0.0    0.0
               3  0  0  0  0  0          0.0         -    0.0
               4  0  0  0  0  0            -         -      -
accuracy 50.0 % of 10 samples";
    assert_eq!(confusion().to_string(), expected);
}

#[test]
fn the_table_is_as_wide_as_its_widest_number() {
    let wide = Confusion::try_from(vec![vec![980, 0], vec![7, 13]]).unwrap();
    let expected = "\
true \\ predicted    0    1  precision %  recall %   F1 %
               0  980    0         99.3     100.0   99.6
               1    7   13        100.0      65.0   78.8
accuracy 99.3 % of 1000 samples";
    assert_eq!(wide.to_string(), expected);
    let labels: Vec<usize> = (0..11).collect();
    let eleven = Confusion::new(&labels, &labels, 11).unwrap().to_string();
    assert!(eleven.starts_with("true \\ predicted   0   1   2"), "{eleven}");
    // The widest class index is 9, which is one digit.
    let ten = Confusion::new(&labels[..10], &labels[..10], 10).unwrap().to_string();
    assert!(ten.starts_with("true \\ predicted  0  1  2"), "{ten}");
}

#[test]
fn a_matrix_of_counts_is_square_and_not_empty() {
    let rows = vec![vec![4, 1], vec![0, 5]];
    let confusion = Confusion::try_from(rows.clone()).unwrap();
    assert_eq!(confusion.accuracy(), 0.9);
    assert_eq!(Vec::from(confusion), rows);
    assert_eq!(
        Confusion::try_from(vec![vec![4, 1], vec![5]]),
        Err(MetricsError::NotSquare { row: 1, columns: 1, rows: 2 })
    );
    for nothing in [vec![], vec![vec![0, 0], vec![0, 0]]] {
        let error = MetricsError::Empty { what: "confusion matrix" };
        assert_eq!(Confusion::try_from(nothing), Err(error));
    }
}

#[cfg(feature = "train")]
#[test]
fn counts_survive_json_and_are_checked() {
    let json = serde_json::to_string(&confusion()).unwrap();
    assert!(json.starts_with("[[3,1,0,0,0],[1,2,0,1,0]"), "{json}");
    assert_eq!(serde_json::from_str::<Confusion>(&json).unwrap(), confusion());
    assert!(serde_json::from_str::<Confusion>("[[1,2]]").is_err());
    let spread = Spread::of(&[1.0, 2.0]).unwrap();
    let json = serde_json::to_string(&spread).unwrap();
    assert_eq!(serde_json::from_str::<Spread>(&json).unwrap(), spread);
}

#[test]
fn bad_labels_are_named() {
    assert_eq!(accuracy(&[0, 1], &[0]), Err(MetricsError::Lengths { labels: 2, predictions: 1 }));
    assert_eq!(accuracy(&[], &[]), Err(MetricsError::Empty { what: "accuracy" }));
    assert_eq!(Confusion::new(&[], &[], 3), Err(MetricsError::Empty { what: "confusion matrix" }));
    assert_eq!(
        Confusion::new(&[0, 1, 3], &[0, 1, 2], 3),
        Err(MetricsError::Class { what: "label", sample: 2, class: 3, classes: 3 })
    );
    let error = Confusion::new(&[0, 1], &[0, 9], 3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the prediction of sample 1 is class 9, but there are 3 classes: count them from 0, or \
         raise the number of classes"
    );
}

#[test]
fn moving_average_warms_up_on_what_there_is() {
    let values = [3.0, 5.0, 10.0, 6.0, -1.0];
    assert_eq!(moving_average(&values, 3).unwrap(), [3.0, 4.0, 6.0, 7.0, 5.0]);
    assert_eq!(moving_average(&values, 1).unwrap(), values);
    assert_eq!(moving_average(&values, 99).unwrap(), [3.0, 4.0, 6.0, 6.0, 4.6]);
    assert_eq!(moving_average(&[], 3), Ok(vec![]));
    assert_eq!(moving_average(&values, 0), Err(MetricsError::Window));
}

#[test]
fn moving_average_forgets_what_left_its_window() {
    let average = moving_average(&[1.0, f64::NAN, 2.0, 4.0, 6.0], 2).unwrap();
    assert!(average[1].is_nan() && average[2].is_nan());
    assert_eq!(average[3..], [3.0, 5.0]);
}

#[test]
fn spread_divides_by_one_less_than_the_count() {
    // Mean 5; squares 9, 1, 1, 1, 0, 0, 4, 16 sum to 32; 32 / 7.
    let spread = Spread::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!(spread, Spread { mean: 5.0, deviation: Some((32.0_f64 / 7.0).sqrt()), count: 8 });
    assert_eq!(Spread::of(&[1.0, 3.0]).unwrap().deviation, Some(2.0_f64.sqrt()));
    let single = Spread::of(&[0.25]).unwrap();
    assert_eq!(single, Spread { mean: 0.25, deviation: None, count: 1 });
    assert_eq!(Spread::of(&[]), Err(MetricsError::Empty { what: "mean" }));
}

#[test]
fn spread_prints_both_or_the_mean_alone() {
    let spread = Spread { mean: 0.94121, deviation: Some(0.00214), count: 3 };
    assert_eq!(spread.to_string(), "0.9412 ± 0.0021");
    assert_eq!(format!("{spread:.2}"), "0.94 ± 0.00");
    assert_eq!(Spread { deviation: None, ..spread }.to_string(), "0.9412");
}
