//! Chapter 11: records and model files of before a plan had one loss.

#![cfg(feature = "train")]

use chainrule::Mlp;
use chainrule::cnn::{Cnn, Flagship, Lenet};
use chainrule::fraction::Fraction;
use chainrule::model::Model;
use chainrule::record::Record;
use chainrule::softmax::{Loss, Reduction};

fn fraction(value: f64) -> Fraction {
    Fraction::new(value).unwrap()
}

/// What `chainrule train --layers 8 --batch-norm --dropout 0.2` wrote into its model file.
const MLP: &str = r#"{"mlp":{"widths":[784,8,10],"activations":["relu"],"init":"he-normal",
    "bias":0.0,"batch_norm":true,"dropout":0.2,"reduction":"mean","smoothing":0.0}}"#;

/// What `chainrule train --model cnn --filters 4 --smoothing 0.1` wrote into its.
const CNN: &str = r#"{"cnn":{"image":[32,32,3],"classes":10,"filters":[4],"batch_norm":false,
    "dropout":0.0,"divergence":false,"smoothing":0.1}}"#;

/// The plan of that MLP.
fn mlp(loss: Loss) -> Model {
    let plan = Mlp::new(&[784, 8, 10]).unwrap().batch_norm(true).dropout(fraction(0.2));
    Model::Mlp(plan.loss(loss))
}

/// The plan of that CNN.
fn cnn(loss: Loss) -> Model {
    Model::Cnn(Cnn::new([32, 32, 3], 10).filters(&[4]).loss(loss))
}

fn smoothed(share: f64) -> Loss {
    Loss { smoothing: fraction(share), ..Loss::default() }
}

/// The `metrics.json` of that MLP, with a confusion matrix of two classes, and MODEL for its model.
const RECORD: &str = r#"{
    "plan": {
        "model": MODEL,
        "epochs": 1,
        "batch": 64,
        "rule": { "rule": "nesterov", "momentum": 0.9 },
        "schedule": {
            "schedule": "one-cycle", "peak": 0.1, "steps": 4, "pct_start": 0.3,
            "div_factor": 25.0, "final_div_factor": 10000.0
        },
        "l2": 0.0,
        "augmentation": { "flip": "none", "translate": 0, "cutout": 0 },
        "views": "one",
        "seed": 29,
        "patience": null,
        "keep_best": false
    },
    "data": {
        "name": "drawn digits", "test_name": "drawn digits", "train": 250, "validation": 50,
        "test": 300, "sha256": {}
    },
    "parameters": 6378,
    "epochs": [{
        "epoch": 1, "train_loss": 2.5964056777954103, "train_accuracy": 0.136,
        "validation_loss": 2.3091089725494385, "validation_accuracy": 0.2, "rate": 4e-7,
        "seconds": 0.001148343, "samples_per_second": 217704.98884044227
    }],
    "best_epoch": 1,
    "ending": "finished",
    "seconds": 0.001148343,
    "samples_per_second": 217704.98884044227,
    "test": {
        "loss": 2.3074874877929688, "accuracy": 0.11666666666666667,
        "confusion": [[1, 0], [0, 1]], "precision": [1.0, null], "recall": [1.0, 1.0]
    },
    "command": "chainrule train --layers 8 --batch-norm --dropout 0.2",
    "wall_seconds": 0.063426397,
    "machine": { "cpu": "AMD EPYC", "cores": 2, "threads": 1 },
    "version": "0.1.0",
    "date": "2026-11-30T13:12:51Z"
}"#;

#[test]
fn old_records_are_read() {
    for (text, model) in [(MLP, mlp(Loss::default())), (CNN, cnn(smoothed(0.1)))] {
        let record: Record = serde_json::from_str(&RECORD.replace("MODEL", text)).unwrap();
        assert_eq!(record.plan.model, model);
        assert_eq!(record.test.loss, 2.3074874877929688);
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), record);
    }
}

#[test]
fn old_model_files_are_read() {
    let image = [32, 32, 3];
    let summed = Loss { reduction: Reduction::Sum, ..smoothed(0.1) };
    let divergence = Loss { divergence: true, ..smoothed(0.1) };
    for (text, model) in [
        (MLP.to_owned(), mlp(Loss::default())),
        // Smoothing came later than the other settings of an MLP.
        (MLP.replace(r#","smoothing":0.0"#, ""), mlp(Loss::default())),
        (MLP.replace("mean", "sum").replace("0.0}", "0.1}"), mlp(summed)),
        (CNN.to_owned(), cnn(smoothed(0.1))),
        (CNN.replace(r#""divergence":false"#, r#""divergence":true"#), cnn(divergence)),
        (
            CNN.replace(r#""batch_norm""#, r#""hidden":[6,5],"batch_norm""#),
            Model::Cnn(Cnn::new(image, 10).filters(&[4]).hidden(&[6, 5]).loss(smoothed(0.1))),
        ),
        (
            r#"{"lenet":{"image":[32,32,3],"classes":10}}"#.to_owned(),
            Model::Lenet(Lenet::new(image, 10)),
        ),
        (
            r#"{"flagship":{"image":[32,32,3],"classes":10,"filters":[64,256,256],"whitening":
                {"kernel":2,"epsilon":0.0005,"images":5000},"smoothing":0.2}}"#
                .to_owned(),
            Model::Flagship(Flagship::new(image, 10)),
        ),
    ] {
        assert_eq!(serde_json::from_str::<Model>(&text).unwrap(), model, "{text}");
        let written = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Model>(&written).unwrap(), model, "{written}");
    }
}
