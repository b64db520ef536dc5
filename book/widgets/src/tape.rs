//! Chapter 2: a tape that the reader writes, read backwards one node at a time.
//!
//! Values and gradients are those of the library's tape. For a visit, the node's op is recorded once
//! more on a tape of its own, where each input is a leaf: what arrives there is what this one visit
//! hands on, also where both inputs are the same node.

pub mod formula;

use crate::Function;
use crate::buffer::answer;
use chainrule::gradcheck::Gradcheck;
use chainrule::{ShapeError, Tape, Var};
use formula::{Formula, Kind, Mistake, Node};
use ndarray::arr1;
use std::cell::RefCell;

/// The largest relative difference of two derivatives that are held to be the same.
const SAME: f64 = 1e-4;

/// A formula on a tape.
#[derive(Debug)]
pub struct Recording {
    formula: Formula,
    tape: Tape<f64>,
    /// The node on the tape of each node of the formula.
    vars: Vec<Var>,
}

/// What is wrong in a backward pass, on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A term is assigned, where it should be added.
    pub assign: bool,
    /// A node is visited as soon as it is reached, where it should wait for all of its consumers.
    pub early: bool,
}

/// What a visit hands to one input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The place of the input.
    pub input: usize,
    /// The local derivative of the visited node in it.
    pub local: f64,
    /// The gradient of the visited node, times the local derivative.
    pub term: f64,
    /// What the input has afterwards.
    pub gradient: f64,
}

/// A visit of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The place of the node.
    pub node: usize,
    /// Its gradient at that moment.
    pub upstream: f64,
    /// What it hands on.
    pub terms: Vec<Term>,
}

/// A backward pass, one visit after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// The visits, in their order.
    pub visits: Vec<Visit>,
    /// The gradients that come of them.
    pub gradients: Vec<f64>,
}

/// What a tape has to do, and what it is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Paths from a leaf to the result; the largest number where there are more.
    pub paths: u64,
    /// Arrows on them.
    pub arrows: u64,
    /// Nodes on them that have inputs.
    pub visits: u64,
}

impl Recording {
    /// Records a formula, with 1 in every leaf.
    ///
    /// # Errors
    /// The [`Mistake`] of a text that is no formula.
    pub fn new(text: &str) -> Result<Self, Mistake> {
        let formula = formula::parse(text)?;
        let mut tape = Tape::new();
        let mut vars: Vec<Var> = Vec::new();
        for node in &formula.nodes {
            let inputs: Vec<Var> = node.inputs.iter().map(|&place| vars[place]).collect();
            let var = record(&mut tape, node.kind, &inputs).expect("all are rows of one number");
            tape.label(var, node.name.clone());
            vars.push(var);
        }
        Ok(Self { formula, tape, vars })
    }

    /// Puts numbers into the leaves, in their order, and makes both passes.
    ///
    /// # Errors
    /// The number of leaves, where it is another.
    pub fn set(&mut self, numbers: &[f64]) -> Result<(), usize> {
        let nodes = self.formula.nodes.iter().zip(&self.vars);
        let leaves: Vec<Var> =
            nodes.filter(|(node, _)| node.kind == Kind::Leaf).map(|(_, &var)| var).collect();
        if leaves.len() != numbers.len() {
            return Err(leaves.len());
        }
        for (leaf, &number) in leaves.into_iter().zip(numbers) {
            self.tape.value_mut(leaf).fill(number);
        }
        self.tape.forward();
        self.tape.backward(self.vars[self.formula.result]);
        Ok(())
    }

    /// The value of the node at `place`.
    pub fn value(&self, place: usize) -> f64 {
        self.tape.value(self.vars[place])[0]
    }

    /// The library's gradient of the node at `place`, or `None` where the node depends on no leaf.
    pub fn gradient(&self, place: usize) -> Option<f64> {
        self.tape.gradient(self.vars[place]).first().copied()
    }

    /// The derivative in every node by central differences: the node is written, and what follows
    /// from it computed again.
    pub fn differences(&mut self) -> Vec<f64> {
        let result = self.vars[self.formula.result];
        let differences = self.vars.iter().map(|&var| {
            let x = self.tape.value(var)[0];
            let h = Gradcheck::default().step * x.abs().max(1.0);
            let mut at = |x| {
                self.tape.value_mut(var).fill(x);
                self.tape.forward_after(var);
                self.tape.value(result)[0]
            };
            let difference = (at(x + h) - at(x - h)) / (2.0 * h);
            at(x);
            self.tape.forward();
            difference
        });
        differences.collect()
    }

    /// A backward pass in steps, with these faults. Nodes that nothing arrives at are not visited.
    pub fn pass(&self, faults: Faults) -> Pass {
        let Self { formula: Formula { nodes, result }, .. } = self;
        let mut pass = Pass { visits: Vec::new(), gradients: vec![0.0; nodes.len()] };
        if self.gradient(*result).is_none() {
            return pass;
        }
        pass.gradients[*result] = 1.0;
        if faults.early {
            self.visit_early(*result, faults, &mut pass);
            return pass;
        }
        let mut reached = vec![false; nodes.len()];
        reached[*result] = true;
        for place in (0..=*result).rev().filter(|&place| !nodes[place].inputs.is_empty()) {
            if reached[place] {
                self.visit(place, faults, &mut pass);
                for &input in &nodes[place].inputs {
                    reached[input] = self.gradient(input).is_some();
                }
            }
        }
        pass
    }

    /// Visits a node, and then at once those of its inputs that were not visited.
    fn visit_early(&self, place: usize, faults: Faults, pass: &mut Pass) {
        self.visit(place, faults, pass);
        for &input in &self.formula.nodes[place].inputs {
            let node = &self.formula.nodes[input];
            let is_visited = pass.visits.iter().any(|visit| visit.node == input);
            if !is_visited && !node.inputs.is_empty() && self.gradient(input).is_some() {
                self.visit_early(input, faults, pass);
            }
        }
    }

    fn visit(&self, place: usize, faults: Faults, pass: &mut Pass) {
        let node = &self.formula.nodes[place];
        let upstream = pass.gradients[place];
        let handed = self.alone(node, upstream).expect("the op was recorded with these shapes");
        let mut terms = Vec::new();
        for (input, [local, term]) in handed {
            let gradient = &mut pass.gradients[input];
            *gradient = if faults.assign { term } else { *gradient + term };
            terms.push(Term { input, local, term, gradient: *gradient });
        }
        pass.visits.push(Visit { node: place, upstream, terms });
    }

    /// What the node's op gives back alone, to each input that depends on a leaf: for the gradient 1,
    /// which is the local derivative, and for the gradient `upstream`.
    fn alone(&self, node: &Node, upstream: f64) -> Result<Vec<(usize, [f64; 2])>, ShapeError> {
        let mut tape = Tape::new();
        let leaf = |&place: &usize| {
            let value = arr1(&[self.value(place)]);
            match self.gradient(place) {
                Some(_) => tape.parameter(value),
                None => tape.input(value),
            }
        };
        let leaves: Vec<Var> = node.inputs.iter().map(leaf).collect();
        let y = record(&mut tape, node.kind, &leaves)?;
        let mut given = |dy: f64| -> Result<Vec<f64>, ShapeError> {
            tape.backward_from(y, &arr1(&[dy]).into_dyn())?;
            let gradient = |&leaf| tape.gradient(leaf).first().copied();
            Ok(leaves.iter().filter_map(gradient).collect())
        };
        let (locals, terms) = (given(1.0)?, given(upstream)?);
        let wanted = node.inputs.iter().filter(|&&input| self.gradient(input).is_some());
        Ok(wanted.zip(locals).zip(terms).map(|((&input, l), t)| (input, [l, t])).collect())
    }

    /// Counts the paths, by the loop of a backward pass with 1 for each local derivative.
    pub fn counts(&self) -> Counts {
        let Formula { nodes, result } = &self.formula;
        let mut counts = Counts { paths: 0, arrows: 0, visits: 0 };
        let mut paths = vec![0_u64; nodes.len()];
        paths[*result] = 1;
        for (place, node) in nodes.iter().enumerate().rev() {
            if paths[place] == 0 || self.gradient(place).is_none() {
                continue;
            }
            if node.kind == Kind::Leaf {
                counts.paths = counts.paths.saturating_add(paths[place]);
                continue;
            }
            counts.visits += 1;
            for &input in node.inputs.iter().filter(|&&input| self.gradient(input).is_some()) {
                counts.arrows += 1;
                paths[input] = paths[input].saturating_add(paths[place]);
            }
        }
        counts
    }
}

/// Whether the derivatives `x` and `y` are the same, but for what differences cannot resolve.
fn agree(x: f64, y: f64) -> bool {
    (x - y).abs() <= SAME * x.abs().max(y.abs()).max(1.0)
}

/// Records a node of this kind, on rows of one number.
fn record(tape: &mut Tape<f64>, kind: Kind, x: &[Var]) -> Result<Var, ShapeError> {
    match kind {
        Kind::Leaf => Ok(tape.parameter(arr1(&[1.0]))),
        Kind::Number(number) => Ok(tape.input(arr1(&[number]))),
        Kind::Add => tape.add(x[0], x[1]),
        Kind::Subtract => tape.subtract(x[0], x[1]),
        Kind::Multiply => tape.multiply(x[0], x[1]),
        Kind::Divide => tape.divide(x[0], x[1]),
        Kind::Negate => tape.negate(x[0]),
        Kind::Sigmoid => tape.sigmoid(x[0]),
        Kind::Tanh => tape.tanh(x[0]),
        Kind::Exp => tape.exp(x[0]),
        Kind::Log => tape.log(x[0]),
    }
}

thread_local! {
    /// The tape of the page: the last text that was a formula.
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("tape_record", tape_record),
    ("tape_set", tape_set),
    ("tape_pass", tape_pass),
    ("tape_counts", tape_counts),
    ("tape_drawing", tape_drawing),
];

/// The code points of a text, after their count.
fn text(text: &str) -> impl Iterator<Item = f64> {
    std::iter::once(text.chars().count() as f64)
        .chain(text.chars().map(|c| f64::from(u32::from(c))))
}

/// Records a formula. Takes its code points; leaves 1, the place of the result, and for each node its
/// kind (in the order of [`Kind`], from 0), whether it depends on a leaf (1 or 0), how many inputs it
/// has, their places, and its name as [`text`]. Where there is a mistake: 0, the first code point that it is about and the one after the
/// last, and the message as [`text`]; the tape before it stays.
#[unsafe(no_mangle)]
pub extern "C" fn tape_record() -> usize {
    answer(|codes| {
        let character =
            |&code: &f64| char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        let recording = match Recording::new(&codes.iter().map(character).collect::<String>()) {
            Ok(recording) => recording,
            Err(mistake) => {
                let mut results = vec![0.0, mistake.at.start as f64, mistake.at.end as f64];
                results.extend(text(&mistake.to_string()));
                return Some(results);
            }
        };
        let Formula { nodes, result } = &recording.formula;
        let mut results = vec![1.0, *result as f64];
        for (place, node) in nodes.iter().enumerate() {
            results.push(match node.kind {
                Kind::Leaf => 0.0,
                Kind::Number(_) => 1.0,
                Kind::Add => 2.0,
                Kind::Subtract => 3.0,
                Kind::Multiply => 4.0,
                Kind::Divide => 5.0,
                Kind::Negate => 6.0,
                Kind::Sigmoid => 7.0,
                Kind::Tanh => 8.0,
                Kind::Exp => 9.0,
                Kind::Log => 10.0,
            });
            results.push(f64::from(u8::from(recording.gradient(place).is_some())));
            results.push(node.inputs.len() as f64);
            results.extend(node.inputs.iter().map(|&place| place as f64));
            results.extend(text(&node.name));
        }
        RECORDING.set(Some(recording));
        Some(results)
    })
}

/// Takes the numbers of the leaves; leaves for each node its value, its gradient (0 where it depends on
/// no leaf), and its derivative by central differences.
#[unsafe(no_mangle)]
pub extern "C" fn tape_set() -> usize {
    answer(|numbers| {
        RECORDING.with_borrow_mut(|recording| {
            let recording = recording.as_mut()?;
            recording.set(numbers).ok()?;
            let differences = recording.differences();
            let node = |(place, difference)| {
                let gradient = recording.gradient(place).unwrap_or(0.0);
                [recording.value(place), gradient, difference]
            };
            Some(differences.into_iter().enumerate().flat_map(node).collect())
        })
    })
}

/// Takes 1 or 0 for each of [`Faults`]; leaves for each node its gradient and whether it agrees with
/// central differences (1 or 0), and for each visit the node, its gradient then, how many terms it
/// has, and all that is in a [`Term`].
#[unsafe(no_mangle)]
pub extern "C" fn tape_pass() -> usize {
    answer(|faults| {
        let &[assign, early] = faults else { return None };
        RECORDING.with_borrow_mut(|recording| {
            let recording = recording.as_mut()?;
            let differences = recording.differences();
            let pass = recording.pass(Faults { assign: assign != 0.0, early: early != 0.0 });
            let mut results = Vec::new();
            for (place, (&gradient, difference)) in
                pass.gradients.iter().zip(differences).enumerate()
            {
                let is_same = recording.gradient(place).is_none() || agree(gradient, difference);
                results.extend([gradient, f64::from(u8::from(is_same))]);
            }
            for Visit { node, upstream, terms } in pass.visits {
                results.extend([node as f64, upstream, terms.len() as f64]);
                for Term { input, local, term, gradient } in terms {
                    results.extend([input as f64, local, term, gradient]);
                }
            }
            Some(results)
        })
    })
}

/// Leaves how many paths, arrows and visits there are.
#[unsafe(no_mangle)]
pub extern "C" fn tape_counts() -> usize {
    answer(|_| {
        RECORDING.with_borrow(|recording| {
            let Counts { paths, arrows, visits } = recording.as_ref()?.counts();
            Some([paths, arrows, visits].map(|count| count as f64).to_vec())
        })
    })
}

/// Leaves the library's drawing of the tape, an SVG, as [`text`].
#[unsafe(no_mangle)]
pub extern "C" fn tape_drawing() -> usize {
    answer(|_| {
        RECORDING.with_borrow(|recording| {
            Some(text(recording.as_ref()?.tape.drawing_with_numbers().svg()).collect())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;

    const SHARED: &str = "b = a + a; c = b * b; L = b + c";
    const RIGHT: Faults = Faults { assign: false, early: false };
    const ASSIGN: Faults = Faults { assign: true, early: false };
    const EARLY: Faults = Faults { assign: false, early: true };

    fn recording(text: &str, leaves: &[f64]) -> Recording {
        let mut recording = Recording::new(text).expect(text);
        recording.set(leaves).expect(text);
        recording
    }

    fn doublings(count: usize) -> Recording {
        let line = |k| format!("x{} = x{k} + x{k}\n", k + 1);
        recording(&(0..count).map(line).collect::<String>(), &[1.0])
    }

    #[test]
    fn the_visits_of_the_chapter() {
        let pass = recording("s = a + b; L = a * s", &[2.0, 3.0]).pass(RIGHT);
        assert_eq!(pass.gradients, [7.0, 2.0, 2.0, 1.0]);
        let [product, sum] = &pass.visits[..] else { panic!("{} visits", pass.visits.len()) };
        assert_eq!((product.node, product.upstream), (3, 1.0));
        let terms = [
            Term { input: 0, local: 5.0, term: 5.0, gradient: 5.0 },
            Term { input: 2, local: 2.0, term: 2.0, gradient: 2.0 },
        ];
        assert_eq!(product.terms, terms);
        let terms = [
            Term { input: 0, local: 1.0, term: 2.0, gradient: 7.0 },
            Term { input: 1, local: 1.0, term: 2.0, gradient: 2.0 },
        ];
        assert_eq!((sum.node, sum.upstream, &sum.terms[..]), (2, 2.0, &terms[..]));
    }

    #[test]
    fn the_terms_add_up_to_the_gradient_of_the_library() {
        for (text, leaves) in [
            ("L = a * (a + b)", &[2.0, 3.0][..]),
            (SHARED, &[3.0]),
            ("z = w * x + b; p = sigmoid(z); L = -ln(p)", &[0.5, 2.0, -0.5]),
            ("L = tanh(a / b) * exp(a - b) / (2 - a * b)", &[0.3, 1.7]),
            ("L = 2 * 3 * a + a / 2", &[1.0]),
            ("b = a * a; c = b + 1; L = b", &[3.0]),
            ("c = exp(1); L = c + 2", &[]),
            ("L = a", &[2.0]),
        ] {
            let mut recording = recording(text, leaves);
            let pass = recording.pass(RIGHT);
            let differences = recording.differences();
            for (place, &gradient) in pass.gradients.iter().enumerate() {
                let library = recording.gradient(place).unwrap_or(0.0);
                let scale = library.abs().max(1.0);
                assert!((gradient - library).abs() <= 1e-14 * scale, "{text}: %{place}");
                if recording.gradient(place).is_some() {
                    assert!(agree(gradient, differences[place]), "{text}: %{place}");
                }
            }
        }
    }

    #[test]
    fn a_node_visited_too_early_hands_on_a_part() {
        let mut recording = recording(SHARED, &[3.0]);
        assert_eq!(recording.pass(RIGHT).gradients, [26.0, 13.0, 1.0, 1.0]);
        let early = recording.pass(EARLY);
        assert_eq!(early.gradients, [2.0, 13.0, 1.0, 1.0]);
        assert_eq!(early.visits.iter().map(|visit| visit.node).collect::<Vec<_>>(), [3, 1, 2]);
        let same: Vec<bool> = early
            .gradients
            .iter()
            .zip(recording.differences())
            .map(|(&gradient, difference)| agree(gradient, difference))
            .collect();
        assert_eq!(same, [false, true, true, true]);
    }

    #[test]
    fn an_assignment_keeps_the_last_term() {
        assert_eq!(recording("b = a + a", &[1.5]).pass(ASSIGN).gradients, [1.0, 1.0]);
        assert_eq!(recording(SHARED, &[3.0]).pass(ASSIGN).gradients, [6.0, 6.0, 1.0, 1.0]);
        assert_eq!(recording("a * b", &[2.0, 3.0]).pass(ASSIGN).gradients, [3.0, 2.0, 1.0]);
    }

    #[test]
    fn doublings_have_more_paths_than_visits() {
        for n in [1, 7, 30] {
            let recording = doublings(n);
            let counts = Counts { paths: 1 << n, arrows: 2 * n as u64, visits: n as u64 };
            assert_eq!(recording.counts(), counts);
            assert_eq!(recording.gradient(0), Some((1_u64 << n) as f64));
            assert_eq!(recording.pass(RIGHT).visits.len(), n);
        }
        assert_eq!(doublings(150).counts().paths, u64::MAX);
        // a → L, a → s → L, b → s → L; the number has no path.
        let counts = recording("s = a + b; L = a * s + 1", &[2.0, 3.0]).counts();
        assert_eq!(counts, Counts { paths: 3, arrows: 5, visits: 3 });
    }

    #[test]
    fn the_page_hears_of_a_mistake_and_keeps_its_tape() {
        let codes = |text: &str| text.chars().map(|c| f64::from(u32::from(c))).collect::<Vec<_>>();
        let recorded = call(tape_record, codes("L = a * a"));
        let names = [0.0, 1.0, 0.0, 1.0, 97.0, 4.0, 1.0, 2.0, 0.0, 0.0, 1.0, 76.0];
        assert_eq!(recorded, [&[1.0, 1.0][..], &names].concat());
        let mistaken = call(tape_record, codes("L = a *"));
        assert_eq!(mistaken[..3], [0.0, 7.0, 8.0]);
        assert_eq!(mistaken.len(), 4 + mistaken[3] as usize);
        let [value, gradient, difference] = call(tape_set, vec![3.0])[3..] else { panic!("L") };
        assert_eq!([value, gradient], [9.0, 1.0]);
        assert!(agree(difference, 1.0));
        let pass = call(tape_pass, vec![0.0, 0.0]);
        let visit = [1.0, 1.0, 2.0, 0.0, 3.0, 3.0, 3.0, 0.0, 3.0, 3.0, 6.0];
        assert_eq!(pass, [&[6.0, 1.0, 1.0, 1.0][..], &visit].concat());
        assert!(call(tape_set, vec![]).is_empty(), "a has no number");
        let drawing = call(tape_drawing, vec![]);
        assert!(drawing[0] > 500.0 && drawing.len() == 1 + drawing[0] as usize);
    }
}
