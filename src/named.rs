//! Tensors with names: what a network gives to averages and to files, and what it takes back.

use crate::real::Real;
use crate::tensor::Tensor;
use thiserror::Error;

/// The tensors that training changes, each under its name, in an order that stays.
pub trait Learned<T: Real> {
    /// All of them: parameters, and what ops keep of them such as running statistics.
    fn learned(&self) -> Vec<(String, Tensor<T>)>;

    /// Calls `f` with the position of each tensor in [`Learned::learned`] and with its entries.
    fn for_each_learned(&mut self, f: impl FnMut(usize, &mut [T]));
}

/// Tensors that are not those of a network.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RestoreError {
    /// A tensor is not there.
    #[error("no tensor {0}: the model has another architecture")]
    Missing(String),
    /// A tensor has another shape.
    #[error(
        "tensor {name} is {found:?}, the network needs {expected:?}: the model has another architecture"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the network needs.
        expected: Vec<usize>,
    },
    /// A tensor holds infinities, or what is no number.
    #[error(
        "tensor {name} holds {value} at entry {entry}: the training diverged. Train again, with a \
         lower rate"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// The position in row-major order.
        entry: usize,
        /// What stands there, as text.
        value: String,
    },
}

impl RestoreError {
    /// The tensor that was `saved` as `name`, in the place of the `current` one.
    pub(crate) fn check<T: Real>(
        name: &str,
        current: &Tensor<T>,
        saved: Option<Tensor<T>>,
    ) -> Result<Tensor<T>, Self> {
        let tensor = saved.ok_or_else(|| Self::Missing(name.to_owned()))?;
        if tensor.shape() != current.shape() {
            let (found, expected) = (tensor.shape().to_vec(), current.shape().to_vec());
            return Err(Self::Shape { name: name.to_owned(), found, expected });
        }
        if let Some((entry, value)) = tensor.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(Self::NotFinite { name: name.to_owned(), entry, value: value.to_string() });
        }
        Ok(tensor)
    }
}
