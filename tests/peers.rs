//! What the rivals of `benches/peers` train is what `chainrule bench` trains.

#![cfg(feature = "train")]

use chainrule::model::Model;
use chainrule::optim::Rule;
use chainrule::throughput::{WORKLOADS, Workload};
use serde_json::{Value, json};

/// The file that every rival reads.
const RIVALS: &str = include_str!("../benches/peers/workloads.json");

fn rivals() -> Vec<Value> {
    serde_json::from_str(RIVALS).expect("a list of workloads")
}

fn each(test: impl Fn(&Value, &Workload)) {
    let rivals = rivals();
    assert_eq!(rivals.len(), WORKLOADS.len());
    for (rival, workload) in rivals.iter().zip(WORKLOADS) {
        assert_eq!(rival["name"], workload.name);
        test(rival, workload);
    }
}

/// A layer's kind and its numbers.
fn layer(layer: &Value) -> (&str, &Value) {
    match layer {
        Value::String(kind) => (kind, &Value::Null),
        _ => {
            layer.as_object().and_then(|layer| layer.iter().next()).map(|(k, v)| (&**k, v)).unwrap()
        }
    }
}

/// Entries of the parameters of a layer, one by one.
fn parameters(plan: &Value) -> Vec<u64> {
    let (kind, numbers) = layer(plan);
    let number = |name: &str| numbers[name].as_u64().unwrap();
    match kind {
        "linear" => vec![number("inputs") * number("outputs"), number("outputs")],
        "conv" => {
            let weights = number("kernel").pow(2) * number("inputs") * number("outputs");
            let bias = numbers["bias"].as_bool().unwrap().then(|| number("outputs"));
            [weights].into_iter().chain(bias).collect()
        }
        "batch_norm" => vec![number("channels"); 2],
        _ => Vec::new(),
    }
}

/// The activations between the layers, in their order.
fn activations(rival: &Value) -> Vec<&str> {
    let known = ["relu", "selu", "sigmoid", "tanh"];
    let layers = rival["layers"].as_array().unwrap().iter();
    layers.map(|plan| layer(plan).0).filter(|kind| known.contains(kind)).collect()
}

#[test]
fn batches_and_parameters_are_the_same() {
    each(|rival, workload| {
        let network = workload.model().network::<f32>(1, 29).unwrap();
        assert_eq!(rival["batch"], workload.batch, "{}", workload.name);
        let sides = rival["input"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap());
        assert_eq!(sides.product::<u64>(), network.features() as u64, "{}", workload.name);
        let own = network.parameters().iter().map(|own| network.tape.value(own.var).len() as u64);
        let layers = rival["layers"].as_array().unwrap();
        assert!(own.eq(layers.iter().flat_map(parameters)), "{}", workload.name);
    });
}

#[test]
fn optimizers_are_the_same() {
    each(|rival, workload| {
        let own = match workload.rule {
            Rule::Sgd => json!({ "sgd": { "momentum": 0.0 } }),
            Rule::Momentum { momentum } => json!({ "sgd": { "momentum": momentum } }),
            Rule::Adam { beta1, beta2, epsilon } => {
                json!({ "adam": { "beta1": beta1, "beta2": beta2, "epsilon": epsilon } })
            }
            other => panic!("no rival knows {other:?}"),
        };
        assert_eq!(rival["optimizer"], own, "{}", workload.name);
    });
}

#[test]
fn activations_are_the_same() {
    each(|rival, workload| {
        let own: Vec<String> = match workload.model() {
            Model::Mlp(plan) => {
                let plan = serde_json::to_value(plan).unwrap();
                serde_json::from_value(plan["activations"].clone()).unwrap()
            }
            // One behind each layer but the last.
            _ => {
                let layers = rival["layers"].as_array().unwrap().iter();
                let learned = layers.filter(|plan| matches!(layer(plan).0, "linear" | "conv"));
                vec!["relu".to_owned(); learned.count() - 1]
            }
        };
        assert_eq!(activations(rival), own, "{}", workload.name);
    });
}
