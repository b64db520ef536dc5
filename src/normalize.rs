//! Normalization: of a row by its sum, of a feature over the batch, of a sample over its features,
//! of a channel over the data set. Chapter 8.
//!
//! # The standardized group
//!
//! Batch norm and layer norm share one derivation. Take n numbers x₁ … x_n: in batch norm one
//! feature of all samples, in layer norm all features of one sample. Their mean, their variance and
//! the standardized numbers are
//!
//! ```text
//! μ = 1/n · Σ_i x_i        v = 1/n · Σ_i (x_i − μ)²
//! r = 1 / √(v + ε)         x̂_i = (x_i − μ) · r
//! ```
//!
//! One x_k moves every x̂_i: through its own numerator, through μ and through r. First μ and v:
//!
//! ```text
//! ∂μ/∂x_k = 1/n
//! ∂v/∂x_k = 1/n · Σ_i 2 · (x_i − μ) · (δ_ik − 1/n)
//!         = 2/n · (x_k − μ) − 2/n² · Σ_i (x_i − μ)
//!         = 2/n · (x_k − μ)                                since Σ_i (x_i − μ) = 0
//! ```
//!
//! So μ's share in ∂v is 0, but not in ∂x̂. Then r = (v + ε)^(−1/2), with dr/dv = −r³/2:
//!
//! ```text
//! ∂r/∂x_k = −r³/2 · 2/n · (x_k − μ) = −1/n · r² · x̂_k      since (x_k − μ) · r = x̂_k
//! ```
//!
//! Last the product rule on (x_i − μ) · r:
//!
//! ```text
//! ∂x̂_i/∂x_k = (δ_ik − 1/n) · r + (x_i − μ) · (−1/n · r² · x̂_k)
//!           = r · (δ_ik − 1/n − x̂_i · x̂_k / n)
//! ```
//!
//! With d_i the upstream gradient of x̂_i, the sum over all i gives
//!
//! ```text
//! dx_k = Σ_i d_i · ∂x̂_i/∂x_k
//!      = r · (d_k − 1/n · Σ_i d_i − x̂_k · 1/n · Σ_i d_i · x̂_i)
//! ```
//!
//! The first term treats μ and r as constants. The second is what μ takes back, the third what r
//! takes back. Two sums follow, with Σ_i x̂_i = 0 and Σ_i x̂_i² = n · v · r² = n · (1 − ε · r²):
//!
//! ```text
//! Σ_k dx_k       = 0                          a shift of all x changes nothing
//! Σ_k dx_k · x̂_k = ε · r³ · Σ_i d_i · x̂_i     a scale of all x changes nothing but through ε
//! ```
//!
//! Where all x are equal, or n = 1, v is 0 and every x̂ is 0: ε keeps r finite.
//!
//! [`definition`] has these formulas as code. [`batch_norm`] and [`layer_norm`] are the same for many
//! groups at once, without a memory for x̂.

pub mod batch_norm;
pub mod definition;
pub mod layer_norm;
pub mod moments;
pub mod row;
pub mod standardize;

pub use batch_norm::BatchNorm;
