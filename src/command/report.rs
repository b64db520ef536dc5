//! What a training leaves behind: its model, its record and its figures.

use super::console::{Failure, program};
use super::quote;
use super::source::Data;
use crate::Tensor;
use crate::data::Dataset;
use crate::file::write_atomically;
use crate::model::Model;
use crate::network::{Evaluation, Maps, Network};
use crate::plot::{ConfusionMatrix, Curves, ImageGrid, WeightImages};
use crate::record::{self, Record, Run};
use crate::train::stopping::Reading;
use crate::train::{Ending, Training};
use indicatif::HumanCount;
use ndarray::{Axis, Ix2, Ix3, Ix4, s};
use std::path::{Path, PathBuf};

/// The trained model, for `predict`.
pub const MODEL: &str = "model.safetensors";
/// The record of the training.
pub const METRICS: &str = "metrics.json";
/// Images in the figure of predictions: five rows of eight.
const PREDICTIONS: usize = 40;
/// Mistakes among them, where there are as many: the last two rows.
const MISTAKES: usize = 16;
/// Units in the figure of the first layer's weights.
const UNITS: usize = 40;
/// Filters, or feature maps, in a figure.
const CHANNELS: usize = 64;
/// Layers with a figure of their feature maps: the first, and one behind it.
const LAYERS: usize = 2;

/// What is said at the end of a training.
pub struct Summary {
    record: Record,
    folder: PathBuf,
}

/// Tests the network, once, and writes model, record and figures into `folder`.
pub fn write(
    training: &mut Training<f32>,
    data: &Data,
    ending: Ending,
    run: Run,
    folder: &Path,
) -> Result<Summary, Failure> {
    let evaluation = training.test(&data.test)?;
    training.save_model(&folder.join(MODEL))?;
    let test = record::Test::new(&evaluation, &data.test);
    let record = Record::new(training, ending, data.describe(), test, run);
    let path = folder.join(METRICS);
    write_atomically(&path, serde_json::to_string_pretty(&record)?.as_bytes())
        .map_err(|error| Failure::new(format!("{}: cannot be written: {error}", path.display())))?;
    save_curves(folder, &record)?;
    let names = (0..data.test.classes()).map(|class| data.test.class_name(class));
    let confusion = ConfusionMatrix::new("Confusion matrix", &record.test.confusion).classes(names);
    save(folder, "confusion", |path| confusion.save(path))?;
    if matches!(data.test.shape(), [_, _] | [_, _, 3]) {
        let predictions = predictions(&data.test, &evaluation);
        save(folder, "predictions", |path| predictions.save(path))?;
    }
    save_layers(folder, training, &data.test)?;
    Ok(Summary { record, folder: folder.to_path_buf() })
}

fn save<E: std::error::Error + 'static>(
    folder: &Path,
    name: &str,
    save: impl Fn(&Path) -> Result<(), E>,
) -> Result<(), E> {
    ["svg", "png"]
        .iter()
        .try_for_each(|extension| save(&folder.join(name).with_extension(extension)))
}

fn save_curves(folder: &Path, record: &Record) -> Result<(), Failure> {
    let Record { epochs, data, .. } = record;
    let percent = |accuracy: f64| 100.0 * accuracy;
    let looks = validation(record);
    let losses: [Vec<f64>; 2] = [
        epochs.iter().map(|epoch| epoch.train_loss).collect(),
        looks.iter().map(|look| look.loss).collect(),
    ];
    let mut loss =
        Curves::new(format!("Loss on {}", data.name)).x("epoch").y("loss (nats a sample)");
    // A line of zeros has no place on a logarithmic axis.
    if losses.iter().all(|line| line.is_empty() || line.iter().any(|&loss| loss > 0.0)) {
        loss = loss.log_y();
    }
    let mut accuracy =
        Curves::new(format!("Accuracy on {}", data.name)).x("epoch").y("accuracy (%)");
    // A training that stops early may end in its first epoch.
    if !epochs.is_empty() {
        let numbers = || epochs.iter().map(|epoch| epoch.epoch as f64);
        loss = loss.line("training", numbers(), losses[0].iter().copied());
        let accuracies = epochs.iter().map(|epoch| percent(epoch.train_accuracy));
        accuracy = accuracy.line("training", numbers(), accuracies);
    }
    if !looks.is_empty() {
        let at = || looks.iter().map(|look| look.epoch);
        loss = loss.line("validation", at(), losses[1].iter().copied());
        let accuracies = looks.iter().map(|look| percent(look.accuracy));
        accuracy = accuracy.line("validation", at(), accuracies);
    }
    save(folder, "loss", |path| loss.save(path))?;
    save(folder, "accuracy", |path| accuracy.save(path))?;
    Ok(())
}

/// A look at the validation samples.
struct Look {
    /// Epochs before it, with the part of the one that ran.
    epoch: f64,
    loss: f64,
    accuracy: f64,
}

/// The looks at the validation samples: where early stopping read between updates, those.
fn validation(record: &Record) -> Vec<Look> {
    let in_epoch = record.data.train.div_ceil(record.plan.batch) as f64;
    let between = record.readings.iter().map(|reading| Look {
        epoch: reading.update as f64 / in_epoch,
        loss: reading.loss,
        accuracy: reading.accuracy,
    });
    let after = record.epochs.iter().filter_map(|epoch| {
        let (loss, accuracy) = (epoch.validation_loss?, epoch.validation_accuracy?);
        Some(Look { epoch: epoch.epoch as f64, loss, accuracy })
    });
    if record.readings.is_empty() { after.collect() } else { between.collect() }
}

/// Of the weights that the model has: the loss of their epoch, where it has ended, and their validation
/// accuracy.
fn kept(record: &Record) -> (Option<f64>, Option<f64>) {
    let best = record.best_epoch.filter(|_| record.plan.keep_best);
    let epoch = best.unwrap_or(record.epochs.len()).checked_sub(1);
    let epoch = epoch.and_then(|epoch| record.epochs.get(epoch));
    let train_loss = epoch.map(|epoch| epoch.train_loss);
    let by_epoch = epoch.and_then(|epoch| epoch.validation_accuracy);
    let measure = record.plan.stopping.map(|stopping| stopping.measure).unwrap_or_default();
    let better = |best: Reading, now: &Reading| {
        let [before, after] = [&best, now].map(|it| measure.of(it.loss, it.accuracy));
        if measure.gain(after, before) > 0.0 { *now } else { best }
    };
    let readings = record.readings.split_first().filter(|_| record.plan.keep_best);
    let between = readings.map(|(&first, rest)| rest.iter().fold(first, better).accuracy);
    (train_loss, between.or(by_epoch))
}

/// Test images with what the network says, its mistakes last.
fn predictions(test: &Dataset, evaluation: &Evaluation) -> ImageGrid {
    let wrong = |&sample: &usize| evaluation.predictions[sample] != test.label(sample);
    let mistakes: Vec<_> = (0..test.len()).filter(wrong).take(MISTAKES).collect();
    let right = (0..test.len()).filter(|sample| !wrong(sample)).take(PREDICTIONS - mistakes.len());
    let mut grid = ImageGrid::new("Predictions on test images");
    for sample in right.chain(mistakes.iter().copied()) {
        let image = image(test, sample);
        let [truth, predicted] = [test.label(sample), evaluation.predictions[sample]];
        grid = grid.prediction(&image, test.class_name(truth), test.class_name(predicted));
    }
    grid
}

fn image(data: &Dataset, sample: usize) -> Tensor<f32> {
    let mut image = Tensor::zeros(data.shape());
    data.read(sample, image.as_slice_mut().expect("a new array is contiguous"));
    image
}

/// Figures of what the first layer has learned and, of a convolutional network, of what layers
/// answer to the first test image.
fn save_layers(folder: &Path, training: &mut Training<f32>, test: &Dataset) -> Result<(), Failure> {
    let &([height, width] | [height, width, 3]) = test.shape() else { return Ok(()) };
    let model = training.plan().model.clone();
    let network = training.network_mut();
    if let Model::Mlp(_) = model {
        let weights = weights(network, [height, width]);
        return Ok(save(folder, "weights", |path| weights.save(path))?);
    }
    let filters = filters(network, &model);
    save(folder, "filters", |path| filters.save(path))?;
    let picture = image(test, 0);
    // One pass: what the layers answer stays on the tape.
    network.probabilities(picture.as_slice().expect("a new array is contiguous"))?;
    for Maps { name, var } in network.maps().iter().take(LAYERS) {
        let maps = network.tape.value(*var).index_axis(Axis(0), 0);
        let maps = maps.into_dimensionality::<Ix3>().expect("a layer's maps have three axes");
        let count = maps.dim().2;
        let shown = maps.slice(s![.., .., ..count.min(CHANNELS)]).to_owned();
        let figure = WeightImages::new(title(&format!("Feature maps of {name}"), count))
            .quantity("activation")
            .maps(&shown)
            .beside(&picture, test.class_name(test.label(0)));
        save(folder, &format!("maps-{name}"), |path| figure.save(path))?;
    }
    Ok(())
}

fn weights(network: &Network<f32>, [height, width]: [usize; 2]) -> WeightImages {
    let first = network.parameters()[0].var;
    let weights = network.tape.value(first).view().into_dimensionality::<Ix2>();
    let weights = weights.expect("the first parameter of an MLP is a matrix");
    let shown = weights.slice(s![.., ..weights.ncols().min(UNITS)]).to_owned();
    WeightImages::new("Weights into the first hidden units").units(&shown, height, width)
}

/// The filters that see the picture itself.
fn filters(network: &Network<f32>, model: &Model) -> WeightImages {
    let whitens = matches!(model, Model::Flagship(_));
    let first = if whitens { network.frozen()[0].var } else { network.parameters()[0].var };
    let filters = network.tape.value(first).view().into_dimensionality::<Ix4>();
    let filters = filters.expect("the first weights of a convolutional network are filters");
    let count = filters.dim().3;
    let shown = filters.slice(s![.., .., .., ..count.min(CHANNELS)]).to_owned();
    let figure = WeightImages::new(title("Filters of the first layer", count)).filters(&shown);
    // A whitening filter is the larger the rarer its pattern is.
    if whitens { figure.own_scales() } else { figure }
}

/// What is shown, and how much of it where that is not all.
fn title(what: &str, count: usize) -> String {
    match count {
        ..=CHANNELS => what.to_owned(),
        _ => format!("{what}: {CHANNELS} of {count}"),
    }
}

impl Summary {
    /// For a human.
    pub fn text(&self) -> String {
        let Self { record, folder } = self;
        let ended = match (&record.stop, record.best_epoch) {
            (Some(stop), Some(best)) => format!(
                "Stopped:  after update {} in epoch {}: {}. The weights are those of epoch {best}\n",
                HumanCount(stop.update),
                stop.epoch,
                stop.reason
            ),
            _ => String::new(),
        };
        format!(
            "{ended}Tested:   {:.2} % right of {} samples of {}\n\
             Trained:  {:.1} s, {} samples/s\n\
             Written:  model, metrics and figures into {}\n\
             Try it:   {} predict {} PICTURE.png",
            100.0 * record.test.accuracy,
            HumanCount(record.data.test as u64),
            record.data.test_name,
            record.seconds,
            HumanCount(record.samples_per_second as u64),
            folder.display(),
            program(),
            quote::path(folder),
        )
    }

    /// For a program: one object.
    pub fn json(&self) -> serde_json::Value {
        let Self { record, folder } = self;
        let (train_loss, validation_accuracy) = kept(record);
        serde_json::json!({
            "data": record.data.name,
            "seed": record.plan.seeds,
            "epochs": record.epochs.len(),
            "threads": record.machine.threads,
            "parameters": record.parameters,
            "train_loss": train_loss,
            "validation_accuracy": validation_accuracy,
            "test_accuracy": record.test.accuracy,
            "seconds": record.seconds,
            "samples_per_second": record.samples_per_second,
            // JSON has no other bytes than text's.
            "out": folder.to_string_lossy(),
        })
    }
}
