//! `chainrule predict`: what a trained model sees in pictures.

use super::console::{self, Failure, Outcome};
use super::picture;
use crate::checkpoint::{self, Checkpoint};
use crate::model::Model;
use crate::network::Network;
use crate::softmax::argmax;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What `chainrule predict` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A model, or the folder of a training
    model: PathBuf,
    /// PNG or JPEG files of any size: digits, light on dark or dark on light, or pictures in color,
    /// as the model takes them
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// A trained network, and what its classes are called.
struct Classifier {
    network: Network<f32>,
    names: Vec<String>,
}

/// One picture's answer.
struct Prediction<'a> {
    image: &'a Path,
    class: usize,
    probabilities: Vec<f32>,
}

/// Classifies every picture, and prints the probabilities.
pub fn run(arguments: &Arguments) -> Outcome {
    let Classifier { mut network, names } = open(&arguments.model)?;
    let mut predictions = Vec::new();
    for image in &arguments.images {
        let picture = match network.features() {
            picture::PHOTOGRAPH => picture::read_photograph(image)?,
            _ => picture::read_digit(image)?,
        };
        if let Some(notice) = picture.notice {
            console::notice(&format!("{}: {notice}", image.display()));
        }
        let probabilities = network
            .probabilities(&picture.input)
            .map_err(|error| Failure::new(format!("{}: {error}", arguments.model.display())))?;
        let class = argmax(&probabilities);
        predictions.push(Prediction { image, class, probabilities });
    }
    let text = if arguments.json { json(&predictions, &names) } else { text(&predictions, &names) };
    Ok(console::stdout(&text)?)
}

/// The network of a model file.
fn open(path: &Path) -> Result<Classifier, Failure> {
    let path = if path.is_dir() { path.join(super::report::MODEL) } else { path.to_path_buf() };
    let file = Checkpoint::<f32>::read(&path)?;
    let failure =
        |error: &dyn std::error::Error| Failure::new(format!("{}: {error}", path.display()));
    let model: Model =
        serde_json::from_str(checkpoint::text(&file, &path, "model")?).map_err(|e| failure(&e))?;
    let mut network = model.network(1, 0)?;
    network.restore(|name| file.tensors.get(name).cloned()).map_err(|error| failure(&error))?;
    // A model that was saved without names has its classes numbered.
    let saved: Vec<String> = match file.metadata.get("classes") {
        Some(names) => serde_json::from_str(names).map_err(|error| failure(&error))?,
        None => Vec::new(),
    };
    let name = |class: usize| saved.get(class).cloned().unwrap_or_else(|| class.to_string());
    let names = (0..network.classes()).map(name).collect();
    Ok(Classifier { network, names })
}

fn text(predictions: &[Prediction<'_>], names: &[String]) -> String {
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for Prediction { image, class, probabilities } in predictions {
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

fn json(predictions: &[Prediction<'_>], names: &[String]) -> String {
    let predictions: Vec<_> = predictions
        .iter()
        .map(|Prediction { image, class, probabilities }| {
            serde_json::json!({
                "image": image,
                "class": class,
                "name": names[*class],
                "probabilities": probabilities,
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "predictions": predictions }))
}
