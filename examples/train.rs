//! A network learns to read digits, and every step of it is here.

use chainrule::{Tape, data::digits, init::Init::HeNormal, optim::Optimizer};
use chainrule::{softmax::argmax, tensor::rows};
use ndarray::{Array1, Array2};
use rand::{SeedableRng, rngs::ChaCha8Rng};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut tape = Tape::<f32>::new();
    let x = tape.input(Array2::zeros((100, 784)));
    let t = tape.input(Array1::zeros(100));
    let w1 = tape.parameter(HeNormal.sample(784, 128, &[784, 128], &mut rng));
    let b1 = tape.parameter(Array1::zeros(128));
    let w2 = tape.parameter(HeNormal.sample(128, 10, &[128, 10], &mut rng));
    let b2 = tape.parameter(Array1::zeros(10));
    let h = tape.linear_relu(x, w1, b1)?;
    let logits = tape.linear(h, w2, b2)?;
    let loss = tape.softmax_cross_entropy(logits, t)?;
    let mut adam = Optimizer::new("adam".parse()?, 0.0, &tape, &[w1, b1, w2, b2])?;

    let mut right = 0;
    for step in 1..=1_000 {
        // No digit comes twice: each batch is a test before it is a lesson.
        let digits = digits::draw(100, step);
        for (i, mut image) in tape.value_mut(x).outer_iter_mut().enumerate() {
            digits.read(i, image.as_slice_mut().expect("an image is contiguous"));
        }
        tape.set(t, &Array1::from_shape_fn(100, |i| digits.label(i) as f32))?;
        tape.forward();
        let predictions = rows(tape.value(logits)).map(argmax);
        right += predictions.enumerate().filter(|&(i, class)| class == digits.label(i)).count();
        tape.backward(loss);
        adam.step(&mut tape, 0.003);
        if step % 200 == 0 {
            println!("step {step}: {:.1} % right", std::mem::take(&mut right) as f64 / 200.0);
        }
    }
    Ok(())
}
