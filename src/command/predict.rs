//! `chainrule predict`: what a trained model sees in pictures.

use super::console::{self, Failure, Outcome};
use super::picture::{self, PictureError, Reader};
use crate::checkpoint::{self, Checkpoint};
use crate::memory;
use crate::model::Model;
use crate::network::Network;
use crate::softmax::argmax;
use crate::tensor::ShapeError;
use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What `chainrule predict` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A model, or the folder of a training
    model: PathBuf,
    /// PNG or JPEG files: digits, light on dark or dark on light, or pictures in color, as the model
    /// takes them. Of any size up to 50 million pixels and 100 MB, which take less than 1 GB of memory
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Numbers that a network may take more than its file holds. A layer of one unit has few, and takes more
/// than a kilobyte.
const ROOM: usize = 1 << 16;

/// Most characters of a class's name: all names are printed as wide as the widest.
const MAX_NAME: usize = 100;

/// A trained network, and what its classes are called.
#[derive(Debug)]
pub struct Classifier {
    network: Network<f32>,
    names: Vec<String>,
    read: Reader,
}

/// One picture's answer.
#[derive(Debug)]
pub struct Prediction {
    /// The class with the highest probability.
    pub class: usize,
    /// The probability of each class.
    pub probabilities: Vec<f32>,
    /// What was done to the picture that its sender may not expect.
    pub notice: Option<&'static str>,
}

/// What came of one picture: an answer, or why there is none.
type Answer<'a> = (&'a Path, Result<Prediction, PredictError>);

/// A picture that gets no answer.
#[derive(Debug, Error)]
pub enum PredictError {
    /// It cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The network does not take it.
    #[error("{}: {source}", path.display())]
    Shape {
        /// The picture.
        path: PathBuf,
        /// Why not.
        source: ShapeError,
    },
    /// The network's answer is none.
    #[error(
        "{}: the model's probabilities are no numbers: its weights are too large. Train it with a \
         lower --rate",
        path.display()
    )]
    NotFinite {
        /// The picture.
        path: PathBuf,
    },
}

/// Classifies every picture, and prints the probabilities. One that gets no answer does not keep the
/// others from theirs.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut classifier = Classifier::open(&arguments.model)?;
    let images = arguments.images.iter().map(PathBuf::as_path);
    let answers: Vec<Answer<'_>> =
        images.map(|image| (image, classifier.classify(image))).collect();
    for (image, prediction) in predictions(&answers) {
        if let Some(notice) = prediction.notice {
            console::notice(&format!("{}: {notice}", image.display()));
        }
    }
    let names = &classifier.names;
    let text = if arguments.json { json(&answers, names) } else { text(&answers, names) };
    console::stdout(&text)?;
    let failures = answers.iter().filter_map(|(_, answer)| answer.as_ref().err());
    let failures: Vec<String> = failures.map(ToString::to_string).collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(failures.join("\n"))),
    }
}

impl Classifier {
    /// The network of a model file, or of the one in a training's folder.
    ///
    /// # Errors
    /// [`Failure`] where the file cannot be read, or is no model that takes pictures.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let path = if path.is_dir() { path.join(super::report::MODEL) } else { path.to_path_buf() };
        let file = Checkpoint::<f32>::read(&path)?;
        let failure = |error: &dyn Display| Failure::new(format!("{}: {error}", path.display()));
        let model: Model = serde_json::from_str(checkpoint::text(&file, &path, "model")?)
            .map_err(|e| failure(&e))?;
        let read = picture::reader(model.features()).ok_or_else(|| {
            Failure::new(format!(
                "{}: the network takes inputs of {} entries, and a picture is {} (a digit) or {} (in \
                 color). Name another model",
                path.display(),
                model.features(),
                picture::DIGIT,
                picture::PHOTOGRAPH
            ))
        })?;
        // Before the network takes its memory. Of what takes little, the wrong tensor is named below.
        let saved = file.tensors.values().map(|tensor| tensor.len()).sum::<usize>();
        if model.entries().weights() > (saved + ROOM) as f64 {
            return Err(Failure::new(format!(
                "{}: its plan, {model}, has more than the {saved} numbers that are saved: not written \
                 by chainrule, or damaged",
                path.display()
            )));
        }
        memory::require(
            format!("{}: its network, {model},", path.display()),
            model.entries().bytes::<f32>(1),
            "take another one",
        )?;
        let mut network = model.network(1, 0).map_err(|error| failure(&error))?;
        network.restore(|name| file.tensors.get(name).cloned()).map_err(|error| failure(&error))?;
        let names = class_names(&file, network.classes()).map_err(|error| failure(&error))?;
        Ok(Self { network, names, read })
    }

    /// What the network sees in the picture at `image`.
    ///
    /// # Errors
    /// [`PredictError`].
    pub fn classify(&mut self, image: &Path) -> Result<Prediction, PredictError> {
        let path = || image.to_path_buf();
        let picture = (self.read)(image)?;
        let probabilities = self
            .network
            .probabilities(&picture.input)
            .map_err(|source| PredictError::Shape { path: path(), source })?;
        if !probabilities.iter().all(|p| p.is_finite()) {
            return Err(PredictError::NotFinite { path: path() });
        }
        let (class, notice) = (argmax(&probabilities), picture.notice);
        Ok(Prediction { class, probabilities, notice })
    }
}

/// What the file of a model calls its classes. Without names they are numbered.
fn class_names(file: &Checkpoint<f32>, classes: usize) -> Result<Vec<String>, String> {
    let saved: Vec<String> = match file.metadata.get("classes") {
        Some(names) => serde_json::from_str(names).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    if let Some(name) = saved.iter().find(|name| name.chars().count() > MAX_NAME) {
        let begin: String = name.chars().take(20).collect();
        return Err(format!("the name of its class {begin}… is longer than {MAX_NAME} characters"));
    }
    let name = |class: usize| saved.get(class).cloned().unwrap_or_else(|| class.to_string());
    Ok((0..classes).map(name).collect())
}

/// The answers that there are.
fn predictions<'a>(answers: &'a [Answer<'a>]) -> impl Iterator<Item = (&'a Path, &'a Prediction)> {
    answers.iter().filter_map(|(image, answer)| Some((*image, answer.as_ref().ok()?)))
}

fn text(answers: &[Answer<'_>], names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| console::one_line(name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (image, Prediction { class, probabilities, .. }) in predictions(answers) {
        let (name, percent) = (&names[*class], 100.0 * probabilities[*class]);
        let _ = writeln!(text, "{}: {name} ({percent:.1} %)", image.display());
        for (name, probability) in names.iter().zip(probabilities) {
            let bar = "█".repeat((probability * 40.0).round() as usize);
            let line = format!("  {name:width$}  {:>5.1} %  {bar}", 100.0 * probability);
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

fn json(answers: &[Answer<'_>], names: &[String]) -> String {
    let failures =
        answers.iter().filter_map(|(image, answer)| Some((image, answer.as_ref().err()?)));
    let failures: Vec<_> = failures
        .map(|(image, error)| {
            serde_json::json!({ "image": image.to_string_lossy(), "error": error.to_string() })
        })
        .collect();
    let predictions: Vec<_> = predictions(answers)
        .map(|(image, Prediction { class, probabilities, .. })| {
            serde_json::json!({
                // JSON has no other bytes than text's.
                "image": image.to_string_lossy(),
                "class": class,
                "name": names[*class],
                "probabilities": probabilities,
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "predictions": predictions, "failures": failures }))
}
