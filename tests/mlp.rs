//! Chapter 12: the multi-layer perceptron, and the network that training and predictions share.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use chainrule::activation::Activation;
use chainrule::data::{Dataset, DatasetError};
use chainrule::init::Init;
use chainrule::softmax::{Loss, Reduction};
use chainrule::{Mlp, Network, Tensor};
use ndarray::{Array1, Array2, Axis, Ix2};

/// Six points in the plane in three classes.
fn points() -> Dataset {
    let inputs = vec![1.0, -0.5, 0.2, 0.9, -1.1, 0.4, 0.7, 0.7, -0.3, -0.8, 1.4, 0.1];
    Dataset::from_reals("points", &[2], 3, inputs, vec![0, 1, 2, 1, 2, 0]).unwrap()
}

fn matrix(network: &Network<f64>, parameter: usize) -> Array2<f64> {
    let value = network.tape.value(network.parameters()[parameter].var).clone();
    value.into_dimensionality::<Ix2>().unwrap()
}

fn vector(network: &Network<f64>, parameter: usize) -> Array1<f64> {
    let value = network.tape.value(network.parameters()[parameter].var).clone();
    value.into_dimensionality().unwrap()
}

#[test]
fn eq_mlp_layer() {
    let plan = Mlp::new(&[2, 4, 5, 3]).unwrap().bias(0.3);
    let plan = plan.activations(&[Activation::Tanh, Activation::Relu]).unwrap();
    let mut network = plan.network::<f64>(6, 7).unwrap();
    let data = points();
    network.load(&data, &[0, 1, 2, 3, 4, 5]);
    network.learn(0);
    let x = Array2::from_shape_fn((6, 2), |(i, j)| {
        let mut input = [0.0_f64; 2];
        data.read(i, &mut input);
        input[j]
    });
    let first = (x.dot(&matrix(&network, 0)) + vector(&network, 1)).mapv(f64::tanh);
    let second = (first.dot(&matrix(&network, 2)) + vector(&network, 3)).mapv(|x| x.max(0.0));
    let logits = second.dot(&matrix(&network, 4)) + vector(&network, 5);
    let found = network.tape.value(network.logits()).clone().into_dimensionality::<Ix2>().unwrap();
    assert_relative_eq!(found, logits, max_relative = 1e-13, epsilon = 1e-13);
    let losses = logits.axis_iter(Axis(0)).enumerate().map(|(i, row)| {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        sum.ln() - row[data.label(i)]
    });
    assert_relative_eq!(network.mean_loss(), losses.sum::<f64>() / 6.0, max_relative = 1e-13);
}

#[test]
fn eq_mlp_parameters() {
    for widths in [&[784, 128, 64, 10][..], &[2, 3, 2], &[5, 4]] {
        let plan = Mlp::new(widths).unwrap();
        let counted = plan.network::<f32>(1, 0).unwrap().parameter_count();
        assert_eq!(plan.parameter_count(), counted, "{widths:?}");
        let normalized = plan.batch_norm(true);
        let counted = normalized.network::<f32>(2, 0).unwrap().parameter_count();
        assert_eq!(normalized.parameter_count(), counted, "{widths:?}, normalized");
    }
    assert_eq!(Mlp::new(&[784, 128, 64, 10]).unwrap().parameter_count(), 109_386);
}

#[test]
fn the_seed_fixes_the_weights_and_nothing_else_does() {
    let plan = Mlp::new(&[2, 4, 3]).unwrap();
    let tensors = |batch, seed| plan.network::<f64>(batch, seed).unwrap().tensors();
    assert_eq!(tensors(1, 5), tensors(9, 5));
    assert_ne!(tensors(1, 5), tensors(1, 6));
    let single = plan.network::<f32>(1, 5).unwrap().tensors();
    for ((name, single), (same, double)) in single.iter().zip(tensors(1, 5)) {
        assert_eq!(*name, same);
        assert_eq!(*single, double.mapv(|x| x as f32));
    }
}

#[test]
fn a_summed_loss_is_the_mean_times_the_batch_and_reports_the_mean() {
    let plan = Mlp::new(&[2, 4, 3]).unwrap();
    let gradients = |plan: &Mlp| {
        let mut network = plan.network::<f64>(6, 7).unwrap();
        network.load(&points(), &[0, 1, 2, 3, 4, 5]);
        network.learn(0);
        let gradient = network.tape.gradient(network.parameters()[0].var).clone();
        (network.mean_loss(), gradient)
    };
    let (mean, of_the_mean) = gradients(&plan);
    let summed = Loss { reduction: Reduction::Sum, ..Loss::default() };
    let (sum, of_the_sum) = gradients(&plan.clone().loss(summed));
    assert_relative_eq!(mean, sum, max_relative = 1e-14);
    assert_relative_eq!(&of_the_mean * 6.0, of_the_sum, max_relative = 1e-12, epsilon = 1e-15);
    let entries = Loss { reduction: Reduction::MeanOfEntries, ..Loss::default() };
    let (of_a_sample, of_entries) = gradients(&plan.clone().loss(entries));
    assert_relative_eq!(mean, of_a_sample, max_relative = 1e-14);
    assert_relative_eq!(of_the_mean, of_entries * 3.0, max_relative = 1e-12, epsilon = 1e-15);
}

#[test]
fn an_evaluation_does_not_depend_on_its_batch() {
    let plan = Mlp::new(&[2, 8, 3]).unwrap().batch_norm(true).dropout("0.5".parse().unwrap());
    let mut network = plan.network::<f64>(6, 7).unwrap();
    network.load(&points(), &[0, 1, 2, 3, 4, 5]);
    network.learn(0);
    let whole = network.evaluate(&points(), 6).unwrap();
    assert_eq!(whole.predictions.len(), 6);
    let right = (0..6).filter(|&i| whole.predictions[i] == points().label(i)).count();
    assert_eq!(whole.accuracy, right as f64 / 6.0);
    for batch in [1, 4, 5, 100] {
        let parts = network.evaluate(&points(), batch).unwrap();
        assert_abs_diff_eq!(parts.loss, whole.loss, epsilon = 1e-14);
        assert_eq!(parts.predictions, whole.predictions);
    }
}

#[test]
fn probabilities_are_the_softmax_of_the_logits() {
    let mut network = Mlp::new(&[2, 4, 3]).unwrap().network::<f64>(6, 7).unwrap();
    let probabilities = network.probabilities(&[1.0, -0.5]).unwrap();
    let exponentials = network.tape.value(network.logits()).mapv(f64::exp);
    let expected = &exponentials / exponentials.sum();
    for (found, expected) in probabilities.iter().zip(&expected) {
        assert_relative_eq!(found, expected, max_relative = 1e-13);
    }
}

#[test]
fn what_a_network_gives_it_takes_back() {
    let plan = Mlp::new(&[2, 4, 3]).unwrap().batch_norm(true);
    let mut trained = plan.network::<f64>(6, 7).unwrap();
    trained.load(&points(), &[0, 1, 2, 3, 4, 5]);
    trained.learn(0);
    let tensors = trained.tensors();
    let names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "layers.0.weight",
            "norms.0.weight",
            "norms.0.bias",
            "layers.1.weight",
            "layers.1.bias",
            "norms.0.running_mean",
            "norms.0.running_var"
        ]
    );
    let find = |name: &str| tensors.iter().find(|(it, _)| it == name).map(|(_, it)| it.clone());
    let mut fresh = plan.network::<f64>(6, 8).unwrap();
    fresh.restore(find).unwrap();
    assert_eq!(fresh.tensors(), tensors);
    let before = plan.network::<f64>(6, 9).unwrap().tensors();
    let mut other = plan.network::<f64>(6, 9).unwrap();
    let error = other.restore(|name| find(name).filter(|_| name != "norms.0.running_var"));
    assert_eq!(
        error.unwrap_err().to_string(),
        "no tensor norms.0.running_var: the model has another architecture"
    );
    let wrong = |name: &str| {
        if name == "layers.1.bias" { Some(Tensor::zeros(vec![4])) } else { find(name) }
    };
    assert_eq!(
        other.restore(wrong).unwrap_err().to_string(),
        "tensor layers.1.bias is [4], the network needs [3]: the model has another architecture"
    );
    assert_eq!(other.tensors(), before, "a refused restore changes nothing");
}

#[test]
fn weights_decay_and_biases_do_not() {
    let network = Mlp::new(&[2, 4, 3]).unwrap().batch_norm(true).network::<f64>(6, 7).unwrap();
    for parameter in network.parameters() {
        assert_eq!(
            parameter.decays,
            parameter.name.starts_with("layers") && parameter.name.ends_with("weight")
        );
    }
}

#[test]
fn plans_that_are_no_network_are_named() {
    let message = |widths: &[usize]| Mlp::new(widths).unwrap_err().to_string();
    assert_eq!(
        message(&[784]),
        "an MLP needs at least an input and an output width, was given [784]"
    );
    assert_eq!(
        message(&[784, 0, 10]),
        "layer 1 has width 0 in [784, 0, 10]: nothing passes through it"
    );
    let plan = Mlp::new(&[2, 4, 5, 3]).unwrap();
    assert_eq!(
        plan.clone().activations(&[]).unwrap_err().to_string(),
        "0 activations for 2 hidden layers: give one for all, or one for each"
    );
    let error = plan.network::<f32>(0, 0).unwrap_err().to_string();
    assert!(error.contains("an input is empty"), "{error}");
    let mut network = plan.init(Init::Zeros).network::<f32>(1, 0).unwrap();
    let error = network.evaluate(&points(), 0).unwrap_err().to_string();
    assert!(error.contains("an input is empty"), "{error}");
    let error = network.probabilities(&[1.0]).unwrap_err().to_string();
    assert_eq!(error, "network: [1]: the network takes inputs of 2 entries");
    let flat = Dataset::from_reals("lines", &[1], 3, vec![0.5], vec![0]).unwrap();
    let error = network.evaluate(&flat, 1).unwrap_err().to_string();
    assert_eq!(error, "network: [1]: lines: the network takes inputs of 2 entries");
    let many = Dataset::from_reals("many", &[2], 9, vec![0.5, 0.1], vec![8]).unwrap();
    let error = network.evaluate(&many, 1).unwrap_err().to_string();
    assert_eq!(error, "network: [2]: many: 9 classes, but the network tells 3 apart");
}

#[test]
fn data_that_are_no_data_set_are_named() {
    let error = |inputs: Vec<f32>, labels: Vec<u8>| {
        Dataset::from_reals("points", &[2], 3, inputs, labels).unwrap_err().to_string()
    };
    assert_eq!(
        error(vec![0.0, 1.0, 2.0, f32::NAN], vec![0, 1]),
        "points: sample 1 has NaN at entry 1: remove or repair that sample"
    );
    assert_eq!(
        error(vec![0.0, 1.0], vec![3]),
        "points: sample 0 has label 3, but there are 3 classes, 0 to 2"
    );
    assert_eq!(
        error(vec![0.0], vec![1]),
        "points: 1 labels need 1 inputs of shape [2], 2 entries in all, but there are 1"
    );
    assert_eq!(error(vec![], vec![]), "points: no samples");
}

#[test]
fn label_smoothing_is_part_of_the_plan() {
    // (1 − ε) of the loss with the label, and ε of the mean loss with all classes.
    let data = points();
    let plan = Mlp::new(&[2, 4, 3]).unwrap();
    let loss = |plan: Mlp, data: &Dataset| {
        plan.network::<f64>(6, 7).unwrap().evaluate(data, 6).unwrap().loss
    };
    let of_class = |class: u8| {
        let mut inputs = vec![0.0_f32; 12];
        (0..6).for_each(|i| data.read(i, &mut inputs[2 * i..2 * i + 2]));
        let same = Dataset::from_reals("same", &[2], 3, inputs, vec![class; 6]).unwrap();
        loss(plan.clone(), &same)
    };
    let uniform = (of_class(0) + of_class(1) + of_class(2)) / 3.0;
    let smoothing = "0.3".parse().unwrap();
    let smoothed = loss(plan.clone().loss(Loss { smoothing, ..Loss::default() }), &data);
    let sharp = loss(plan.clone(), &data);
    assert_relative_eq!(smoothed, 0.7 * sharp + 0.3 * uniform, max_relative = 1e-13);
    assert!((smoothed - sharp).abs() > 1e-4);
}

/// A network of two inputs on data that have one, or fewer samples than its batch.
#[test]
fn a_batch_that_does_not_fit_is_not_loaded() {
    let mut network = Mlp::new(&[2, 3]).unwrap().network::<f32>(2, 7).unwrap();
    let flat = Dataset::from_reals("flat", &[1], 3, vec![0.5; 3], vec![0; 3]).unwrap();
    let wide = Dataset::from_reals("wide", &[3], 3, vec![0.5; 9], vec![0; 3]).unwrap();
    let fitting = points();
    let mut panics = |data: &Dataset, samples: &[usize]| {
        let load = std::panic::AssertUnwindSafe(|| network.load(data, samples));
        std::panic::catch_unwind(load).is_err()
    };
    assert!(panics(&flat, &[0, 1]));
    assert!(panics(&wide, &[0, 1]));
    assert!(panics(&fitting, &[0]));
    assert!(!panics(&fitting, &[0, 1]));
}

#[test]
fn data_sets_without_classes_or_beyond_memory_are_refused() {
    let error = |shape: &[usize], classes: usize| {
        Dataset::from_bytes("points", shape, classes, vec![0], vec![0]).unwrap_err().to_string()
    };
    assert_eq!(
        error(&[1], 0),
        "points: no classes: a label is below the number of classes, so it is 1 or more"
    );
    // Multiplied out, without regard for overflow, each is 1: as many as there are entries.
    let half = 1 << (usize::BITS / 2);
    for shape in [&[usize::MAX, usize::MAX][..], &[half + 1, half - 1, usize::MAX]] {
        assert_eq!(
            error(shape, 1),
            format!("points: 1 inputs of shape {shape:?} have more entries than memory can hold")
        );
        let lost = Dataset::from_reals("points", shape, 1, vec![f32::NAN], vec![0]);
        assert!(lost.unwrap_err().to_string().contains("sample 0 has NaN at entry 0"));
    }
    // An error that is made by hand can be read, too.
    let name = "by hand".to_owned();
    let by_hand = DatasetError::Label { name, sample: 0, label: 0, classes: 0 };
    assert!(by_hand.to_string().contains("there are 0 classes"));
    // No plan counts around the end of the numbers.
    let plan = Mlp::new(&[usize::MAX, usize::MAX]).unwrap().batch_norm(true);
    assert_eq!(plan.parameter_count(), usize::MAX);
}
