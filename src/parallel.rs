//! Where work is split. How often it is split depends on its size alone, never on the number of
//! threads, and no two parts add into the same number: so any number of threads gives the same
//! bits. Chapter 15.
//!
//! The halves run on the threads of the caller's rayon pool with the feature `threads`, and one
//! after the other without it.

/// Fewest multiplications and additions worth a second thread: about 20 µs of work, some four
/// times what it takes to wake one.
pub const GRAIN: usize = 1 << 21;

/// Runs both halves of a piece of work, at the same time where there is a thread for it.
pub fn join<A: Send, B: Send>(
    left: impl FnOnce() -> A + Send,
    right: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "threads")]
    return rayon::join(left, right);
    #[cfg(not(feature = "threads"))]
    (left(), right())
}
