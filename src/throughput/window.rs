//! Rates in windows of time, and whether they can be trusted.

use std::time::{Duration, Instant};

/// Windows that count.
const COUNT: usize = 3;
/// What the slowest window of a quiet machine lacks to the fastest, at the most.
const QUIET: f64 = 0.1;

/// A rate, such as samples a second, in three windows of time. Chapter 15.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows([f64; COUNT]);

impl Windows {
    /// With these rates, all above 0.
    pub fn new(rates: [f64; 3]) -> Self {
        Self(rates)
    }

    /// Runs a second, over runs that last as long as `window`, or one: in three windows, after one that
    /// warms up.
    pub(super) fn measure(window: Duration, run: impl FnMut()) -> Self {
        Self::measure_from(|| (), window, run)
    }

    /// [`Windows::measure`], where each window begins once `start` has returned.
    pub(super) fn measure_from(start: impl Fn(), window: Duration, mut run: impl FnMut()) -> Self {
        let mut rate = || {
            start();
            runs_per_second(window, &mut run)
        };
        rate();
        Self([(); COUNT].map(|()| rate()))
    }

    /// The same in other units: each rate times `factor`.
    pub(super) fn times(self, factor: f64) -> Self {
        Self(self.0.map(|rate| rate * factor))
    }

    /// The rates of what several threads do in the same windows.
    #[cfg(feature = "threads")]
    pub(super) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        let zero = Self([0.0; COUNT]);
        all.into_iter()
            .fold(zero, |sum, Self(rates)| Self(std::array::from_fn(|k| sum.0[k] + rates[k])))
    }

    /// The rate of each window, in their order.
    pub fn rates(&self) -> [f64; 3] {
        self.0
    }

    /// The highest rate: whatever else a machine does makes a program slower, and nothing makes it faster
    /// than it is.
    pub fn best(&self) -> f64 {
        self.0.into_iter().fold(0.0, f64::max)
    }

    /// What the slowest window lacks to the fastest: 1 − min/max, in [0, 1].
    pub fn spread(&self) -> f64 {
        1.0 - self.0.into_iter().fold(f64::INFINITY, f64::min) / self.best()
    }

    /// Whether the windows differ by more than 10 %: the machine then does something else, and the best
    /// of the three may be too low as well.
    pub fn is_disturbed(&self) -> bool {
        self.spread() > QUIET
    }
}

/// Runs a second, over runs that last as long as `window`, or one.
fn runs_per_second(window: Duration, mut run: impl FnMut()) -> f64 {
    let (start, mut runs) = (Instant::now(), 0_u64);
    loop {
        run();
        runs += 1;
        let elapsed = start.elapsed();
        if elapsed >= window {
            return runs as f64 / elapsed.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_window_counts_and_the_slowest_makes_the_spread() {
        let windows = Windows::new([4.0, 5.0, 3.0]);
        assert_eq!((windows.best(), windows.spread()), (5.0, 0.4));
        assert_eq!(windows.times(2.0).rates(), [8.0, 10.0, 6.0]);
        assert!(windows.is_disturbed());
        assert!(!Windows::new([100.0, 91.0, 95.0]).is_disturbed());
        assert!(Windows::new([100.0, 89.0, 95.0]).is_disturbed());
        assert_eq!(Windows::new([7.0; COUNT]).spread(), 0.0);
    }

    #[cfg(feature = "threads")]
    #[test]
    fn threads_add_up_window_by_window() {
        let sum = Windows::sum([Windows::new([1.0, 2.0, 3.0]), Windows::new([10.0, 30.0, 20.0])]);
        assert_eq!(sum, Windows::new([11.0, 32.0, 23.0]));
    }

    #[test]
    fn windows_count_their_runs() {
        let mut runs = 0;
        let nap = Duration::from_millis(2);
        let windows = Windows::measure(Duration::from_millis(10), || {
            runs += 1;
            std::thread::sleep(nap);
        });
        let all = windows.rates();
        assert!(
            all.iter().all(|&rate| rate > 0.0 && rate <= 500.0),
            "{all:?} naps of 2 ms a second"
        );
        assert!((COUNT + 1..=4 * 5).contains(&runs), "{runs} naps in four windows of 10 ms");
    }

    #[test]
    fn a_window_lasts_one_run_at_least() {
        let mut runs = 0;
        Windows::measure(Duration::from_nanos(1), || {
            runs += 1;
            std::thread::sleep(Duration::from_millis(1));
        });
        assert_eq!(runs, COUNT + 1);
    }
}
