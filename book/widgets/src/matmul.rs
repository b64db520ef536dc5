//! Chapter 5: a product of two matrices and its two gradients, entry by entry.

use crate::Function;
use crate::buffer::answer;
use chainrule::gradcheck::{Gradcheck, central_differences};
use chainrule::{ShapeError, Tape, Var};
use ndarray::{Array2, ArrayView2, Ix2};

/// The largest relative error of two derivatives that are held to be the same. Below 1 it is an
/// absolute one: entries are sums that can be zero.
const SAME: f64 = 1e-6;

/// The most rows or columns that a page's matrix can have.
const MOST: f64 = 8.0;

/// What the products are made of: Y = X·W, and the gradient dY that arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrices {
    /// The left factor. `[m, k]`.
    pub x: Array2<f64>,
    /// The right factor. `[k, n]`.
    pub w: Array2<f64>,
    /// The upstream gradient. `[m, n]`.
    pub dy: Array2<f64>,
}

/// One of the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Y = X·W. `[m, n]`.
    Y,
    /// dX = dY·Wᵀ. `[m, k]`.
    Dx,
    /// dW = Xᵀ·dY. `[k, n]`.
    Dw,
    /// dY·W, a fault: dX without its transpose. There is none where W is not square.
    DxUntransposed,
}

impl Matrices {
    /// Y, dX and dW, from the library's tape and its backward pass.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn products(&self) -> Result<[Array2<f64>; 3], ShapeError> {
        let (mut tape, [x, w, y]) = self.record()?;
        tape.backward_from(y, &self.dy.clone().into_dyn())?;
        Ok([tape.value(y), tape.gradient(x), tape.gradient(w)].map(|matrix| {
            matrix.clone().into_dimensionality::<Ix2>().expect("matmul has matrices alone")
        }))
    }

    /// dY·W, from the library's tape.
    ///
    /// # Errors
    /// [`ShapeError`] where W is not square.
    pub fn untransposed(&self) -> Result<Array2<f64>, ShapeError> {
        let (tape, [_, _, product]) = Self { x: self.dy.clone(), ..self.clone() }.record()?;
        let product = tape.value(product).clone();
        Ok(product.into_dimensionality::<Ix2>().expect("matmul has matrices alone"))
    }

    /// The derivatives of L = Σ dY ⊙ Y in the entries of X and of W by central differences, which
    /// know nothing of the backward pass.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn differences(&self) -> Result<[Array2<f64>; 2], ShapeError> {
        self.products()?;
        let with = |matrix: &Array2<f64>, entries: &[f64]| {
            Array2::from_shape_vec(matrix.dim(), entries.to_vec()).expect("one number an entry")
        };
        let slopes = |matrix: &Array2<f64>, loss: &dyn Fn(Array2<f64>) -> f64| {
            let entries: Vec<f64> = matrix.iter().copied().collect();
            let h = Gradcheck::default().step;
            with(matrix, &central_differences(|moved| loss(with(matrix, moved)), &entries, h))
        };
        Ok([
            slopes(&self.x, &|x| Self { x, ..self.clone() }.loss()),
            slopes(&self.w, &|w| Self { w, ..self.clone() }.loss()),
        ])
    }

    /// The terms of one entry of a product: the factor of the left matrix's row, the factor of the
    /// right one's column, and their product. `None` where there is no such entry.
    pub fn terms(&self, product: Product, row: usize, column: usize) -> Option<Vec<[f64; 3]>> {
        let (left, right) = self.factors(product);
        let is_entry = row < left.nrows() && column < right.ncols();
        if !is_entry || left.ncols() != right.nrows() {
            return None;
        }
        let factors = left.row(row).into_iter().zip(right.column(column));
        Some(factors.map(|(&a, &b)| [a, b, a * b]).collect())
    }

    fn factors(&self, product: Product) -> (ArrayView2<'_, f64>, ArrayView2<'_, f64>) {
        let Self { x, w, dy } = self;
        match product {
            Product::Y => (x.view(), w.view()),
            Product::Dx => (dy.view(), w.t()),
            Product::Dw => (x.t(), dy.view()),
            Product::DxUntransposed => (dy.view(), w.view()),
        }
    }

    /// X, W and Y = X·W on a tape.
    fn record(&self) -> Result<(Tape<f64>, [Var; 3]), ShapeError> {
        let mut tape = Tape::new();
        let (x, w) = (tape.parameter(self.x.clone()), tape.parameter(self.w.clone()));
        let y = tape.matmul(x, w)?;
        Ok((tape, [x, w, y]))
    }

    /// Σ dY ⊙ Y, whose gradient in Y is dY.
    fn loss(&self) -> f64 {
        let (tape, [_, _, y]) = self.record().expect("the product was recorded with these shapes");
        tape.value(y).iter().zip(&self.dy).map(|(y, dy)| y * dy).sum()
    }

    /// From a page: m, k and n, then all entries of X, W and dY, row by row.
    fn read(numbers: &[f64]) -> Option<Self> {
        let (sizes, mut entries) = numbers.split_first_chunk::<3>()?;
        if !sizes.iter().all(|size| (1.0..=MOST).contains(size) && size.fract() == 0.0) {
            return None;
        }
        let [m, k, n] = sizes.map(|size| size as usize);
        let mut matrix = |rows, columns| {
            let (these, others) = entries.split_at_checked(rows * columns)?;
            entries = others;
            Array2::from_shape_vec((rows, columns), these.to_vec()).ok()
        };
        let (x, w, dy) = (matrix(m, k)?, matrix(k, n)?, matrix(m, n)?);
        entries.is_empty().then_some(Self { x, w, dy })
    }
}

/// Whether two derivatives are the same, but for what differences cannot resolve.
fn agree(analytic: f64, numeric: f64) -> bool {
    let check = Gradcheck { floor: 1.0, ..Gradcheck::default() };
    check.relative_error(analytic, numeric) <= SAME
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("matmul_products", matmul_products),
    ("matmul_untransposed", matmul_untransposed),
    ("matmul_terms", matmul_terms),
];

/// Takes m, k and n, then the entries of X, W and dY; leaves those of Y, dX and dW, and of dX and dW
/// by central differences.
#[unsafe(no_mangle)]
pub extern "C" fn matmul_products() -> usize {
    answer(|numbers| {
        let matrices = Matrices::read(numbers)?;
        let products = matrices.products().ok()?.into_iter();
        let all = products.chain(matrices.differences().ok()?);
        Some(all.flatten().collect())
    })
}

/// Takes the same; leaves 1, and for each entry of dY·W its value and whether it agrees with central
/// differences (1 or 0). Where the shapes do not fit: 0, and the code points of the library's message.
#[unsafe(no_mangle)]
pub extern "C" fn matmul_untransposed() -> usize {
    answer(|numbers| {
        let matrices = Matrices::read(numbers)?;
        let product = match matrices.untransposed() {
            Ok(product) => product,
            Err(error) => {
                let message = error.to_string();
                let codes = message.chars().map(|character| f64::from(u32::from(character)));
                return Some([0.0].into_iter().chain(codes).collect());
            }
        };
        let [differences, _] = matrices.differences().ok()?;
        let judged = product.into_iter().zip(differences);
        let entries = judged.flat_map(|(dx, slope)| [dx, f64::from(u8::from(agree(dx, slope)))]);
        Some([1.0].into_iter().chain(entries).collect())
    })
}

/// Takes a product (in the order of [`Product`], from 0), a row and a column of it, and then the same;
/// leaves the factors and the value of each term of this entry.
#[unsafe(no_mangle)]
pub extern "C" fn matmul_terms() -> usize {
    answer(|numbers| {
        let (&[product, row, column], matrices) = numbers.split_first_chunk()?;
        let product = match product {
            0.0 => Product::Y,
            1.0 => Product::Dx,
            2.0 => Product::Dw,
            3.0 => Product::DxUntransposed,
            _ => return None,
        };
        let terms = Matrices::read(matrices)?.terms(product, row as usize, column as usize)?;
        Some(terms.into_iter().flatten().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use ndarray::arr2;

    /// Four samples, three inputs, two outputs.
    fn oblong() -> Matrices {
        Matrices {
            x: arr2(&[[2.0, 1.0, -1.0], [0.5, 3.0, 1.0], [1.0, -2.0, 2.0], [3.0, 1.5, 0.0]]),
            w: arr2(&[[1.0, 4.0], [2.0, -1.0], [-3.0, 2.0]]),
            dy: arr2(&[[1.0, 2.0], [-1.0, 3.0], [2.0, -2.0], [-3.0, 0.5]]),
        }
    }

    fn square() -> Matrices {
        Matrices { x: oblong().dy, w: arr2(&[[1.0, 4.0], [2.0, -1.0]]), dy: oblong().dy }
    }

    fn numbers(Matrices { x, w, dy }: &Matrices) -> Vec<f64> {
        let sizes = [x.nrows(), x.ncols(), w.ncols()].map(|size| size as f64);
        sizes.into_iter().chain([x, w, dy].into_iter().flatten().copied()).collect()
    }

    fn assert_agree(analytic: &Array2<f64>, numeric: &Array2<f64>) {
        assert_eq!(analytic.dim(), numeric.dim());
        for ((at, &a), &n) in analytic.indexed_iter().zip(numeric) {
            assert!(agree(a, n), "{at:?}: {a} {n}");
        }
    }

    #[test]
    fn the_gradients_are_the_differences() {
        for matrices in [oblong(), square()] {
            let ([_, dx, dw], [in_x, in_w]) =
                (matrices.products().unwrap(), matrices.differences().unwrap());
            assert_agree(&dx, &in_x);
            assert_agree(&dw, &in_w);
        }
    }

    #[test]
    fn the_terms_add_up_to_the_entries_of_the_tape() {
        for matrices in [oblong(), square()] {
            let all = matrices.products().unwrap();
            let mut products: Vec<_> =
                [Product::Y, Product::Dx, Product::Dw].into_iter().zip(all).collect();
            if let Ok(untransposed) = matrices.untransposed() {
                products.push((Product::DxUntransposed, untransposed));
            }
            for (product, entries) in products {
                for ((row, column), &entry) in entries.indexed_iter() {
                    let terms = matrices.terms(product, row, column).unwrap();
                    let sum: f64 = terms.iter().map(|[_, _, term]| term).sum();
                    assert!((sum - entry).abs() < 1e-12, "{product:?} {row} {column}");
                }
                assert_eq!(matrices.terms(product, entries.nrows(), 0), None);
                assert_eq!(matrices.terms(product, 0, entries.ncols()), None);
            }
        }
    }

    #[test]
    fn a_sum_runs_over_what_the_product_loses() {
        let matrices = oblong();
        let count = |product| matrices.terms(product, 0, 0).map(|terms| terms.len());
        assert_eq!(
            [Product::Y, Product::Dx, Product::Dw, Product::DxUntransposed].map(count),
            [Some(3), Some(2), Some(4), None],
        );
        // dw₀₁ = Σᵢ xᵢ₀ dyᵢ₁: the first column of X, and the second one of dY.
        let terms = [[2.0, 2.0, 4.0], [0.5, 3.0, 1.5], [1.0, -2.0, -2.0], [3.0, 0.5, 1.5]];
        assert_eq!(matrices.terms(Product::Dw, 0, 1).unwrap(), terms);
    }

    #[test]
    fn without_its_transpose_it_is_wrong_where_w_is_square_and_refused_elsewhere() {
        let wrong = call(matmul_untransposed, numbers(&square()));
        assert_eq!(wrong.len(), 1 + 2 * 8);
        // dY·W is [5, 2] in the first row, and dY·Wᵀ is [9, 0].
        assert_eq!(wrong[..5], [1.0, 5.0, 0.0, 2.0, 0.0]);
        let symmetric = Matrices { w: arr2(&[[1.0, 4.0], [4.0, -1.0]]), ..square() };
        let right = call(matmul_untransposed, numbers(&symmetric));
        assert!(right[1..].chunks(2).all(|entry| entry[1] == 1.0), "W is its own transpose");

        let refused = call(matmul_untransposed, numbers(&oblong()));
        let message: String =
            refused[1..].iter().map(|&code| char::from_u32(code as u32).unwrap()).collect();
        let expected = "matmul: [4, 2] · [3, 2]: \
                        columns of the left (2) must equal rows of the right (3)";
        assert_eq!((refused[0], message.as_str()), (0.0, expected));
    }

    #[test]
    fn the_page_gets_all_products_and_nothing_for_what_is_none() {
        let results = call(matmul_products, numbers(&oblong()));
        let all = oblong().products().unwrap().into_iter().chain(oblong().differences().unwrap());
        assert_eq!(results, all.flatten().collect::<Vec<_>>());
        let terms = call(matmul_terms, [vec![1.0, 0.0, 1.0], numbers(&oblong())].concat());
        assert_eq!(terms, [1.0, 2.0, 2.0, 2.0, -1.0, -2.0]);

        let mut long = numbers(&oblong());
        long.push(0.0);
        let mut broken = numbers(&oblong());
        broken[1] = 2.5;
        let mut huge = numbers(&oblong());
        huge[0] = f64::INFINITY;
        for unusable in [long, broken, huge, vec![4.0, 3.0], vec![]] {
            assert!(call(matmul_products, unusable.clone()).is_empty(), "{unusable:?}");
        }
        for [product, row, column] in [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [3.0, 0.0, 0.0]] {
            let arguments = [vec![product, row, column], numbers(&oblong())].concat();
            assert!(call(matmul_terms, arguments).is_empty(), "{product} {row} {column}");
        }
    }
}
