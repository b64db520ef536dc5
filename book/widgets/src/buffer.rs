//! The numbers that pass between a page and the module.
//!
//! ```text
//! page      at = buffer(3)           room for three numbers, and its address
//! page      writes three numbers
//! page      count = scalar_loss()    a widget's function reads them and leaves its results
//! page      at = buffer(count)       where the results are
//! page      reads `count` numbers
//! ```
//!
//! A function that cannot use what it was given leaves nothing, and the page says which one that
//! was. Nothing here is unsafe: the module hands out an address, and only the page, which WebAssembly
//! keeps within the module's memory, writes through it, between two calls.

use std::cell::RefCell;

thread_local! {
    static NUMBERS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for `length` numbers, of which the first ones stay, and returns where they are.
#[unsafe(no_mangle)]
pub extern "C" fn buffer(length: usize) -> *mut f64 {
    NUMBERS.with_borrow_mut(|numbers| {
        numbers.resize(length, 0.0);
        numbers.as_mut_ptr()
    })
}

/// What a page does, for programs that are none: writes `numbers`, calls `function`, and reads its
/// results.
pub fn call(function: extern "C" fn() -> usize, numbers: Vec<f64>) -> Vec<f64> {
    NUMBERS.set(numbers);
    function();
    NUMBERS.take()
}

/// Hands the buffer's numbers to `function`, puts its results in their place, and returns how many
/// there are: none, where it cannot use the numbers.
pub fn answer(function: impl FnOnce(&[f64]) -> Option<Vec<f64>>) -> usize {
    let arguments = NUMBERS.take();
    let results = function(&arguments).unwrap_or_default();
    let count = results.len();
    NUMBERS.set(results);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C" fn product() -> usize {
        answer(|numbers| {
            let &[a, b] = numbers else { return None };
            Some(vec![a * b, a, b])
        })
    }

    #[test]
    fn results_take_the_place_of_arguments() {
        assert_eq!(call(product, vec![2.0, 3.0]), [6.0, 2.0, 3.0]);
    }

    #[test]
    fn what_cannot_be_used_leaves_nothing() {
        assert!(call(product, vec![2.0]).is_empty());
    }

    #[test]
    fn room_is_made_and_what_was_there_stays() {
        NUMBERS.set(vec![2.0, 3.0]);
        buffer(3);
        assert_eq!(NUMBERS.take(), [2.0, 3.0, 0.0]);
    }
}
