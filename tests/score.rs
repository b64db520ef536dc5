//! The score: what is learned from and asked about is fixed, and kept apart.

use chainrule::data::Dataset;
use chainrule::data::ellipse::{ELLIPSE, THRESHOLD, form};
use chainrule::score::{self, SEEDS, Score};

fn inputs(data: &Dataset) -> Vec<Vec<f64>> {
    let read = |i| {
        let mut x = vec![0.0; data.features()];
        data.read(i, &mut x);
        x
    };
    (0..data.len()).map(read).collect()
}

#[test]
fn a_lesson_and_its_test_share_no_sample() {
    for (lesson, training, test) in
        [(score::points(), 500, 1_000), (score::drawn_digits(), 4_000, 1_000)]
    {
        assert_eq!((lesson.training.len(), lesson.test.len()), (training, test));
        let learned = inputs(&lesson.training);
        assert!(inputs(&lesson.test).iter().all(|x| !learned.contains(x)));
    }
}

#[test]
fn the_classes_of_the_points_are_inside_and_outside() {
    let samples = score::samples(&score::points().test);
    for sample in &samples {
        let outside = f64::from(form(sample.x, ELLIPSE) > THRESHOLD);
        assert_eq!(sample.t, [1.0 - outside, outside]);
    }
    let outside = samples.iter().filter(|sample| sample.t[1] == 1.0).count();
    assert!((450..600).contains(&outside), "{outside} of 1,000: nearly half are inside");
}

#[test]
fn a_score_is_the_mean_and_the_spread_of_its_seeds() {
    let score = Score::of("a network", &[0.9, 0.92, 0.94, 0.96, 0.98]).unwrap();
    // √((4² + 2² + 0 + 2² + 4²) / 4) = √10.
    assert_eq!(score.to_string(), "The score: a network: 94.0 % right, ± 3.2 over five seeds");
    assert_eq!(SEEDS.len(), 5);
    assert!(Score::of("nothing", &[]).is_err());
}
