//! Formulas as a reader writes them: one line for each node that has a name.
//!
//! ```text
//! lines   = [line] {(newline | ";") [line]}
//! line    = [name "="] sum                     only the last line may go without a name
//! sum     = product {("+" | "-") product}
//! product = factor {("*" | "/") factor}
//! factor  = "-" factor | number | name | function "(" sum ")" | "(" sum ")"
//! ```
//!
//! Each rule is a method that has the same name, and appends the nodes that it reads. A name that no
//! line has given a value is a leaf.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;
use std::ops::Range;

/// Most nodes that a formula may have: the rows of a list that can still be read.
pub const MOST_NODES: usize = 200;
/// How deep parentheses, functions and signs may stand within each other.
const MOST_DEPTH: usize = 50;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number that has a name.
    Leaf,
    /// A number that stands in the formula.
    Number(f64),
    /// x + y.
    Add,
    /// x − y.
    Subtract,
    /// x · y.
    Multiply,
    /// x / y.
    Divide,
    /// −x.
    Negate,
    /// σ(x).
    Sigmoid,
    /// tanh x.
    Tanh,
    /// eˣ.
    Exp,
    /// ln x.
    Log,
}

/// The functions, by the names that a formula calls them by.
const FUNCTIONS: [(&str, Kind); 4] =
    [("sigmoid", Kind::Sigmoid), ("tanh", Kind::Tanh), ("exp", Kind::Exp), ("ln", Kind::Log)];

/// A node, on which only later ones depend.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name: where the formula gives none, `%` and its place.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The places of its inputs.
    pub inputs: Vec<usize>,
}

/// What a formula says.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// The nodes, in the order in which they are computed.
    pub nodes: Vec<Node>,
    /// The place of the node that the last line is about.
    pub result: usize,
}

/// Why a text is no formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The characters that it is about, counted from the start of the text.
    pub at: Range<usize>,
    message: String,
}

impl Mistake {
    fn new(at: &Range<usize>, message: impl Into<String>) -> Self {
        Self { at: at.clone(), message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Number(f64),
    Sign(char),
    /// The end of a line, and of the text.
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(name) => f.write_str(name),
            Token::Number(number) => write!(f, "{number}"),
            Token::Sign(sign) => write!(f, "{sign}"),
            Token::End => f.write_str("the end of the line"),
        }
    }
}

/// The words and signs of a text, each with its place.
fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Mistake> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut from = 0;
    while from < characters.len() {
        let count =
            |is: fn(char) -> bool| characters[from..].iter().take_while(|&&c| is(c)).count();
        let (token, length) = match characters[from] {
            '\n' | ';' => (Token::End, 1),
            c if c.is_whitespace() => {
                from += 1;
                continue;
            }
            c if c.is_ascii_digit() || c == '.' => {
                let length = count(|c| c.is_ascii_digit() || c == '.');
                let digits: String = characters[from..from + length].iter().collect();
                let number = digits.parse().map_err(|_| {
                    Mistake::new(&(from..from + length), format!("{digits} is no number"))
                })?;
                (Token::Number(number), length)
            }
            c if c.is_alphabetic() => {
                let length = count(|c| c.is_alphanumeric() || c == '_');
                (Token::Name(characters[from..from + length].iter().collect()), length)
            }
            '·' | '×' => (Token::Sign('*'), 1),
            '−' => (Token::Sign('-'), 1),
            c @ ('+' | '-' | '*' | '/' | '(' | ')' | '=') => (Token::Sign(c), 1),
            c => {
                let message = format!("no formula here has the sign {c}: it takes + - * / ( )");
                return Err(Mistake::new(&(from..from + 1), message));
            }
        };
        tokens.push((token, from..from + length));
        from += length;
    }
    tokens.push((Token::End, from..from + 1));
    Ok(tokens)
}

/// Reads a formula.
///
/// # Errors
/// The first [`Mistake`].
pub fn parse(text: &str) -> Result<Formula, Mistake> {
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
        nodes: Vec::new(),
        places: BTreeMap::new(),
        depth: 0,
    };
    let mut last: Option<(usize, bool, Range<usize>)> = None;
    while let Some((token, start)) = parser.tokens.peek().cloned() {
        if token == Token::End {
            parser.tokens.next();
            continue;
        }
        if let Some((_, false, at)) = last {
            let message = "only the last line may go without a name: write a name and = before it";
            return Err(Mistake::new(&at, message));
        }
        let (place, has_name) = parser.line()?;
        last = Some((place, has_name, start));
    }
    let (result, has_name, _) = last.ok_or_else(|| {
        Mistake::new(&(0..1), "there is no formula yet: write one, such as L = a * b")
    })?;
    if !has_name && !parser.places.contains_key("L") {
        parser.name(result, "L");
    }
    Ok(Formula { nodes: parser.nodes, result })
}

struct Parser<I: Iterator<Item = (Token, Range<usize>)>> {
    tokens: Peekable<I>,
    nodes: Vec<Node>,
    /// The node that a name stands for.
    places: BTreeMap<String, usize>,
    depth: usize,
}

impl<I: Iterator<Item = (Token, Range<usize>)>> Parser<I> {
    /// The next token. The last one of a text is an end, which no rule goes beyond.
    fn next(&mut self) -> (Token, Range<usize>) {
        self.tokens.next().unwrap_or((Token::End, 0..1))
    }

    /// The next token, where it is one of these signs.
    fn sign(&mut self, signs: &[char]) -> Option<(char, Range<usize>)> {
        match self.tokens.peek() {
            Some(&(Token::Sign(sign), ref at)) if signs.contains(&sign) => {
                let at = at.clone();
                self.tokens.next();
                Some((sign, at))
            }
            _ => None,
        }
    }

    /// The node of a line, and whether the line has a name for it.
    fn line(&mut self) -> Result<(usize, bool), Mistake> {
        let (place, name) = match self.tokens.peek().cloned() {
            Some((Token::Name(name), at)) => {
                self.tokens.next();
                if self.sign(&['=']).is_some() {
                    (self.sum()?, Some((name, at)))
                } else {
                    let first = self.named(&name, &at)?;
                    (self.sum_after(first)?, None)
                }
            }
            _ => (self.sum()?, None),
        };
        if let Some((name, at)) = &name {
            let taken = self.places.get(name).map(|&place| self.nodes[place].kind);
            let message = match taken {
                _ if function(name).is_some() => format!("{name} is a function: take another name"),
                Some(Kind::Leaf) => format!("{name} is used before it gets a value here"),
                Some(_) => format!("{name} has a value already: take another name"),
                None => {
                    self.name(place, name);
                    self.end()?;
                    return Ok((place, true));
                }
            };
            return Err(Mistake::new(at, message));
        }
        self.end()?;
        Ok((place, false))
    }

    fn end(&mut self) -> Result<(), Mistake> {
        match self.next() {
            (Token::End, _) => Ok(()),
            (token @ Token::Sign(_), at) => {
                Err(Mistake::new(&at, format!("{token} does not fit here")))
            }
            (token, at) => {
                let message = format!("a sign such as * is missing before {token}");
                Err(Mistake::new(&at, message))
            }
        }
    }

    fn sum(&mut self) -> Result<usize, Mistake> {
        let first = self.factor()?;
        self.sum_after(first)
    }

    /// A sum whose first factor was read.
    fn sum_after(&mut self, factor: usize) -> Result<usize, Mistake> {
        let mut left = self.product_after(factor)?;
        while let Some((sign, at)) = self.sign(&['+', '-']) {
            let factor = self.factor()?;
            let right = self.product_after(factor)?;
            let kind = if sign == '+' { Kind::Add } else { Kind::Subtract };
            left = self.append(kind, &[left, right], &at)?;
        }
        Ok(left)
    }

    /// A product whose first factor was read.
    fn product_after(&mut self, factor: usize) -> Result<usize, Mistake> {
        let mut left = factor;
        while let Some((sign, at)) = self.sign(&['*', '/']) {
            let right = self.factor()?;
            let kind = if sign == '*' { Kind::Multiply } else { Kind::Divide };
            left = self.append(kind, &[left, right], &at)?;
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<usize, Mistake> {
        let (token, at) = self.next();
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            let message = format!("more than {MOST_DEPTH} parentheses and signs within each other");
            return Err(Mistake::new(&at, message));
        }
        let place = match token {
            Token::Number(number) => self.append(Kind::Number(number), &[], &at)?,
            Token::Name(name) => self.named(&name, &at)?,
            Token::Sign('(') => self.closed(&at)?,
            Token::Sign('-') => match self.tokens.peek() {
                Some(&(Token::Number(number), _)) => {
                    self.tokens.next();
                    self.append(Kind::Number(-number), &[], &at)?
                }
                _ => {
                    let x = self.factor()?;
                    self.append(Kind::Negate, &[x], &at)?
                }
            },
            token => {
                let message = format!("a name or a number is missing before {token}");
                return Err(Mistake::new(&at, message));
            }
        };
        self.depth -= 1;
        Ok(place)
    }

    /// A leaf, a node of a line above, or a function with what it is applied to.
    fn named(&mut self, name: &str, at: &Range<usize>) -> Result<usize, Mistake> {
        if let Some(kind) = function(name) {
            let Some((_, opened)) = self.sign(&['(']) else {
                let message = format!("{name} is a function: write {name}(…)");
                return Err(Mistake::new(at, message));
            };
            let x = self.closed(&opened)?;
            return self.append(kind, &[x], at);
        }
        if let Some(sign) = self.sign(&['(']) {
            let known = FUNCTIONS.map(|(name, _)| name).join(", ");
            let message = format!("{name} is none of the functions: {known}");
            return Err(Mistake::new(&(at.start..sign.1.start), message));
        }
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        let place = self.append(Kind::Leaf, &[], at)?;
        self.name(place, name);
        Ok(place)
    }

    /// What stands between the parenthesis that was opened at `at` and its end.
    fn closed(&mut self, at: &Range<usize>) -> Result<usize, Mistake> {
        let place = self.sum()?;
        match self.sign(&[')']) {
            Some(_) => Ok(place),
            None => match self.next() {
                (Token::End, _) => Err(Mistake::new(at, "this parenthesis is not closed")),
                (token, at) => Err(Mistake::new(
                    &at,
                    format!("a sign such as * or ) is missing before {token}"),
                )),
            },
        }
    }

    fn append(
        &mut self,
        kind: Kind,
        inputs: &[usize],
        at: &Range<usize>,
    ) -> Result<usize, Mistake> {
        let place = self.nodes.len();
        if place == MOST_NODES {
            return Err(Mistake::new(at, format!("more than {MOST_NODES} nodes")));
        }
        self.nodes.push(Node { name: format!("%{place}"), kind, inputs: inputs.to_vec() });
        Ok(place)
    }

    /// A second name of a node is one that it is called by, and not the one that it has.
    fn name(&mut self, place: usize, name: &str) {
        self.places.insert(name.into(), place);
        let node = &mut self.nodes[place];
        if node.name.starts_with('%') {
            node.name = name.into();
        }
    }
}

fn function(name: &str) -> Option<Kind> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nodes of a formula, each as a line.
    fn lines(text: &str) -> Vec<String> {
        let formula = parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
        let line = |node: &Node| {
            let inputs: Vec<_> =
                node.inputs.iter().map(|&place| formula.nodes[place].name.as_str()).collect();
            format!("{} {:?} {}", node.name, node.kind, inputs.join(" ")).trim_end().to_string()
        };
        formula.nodes.iter().map(line).collect()
    }

    fn mistake(text: &str) -> (Range<usize>, String) {
        let mistake = parse(text).expect_err(text);
        (mistake.at.clone(), mistake.to_string())
    }

    #[test]
    fn a_formula_is_written_as_nodes() {
        let nodes = ["a Leaf", "b Leaf", "%2 Add a b", "L Multiply a %2"];
        assert_eq!(lines("L = a * (a + b)"), nodes);
        assert_eq!(lines("a·(a + b)"), nodes, "the last line needs no name");
        let nodes = ["a Leaf", "b Add a a", "c Multiply b b", "L Add b c"];
        assert_eq!(lines("b = a + a; c = b * b\n\nL = b + c;"), nodes);
    }

    #[test]
    fn products_come_before_sums_and_both_from_the_left() {
        let nodes = ["a Leaf", "b Leaf", "c Leaf", "%3 Multiply b c", "L Add a %3"];
        assert_eq!(lines("a + b * c"), nodes);
        let nodes = ["a Leaf", "b Leaf", "%2 Subtract a b", "c Leaf", "L Subtract %2 c"];
        assert_eq!(lines("a - b - c"), nodes);
        let nodes = ["a Leaf", "b Leaf", "%2 Divide a b", "c Leaf", "L Multiply %2 c"];
        assert_eq!(lines("a / b * c"), nodes);
        let nodes = ["a Leaf", "%1 Negate a", "b Leaf", "L Multiply %1 b"];
        assert_eq!(lines("-a * b"), nodes);
        let nodes = ["p Leaf", "%1 Log p", "L Negate %1"];
        assert_eq!(lines("−ln(p)"), nodes);
        assert_eq!(lines("-1.5 * x"), ["%0 Number(-1.5)", "x Leaf", "L Multiply %0 x"]);
    }

    #[test]
    fn names_are_given_once_and_may_be_several() {
        let formula = parse("b = a * a; c = b + 1; L = b").expect("three lines");
        assert_eq!(formula.result, 1);
        assert_eq!(formula.nodes[1].name, "b");
        assert_eq!(mistake("b = a; b = a").0, 7..8);
        let (at, message) = mistake("L = s * a; s = a + a");
        assert_eq!(at, 11..12);
        assert!(message.contains("before"), "{message}");
        assert_eq!(mistake("a = a + 1").0, 0..1);
        assert!(mistake("exp = a").1.contains("function"));
    }

    #[test]
    fn a_mistake_has_a_place() {
        for (text, at, words) in [
            ("", 0..1, "no formula"),
            ("L = a +", 7..8, "missing before the end"),
            ("L = a + * b", 8..9, "missing before *"),
            ("L = 2 a", 6..7, "missing before a"),
            ("L = a * (a + b", 8..9, "not closed"),
            ("L = (a b)", 7..8, "missing before b"),
            ("L = a)", 5..6, "does not fit"),
            ("L = a ^ 2", 6..7, "the sign ^"),
            ("L = 1.2.3", 4..9, "1.2.3"),
            ("L = sin(a)", 4..7, "sigmoid, tanh, exp, ln"),
            ("L = exp a", 4..7, "exp(…)"),
            ("a + b\nL = a", 0..1, "last line"),
            ("L = α ? a", 6..7, "the sign ?"),
        ] {
            let (found, message) = mistake(text);
            assert_eq!(found, at, "{text}: {message}");
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(mistake(&format!("L = {}a", "(".repeat(10_000))).1.contains("50"));
        assert!(mistake(&format!("L = {}a", "-".repeat(10_000))).1.contains("50"));
        assert!(mistake(&format!("L = a{}", " + a".repeat(MOST_NODES))).1.contains("200"));
    }
}
