//! Chapter 14: convolutional networks, from their shapes to what they learn.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use chainrule::cnn::{Cnn, Flagship, Lenet};
use chainrule::conv::Conv;
use chainrule::conv::pool::Window;
use chainrule::data::Dataset;
use chainrule::data::augment::mirror;
use chainrule::data::channels::ChannelMoments;
use chainrule::fraction::Fraction;
use chainrule::gradcheck::Draw;
use chainrule::network::Recorder;
use chainrule::random::{Purpose, stream};
use chainrule::softmax::Loss;
use chainrule::views::Views;
use chainrule::whiten::Whitening;
use chainrule::{Network, ShapeError, Tensor};
use ndarray::{Array2, Array4, Ix1, Ix2, Ix4, s};

fn fraction(value: f64) -> Fraction {
    Fraction::new(value).unwrap()
}

/// A cross-entropy with label smoothing.
fn smoothed(share: f64) -> Loss {
    Loss { smoothing: fraction(share), ..Loss::default() }
}

/// So many images of noise, in `classes` classes in turn.
fn images(shape: &[usize], classes: usize, count: usize) -> Dataset {
    let entries = count * shape.iter().product::<usize>();
    let inputs = Draw::new(61).uniform::<f32>(&[entries], 0.0, 1.0).into_iter().collect();
    let labels = (0..count).map(|i| (i % classes) as u8).collect();
    Dataset::from_reals("noise", shape, classes, inputs, labels).unwrap()
}

/// The network with all of `data` loaded, after a pass forward and back.
fn learned(mut network: Network<f64>, data: &Dataset) -> Network<f64> {
    let samples: Vec<usize> = (0..data.len()).collect();
    network.resize(data.len()).unwrap();
    network.load(data, &samples);
    network.learn(3);
    network
}

fn gradients(network: &Network<f64>) -> Vec<(String, Tensor<f64>)> {
    let gradient = |var| network.tape.gradient(var).clone();
    network.parameters().iter().map(|it| (it.name.clone(), gradient(it.var))).collect()
}

/// A flagship of 4 filters a block for the smallest images that it takes, prepared on `data`.
fn small_flagship(data: &Dataset) -> Network<f64> {
    let plan = Flagship::new([25, 25, 3], 3).filters([4, 4, 4]);
    let mut network = plan.network(data.len(), 5).unwrap();
    plan.prepare(&mut network, data).unwrap();
    network
}

fn assert_tensors(network: Network<f32>, expected: &[(&str, &[usize])]) {
    let tensors = network.tensors();
    let found: Vec<_> = tensors.iter().map(|(name, it)| (name.as_str(), it.shape())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_lenets_parameters() {
    let network = Lenet::new([28, 28, 1], 10).network::<f32>(2, 1).unwrap();
    // 28 − 4 = 24, halved; 12 − 4 = 8, halved; 4·4·16 = 256 into the linear layers.
    assert_eq!(network.parameter_count(), 156 + 2_416 + 30_840 + 10_164 + 850);
    assert_tensors(
        network,
        &[
            ("conv1.weight", &[5, 5, 1, 6]),
            ("conv1.bias", &[6]),
            ("conv2.weight", &[5, 5, 6, 16]),
            ("conv2.bias", &[16]),
            ("fc1.weight", &[256, 120]),
            ("fc1.bias", &[120]),
            ("fc2.weight", &[120, 84]),
            ("fc2.bias", &[84]),
            ("fc3.weight", &[84, 10]),
            ("fc3.bias", &[10]),
        ],
    );
}

#[test]
fn a_cnns_parameters() {
    let plan = Cnn::new([12, 8, 3], 5).filters(&[4, 6, 2]);
    let expected: &[(&str, &[usize])] = &[
        ("conv1.weight", &[3, 3, 3, 4]),
        ("conv1.bias", &[4]),
        ("conv2.weight", &[3, 3, 4, 6]),
        ("conv2.bias", &[6]),
        ("conv3.weight", &[3, 3, 6, 2]),
        ("conv3.bias", &[2]),
        // Halved three times, without what is left over: 1 by 1.
        ("fc.weight", &[2, 5]),
        ("fc.bias", &[5]),
    ];
    // What stands between input and loss without numbers of its own changes no parameter.
    for plan in [
        plan.clone(),
        plan.clone().dropout(fraction(0.5)),
        plan.clone().loss(Loss { divergence: true, ..smoothed(0.1) }),
    ] {
        let network = plan.network::<f32>(2, 1).unwrap();
        assert_eq!(network.parameter_count(), 108 + 4 + 216 + 6 + 108 + 2 + 10 + 5);
        assert_tensors(network, expected);
    }
    let normalized = plan.filters(&[4]).batch_norm(true).network::<f32>(2, 1).unwrap();
    assert_eq!(normalized.parameter_count(), 108 + 2 * 4 + 6 * 4 * 4 * 5 + 5);
    assert_tensors(
        normalized,
        &[
            ("conv1.weight", &[3, 3, 3, 4]),
            ("norm1.weight", &[4]),
            ("norm1.bias", &[4]),
            ("fc.weight", &[96, 5]),
            ("fc.bias", &[5]),
            ("norm1.running_mean", &[4]),
            ("norm1.running_var", &[4]),
        ],
    );
    assert_eq!(Cnn::new([32, 32, 3], 10).widths(), [32, 64]);
}

#[test]
fn a_cnns_hidden_layers() {
    let plan = Cnn::new([12, 8, 3], 5).filters(&[4]).hidden(&[7, 3]);
    let network = plan.network::<f32>(2, 1).unwrap();
    assert_eq!(network.parameter_count(), 108 + 4 + (96 * 7 + 7) + (7 * 3 + 3) + (3 * 5 + 5));
    let weights = [108, 96 * 7, 7 * 3, 3 * 5].iter().sum::<usize>();
    assert_eq!(plan.entries().weights(), weights as f64);
    assert_tensors(
        network,
        &[
            ("conv1.weight", &[3, 3, 3, 4]),
            ("conv1.bias", &[4]),
            ("fc1.weight", &[96, 7]),
            ("fc1.bias", &[7]),
            ("fc2.weight", &[7, 3]),
            ("fc2.bias", &[3]),
            ("fc3.weight", &[3, 5]),
            ("fc3.bias", &[5]),
        ],
    );
    // With the filters and the hidden layers of a LeNet, and its own kernels of 3 x 3.
    let lenet = Cnn::new([32, 32, 3], 10).filters(&[6, 16]).hidden(&[120, 84]);
    let count = lenet.network::<f32>(2, 1).unwrap().parameter_count();
    assert_eq!(count, 168 + 880 + (1_024 * 120 + 120) + 10_164 + 850);
}

/// The convolutions of two plans start alike, and the hidden layers are linear with ReLU.
#[test]
fn hidden_layers_are_linear_with_relu() {
    let data = images(&[8, 8, 1], 3, 4);
    let plan = Cnn::new([8, 8, 1], 3).filters(&[2]);
    let [plain, hidden] = [plan.clone(), plan.hidden(&[6, 5])]
        .map(|plan| learned(plan.network::<f64>(4, 7).unwrap(), &data));
    let tensor = |network: &Network<f64>, name: &str| {
        let (_, tensor) = network.tensors().into_iter().find(|it| it.0 == name).unwrap();
        tensor
    };
    for name in ["conv1.weight", "conv1.bias"] {
        assert_eq!(tensor(&plain, name), tensor(&hidden, name));
    }
    let map = hidden.tape.value(hidden.maps()[0].var).clone();
    let mut x = map.into_shape_with_order((4, 32)).unwrap();
    for layer in 1..=3 {
        let weight = tensor(&hidden, &format!("fc{layer}.weight"));
        let weight = weight.into_dimensionality::<Ix2>().unwrap();
        let bias = tensor(&hidden, &format!("fc{layer}.bias"));
        x = x.dot(&weight) + bias.into_dimensionality::<Ix1>().unwrap();
        if layer < 3 {
            x.mapv_inplace(|x| x.max(0.0));
        }
    }
    assert_relative_eq!(hidden.tape.value(hidden.logits()), &x.into_dyn(), max_relative = 1e-12);
}

#[test]
fn a_flagships_parameters() {
    let plan = Flagship::new([32, 32, 3], 10);
    assert_eq!(plan.widths(), [64, 256, 256]);
    let network = plan.network::<f32>(1, 1).unwrap();
    // Biases of the whitening layer, six convolutions, six shifts, and the last layer.
    let convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256);
    assert_eq!(network.parameter_count(), 24 + convolutions + 2 * (64 + 256 + 256) + 2_560);
    let tensors = network.tensors();
    let shape = |name: &str| {
        let found = tensors.iter().find(|(it, _)| it == name);
        found.map(|(_, tensor)| tensor.shape().to_vec()).unwrap_or_else(|| panic!("no {name}"))
    };
    for (name, expected) in [
        ("whiten.weight", &[2, 2, 3, 24][..]),
        ("whiten.bias", &[24]),
        ("block1.conv1.weight", &[3, 3, 24, 64]),
        ("block1.conv2.weight", &[3, 3, 64, 64]),
        ("block2.conv1.weight", &[3, 3, 64, 256]),
        ("block3.conv2.weight", &[3, 3, 256, 256]),
        ("block3.norm2.weight", &[256]),
        ("block3.norm2.bias", &[256]),
        ("block3.norm2.running_mean", &[256]),
        ("block3.norm2.running_var", &[256]),
        ("head.weight", &[256, 10]),
        ("standardize.mean", &[3]),
        ("standardize.std", &[3]),
    ] {
        assert_eq!(shape(name), expected, "{name}");
    }
    // Whitening 2, convolutions 6, norms 4 each, the last layer 1, standardization 2.
    assert_eq!(tensors.len(), 2 + 6 + 6 * 4 + 1 + 2);
    let frozen: Vec<_> = network.frozen().iter().map(|frozen| frozen.name.as_str()).collect();
    assert_eq!(frozen[..2], ["whiten.weight", "block1.norm1.weight"]);
    assert_eq!(frozen.len(), 7);
    for parameter in network.parameters() {
        assert_eq!(parameter.decays, parameter.name.ends_with("weight"), "{}", parameter.name);
        let shift = parameter.name.contains("norm");
        assert_eq!(parameter.factor, if shift { 64.0 } else { 1.0 }, "{}", parameter.name);
    }
}

#[test]
fn a_flagships_convolutions_begin_with_the_identity() {
    let network = small_flagship(&images(&[25, 25, 3], 3, 2));
    let tensors = network.tensors();
    let weight = |name: &str| {
        let (_, tensor) = tensors.iter().find(|(it, _)| it == name).unwrap();
        tensor.view().into_dimensionality::<Ix4>().unwrap()
    };
    let same = weight("block2.conv1.weight");
    for ((u, v, c, o), &w) in same.indexed_iter() {
        assert_eq!(w, f64::from(u8::from((u, v, c) == (1, 1, o))));
    }
    // Wider than its input, a convolution has random filters behind those.
    let plan = Flagship::new([25, 25, 3], 3).filters([40, 4, 4]);
    let network = plan.network::<f64>(1, 5).unwrap();
    let wide = &network.parameters()[1];
    assert_eq!(wide.name, "block1.conv1.weight");
    let wide = network.tape.value(wide.var).view().into_dimensionality::<Ix4>().unwrap();
    assert_eq!(wide[(1, 1, 23, 23)], 1.0);
    let random = wide.slice(s![.., .., .., 24..]);
    assert_abs_diff_eq!(random.mean().unwrap(), 0.0, epsilon = 2e-3);
    // 3·3·24 inputs: the variance is 1/(3·216).
    let variance = random.mapv(|w| w * w).mean().unwrap();
    assert_relative_eq!(variance, 1.0 / 648.0, max_relative = 0.05);
    let bound = (1.0_f64 / 216.0).sqrt();
    assert!(random.iter().all(|w| w.abs() <= bound));
}

#[test]
fn shapes_that_make_no_network_are_refused() {
    let refused = |network: Result<Network<f32>, ShapeError>, words: &str| {
        let message = network.expect_err(words).to_string();
        assert!(message.contains(words), "`{words}` is not in: {message}");
    };
    let empty = "an input is empty";
    let [gray, color] = [[28, 28, 1], [32, 32, 3]];
    refused(Lenet::new(gray, 10).network(0, 1), empty);
    refused(Cnn::new(color, 10).network(0, 1), empty);
    refused(Flagship::new(color, 10).network(0, 1), empty);
    refused(Lenet::new(gray, 0).network(1, 1), empty);
    refused(Cnn::new(color, 0).network(1, 1), empty);
    refused(Flagship::new(color, 0).filters([4; 3]).network(1, 1), empty);
    refused(Cnn::new(color, 10).filters(&[4, 0]).network(1, 1), empty);
    refused(Cnn::new(color, 10).hidden(&[4, 0]).network(1, 1), empty);
    refused(Flagship::new(color, 10).filters([4, 0, 4]).network(1, 1), empty);
    refused(Cnn::new([32, 32, 0], 10).network(1, 1), empty);
    // The smallest images, and those a pixel smaller on one side.
    assert!(Lenet::new([16, 16, 1], 10).network::<f32>(1, 1).is_ok());
    refused(Lenet::new([16, 15, 1], 10).network(1, 1), "max_pool");
    refused(Lenet::new([4, 16, 1], 10).network(1, 1), "kernel (5)");
    assert!(Cnn::new([4, 4, 3], 10).filters(&[2, 2]).network::<f32>(1, 1).is_ok());
    refused(Cnn::new([3, 4, 3], 10).filters(&[2, 2]).network(1, 1), "max_pool");
    assert!(Flagship::new([25, 25, 3], 10).filters([2; 3]).network::<f32>(1, 1).is_ok());
    refused(Flagship::new([24, 25, 3], 10).filters([2; 3]).network(1, 1), "max_pool");
}

#[test]
fn images_of_another_shape_are_refused() {
    let mut network = Cnn::new([32, 32, 3], 10).filters(&[2]).network::<f32>(1, 1).unwrap();
    assert!(network.evaluate(&images(&[32, 32, 3], 10, 2), 2).is_ok());
    // The last two have as many entries.
    for shape in [&[28, 28][..], &[32, 32], &[32, 32, 1], &[96, 32], &[3, 32, 32]] {
        let error = network.evaluate(&images(shape, 10, 2), 2).unwrap_err().to_string();
        let expected =
            format!("network: {shape:?}: noise: the network takes images of shape [32, 32, 3]");
        assert_eq!(error, expected);
    }
    // Gray images have one channel, whether they say so or not.
    let mut gray = Lenet::new([16, 16, 1], 10).network::<f32>(1, 1).unwrap();
    assert_eq!(
        gray.evaluate(&images(&[16, 16], 10, 2), 2).unwrap(),
        gray.evaluate(&images(&[16, 16, 1], 10, 2), 2).unwrap()
    );
    let many = images(&[16, 16], 11, 2);
    assert!(gray.evaluate(&many, 2).unwrap_err().to_string().contains("11 classes"));
    let plan = Flagship::new([25, 25, 3], 3).filters([2; 3]);
    let mut flagship = plan.network::<f32>(1, 1).unwrap();
    let error = plan.prepare(&mut flagship, &images(&[25, 25], 3, 2)).unwrap_err().to_string();
    assert!(error.ends_with("the network takes images of shape [25, 25, 3]"), "{error}");
}

#[test]
fn maps_are_what_the_layers_answer() {
    let shapes = |network: &Network<f64>| -> Vec<(String, Vec<usize>)> {
        let shape = |var| network.tape.value(var).shape().to_vec();
        network.maps().iter().map(|maps| (maps.name.clone(), shape(maps.var))).collect()
    };
    let expected = |maps: &[(&str, [usize; 4])]| -> Vec<(String, Vec<usize>)> {
        maps.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
    };
    let lenet = Lenet::new([28, 28, 1], 10).network(2, 1).unwrap();
    let maps = [("conv1", [2, 12, 12, 6]), ("conv2", [2, 4, 4, 16])];
    assert_eq!(shapes(&lenet), expected(&maps));
    let cnn = Cnn::new([12, 8, 3], 5).filters(&[4, 6]).network(2, 1).unwrap();
    let maps = [("conv1", [2, 6, 4, 4]), ("conv2", [2, 3, 2, 6])];
    assert_eq!(shapes(&cnn), expected(&maps));
    // The convolution, pooled, with its bias and without what is negative.
    let data = images(&[12, 8, 3], 5, 2);
    let cnn = learned(cnn, &data);
    let mut tape = chainrule::Tape::<f64>::new();
    let mut batch = Array4::zeros((2, 12, 8, 3));
    for (sample, mut image) in batch.outer_iter_mut().enumerate() {
        data.read(sample, image.as_slice_mut().unwrap());
    }
    let (x, w) = (tape.input(batch), tape.input(cnn.tape.value(cnn.parameters()[0].var).clone()));
    let conv = tape.conv2d(x, w, Conv { padding: 1, ..Conv::default() }).unwrap();
    let pooled = tape.max_pool(conv, Window::square(2)).unwrap();
    assert_eq!(cnn.tape.value(cnn.maps()[0].var), tape.value(pooled).mapv(|x| x.max(0.0)));
    let flagship = small_flagship(&images(&[25, 25, 3], 3, 2));
    let maps = [
        ("whiten", [2, 24, 24, 24]),
        ("block1", [2, 12, 12, 4]),
        ("block2", [2, 6, 6, 4]),
        ("block3", [2, 3, 3, 4]),
    ];
    assert_eq!(shapes(&flagship), expected(&maps));
}

#[test]
fn eq_divergence_has_the_gradient_of_cross_entropy() {
    let data = images(&[8, 8, 3], 4, 6);
    for smoothing in [0.0, 0.2] {
        let plan = Cnn::new([8, 8, 3], 4).filters(&[3, 5]);
        let learned = |loss| learned(plan.clone().loss(loss).network(6, 2).unwrap(), &data);
        let entropy = learned(smoothed(smoothing));
        let divergence = learned(Loss { divergence: true, ..smoothed(smoothing) });
        for ((name, a), (_, b)) in gradients(&entropy).iter().zip(gradients(&divergence)) {
            assert!(a.iter().any(|g| g.abs() > 1e-4), "{name} has a gradient");
            assert_relative_eq!(*a, b, max_relative = 1e-11, epsilon = 1e-14);
        }
        // The losses differ by the entropy of the targets.
        let [own, other] = [1.0 - 0.75 * smoothing, 0.25 * smoothing];
        let terms = [own, other, other, other].map(|q| if q > 0.0 { -q * q.ln() } else { 0.0 });
        let difference = entropy.mean_loss() - divergence.mean_loss();
        assert_abs_diff_eq!(difference, terms.iter().sum::<f64>(), epsilon = 1e-12);
    }
}

/// A plain CNN whose bias and ReLU stand before the pooling.
fn bias_first(image: [usize; 3], filters: &[usize], classes: usize, seed: u64) -> Network<f64> {
    let mut rng = stream(seed, Purpose::Init);
    let mut recorder = Recorder::new(1, &image);
    let same = Conv { padding: 1, ..Conv::default() };
    let mut x = recorder.input();
    for (layer, &filters) in (1..).zip(filters) {
        let conv = format!("conv{layer}");
        x = recorder.convolution(&conv, x, [3, filters], same, &mut rng).unwrap();
        x = recorder.add_bias(&conv, x).unwrap();
        x = recorder.tape.relu(x).unwrap();
        x = recorder.tape.max_pool(x, Window::square(2)).unwrap();
    }
    x = recorder.tape.flatten(x).unwrap();
    let logits = recorder.linear("fc", x, classes, false, &mut rng).unwrap();
    recorder.finish(logits, Loss::default()).unwrap()
}

#[test]
fn eq_bias_and_relu_behind_the_pooling() {
    let (image, filters) = ([9, 8, 3], [4, 6]);
    let data = images(&image, 4, 5);
    let mut before = bias_first(image, &filters, 4, 8);
    let mut behind = Cnn::new(image, 4).filters(&filters).network::<f64>(1, 8).unwrap();
    assert_eq!(before.tensors(), behind.tensors());
    // Biases of both signs.
    let mut draw = Draw::new(62);
    for (k, parameter) in behind.parameters().to_vec().iter().enumerate() {
        if parameter.name.ends_with("bias") {
            let bias: Tensor<f64> = draw.away_from_zero(behind.tape.value(parameter.var).shape());
            behind.tape.set(parameter.var, &bias).unwrap();
            before.tape.set(before.parameters()[k].var, &bias).unwrap();
        }
    }
    let [before, behind] = [before, behind].map(|network| learned(network, &data));
    assert_eq!(before.tape.value(before.logits()), behind.tape.value(behind.logits()));
    for ((name, a), (_, b)) in gradients(&before).iter().zip(gradients(&behind)) {
        assert!(a.iter().any(|g| g.abs() > 1e-4), "{name} has a gradient");
        assert_relative_eq!(*a, b, max_relative = 1e-12, epsilon = 1e-15);
    }
}

/// Holds entries of every parameter's gradient, of the whole network, against central differences:
/// the largest and some that are spread evenly.
fn assert_gradients(mut network: Network<f64>, data: &Dataset) {
    let mut draw = Draw::new(63);
    for parameter in network.parameters().to_vec() {
        // Away from the start, where much is zero.
        let shape = network.tape.value(parameter.var).shape().to_vec();
        let shift = draw.uniform::<f64>(&shape, -0.1, 0.1);
        let mut value = network.tape.value_mut(parameter.var);
        value += &shift;
    }
    let mut network = learned(network, data);
    for (name, gradient) in gradients(&network) {
        let parameters = network.parameters().iter();
        let var = parameters.clone().find(|parameter| parameter.name == name).unwrap().var;
        let analytic: Vec<f64> = gradient.into_iter().collect();
        let largest = (0..analytic.len())
            .max_by(|&a, &b| analytic[a].abs().total_cmp(&analytic[b].abs()))
            .unwrap();
        assert!(analytic[largest].abs() > 1e-4, "{name} has a gradient");
        let spread = (0..analytic.len()).step_by(analytic.len().div_ceil(5));
        for entry in spread.chain([largest]) {
            let mut loss = |change: f64| {
                let mut value = network.tape.value_mut(var);
                value.as_slice_mut().unwrap()[entry] += change;
                network.tape.forward();
                let loss = network.mean_loss();
                network.tape.value_mut(var).as_slice_mut().unwrap()[entry] -= change;
                loss
            };
            let step = 1e-6;
            let numeric = (loss(step) - loss(-step)) / (2.0 * step);
            let scale = analytic[entry].abs().max(numeric.abs()).max(1e-3);
            let error = (analytic[entry] - numeric).abs() / scale;
            assert!(error < 1e-6, "{name}, entry {entry}: {} {numeric}", analytic[entry]);
        }
    }
}

#[test]
fn gradients_of_a_whole_lenet() {
    let network = Lenet::new([16, 16, 1], 4).network(3, 5).unwrap();
    assert_gradients(network, &images(&[16, 16], 4, 3));
}

#[test]
fn gradients_of_a_whole_cnn() {
    let data = images(&[8, 10, 3], 4, 5);
    let plan = Cnn::new([8, 10, 3], 4).filters(&[4, 3]).loss(smoothed(0.1));
    let divergence = Loss { divergence: true, ..smoothed(0.1) };
    for plan in [
        plan.clone(),
        plan.clone().batch_norm(true),
        plan.clone().batch_norm(true).dropout(fraction(0.3)).loss(divergence),
        plan.clone().hidden(&[6, 5]),
        plan.clone().hidden(&[6]).dropout(fraction(0.3)),
    ] {
        assert_gradients(plan.network(5, 5).unwrap(), &data);
    }
}

#[test]
fn gradients_of_a_whole_flagship() {
    let data = images(&[25, 25, 3], 3, 3);
    assert_gradients(small_flagship(&data), &data);
}

#[test]
fn eq_prepared_responses_are_white() {
    // Neighbors are alike, and so are the channels.
    let (height, width) = (25, 26);
    let noise = images(&[height, width, 3], 3, 6);
    let mut smooth = vec![0.0_f32; 6 * height * width * 3];
    for (sample, image) in smooth.chunks_exact_mut(height * width * 3).enumerate() {
        noise.read(sample, image);
        for i in (width + 1) * 3..image.len() {
            image[i] = 0.4 * image[i - 3]
                + 0.3 * image[i - 3 * width]
                + 0.2 * image[i - 1]
                + 0.1 * image[i];
        }
    }
    let data =
        Dataset::from_reals("smooth", &[height, width, 3], 3, smooth, vec![0, 1, 2, 0, 1, 2]);
    let data = data.unwrap();
    let plan = Flagship::new([height, width, 3], 3).filters([2; 3]);
    let mut network = plan.network::<f64>(6, 5).unwrap();
    plan.prepare(&mut network, &data).unwrap();
    let network = learned(network, &data);
    // GELU(r) − GELU(−r) = r·Φ(r) + r·Φ(−r) = r: the responses, from each map and its negative's.
    let maps = network.tape.value(network.maps()[0].var);
    let (places, filters) = (6 * (height - 1) * (width - 1), 24);
    let maps = maps.view().into_shape_with_order((places, filters)).unwrap();
    let responses: Array2<f64> = &maps.slice(s![.., ..12]) - &maps.slice(s![.., 12..]);
    let moments = responses.t().dot(&responses) / places as f64;
    let channels = ChannelMoments::of(&data, 3).unwrap();
    let plain = chainrule::whiten::second_moments(&data, &channels, 2, 6).unwrap();
    let values = chainrule::whiten::eigen::symmetric_eigen(&plain).unwrap().values;
    assert!(values[0] > 20.0 * values[11], "the patches are far from white: {values}");
    let epsilon = Whitening::default().epsilon;
    let expected = Array2::from_diag(&values.mapv(|value| value / (value + epsilon)));
    assert_abs_diff_eq!(moments, expected, epsilon = 1e-9);
}

#[test]
fn a_mirror_is_one_of_two_views() {
    let data = images(&[10, 8, 3], 4, 7);
    let mut mirrored = Vec::new();
    let mut image = [0.0_f32; 240];
    for sample in 0..7 {
        data.read(sample, &mut image);
        mirror(&mut image, [10, 8, 3]);
        mirrored.extend_from_slice(&image);
    }
    let labels = (0..7).map(|sample| data.label(sample) as u8).collect();
    let mirrored = Dataset::from_reals("mirrored", &[10, 8, 3], 4, mirrored, labels).unwrap();
    let plan = Cnn::new([10, 8, 3], 4).filters(&[3, 4]);
    let mut network = plan.network::<f64>(7, 5).unwrap();
    let mut loss = |data, batch, views| network.evaluate_with(data, batch, views).unwrap().loss;
    let difference = loss(&data, 7, Views::One) - loss(&mirrored, 7, Views::One);
    assert!(difference.abs() > 1e-3, "the network tells left from right");
    let both = loss(&data, 7, Views::Flip);
    assert_relative_eq!(both, loss(&mirrored, 7, Views::Flip), max_relative = 1e-13);
    // In passes of three the last one holds one.
    assert_relative_eq!(both, loss(&data, 3, Views::Flip), max_relative = 1e-13);
    assert!((both - loss(&data, 7, Views::FlipAndShift)).abs() > 1e-4);
}

/// What trainings come to.
#[cfg(feature = "train")]
mod trained {
    use super::*;
    use chainrule::checkpoint::Checkpoint;
    use chainrule::data::augment::{Augmentation, Flip};
    use chainrule::data::{pictures, split};
    use chainrule::model::Model;
    use chainrule::optim::{Averaging, Schedule};
    use chainrule::train::{Ending, Event, Plan, Training};
    use std::ops::ControlFlow;
    use tempfile::TempDir;

    fn plan(model: Model) -> Plan {
        Plan {
            model,
            epochs: 2,
            batch: 32,
            rule: "nesterov".parse().unwrap(),
            schedule: Schedule::Constant { rate: 0.02 },
            l2: 1e-3,
            augmentation: Augmentation {
                flip: Flip::Alternating,
                translate: 2,
                cutout: 5,
                ..Augmentation::NONE
            },
            averaging: None,
            views: Views::Flip,
            seeds: 3.into(),
            stopping: None,
            keep_best: false,
        }
    }

    fn go(_: Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// 72 pictures to train on, so that the last batch of 32 holds 8, and 20 to validate on.
    fn data() -> [Dataset; 2] {
        split::by_counts(&pictures::draw(92, 5), [72, 20], 1).unwrap()
    }

    /// A small CNN with all that keeps a state or draws at random.
    fn cnn() -> Plan {
        let model = Cnn::new([32, 32, 3], 10).filters(&[6, 8]);
        plan(Model::Cnn(model.batch_norm(true).dropout(fraction(0.2)).loss(smoothed(0.1))))
    }

    fn flagship() -> Plan {
        let model = Model::Flagship(Flagship::new([32, 32, 3], 10).filters([4, 6, 5]));
        let averaging = Averaging::Lookahead { every: 2, weight: 0.5 };
        Plan { averaging: Some(averaging), ..plan(model) }
    }

    /// All tensors after the whole training.
    fn tensors(plan: Plan) -> Vec<(String, Tensor<f32>)> {
        let [train, validation] = data();
        let mut training = Training::new(plan).unwrap();
        training.run(&train, Some(&validation), None, go).unwrap();
        training.network().tensors()
    }

    #[test]
    fn a_small_cnn_learns_the_pictures() {
        let [train, test] = split::by_counts(&pictures::draw(1_900, 5), [1_500, 400], 1).unwrap();
        let model = Cnn::new([32, 32, 3], 10).filters(&[6, 12, 24]).batch_norm(true);
        let plan = Plan {
            epochs: 4,
            batch: 25,
            schedule: Schedule::one_cycle(0.05, 240),
            augmentation: Augmentation { flip: Flip::Random, ..Augmentation::NONE },
            ..plan(Model::Cnn(model))
        };
        let mut training = Training::<f32>::new(plan).unwrap();
        training.run(&train, None, None, go).unwrap();
        let accuracy = training.test(&test).unwrap().accuracy;
        // Guesses are right in 10 % of 400, give or take 1.5 %.
        assert!(accuracy > 0.2, "{accuracy}");
    }

    #[cfg(feature = "threads")]
    #[test]
    fn the_number_of_threads_changes_no_bit() {
        for plan in [cnn(), flagship()] {
            // One batch large enough that maps are split between threads.
            let plan = Plan { epochs: 1, batch: 72, ..plan };
            let [one, two, four] = [1, 2, 4].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| tensors(plan.clone()))
            });
            assert_eq!(one, two);
            assert_eq!(one, four);
        }
    }

    #[test]
    fn a_break_resumes_to_the_same_bits() {
        let [train, validation] = data();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        for plan in [cnn(), flagship()] {
            let whole = tensors(plan.clone());
            // Within the first epoch, at its end, and in the second.
            for stop in [1, 3, 5] {
                let mut training = Training::<f32>::new(plan.clone()).unwrap();
                let watch = |event: Event<'_>| match event {
                    Event::Batch(position) if position.step == stop => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                };
                let ending = training.run(&train, Some(&validation), Some(&path), watch).unwrap();
                assert_eq!(ending, Ending::Interrupted);
                let mut resumed = Training::<f32>::resume(&path).unwrap();
                resumed.run(&train, Some(&validation), None, go).unwrap();
                assert_eq!(resumed.network().tensors(), whole, "broken off after {stop} updates");
            }
        }
    }

    #[test]
    fn a_model_file_holds_what_came_from_the_data() {
        let [train, validation] = data();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.safetensors");
        let mut training = Training::<f32>::new(flagship()).unwrap();
        training.run(&train, None, None, go).unwrap();
        training.save_model(&path).unwrap();
        let saved = Checkpoint::<f32>::read(&path).unwrap();
        // No training moves them, and no average of the weights either.
        let moments = ChannelMoments::of(&train, 3).unwrap();
        let filters = Whitening::default().filters::<f32>(&train, &moments).unwrap();
        assert_eq!(saved.tensors["whiten.weight"], filters);
        let single = |constants: &[f64]| {
            constants.iter().map(|&x| x as f32).collect::<ndarray::Array1<f32>>().into_dyn()
        };
        assert_eq!(saved.tensors["standardize.mean"], single(&moments.mean));
        assert_eq!(saved.tensors["standardize.std"], single(&moments.std));
        let model: Model = serde_json::from_str(&saved.metadata["model"]).unwrap();
        assert_eq!(model, flagship().model);
        let mut restored = model.network::<f32>(1, 0).unwrap();
        restored.restore(|name| saved.tensors.get(name).cloned()).unwrap();
        assert_eq!(restored.tensors(), training.network().tensors());
        let evaluation = restored.evaluate_with(&validation, 500, Views::Flip).unwrap();
        assert_eq!(evaluation, training.test(&validation).unwrap());
    }
}
