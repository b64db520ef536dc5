//! Work on the images of a batch, split as [`crate::parallel`] prescribes, and their pixels as the rows
//! of a matrix.

use crate::parallel::{MIN_ENTRIES, join};
use crate::real::Real;
use ndarray::{ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4};

/// Runs `f` on each image of `y` with the images of the `N` batches `x` at the same place.
///
/// Each slice holds `batch` images of one length, which may be another in each slice. The batch is
/// halved until a part holds one image, or fewer entries than [`MIN_ENTRIES`].
pub fn for_each_image<T: Real, const N: usize>(
    batch: usize,
    y: &mut [T],
    x: [&[T]; N],
    f: &(impl Fn(&mut [T], [&[T]; N]) + Sync),
) {
    let y_image = y.len() / batch;
    let entries = y.len() + x.iter().map(|x| x.len()).sum::<usize>();
    if batch == 1 || entries < MIN_ENTRIES {
        for (b, y) in y.chunks_exact_mut(y_image).enumerate() {
            f(y, x.map(|x| image(x, b, batch)));
        }
    } else {
        let half = batch / 2;
        let (y_left, y_right) = y.split_at_mut(half * y_image);
        let cut = |x: &[T]| half * (x.len() / batch);
        join(
            || for_each_image(half, y_left, x.map(|x| &x[..cut(x)]), f),
            || for_each_image(batch - half, y_right, x.map(|x| &x[cut(x)..]), f),
        );
    }
}

/// Image `b` of `batch`.
fn image<T>(x: &[T], b: usize, batch: usize) -> &[T] {
    let length = x.len() / batch;
    &x[b * length..][..length]
}

/// All axes but the last in rows, the last in columns.
pub fn matrix<T: Real>(array: ArrayView4<'_, T>) -> ArrayView2<'_, T> {
    let (a, b, c, columns) = array.dim();
    array.into_shape_with_order((a * b * c, columns)).expect("arrays lie in standard order")
}

/// [`matrix`], to be written to.
pub fn matrix_mut<T: Real>(array: ArrayViewMut4<'_, T>) -> ArrayViewMut2<'_, T> {
    let (a, b, c, columns) = array.dim();
    array.into_shape_with_order((a * b * c, columns)).expect("arrays lie in standard order")
}
