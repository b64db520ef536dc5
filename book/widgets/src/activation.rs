//! Chapter 6: a deep network at its start, its values on the way forward and its gradients on the way
//! back, layer by layer.
//!
//! ```text
//! z₀ = x·W₀     hₗ = f(zₗ)     zₗ₊₁ = hₗ·Wₗ₊₁      x [m, n], W [n, n]
//! L = Σ r ⊙ h                                     h of the last layer, r drawn
//! ```
//!
//! The entries of x and r come from N(0, 1), those of W from N(0, g²/n), where g is the gain. The loss pulls
//! at each output at random, so that all that becomes of a gradient is the layers' doing. A gain is given
//! by its exponent e, as g = 2ᵉ: the page's slider is logarithmic.

use crate::Function;
use crate::buffer::answer;
use chainrule::activation::Activation;
use chainrule::init::Init;
use chainrule::random::{Purpose, stream};
use chainrule::tensor::{entries, rows};
use chainrule::{ShapeError, Tape, Tensor, Var};
use std::cell::RefCell;

/// Units of each layer, n.
pub const UNITS: usize = 64;
/// Inputs that pass the network together, m.
pub const INPUTS: usize = 32;
/// The deepest network.
pub const LAYERS: usize = 30;
/// The activations, as the page numbers them.
const ACTIVATIONS: [Activation; 5] = [
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::Selu,
    Activation::Identity,
];

/// All that a seed draws.
#[derive(Clone, Debug)]
pub struct Start {
    seed: u64,
    x: Tensor<f64>,
    /// The weights of each layer, with a gain of 1.
    weights: Vec<Tensor<f64>>,
    /// The loss's gradient with respect to the outputs.
    r: Tensor<f64>,
}

impl Start {
    /// What `seed` draws. A shallow network has the first layers of a deep one.
    pub fn new(seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Init);
        let shape = [UNITS, UNITS];
        let mut layer = || Init::LecunNormal.sample(UNITS, UNITS, &shape, &mut rng);
        let weights = (0..LAYERS).map(|_| layer()).collect();
        let mut rng = stream(seed, Purpose::Check);
        let standard = Init::Normal { deviation: 1.0 };
        let mut draw = || standard.sample(UNITS, UNITS, &[INPUTS, UNITS], &mut rng);
        Self { seed, x: draw(), weights, r: draw() }
    }
}

/// A network after a pass forward and one back.
pub struct Network {
    activation: Activation,
    tape: Tape<f64>,
    /// z and h of each layer.
    layers: Vec<(Var, Var)>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { activation, layers, .. } = self;
        f.debug_struct("Network")
            .field("activation", activation)
            .field("depth", &layers.len())
            .finish()
    }
}

impl Network {
    /// Sends the inputs of `start` through its first `depth` layers, all of them where there are no more,
    /// and the gradient back.
    ///
    /// # Errors
    /// Those of the tape, of which there are none: the shapes of a [`Start`] fit.
    pub fn new(
        start: &Start,
        activation: Activation,
        depth: usize,
        gain: f64,
    ) -> Result<Self, ShapeError> {
        let mut tape = Tape::new();
        // A parameter, so that the gradient arrives at every layer. That of the weights is not shown.
        let mut h = tape.parameter(start.x.clone());
        let mut layers = Vec::with_capacity(depth);
        for weights in start.weights.iter().take(depth) {
            let weights = tape.input(weights * gain);
            let z = tape.matmul(h, weights)?;
            h = tape.activate(z, activation)?;
            layers.push((z, h));
        }
        tape.backward_from(h, &start.r)?;
        Ok(Self { activation, tape, layers })
    }

    /// How many layers there are.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The entries of a layer's `part`, row by row.
    pub fn part(&self, part: Part, layer: usize) -> &[f64] {
        let (z, h) = self.layers[layer];
        entries(match part {
            Part::Inputs => self.tape.value(z),
            Part::Outputs => self.tape.value(h),
            Part::Gradient => self.tape.gradient(z),
        })
    }

    /// What is said of a layer in a few numbers.
    pub fn summary(&self, layer: usize) -> Summary {
        let outputs = self.part(Part::Outputs, layer);
        let is_flat = |&z: &f64| is_flat(self.activation, z);
        let z = self.tape.value(self.layers[layer].0);
        let dead = (0..UNITS).filter(|&unit| rows(z).all(|row| is_flat(&row[unit])));
        let flat = entries(z).iter().filter(|z| is_flat(z)).count();
        Summary {
            largest: outputs.iter().fold(0.0, |largest, h| largest.max(h.abs())),
            output: root_mean_square(outputs),
            gradient: root_mean_square(self.part(Part::Gradient, layer)),
            flat: flat as f64 / (INPUTS * UNITS) as f64,
            dead: dead.count(),
        }
    }
}

/// Numbers of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// z: what the activation is given.
    Inputs,
    /// h = f(z).
    Outputs,
    /// ∂L/∂z.
    Gradient,
}

/// A layer in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The largest |h|.
    pub largest: f64,
    /// The root of the mean of h².
    pub output: f64,
    /// The root of the mean of (∂L/∂z)².
    pub gradient: f64,
    /// Share of the z at which the activation [is flat](is_flat).
    pub flat: f64,
    /// Units at whose z it is flat for each of the inputs: ReLU's are dead then, others saturated.
    pub dead: usize,
}

/// Whether the slope of `activation` at `z` is less than a tenth of its steepest.
pub fn is_flat(activation: Activation, z: f64) -> bool {
    // Each is steepest at 0, but for ReLU, whose slope there is that of its left.
    let steepest = activation.derivative(0.0_f64).max(activation.derivative(1.0));
    activation.derivative(z) < 0.1 * steepest
}

fn root_mean_square(numbers: &[f64]) -> f64 {
    let squares: f64 = numbers.iter().map(|x| x * x).sum();
    (squares / numbers.len() as f64).sqrt()
}

/// How numbers are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// x.
    Linear,
    /// The logarithm of |x|, to the base 10.
    Logarithmic,
    /// asinh x: nearly x next to 0, and a logarithm, on both sides, far from it.
    Signed,
}

impl Scale {
    /// Where `x` is on the axis.
    pub fn place(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Logarithmic => x.abs().log10(),
            Self::Signed => x.asinh(),
        }
    }

    /// Shares of `numbers`, by their place: those below `low`, those in each of `count` bins of equal
    /// width, those from `high` on.
    pub fn histogram(self, numbers: &[f64], [low, high]: [f64; 2], count: usize) -> Vec<f64> {
        let mut shares = vec![0.0; count + 2];
        let bins = count as f64 / (high - low);
        for &x in numbers {
            // The whole part, and 0 for all that is below: -∞ is the place of 0 on a logarithmic scale.
            let bin = (1.0 + (self.place(x) - low) * bins) as usize;
            shares[bin.min(count + 1)] += 1.0 / numbers.len() as f64;
        }
        shares
    }
}

thread_local! {
    static START: RefCell<Option<Start>> = const { RefCell::new(None) };
    static NETWORK: RefCell<Option<Network>> = const { RefCell::new(None) };
}

/// A whole number of at least `least`.
fn whole(x: f64, least: usize, most: usize) -> Option<usize> {
    (x.fract() == 0.0 && (least as f64..=most as f64).contains(&x)).then_some(x as usize)
}

fn activation(number: f64) -> Option<Activation> {
    Some(ACTIVATIONS[whole(number, 0, ACTIVATIONS.len() - 1)?])
}

fn scale(number: f64) -> Option<Scale> {
    let scales = [Scale::Linear, Scale::Logarithmic, Scale::Signed];
    Some(scales[whole(number, 0, scales.len() - 1)?])
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("activation_gain", activation_gain),
    ("activation_run", activation_run),
    ("activation_histograms", activation_histograms),
    ("activation_places", activation_places),
    ("activation_curve", activation_curve),
];

/// Takes an exponent; leaves the gain.
#[unsafe(no_mangle)]
pub extern "C" fn activation_gain() -> usize {
    answer(|numbers| {
        let &[exponent] = numbers else { return None };
        Some(vec![exponent.exp2()])
    })
}

/// Takes an activation (in the order sigmoid, tanh, ReLU, SELU, none, from 0), a depth, the exponent of a
/// gain and a seed; leaves the first layer's gradient as a share of the last one's, the factor by which a
/// layer changes it on average, and of each layer all that is in its [`Summary`].
#[unsafe(no_mangle)]
pub extern "C" fn activation_run() -> usize {
    answer(|numbers| {
        let &[number, depth, exponent, seed] = numbers else { return None };
        let (activation, depth) = (activation(number)?, whole(depth, 1, LAYERS)?);
        let seed = whole(seed, 0, 9999)? as u64;
        let network = START.with_borrow_mut(|start| {
            if start.as_ref().is_none_or(|start| start.seed != seed) {
                *start = Some(Start::new(seed));
            }
            Network::new(start.as_ref()?, activation, depth, exponent.exp2()).ok()
        })?;
        let summaries: Vec<_> = (0..depth).map(|layer| network.summary(layer)).collect();
        NETWORK.set(Some(network));
        let ratio = summaries[0].gradient / summaries[depth - 1].gradient;
        let factor = ratio.powf(1.0 / (depth - 1) as f64);
        let all = summaries.into_iter().flat_map(|summary| {
            let Summary { largest, output, gradient, flat, dead } = summary;
            [largest, output, gradient, flat, dead as f64]
        });
        Some([ratio, factor].into_iter().chain(all).collect())
    })
}

/// Takes a part of the last network's layers (in the order of [`Part`], from 0), a scale (in the order of
/// [`Scale`]), both ends of its axis and a number of bins; leaves the [histogram](Scale::histogram) of each
/// layer.
#[unsafe(no_mangle)]
pub extern "C" fn activation_histograms() -> usize {
    answer(|numbers| {
        let &[part, number, low, high, count] = numbers else { return None };
        let parts = [Part::Inputs, Part::Outputs, Part::Gradient];
        let part = parts[whole(part, 0, parts.len() - 1)?];
        let (scale, count) = (scale(number)?, whole(count, 1, 1000)?);
        NETWORK.with_borrow(|network| {
            let network = network.as_ref()?;
            let layers = (0..network.depth()).map(|layer| network.part(part, layer));
            Some(layers.flat_map(|all| scale.histogram(all, [low, high], count)).collect())
        })
    })
}

/// Takes a scale and numbers; leaves their places on it.
#[unsafe(no_mangle)]
pub extern "C" fn activation_places() -> usize {
    answer(|numbers| {
        let (&number, numbers) = numbers.split_first()?;
        let scale = scale(number)?;
        Some(numbers.iter().map(|&x| scale.place(x)).collect())
    })
}

/// Takes an activation, a reach and how many places; leaves at each of them, evenly spaced from −reach to
/// reach, the value, the slope, and 1 where it [is flat](is_flat), otherwise 0.
#[unsafe(no_mangle)]
pub extern "C" fn activation_curve() -> usize {
    answer(|numbers| {
        let &[number, reach, count] = numbers else { return None };
        let (activation, count) = (activation(number)?, whole(count, 2, 1000)?);
        let at = |k: usize| {
            let x = reach * (2.0 * k as f64 / (count - 1) as f64 - 1.0);
            let is_flat = f64::from(u8::from(is_flat(activation, x)));
            [activation.value(x), activation.derivative(x), is_flat]
        };
        Some((0..count).flat_map(at).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use chainrule::gradcheck::Difference;

    fn network(activation: Activation, depth: usize, gain: f64) -> Network {
        Network::new(&Start::new(1), activation, depth, gain).expect("shapes that fit")
    }

    /// The first layer's gradient as a share of the last one's.
    fn ratio(activation: Activation, depth: usize, gain: f64) -> f64 {
        let network = network(activation, depth, gain);
        network.summary(0).gradient / network.summary(depth - 1).gradient
    }

    /// The loss of three layers in plain numbers, where one entry of a layer's z is moved by `change`.
    fn loss(activation: Activation, gain: f64, layer: usize, entry: usize, change: f64) -> f64 {
        let start = Start::new(1);
        let mut h = entries(&start.x).to_vec();
        for (l, weights) in start.weights.iter().take(3).enumerate() {
            let z = (0..INPUTS * UNITS).map(|at| {
                let (input, unit) = (at / UNITS, at % UNITS);
                let products = (0..UNITS).map(|k| h[input * UNITS + k] * gain * weights[[k, unit]]);
                let moved = if (l, at) == (layer, entry) { change } else { 0.0 };
                activation.value(products.sum::<f64>() + moved)
            });
            h = z.collect();
        }
        h.iter().zip(entries(&start.r)).map(|(h, r)| h * r).sum()
    }

    #[test]
    fn the_gradients_are_those_of_the_loss() {
        for activation in ACTIVATIONS {
            let network = network(activation, 3, 1.5);
            for (layer, entry) in [(0, 5), (1, 700), (2, 2047)] {
                let along = |change| loss(activation, 1.5, layer, entry, change);
                let slope = Difference::Central.secant(along, 0.0, 1e-5).slope();
                let gradient = network.part(Part::Gradient, layer)[entry];
                let distance = (gradient - slope).abs();
                assert!(distance < 1e-6, "{activation}, {layer}: {gradient} {slope}");
            }
        }
    }

    #[test]
    fn a_sigmoid_leaves_less_than_a_quarter_at_each_layer() {
        for depth in [2, 10, LAYERS] {
            let share = ratio(Activation::Sigmoid, depth, 1.0);
            assert!(share < 0.25_f64.powi(depth as i32 - 1), "{depth}: {share}");
        }
    }

    #[test]
    fn gains_that_keep_the_gradient_are_those_of_the_initializations() {
        // Xavier's, He's and LeCun's variance, and that of layers without a bend.
        for (activation, gain) in [
            (Activation::Tanh, 1.0),
            (Activation::Relu, 2_f64.sqrt()),
            (Activation::Selu, 1.0),
            (Activation::Identity, 1.0),
        ] {
            let share = ratio(activation, 20, gain);
            assert!((0.1..10.0).contains(&share), "{activation}: {share}");
            let half = ratio(activation, 20, gain / 2.0);
            assert!(half < 0.01, "{activation}: {half}");
        }
    }

    #[test]
    fn flat_is_a_slope_below_a_tenth_of_the_steepest() {
        // σ′ = 1/40 at ±3.6369, tanh′ = 1/10 at ±1.8184, selu′ = λα/10 at −ln 10.
        let edges = [
            (Activation::Sigmoid, 3.6369),
            (Activation::Sigmoid, -3.6369),
            (Activation::Tanh, 1.8184),
            (Activation::Tanh, -1.8184),
            (Activation::Selu, -10_f64.ln()),
        ];
        for (activation, edge) in edges {
            assert!(is_flat(activation, edge * 1.001), "{activation} beyond {edge}");
            assert!(!is_flat(activation, edge * 0.999), "{activation} before {edge}");
        }
        assert!(is_flat(Activation::Relu, -1e-9) && !is_flat(Activation::Relu, 1e-9));
        assert!(!is_flat(Activation::Selu, 50.0) && !is_flat(Activation::Identity, -50.0));
    }

    #[test]
    fn a_dead_unit_gets_no_gradient() {
        let network = network(Activation::Relu, LAYERS, 2_f64.sqrt());
        let last = LAYERS - 1;
        let gradient = network.part(Part::Gradient, last);
        let is_still =
            |unit: &usize| gradient.iter().skip(*unit).step_by(UNITS).all(|dz| *dz == 0.0);
        let still = (0..UNITS).filter(is_still).count();
        assert_eq!(network.summary(last).dead, still);
        assert!(still > 10, "{still}");
        assert_eq!(network.summary(0).dead, 0);
    }

    #[test]
    fn every_number_is_in_one_bin() {
        let numbers = [-2.0, -1.0, -0.5, 0.0, 0.49, 0.5, 1.0, 7.0];
        let shares = Scale::Linear.histogram(&numbers, [-1.0, 1.0], 4);
        let counts: Vec<_> = shares.iter().map(|share| share * 8.0).collect();
        assert_eq!(counts, [1.0, 1.0, 1.0, 2.0, 1.0, 2.0]);
        let shares = Scale::Logarithmic.histogram(&[0.0, -0.01, 0.01, 10.0], [-3.0, 1.0], 4);
        assert_eq!(shares, [0.25, 0.0, 0.5, 0.0, 0.0, 0.25]);
        let shares = Scale::Signed.histogram(&[-1e300, -0.1, 0.1, 1e300], [-1.0, 1.0], 2);
        assert_eq!(shares, [0.25; 4]);
    }

    #[test]
    fn the_page_gets_what_was_computed_and_nothing_for_what_is_unknown() {
        let run = call(activation_run, vec![1.0, 4.0, 0.5, 1.0]);
        assert_eq!(run.len(), 2 + 4 * 5);
        let network = network(Activation::Tanh, 4, 2_f64.sqrt());
        let last = network.summary(3);
        assert_eq!(
            run[17..],
            [last.largest, last.output, last.gradient, last.flat, last.dead as f64]
        );
        assert_eq!(run[0], network.summary(0).gradient / last.gradient);
        assert!((run[1].powi(3) / run[0] - 1.0).abs() < 1e-12);
        let histograms = call(activation_histograms, vec![1.0, 0.0, -1.0, 1.0, 10.0]);
        let outputs = network.part(Part::Outputs, 2);
        assert_eq!(histograms.len(), 4 * 12);
        assert_eq!(histograms[24..36], Scale::Linear.histogram(outputs, [-1.0, 1.0], 10));
        assert_eq!(call(activation_gain, vec![-2.0]), [0.25]);
        assert_eq!(call(activation_places, vec![1.0, -100.0]), [2.0]);
        assert_eq!(call(activation_curve, vec![2.0, 3.0, 3.0])[6..], [3.0, 1.0, 0.0]);
        for unknown in [[5.0, 4.0, 1.0], [1.5, 4.0, 1.0], [1.0, 0.0, 1.0], [1.0, 31.0, 1.0]] {
            let [f, depth, seed] = unknown;
            assert!(call(activation_run, vec![f, depth, 0.0, seed]).is_empty(), "{unknown:?}");
        }
        assert!(call(activation_run, vec![1.0, 4.0, 0.0, f64::NAN]).is_empty());
        assert!(call(activation_histograms, vec![3.0, 0.0, -1.0, 1.0, 10.0]).is_empty());
        assert!(call(activation_histograms, vec![0.0, 0.0, -1.0, 1.0, 0.0]).is_empty());
    }
}
