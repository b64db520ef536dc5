//! Chapter 11: the loop, its order, its stops, and what it saves.

#![cfg(feature = "train")]

use chainrule::Tensor;
use chainrule::checkpoint::Checkpoint;
use chainrule::cnn::Flagship;
use chainrule::data::augment::{Augmentation, Flip};
use chainrule::data::{Dataset, ellipse, pictures, split};
use chainrule::file::{remove_unfinished, write_atomically};
use chainrule::mlp::Mlp;
use chainrule::model::Model;
use chainrule::optim::{Average, Averaging, Optimizer, Rule, Schedule};
use chainrule::random::{Purpose, Seeds, stream};
use chainrule::softmax::{Loss, Reduction};
use chainrule::train::stopping::{Interval, Measure, Stopping};
use chainrule::train::{Ending, Event, Plan, TrainError, Training};
use chainrule::views::Views;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn plan() -> Plan {
    Plan {
        model: Model::Mlp(Mlp::new(&[2, 8, 2]).unwrap()),
        epochs: 4,
        batch: 32,
        rule: "adam".parse().unwrap(),
        schedule: Schedule::Constant { rate: 0.01 },
        l2: 1e-4,
        augmentation: Augmentation::NONE,
        averaging: None,
        views: Views::One,
        seeds: Seeds { init: 3, order: 4, masks: 5, augmentation: 6 },
        stopping: None,
        keep_best: false,
    }
}

/// 210 points to train on, so that the last batch of 32 holds 18, and 90 to validate on.
fn data() -> [Dataset; 2] {
    split::by_counts(&ellipse::draw(300, ellipse::ELLIPSE, 5), [210, 90], 1).unwrap()
}

fn go(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn trained(plan: Plan) -> Training<f64> {
    let [train, validation] = data();
    let mut training = Training::new(plan).unwrap();
    let ending = training.run(&train, Some(&validation), None, go).unwrap();
    assert_eq!(ending, Ending::Finished);
    training
}

#[test]
fn an_epoch_visits_every_sample_and_takes_a_last_partial_batch() {
    let [train, _] = data();
    let mut training = Training::<f64>::new(plan()).unwrap();
    let mut seen = Vec::new();
    let watch = |event: Event<'_>| {
        if let Event::Batch(position) = event {
            seen.push(position.samples);
        }
        ControlFlow::Continue(())
    };
    training.run(&train, None, None, watch).unwrap();
    assert_eq!(seen[..7], [32, 64, 96, 128, 160, 192, 210]);
    assert_eq!(seen.len(), 4 * 7);
    assert_eq!(training.position().step, 28);
    assert_eq!(training.epochs().len(), 4);
    assert!(training.epochs().iter().all(|epoch| epoch.validation_loss.is_none()));
}

#[test]
fn a_network_learns_the_ellipse() {
    let plan = Plan { epochs: 60, schedule: Schedule::Constant { rate: 0.03 }, ..plan() };
    let mut training = trained(plan);
    let (first, last) = (&training.epochs()[0], &training.epochs()[59]);
    assert!(last.train_loss < 0.5 * first.train_loss, "{first:?} {last:?}");
    let [_, validation] = data();
    let evaluation = training.network_mut().evaluate(&validation, 50).unwrap();
    assert_eq!(Some(evaluation.accuracy), training.epochs()[59].validation_accuracy);
    assert!(evaluation.accuracy > 0.85, "{evaluation:?}");
}

#[test]
fn the_reported_loss_is_the_mean_over_samples_not_over_batches() {
    // With a rate of zero nothing moves: the epoch's mean is the network's loss on the set.
    let plan = Plan { schedule: Schedule::Constant { rate: 0.0 }, ..plan() };
    let [train, _] = data();
    let mut training = trained(plan);
    let evaluation = training.network_mut().evaluate(&train, 64).unwrap();
    let epoch = training.epochs()[0].clone();
    assert!((epoch.train_loss - evaluation.loss).abs() < 1e-12, "{epoch:?} {evaluation:?}");
    assert!((epoch.train_accuracy - evaluation.accuracy).abs() < 1e-12);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let weights = |seed| trained(Plan { seeds: Seeds::from(seed), ..plan() }).network().tensors();
    assert_eq!(weights(3), weights(3));
    assert_ne!(weights(3), weights(4));
}

/// Of full batches of B, a reduction that multiplies the gradient by c is the mean at the rate ηc and the
/// penalty λ/c.
#[test]
fn a_sum_is_the_mean_at_another_rate_and_another_penalty() {
    let weights = |rule: Rule, reduction, rate, l2| {
        let loss = Loss { reduction, ..Loss::default() };
        let model = Model::Mlp(Mlp::new(&[2, 8, 2]).unwrap().loss(loss));
        let schedule = Schedule::Constant { rate };
        trained(Plan { model, batch: 35, rule, schedule, l2, ..plan() }).network().tensors()
    };
    let far = |rule, reduction, c: f64, penalty| {
        let one = weights(rule, reduction, 0.002, 0.07);
        let mean = weights(rule, Reduction::Mean, 0.002 * c, penalty);
        let far = one.into_iter().zip(mean).map(|((_, a), (_, b))| (a - b).mapv(f64::abs).sum());
        far.sum::<f64>()
    };
    let momentum = 0.9;
    for rule in [Rule::Sgd, Rule::Momentum { momentum }, Rule::Nesterov { momentum }] {
        for (reduction, c) in [(Reduction::Sum, 35.0), (Reduction::MeanOfEntries, 0.5)] {
            assert!(far(rule, reduction, c, 0.07 / c) < 1e-10, "{rule:?}, {reduction:?}");
            // Neither the rate alone nor the penalty alone will do.
            assert!(far(rule, reduction, c, 0.07) > 1e-4, "{rule:?}, {reduction:?}");
            assert!(far(rule, reduction, 1.0, 0.07 / c) > 1e-4, "{rule:?}, {reduction:?}");
        }
    }
}

#[test]
fn epochs_visit_the_samples_in_different_orders() {
    // After one update, epochs differ by the samples of their first batch alone.
    let [train, _] = data();
    let first_losses: Vec<f64> = {
        let plan = Plan { schedule: Schedule::Constant { rate: 0.0 }, ..plan() };
        let mut training = Training::<f64>::new(plan).unwrap();
        let mut losses = Vec::new();
        let watch = |event: Event<'_>| {
            if let Event::Batch(position) = event
                && position.samples == 32
            {
                losses.push(position.mean_loss());
            }
            ControlFlow::Continue(())
        };
        training.run(&train, None, None, watch).unwrap();
        losses
    };
    assert_eq!(first_losses.len(), 4);
    assert!((1..4).all(|k| first_losses[k] != first_losses[0]), "{first_losses:?}");
}

#[test]
fn patience_stops_early_and_the_best_weights_come_back() {
    let [train, validation] = data();
    // A rate that overshoots: the validation loss soon stops falling.
    let plan = Plan {
        epochs: 200,
        schedule: Schedule::Constant { rate: 0.3 },
        stopping: Some(Stopping::patience(3)),
        keep_best: true,
        ..plan()
    };
    let mut training = Training::<f64>::new(plan).unwrap();
    let ending = training.run(&train, Some(&validation), None, go).unwrap();
    assert_eq!(ending, Ending::StoppedEarly);
    let best = training.best_epoch().unwrap();
    assert_eq!(training.epochs().len(), best + 3);
    let losses: Vec<f64> =
        training.epochs().iter().map(|epoch| epoch.validation_loss.unwrap()).collect();
    assert!(losses.iter().all(|&loss| loss >= losses[best - 1]));
    let evaluation = training.network_mut().evaluate(&validation, 500).unwrap();
    assert_eq!(evaluation.loss, losses[best - 1]);
}

/// Batch norm and dropout: buffers and masks.
fn normalized() -> Model {
    let plan = Mlp::new(&[2, 8, 2]).unwrap();
    Model::Mlp(plan.batch_norm(true).dropout("0.2".parse().unwrap()))
}

const AVERAGINGS: [Averaging; 3] = [
    Averaging::Exponential { decay: 0.9 },
    Averaging::Mean { from: 9, every: 2 },
    Averaging::AnnealedLookahead { every: 5, decay: 0.95, steps: 28 },
];

#[test]
fn a_break_at_any_update_resumes_to_the_same_bits() {
    let plan = Plan {
        model: normalized(),
        stopping: Some(Stopping::patience(3)),
        keep_best: true,
        ..plan()
    };
    assert_resumes(plan.clone());
    for averaging in AVERAGINGS {
        assert_resumes(Plan { averaging: Some(averaging), ..plan.clone() });
        assert_resumes(Plan { averaging: Some(averaging), keep_best: false, ..plan.clone() });
    }
}

fn assert_resumes(plan: Plan) {
    let [train, validation] = data();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let whole = {
        let mut training = Training::<f64>::new(plan.clone()).unwrap();
        training.run(&train, Some(&validation), None, go).unwrap();
        training.network().tensors()
    };
    for stop in [1, 5, 7, 8, 20, 28] {
        let mut training = Training::<f64>::new(plan.clone()).unwrap();
        let mut updates = 0;
        let watch = |event: Event<'_>| {
            updates += u64::from(matches!(event, Event::Batch(_)));
            if updates == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ending = training.run(&train, Some(&validation), Some(&path), watch).unwrap();
        assert_eq!(ending, Ending::Interrupted);
        let mut resumed = Training::<f64>::resume(&path).unwrap();
        assert_eq!(resumed.position().step, stop);
        resumed.run(&train, Some(&validation), Some(&path), go).unwrap();
        assert_eq!(resumed.network().tensors(), whole, "broken off after {stop} updates");
        assert_eq!(resumed.epochs().len(), 4);
    }
}

const AUGMENTATION: Augmentation =
    Augmentation { flip: Flip::Alternating, translate: 2, cutout: 8, ..Augmentation::NONE };

#[test]
fn an_augmented_training_resumes_to_the_same_bits() {
    let [train, validation] = split::by_counts(&pictures::draw(60, 5), [50, 10], 1).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let model = Model::Mlp(Mlp::new(&[3_072, 4, 10]).unwrap());
    let plan = Plan { model, epochs: 3, batch: 16, augmentation: AUGMENTATION, ..plan() };
    let trained = |plan: &Plan| {
        let mut training = Training::<f64>::new(plan.clone()).unwrap();
        training.run(&train, Some(&validation), None, go).unwrap();
        training.network().tensors()
    };
    let whole = trained(&plan);
    assert_ne!(whole, trained(&Plan { augmentation: Augmentation::NONE, ..plan.clone() }));
    for stop in [1, 4, 6, 11] {
        let mut training = Training::<f64>::new(plan.clone()).unwrap();
        let watch = |event: Event<'_>| match event {
            Event::Batch(position) if position.step == stop => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let ending = training.run(&train, Some(&validation), Some(&path), watch).unwrap();
        assert_eq!(ending, Ending::Interrupted);
        let mut resumed = Training::<f64>::resume(&path).unwrap();
        assert_eq!(resumed.plan().augmentation, AUGMENTATION);
        resumed.run(&train, Some(&validation), Some(&path), go).unwrap();
        assert_eq!(resumed.network().tensors(), whole, "broken off after {stop} updates");
    }
}

/// What an update sees is the sample of its number in the data, as it looks in this epoch.
#[test]
fn an_update_sees_its_samples_as_they_look_in_its_epoch() {
    let train = pictures::draw(40, 5);
    let model = Model::Mlp(Mlp::new(&[3_072, 4, 10]).unwrap());
    let plan = Plan { model, epochs: 2, batch: 40, augmentation: AUGMENTATION, ..plan() };
    // With a rate of zero the loss of an epoch is that of the start on what the epoch shows.
    let plan = Plan { schedule: Schedule::Constant { rate: 0.0 }, ..plan };
    let mut training = Training::<f64>::new(plan.clone()).unwrap();
    training.run(&train, None, None, go).unwrap();
    for (epoch, found) in training.epochs().iter().enumerate() {
        let mut inputs = vec![0.0_f32; 40 * 3_072];
        let augmenter = AUGMENTATION.on(train.shape()).unwrap();
        for (sample, input) in inputs.chunks_exact_mut(3_072).enumerate() {
            train.read(sample, input);
            augmenter.apply(input, plan.seeds.augmentation, epoch as u64, sample as u64);
        }
        let labels = (0..40).map(|sample| train.label(sample) as u8).collect();
        let shown = Dataset::from_reals("shown", &[32, 32, 3], 10, inputs, labels).unwrap();
        let expected = plan.model.network::<f64>(40, plan.seeds).unwrap().evaluate(&shown, 40);
        let expected = expected.unwrap().loss;
        assert!((found.train_loss - expected).abs() < 1e-5, "{} {expected}", found.train_loss);
    }
    assert_ne!(training.epochs()[0].train_loss, training.epochs()[1].train_loss);
}

#[test]
fn samples_that_cannot_be_augmented_are_named() {
    let [train, _] = data();
    let plan = Plan { augmentation: AUGMENTATION, ..plan() };
    let error = Training::<f64>::new(plan).unwrap().run(&train, None, None, go).unwrap_err();
    assert!(matches!(error, TrainError::Augmentation(_)), "{error}");
    assert!(error.to_string().contains("shape [2] is no image"), "{error}");
}

#[test]
fn plans_of_before_there_was_augmentation_have_none() {
    let mut saved = serde_json::to_value(plan()).unwrap();
    assert!(saved.as_object_mut().unwrap().remove("augmentation").is_some());
    assert_eq!(serde_json::from_value::<Plan>(saved).unwrap(), plan());
    let parts: Augmentation = serde_json::from_str(r#"{ "flip": "random" }"#).unwrap();
    assert_eq!(parts, Augmentation { flip: Flip::Random, ..Augmentation::NONE });
}

/// The loop of a plan, written out: what the training ends with, and the last validation loss.
fn by_hand(plan: &Plan, averaging: Averaging) -> (Vec<(String, Tensor<f64>)>, f64) {
    let [train, validation] = data();
    let order = |epoch: u64| {
        let mut order: Vec<usize> = (0..train.len()).collect();
        order.shuffle(&mut stream(plan.seeds.order, Purpose::Order { epoch }));
        order
    };
    let mut network = plan.model.network::<f64>(plan.batch, plan.seeds).unwrap();
    let parameters = network.parameters().to_vec();
    let vars: Vec<_> = parameters.iter().map(|parameter| parameter.var).collect();
    let free: Vec<_> =
        parameters.iter().filter(|parameter| !parameter.decays).map(|p| p.var).collect();
    let optimizer = Optimizer::new(plan.rule, plan.l2, &network.tape, &vars).unwrap();
    let mut optimizer = optimizer.without_decay(&free).unwrap();
    let mut average = Average::new(averaging, &network).unwrap();
    let mut step = 0;
    for epoch in 0..plan.epochs as u64 {
        for samples in order(epoch).chunks(plan.batch) {
            network.resize(samples.len()).unwrap();
            network.load(&train, samples);
            network.learn(step);
            optimizer.step(&mut network.tape, plan.schedule.rate(step));
            step += 1;
            average.update(&mut network, step);
        }
    }
    average.finish(&mut network);
    let loss = network.evaluate(&validation, 500).unwrap().loss;
    (network.tensors(), loss)
}

#[test]
fn a_training_ends_with_the_average_and_validates_it() {
    for averaging in AVERAGINGS {
        let plan = Plan { model: normalized(), averaging: Some(averaging), ..plan() };
        let training = trained(plan.clone());
        let (tensors, loss) = by_hand(&plan, averaging);
        assert_eq!(training.network().tensors(), tensors, "{averaging:?}");
        assert_eq!(training.epochs()[3].validation_loss, Some(loss), "{averaging:?}");
        let plain = trained(Plan { averaging: None, ..plan });
        assert_ne!(plain.epochs()[3].validation_loss, Some(loss), "{averaging:?}");
    }
}

#[test]
fn a_validation_leaves_the_trained_weights_alone() {
    // With or without validation, the same weights are trained.
    for averaging in AVERAGINGS {
        let plan = Plan { model: normalized(), averaging: Some(averaging), ..plan() };
        let [train, _] = data();
        let mut blind = Training::<f64>::new(plan.clone()).unwrap();
        blind.run(&train, None, None, go).unwrap();
        assert_eq!(blind.network().tensors(), trained(plan).network().tensors());
    }
}

#[test]
fn the_best_epoch_is_one_of_the_average() {
    let plan = Plan {
        epochs: 12,
        schedule: Schedule::Constant { rate: 0.5 },
        averaging: Some(Averaging::Exponential { decay: 0.5 }),
        keep_best: true,
        ..plan()
    };
    let [_, validation] = data();
    let mut training = trained(plan);
    let best = training.best_epoch().unwrap();
    assert!(best < 12, "the rate overshoots");
    let loss = training.network_mut().evaluate(&validation, 500).unwrap().loss;
    assert_eq!(training.epochs()[best - 1].validation_loss, Some(loss));
}

#[test]
fn checkpoints_hold_the_average() {
    let [train, _] = data();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let plan = Plan { averaging: Some(Averaging::airbench(28)), ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    training.run(&train, None, Some(&path), go).unwrap();
    let mut saved = Checkpoint::<f64>::read(&path).unwrap();
    saved.tensors.remove("average.layers.1.weight").unwrap();
    saved.seal();
    saved.write(&path).unwrap();
    let error = Training::<f64>::resume(&path).unwrap_err().to_string();
    assert!(error.contains("no tensor layers.1.weight"), "{error}");
}

#[test]
fn plans_of_old_records_are_read() {
    let text = serde_json::to_string(&plan()).unwrap();
    assert!(!text.contains("averaging"), "{text}");
    let text = text.replace(r#","smoothing":0.0"#, "");
    assert!(!text.contains("smoothing"), "{text}");
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan());
    let plan = Plan { averaging: Some(Averaging::airbench(28)), ..plan() };
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn seeds_are_one_number_in_files_where_all_are_equal() {
    let text = |seeds| serde_json::to_string(&Plan { seeds, ..plan() }).unwrap();
    let read = |text: &str| serde_json::from_str::<Plan>(text).unwrap().seeds;
    // As all plans were written once.
    let one = text(Seeds::from(u64::MAX));
    assert!(one.contains(r#""seed":18446744073709551615,"#), "{one}");
    assert_eq!(read(&one), Seeds::from(u64::MAX));
    let apart = text(plan().seeds);
    let object = r#""seed":{"init":3,"order":4,"masks":5,"augmentation":6},"#;
    assert!(apart.contains(object), "{apart}");
    assert_eq!(read(&apart), plan().seeds);
    // A single other seed is not lost.
    for other in 0..4 {
        let [init, order, masks, augmentation] = std::array::from_fn(|k| u64::from(k == other));
        let seeds = Seeds { init, order, masks, augmentation };
        assert_eq!(read(&text(seeds)), seeds);
    }
}

#[test]
fn another_start_is_trained_on_the_same_samples_with_the_same_masks() {
    let losses = |seeds| {
        let plan = Plan { seeds, model: normalized(), ..plan() };
        let plan = Plan { schedule: Schedule::Constant { rate: 0.0 }, ..plan };
        let mut training = Training::<f64>::new(plan).unwrap();
        // The same weights for all: what is left of the seeds is the order and the masks.
        for parameter in training.network().parameters().to_vec() {
            let mut value = training.network_mut().tape.value_mut(parameter.var);
            value.iter_mut().zip(1..).for_each(|(w, k)| *w = f64::from(k % 7) - 3.0);
        }
        let [train, _] = data();
        let mut losses = Vec::new();
        let watch = |event: Event<'_>| {
            if let Event::Batch(position) = event {
                losses.push(position.mean_loss());
            }
            ControlFlow::Continue(())
        };
        training.run(&train, None, None, watch).unwrap();
        losses
    };
    let one = Seeds::from(29);
    let expected = losses(one);
    assert_eq!(losses(Seeds { init: 30, augmentation: 30, ..one }), expected);
    assert_ne!(losses(Seeds { order: 30, ..one }), expected);
    assert_ne!(losses(Seeds { masks: 30, ..one }), expected);
}

#[test]
fn a_loss_that_is_not_finite_is_found_at_once() {
    let [train, validation] = data();
    let plan = Plan { rule: Rule::Sgd, schedule: Schedule::Constant { rate: 1e300 }, ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    let error = training.run(&train, Some(&validation), None, go).unwrap_err();
    let TrainError::Diverged { loss, step, epoch, rate } = error else { panic!("{error}") };
    assert!(!loss.is_finite());
    assert_eq!((epoch, rate), (1, 1e300));
    assert!((1..7).contains(&step), "at update {step}");
    assert_eq!(training.position().step, step, "no further update was made");
}

#[test]
fn plans_that_are_no_training_are_named() {
    let message = |plan| Training::<f64>::new(plan).unwrap_err().to_string();
    assert_eq!(message(Plan { epochs: 0, ..plan() }), "a training takes at least one epoch");
    assert_eq!(message(Plan { batch: 0, ..plan() }), "a batch holds at least one sample");
    let zero = Plan { stopping: Some(Stopping::patience(0)), ..plan() };
    assert_eq!(message(zero), "the patience must be at least one epoch");
    let rate = Plan { schedule: Schedule::Constant { rate: -1.0 }, ..plan() };
    assert!(message(rate).contains("rate is -1"));
    assert!(message(Plan { l2: f64::NAN, ..plan() }).contains("l2 is NaN"));
    let averaging = Some(Averaging::Exponential { decay: 1.0 });
    assert!(message(Plan { averaging, ..plan() }).contains("decay is 1"));
}

#[test]
fn a_training_does_not_go_on_with_other_data() {
    let [train, _] = data();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut training = Training::<f64>::new(plan()).unwrap();
    training.run(&train, None, Some(&path), |_| ControlFlow::Break(())).unwrap();
    let other = Dataset::from_reals("squares", &[2], 2, vec![0.5; 8], vec![0, 1, 0, 1]).unwrap();
    let mut resumed = Training::<f64>::resume(&path).unwrap();
    let error = resumed.run(&other, None, None, go).unwrap_err().to_string();
    assert!(error.contains(train.name()) && error.contains("squares"), "{error}");
    let none = train.select(&[]);
    let error = Training::<f64>::new(plan()).unwrap().run(&none, None, None, go).unwrap_err();
    assert!(error.to_string().ends_with(": no samples"), "{error}");
}

#[test]
fn checkpoints_that_cannot_be_read_are_named() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let message = |name: &str| Training::<f64>::resume(&path(name)).unwrap_err().to_string();
    assert!(message("none").contains("none: cannot be read"));
    std::fs::write(path("words"), "not tensors").unwrap();
    assert!(message("words").contains("words: not a safetensors file, or cut short"));
    let [train, _] = data();
    let mut training = Training::<f64>::new(plan()).unwrap();
    training.run(&train, None, Some(&path("good")), go).unwrap();
    let bytes = std::fs::read(path("good")).unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(path("cut"), &bytes[..length]).unwrap();
        assert!(message("cut").contains("cut short"), "{length} of {} bytes", bytes.len());
    }
    assert!(Training::<f32>::resume(&path("good")).unwrap_err().to_string().contains("not f32"));
    training.save_model(&path("model")).unwrap();
    assert!(message("model").contains("no `training` in its metadata"));
    let mut other = Checkpoint::<f64>::read(&path("good")).unwrap();
    other.tensors.remove("optimizer.first_moment.layers.0.bias").unwrap();
    other.seal();
    other.write(&path("other")).unwrap();
    assert!(message("other").contains("no first_moment was saved"));
    other.metadata.insert("training".to_owned(), "{}".to_owned());
    other.seal();
    other.write(&path("other")).unwrap();
    assert!(message("other").contains("account of the training"));
}

/// A header says how large it is, and how large what follows: neither is believed.
#[test]
fn sizes_in_a_header_are_compared_with_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let message = |size: u64, header: &str, tensors: &[u8]| {
        let bytes = [&size.to_le_bytes(), header.as_bytes(), tensors].concat();
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::<f64>::read(&path).map(drop).map_err(|error| error.to_string())
    };
    let header = r#"{"x":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}"#;
    let size = header.len() as u64;
    assert_eq!(message(size, header, &[0; 16]), Ok(()));
    for (size, header, tensors, words) in [
        (size + 17, header, &[0; 16][..], "its header would have 72 bytes"),
        (u64::MAX, header, &[0; 16], "its header would have 18446744073709551615 bytes"),
        (size, header, &[0; 15], "its tensors would have 16 bytes, and 15 are there"),
        (size, header, &[0; 17], "its tensors would have 16 bytes, and 17 are there"),
        (size - 1, header, &[0; 16], "its header: "),
    ] {
        let error = message(size, header, tensors).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    // Sixteen tensors of 2^60 bytes, all but the last 16 of them: their sum is almost 2^64.
    let entries = 1_u64 << 57;
    let tensor = |k: u64| {
        let (from, to) = (
            k * 8 * entries,
            (k + 1).wrapping_mul(8 * entries).wrapping_sub(u64::from(k == 15) * 16),
        );
        let shape = entries - u64::from(k == 15) * 2;
        format!(r#""{k}":{{"dtype":"F64","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
    };
    let header = format!("{{{}}}", (0..16).map(tensor).collect::<Vec<_>>().join(","));
    let error = message(header.len() as u64, &header, &[]).unwrap_err();
    assert!(error.contains("its tensors would have 18446744073709551600 bytes"), "{error}");
    // A header of just more bytes than one may have; behind it there would be room.
    let file = std::fs::File::create(&path).unwrap();
    (&file).write_all(&10_000_001_u64.to_le_bytes()).unwrap();
    file.set_len(20_000_000).unwrap();
    let error = Checkpoint::<f64>::read(&path).unwrap_err().to_string();
    assert!(error.contains("its header would have 10000001 bytes"), "{error}");
    // Longer than any header: its size alone is read, and no memory is taken for what is not there.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = Checkpoint::<f64>::read(&path).unwrap_err().to_string();
    assert!(error.contains("its header: "), "{error}");
}

/// What is written can be read.
#[test]
fn a_header_that_would_not_be_read_is_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let written = |length: usize| {
        let metadata = BTreeMap::from([("text".to_owned(), "a".repeat(length))]);
        let checkpoint = Checkpoint::<f64> { tensors: BTreeMap::new(), metadata };
        checkpoint.write(&path).map(|()| Checkpoint::<f64>::read(&path).unwrap() == checkpoint)
    };
    assert!(written(0).unwrap());
    let size = u64::from_le_bytes(*std::fs::read(&path).unwrap().first_chunk().unwrap());
    // A header is filled up to a multiple of 8 bytes.
    let most = 10_000_000 - size as usize;
    assert!(written(most).unwrap());
    let error = written(most + 8).unwrap_err().to_string();
    assert!(error.contains("would take 10000008 bytes, and 10 MB are the most"), "{error}");
    assert!(Checkpoint::<f64>::read(&path).is_ok(), "what stood there still stands");
}

#[test]
fn a_checkpoint_holds_what_was_put_into_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.safetensors");
    let values = vec![1.5, -0.0, f64::MIN_POSITIVE, f64::INFINITY, 1.0 / 3.0, f64::MAX];
    let tensor = Tensor::from_shape_vec(vec![2, 3], values).unwrap();
    let checkpoint = Checkpoint {
        tensors: BTreeMap::from([
            ("a".to_owned(), tensor),
            ("loss".to_owned(), Tensor::from_elem(vec![], 0.25)),
        ]),
        metadata: BTreeMap::from([("key".to_owned(), "words".to_owned())]),
    };
    checkpoint.write(&path).unwrap();
    assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);
}

#[test]
fn equal_checkpoints_are_equal_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.safetensors");
    let name = |k: usize| format!("name {k}");
    let tensor = |k: usize| (name(k), Tensor::from_elem(vec![k + 1], k as f64));
    let files: Vec<Vec<u8>> = (0..5)
        .map(|_| {
            let metadata = (0..8).map(|k| (name(k), format!("text {k}"))).collect();
            Checkpoint { tensors: (0..16).map(tensor).collect(), metadata }.write(&path).unwrap();
            std::fs::read(&path).unwrap()
        })
        .collect();
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn equal_trainings_write_equal_model_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.safetensors");
    let files = [(); 4].map(|()| {
        trained(plan()).save_model(&path).unwrap();
        std::fs::read(&path).unwrap()
    });
    assert!(files.iter().all(|file| *file == files[0]));
}

/// Once each text was an entry of the file's metadata.
#[test]
fn files_of_before_texts_were_one_entry_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("old.safetensors");
    let header = r#"{"__metadata__":{"model":"m","classes":"c"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(&path, [&length[..], header.as_bytes(), &1.5_f32.to_le_bytes()].concat())
        .unwrap();
    let texts = [("model", "m"), ("classes", "c")];
    let old = Checkpoint::<f32> {
        tensors: BTreeMap::from([("x".to_owned(), Tensor::from_elem(vec![1], 1.5))]),
        metadata: texts.map(|(key, text)| (key.to_owned(), text.to_owned())).into(),
    };
    assert_eq!(Checkpoint::read(&path).unwrap(), old);
    // Where the one entry is no object, the file is of another program or damaged.
    let texts = BTreeMap::from([("chainrule".to_owned(), "words".to_owned())]);
    let header = serde_json::json!({ "__metadata__": texts }).to_string();
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(&path, [&length[..], header.as_bytes()].concat()).unwrap();
    let error = Checkpoint::<f32>::read(&path).unwrap_err().to_string();
    assert!(error.contains("old.safetensors") && error.contains("`chainrule`"), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    write_atomically(&path, b"first").unwrap();
    write_atomically(&path, b"second").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"second");
    // A folder stands in the file's place.
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(write_atomically(&taken, b"third").is_err());
    assert!(write_atomically(&folder.path().join("none/file"), b"lost").is_err());
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "taken"]);
    // What a killed writer left does not stay, and nothing else goes.
    std::fs::write(folder.path().join(".unfinished-Ab3"), b"half").unwrap();
    remove_unfinished(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read(&path).unwrap(), b"second");
}

#[cfg(unix)]
#[test]
fn a_file_is_for_those_whom_any_new_file_is_for() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let [path, usual] = ["file", "usual"].map(|name| folder.path().join(name));
    std::fs::write(&usual, b"bytes").unwrap();
    write_atomically(&path, b"bytes").unwrap();
    let [mode, expected] =
        [path, usual].map(|path| std::fs::metadata(path).unwrap().permissions().mode());
    assert_eq!(mode, expected);
}

#[test]
fn a_file_that_many_write_is_one_of_theirs() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..25 {
                    write_atomically(path, &vec![writer; 50_000]).unwrap();
                    let found = std::fs::read(path).unwrap();
                    assert_eq!(found, vec![found[0]; 50_000]);
                }
            });
        }
    });
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A checkpoint after one epoch, with a best one.
fn saved(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("checkpoint.safetensors");
    let [train, validation] = data();
    let plan = Plan { keep_best: true, ..plan() };
    let watch = |event: Event<'_>| match event {
        Event::Epoch(_) => ControlFlow::Break(()),
        Event::Batch(_) => ControlFlow::Continue(()),
    };
    let mut training = Training::<f64>::new(plan).unwrap();
    training.run(&train, Some(&validation), Some(&path), watch).unwrap();
    path
}

#[test]
fn a_flipped_bit_of_a_checkpoint_is_found_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder);
    let bytes = std::fs::read(&path).unwrap();
    let name = b"best.layers.0.bias";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let flipped = folder.path().join("flipped");
    for (byte, bit) in (0..bytes.len()).map(|byte| (byte, byte % 8)).chain([(place + 14, 0)]) {
        let mut bytes = bytes.clone();
        bytes[byte] ^= 1 << bit;
        std::fs::write(&flipped, bytes).unwrap();
        let error = Training::<f64>::resume(&flipped).err();
        assert!(error.is_some(), "bit {bit} of byte {byte}");
    }
    let mut bytes = bytes;
    bytes[place + 14] ^= 1;
    std::fs::write(&flipped, bytes).unwrap();
    let error = Training::<f64>::resume(&flipped).unwrap_err().to_string();
    assert!(error.contains("flipped: damaged, or changed since it was written"), "{error}");
}

/// With a checksum that fits: written by a program, with a mistake.
#[test]
fn a_checkpoint_that_contradicts_itself_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder);
    let message = |change: &dyn Fn(&mut Checkpoint<f64>)| {
        let mut checkpoint = Checkpoint::<f64>::read(&path).unwrap();
        change(&mut checkpoint);
        checkpoint.seal();
        let changed = folder.path().join("changed");
        checkpoint.write(&changed).unwrap();
        Training::<f64>::resume(&changed).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(message(&|_| {}), Ok(()));
    let error = message(&|it| drop(it.tensors.remove("best.layers.0.bias"))).unwrap_err();
    assert!(error.contains("no tensor layers.0.bias"), "{error}");
    for (from, to, part) in [
        (r#""step":7"#, r#""step":8"#, "its position"),
        (r#""step":7"#, r#""step":18446744073709551615"#, "its position"),
        (r#""samples":0"#, r#""samples":5"#, "its position"),
        (r#""samples":0"#, r#""samples":211"#, "its position"),
        (r#""correct":0"#, r#""correct":1"#, "its position"),
        (r#""correct":0"#, r#""correct":18446744073709551615"#, "its position"),
        (r#"[{"epoch":1"#, r#"[{"epoch":2"#, "its epochs"),
        (r#""loss":0.0"#, r#""loss":0.1"#, "its position"),
        (r#""seconds":0.0"#, r#""seconds":0.1"#, "its position"),
        (r#""best":[1,"#, r#""best":[2,"#, "its best epoch"),
        (r#""best":[1,"#, r#""best":[0,"#, "its best epoch"),
    ] {
        let error = message(&|checkpoint| {
            let account = checkpoint.metadata.get_mut("training").unwrap();
            assert!(account.contains(from), "{account}");
            *account = account.replace(from, to);
        });
        let error = error.unwrap_err();
        assert!(error.ends_with(&format!("contradicts itself in {part}")), "{error}");
    }
}

/// What [`Training::resume`] says of the checkpoint at `path` where its account has other values in these
/// places, and a checksum that fits.
fn changed(path: &Path, changes: &[(&str, Value)]) -> Result<(), String> {
    let mut checkpoint = Checkpoint::<f32>::read(path).unwrap();
    let text = checkpoint.metadata.get_mut("training").unwrap();
    let mut account: Value = serde_json::from_str(text).unwrap();
    for (place, value) in changes {
        *account.pointer_mut(place).unwrap() = value.clone();
    }
    *text = account.to_string();
    checkpoint.seal();
    let path = path.with_file_name("changed");
    checkpoint.write(&path).unwrap();
    Training::<f32>::resume(&path).map(drop).map_err(|error| error.to_string())
}

/// Saves a training of this plan at `path` that was broken off after update `step`, or after the epoch
/// that ended there.
fn broken_off(plan: Plan, path: &Path, step: u64, is_epoch: bool) {
    let [train, validation] = data();
    let watch = |event: Event<'_>| match event {
        Event::Batch(position) if position.step == step && !is_epoch => ControlFlow::Break(()),
        Event::Epoch(_) if is_epoch => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let mut training = Training::<f32>::new(plan).unwrap();
    training.run(&train, Some(&validation), Some(path), watch).unwrap();
    assert_eq!(training.position().step, step);
}

/// Between updates the best may be of the epoch that runs.
#[test]
fn the_best_epoch_is_one_that_was_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let interval = Interval::Updates { every: 3 };
    let between = Some(Stopping { interval, ..Stopping::patience(9) });
    for (stopping, step, is_epoch, last) in
        [(between, 8, false, 2), (between, 7, true, 1), (None, 8, false, 1)]
    {
        broken_off(Plan { stopping, keep_best: true, ..plan() }, &path, step, is_epoch);
        for epoch in 0..4 {
            let is_one = (1..=last).contains(&epoch);
            let said = changed(&path, &[("/best/0", json!(epoch))]);
            assert_eq!(said.is_ok(), is_one, "{stopping:?} {step} {epoch}");
            assert!(is_one || said.unwrap_err().ends_with("itself in its best epoch"));
        }
    }
}

/// JSON has no infinite numbers, but sums of its numbers may be.
#[test]
fn a_checkpoint_with_numbers_that_no_training_comes_to_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for measure in [Measure::Loss, Measure::Accuracy] {
        let interval = Interval::Updates { every: 3 };
        let stopping = Some(Stopping { measure, interval, ..Stopping::patience(9) });
        // In the second epoch.
        broken_off(Plan { stopping, ..plan() }, &path, 8, false);
        let best = if measure == Measure::Loss { "its losses" } else { "its accuracies" };
        let [rounded, greatest] = [-1e-4, f64::from(f32::MAX)];
        for (place, possible, impossible, part) in [
            ("/epochs/0/train_loss", [rounded, greatest], [-0.01, 4e38], "its losses"),
            ("/epochs/0/validation_loss", [rounded, greatest], [-0.01, 4e38], "its losses"),
            ("/readings/1/loss", [rounded, greatest], [-0.01, 4e38], "its losses"),
            ("/position/loss", [32.0 * rounded, 32.0 * greatest], [-0.1, 2e40], "its losses"),
            ("/epochs/0/train_accuracy", [0.0, 1.0], [-0.01, 1.01], "its accuracies"),
            ("/epochs/0/validation_accuracy", [0.0, 1.0], [-0.01, 1.01], "its accuracies"),
            ("/readings/1/accuracy", [0.0, 1.0], [-0.01, 1.01], "its accuracies"),
            ("/best/1", [0.0, 1.0], [-0.01, 4e38], best),
            ("/epochs/0/seconds", [1e-9, f64::MAX], [0.0, -1.0], "its seconds"),
            ("/position/seconds", [0.0, f64::MAX], [-1e-9, -f64::MAX], "its seconds"),
        ] {
            for number in possible {
                assert_eq!(changed(&path, &[(place, json!(number))]), Ok(()), "{place} {number}");
            }
            for number in impossible {
                let error = changed(&path, &[(place, json!(number))]).unwrap_err();
                assert!(error.ends_with(&format!("itself in {part}")), "{place} {number}: {error}");
            }
        }
        let endless =
            ["/epochs/0/seconds", "/position/seconds"].map(|place| (place, json!(f64::MAX)));
        assert!(changed(&path, &endless).unwrap_err().ends_with("itself in its seconds"));
    }
}

/// A network of more weights than there are numbers in the file takes no memory.
#[test]
fn a_checkpoint_without_its_tensors_is_refused_before_its_network_is_made() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder);
    let mut checkpoint = Checkpoint::<f64>::read(&path).unwrap();
    let account = checkpoint.metadata.get_mut("training").unwrap();
    *account = account.replace(r#""widths":[2,8,2]"#, r#""widths":[2,100000,2]"#);
    checkpoint.seal();
    checkpoint.write(&path).unwrap();
    let error = Training::<f64>::resume(&path).unwrap_err().to_string();
    assert!(error.ends_with("contradicts itself in the size of its network"), "{error}");
}

#[test]
fn data_that_cannot_be_trained_on_are_refused_again() {
    let black = Dataset::from_bytes("black", &[25, 25], 2, vec![0; 2 * 625], vec![0, 1]).unwrap();
    let model = Model::Flagship(Flagship::new([25, 25, 1], 2).filters([1, 1, 1]));
    let mut training = Training::<f64>::new(Plan { model, ..plan() }).unwrap();
    for _ in 0..2 {
        let error = training.prepare(&black, None).unwrap_err().to_string();
        assert!(error.contains("standard deviations above 0"), "{error}");
    }
}

#[test]
fn a_checkpoint_without_a_checksum_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder);
    let mut checkpoint = Checkpoint::<f64>::read(&path).unwrap();
    checkpoint.metadata.remove("sha256").unwrap();
    checkpoint.write(&path).unwrap();
    let error = Training::<f64>::resume(&path).unwrap_err().to_string();
    assert!(error.contains("no `sha256` in its metadata"), "{error}");
}

#[test]
fn a_training_goes_on_with_the_very_samples_that_it_began_with() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder);
    let all = ellipse::draw(300, ellipse::ELLIPSE, 5);
    let split = |counts, seed| split::by_counts(&all, counts, seed).unwrap();
    let go_on = |[train, validation]: &[Dataset; 2], validated: bool| {
        let mut training = Training::<f64>::resume(&path).unwrap();
        training.run(train, validated.then_some(validation), None, go).map_err(|e| e.to_string())
    };
    assert_eq!(go_on(&split([210, 90], 1), true), Ok(Ending::Finished));
    // Another split, part, order, input, or none.
    let error = go_on(&split([210, 90], 2), true).unwrap_err();
    assert!(error.contains("began on 210 samples of points and a conic (SHA-256 "), "{error}");
    let error = go_on(&split([210, 80], 1), true).unwrap_err();
    assert!(error.contains("90 samples") && error.contains("80 samples"), "{error}");
    let [train, validation] = split([210, 90], 1);
    let order: Vec<usize> = (0..210).rev().collect();
    go_on(&[train.select(&order), validation.clone()], true).unwrap_err();
    let mut inputs: Vec<f32> = Vec::new();
    for sample in 0..210 {
        let mut point = [0.0; 2];
        train.read(sample, &mut point);
        inputs.extend(point);
    }
    let labels: Vec<u8> = (0..210).map(|sample| train.label(sample) as u8).collect();
    let made = |inputs: &[f32], labels: &[u8]| {
        let train = Dataset::from_reals(train.name(), &[2], 2, inputs.to_vec(), labels.to_vec());
        go_on(&[train.unwrap(), validation.clone()], true)
    };
    assert_eq!(made(&inputs, &labels), Ok(Ending::Finished));
    let mut labels = labels;
    labels[0] ^= 1;
    made(&inputs, &labels).unwrap_err();
    labels[0] ^= 1;
    inputs[419] += 1e-6;
    made(&inputs, &labels).unwrap_err();
    let plan = Plan { keep_best: false, ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    training.run(&train, Some(&validation), Some(&path), |_| ControlFlow::Break(())).unwrap();
    let error = go_on(&[train, validation.clone()], false).unwrap_err();
    assert!(error.ends_with("not validated"), "{error}");
}

#[test]
fn notes_come_back_from_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let [train, _] = data();
    let mut training = Training::<f64>::new(plan()).unwrap();
    training.notes_mut().insert("who".to_owned(), "a program".to_owned());
    training.run(&train, None, Some(&path), go).unwrap();
    assert_eq!(Training::<f64>::resume(&path).unwrap().notes(), training.notes());
}

/// The weights after the only update, of which no loss was taken.
#[test]
fn weights_that_are_not_finite_are_found_after_their_epoch() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let [train, _] = data();
    let schedule = Schedule::Constant { rate: f64::MAX };
    let plan = Plan { epochs: 1, batch: 210, rule: Rule::Sgd, l2: 10.0, schedule, ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    let error = training.run(&train, None, Some(&path), go).unwrap_err();
    let message = error.to_string();
    let TrainError::NotFinite { name, value, step, epoch, .. } = error else { panic!("{error}") };
    assert!(name.ends_with(".weight") && !value.is_finite(), "{name} {value}");
    assert_eq!((step, epoch), (1, 1));
    assert!(message.ends_with("the training diverged. Try a rate a tenth as large"), "{message}");
    assert!(!path.exists(), "nothing is saved of it");
}

/// Finite weights, so large that a product of them is not.
#[test]
fn a_loss_on_other_data_that_is_not_finite_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let [train, validation] = data();
    let schedule = Schedule::Constant { rate: 1e200 };
    for averaging in [None, Some(Averaging::Exponential { decay: 0.5 })] {
        let plan =
            Plan { epochs: 1, batch: 210, rule: Rule::Sgd, schedule: schedule.clone(), ..plan() };
        let mut training = Training::<f64>::new(Plan { averaging, ..plan }).unwrap();
        let error = training.run(&train, Some(&validation), Some(&path), go).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("the loss on the validation data is "), "{message}");
        assert!(message.contains("after update 1 (epoch 1), at rate 1.000e200"), "{message}");
        assert!(!path.exists(), "nothing is saved of it");
    }
    let plan = Plan { epochs: 1, batch: 210, rule: Rule::Sgd, schedule, ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    training.run(&train, None, None, go).unwrap();
    let message = training.test(&validation).unwrap_err().to_string();
    assert!(message.starts_with("the loss on the test data is "), "{message}");
}

#[test]
fn the_last_checkpoint_stands_where_a_training_diverges() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let [train, validation] = data();
    // The rate rises with the second epoch.
    let schedule = Schedule::StepDecay { rate: 0.01, every: 7, factor: 1e307 };
    let plan = Plan { rule: Rule::Sgd, schedule, ..plan() };
    let mut training = Training::<f64>::new(plan).unwrap();
    training.run(&train, Some(&validation), Some(&path), go).unwrap_err();
    let resumed = Training::<f64>::resume(&path).unwrap();
    assert_eq!((resumed.position().epoch, resumed.position().step), (1, 7));
}

#[test]
fn no_patience_is_too_long() {
    let [train, validation] = data();
    for patience in [usize::MAX, usize::MAX / 2 + 1] {
        let plan = Plan { stopping: Some(Stopping::patience(patience)), ..plan() };
        let mut training = Training::<f64>::new(plan).unwrap();
        let ending = training.run(&train, Some(&validation), None, go).unwrap();
        assert_eq!((ending, training.epochs().len()), (Ending::Finished, 4));
    }
}

#[test]
fn what_needs_other_data_is_refused_before_the_first_update() {
    let [train, _] = data();
    let message = |plan| {
        let mut training = Training::<f64>::new(plan).unwrap();
        let error = training.run(&train, None, None, go).unwrap_err();
        assert_eq!(training.position().step, 0);
        error.to_string()
    };
    for plan in [
        Plan { stopping: Some(Stopping::patience(2)), ..plan() },
        Plan { keep_best: true, ..plan() },
    ] {
        assert!(message(plan).starts_with("without validation data no epoch is the best"));
    }
    let views = Plan { views: Views::Flip, ..plan() };
    assert!(message(views).contains("views are taken of images"));
}
