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
use crate::train::{Ending, Epoch, Training};
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
    let name = data.train.name();
    save_curves(folder, name, training.epochs())?;
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

fn save_curves(folder: &Path, data: &str, epochs: &[Epoch]) -> Result<(), Failure> {
    let numbers = || epochs.iter().map(|epoch| epoch.epoch as f64);
    let mut loss = Curves::new(format!("Loss on {data}"))
        .x("epoch")
        .y("loss (nats a sample)")
        .log_y()
        .line("training", numbers(), epochs.iter().map(|epoch| epoch.train_loss));
    let percent = |accuracy: f64| 100.0 * accuracy;
    let mut accuracy = Curves::new(format!("Accuracy on {data}"))
        .x("epoch")
        .y("accuracy (%)")
        .line("training", numbers(), epochs.iter().map(|epoch| percent(epoch.train_accuracy)));
    if epochs.iter().all(|epoch| epoch.validation_loss.is_some()) {
        let losses = epochs.iter().filter_map(|epoch| epoch.validation_loss);
        loss = loss.line("validation", numbers(), losses);
        let accuracies = epochs.iter().filter_map(|epoch| epoch.validation_accuracy.map(percent));
        accuracy = accuracy.line("validation", numbers(), accuracies);
    }
    save(folder, "loss", |path| loss.save(path))?;
    save(folder, "accuracy", |path| accuracy.save(path))?;
    Ok(())
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
        let ended = match (record.ending, record.best_epoch) {
            (Ending::StoppedEarly, Some(best)) => {
                format!("Stopped early; the weights are those of epoch {best}\n")
            }
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
        // The epoch whose weights the model has.
        let kept = record.best_epoch.filter(|_| record.plan.keep_best);
        let kept = record.epochs.get(kept.unwrap_or(record.epochs.len()) - 1);
        serde_json::json!({
            "data": record.data.name,
            "seed": record.plan.seeds,
            "epochs": record.epochs.len(),
            "threads": record.machine.threads,
            "parameters": record.parameters,
            "train_loss": kept.map(|epoch| epoch.train_loss),
            "validation_accuracy": kept.and_then(|epoch| epoch.validation_accuracy),
            "test_accuracy": record.test.accuracy,
            "seconds": record.seconds,
            "samples_per_second": record.samples_per_second,
            // JSON has no other bytes than text's.
            "out": folder.to_string_lossy(),
        })
    }
}
