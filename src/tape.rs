//! The tape: a computation recorded once and replayed every step. Chapter 2.
//!
//! A tape is a list of nodes. A node is a leaf (a parameter, an input) or the result of an
//! operation on earlier nodes. Two vectors hold what the nodes hold: values, filled front to
//! back by [`Tape::forward`], and gradients, filled back to front by [`Tape::backward`].
//!
//! **Why reverse order.** Let L be the last value and x a node whose consumers are u₁ … uₙ. The
//! chain rule gives
//!
//! ```text
//! ∂L/∂x = Σᵢ ∂L/∂uᵢ · ∂uᵢ/∂x
//! ```
//!
//! Every term needs the finished gradient of a consumer. Consumers stand behind x on the tape,
//! so one loop from back to front finds each gradient finished when it is needed.
//!
//! **Why gradients add up.** The sum runs over all uses of x. An operation knows one use, so it
//! adds its term and never assigns.

mod draw;
mod operations;
mod trace;

pub use draw::Drawing;
pub use operations::Operations;

use crate::parallel::for_each;
use crate::real::Real;
use crate::tensor::{ShapeError, Tensor, entries_mut, reshape};
use ndarray::{Array, ArrayViewMutD, Dimension, IxDyn};
use std::fmt;
use std::ops::Index;

/// A node of a [`Tape`]: an index, to be copied at will.
///
/// It means something on the tape that made it and on no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(usize);

impl Var {
    /// The position on the tape.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a pass over the tape is for: dropout and batch normalization ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The network is used: nothing is drawn at random, nothing is remembered.
    #[default]
    Evaluation,
    /// The network learns.
    Training {
        /// Number of the update. With an op's seed it fixes what the op draws, so that a resumed
        /// training draws what an uninterrupted one would have drawn.
        step: u64,
    },
}

/// One operation: its shapes, its forward pass and its backward pass.
///
/// An op may keep in itself what its backward pass needs of its forward pass (statistics, a
/// mask). It must not allocate in either.
pub trait Op<T: Real>: Send + Sync {
    /// Name in traces, drawings and errors, such as `"matmul"`.
    fn name(&self) -> &'static str;

    /// Shape of the output.
    ///
    /// # Errors
    /// [`ShapeError`] where the inputs do not fit.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError>;

    /// Overwrites `y` with the op's value at `x`.
    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>);

    /// Adds to each `dx` its part of dLoss/dInput, given `dy` = dLoss/dOutput.
    ///
    /// `dx` holds the derivative of the loss, not the local derivative, and other consumers of
    /// the same input add to it too: so always add, never assign.
    fn backward(&mut self, x: Inputs<'_, T>, y: &Tensor<T>, dy: &Tensor<T>, dx: Gradients<'_, T>);

    /// What the op learns in training passes without a gradient (running statistics), to be
    /// saved with the parameters.
    fn buffers(&mut self) -> &mut [Tensor<T>] {
        &mut []
    }
}

/// Values of an op's inputs: `x[0]`, `x[1]`, …
#[derive(Debug)]
pub struct Inputs<'a, T> {
    values: &'a [Tensor<T>],
    vars: &'a [Var],
    /// What this pass is for.
    pub mode: Mode,
}

impl<T> Index<usize> for Inputs<'_, T> {
    type Output = Tensor<T>;

    fn index(&self, k: usize) -> &Tensor<T> {
        &self.values[self.vars[k].0]
    }
}

/// Fewest entries of a gradient whose zeros are worth a second thread: about 100 µs of writing.
const FILL: usize = 1 << 20;

/// Gradients of an op's inputs, to be added to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    gradients: &'a mut [Tensor<T>],
    wanted: &'a [bool],
    touched: &'a mut [bool],
    vars: &'a [Var],
}

impl<T: Real> Gradients<'_, T> {
    /// The gradient of input `k`, to be added to, or `None` where no parameter is behind it.
    pub fn wanted(&mut self, k: usize) -> Option<&mut Tensor<T>> {
        let var = self.vars[k].0;
        if !self.wanted[var] {
            return None;
        }
        let gradient = &mut self.gradients[var];
        // Zeroed at its first use, when it is about to be in the cache anyway.
        if !std::mem::replace(&mut self.touched[var], true) {
            set_to_zero(gradient);
        }
        Some(gradient)
    }
}

fn set_to_zero<T: Real>(gradient: &mut Tensor<T>) {
    if gradient.len() < FILL {
        entries_mut(gradient).fill(T::zero());
    } else {
        for_each(gradient, [], |dx, []| *dx = T::zero());
    }
}

struct Node<T> {
    /// `None` in a leaf.
    op: Option<Box<dyn Op<T>>>,
    inputs: Vec<Var>,
    label: Option<String>,
}

/// A computation, recorded once and replayed every step.
///
/// Recording checks every shape, so a replay cannot fail; and it takes all memory that a replay
/// needs, so a replay allocates nothing.
///
/// ```
/// use chainrule::Tape;
/// use ndarray::arr1;
///
/// let mut tape = Tape::<f64>::new();
/// let a = tape.parameter(arr1(&[2.0]));
/// let b = tape.add(a, a)?;
/// let c = tape.multiply(b, b)?;
/// tape.backward(c);
/// assert_eq!(tape.value(c), &arr1(&[16.0]).into_dyn());
/// assert_eq!(tape.gradient(a), &arr1(&[16.0]).into_dyn()); // c = 4a², dc/da = 8a
/// # Ok::<(), chainrule::ShapeError>(())
/// ```
pub struct Tape<T: Real> {
    nodes: Vec<Node<T>>,
    values: Vec<Tensor<T>>,
    gradients: Vec<Tensor<T>>,
    /// A node's gradient is wanted if a parameter is behind it.
    wanted: Vec<bool>,
    /// A gradient counts as zero until something was added to it in this backward pass.
    touched: Vec<bool>,
    /// No forward pass since the last change of shapes: what the ops keep does not fit yet.
    stale: bool,
    mode: Mode,
}

impl<T: Real> Tape<T> {
    /// An empty tape in [`Mode::Evaluation`].
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            values: Vec::new(),
            gradients: Vec::new(),
            wanted: Vec::new(),
            touched: Vec::new(),
            stale: false,
            mode: Mode::default(),
        }
    }

    /// A leaf whose gradient is wanted.
    pub fn parameter<D: Dimension>(&mut self, value: Array<T, D>) -> Var {
        let leaf = Node { op: None, inputs: Vec::new(), label: None };
        self.append(leaf, value.into_dyn(), true)
    }

    /// A leaf whose gradient nobody wants: images, labels.
    pub fn input<D: Dimension>(&mut self, value: Array<T, D>) -> Var {
        let leaf = Node { op: None, inputs: Vec::new(), label: None };
        self.append(leaf, value.into_dyn(), false)
    }

    /// Records `op` on `inputs` and computes its value.
    ///
    /// # Errors
    /// [`ShapeError`] where an input is empty or the op refuses the shapes.
    pub fn push(&mut self, op: impl Op<T> + 'static, inputs: &[Var]) -> Result<Var, ShapeError> {
        self.record(Box::new(op), inputs)
    }

    fn record(&mut self, mut op: Box<dyn Op<T>>, inputs: &[Var]) -> Result<Var, ShapeError> {
        if let Some(var) = inputs.iter().find(|var| var.0 >= self.values.len()) {
            let rule =
                format!("node {} is of another tape: this one has {}", var.0, self.values.len());
            return Err(ShapeError::new(op.name(), &[], rule));
        }
        let shapes: Vec<_> = inputs.iter().map(|&var| self.values[var.0].shape()).collect();
        let shape = output_shape(&*op, &shapes)?;
        let mut y = Tensor::zeros(shape);
        op.forward(Inputs { values: &self.values, vars: inputs, mode: self.mode }, &mut y);
        let wanted = inputs.iter().any(|&var| self.wanted[var.0]);
        let node = Node { op: Some(op), inputs: inputs.to_vec(), label: None };
        Ok(self.append(node, y, wanted))
    }

    fn append(&mut self, node: Node<T>, value: Tensor<T>, wanted: bool) -> Var {
        // Kernels rely on row-major order; an array built from a transposed view lacks it.
        let value = if value.is_standard_layout() {
            value
        } else {
            value.as_standard_layout().into_owned()
        };
        let gradient =
            if wanted { Tensor::zeros(value.raw_dim()) } else { Tensor::zeros(IxDyn(&[0])) };
        self.nodes.push(node);
        self.values.push(value);
        self.gradients.push(gradient);
        self.wanted.push(wanted);
        self.touched.push(false);
        Var(self.nodes.len() - 1)
    }

    /// What the next passes are for.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Computes every node from the leaves, front to back.
    pub fn forward(&mut self) {
        self.forward_from(0);
        self.stale = false;
    }

    /// Computes the nodes behind `var` again, from a value that was written into `var`.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.input(arr1(&[2.0]));
    /// let b = tape.add(a, a)?;
    /// let c = tape.multiply(b, b)?;
    /// tape.value_mut(b).fill(3.0);
    /// tape.forward_after(b);
    /// assert_eq!(tape.value(c)[0], 9.0);
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn forward_after(&mut self, var: Var) {
        self.forward_from(var.0 + 1);
    }

    fn forward_from(&mut self, first: usize) {
        for (i, node) in self.nodes.iter_mut().enumerate().skip(first) {
            if let Some(op) = &mut node.op {
                let (before, rest) = self.values.split_at_mut(i);
                op.forward(
                    Inputs { values: before, vars: &node.inputs, mode: self.mode },
                    &mut rest[0],
                );
            }
        }
    }

    /// Computes the gradient of the sum of `y`'s entries, back to front. Of a loss, a single
    /// number, that is the gradient of the loss.
    pub fn backward(&mut self, y: Var) {
        if self.wanted[y.0] {
            self.gradients[y.0].fill(T::one());
        }
        self.reverse(y);
    }

    /// Computes the gradient of Σ `dy` ⊙ `y`, for a `dy` of the shape of `y`.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn backward_from(&mut self, y: Var, dy: &Tensor<T>) -> Result<(), ShapeError> {
        let shape = self.values[y.0].shape();
        if dy.shape() != shape {
            let rule = "the upstream gradient must have the shape of the output";
            return Err(ShapeError::new("backward", &[shape, dy.shape()], rule));
        }
        if self.wanted[y.0] {
            self.gradients[y.0].assign(dy);
        }
        self.reverse(y);
        Ok(())
    }

    fn reverse(&mut self, y: Var) {
        if self.stale {
            self.forward();
        }
        self.touched.fill(false);
        self.touched[y.0] = self.wanted[y.0];
        for i in (0..=y.0).rev() {
            let node = &mut self.nodes[i];
            if let (Some(op), true) = (&mut node.op, self.touched[i]) {
                let (values, y) = self.values.split_at(i);
                let (gradients, dy) = self.gradients.split_at_mut(i);
                op.backward(
                    Inputs { values, vars: &node.inputs, mode: self.mode },
                    &y[0],
                    &dy[0],
                    Gradients {
                        gradients,
                        wanted: &self.wanted,
                        touched: &mut self.touched,
                        vars: &node.inputs,
                    },
                );
            }
        }
        for (gradient, touched) in self.gradients.iter_mut().zip(&self.touched) {
            if !touched {
                set_to_zero(gradient);
            }
        }
    }

    /// The value of a node, as of the last forward pass.
    ///
    /// # Panics
    /// If `var` is of another tape and lies beyond the end of this one. So do all that take one.
    pub fn value(&self, var: Var) -> &Tensor<T> {
        &self.values[var.0]
    }

    /// The value of a node, to be written to. The next forward pass overwrites all but leaves.
    pub fn value_mut(&mut self, var: Var) -> ArrayViewMutD<'_, T> {
        self.values[var.0].view_mut()
    }

    /// Copies `value` into a leaf.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn set<D: Dimension>(&mut self, leaf: Var, value: &Array<T, D>) -> Result<(), ShapeError> {
        let target = &mut self.values[leaf.0];
        if target.shape() != value.shape() {
            let rule = "a leaf keeps its shape; `resize` gives it another";
            return Err(ShapeError::new("set", &[target.shape(), value.shape()], rule));
        }
        target.assign(&value.view().into_dyn());
        Ok(())
    }

    /// The gradient of a node, as of the last backward pass: dLoss/dNode, in the node's shape.
    /// Empty where no parameter is behind the node.
    pub fn gradient(&self, var: Var) -> &Tensor<T> {
        &self.gradients[var.0]
    }

    /// A parameter's value, to be updated, beside its gradient.
    pub fn parameter_mut(&mut self, var: Var) -> (ArrayViewMutD<'_, T>, &Tensor<T>) {
        (self.values[var.0].view_mut(), &self.gradients[var.0])
    }

    /// The buffers of the op behind `var`: see [`Op::buffers`]. Empty for a leaf.
    pub fn buffers(&mut self, var: Var) -> &mut [Tensor<T>] {
        self.nodes[var.0].op.as_mut().map_or(&mut [], |op| op.buffers())
    }

    /// Gives leaves other shapes (another batch size) and carries them through the tape. What
    /// stood in the leaves is lost; parameters keep theirs.
    ///
    /// Memory that the tape once took it keeps: returning to a shape allocates no tensor.
    ///
    /// # Errors
    /// [`ShapeError`] of the first op that refuses; the tape then stays as it was.
    pub fn resize(&mut self, leaves: &[(Var, &[usize])]) -> Result<(), ShapeError> {
        let mut shapes: Vec<Vec<usize>> =
            self.values.iter().map(|value| value.shape().to_vec()).collect();
        for (leaf, shape) in leaves {
            shapes[leaf.0] = shape.to_vec();
        }
        for (i, node) in self.nodes.iter().enumerate() {
            if let Some(op) = &node.op {
                let inputs: Vec<_> =
                    node.inputs.iter().map(|var| shapes[var.0].as_slice()).collect();
                shapes[i] = output_shape(op.as_ref(), &inputs)?;
            }
        }
        for (i, shape) in shapes.iter().enumerate() {
            reshape(&mut self.values[i], shape);
            if self.wanted[i] {
                reshape(&mut self.gradients[i], shape);
            }
        }
        self.stale = true;
        Ok(())
    }

    /// Names a node in traces and drawings.
    pub fn label(&mut self, var: Var, label: impl Into<String>) {
        self.nodes[var.0].label = Some(label.into());
    }

    /// All nodes, in the order in which they were recorded.
    pub fn vars(&self) -> impl DoubleEndedIterator<Item = Var> + use<T> {
        (0..self.nodes.len()).map(Var)
    }

    /// Whether `var` is a parameter: a leaf whose gradient is wanted.
    pub fn is_parameter(&self, var: Var) -> bool {
        self.nodes[var.0].op.is_none() && self.wanted[var.0]
    }
}

/// The shape of `op`'s output; empty inputs are refused for every op in this one place.
fn output_shape<T: Real>(
    op: &(impl Op<T> + ?Sized),
    shapes: &[&[usize]],
) -> Result<Vec<usize>, ShapeError> {
    if shapes.iter().any(|shape| shape.contains(&0)) {
        return Err(ShapeError::new(
            op.name(),
            shapes,
            "an input is empty: every axis must have a length of 1 or more",
        ));
    }
    op.shape(shapes)
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.trace())
    }
}
