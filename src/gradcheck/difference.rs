//! The slope of a function of one number, from two of its values, and the two errors of this slope.

use crate::real::Real;

/// Which two points of a function a slope is taken from. Chapter 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// x and x + h: (L(x + h) − L(x)) / h.
    OneSided,
    /// x − h and x + h: (L(x + h) − L(x − h)) / 2h.
    Central,
}

/// The line through two points of a function, both as the machine holds them. Chapter 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Secant<T> {
    /// The left point: its place, and the function's value there.
    pub left: (T, T),
    /// The right point.
    pub right: (T, T),
}

impl Difference {
    /// Evaluates `f` at the two points around `x` that lie `h` or 2`h` apart.
    pub fn secant<T: Real>(self, f: impl Fn(T) -> T, x: T, h: T) -> Secant<T> {
        let left = match self {
            Self::OneSided => x,
            Self::Central => x - h,
        };
        let right = x + h;
        Secant { left: (left, f(left)), right: (right, f(right)) }
    }

    /// The truncation error that a step `h` leaves in exact arithmetic, from the function's `second`
    /// and `third` derivative: h/2 · |L″|, or h²/6 · |L‴|.
    ///
    /// It bounds the error where these are the largest that the derivatives reach between the points.
    pub fn truncation(self, h: f64, second: f64, third: f64) -> f64 {
        match self {
            Self::OneSided => h / 2.0 * second.abs(),
            Self::Central => h * h / 6.0 * third.abs(),
        }
    }

    /// The best step for a function whose value and derivatives are about 1: ε^(1/2), or ε^(1/3).
    pub fn best_step<T: Real>(self) -> T {
        match self {
            Self::OneSided => T::epsilon().sqrt(),
            Self::Central => T::epsilon().cbrt(),
        }
    }
}

impl<T: Real> Secant<T> {
    /// The distance of the two places. It is exact where they lie close together, and zero where the
    /// step is lost in rounding.
    pub fn run(&self) -> T {
        self.right.0 - self.left.0
    }

    /// The difference of the two values, which is exact where they lie close together.
    pub fn rise(&self) -> T {
        self.right.1 - self.left.1
    }

    /// The slope: `rise` by `run`. It is not a number where there was no step.
    pub fn slope(&self) -> T {
        self.rise() / self.run()
    }

    /// The most that the rounding of both values, by ε/2 of each, adds to the slope's error:
    /// ε · C / `run`, where C is the larger value's size.
    pub fn rounding(&self) -> f64 {
        let size = self.left.1.abs().max(self.right.1.abs());
        T::epsilon().as_f64() * size.as_f64() / self.run().as_f64()
    }
}
