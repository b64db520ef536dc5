//! Trains the opening page's network as the page does, and records how well it reads:
//! `CHAINRULE_DATA=… cargo run --release -p widgets --example record`.

use chainrule::data::{folder, mnist};
use serde_json::json;
use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use widgets::index::{BATCH, Network, STEPS};

/// The seed with which the page opens.
const SEED: u64 = 1;

/// New drawn digits that it is tested on.
const DRAWN: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let named = env::var_os(folder::VARIABLE).ok_or("name MNIST's folder by CHAINRULE_DATA")?;
    let mnist = mnist::load(&PathBuf::from(named))?;
    let mut network = Network::new(SEED);
    let progress = network.learn(STEPS);
    let record = json!({
        "seed": SEED,
        "steps": progress.step,
        "batch": BATCH,
        "digits": progress.step * BATCH as u64,
        "drawn": { "count": DRAWN, "accuracy": network.test(DRAWN) },
        "mnist": { "count": mnist.test.len(), "accuracy": network.share_right(&mnist.test) },
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks/records/page-network.json");
    fs::write(path, format!("{record:#}\n"))?;
    println!("{record:#}");
    Ok(())
}
