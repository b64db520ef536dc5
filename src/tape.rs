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
//!
//! **Why a gradient is never of old values.** A backward pass reads the values that the last forward
//! pass left. If a leaf was written since, they are no longer values of one function: the leaf is new
//! and all that follows from it is old. So the tape remembers the first node that may be out of date,
//! and a backward pass begins with a *replay* from there: the last forward pass once more, in its mode,
//! at the leaves as they are now. It draws nothing anew and moves no running statistics.
//!
//! A node that has an op can be written too: [`Tape::value_mut`], then [`Tape::forward_after`]. It is
//! a constant from then on, until the next forward pass computes it again, and no gradient passes
//! through it.

mod draw;
mod operations;
pub mod small;
mod trace;

pub use draw::Drawing;
pub use operations::Operations;
pub(crate) use operations::product_multiplications;

use crate::parallel::for_each;
use crate::real::Real;
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries_mut, reshape, saturating_product};
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

/// What a pass over the tape is for. Dropout and batch normalization need to know.
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

    /// Shape of the output for inputs of these shapes, none of them empty.
    ///
    /// # Errors
    /// The rule that the shapes break, such as "takes a matrix". The tape adds the op's name and the
    /// shapes: see [`ShapeError`].
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule>;

    /// Overwrites `y` with the op's value at `x`.
    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>);

    /// Adds to each `dx` its part of dLoss/dInput, given `dy` = dLoss/dOutput.
    ///
    /// `dx` holds the derivative of the loss, not the local derivative, and other users of
    /// the same input add to it too: so always add, never assign.
    fn backward(&mut self, x: Inputs<'_, T>, y: &Tensor<T>, dy: &Tensor<T>, dx: Gradients<'_, T>);

    /// What the op learns in training passes without a gradient (running statistics), to be
    /// saved with the parameters.
    fn buffers(&self) -> &[Tensor<T>] {
        &[]
    }

    /// [`Op::buffers`], to be written to.
    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        &mut []
    }

    /// Multiplications of a forward pass where the op is a product of its first two inputs: m·k·n for
    /// `[m, k]`·`[k, n]`. Each of its two gradients takes as many. 0 for all other ops: see
    /// [`Operations`].
    fn multiplications(&self, inputs: &[&[usize]], output: &[usize]) -> u64 {
        let _ = (inputs, output);
        0
    }
}

/// Values of an op's inputs: `x[0]`, `x[1]`, …
#[derive(Debug)]
pub struct Inputs<'a, T> {
    values: &'a [Tensor<T>],
    vars: &'a [Var],
    /// What this pass is for.
    pub mode: Mode,
    /// Whether this pass repeats one that was counted already: running statistics stay as they are.
    pub replay: bool,
}

impl<T> Index<usize> for Inputs<'_, T> {
    type Output = Tensor<T>;

    fn index(&self, k: usize) -> &Tensor<T> {
        &self.values[self.vars[k].0]
    }
}

/// Fewest zeros of a gradient that are worth a second thread: about 100 µs of writing.
const MIN_ZEROS: usize = 1 << 20;

/// Gradients of an op's inputs, to be added to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    gradients: &'a mut [Tensor<T>],
    wanted: &'a [bool],
    touched: &'a mut [bool],
    vars: &'a [Var],
}

impl<T: Real> Gradients<'_, T> {
    /// The gradient of input `k`, to be added to, or `None` where it depends on no parameter (in
    /// PyTorch's words: where it does not *require grad*).
    pub fn wanted(&mut self, k: usize) -> Option<&mut Tensor<T>> {
        let (gradient, accumulate) = self.target(k)?;
        if !accumulate {
            set_to_zero(gradient);
        }
        Some(gradient)
    }

    /// [`Gradients::wanted`], for an op that can spare the zeros: beside the gradient, whether it is to
    /// be added to (`accumulate`). Where it is not, no other op has added to it in this pass, and its
    /// entries are those of an earlier one: the op overwrites all of them.
    pub fn target(&mut self, k: usize) -> Option<(&mut Tensor<T>, bool)> {
        let var = self.vars[k].0;
        if !self.wanted[var] {
            return None;
        }
        let accumulate = std::mem::replace(&mut self.touched[var], true);
        Some((&mut self.gradients[var], accumulate))
    }

    /// Adds `term` to the gradient of input `k`, entry by entry, where it is wanted. `term` is given the
    /// entries of the `N` tensors `x` at the same place, all of the gradient's shape.
    ///
    /// # Panics
    /// If one of `x` has fewer entries than the gradient.
    pub fn add<const N: usize>(
        &mut self,
        k: usize,
        x: [&Tensor<T>; N],
        term: impl Fn([T; N]) -> T + Sync,
    ) {
        match self.target(k) {
            Some((dx, true)) => for_each(dx, x, |dx, x| *dx += term(x)),
            Some((dx, false)) => for_each(dx, x, |dx, x| *dx = term(x)),
            None => (),
        }
    }
}

fn set_to_zero<T: Real>(gradient: &mut Tensor<T>) {
    if gradient.len() < MIN_ZEROS {
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
    origin: Origin,
}

/// Where the value of a node that has an op comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Its op.
    Computed,
    /// The caller, and the nodes after it do not follow from it yet.
    Written,
    /// The caller, and the nodes after it follow from it: a constant until the next forward pass.
    Held,
}

/// [`Tape::stale_from`] where no node is out of date.
const FRESH: usize = usize::MAX;

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
    /// A node's gradient is wanted if the node depends on a parameter.
    wanted: Vec<bool>,
    /// A gradient counts as zero until something was added to it in this backward pass.
    touched: Vec<bool>,
    /// The first node that may not follow from the leaves as they are now.
    stale_from: usize,
    /// What the next forward pass is for.
    mode: Mode,
    /// What the last one was for, and with it a backward pass and the replay before that.
    last_mode: Mode,
}

/// Recording: leaves and operations.
impl<T: Real> Tape<T> {
    /// An empty tape in [`Mode::Evaluation`].
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            values: Vec::new(),
            gradients: Vec::new(),
            wanted: Vec::new(),
            touched: Vec::new(),
            stale_from: FRESH,
            mode: Mode::default(),
            last_mode: Mode::default(),
        }
    }

    /// A leaf whose gradient is wanted.
    pub fn parameter<D: Dimension>(&mut self, value: Array<T, D>) -> Var {
        self.append(None, &[], value.into_dyn(), true)
    }

    /// A leaf whose gradient nobody wants: images, labels.
    pub fn input<D: Dimension>(&mut self, value: Array<T, D>) -> Var {
        self.append(None, &[], value.into_dyn(), false)
    }

    /// Records `op` on `inputs` and computes its value.
    ///
    /// # Errors
    /// [`ShapeError`] where an input is empty or the op refuses the shapes.
    pub fn push(&mut self, op: impl Op<T> + 'static, inputs: &[Var]) -> Result<Var, ShapeError> {
        self.record(Box::new(op), inputs)
    }

    fn record(&mut self, mut op: Box<dyn Op<T>>, inputs: &[Var]) -> Result<Var, ShapeError> {
        self.refuse_foreign(&*op, inputs)?;

        // The only place where shapes are checked: a replay has the same.
        let shapes: Vec<_> = inputs.iter().map(|&var| self.values[var.0].shape()).collect();
        let mut y = Tensor::zeros(output_shape(&*op, &shapes)?);
        let x = Inputs { values: &self.values, vars: inputs, mode: self.mode, replay: false };
        op.forward(x, &mut y);
        self.last_mode = self.mode;

        let wanted = inputs.iter().any(|&var| self.wanted[var.0]);
        Ok(self.append(Some(op), inputs, y, wanted))
    }

    fn refuse_foreign(&self, op: &dyn Op<T>, inputs: &[Var]) -> Result<(), ShapeError> {
        let count = self.values.len();
        let Some(var) = inputs.iter().find(|var| var.0 >= count) else { return Ok(()) };
        let rule = format!("node {} is of another tape: this one has {count}", var.0);
        Err(ShapeError::new(op.name(), &[], rule))
    }

    fn append(
        &mut self,
        op: Option<Box<dyn Op<T>>>,
        inputs: &[Var],
        value: Tensor<T>,
        wanted: bool,
    ) -> Var {
        // Kernels rely on row-major order; an array built from a transposed view lacks it.
        let value = if value.is_standard_layout() {
            value
        } else {
            value.as_standard_layout().into_owned()
        };
        let gradient =
            if wanted { Tensor::zeros(value.raw_dim()) } else { Tensor::zeros(IxDyn(&[0])) };
        let (inputs, origin) = (inputs.to_vec(), Origin::Computed);
        self.nodes.push(Node { op, inputs, label: None, origin });
        self.values.push(value);
        self.gradients.push(gradient);
        self.wanted.push(wanted);
        self.touched.push(false);
        Var(self.nodes.len() - 1)
    }

    /// Names a node in traces and drawings.
    pub fn label(&mut self, var: Var, label: impl Into<String>) {
        self.nodes[var.0].label = Some(label.into());
    }
}

/// The two passes.
impl<T: Real> Tape<T> {
    /// What the next forward passes are for. A backward pass is of the last one, whatever is set here.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Computes every node from the leaves, front to back.
    pub fn forward(&mut self) {
        self.compute_again_from(0);
        self.last_mode = self.mode;
        self.run(0, false);
    }

    /// Computes the nodes after `var` again, from a value that was written into `var`. Where `var` has
    /// an op, it is a constant from then on: [`Tape::gradient`] has its gradient, and none passes
    /// through it. The next [`Tape::forward`] computes it again.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.parameter(arr1(&[2.0]));
    /// let b = tape.add(a, a)?;
    /// let c = tape.multiply(b, b)?;
    /// tape.value_mut(b).fill(3.0);
    /// tape.forward_after(b);
    /// tape.backward(c);
    /// assert_eq!(tape.value(c)[0], 9.0);
    /// assert_eq!(tape.gradient(b)[0], 6.0); // dc/db = 2b
    /// assert_eq!(tape.gradient(a)[0], 0.0); // b no longer depends on a
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn forward_after(&mut self, var: Var) {
        let node = &mut self.nodes[var.0];
        if node.origin == Origin::Written {
            node.origin = Origin::Held;
        }
        self.compute_again_from(var.0 + 1);
        self.last_mode = self.mode;
        self.run(var.0 + 1, true);
    }

    /// The last forward pass once more, as far as leaves were written since. Running statistics stay.
    pub(crate) fn replay(&mut self) {
        if self.stale_from != FRESH {
            self.run(self.stale_from, true);
        }
    }

    /// From `first` on, no value is the caller's any more.
    fn compute_again_from(&mut self, first: usize) {
        for node in &mut self.nodes[first..] {
            node.origin = Origin::Computed;
        }
    }

    /// Computes the nodes from `first` on whose values are not the caller's.
    fn run(&mut self, first: usize, replay: bool) {
        for (i, node) in self.nodes.iter_mut().enumerate().skip(first) {
            if let (Some(op), Origin::Computed) = (&mut node.op, node.origin) {
                let (values, y) = self.values.split_at_mut(i);
                let x = Inputs { values, vars: &node.inputs, mode: self.last_mode, replay };
                op.forward(x, &mut y[0]);
            }
        }
        if first <= self.stale_from {
            self.stale_from = FRESH;
        }
    }

    /// Computes the gradient of the sum of `y`'s entries, back to front. Of a loss, a single
    /// number, that is the gradient of the loss.
    ///
    /// It is the gradient at the leaves as they are now, in the mode of the last forward pass. Where a
    /// leaf, a shape or a buffer has changed since, the nodes that follow from it are first computed
    /// again, and their running statistics stay.
    ///
    /// # Panics
    /// If a node with an op was written ([`Tape::value_mut`]), `y` or one before it, and neither
    /// [`Tape::forward_after`] nor [`Tape::forward`] came after that: the values on the tape are then
    /// those of no function.
    pub fn backward(&mut self, y: Var) {
        if self.wanted[y.0] {
            self.gradients[y.0].fill(T::one());
        }
        self.reverse(y);
    }

    /// The vector-Jacobian product: computes the gradient of Σ `dy` ⊙ `y`, for a `dy` of the shape of
    /// `y`, as [`Tape::backward`] does.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    ///
    /// # Panics
    /// As [`Tape::backward`] does.
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
        self.refuse_written(y);
        self.replay();
        self.touched.fill(false);
        self.touched[y.0] = self.wanted[y.0];

        // From the last node to the first. By then, every gradient is whole.
        for i in (0..=y.0).rev() {
            let node = &mut self.nodes[i];
            let passes_on = self.touched[i] && node.origin != Origin::Held;
            if let (Some(op), true) = (&mut node.op, passes_on) {
                let (values, y) = self.values.split_at(i);
                let (gradients, dy) = self.gradients.split_at_mut(i);
                let (wanted, touched) = (&self.wanted, &mut self.touched);
                op.backward(
                    Inputs { values, vars: &node.inputs, mode: self.last_mode, replay: false },
                    &y[0],
                    &dy[0],
                    Gradients { gradients, wanted, touched, vars: &node.inputs },
                );
            }
        }

        for (gradient, touched) in self.gradients.iter_mut().zip(&self.touched) {
            if !touched {
                set_to_zero(gradient);
            }
        }
    }

    fn refuse_written(&self, y: Var) {
        for var in self.vars().take(y.0 + 1) {
            assert!(
                self.nodes[var.0].origin != Origin::Written,
                "node %{} = {} was written, and the nodes after it do not follow from it: call \
                 `forward_after` with it before `backward`, or `forward` to compute it again",
                var.0,
                self.expression(var)
            );
        }
    }
}

/// Values and gradients.
impl<T: Real> Tape<T> {
    /// The value of a node, as of the last forward pass, or of the replay that a backward pass began
    /// with.
    ///
    /// # Panics
    /// If `var` is of another tape and lies beyond the end of this one. So do all that take one.
    pub fn value(&self, var: Var) -> &Tensor<T> {
        &self.values[var.0]
    }

    /// The value of a node, to be written to. What follows from a leaf is computed again before the
    /// next backward pass. After a node that has an op, call [`Tape::forward_after`].
    pub fn value_mut(&mut self, var: Var) -> ArrayViewMutD<'_, T> {
        self.write(var);
        self.values[var.0].view_mut()
    }

    /// Copies `value` into a leaf. What follows from the leaf is computed again before the next
    /// backward pass.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ, or `leaf` is none.
    pub fn set<D: Dimension>(&mut self, leaf: Var, value: &Array<T, D>) -> Result<(), ShapeError> {
        self.expect_leaf("set", leaf)?;
        let shape = self.values[leaf.0].shape();
        if shape != value.shape() {
            let rule = "a leaf keeps its shape; `resize` gives it another";
            return Err(ShapeError::new("set", &[shape, value.shape()], rule));
        }
        self.value_mut(leaf).assign(&value.view().into_dyn());
        Ok(())
    }

    /// The gradient of a node, as of the last backward pass: dLoss/dNode, in the node's shape.
    /// Empty where the node depends on no parameter.
    pub fn gradient(&self, var: Var) -> &Tensor<T> {
        &self.gradients[var.0]
    }

    /// A parameter's value, to be updated as by [`Tape::value_mut`], beside its gradient.
    pub fn parameter_mut(&mut self, var: Var) -> (ArrayViewMutD<'_, T>, &Tensor<T>) {
        self.write(var);
        (self.values[var.0].view_mut(), &self.gradients[var.0])
    }

    /// The buffers of the op whose output is `var`: see [`Op::buffers`]. Empty for a leaf.
    pub fn buffers(&self, var: Var) -> &[Tensor<T>] {
        self.nodes[var.0].op.as_ref().map_or(&[], |op| op.buffers())
    }

    /// [`Tape::buffers`], to be written to. `var` and what follows from it is computed again before
    /// the next backward pass.
    pub fn buffers_mut(&mut self, var: Var) -> &mut [Tensor<T>] {
        self.stale_from = self.stale_from.min(var.0);
        self.nodes[var.0].op.as_mut().map_or(&mut [], |op| op.buffers_mut())
    }

    /// Remembers that the value of `var` is about to change.
    fn write(&mut self, var: Var) {
        let node = &mut self.nodes[var.0];
        if node.op.is_some() {
            node.origin = Origin::Written;
        }
        self.stale_from = self.stale_from.min(var.0 + 1);
    }

    /// Refuses a node that has an op.
    fn expect_leaf(&self, name: &'static str, var: Var) -> Result<(), ShapeError> {
        if self.nodes[var.0].op.is_none() {
            return Ok(());
        }
        let rule = format!(
            "%{} = {} is no leaf: `value_mut` and then `forward_after` write it",
            var.0,
            self.expression(var)
        );
        Err(ShapeError::new(name, &[self.values[var.0].shape()], rule))
    }

    /// Gives leaves other shapes (another batch size) and carries them through the tape. What
    /// stood in the leaves is lost; parameters keep theirs.
    ///
    /// Memory that the tape once took it keeps: returning to a shape allocates no tensor.
    ///
    /// # Errors
    /// [`ShapeError`] where one of them is no leaf, or of the first op that refuses; the tape then
    /// stays as it was.
    pub fn resize(&mut self, leaves: &[(Var, &[usize])]) -> Result<(), ShapeError> {
        let mut shapes: Vec<Vec<usize>> =
            self.values.iter().map(|value| value.shape().to_vec()).collect();
        for &(leaf, shape) in leaves {
            self.expect_leaf("resize", leaf)?;
            fits_memory::<T>(shape).map_err(|rule| ShapeError::new("resize", &[shape], rule))?;
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
        self.compute_again_from(0);
        self.stale_from = 0;
        Ok(())
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

/// The shape of `op`'s output. In this one place empty inputs are refused for every op, and a broken
/// rule is told with the op's name and the shapes.
fn output_shape<T: Real>(op: &dyn Op<T>, shapes: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
    let shape = if shapes.iter().any(|shape| shape.contains(&0)) {
        Err("an input is empty: every axis must have a length of 1 or more".into())
    } else {
        op.shape(shapes).and_then(|shape| fits_memory::<T>(&shape).map(|()| shape))
    };
    shape.map_err(|rule| ShapeError::new(op.name(), shapes, rule))
}

/// Refuses a shape whose entries no memory could hold, however large: their count would overflow.
fn fits_memory<T>(shape: &[usize]) -> Result<(), BrokenRule> {
    match saturating_product(shape).checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(format!("{shape:?} has more entries than memory can hold").into()),
    }
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
