//! Every test of this folder, in one program: a program a file would link the library forty times.
//!
//! A file is a module here, so that its name chooses its tests: `cargo test --test all matmul`.

mod activation;
mod allocation;
mod augment;
mod average;
mod catalog;
mod channels;
mod chapters;
mod cifar;
mod cnn;
mod command;
mod command_bench;
mod command_cnn;
mod command_color;
mod command_data;
mod command_memory;
mod command_predict;
mod command_refusals;
mod command_resume;
mod command_shell;
mod conv;
mod data;
mod deform;
mod digits;
mod draw;
mod dropout;
mod elementwise;
mod ellipse;
mod examples;
mod gradcheck;
mod init;
#[cfg(feature = "cli")]
mod judge;
mod lab;
mod matmul;
mod metrics;
mod mlp;
mod normalize;
mod numeric;
mod optim;
mod peers;
mod pictures;
mod plot;
mod precision;
#[cfg(feature = "cli")]
mod process;
mod pytorch;
mod random;
mod records;
mod replay;
mod safetensors;
mod scalar;
mod score;
mod softmax;
mod split;
mod standardize;
mod stopping;
mod strangers;
mod studies;
mod tape;
mod train;
mod views;
mod whiten;

use std::fs;
use std::path::Path;

/// The modules that lie in a folder, without the file that names them, and those that it names.
fn modules(file: &Path) -> [Vec<String>; 2] {
    let mut lying = Vec::new();
    for entry in fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") && path != file
            || path.join("mod.rs").is_file();
        if is_module {
            lying.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    lying.sort();
    let source = fs::read_to_string(file).unwrap();
    let named = source.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    [lying, named.map(str::to_owned).collect()]
}

/// A file that no `mod` names is never compiled, and its tests pass unseen.
#[test]
fn every_file_is_a_module() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all.rs");
    let [lying, named] = modules(&list);
    assert_eq!(lying, named, "left: the files beside {}; right: its modules", list.display());
}
