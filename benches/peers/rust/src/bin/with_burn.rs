//! The workloads in burn, on its backend Flex.

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::activation::{Activation, ActivationConfig};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Parser;
use peers::{Arguments, Failure, Layer, Practice, RATE, Rule, Workload, report};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let workload = Workload::named(&arguments.workload)?;
    let practice = Training::new(&workload, &Device::flex().autodiff())?;
    report(&arguments, &workload, practice)
}

/// A layer on `[batch, channels, height, width]`.
#[derive(Module, Debug)]
enum ImageLayer {
    Conv(Conv2d),
    BatchNorm(BatchNorm),
    MaxPool(MaxPool2d),
    Activation(Activation),
}

impl ImageLayer {
    fn new(layer: Layer, device: &Device) -> Result<Self, Failure> {
        Ok(match layer {
            Layer::Conv { inputs, outputs, kernel, padding, bias } => {
                let padding = PaddingConfig2d::Explicit(padding, padding, padding, padding);
                let plan = Conv2dConfig::new([inputs, outputs], [kernel, kernel]);
                Self::Conv(plan.with_padding(padding).with_bias(bias).init(device))
            }
            Layer::BatchNorm { channels } => {
                Self::BatchNorm(BatchNormConfig::new(channels).init(device))
            }
            Layer::MaxPool => Self::MaxPool(MaxPool2dConfig::new([2, 2]).init()),
            other => Self::Activation(activation(other, device)?),
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(conv) => conv.forward(x),
            Self::BatchNorm(norm) => norm.forward(x),
            Self::MaxPool(pool) => pool.forward(x),
            Self::Activation(activation) => activation.forward(x),
        }
    }
}

/// A layer on `[batch, features]`.
#[derive(Module, Debug)]
enum FlatLayer {
    Linear(Linear),
    Activation(Activation),
}

impl FlatLayer {
    fn new(layer: Layer, device: &Device) -> Result<Self, Failure> {
        Ok(match layer {
            Layer::Linear { inputs, outputs } => {
                Self::Linear(LinearConfig::new(inputs, outputs).init(device))
            }
            other => Self::Activation(activation(other, device)?),
        })
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(linear) => linear.forward(x),
            Self::Activation(activation) => activation.forward(x),
        }
    }
}

fn activation(layer: Layer, device: &Device) -> Result<Activation, Failure> {
    let plan = match layer {
        Layer::Relu => ActivationConfig::Relu,
        Layer::Selu => ActivationConfig::Selu,
        Layer::Sigmoid => ActivationConfig::Sigmoid,
        Layer::Tanh => ActivationConfig::Tanh,
        other => return Err(format!("{other:?} stands where its input has another shape").into()),
    };
    Ok(plan.init(device))
}

/// Layers on images, and on what they are flattened to.
#[derive(Module, Debug)]
struct Model {
    images: Vec<ImageLayer>,
    flat: Vec<FlatLayer>,
}

impl Model {
    fn new(layers: &[Layer], device: &Device) -> Result<Self, Failure> {
        let flatten = layers.iter().position(|layer| matches!(layer, Layer::Flatten));
        let (images, flat) = match flatten {
            Some(at) => (&layers[..at], &layers[at + 1..]),
            None => (&layers[..0], layers),
        };
        Ok(Self {
            images: images
                .iter()
                .map(|&layer| ImageLayer::new(layer, device))
                .collect::<Result<_, _>>()?,
            flat: flat
                .iter()
                .map(|&layer| FlatLayer::new(layer, device))
                .collect::<Result<_, _>>()?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let images = self.images.iter().fold(x, |x, layer| layer.forward(x));
        self.flat.iter().fold(images.flatten(1, 3), |x, layer| layer.forward(x))
    }
}

/// A model on its one batch. The optimizer takes the model and gives it back: it is there between steps.
struct Training {
    model: Option<Model>,
    optimizer: ModuleOptimizer,
    inputs: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl Training {
    fn new(workload: &Workload, device: &Device) -> Result<Self, Failure> {
        let (inputs, labels) = workload.samples();
        let mut shape = [workload.batch, 1, 1, 1];
        shape[1..=workload.input.len()].copy_from_slice(&workload.input);
        let optimizer = match workload.optimizer {
            Rule::Sgd { momentum: 0.0 } => SgdConfig::new().init(),
            Rule::Sgd { momentum } => {
                // Its dampening is 0.1 where none is given: the gradient's share.
                let plan = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
                SgdConfig::new().with_momentum(Some(plan)).init()
            }
            Rule::Adam { beta1, beta2, epsilon } => AdamConfig::new()
                .with_beta_1(beta1 as f32)
                .with_beta_2(beta2 as f32)
                .with_epsilon(epsilon as f32)
                .init(),
        };
        let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
        Ok(Self {
            model: Some(Model::new(&workload.layers, device)?),
            optimizer,
            inputs: Tensor::from_data(TensorData::new(inputs, shape), device),
            labels: Tensor::from_data(TensorData::new(labels, [workload.batch]), device),
        })
    }

    fn model(&self) -> &Model {
        self.model.as_ref().expect("a model between steps")
    }

    fn forward(&self) -> Tensor<1> {
        let logits = self.model().forward(self.inputs.clone());
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        loss.forward(logits, self.labels.clone())
    }
}

/// Counts the entries that have a gradient: burn's own count of parameters holds the running statistics of
/// batch norm as well.
struct Trained(usize);

impl ModuleVisitor for Trained {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if tensor.is_require_grad() {
            self.0 += tensor.shape().num_elements();
        }
    }
}

impl Practice for Training {
    fn parameters(&self) -> usize {
        let mut trained = Trained(0);
        self.model().visit(&mut trained);
        trained.0
    }

    fn step(&mut self) -> Result<(), Failure> {
        let gradients = self.forward().backward();
        let model = self.model.take().expect("a model between steps");
        let gradients = GradientsParams::from_grads(gradients, &model);
        self.model = Some(self.optimizer.step(RATE, model, gradients));
        Ok(())
    }

    fn loss(&self) -> Result<f64, Failure> {
        Ok(f64::from(self.forward().into_scalar::<f32>()))
    }
}
