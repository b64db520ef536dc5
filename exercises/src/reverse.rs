//! Exercises the other way round: you write the test, and suspects stand before it.

/// Asks a test that you wrote about the right suspect and about each of the wrong ones.
///
/// # Panics
/// Where the test refuses the right one or accepts a wrong one: with `task` and which it is.
#[track_caller]
pub fn assert_tells_apart<S>(
    task: &str,
    accepts: impl Fn(S) -> bool,
    right: S,
    faults: impl IntoIterator<Item = (&'static str, S)>,
) {
    assert!(accepts(right), "{task}\n    your test refuses the right one\n");
    let passed: Vec<_> = faults
        .into_iter()
        .filter_map(|(fault, suspect)| accepts(suspect).then(|| format!("    {fault}")))
        .collect();
    assert!(
        passed.is_empty(),
        "{task}\n    your test accepts these faults:\n{}\n",
        passed.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar_suspects::{FAULTS, RIGHT};

    #[test]
    #[should_panic(expected = "your test refuses the right one")]
    fn a_test_that_refuses_all_is_refused() {
        assert_tells_apart("write it", |_| false, RIGHT, FAULTS);
    }

    #[test]
    #[should_panic(expected = "your test accepts these faults:\n    dz_j = dh_j")]
    fn a_test_that_accepts_all_is_refused() {
        assert_tells_apart("write it", |_| true, RIGHT, FAULTS);
    }
}
