//! The examples, as a reader runs them, and the README's copy of one. `cargo test` builds them
//! first; `cargo test --test all examples` runs them as they were last built.

use std::env::{self, consts::EXE_SUFFIX};
use std::process::Command;

/// The numbers before "% right" in what an example prints.
fn shares(example: &str) -> Vec<f64> {
    let test = env::current_exe().expect("a test is a program");
    let built = test.ancestors().nth(2).expect("tests are in `deps`, examples beside it");
    let output = Command::new(built.join(format!("examples/{example}{EXE_SUFFIX}")))
        .output()
        .unwrap_or_else(|error| panic!("{error}: `cargo build --example {example}` builds it"));
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let shares = text.lines().map(|line| {
        let share = line.strip_suffix(" % right").and_then(|line| line.split(' ').next_back());
        share.and_then(|share| share.parse().ok()).unwrap_or_else(|| panic!("no share in: {line}"))
    });
    shares.collect()
}

#[test]
fn digits_are_learned_in_forty_lines() {
    let shares = shares("train");
    assert_eq!(shares.len(), 5);
    assert!(shares[0] < shares[4] && shares[4] > 95.0, "{shares:?}");
    assert!(include_str!("../examples/train.rs").lines().count() <= 40);
}

/// Twice: with 3 hidden units and with 6, before the first step and five times after it.
#[test]
fn the_ellipse_is_learned_on_the_small_tape() {
    let shares = shares("small_tape");
    let [three, six] = [&shares[..6], &shares[6..]];
    assert_eq!(six.len(), 6);
    assert!(three[0] < 60.0 && three[5] > 94.0 && six[5] > three[5], "{shares:?}");
}

#[test]
fn the_readme_shows_the_training_as_it_is() {
    let listing = format!("```rust,no_run\n{}```\n", include_str!("../examples/train.rs"));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&listing), "copy examples/train.rs into the README's block of code");
}
