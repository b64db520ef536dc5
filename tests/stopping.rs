//! Chapter 11: when a training stops early, by which reading of the rule, and that it is resumed to the
//! same stop.

#![cfg(feature = "train")]

use chainrule::checkpoint::Checkpoint;
use chainrule::data::augment::Augmentation;
use chainrule::data::{Dataset, ellipse, split};
use chainrule::mlp::Mlp;
use chainrule::model::Model;
use chainrule::optim::{Averaging, Schedule};
use chainrule::random::Seeds;
use chainrule::train::stopping::{Criterion, Interval, Measure, Stopping};
use chainrule::train::{Ending, Event, Plan, Training};
use chainrule::views::Views;
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

/// The first of `readings` that ends a training, counted from 1.
fn end(stopping: Stopping, readings: &[f64]) -> Option<usize> {
    (0..=readings.len()).find(|&count| stopping.ends(&readings[..count]))
}

fn by(criterion: Criterion, threshold: f64) -> Stopping {
    Stopping { criterion, threshold, ..Stopping::patience(1) }
}

/// A fall, a rise, a slow fall in steps of less than 0.01, and the same value twice.
const LOSSES: [f64; 8] = [0.9, 0.5, 0.6, 0.497, 0.495, 0.488, 0.3, 0.3];

#[test]
fn the_three_readings_of_the_rule_differ() {
    let patience = |readings| Criterion::Patience { readings };
    for (criterion, threshold, expected) in [
        (Criterion::Progress, 0.0, Some(3)),
        (Criterion::Progress, 0.01, Some(3)),
        // The rise by 0.1 is a change.
        (Criterion::Change, 0.01, Some(5)),
        (Criterion::Change, 0.001, Some(8)),
        (patience(1), 0.0, Some(3)),
        (patience(2), 0.0, None),
        // The best stays 0.5 until 0.488, which is lower by 0.012.
        (patience(3), 0.01, Some(5)),
        (patience(4), 0.01, None),
        (patience(1), 0.5, Some(2)),
        (patience(2), 0.5, Some(3)),
    ] {
        let stopping = by(criterion, threshold);
        assert_eq!(end(stopping, &LOSSES), expected, "{stopping}");
        // An accuracy that rises as the loss falls ends it at the same reading.
        let accuracies = LOSSES.map(|loss| 1.0 - loss);
        let rising = Stopping { measure: Measure::Accuracy, ..stopping };
        if threshold != 0.01 {
            assert_eq!(end(rising, &accuracies), expected, "{rising}");
        }
        assert!(!stopping.ends(&[]) && !stopping.ends(&LOSSES[..1]), "{stopping}");
    }
    // By the threshold itself, in numbers that are exact.
    assert_eq!(end(by(Criterion::Progress, 0.25), &[1.0, 0.75, 0.5, 0.375]), Some(4));
    assert_eq!(end(by(Criterion::Change, 0.25), &[1.0, 0.75, 0.5, 0.375]), Some(4));
}

#[test]
fn a_rule_says_what_it_waits_for() {
    let every = Stopping { interval: Interval::Updates { every: 100 }, ..Stopping::patience(20) };
    for (stopping, words) in [
        (Stopping::patience(3), "no lower validation loss in 3 epochs"),
        (Stopping::patience(1), "no lower validation loss after an epoch"),
        (
            Stopping { measure: Measure::Accuracy, threshold: 0.001, ..every },
            "no higher validation accuracy by 0.001 or more in 20 readings, one after every 100 updates",
        ),
        (
            Stopping { criterion: Criterion::Progress, threshold: 1e-5, ..every },
            "no lower validation loss by 0.00001 or more than 100 updates before",
        ),
        (
            Stopping { criterion: Criterion::Change, threshold: 1e-5, ..every },
            "a validation loss that changed by less than 0.00001 in 100 updates",
        ),
    ] {
        assert_eq!(stopping.to_string(), words);
    }
}

#[test]
fn a_patience_of_epochs_is_one_number_in_a_file() {
    assert_eq!(serde_json::to_string(&Stopping::patience(7)).unwrap(), "7");
    let rules = [
        Stopping::patience(7),
        Stopping { measure: Measure::Accuracy, ..Stopping::patience(7) },
        Stopping {
            interval: Interval::UpdatesOfEpoch { every: 100 },
            ..by(Criterion::Change, 1e-5)
        },
    ];
    for stopping in rules {
        let text = serde_json::to_string(&stopping).unwrap();
        assert_eq!(serde_json::from_str::<Stopping>(&text).unwrap(), stopping, "{text}");
    }
}

#[test]
fn numbers_that_make_no_rule_are_refused() {
    let every = |every| Stopping { interval: Interval::Updates { every }, ..Stopping::patience(1) };
    for (stopping, words) in [
        (Stopping::patience(0), "the patience must be at least one epoch"),
        (every(0), "early stopping every 0 updates"),
        (by(Criterion::Progress, -1e-5), "by a threshold of -0.00001: it must be finite, and 0"),
        (by(Criterion::Progress, f64::NAN), "by a threshold of NaN"),
        (by(Criterion::Patience { readings: 1 }, f64::INFINITY), "by a threshold of inf"),
        (by(Criterion::Change, 0.0), "by a threshold of 0: it must be finite, and more than 0"),
    ] {
        let error = Training::<f64>::new(plan(stopping)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let zero = Stopping { criterion: Criterion::Patience { readings: 0 }, ..every(3) };
    assert_eq!(zero.check().unwrap_err().to_string(), "the patience must be at least one reading");
}

/// 210 points to train on, 7 updates of 32 an epoch, and 90 to validate on.
fn data() -> [Dataset; 2] {
    split::by_counts(&ellipse::draw(300, ellipse::ELLIPSE, 5), [210, 90], 1).unwrap()
}

fn plan(stopping: Stopping) -> Plan {
    Plan {
        model: Model::Mlp(Mlp::new(&[2, 8, 2]).unwrap().batch_norm(true)),
        epochs: 4,
        batch: 32,
        rule: "adam".parse().unwrap(),
        schedule: Schedule::Constant { rate: 0.01 },
        l2: 1e-4,
        augmentation: Augmentation::NONE,
        averaging: None,
        views: Views::One,
        seeds: Seeds::from(3),
        stopping: Some(stopping),
        keep_best: false,
    }
}

/// Runs `training`, breaks it off after update `stop`, if any, and goes on from the checkpoint.
fn run(plan: &Plan, path: &Path, stop: Option<u64>) -> (Training<f64>, Ending) {
    let [train, validation] = data();
    let mut training = Training::new(plan.clone()).unwrap();
    let watch = |event: Event<'_>| match event {
        Event::Batch(position) if Some(position.step) == stop => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let ending = training.run(&train, Some(&validation), Some(path), watch).unwrap();
    if ending != Ending::Interrupted {
        return (training, ending);
    }
    let mut resumed = Training::resume(path).unwrap();
    let go = |_: Event<'_>| ControlFlow::Continue(());
    let ending = resumed.run(&train, Some(&validation), Some(path), go).unwrap();
    (resumed, ending)
}

fn updates(training: &Training<f64>) -> Vec<u64> {
    training.readings().iter().map(|reading| reading.update).collect()
}

#[test]
fn updates_are_counted_in_all_or_anew_in_each_epoch() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let never = Stopping::patience(usize::MAX);
    for (interval, expected) in [
        (Interval::Epoch, &[][..]),
        (Interval::Updates { every: 3 }, &[3, 6, 9, 12, 15, 18, 21, 24, 27]),
        (Interval::UpdatesOfEpoch { every: 3 }, &[3, 6, 10, 13, 17, 20, 24, 27]),
        (Interval::UpdatesOfEpoch { every: 7 }, &[7, 14, 21, 28]),
    ] {
        let (training, ending) = run(&plan(Stopping { interval, ..never }), &path, None);
        assert_eq!((updates(&training), ending), (expected.to_vec(), Ending::Finished));
        assert_eq!((training.epochs().len(), training.stop()), (4, None));
        for reading in training.readings().iter().filter(|reading| reading.update % 7 == 0) {
            let epoch = &training.epochs()[reading.update as usize / 7 - 1];
            assert_eq!(Some(reading.loss), epoch.validation_loss);
            assert_eq!(Some(reading.accuracy), epoch.validation_accuracy);
        }
    }
}

/// What is read changes nothing of what is trained.
#[test]
fn readings_move_no_weight() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let never = Stopping::patience(usize::MAX);
    let every = Stopping { interval: Interval::Updates { every: 1 }, ..never };
    let [by_epoch, by_update] =
        [never, every].map(|rule| run(&plan(rule), &path, None).0.network().tensors());
    assert_eq!(by_epoch, by_update);
}

/// A rule that ends the training at its first reading after `reading` of them.
fn after(readings: usize, interval: Interval) -> Stopping {
    Stopping { interval, threshold: 1e9, ..Stopping::patience(readings) }
}

#[test]
fn a_training_stops_in_the_middle_of_an_epoch_and_says_where_and_why() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let plan = plan(after(3, Interval::UpdatesOfEpoch { every: 3 }));
    let (training, ending) = run(&plan, &path, None);
    assert_eq!(ending, Ending::StoppedEarly);
    assert_eq!((updates(&training), training.position().step), (vec![3, 6, 10, 13], 13));
    assert_eq!((training.epochs().len(), training.position().samples), (1, 6 * 32));
    let stop = training.stop().unwrap();
    assert_eq!((stop.update, stop.epoch), (13, 2));
    assert!(
        stop.reason.starts_with("no lower validation loss by 1000000000 or more in 3 readings")
    );
    // It stays stopped.
    let mut resumed = Training::<f64>::resume(&path).unwrap();
    let [train, validation] = data();
    let ending = resumed.run(&train, Some(&validation), None, |_| panic!("it goes on")).unwrap();
    assert_eq!((ending, resumed.stop().unwrap()), (Ending::StoppedEarly, stop));
}

#[test]
fn a_stop_with_the_last_update_of_an_epoch_ends_the_epoch_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let (training, ending) = run(&plan(after(1, Interval::Updates { every: 7 })), &path, None);
    assert_eq!((ending, training.epochs().len()), (Ending::StoppedEarly, 2));
    assert_eq!((training.stop().unwrap().update, training.stop().unwrap().epoch), (14, 2));
}

#[test]
fn a_break_at_any_update_resumes_to_the_same_stop() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    for interval in [Interval::Updates { every: 7 }, Interval::UpdatesOfEpoch { every: 3 }] {
        for averaging in [None, Some(Averaging::Exponential { decay: 0.9 })] {
            let stopping = Stopping { measure: Measure::Accuracy, ..after(2, interval) };
            let plan = Plan { averaging, keep_best: averaging.is_none(), ..plan(stopping) };
            let (whole, ending) = run(&plan, &path, None);
            assert_eq!(ending, Ending::StoppedEarly);
            for stop in 1..=whole.position().step {
                let (resumed, ending) = run(&plan, &path, Some(stop));
                let place = format!("{interval:?}, broken off after {stop} updates");
                assert_eq!(ending, Ending::StoppedEarly, "{place}");
                assert_eq!(resumed.network().tensors(), whole.network().tensors(), "{place}");
                assert_eq!(resumed.readings(), whole.readings(), "{place}");
                assert_eq!(resumed.stop(), whole.stop(), "{place}");
                assert_eq!(resumed.best_epoch(), whole.best_epoch(), "{place}");
                let losses = |training: &Training<f64>| {
                    training.epochs().iter().map(|it| it.validation_loss).collect::<Vec<_>>()
                };
                assert_eq!(losses(&resumed), losses(&whole), "{place}");
            }
        }
    }
}

#[test]
fn the_best_weights_are_those_of_the_best_reading() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let [_, validation] = data();
    for measure in [Measure::Loss, Measure::Accuracy] {
        let interval = Interval::Updates { every: 2 };
        let stopping = Stopping { measure, interval, ..Stopping::patience(4) };
        // A rate that overshoots.
        let schedule = Schedule::Constant { rate: 0.3 };
        let plan = Plan { epochs: 200, schedule, keep_best: true, ..plan(stopping) };
        let (mut training, ending) = run(&plan, &path, None);
        assert_eq!(ending, Ending::StoppedEarly);
        let readings = training.readings().to_vec();
        let best = readings.iter().copied().reduce(|best, now| {
            let [a, b] = [best, now].map(|it| measure.of(it.loss, it.accuracy));
            if measure.gain(b, a) > 0.0 { now } else { best }
        });
        let best = best.unwrap();
        assert_eq!(readings.last().unwrap().update, best.update + 8);
        assert_eq!(training.best_epoch(), Some(best.update.div_ceil(7) as usize));
        let evaluation = training.network_mut().evaluate(&validation, 500).unwrap();
        assert_eq!((evaluation.loss, evaluation.accuracy), (best.loss, best.accuracy));
    }
}

/// Twenty epochs by the accuracy, and not by the loss.
#[test]
fn a_patience_by_accuracy_goes_by_the_accuracy_after_each_epoch() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    let stopping = Stopping { measure: Measure::Accuracy, ..Stopping::patience(5) };
    let plan = Plan { epochs: 200, keep_best: true, ..plan(stopping) };
    let (training, ending) = run(&plan, &path, None);
    assert_eq!(ending, Ending::StoppedEarly);
    let accuracies: Vec<f64> =
        training.epochs().iter().map(|epoch| epoch.validation_accuracy.unwrap()).collect();
    let best = training.best_epoch().unwrap();
    assert_eq!(accuracies.len(), best + 5);
    assert!(accuracies[..best - 1].iter().all(|&before| before < accuracies[best - 1]));
    assert!(accuracies[best..].iter().all(|&after| after <= accuracies[best - 1]));
}

#[test]
fn a_rule_that_would_read_nothing_is_refused_before_the_first_update() {
    let [train, validation] = data();
    for (interval, words) in [
        (Interval::Updates { every: 29 }, "every 29 updates: the training has 28, so nothing"),
        (Interval::UpdatesOfEpoch { every: 8 }, "every 8 updates: an epoch has 7, so nothing"),
    ] {
        let mut training = Training::<f64>::new(plan(after(1, interval))).unwrap();
        let go = |_: Event<'_>| ControlFlow::Continue(());
        let error = training.run(&train, Some(&validation), None, go).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(training.position().step, 0);
    }
}

#[test]
fn a_checkpoint_whose_readings_are_not_those_of_its_plan_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint");
    run(&plan(after(3, Interval::Updates { every: 3 })), &path, None);
    Training::<f64>::resume(&path).unwrap();
    for (from, to) in [
        (r#"{"update":3,"#, r#"{"update":0,"#),
        (r#"{"update":3,"#, r#"{"update":2,"#),
        (r#"{"update":6,"#, r#"{"update":3,"#),
        (r#"{"update":12,"#, r#"{"update":15,"#),
        (r#""every":3"#, r#""every":4"#),
    ] {
        let mut checkpoint = Checkpoint::<f64>::read(&path).unwrap();
        let account = checkpoint.metadata.get_mut("training").unwrap();
        assert!(account.contains(from), "{account}");
        *account = account.replace(from, to);
        checkpoint.seal();
        let changed = folder.path().join("changed");
        checkpoint.write(&changed).unwrap();
        let error = Training::<f64>::resume(&changed).unwrap_err().to_string();
        assert!(error.ends_with("contradicts itself in its readings"), "{error}");
    }
}
