//! Every op of the book: its gradient is that of central differences, adds to what is there, and is
//! of an op whose name the catalog has. And what has products counts them.

use approx::RelativeEq;
use chainrule::gradcheck::{Draw, assert_gradients};
use chainrule::{Mode, Tape, Tensor, Var, catalog};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below `folder`.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file: without its comments and its unit tests.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The string literals of the bodies of all `fn name` and the values of all `const NAME`.
fn names(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let bodies = code.split("fn name(&self) -> &'static str {").skip(1).map(|rest| {
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        &rest[..end.unwrap()]
    });
    let constants =
        code.split("const NAME: &'static str").skip(1).map(|rest| rest.split(';').next().unwrap());
    for text in bodies.chain(constants) {
        // Every other piece between quotation marks lies inside of them.
        names.extend(text.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    names
}

/// Whether the code holds an op, or a function that the op `Map` makes one.
fn has_op(code: &str) -> bool {
    ["Op<T> for", "Op<f32> for", "Op<f64> for", "Unary<T> for"]
        .iter()
        .any(|text| code.contains(text))
}

#[test]
fn every_op_has_a_gradient_check() {
    // The op that a case records and the name that the case goes by, where they agree.
    let checked: BTreeSet<String> = catalog::cases()
        .flat_map(|case| {
            let mut tape = Tape::new();
            (case.record)(&mut tape, &mut Draw::new(1)).unwrap();
            let op = |expression: String| expression.split('(').next().unwrap().to_owned();
            let recorded: Vec<String> = tape.vars().map(|var| op(tape.expression(var))).collect();
            recorded.into_iter().filter(|op| case.op.split([',', ' ']).next() == Some(op))
        })
        .collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut found) = (0, 0);
    for path in sources(&src) {
        let code = code(&fs::read_to_string(&path).unwrap());
        // What a study plants is wrong on purpose.
        if !has_op(&code) || path.starts_with(src.join("studies")) {
            continue;
        }
        let names = names(&code);
        assert!(!names.is_empty(), "{}: an op without a name", path.display());
        for name in &names {
            assert!(checked.contains(name), "{}: `{name}` has no case", path.display());
        }
        (files, found) = (files + 1, found + names.len());
    }
    assert!(files >= 5 && found >= 21, "{found} names in {files} files: is this the source?");
}

#[test]
fn every_gradient_is_that_of_central_differences() {
    let cases: Vec<_> = catalog::cases().copied().collect();
    assert_gradients(&cases);
}

/// The triples (a_i, b_j, y_k) in which y_k changes by the product of a change of a_i with one of b_j,
/// for the first two inputs of a case: in a matrix product each of them is one multiplication.
fn products(tape: &mut Tape<f64>, [a, b]: [Var; 2], y: Var) -> u64 {
    let mut count = 0;
    let (a_0, b_0) = (tape.value(a).clone(), tape.value(b).clone());
    let mut at = |i: Option<usize>, j: Option<usize>| {
        for (var, start, moved) in [(a, &a_0, i), (b, &b_0, j)] {
            let mut value = start.clone();
            if let Some(entry) = moved {
                value.as_slice_mut().unwrap()[entry] += 0.1;
            }
            tape.set(var, &value).unwrap();
        }
        tape.forward();
        tape.value(y).clone()
    };
    let neither = at(None, None);
    let b_alone: Vec<Tensor<f64>> = (0..b_0.len()).map(|j| at(None, Some(j))).collect();
    // Of one y_k: whether a pair (i, j) mixes, and in how many j.
    let mut mixing = vec![vec![false; b_0.len()]; neither.len()];
    for i in 0..a_0.len() {
        let a_alone = at(Some(i), None);
        for (j, b_alone) in b_alone.iter().enumerate() {
            let mixed = at(Some(i), Some(j)) - &a_alone - b_alone + &neither;
            for (k, mixed) in mixed.iter().enumerate().filter(|(_, mixed)| mixed.abs() > 1e-9) {
                mixing[k][j] = true;
                count += u64::from(mixed.is_finite());
            }
        }
    }
    at(None, None);
    // Where each y_k mixes with one b_j alone, entries are multiplied and no products summed.
    let sums = mixing.iter().any(|row| row.iter().filter(|&&mixes| mixes).count() > 1);
    if sums { count } else { 0 }
}

#[test]
fn an_op_with_a_product_counts_its_multiplications() {
    let mut counted = 0;
    for case in catalog::cases() {
        let mut tape = Tape::new();
        let y = (case.record)(&mut tape, &mut Draw::new(29)).unwrap();
        let leaves: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
        // A loss sums products too, of a batch's predictions and targets: that is no work worth
        // counting.
        let found = match leaves[..] {
            [a, b, ..] if tape.value(y).ndim() > 0 => products(&mut tape, [a, b], y),
            _ => 0,
        };
        let said = tape.operations().forward / 2;
        assert_eq!(said > 0, found > 0, "{}: says {said}, has {found}", case.op);
        // More where a ReLU stops some, or the padding holds zeros.
        assert!(said >= found, "{}: says {said} multiplications, has {found}", case.op);
        if said > 0 {
            counted += 1;
            assert!(said <= 2 * found, "{}: says {said} multiplications, has {found}", case.op);
        }
    }
    assert!(counted >= 6, "{counted} cases have a product: where are the others?");
}

/// A gradient has a term for each use. Every node of every case is used once more, behind the op:
/// so the other term, 10, is there already when the op's backward pass comes.
#[test]
fn every_op_adds_to_the_gradients_of_its_inputs() {
    for case in catalog::cases() {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 3 });
        let y = (case.record)(&mut tape, &mut Draw::new(29)).unwrap();
        let total = tape.sum(y).unwrap();
        let inputs: Vec<Var> =
            tape.vars().filter(|&var| var < y && !tape.gradient(var).is_empty()).collect();
        assert!(!inputs.is_empty(), "{}: no gradient is wanted", case.op);
        for x in inputs {
            tape.backward(total);
            let expected = tape.gradient(x) + 10.0;
            let tenfold = tape.scale(x, 10.0).unwrap();
            let other = tape.sum(tenfold).unwrap();
            let loss = tape.add(total, other).unwrap();
            tape.backward(loss);
            let dx = tape.gradient(x);
            let found = dx.relative_eq(&expected, 1e-12, 1e-12);
            assert!(found, "{}: of %{}, {dx} in the place of {expected}", case.op, x.index());
        }
    }
}

#[test]
fn cases_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for case in catalog::cases() {
        assert!(names.insert(case.op), "two cases named `{}`", case.op);
    }
}

#[test]
fn names_are_found_where_they_stand() {
    let source = r#"
        // impl Op<T> for Comment { fn name(&self) -> &'static str { "comment" } }
        const NAME: &'static str;
        const NAME: &'static str = "constant";
        fn name(&self) -> &'static str { if self.a { "one" } else { "two" } }
        fn f() { "text" }
        fn name(&self) -> &'static str { F::NAME }
        #[cfg(test)]
        fn name(&self) -> &'static str { "test" }
    "#;
    let found: Vec<String> = names(&code(source)).into_iter().collect();
    assert_eq!(found, ["constant", "one", "two"]);
}
