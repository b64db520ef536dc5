//! Threads that stay awake during a step. Chapter 15.
//!
//! A thread of rayon's pool that finds no work for some ten microseconds goes to sleep, and takes tens of
//! microseconds to wake up. The products of a small network last about as long, and between two of them
//! one thread works alone: the others would sleep whenever they are needed. So during a step they go on
//! looking for work, and what is split is begun at once.
//!
//! A core that looks for work does nothing for other programs. So a thread that has found none for a while
//! goes to sleep even in a step, and none is kept awake between two steps. Where a step splits nothing,
//! none is kept awake in the next.
//!
//! What runs where changes no bit: see [`parallel`](super).

use rayon::Yield;
use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Fruitless looks in a row after which a thread goes to sleep: some hundred microseconds.
const PATIENCE: usize = 1 << 12;
/// Most threads that are kept awake beside the one of the step: a product is cut into four parts.
const MOST: usize = 3;

thread_local! {
    /// Whether this thread is in a step, or is kept awake for one.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread has split something since its last step began.
    static SPLIT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `step` while other threads of the pool stay awake, if the calling thread is one of the pool and
/// its last step split something. A step in a step is part of it.
pub fn awake<R: Send>(step: impl FnOnce() -> R + Send) -> R {
    let others = rayon::current_num_threads() - 1;
    let pooled = rayon::current_thread_index().is_some();
    if others == 0 || !pooled || TAKEN.get() {
        return step();
    }
    let (mut step, mut result) = (Some(step), None);
    let mut run = || result = step.take().map(|step| step());
    if SPLIT.replace(false) {
        let over = AtomicBool::new(false);
        beside(others.min(MOST), &over, &mut run);
    } else {
        run();
    }
    result.expect("the step ran")
}

/// Runs `step` beside so many threads that look for work until it is `over`.
fn beside(others: usize, over: &AtomicBool, step: &mut (dyn FnMut() + Send)) {
    if others > 0 {
        rayon::join(|| beside(others - 1, over, step), || look_for_work(over));
    } else {
        let _over = SetOnDrop(over);
        let _taken = Taken::take();
        step();
    }
}

/// Does what others have split, until the step is `over` or there was nothing for too long.
fn look_for_work(over: &AtomicBool) {
    // A thread that waits in its own step would wait here for another step's end.
    let Some(_taken) = Taken::take() else { return };
    look_while(|| !over.load(Ordering::Acquire));
}

/// Runs what others have split `while_` that holds. Gives up where there was nothing for too long.
fn look_while(while_: impl Fn() -> bool) {
    let mut fruitless = 0;
    while while_() && fruitless < PATIENCE {
        fruitless = if rayon::yield_now() == Some(Yield::Executed) { 0 } else { fruitless + 1 };
        spin_loop();
    }
}

/// Runs both halves of a piece of work. The thread that has done the left one stays awake until the
/// other is done as well: it comes to rest where both have ended, and not some microseconds before.
pub fn at_once(left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
    const WAITS: u8 = 0;
    const RUNS: u8 = 1;
    const DONE: u8 = 2;
    SPLIT.set(true);
    let state = AtomicU8::new(WAITS);
    rayon::join(
        || {
            left();
            // Where the right half still waits, this thread runs it: `join` does that.
            look_while(|| state.load(Ordering::Acquire) == RUNS);
        },
        || {
            state.store(RUNS, Ordering::Release);
            right();
            state.store(DONE, Ordering::Release);
        },
    );
}

/// Says that a step is over, even where it panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A thread in a step.
struct Taken;

impl Taken {
    /// The calling thread, if it is free.
    fn take() -> Option<Self> {
        (!TAKEN.replace(true)).then_some(Self)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        TAKEN.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    fn on(threads: usize, run: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    }

    /// A step of many small pieces.
    fn sum(n: u64) -> u64 {
        if n == 0 {
            return 1;
        }
        let (mut left, mut right) = (0, 0);
        at_once(&mut || left = sum(n - 1), &mut || right = sum(n - 1));
        left + right
    }

    #[test]
    fn a_step_gives_what_it_gives_alone() {
        for threads in [1, 2, 3, 8] {
            on(threads, || {
                for _ in 0..50 {
                    assert_eq!(awake(|| sum(8)), 256);
                    assert_eq!(awake(|| awake(|| sum(3)) + sum(2)), 12);
                }
            });
        }
    }

    /// More steps at once than threads: a thread that waits in its step must not wait for another's.
    #[test]
    fn steps_of_one_pool_end() {
        on(2, || {
            let ended = AtomicUsize::new(0);
            rayon::scope(|scope| {
                for _ in 0..32 {
                    scope.spawn(|_| {
                        for _ in 0..20 {
                            assert_eq!(awake(|| sum(6)), 64);
                        }
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(ended.into_inner(), 32);
        });
    }

    /// Whether the other of two threads is kept awake when it takes the right half of a step.
    fn other_is_taken() -> bool {
        let (begun, taken) = (AtomicBool::new(false), AtomicBool::new(false));
        awake(|| {
            at_once(
                &mut || {
                    while !begun.load(Ordering::Acquire) {
                        spin_loop();
                    }
                },
                &mut || {
                    taken.store(TAKEN.get(), Ordering::Relaxed);
                    begun.store(true, Ordering::Release);
                },
            );
        });
        taken.into_inner()
    }

    #[test]
    fn another_is_kept_awake_where_the_last_step_split_something() {
        on(2, || {
            assert!(!other_is_taken(), "there is no last step");
            // On a busy machine it may have lost its patience.
            assert!((0..1_000).any(|_| other_is_taken()));
            awake(|| ());
            assert!(!other_is_taken(), "the last step split nothing");
        });
    }

    #[test]
    fn a_step_that_panics_leaves_its_threads_free() {
        on(2, || {
            awake(|| sum(2));
            let panicked = catch_unwind(AssertUnwindSafe(|| awake(|| assert_eq!(sum(1), 0))));
            assert!(panicked.is_err());
            assert!(!TAKEN.get());
            assert_eq!(awake(|| sum(4)), 16);
        });
    }
}
