//! Ranks whose probability falls as a power: which key is asked for how often.

use super::draw::Draw;
use super::sampler::{SamplerError, require};

/// Zipf's distribution: of `count` ranks, the k-th most frequent has a probability in proportion to `1 / k ^ exponent`.
///
/// By rejection-inversion (Hörmann and Derflinger, Rejection-Inversion to Generate Variates from Monotone Discrete
/// Distributions, 1996): no table, whatever the count, and about 1.1 words a sample. `hat` below is their H, the
/// integral of the density that lies over the probabilities; the notation is otherwise theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    count: u64,
    exponent: f64,
    hat_first: f64,
    hat_last: f64,
    squeeze: f64,
}

/// Well beyond it, a rank and a half is no longer a 64-bit float.
const COUNT_LIMIT: u64 = 1_000_000_000_000_000;
/// Beyond it all but one sample in 10^30 is the first rank, and the method loses its precision.
const EXPONENT_LIMIT: f64 = 100.0;

impl Zipf {
    /// The distribution over `count` ranks. An exponent of 0 makes them equally likely.
    ///
    /// # Errors
    /// If `count` is not in 1 ..= 10^15, or `exponent` not in 0 ..= 100.
    pub fn new(count: u64, exponent: f64) -> Result<Self, SamplerError> {
        let countable = (1..=COUNT_LIMIT).contains(&count);
        require(countable, "the count of a Zipf distribution must be from 1 to 10^15")?;
        let bounded = (0.0..=EXPONENT_LIMIT).contains(&exponent);
        require(bounded, "the exponent of a Zipf distribution must be from 0 to 100")?;
        let mut zipf = Self { count, exponent, hat_first: 0.0, hat_last: 0.0, squeeze: 0.0 };
        zipf.hat_first = zipf.hat(1.5) - 1.0;
        zipf.hat_last = zipf.hat(count as f64 + 0.5);
        zipf.squeeze = 2.0 - zipf.inverse_hat(zipf.hat(2.5) - zipf.density(2.0));
        Ok(zipf)
    }

    /// How many ranks there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Draws a rank: 0 for the most frequent, up to `count` - 1. Takes one word, and one more for each rejection.
    pub fn sample_rank<D: Draw + ?Sized>(&self, draws: &mut D) -> u64 {
        loop {
            let area = self.hat_last + draws.unit() * (self.hat_first - self.hat_last);
            let x = self.inverse_hat(area);
            let rank = ((x + 0.5) as u64).clamp(1, self.count);
            let k = rank as f64;
            if k - x <= self.squeeze || area >= self.hat(k + 0.5) - self.density(k) {
                return rank - 1;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// An integral of the density: `(x ^ (1 - exponent) - 1) / (1 - exponent)`, or the logarithm for an exponent of 1.
    fn hat(&self, x: f64) -> f64 {
        let log_x = libm::log(x);
        expm1_over((1.0 - self.exponent) * log_x) * log_x
    }

    fn inverse_hat(&self, area: f64) -> f64 {
        // Rounding may bring it below -1, where the logarithm ends.
        let t = (area * (1.0 - self.exponent)).max(-1.0);
        libm::exp(log1p_over(t) * area)
    }
}

/// `log1p(x) / x`, by its series where both are near zero.
fn log1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::log1p(x) / x } else { 1.0 - x * (0.5 - x * (1.0 / 3.0 - 0.25 * x)) }
}

/// `expm1(x) / x`, by its series where both are near zero.
fn expm1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::expm1(x) / x } else { 1.0 + x * 0.5 * (1.0 + x / 3.0 * (1.0 + 0.25 * x)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;
    use proptest::prelude::*;

    /// Pearson's chi-squared against the exact probabilities; 27.88 is its 99.9% point for nine degrees of freedom.
    #[test]
    fn ten_ranks_have_their_exact_probabilities() {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.000_000_001, 1.1, 2.0] {
            let zipf = Zipf::new(10, exponent).unwrap();
            let mut draws = SplitMix64::new(1);
            let mut counts = [0u32; 10];
            (0..100_000).for_each(|_| counts[zipf.sample_rank(&mut draws) as usize] += 1);
            let weights: Vec<f64> = (1..=10).map(|k| libm::pow(f64::from(k), -exponent)).collect();
            let total: f64 = weights.iter().sum();
            let chi_squared: f64 = (counts.iter().zip(weights))
                .map(|(&count, weight)| {
                    let expected = 100_000.0 * weight / total;
                    (f64::from(count) - expected) * (f64::from(count) - expected) / expected
                })
                .sum();
            assert!(chi_squared < 27.88, "exponent {exponent}: {chi_squared} from {counts:?}");
        }
    }

    #[test]
    fn golden_ranks() {
        let zipf = Zipf::new(1_000, 1.1).unwrap();
        let mut draws = SplitMix64::new(42);
        let ranks: [u64; 8] = std::array::from_fn(|_| zipf.sample_rank(&mut draws));
        assert_eq!(ranks, [1, 193, 66, 38, 659, 0, 112, 1]);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        for (count, exponent) in [(0, 1.0), (u64::MAX, 1.0), (5, -0.1), (5, f64::NAN), (5, f64::INFINITY), (5, 101.0)]
        {
            assert!(Zipf::new(count, exponent).is_err(), "{count} {exponent}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranks_stay_in_range_for_all_parameters(
            count in prop_oneof![1..5u64, 1..=COUNT_LIMIT],
            exponent in prop_oneof![0.0..3.0f64, 0.0..=EXPONENT_LIMIT],
            seed: u64,
        ) {
            let zipf = Zipf::new(count, exponent).unwrap();
            let mut draws = SplitMix64::new(seed);
            for _ in 0..100 {
                prop_assert!(zipf.sample_rank(&mut draws) < count);
            }
        }
    }
}
