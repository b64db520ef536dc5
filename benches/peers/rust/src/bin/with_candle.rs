//! The workloads in candle. It has no momentum of its own, which is added here.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, ModuleT, Tensor, Var};
use candle_nn::optim::{AdamW, ParamsAdamW, SGD};
use candle_nn::{
    Activation, Conv2dConfig, Optimizer, VarBuilder, VarMap, batch_norm, conv2d, conv2d_no_bias,
    linear, loss,
};
use clap::Parser;
use peers::{Arguments, Failure, Layer, Practice, RATE, Rule, Workload, report};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let workload = Workload::named(&arguments.workload)?;
    report(&arguments, &workload, Training::new(&workload)?)
}

fn layer(layer: Layer, vars: VarBuilder) -> candle_core::Result<Box<dyn ModuleT>> {
    Ok(match layer {
        Layer::Linear { inputs, outputs } => Box::new(linear(inputs, outputs, vars)?),
        Layer::Conv { inputs, outputs, kernel, padding, bias } => {
            let settings = Conv2dConfig { padding, ..Conv2dConfig::default() };
            match bias {
                true => Box::new(conv2d(inputs, outputs, kernel, settings, vars)?),
                false => Box::new(conv2d_no_bias(inputs, outputs, kernel, settings, vars)?),
            }
        }
        Layer::BatchNorm { channels } => Box::new(batch_norm(channels, 1e-5, vars)?),
        Layer::MaxPool => Box::new(|x: &Tensor| x.max_pool2d(2)),
        Layer::Flatten => Box::new(|x: &Tensor| x.flatten_from(1)),
        Layer::Relu => Box::new(|x: &Tensor| x.relu()),
        Layer::Selu => Box::new(selu),
        Layer::Sigmoid => Box::new(Activation::Sigmoid),
        Layer::Tanh => Box::new(|x: &Tensor| x.tanh()),
    })
}

/// λ·x where x > 0, else λ·α·(eˣ − 1), which is candle's ELU times λ.
fn selu(x: &Tensor) -> candle_core::Result<Tensor> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    x.elu(ALPHA)? * LAMBDA
}

enum Descent {
    Sgd(SGD),
    Momentum(Momentum),
    Adam(AdamW),
}

impl Descent {
    fn new(rule: Rule, vars: Vec<Var>) -> candle_core::Result<Self> {
        Ok(match rule {
            Rule::Sgd { momentum: 0.0 } => Self::Sgd(SGD::new(vars, RATE)?),
            Rule::Sgd { momentum } => Self::Momentum(Momentum::new(vars, momentum)),
            Rule::Adam { beta1, beta2, epsilon } => {
                let plan = ParamsAdamW { lr: RATE, beta1, beta2, eps: epsilon, weight_decay: 0.0 };
                Self::Adam(AdamW::new(vars, plan)?)
            }
        })
    }

    fn step(&mut self, gradients: &GradStore) -> candle_core::Result<()> {
        match self {
            Self::Sgd(rule) => rule.step(gradients),
            Self::Momentum(rule) => rule.step(gradients),
            Self::Adam(rule) => rule.step(gradients),
        }
    }
}

/// v ← μv + g, w ← w − ηv.
struct Momentum {
    momentum: f64,
    vars: Vec<(Var, Option<Tensor>)>,
}

impl Momentum {
    fn new(vars: Vec<Var>, momentum: f64) -> Self {
        Self { momentum, vars: vars.into_iter().map(|var| (var, None)).collect() }
    }

    fn step(&mut self, gradients: &GradStore) -> candle_core::Result<()> {
        for (var, velocity) in &mut self.vars {
            let Some(gradient) = gradients.get(var) else { continue };
            let next = match velocity {
                Some(velocity) => ((&*velocity * self.momentum)? + gradient)?,
                None => gradient.clone(),
            };
            var.set(&(var.as_tensor() - (&next * RATE)?)?)?;
            *velocity = Some(next);
        }
        Ok(())
    }
}

struct Training {
    layers: Vec<Box<dyn ModuleT>>,
    vars: Vec<Var>,
    descent: Descent,
    inputs: Tensor,
    labels: Tensor,
}

impl Training {
    fn new(workload: &Workload) -> Result<Self, Failure> {
        let (device, map) = (Device::Cpu, VarMap::new());
        let builder = VarBuilder::from_varmap(&map, DType::F32, &device);
        let layers = workload.layers.iter().enumerate();
        let layers = layers.map(|(k, &plan)| layer(plan, builder.pp(k)));
        let layers = layers.collect::<Result<_, _>>()?;
        let vars = trainable(&map);
        let (inputs, labels) = workload.samples();
        let shape: Vec<usize> =
            std::iter::once(workload.batch).chain(workload.input.iter().copied()).collect();
        Ok(Self {
            layers,
            descent: Descent::new(workload.optimizer, vars.clone())?,
            vars,
            inputs: Tensor::from_vec(inputs, shape, &device)?,
            labels: Tensor::from_vec(labels, workload.batch, &device)?,
        })
    }

    fn forward(&self) -> candle_core::Result<Tensor> {
        let logits = self
            .layers
            .iter()
            .try_fold(self.inputs.clone(), |x, layer| layer.forward_t(&x, true))?;
        loss::cross_entropy(&logits, &self.labels)
    }
}

/// All variables but the running statistics of batch norm.
fn trainable(map: &VarMap) -> Vec<Var> {
    let data = map.data().lock().expect("no thread has panicked");
    let trained = data.iter().filter(|(name, _)| !name.contains("running_"));
    trained.map(|(_, var)| var.clone()).collect()
}

impl Practice for Training {
    fn parameters(&self) -> usize {
        self.vars.iter().map(|var| var.elem_count()).sum()
    }

    fn step(&mut self) -> Result<(), Failure> {
        let gradients = self.forward()?.backward()?;
        Ok(self.descent.step(&gradients)?)
    }

    fn loss(&self) -> Result<f64, Failure> {
        Ok(f64::from(self.forward()?.to_scalar::<f32>()?))
    }
}
