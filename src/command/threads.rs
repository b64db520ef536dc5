//! The threads that a subcommand works on.

use super::console::Failure;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool of as many threads as were asked for; of all cores' where none were.
pub fn pool(asked: Option<usize>) -> Result<ThreadPool, Failure> {
    if asked == Some(0) {
        return Err(Failure::new("--threads must be at least 1"));
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = asked.unwrap_or_else(cores);
    // rayon would quietly take fewer.
    if threads > rayon::max_num_threads() {
        let most = rayon::max_num_threads();
        return Err(Failure::new(format!("--threads {threads}: {most} are the most")));
    }
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
        Failure::new(format!(
            "{threads} threads cannot be started here: {error}. Ask for fewer with --threads"
        ))
    })
}
