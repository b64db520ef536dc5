//! Two networks learn on the small tape of chapter 2: three hidden units, and six.

use chainrule::scalar::{RATE, STEPS};
use chainrule::score;
use chainrule::tape::small::SmallNetwork;

fn main() {
    let points = score::points();
    let (training, test) = (score::samples(&points.training), score::samples(&points.test));
    for hidden in [3, 6] {
        let mut network = SmallNetwork::random(hidden, 0);
        let numbers = network.weights.len();
        for step in (0..=STEPS).step_by(STEPS / 5) {
            let (loss, _) = network.loss_and_gradient(&training);
            let right = 100.0 * network.accuracy(&test);
            println!(
                "{numbers} numbers, step {step}: loss {loss:.3}, of new points {right:.1} % right"
            );
            if step < STEPS {
                network.learn(&training, RATE, STEPS / 5);
            }
        }
    }
}
