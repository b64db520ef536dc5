//! Images changed at random. Chapter 14.

use crate::real::Real;

/// Mirrors an image left to right. `shape` is `[height, width, channels]`.
pub fn mirror<T: Real>(image: &mut [T], [_, width, channels]: [usize; 3]) {
    for row in image.chunks_exact_mut(width * channels) {
        for x in 0..width / 2 {
            for c in 0..channels {
                row.swap(x * channels + c, (width - 1 - x) * channels + c);
            }
        }
    }
}
