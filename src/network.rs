//! A network recorded on a tape, with names: what training, checkpoints and predictions share.
//! Chapter 12.

use crate::data::Dataset;
use crate::named::{Learned, RestoreError};
use crate::parallel::{MIN_ENTRIES, awake, join};
use crate::real::Real;
use crate::softmax::{Loss, argmax, softmax_row};
use crate::tape::{Mode, Tape, Var};
use crate::tensor::{ShapeError, Tensor, entries, entries_mut, rows};
use std::fmt;

/// A tensor that training changes, under the name that it has in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name, such as `layers.0.weight`.
    pub name: String,
    /// Its leaf.
    pub var: Var,
    /// Whether weight decay applies: it does to weights, and not to biases.
    pub decays: bool,
    /// What its learning rate is multiplied by: see [`crate::optim::Optimizer::with_factor`].
    pub factor: f64,
}

/// A tensor that no training changes and every model file holds, under the name that it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Name, such as `whiten.weight`.
    pub name: String,
    /// Its leaf, whose gradient nobody wants.
    pub var: Var,
}

/// A tensor that an op learns without a gradient (see [`crate::Op::buffers`]), under the name
/// that it has in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name, such as `norms.0.running_mean`.
    pub name: String,
    /// Output of the op that owns it.
    pub var: Var,
    /// Its position among the op's buffers.
    pub index: usize,
}

/// What a layer answers to pictures, under the layer's name: feature maps, one a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    /// Name of the layer, such as `conv1`.
    pub name: String,
    /// Its output, `[batch, height, width, channels]`.
    pub var: Var,
}

/// A network and its loss on a tape, with names.
///
/// The four nodes that every classifier has: `input` `[batch, …]`, `labels` `[batch]` (class
/// indices), `logits` `[batch, classes]` and `loss` `[]`.
pub struct Network<T: Real> {
    /// The recorded computation.
    pub tape: Tape<T>,
    input: Var,
    labels: Var,
    logits: Var,
    loss: Var,
    criterion: Loss,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    frozen: Vec<Frozen>,
    maps: Vec<Maps>,
}

/// How a network does on a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss of a sample.
    pub loss: f64,
    /// Fraction of samples whose largest logit is that of their class, 0 to 1.
    pub accuracy: f64,
    /// The class of the largest logit, sample by sample.
    pub predictions: Vec<usize>,
}

/// Records a network piece by piece, from the input and the labels to the loss.
#[derive(Debug)]
pub struct Recorder<T: Real> {
    /// The tape, for the ops between the parameters.
    pub tape: Tape<T>,
    input: Var,
    labels: Var,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    frozen: Vec<Frozen>,
    maps: Vec<Maps>,
}

impl<T: Real> Recorder<T> {
    /// The input `[batch, …]`, of which one sample has this `shape`, and the labels `[batch]`.
    pub fn new(batch: usize, shape: &[usize]) -> Self {
        let mut tape = Tape::new();
        let input = tape.input(Tensor::zeros([&[batch], shape].concat()));
        let labels = tape.input(Tensor::zeros(vec![batch]));
        let (parameters, buffers, frozen) = (Vec::new(), Vec::new(), Vec::new());
        Self { tape, input, labels, parameters, buffers, frozen, maps: Vec::new() }
    }

    /// The input, `[batch, …]`.
    pub fn input(&self) -> Var {
        self.input
    }

    /// A parameter called `name` in checkpoints and drawings. `decays` says whether weight decay
    /// applies to it.
    pub fn parameter(&mut self, name: String, value: Tensor<T>, decays: bool) -> Var {
        let var = self.tape.parameter(value);
        self.tape.label(var, &name);
        self.parameters.push(Parameter { name, var, decays, factor: 1.0 });
        var
    }

    /// The optimizer moves the parameter `var` at `factor` times the learning rate.
    pub fn scale_rate(&mut self, var: Var, factor: f64) {
        for parameter in self.parameters.iter_mut().filter(|parameter| parameter.var == var) {
            parameter.factor = factor;
        }
    }

    /// A tensor called `name` that is used and saved and not trained: the filters of a whitening layer.
    pub fn frozen(&mut self, name: String, value: Tensor<T>) -> Var {
        let var = self.tape.input(value);
        self.tape.label(var, &name);
        self.frozen.push(Frozen { name, var });
        var
    }

    /// Names the buffers of the op whose output is `var`: `prefix` and one of `names`, in the
    /// op's order.
    pub fn name_buffers(&mut self, var: Var, prefix: &str, names: &[&str]) {
        for (index, name) in names.iter().enumerate() {
            self.buffers.push(Buffer { name: format!("{prefix}.{name}"), var, index });
        }
    }

    /// Makes `var` known as what the layer called `name` answers: see [`Network::maps`].
    pub fn maps(&mut self, name: impl Into<String>, var: Var) {
        let name = name.into();
        self.tape.label(var, &name);
        self.maps.push(Maps { name, var });
    }

    /// The network that answers with these `logits` `[batch, classes]`, and learns by the loss that
    /// `criterion` makes of them.
    ///
    /// # Errors
    /// [`ShapeError`] where the logits have another shape.
    pub fn finish(self, logits: Var, criterion: Loss) -> Result<Network<T>, ShapeError> {
        let Self { mut tape, input, labels, parameters, buffers, frozen, maps } = self;
        let loss = tape.softmax_loss(logits, labels, criterion)?;
        for (var, label) in
            [(input, "input"), (labels, "labels"), (logits, "logits"), (loss, "loss")]
        {
            tape.label(var, label);
        }
        Ok(Network {
            tape,
            input,
            labels,
            logits,
            loss,
            criterion,
            parameters,
            buffers,
            frozen,
            maps,
        })
    }
}

impl<T: Real> Network<T> {
    /// Mean loss of a sample in the last forward pass.
    pub fn mean_loss(&self) -> f64 {
        let loss = self.tape.value(self.loss).sum().as_f64();
        self.criterion.of_a_sample(loss, [self.batch(), self.classes()])
    }

    /// The node of the input, `[batch, …]`.
    pub fn input(&self) -> Var {
        self.input
    }

    /// The node of the logits, `[batch, classes]`.
    pub fn logits(&self) -> Var {
        self.logits
    }

    /// The parameters, in the order of their layers.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The tensors that no training changes. [`Tape::set`] gives them their values.
    pub fn frozen(&self) -> &[Frozen] {
        &self.frozen
    }

    /// The feature maps of the layers that have some, from the input to the logits. Their values on
    /// the tape are those of the last pass.
    pub fn maps(&self) -> &[Maps] {
        &self.maps
    }

    /// The buffer called `name`, to be written to.
    pub fn buffer_mut(&mut self, name: &str) -> Option<&mut Tensor<T>> {
        let Buffer { var, index, .. } = self.buffers.iter().find(|buffer| buffer.name == name)?;
        self.tape.buffers_mut(*var).get_mut(*index)
    }

    /// Number of numbers that training changes.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|parameter| self.tape.value(parameter.var).len()).sum()
    }

    /// Number of samples in a pass.
    pub fn batch(&self) -> usize {
        self.tape.value(self.labels).len()
    }

    /// Entries of one input.
    pub fn features(&self) -> usize {
        self.tape.value(self.input).len() / self.batch()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.tape.value(self.logits).len() / self.batch()
    }

    /// Makes room for another number of samples in a pass.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none.
    pub fn resize(&mut self, batch: usize) -> Result<(), ShapeError> {
        if batch == self.batch() {
            return Ok(());
        }
        let mut shape = self.tape.value(self.input).shape().to_vec();
        shape[0] = batch;
        self.tape.resize(&[(self.input, &shape), (self.labels, &[batch])])
    }

    /// Writes samples of `data` into the input and the labels: as many as the batch holds.
    ///
    /// # Panics
    /// If there are fewer, or their inputs have another size: callers check both once.
    pub fn load(&mut self, data: &Dataset, samples: &[usize]) {
        self.load_with(data, samples, |_, _| {});
    }

    /// [`Network::load`], and then a `change` of each input: it is given the sample's number, too.
    ///
    /// # Panics
    /// As [`Network::load`].
    pub fn load_with(
        &mut self,
        data: &Dataset,
        samples: &[usize],
        change: impl Fn(usize, &mut [T]) + Sync,
    ) {
        assert!(samples.len() >= self.batch(), "fewer samples than the batch holds");
        assert_eq!(data.features(), self.features(), "the network takes inputs of another size");
        let samples = &samples[..self.batch()];
        let mut input = self.tape.value_mut(self.input);
        let rows = input.as_slice_mut().expect("a tape's tensors are contiguous");
        read_half(data, samples, rows, &change);
        for (label, &sample) in self.tape.value_mut(self.labels).iter_mut().zip(samples) {
            *label = T::of(data.label(sample) as f64);
        }
    }

    /// One pass forward and back over the loaded batch, as update number `step`.
    pub fn learn(&mut self, step: u64) {
        awake(|| {
            self.tape.set_mode(Mode::Training { step });
            self.tape.forward();
            self.tape.backward(self.loss);
        });
    }

    /// Number of samples of the loaded batch whose largest logit is that of their class.
    pub fn correct(&self) -> usize {
        let labels = self.tape.value(self.labels);
        self.predictions()
            .zip(labels)
            .filter(|&(class, label)| class as f64 == label.as_f64())
            .count()
    }

    /// The class of the largest logit of each sample of the loaded batch.
    fn predictions(&self) -> impl Iterator<Item = usize> {
        rows(self.tape.value(self.logits)).map(argmax)
    }

    /// Loss and predictions on all of `data`, in passes of at most `batch` samples.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, no data, or data whose inputs have another size.
    pub fn evaluate(&mut self, data: &Dataset, batch: usize) -> Result<Evaluation, ShapeError> {
        self.evaluate_by(data, batch, |network| network.tape.forward())
    }

    /// [`Network::evaluate`], where `pass` turns each loaded batch into logits and a loss.
    pub(crate) fn evaluate_by(
        &mut self,
        data: &Dataset,
        batch: usize,
        pass: impl Fn(&mut Self),
    ) -> Result<Evaluation, ShapeError> {
        self.expect(data)?;
        let samples: Vec<usize> = (0..data.len()).collect();
        let (mut loss, mut correct, mut predictions) = (0.0, 0, Vec::with_capacity(data.len()));
        self.tape.set_mode(Mode::Evaluation);
        self.resize(batch.min(data.len()))?;
        for chunk in samples.chunks(batch) {
            self.resize(chunk.len())?;
            self.load(data, chunk);
            pass(self);
            loss += self.mean_loss() * chunk.len() as f64;
            correct += self.correct();
            predictions.extend(self.predictions());
        }
        let count = data.len() as f64;
        Ok(Evaluation { loss: loss / count, accuracy: correct as f64 / count, predictions })
    }

    /// Refuses data that this network cannot take.
    ///
    /// # Errors
    /// [`ShapeError`] where inputs have another size, or images another shape than the network was
    /// recorded for, or there are more classes than logits.
    pub fn expect(&self, data: &Dataset) -> Result<(), ShapeError> {
        let (features, classes) = (self.features(), self.classes());
        if let &[_, height, width, channels] = self.tape.value(self.input).shape()
            && data.image_shape() != Some([height, width, channels])
        {
            let rule = format!(
                "{}: the network takes images of shape [{height}, {width}, {channels}]",
                data.name()
            );
            return Err(ShapeError::new("network", &[data.shape()], rule));
        }
        if data.features() != features {
            let rule = format!("{}: the network takes inputs of {features} entries", data.name());
            return Err(ShapeError::new("network", &[data.shape()], rule));
        }
        if data.classes() > classes {
            let rule = format!(
                "{}: {} classes, but the network tells {classes} apart",
                data.name(),
                data.classes()
            );
            return Err(ShapeError::new("network", &[data.shape()], rule));
        }
        Ok(())
    }

    /// Probabilities of the classes for one input of [`Network::features`] entries: the softmax
    /// of the logits.
    ///
    /// # Errors
    /// [`ShapeError`] where the input has another size.
    pub fn probabilities(&mut self, input: &[T]) -> Result<Vec<T>, ShapeError> {
        if input.len() != self.features() {
            let rule = format!("the network takes inputs of {} entries", self.features());
            return Err(ShapeError::new("network", &[&[input.len()]], rule));
        }
        self.resize(1)?;
        self.tape.set_mode(Mode::Evaluation);
        for (entry, &x) in self.tape.value_mut(self.input).iter_mut().zip(input) {
            *entry = x;
        }
        self.tape.forward();
        let mut probabilities = vec![T::zero(); self.classes()];
        softmax_row(entries(self.tape.value(self.logits)), &mut probabilities);
        Ok(probabilities)
    }

    /// Parameters, buffers and frozen tensors by name: what a model file holds.
    pub fn tensors(&self) -> Vec<(String, Tensor<T>)> {
        let mut tensors = self.learned();
        for Frozen { name, var } in &self.frozen {
            tensors.push((name.clone(), self.tape.value(*var).clone()));
        }
        tensors
    }

    /// Puts back what [`Network::tensors`] gave.
    ///
    /// # Errors
    /// [`RestoreError`] where a tensor is missing or has another shape; the network is then as it
    /// was.
    pub fn restore(
        &mut self,
        tensor: impl Fn(&str) -> Option<Tensor<T>>,
    ) -> Result<(), RestoreError> {
        let mut found = Vec::new();
        for (name, current) in self.tensors() {
            found.push(RestoreError::check(&name, &current, tensor(&name))?);
        }
        self.for_each_learned(|k, entries| entries.copy_from_slice(self::entries(&found[k])));
        let learned = self.parameters.len() + self.buffers.len();
        for (frozen, tensor) in self.frozen.iter().zip(&found[learned..]) {
            self.tape.value_mut(frozen.var).assign(tensor);
        }
        Ok(())
    }
}

impl<T: Real> Learned<T> for Network<T> {
    /// The parameters and then the buffers.
    fn learned(&self) -> Vec<(String, Tensor<T>)> {
        let mut tensors = Vec::with_capacity(self.parameters.len() + self.buffers.len());
        for Parameter { name, var, .. } in &self.parameters {
            tensors.push((name.clone(), self.tape.value(*var).clone()));
        }
        for Buffer { name, var, index } in &self.buffers {
            tensors.push((name.clone(), self.tape.buffers(*var)[*index].clone()));
        }
        tensors
    }

    fn for_each_learned(&mut self, mut f: impl FnMut(usize, &mut [T])) {
        for (k, parameter) in self.parameters.iter().enumerate() {
            let mut value = self.tape.value_mut(parameter.var);
            f(k, value.as_slice_mut().expect("a tape's tensors are contiguous"));
        }
        for (k, buffer) in self.buffers.iter().enumerate() {
            let k = self.parameters.len() + k;
            f(k, entries_mut(&mut self.tape.buffers_mut(buffer.var)[buffer.index]));
        }
    }
}

/// Writes the inputs of `samples` into `rows`, one behind the other.
fn read_half<T: Real>(
    data: &Dataset,
    samples: &[usize],
    rows: &mut [T],
    change: &(impl Fn(usize, &mut [T]) + Sync),
) {
    let features = data.features();
    if samples.len() < 2 || rows.len() < MIN_ENTRIES {
        for (row, &sample) in rows.chunks_exact_mut(features).zip(samples) {
            data.read(sample, row);
            change(sample, row);
        }
    } else {
        let (left, right) = samples.split_at(samples.len() / 2);
        let (left_rows, right_rows) = rows.split_at_mut(left.len() * features);
        join(
            || read_half(data, left, left_rows, change),
            || read_half(data, right, right_rows, change),
        );
    }
}

impl<T: Real> fmt::Debug for Network<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} parameters", self.parameter_count())?;
        fmt::Debug::fmt(&self.tape, f)
    }
}
