//! Chapter 11: records and model files of before a plan had one loss. Chapter 15: the records of what
//! made training faster.

#![cfg(feature = "train")]

use chainrule::Mlp;
use chainrule::cnn::{Cnn, Flagship, Lenet};
use chainrule::fraction::Fraction;
use chainrule::model::Model;
use chainrule::record::Record;
use chainrule::softmax::{Loss, Reduction};
use chainrule::throughput::WORKLOADS;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

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

/// The object, if it has these fields and no other.
fn object<'a>(value: &'a Value, fields: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let object = value.as_object().ok_or("no object")?;
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut expected = fields.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    if found == expected { Ok(object) } else { Err(format!("{found:?} in place of {expected:?}")) }
}

/// What is wrong with a record of a change that made training faster.
fn fault_of_speed(text: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let fields = ["change", "commit", "before", "measured", "cpu", "cores", "date"];
    let record = object(&value, &fields)?;
    let text = |name: &str| record[name].as_str().ok_or(format!("{name} is no text"));
    for name in ["commit", "before"] {
        let commit = text(name)?;
        if commit.len() < 7 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{name} is no commit: {commit}"));
        }
    }
    if text("change")?.len() < 20 || !text("change")?.ends_with('.') {
        return Err("change is no sentence".to_owned());
    }
    let pattern = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    if !text("date")?.bytes().map(pattern).eq(*b"0000-00-00") {
        return Err("date is no day".to_owned());
    }
    if text("cpu")?.is_empty() || record["cores"].as_u64().is_none_or(|cores| cores == 0) {
        return Err("cpu and cores name no machine".to_owned());
    }
    let measured = record["measured"].as_array().filter(|measured| !measured.is_empty());
    for entry in measured.ok_or("nothing is measured")? {
        let entry = object(entry, &["workload", "threads", "before", "after"])?;
        let name = &entry["workload"];
        if !WORKLOADS.iter().any(|workload| name == workload.name) {
            return Err(format!("there is no workload {name}"));
        }
        let positive = |name: &str| entry[name].as_f64().is_some_and(|number| number > 0.0);
        if entry["threads"].as_u64().is_none()
            || !["threads", "before", "after"].iter().all(|name| positive(name))
        {
            return Err(format!("{name}: threads, before and after must be above 0"));
        }
    }
    Ok(())
}

#[test]
fn records_of_speed_are_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/records/speed");
    let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(!files.is_empty());
    for (k, path) in (1..).zip(&files) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{k:02}-")), "{name} is number {k}");
        if let Err(fault) = fault_of_speed(&fs::read_to_string(path).unwrap()) {
            panic!("{name}: {fault}");
        }
    }
}

#[test]
fn a_record_of_speed_that_is_not_whole_is_found() {
    let whole = r#"{"change": "The loop reads each number once.", "commit": "15e9415",
        "before": "1ecb3aa", "measured": [{"workload": "lenet-b32", "threads": 2, "before": 8.0,
        "after": 9.5}], "cpu": "AMD EPYC", "cores": 2, "date": "2026-11-30"}"#;
    assert_eq!(fault_of_speed(whole), Ok(()));
    for (part, other) in [
        ("\"cores\": 2, ", ""),
        ("\"cores\": 2", "\"cores\": 0"),
        ("lenet-b32", "lenet-b33"),
        ("9.5", "-9.5"),
        ("9.5", "\"fast\""),
        ("\"threads\": 2", "\"threads\": 0"),
        ("15e9415", "HEAD"),
        ("2026-11-30", "today"),
        ("once.", "once"),
        ("{", "["),
    ] {
        assert!(fault_of_speed(&whole.replacen(part, other, 1)).is_err(), "{other} for {part}");
    }
}

/// What is wrong with a record of all rivals, as `benches/peers --json` leaves it.
fn fault_of_rivals(text: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let record = object(&value, &["machine", "versions", "seconds", "results", "left_out"])?;
    for name in ["processor", "date", "system"] {
        if record["machine"][name].as_str().is_none_or(str::is_empty) {
            return Err(format!("no {name} of the machine"));
        }
    }
    let results = record["results"].as_object().ok_or("results are no object")?;
    for name in WORKLOADS.iter().map(|workload| workload.name) {
        let rivals = results.get(name).and_then(Value::as_object);
        let rivals = rivals.ok_or(format!("{name} was not measured"))?;
        for needed in ["chainrule", "pytorch", "jax"] {
            if rivals.get(needed).and_then(Value::as_object).is_none_or(Map::is_empty) {
                return Err(format!("{name} has no number for {needed}"));
            }
        }
        for (rival, variants) in rivals {
            for (variant, found) in variants.as_object().ok_or("a rival without variants")? {
                let windows = found["rounds"].as_array().ok_or("no rounds")?.iter();
                let windows: Vec<f64> = windows
                    .filter_map(Value::as_array)
                    .flatten()
                    .filter_map(Value::as_f64)
                    .collect();
                let best = windows.iter().copied().fold(0.0, f64::max);
                if windows.len() != 6 || found["samples_per_second"].as_f64() != Some(best) {
                    return Err(format!("{name}, {rival}, {variant}: not the best of six windows"));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_record_of_rivals_is_whole() {
    let whole = include_str!("../notebooks/records/rivals.json");
    assert_eq!(fault_of_rivals(whole), Ok(()));
    for (part, other) in [
        ("\"processor\":\"", "\"processor\":\"\",\"was\":\""),
        ("lenet-b32", "lenet-b33"),
        ("\"samples_per_second\":", "\"samples_per_second\":1"),
        ("\"rounds\":[[", "\"rounds\":[[1.0,"),
        ("\"jax\":{\"step\"", "\"Jax\":{\"step\""),
        ("{", "["),
    ] {
        assert!(fault_of_rivals(&whole.replacen(part, other, 1)).is_err(), "{other} for {part}");
    }
}
