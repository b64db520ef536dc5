//! Products of matrices as rectangles of numbers: which row and which column make an entry.

use super::canvas::{Align, Canvas, LINE, Rect, TEXT_SIZE, widest};
use super::theme::{Ink, Theme};
use super::{Figure, PlotError, WIDTH, outputs};
use crate::real::Real;
use ndarray::{Array2, ArrayView2};
use plotters::backend::DrawingBackend;
use std::path::Path;

/// Products, one below the other: the result, an equals sign and both factors, each with its shape.
/// Of each product one entry is in color, with the row and the column that make it. Chapter 5.
///
/// ```
/// use chainrule::plot::Products;
/// use ndarray::arr2;
///
/// let (x, w) = (arr2(&[[2.0, 1.0]]), arr2(&[[1.0, 4.0], [2.0, 0.0]]));
/// let figure = Products::new("An entry").product(["Y", "X", "W"], x.view(), w.view(), [0, 1]);
/// assert_eq!(figure.svg()?.matches(">\n8\n<").count(), 1); // 2 · 4 + 1 · 0
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Products {
    title: String,
    products: Vec<Product>,
}

#[derive(Clone, Debug)]
struct Product {
    names: [String; 3],
    factors: [Array2<f64>; 2],
    entry: [usize; 2],
}

/// A matrix, its name, and what of it is in color.
struct Drawn<'a> {
    name: &'a str,
    matrix: ArrayView2<'a, f64>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Product {
    /// Why this is no product, or has no such entry.
    fn broken_rule(&self) -> Option<&'static str> {
        let [left, right] = &self.factors;
        let [i, j] = self.entry;
        if left.is_empty() || right.is_empty() {
            Some("a factor is empty: give each a row and a column or more")
        } else if left.ncols() != right.nrows() {
            Some("give the left as many columns as the right has rows")
        } else if i >= left.nrows() || j >= right.ncols() {
            Some("the entry must be in a row of the left and a column of the right, from 0")
        } else {
            None
        }
    }

    /// The result and the factors, from left to right.
    fn drawn<'a>(&'a self, result: &'a Array2<f64>) -> [Drawn<'a>; 3] {
        let ([left, right], [i, j]) = (&self.factors, self.entry);
        let [result_name, left_name, right_name] = &self.names;
        let drawn = |name, matrix: &'a Array2<f64>, rows, columns| {
            let matrix = matrix.view();
            Drawn { name, matrix, rows, columns }
        };
        [
            drawn(result_name, result, i..i + 1, j..j + 1),
            drawn(left_name, left, i..i + 1, 0..left.ncols()),
            drawn(right_name, right, 0..right.nrows(), j..j + 1),
        ]
    }

    fn height(&self) -> f64 {
        let [left, right] = &self.factors;
        LINE + left.nrows().max(right.nrows()) as f64 * CELL_HEIGHT
    }
}

impl Drawn<'_> {
    fn label(&self) -> String {
        format!("{} [{}, {}]", self.name, self.matrix.nrows(), self.matrix.ncols())
    }
}

impl Products {
    /// A figure without a product yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), products: Vec::new() }
    }

    /// Adds the product of `left` `[m, k]` and `right` `[k, n]`, with the names of the result and of
    /// both factors, and in color its entry in this row and this column.
    pub fn product<T: Real>(
        mut self,
        names: [&str; 3],
        left: ArrayView2<'_, T>,
        right: ArrayView2<'_, T>,
        entry: [usize; 2],
    ) -> Self {
        let factors = [left, right].map(|factor| factor.mapv(Real::as_f64));
        self.products.push(Product { names: names.map(Into::into), factors, entry });
        self
    }

    /// As wide as its widest number asks for.
    fn cell_width(&self) -> Result<f64, PlotError> {
        let numbers = self.products.iter().flat_map(|product| {
            let [left, right] = &product.factors;
            let result = left.dot(right);
            let all = [left, right, &result].map(|matrix| matrix.mapv(|n| n.to_string()));
            all.into_iter().flatten()
        });
        let numbers: Vec<String> = numbers.collect();
        let widest = widest(numbers.iter().map(String::as_str), TEXT_SIZE)?;
        Ok((widest + 8.0).max(CELL_HEIGHT))
    }
}

const CELL_HEIGHT: f64 = 24.0;
/// Room for a sign between two matrices.
const GAP: f64 = 44.0;
/// Between two products, and left and right of them.
const MARGIN: f64 = 18.0;

impl Figure for Products {
    fn title(&self) -> &str {
        &self.title
    }

    fn width(&self) -> f64 {
        let columns = self.products.iter().map(|product| {
            let [left, right] = &product.factors;
            left.ncols() + 2 * right.ncols()
        });
        // What cannot be measured cannot be drawn, and `paint` says so.
        let cell = self.cell_width().unwrap_or(CELL_HEIGHT);
        let widest = columns.max().unwrap_or(0) as f64 * cell;
        (widest + 2.0 * (GAP + MARGIN)).ceil().max(WIDTH)
    }

    fn description(&self) -> String {
        let sentence = |product: &Product| {
            let [result, left, right] = &product.names;
            let ([a, b], [i, j]) = (&product.factors, product.entry);
            format!(
                "{result}, {} by {}, is {left}, {} by {}, times {right}, {} by {}. In color: the \
                 entry of {result} in row {i} and column {j}, row {i} of {left} and column {j} of \
                 {right}.",
                a.nrows(),
                b.ncols(),
                a.nrows(),
                a.ncols(),
                b.nrows(),
                b.ncols()
            )
        };
        self.products.iter().map(sentence).collect::<Vec<_>>().join(" ")
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.products.is_empty() {
            let remedy = "give it a product with `product`";
            return Err(PlotError::Empty { figure: self.title.clone(), what: "it".into(), remedy });
        }
        for product in &self.products {
            if let Some(rule) = product.broken_rule() {
                return Err(PlotError::Product {
                    figure: self.title.clone(),
                    name: product.names[0].clone(),
                    shapes: product
                        .factors
                        .each_ref()
                        .map(|factor| [factor.nrows(), factor.ncols()]),
                    entry: product.entry,
                    rule,
                });
            }
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let cell = self.cell_width()?;
        let mut top = canvas.heading(&self.title)? + 6.0;
        for product in &self.products {
            let result = product.factors[0].dot(&product.factors[1]);
            let middle = top + LINE + (product.height() - LINE) / 2.0;
            let drawn = product.drawn(&result);
            let columns: usize = drawn.iter().map(|drawn| drawn.matrix.ncols()).sum();
            let mut x = (canvas.width - columns as f64 * cell - 2.0 * GAP) / 2.0;
            for (drawn, sign) in drawn.iter().zip([Some("="), Some("·"), None]) {
                paint_matrix(canvas, drawn, (x, middle), cell)?;
                x += drawn.matrix.ncols() as f64 * cell;
                if let Some(sign) = sign {
                    let at = (x + GAP / 2.0, middle + 0.36 * TEXT_SIZE);
                    canvas.text(sign, at, Align::Center, TEXT_SIZE, Ink::TEXT)?;
                    x += GAP;
                }
            }
            top += product.height() + MARGIN;
        }
        Ok(top)
    }
}

/// A matrix with its left side and its middle at this point, and its name above.
fn paint_matrix<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    drawn: &Drawn<'_>,
    (left, middle): (f64, f64),
    cell: f64,
) -> Result<(), PlotError> {
    let (rows, columns) = drawn.matrix.dim();
    let [width, height] = [columns as f64 * cell, rows as f64 * CELL_HEIGHT];
    let top = middle - height / 2.0;
    let place = |i: usize, j: usize| (left + j as f64 * cell, top + i as f64 * CELL_HEIGHT);
    let (x, y) = place(drawn.rows.start, drawn.columns.start);
    let colored = [drawn.columns.len() as f64 * cell, drawn.rows.len() as f64 * CELL_HEIGHT];
    canvas.rect(Rect { x, y, width: colored[0], height: colored[1] }, Ink::BLUE.faded(0.35))?;
    for ((i, j), number) in drawn.matrix.indexed_iter() {
        let (x, y) = place(i, j);
        canvas.frame(Rect { x, y, width: cell, height: CELL_HEIGHT }, Ink::GRID, 1.0)?;
        let at = (x + cell / 2.0, y + CELL_HEIGHT / 2.0 + 0.36 * TEXT_SIZE);
        canvas.text(&number.to_string(), at, Align::Center, TEXT_SIZE, Ink::TEXT)?;
    }
    canvas.frame(Rect { x: left, y: top, width, height }, Ink::TEXT, 1.3)?;
    let at = (left + width / 2.0, top - 6.0);
    canvas.text(&drawn.label(), at, Align::Center, TEXT_SIZE, Ink::MUTED)
}

outputs!(Products);
