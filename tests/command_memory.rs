//! The command where a training would not fit into any machine.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, run, text};
use tempfile::TempDir;

/// What is asked for, and what is said of it.
const ABSURD: &[(&[&str], &[&str])] = &[
    // 784 + 10 weights for each of 10^9 units, and 64 answers, all with gradients: 4 bytes each.
    (&["--layers", "1000000000"], &["784-1000000000-10", "6.9 TB", "smaller layers"]),
    (&["--layers", "18446744073709551615"], &["18446744073709551615", "ZB", "smaller layers"]),
    (&["--layers", "8,1000000000,1000000000"], &["8.0 EB"]),
    (&["--batch", "1000000000"], &["in batches of 1000000000", "6.3 TB", "smaller batch"]),
    (&["--batch", "18446744073709551615"], &["batches of 18446744073709551615", "ZB"]),
    (&["--model", "cnn", "--filters", "1000000000"], &["CNN of 1000000000 filters", "TB"]),
    (&["--model", "cnn", "--filters", "18446744073709551615"], &["smaller layers"]),
    (&["--model", "cnn", "--filters", "8,1000000000,1000000000"], &["72.0 EB"]),
    (&["--model", "lenet", "--batch", "1000000000"], &["LeNet in batches of", "TB"]),
    (
        &["--data", "pictures", "--model", "flagship", "--filters", "8,1000000000,8"],
        &["flagship of 8-1000000000-8 filters", "EB"],
    ),
    (
        &["--data", "pictures", "--model", "flagship", "--filters", "18446744073709551615,1,1"],
        &["flagship", "smaller layers"],
    ),
    (&["--samples", "1000000000000"], &["1000000000000 samples", "793.0 TB", "--samples"]),
    (&["--samples", "18446744073709551615"], &["18446744073709551615 samples", "--samples"]),
    (&["--data", "pictures", "--samples", "1000000000000"], &["3.1 PB", "--samples"]),
    (&["--data", "ellipse", "--samples", "1000000000000"], &["17.0 TB", "--samples"]),
];

#[test]
fn what_fits_into_no_memory_is_refused_with_its_size() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    for (arguments, words) in ABSURD {
        let small = ["train", "--data", "digits", "--samples", "60", "--validation", "20"];
        let command = [&small[..], arguments, &["--out", text(&folder)]].concat();
        assert_failure(&run(&command), words);
        assert!(!folder.exists(), "nothing is made for a training that cannot begin");
    }
}
