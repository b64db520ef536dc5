//! A model file as another program sees it: Python's own safetensors opens what the command wrote.

#![cfg(feature = "cli")]

use chainrule::checkpoint::Checkpoint;
use serde_json::Value;
use std::ffi::OsString;
use std::io::Write;
use std::process::Command;
use tempfile::TempDir;

/// Names a Python that has safetensors. Where it is set, the test must not be skipped.
const VARIABLE: &str = "CHAINRULE_PYTHON";

/// Prints each tensor's shape, type, and sum of its entries, each times its place, from 1.
const SCRIPT: &str = "
import json, numpy, sys
from safetensors.numpy import load_file

def describe(tensor):
    places = numpy.arange(1, tensor.size + 1)
    checksum = float(tensor.ravel().astype('float64') @ places)
    return {'shape': tensor.shape, 'type': str(tensor.dtype), 'checksum': checksum}

tensors = load_file(sys.argv[1])
print(json.dumps({name: describe(tensor) for name, tensor in tensors.items()}))
";

/// A Python that has safetensors.
fn python() -> Option<OsString> {
    let has_safetensors = |python: &OsString| {
        let imported = Command::new(python).args(["-c", "import safetensors.numpy"]).output();
        imported.is_ok_and(|output| output.status.success())
    };
    let known = ["python3", "python"].map(OsString::from);
    std::env::var_os(VARIABLE).or_else(|| known.into_iter().find(has_safetensors))
}

#[test]
fn python_opens_a_model_file() {
    let Some(python) = python() else {
        // Past the test's captured output: a skipped test says so.
        let said = writeln!(
            std::io::stderr(),
            "SKIPPED: Python's safetensors did not open a model file, for it is not installed. \
             `pip install numpy safetensors`, or name another Python with {VARIABLE}"
        );
        return said.expect("standard error takes a line");
    };
    let folder = TempDir::new().expect("a temporary folder");
    let trained = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args("train --model cnn --data pictures --samples 300 --validation 50".split(' '))
        .args("--filters 4,6 --batch-norm --epochs 1 --views one --quiet --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("the command starts");
    assert!(trained.status.success(), "{trained:?}");
    let model = folder.path().join("model.safetensors");
    let opened = Command::new(&python).args(["-c", SCRIPT]).arg(&model).output();
    let opened = opened.unwrap_or_else(|error| panic!("{VARIABLE}: {python:?}: {error}"));
    assert!(opened.status.success(), "{python:?}: {}", String::from_utf8_lossy(&opened.stderr));
    let seen: Value = serde_json::from_slice(&opened.stdout).expect("the script prints JSON");
    let written = Checkpoint::<f32>::read(&model).expect("the training wrote a model").tensors;
    let names: Vec<&String> = seen.as_object().expect("an object").keys().collect();
    assert_eq!(names, written.keys().collect::<Vec<_>>());
    assert!(written.contains_key("conv1.weight") && written.contains_key("norm2.running_var"));
    for (name, tensor) in &written {
        let seen = &seen[name];
        assert_eq!(seen["type"], "float32", "{name}");
        assert_eq!(seen["shape"], serde_json::json!(tensor.shape()), "{name}");
        let terms = tensor.iter().zip(1..).map(|(&x, place)| f64::from(x) * f64::from(place));
        let (checksum, size) =
            terms.fold((0.0, 0.0), |(sum, size), term: f64| (sum + term, size + term.abs()));
        let found = seen["checksum"].as_f64().expect("a number");
        assert!((found - checksum).abs() <= 1e-12 * size, "{name}: {found} {checksum}");
    }
}
