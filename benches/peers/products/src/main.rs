//! Products of matrices of `f32` by Chainrule, the `gemm` crate and ndarray, in turn. For each rival it
//! prints one JSON object with the GFLOP/s of each shape.

use clap::Parser;
use gemm::Parallelism;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Rounds in which the rivals take turns. The best counts.
const ROUNDS: usize = 9;
/// Floating-point operations of a round: some milliseconds.
const OPERATIONS: f64 = 1.5e9;

#[derive(Parser)]
struct Arguments {
    /// Threads of each product
    #[arg(long)]
    threads: usize,
    /// The shapes, as JSON: [[m, k, n], ...]
    shapes: String,
}

/// C ← A·B on so many threads.
type Product = fn(ArrayView2<'_, f32>, ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>, usize);

const RIVALS: [(&str, Product); 3] = [
    ("chainrule", |a, b, c, _| chainrule::matmul::product(a, b, c, false)),
    ("gemm", with_gemm),
    ("ndarray", |a, b, mut c, _| ndarray::linalg::general_mat_mul(1.0, &a, &b, 0.0, &mut c)),
];

fn with_gemm(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    mut c: ArrayViewMut2<'_, f32>,
    threads: usize,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let (a_steps, b_steps, c_steps) = (a.strides(), b.strides(), [c.strides()[0], c.strides()[1]]);
    let threads = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
    // SAFETY: the pointers and strides are those of the matrices, whose shapes fit each other.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            c_steps[1],
            c_steps[0],
            false,
            a.as_ptr(),
            a_steps[1],
            a_steps[0],
            b.as_ptr(),
            b_steps[1],
            b_steps[0],
            0.0,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

/// Numbers of either sign; `transposed`, they stand column by column.
fn matrix(rows: usize, columns: usize, transposed: bool) -> Array2<f32> {
    let entry = |i: usize, j: usize| ((31 * i + 17 * j) % 97) as f32 / 97.0 - 0.5;
    if transposed {
        Array2::from_shape_fn((columns, rows), |(j, i)| entry(i, j)).reversed_axes()
    } else {
        Array2::from_shape_fn((rows, columns), |(i, j)| entry(i, j))
    }
}

/// GFLOP/s of each rival.
fn measure([m, k, n]: [usize; 3], [left, right]: [bool; 2], threads: usize) -> [f64; RIVALS.len()] {
    let (a, b) = (matrix(m, k, left), matrix(k, n, right));
    let operations = 2.0 * (m * k * n) as f64;
    let repeats = (OPERATIONS / operations).clamp(2.0, 2_000.0) as usize;
    let mut results = [(); RIVALS.len()].map(|()| Array2::zeros((m, n)));
    let mut best = [0.0_f64; RIVALS.len()];
    for _ in 0..ROUNDS {
        for ((best, c), (_, product)) in best.iter_mut().zip(&mut results).zip(RIVALS) {
            product(a.view(), b.view(), c.view_mut(), threads);
            let start = Instant::now();
            for _ in 0..repeats {
                product(a.view(), b.view(), c.view_mut(), threads);
            }
            *best = best.max(operations * repeats as f64 / start.elapsed().as_secs_f64() / 1e9);
        }
    }
    for (c, (name, _)) in results.iter().zip(RIVALS) {
        let apart = (c - &results[0]).iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(apart < 1e-2, "{name} computes something else: {apart}");
    }
    best
}

fn main() {
    let Arguments { threads, shapes } = Arguments::parse();
    let shapes: Vec<[usize; 3]> = serde_json::from_str(&shapes).expect("[[m, k, n], ...]");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let mut found = RIVALS.map(|_| Map::new());
    for shape @ [m, k, n] in shapes {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            let rates = pool.install(|| measure(shape, transposed, threads));
            let mark = |transposed| if transposed { "ᵀ" } else { "" };
            let [left, right] = transposed.map(mark);
            let name = format!("{m} × {k} × {n}, A{left}·B{right}");
            for (found, rate) in found.iter_mut().zip(rates) {
                found.insert(name.clone(), json!(rate));
            }
        }
    }
    let object: Map<_, _> = RIVALS
        .iter()
        .zip(found)
        .map(|(&(name, _), rates)| (name.to_owned(), Value::from(rates)))
        .collect();
    println!("{}", Value::from(object));
}
