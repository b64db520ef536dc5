//! The roofline of this machine, measured.

use super::{Throughput, Windows};
use crate::gradcheck::Draw;
use crate::parallel::vectorized;
use crate::product::gemm;
use ndarray::{Array2, Ix2};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

/// Fixes the factors.
const SEED: u64 = 29;
/// Side of the square factors whose product is the peak. Each has 256 KiB, and stays in the caches.
const SIDE: usize = 256;
/// Entries of an array that no cache holds, of all threads together: 64 MiB.
const LARGE: usize = 1 << 24;
/// Entries of an array of a thread, 64 KiB: three fit the second cache and not the first.
const SMALL: usize = 1 << 14;

/// What the threads of a rayon pool reach together: the flat part of the roofline and its two slopes.
/// Chapter 15.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roof {
    /// Floating-point operations a second of products of [`f32`] that stay in the caches.
    pub peak: Windows,
    /// Bytes a second to and from memory.
    pub memory: Windows,
    /// Bytes a second to and from the second caches.
    pub cache: Windows,
}

impl Roof {
    /// Measures all three, each in four windows, the first of which warms up, on the threads of the
    /// caller's rayon pool. Where it has more of them than this process has cores, as many work as there
    /// are cores.
    pub fn measure(window: Duration) -> Self {
        Self { peak: peak(window), memory: memory(window), cache: cache(window) }
    }

    /// Operations a second that a step cannot pass if each of its bytes comes from memory: min(peak,
    /// intensity · bandwidth).
    pub fn from_memory(&self, step: &Throughput) -> f64 {
        self.peak.best().min(step.intensity() * self.memory.best())
    }

    /// [`Roof::from_memory`] where each byte comes from the second caches.
    pub fn from_cache(&self, step: &Throughput) -> f64 {
        self.peak.best().min(step.intensity() * self.cache.best())
    }
}

/// Threads that have a core of their own.
fn working() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::current_num_threads().min(cores)
}

/// Runs a second of all threads together. Each makes a job of its own, and begins every window with the
/// others.
fn together<J: FnMut()>(window: Duration, job: impl Fn() -> J + Sync) -> Windows {
    let threads = working();
    let barrier = Barrier::new(threads);
    let each = rayon::broadcast(|thread| {
        (thread.index() < threads).then(|| {
            let run = job();
            let start = || {
                barrier.wait();
            };
            Windows::measure_from(start, window, run)
        })
    });
    Windows::sum(each.into_iter().flatten())
}

/// Floating-point operations a second of C = A·B, each 256 x 256.
fn peak(window: Duration) -> Windows {
    let products = together(window, || {
        let mut draw = Draw::new(SEED);
        let [a, b]: [Array2<f32>; 2] = [(); 2].map(|()| {
            let factor = draw.uniform(&[SIDE, SIDE], -1.0, 1.0);
            factor.into_dimensionality::<Ix2>().expect("two axes")
        });
        let mut c = Array2::zeros((SIDE, SIDE));
        move || gemm(&a.view().into(), b.view(), c.view_mut(), false)
    });
    products.times((2 * SIDE * SIDE * SIDE) as f64)
}

/// Bytes a second of a triad over arrays that no cache holds.
fn memory(window: Duration) -> Windows {
    triads(window, LARGE / working())
}

/// Bytes a second of a triad over arrays that the second cache of each core holds.
fn cache(window: Duration) -> Windows {
    triads(window, SMALL)
}

/// aᵢ ← bᵢ + s·cᵢ, over arrays of so many entries in each thread: two are read and one is written. That the
/// processor may read `a` before it writes to it is not counted, as in STREAM (J. McCalpin, 1995).
fn triads(window: Duration, entries: usize) -> Windows {
    let triads = together(window, || {
        let mut a = vec![0.0_f32; entries];
        let [b, c] = [1.0_f32, 2.0].map(|entry| vec![entry; entries]);
        move || triad(black_box(&mut a), black_box(&b), black_box(&c), black_box(0.5))
    });
    triads.times((3 * entries * size_of::<f32>()) as f64)
}

fn triad(a: &mut [f32], b: &[f32], c: &[f32], scale: f32) {
    vectorized(|| {
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a = b + scale * c;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
    }

    #[test]
    fn the_peak_is_that_of_all_threads() {
        let peak = on(2, || peak(Duration::from_millis(1))).best();
        // Unoptimized, and on a busy machine, each of the two still does more than two a second.
        assert!(peak > 4.0 * (2 * SIDE * SIDE * SIDE) as f64, "{peak} operations a second");
    }

    /// Threads that took turns would each count a core for themselves.
    #[test]
    fn threads_without_a_core_of_their_own_add_nothing_to_the_peak() {
        let cores = std::thread::available_parallelism().unwrap().get();
        let window = Duration::from_millis(5);
        let [one, many] = [1, 16 * cores].map(|threads| on(threads, || peak(window)).best());
        // One thread on a busy machine may reach half of its core.
        assert!(many < 4.0 * one * cores as f64, "{many} with many threads, {one} with one");
    }

    #[test]
    fn a_triad_adds_a_multiple() {
        let (b, c) = ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]);
        let mut a = [0.0; 3];
        triad(&mut a, &b, &c, 0.5);
        assert_eq!(a, [6.0, 12.0, 18.0]);
    }

    #[test]
    fn a_triad_moves_three_arrays() {
        let entries = 1 << 10;
        let bytes = on(1, || triads(Duration::from_millis(2), entries)).best();
        // More than a thousand a second on any machine, and fewer than one in ten nanoseconds.
        let array = (4 * entries) as f64;
        assert!((3e3 * array..3e8 * array).contains(&bytes), "{bytes} bytes a second");
    }

    #[test]
    fn a_slope_ends_where_it_meets_the_peak() {
        let windows = |rate| Windows::new([rate; 3]);
        let roof = Roof { peak: windows(100.0), memory: windows(10.0), cache: windows(40.0) };
        let step = |operations| Throughput {
            samples_per_second: windows(1.0),
            batch: 1,
            parameters: 1,
            operations,
            bytes: 4,
        };
        let roofs = |operations| {
            let step = step(operations);
            (roof.from_memory(&step), roof.from_cache(&step))
        };
        // Intensities of 2, of 5, where the cache is fast enough for the peak, and of 20.
        assert_eq!((roofs(8), roofs(20), roofs(80)), ((20.0, 80.0), (50.0, 100.0), (100.0, 100.0)));
    }
}
