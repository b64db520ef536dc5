//! The tape in words and in pictures.

use chainrule::{Tape, Var};
use ndarray::{Array1, Array2, ArrayD, IxDyn, arr0, arr1, arr2};
use roxmltree::{Document, Node};
use std::process::Command;

/// c = (a + a)·(a + a), with every arrow doubled.
fn doubled() -> Tape<f64> {
    let mut tape = Tape::new();
    let a = tape.parameter(arr1(&[2.0]));
    let b = tape.add(a, a).unwrap();
    let c = tape.multiply(b, b).unwrap();
    for (var, label) in [(a, "a"), (b, "b"), (c, "c")] {
        tape.label(var, label);
    }
    tape
}

/// 784-128-64-10 with a product of 10 targets at its end.
fn network() -> Tape<f64> {
    let mut tape = Tape::new();
    let mut h = tape.input(Array2::zeros((24, 784)));
    for (fan_in, fan_out) in [(784, 128), (128, 64), (64, 10)] {
        let w = tape.parameter(Array2::zeros((fan_in, fan_out)));
        let b = tape.parameter(Array1::zeros(fan_out));
        tape.label(w, format!("W of {fan_out} units"));
        h = tape.linear_relu(h, w, b).unwrap();
    }
    let targets = tape.input(Array2::zeros((24, 10)));
    tape.multiply(h, targets).unwrap();
    tape
}

/// Arrows that pass many layers: every block adds its input to its output.
fn residual() -> Tape<f64> {
    let mut tape = Tape::new();
    let x = tape.input(Array2::zeros((3, 3)));
    let w = tape.parameter(Array2::zeros((3, 3)));
    let mut h = x;
    for _ in 0..3 {
        let product = tape.matmul(h, w).unwrap();
        let flipped = tape.transpose(product).unwrap();
        let square = tape.multiply(flipped, flipped).unwrap();
        h = tape.add(square, h).unwrap();
    }
    tape.divide(h, x).unwrap();
    tape
}

#[test]
fn trace_is_aligned_and_short() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [-7.0, 8.0, 14.0]]));
    let w = tape.parameter(arr2(&[[0.5, -1.25], [0.0, 1.0], [0.125, 2.0]]));
    let y = tape.matmul(x, w).unwrap();
    let flipped = tape.transpose(y).unwrap();
    tape.label(x, "x");
    tape.label(y, "täglich");
    tape.add(flipped, flipped).unwrap();
    let expected = "\
%0 = input()         [3, 3]  x        1 2 3 … mean 4, min -7, max 14
%1 = parameter()     [3, 2]           0.5 -1.25 0 1 0.125 2
%2 = matmul(%0, %1)  [3, 2]  täglich  0.875 6.75 2.75 12 -1.75 44.75
%3 = transpose(%2)   [2, 3]           0.875 2.75 -1.75 6.75 12 44.75
%4 = add(%3, %3)     [2, 3]           1.75 5.5 -3.5 13.5 24 89.5
";
    assert_eq!(tape.trace(), expected);
    assert_eq!(format!("{tape:?}"), tape.trace());
}

#[test]
fn trace_of_numbers() {
    let shown = |x: f64| {
        let mut tape = Tape::<f64>::new();
        tape.input(arr0(x));
        tape.trace().trim_end().strip_prefix("%0 = input()  []  ").unwrap().to_string()
    };
    for (x, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (100.0, "100"),
        (2.0 / 3.0, "0.6667"),
        (-1.0 / 300.0, "-0.003333"),
        (9.999_96, "10"),
        (0.000_1, "0.0001"),
        (0.000_099_996, "0.0001"),
        (0.000_012_34, "1.234e-5"),
        (12_345.678, "12346"),
        (120_000.0, "120000"),
        (999_960.0, "1e6"),
        (-1.5e300, "-1.5e300"),
        (f64::INFINITY, "inf"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(shown(x), text);
    }
}

#[test]
fn trace_summarizes_more_than_six_entries() {
    let trace = |values: &[f64]| {
        let mut tape = Tape::<f64>::new();
        tape.input(arr1(values));
        tape.trace()
    };
    assert_eq!(trace(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), "%0 = input()  [6]  1 2 3 4 5 6\n");
    assert_eq!(
        trace(&[5.0, 2.0, -3.0, 4.0, 9.0, 6.0, 5.0]),
        "%0 = input()  [7]  5 2 -3 … mean 4, min -3, max 9\n"
    );
    // The last entry is the least and the first the greatest.
    assert_eq!(
        trace(&[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        "%0 = input()  [7]  7 6 5 … mean 4, min 1, max 7\n"
    );
    for place in [0, 3, 6] {
        let mut values = [1.0; 7];
        values[place] = f64::NAN;
        assert!(trace(&values).ends_with("… mean NaN, min NaN, max NaN\n"));
    }
    let mut tape = Tape::<f32>::new();
    tape.input(ArrayD::zeros(IxDyn(&[0, 4])));
    assert_eq!(tape.trace(), "%0 = input()  [0, 4]  no entries\n");
    assert_eq!(Tape::<f32>::new().trace(), "");
}

#[test]
fn dot_has_every_node_and_every_arrow() {
    let mut tape = doubled();
    let x = tape.input(arr2(&[[1.0]]));
    tape.label(x, "\"x\\\n");
    let expected = r#"digraph tape {
  node [fontname="monospace"];
  n0 [shape=box, label="a\nparameter\n[1]"];
  n1 [shape=ellipse, label="b\nadd\n[1]"];
  n2 [shape=ellipse, label="c\nmultiply\n[1]"];
  n3 [shape=parallelogram, label="\"x\\ \ninput\n[1, 1]"];
  n0 -> n1;
  n0 -> n1;
  n1 -> n2;
  n1 -> n2;
}
"#;
    assert_eq!(tape.to_dot(), expected);
}

#[derive(Clone, Copy, Debug)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

fn number(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

fn boxes(document: &Document<'_>) -> Vec<Rect> {
    let rects = document.descendants().filter(|node| node.has_tag_name("rect"));
    rects
        .map(|rect| Rect {
            x: number(rect, "x"),
            y: number(rect, "y"),
            width: number(rect, "width"),
            height: number(rect, "height"),
        })
        .collect()
}

/// Numbers of a path, in their order.
fn coordinates(path: &str) -> Vec<f64> {
    path.split(|c: char| c.is_alphabetic() || c == ' ')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap())
        .collect()
}

/// Every claim that holds for the drawing of any tape.
fn check(tape: &Tape<f64>, arrows: &[(usize, usize)]) {
    let svg = tape.to_svg();
    let document = Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert_eq!(root.attribute("role"), Some("img"));
    let size = coordinates(root.attribute("viewBox").unwrap());
    let boxes = boxes(&document);
    assert_eq!(boxes.len(), tape.vars().count());

    for (i, a) in boxes.iter().enumerate() {
        assert!(a.x >= 0.0 && a.y >= 0.0, "{a:?} is cut");
        assert!(a.x + a.width <= size[2] && a.y + a.height <= size[3], "{a:?} of {size:?} is cut");
        for b in &boxes[..i] {
            let beside = a.x + a.width < b.x || b.x + b.width < a.x;
            let above = a.y + a.height < b.y || b.y + b.height < a.y;
            assert!(beside || above, "{a:?} and {b:?} overlap");
        }
    }

    let groups = document.descendants().filter(|node| node.has_attribute("data-edge"));
    let mut drawn = Vec::new();
    let mut paths = Vec::new();
    for group in groups {
        let (from, to) = group.attribute("data-edge").unwrap().split_once('-').unwrap();
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        let path = group.first_element_child().unwrap().attribute("d").unwrap();
        let points = coordinates(path);
        let (a, b) = (boxes[from], boxes[to]);
        assert!(points[0] > a.x && points[0] < a.x + a.width, "{path} does not leave {a:?}");
        assert!((points[1] - (a.y + a.height)).abs() < 0.11, "{path} does not leave {a:?}");
        let head = coordinates(group.last_element_child().unwrap().attribute("d").unwrap());
        assert!(head[0] > b.x && head[0] < b.x + b.width, "{path} does not arrive at {b:?}");
        assert!((head[1] - b.y).abs() < 0.11, "{path} does not arrive at {b:?}");
        // Its end lies within the head.
        let end = &points[points.len() - 2..];
        assert!((end[0] - head[0]).abs() < 0.11 && end[1] < head[1] && end[1] > head[1] - 7.0);
        assert!(points[1] < head[1], "{path} runs upwards");
        drawn.push((from, to));
        paths.push(path.to_string());
        // Where an arrow passes a layer, straight down, no box is.
        for vertical in path.split('C').filter(|part| part.contains('V')) {
            let numbers = coordinates(vertical);
            let [.., x, top, bottom] = numbers[..] else { unreachable!() };
            for r in &boxes {
                let beside = x < r.x || x > r.x + r.width;
                assert!(beside || bottom < r.y || top > r.y + r.height, "{path} crosses {r:?}");
            }
        }
    }
    assert_eq!(drawn, arrows);
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count, "two arrows lie on each other");
}

fn arrows_of(tape: &Tape<f64>) -> Vec<(usize, usize)> {
    let dot = tape.to_dot();
    dot.lines()
        .filter_map(|line| line.trim().trim_end_matches(';').split_once(" -> "))
        .map(|(from, to)| (from[1..].parse().unwrap(), to[1..].parse().unwrap()))
        .collect()
}

#[test]
fn drawings_are_whole() {
    check(&doubled(), &[(0, 1), (0, 1), (1, 2), (1, 2)]);
    check(&Tape::new(), &[]);
    for tape in [network(), residual()] {
        check(&tape, &arrows_of(&tape));
    }
}

#[test]
fn boxes_hold_label_kind_and_shape_and_differ_in_frame() {
    let mut tape = network();
    tape.label(tape.vars().next().unwrap(), "x < \"y\" & 'z'\u{1}");
    let svg = tape.to_svg();
    let document = Document::parse(&svg).unwrap();
    let texts: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.text().unwrap())
        .collect();
    assert_eq!(texts[..3], ["x < \"y\" & 'z' ", "input", "[24, 784]"]);
    assert_eq!(texts[3..6], ["W of 128 units", "parameter", "[784, 128]"]);
    assert!(texts.contains(&"linear_relu"));
    let bold = document
        .descendants()
        .filter(|node| node.attribute("font-weight") == Some("bold"))
        .map(|node| node.text().unwrap());
    assert_eq!(bold.take(2).collect::<Vec<_>>(), ["x < \"y\" & 'z' ", "W of 128 units"]);
    let frames: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("rect"))
        .map(|rect| {
            (
                rect.attribute("stroke-width"),
                rect.has_attribute("stroke-dasharray"),
                rect.has_attribute("rx"),
            )
        })
        .collect();
    assert_eq!(frames[0], (Some("1.2"), true, false), "input");
    assert_eq!(frames[1], (Some("2.2"), false, false), "parameter");
    assert_eq!(frames[3], (Some("1.2"), false, true), "op");
    let title = document.descendants().find(|node| node.has_tag_name("title")).unwrap();
    assert_eq!(title.text(), Some("Computation graph of 12 nodes"));
    let description = document.descendants().find(|node| node.has_tag_name("desc")).unwrap();
    assert!(description.text().unwrap().contains("%3 = linear_relu(%0, %1, %2); %4 = parameter()"));
    // No color but the page's, save where the drawing is its own page.
    assert!(!svg.split("</style>").nth(1).unwrap().contains('#'));
}

#[test]
fn text_fits_its_box() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0]));
    tape.label(a, "a label of thirty-two characters");
    let svg = tape.to_svg();
    let width = boxes(&Document::parse(&svg).unwrap())[0].width;
    // 0.602 em a letter in most fonts, and a little more for the others, and for the padding.
    let letters = 32.0 * 0.602 * 13.0;
    assert!((letters + 15.0..letters + 40.0).contains(&width), "{width}");
}

#[test]
fn a_leaf_stands_above_its_first_consumer_and_an_op_below_its_inputs() {
    let svg = network().to_svg();
    let document = Document::parse(&svg).unwrap();
    let tops: Vec<f64> = boxes(&document).iter().map(|rect| rect.y + rect.height / 2.0).collect();
    // x W b | linear W b | linear W b | linear targets | multiply
    let layers = [[0, 1, 2].as_slice(), &[3, 4, 5], &[6, 7, 8], &[9, 10], &[11]];
    let mut above = 0.0;
    for layer in layers {
        let middle = tops[layer[0]];
        assert!(middle > above);
        assert!(layer.iter().all(|&i| (tops[i] - middle).abs() < 0.11), "{layer:?}");
        above = middle;
    }
}

#[test]
fn a_network_runs_straight_down() {
    let svg = network().to_svg();
    let document = Document::parse(&svg).unwrap();
    let boxes = boxes(&document);
    let middle = |i: usize| boxes[i].x + boxes[i].width / 2.0;
    for (upper, lower) in [(3, 6), (6, 9), (9, 11)] {
        assert!((middle(upper) - middle(lower)).abs() < 40.0, "{:?}", (upper, lower));
    }
}

#[test]
fn arrows_arrive_in_the_order_of_the_inputs() {
    let mut tape = Tape::<f64>::new();
    let [a, b]: [Var; 2] = [1.0, 2.0].map(|x| tape.parameter(arr1(&[x])));
    tape.divide(b, a).unwrap();
    let svg = tape.to_svg();
    let document = Document::parse(&svg).unwrap();
    let tips: Vec<f64> = document
        .descendants()
        .filter(|node| node.has_attribute("data-edge"))
        .map(|group| coordinates(group.last_element_child().unwrap().attribute("d").unwrap())[0])
        .collect();
    // b is the first input: it arrives on the left, and its box stands on the left.
    assert!((tips[1] - tips[0] - 20.0).abs() < 0.11, "{tips:?}");
    let boxes = boxes(&document);
    assert!(boxes[1].x + boxes[1].width < boxes[0].x);
}

#[test]
fn a_drawing_holds_the_svg() {
    let tape = doubled();
    let drawing = tape.drawing();
    assert_eq!(drawing.svg(), tape.to_svg());
    assert_eq!(drawing.to_string(), tape.to_svg());
}

/// What `a_cell_shows_a_drawing` prints is what a notebook reads.
#[test]
fn a_notebook_sees_the_drawing_and_its_text() {
    let test = std::env::current_exe().unwrap();
    let output = Command::new(test)
        .args(["--exact", "draw::a_cell_shows_a_drawing", "--nocapture"])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (svg, trace) = (doubled().to_svg(), doubled().trace());
    let svg = format!("EVCXR_BEGIN_CONTENT image/svg+xml\n{svg}\nEVCXR_END_CONTENT\n");
    let text = format!("EVCXR_BEGIN_CONTENT text/plain\n{trace}\nEVCXR_END_CONTENT\n");
    assert!(printed.contains(&(svg + &text)), "{printed}");
}

#[test]
fn a_drawing_has_the_numbers_of_single_entries() {
    let mut tape = doubled();
    let x = tape.input(arr1(&[-0.5]));
    let matrix = tape.parameter(arr2(&[[1.0, 2.0]]));
    let c = tape.vars().nth(2).unwrap();
    let y = tape.multiply(c, x).unwrap();
    tape.label(x, "x");
    tape.label(matrix, "W");
    tape.backward(y);
    let document = tape.drawing_with_numbers();
    let document = Document::parse(document.svg()).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let texts: Vec<&str> = texts.map(|node| node.text().unwrap()).collect();
    let nodes: [&[&str]; 6] = [
        &["a = 2", "parameter", "da = −8"],
        &["b = 4", "add", "db = −4"],
        &["c = 16", "multiply", "dc = −0.5"],
        // Nobody wants the gradient of an input, and a matrix has too many numbers.
        &["x = −0.5", "input"],
        &["W", "parameter", "[1, 2]"],
        &["−8", "multiply", "d = 1"],
    ];
    assert_eq!(texts, nodes.concat());
}

#[test]
fn a_cell_shows_a_drawing() {
    doubled().drawing().evcxr_display();
}
