//! What the opening page says of its network is of the network that it trains.

use serde_json::Value;
use std::fs;
use widgets::index::{BATCH, Network, STEPS};

#[test]
fn the_record_is_of_this_network() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks/records/page-network.json");
    let record: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let number = |pointer: &str| record.pointer(pointer).unwrap().as_u64().unwrap();
    assert_eq!((number("/steps"), number("/batch")), (STEPS, BATCH as u64));
    let mut network = Network::new(number("/seed"));
    network.learn(STEPS);
    let accuracy = network.test(number("/drawn/count") as usize);
    let recorded = record.pointer("/drawn/accuracy").unwrap().as_f64().unwrap();
    // The order of sums, and with it the last bits of training, differs from machine to machine.
    assert!((accuracy - recorded).abs() < 0.005, "{accuracy}, but recorded is {recorded}");
}
