//! Distributions of time spans and of ranks.
//!
//! Ours, on the `libm` crate called directly, so that the same words give the same spans on every machine: only IEEE 754
//! basic operations, square roots and `libm` functions take part. A result is rounded to nanoseconds, half up; what is
//! negative becomes zero and what is too long [`Span::MAX`].

use super::draw::{Draw, scale};
use super::time::Span;
use std::fmt;

/// A distribution of time spans, its parameters checked. How many words a sample takes is fixed for each kind and said
/// at its constructor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Constant(Span),
    Uniform { low: u64, width: u64 },
    Exponential { mean: f64, floor: Span },
    Normal { mean: f64, deviation: f64 },
    Lognormal { median: f64, sigma: f64 },
    Pareto { scale: f64, exponent: f64 },
    Empirical(Box<[Point]>),
    Mixture(Box<[Part]>),
}

/// A known point of a distribution function: the span, in nanoseconds, that a share of all samples does not exceed.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    share: f64,
    span: f64,
}

/// One component of a mixture, with the sum of the weights up to and with its own.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    weight_so_far: u64,
    sampler: Sampler,
}

/// Why a distribution cannot have these parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplerError(&'static str);

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SamplerError {}

/// Fails with `otherwise` unless `condition` holds.
pub(super) fn require(condition: bool, otherwise: &'static str) -> Result<(), SamplerError> {
    if condition { Ok(()) } else { Err(SamplerError(otherwise)) }
}

impl Sampler {
    /// Always `span`. Takes no word.
    #[must_use]
    pub const fn constant(span: Span) -> Self {
        Self(Kind::Constant(span))
    }

    /// Every nanosecond from `low` to `high`, both included, equally likely (to one part in 2^64). Takes one word.
    ///
    /// # Errors
    /// If `high` is below `low`.
    pub fn uniform(low: Span, high: Span) -> Result<Self, SamplerError> {
        require(low <= high, "the upper bound of a uniform distribution must not be below its lower bound")?;
        Ok(Self(Kind::Uniform { low: low.as_nanos(), width: high.as_nanos() - low.as_nanos() }))
    }

    /// `floor` plus an exponential distribution of that mean, by inversion. Takes one word.
    ///
    /// # Errors
    /// If `mean` is zero.
    pub fn exponential(mean: Span, floor: Span) -> Result<Self, SamplerError> {
        require(!mean.is_zero(), "the mean of an exponential distribution must be above zero")?;
        Ok(Self(Kind::Exponential { mean: mean.as_nanos() as f64, floor }))
    }

    /// A normal distribution; its part below zero becomes zero. By inversion, takes one word.
    #[must_use]
    pub const fn normal(mean: Span, deviation: Span) -> Self {
        Self(Kind::Normal { mean: mean.as_nanos() as f64, deviation: deviation.as_nanos() as f64 })
    }

    /// The exponential of a normal distribution: `median * exp(sigma * z)`. By inversion, takes one word.
    ///
    /// # Errors
    /// If `median` is zero, or `sigma` negative or not finite.
    pub fn lognormal(median: Span, sigma: f64) -> Result<Self, SamplerError> {
        require(!median.is_zero(), "the median of a lognormal distribution must be above zero")?;
        require(
            sigma.is_finite() && sigma >= 0.0,
            "the sigma of a lognormal distribution must be finite and not negative",
        )?;
        Ok(Self(Kind::Lognormal { median: median.as_nanos() as f64, sigma }))
    }

    /// The lognormal distribution of that median and 99th percentile. Takes one word.
    ///
    /// # Errors
    /// If `median` is zero or `p99` is below it.
    pub fn lognormal_by_p99(median: Span, p99: Span) -> Result<Self, SamplerError> {
        require(!median.is_zero(), "the median of a lognormal distribution must be above zero")?;
        require(median <= p99, "the 99th percentile of a lognormal distribution must not be below its median")?;
        let ratio = p99.as_nanos() as f64 / median.as_nanos() as f64;
        Self::lognormal(median, libm::log(ratio) / normal_quantile(0.99))
    }

    /// A Pareto distribution: longer than `x` with probability `(scale / x) ^ shape`, and never shorter than `scale`.
    /// Its mean is infinite for a shape of 1 or less. By inversion, takes one word.
    ///
    /// # Errors
    /// If `scale` is zero, or `shape` not above zero or not finite.
    pub fn pareto(scale: Span, shape: f64) -> Result<Self, SamplerError> {
        require(!scale.is_zero(), "the scale of a Pareto distribution must be above zero")?;
        require(
            shape.is_finite() && shape > 0.0,
            "the shape of a Pareto distribution must be finite and above zero",
        )?;
        Ok(Self(Kind::Pareto { scale: scale.as_nanos() as f64, exponent: -1.0 / shape }))
    }

    /// A measured distribution, given by its quantiles: `(parts per billion, span)`, from the minimum at 0 to the
    /// maximum at 10^9, straight lines between them. Takes one word.
    ///
    /// # Errors
    /// If the parts do not start at 0, rise and end at 10^9, or if a span is below the one before it.
    pub fn empirical(quantiles: &[(u64, Span)]) -> Result<Self, SamplerError> {
        let ends = (quantiles.first(), quantiles.last());
        let complete = matches!(ends, (Some((0, _)), Some((1_000_000_000, _))));
        require(complete, "an empirical distribution must give its quantiles 0 (minimum) and 1 (maximum)")?;
        let rising = quantiles.windows(2).all(|pair| pair[0].0 < pair[1].0);
        require(rising, "the quantiles of an empirical distribution must rise, each given once")?;
        let ordered = quantiles.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        require(ordered, "a higher quantile of an empirical distribution must not have a shorter span")?;
        let point = |&(parts, span): &(u64, Span)| Point { share: parts as f64 / 1e9, span: span.as_nanos() as f64 };
        Ok(Self(Kind::Empirical(quantiles.iter().map(point).collect())))
    }

    /// One of several distributions, each with a probability in proportion to its weight. Takes one word to choose,
    /// then those of the chosen one.
    ///
    /// # Errors
    /// If no weight is above zero, or if their sum exceeds 2^64 - 1.
    pub fn mixture(weighted: Vec<(u64, Self)>) -> Result<Self, SamplerError> {
        let mut parts = Vec::with_capacity(weighted.len());
        let mut total = 0u64;
        for (weight, sampler) in weighted {
            total = total.checked_add(weight).ok_or(SamplerError("the weights of a mixture are too large"))?;
            parts.push(Part { weight_so_far: total, sampler });
        }
        require(total > 0, "a mixture needs a weight above zero")?;
        Ok(Self(Kind::Mixture(parts.into())))
    }

    /// Draws a span.
    #[inline]
    pub fn sample<D: Draw + ?Sized>(&self, draws: &mut D) -> Span {
        match &self.0 {
            Kind::Constant(span) => *span,
            Kind::Uniform { low, width } => {
                let product = u128::from(draws.next_u64()) * (u128::from(*width) + 1);
                Span::from_nanos(low + (product >> 64) as u64)
            }
            Kind::Exponential { mean, floor } => *floor + to_span(mean * -libm::log(above_zero(draws.next_u64()))),
            Kind::Normal { mean, deviation } => to_span(mean + deviation * standard_normal(draws.next_u64())),
            Kind::Lognormal { median, sigma } => {
                to_span(median * libm::exp(sigma * standard_normal(draws.next_u64())))
            }
            Kind::Pareto { scale, exponent } => to_span(scale * libm::pow(above_zero(draws.next_u64()), *exponent)),
            Kind::Empirical(points) => to_span(interpolate(points, draws.unit())),
            Kind::Mixture(parts) => choose(parts, draws.next_u64()).sample(draws),
        }
    }
}

/// The span at a share in [0, 1), on the straight line between the points around it.
fn interpolate(points: &[Point], share: f64) -> f64 {
    // The first point is at 0 and the last at 1, so there is one on each side.
    let above = points.partition_point(|point| point.share <= share);
    let (low, high) = (&points[above - 1], &points[above]);
    low.span + (high.span - low.span) * ((share - low.share) / (high.share - low.share))
}

/// The component that a word selects.
fn choose(parts: &[Part], word: u64) -> &Sampler {
    let total = parts[parts.len() - 1].weight_so_far;
    let chosen = scale(word, total);
    &parts[parts.partition_point(|part| part.weight_so_far <= chosen)].sampler
}

/// Nanoseconds, rounded half up.
#[inline]
fn to_span(nanoseconds: f64) -> Span {
    // The cast cuts off the fraction, and what lies outside the range of u64. Adding 0.5 first would be wrong just below
    // a half and beyond 2^52.
    let whole = nanoseconds as u64;
    Span::from_nanos(whole.saturating_add(u64::from(nanoseconds - whole as f64 >= 0.5)))
}

/// The number in [1, 2) that a word selects by its highest 52 bits: its fraction, beside the exponent of 1. Unlike a
/// conversion from an integer, this does not make the processor wait for what was in the register before.
#[inline]
fn from_one_to_two(word: u64) -> f64 {
    f64::from_bits(1f64.to_bits() | word >> 12)
}

/// A number in (0, 1], a multiple of 2^-52, all equally likely; the larger the word, the smaller.
#[inline]
fn above_zero(word: u64) -> f64 {
    2.0 - from_one_to_two(word)
}

/// The normal variable of mean 0 and deviation 1 that a word selects by its highest 52 bits.
fn standard_normal(word: u64) -> f64 {
    // In the middle between multiples of 2^-52, which leaves out 0 and 1, where the quantile is infinite.
    normal_quantile(from_one_to_two(word) - (1.0 - f64::EPSILON / 2.0))
}

/// The value that a standard normal variable does not exceed with `probability`, which lies between 0 and 1, accurate to
/// about 1 part in 10^16 (Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution, 1988, PPND16).
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let centred = probability - 0.5;
    if centred.abs() <= 0.425 {
        return centred * ratio(0.180625 - centred * centred, &CENTRAL);
    }
    let tail = libm::sqrt(-libm::log(if centred < 0.0 { probability } else { 1.0 - probability }));
    let distance = if tail <= 5.0 { ratio(tail - 1.6, &MIDDLE) } else { ratio(tail - 5.0, &FAR) };
    if centred < 0.0 { -distance } else { distance }
}

/// Numerator and denominator of a rational function, coefficients from the highest power down.
type Rational = [[f64; 8]; 2];

fn ratio(x: f64, coefficients: &Rational) -> f64 {
    // Estrin's scheme: three steps that wait for each other, where Horner's has seven.
    let (x2, x4) = (x * x, x * x * (x * x));
    let value = |&[c7, c6, c5, c4, c3, c2, c1, c0]: &[f64; 8]| {
        ((c7 * x + c6) * x2 + (c5 * x + c4)) * x4 + ((c3 * x + c2) * x2 + (c1 * x + c0))
    };
    value(&coefficients[0]) / value(&coefficients[1])
}

#[rustfmt::skip]
const CENTRAL: Rational = [
    [2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987,
     13731.69376550946, 1971.5909503065513, 133.14166789178438, 3.3871328727963665],
    [5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597,
     5394.196021424751, 687.1870074920579, 42.31333070160091, 1.0],
];
#[rustfmt::skip]
const MIDDLE: Rational = [
    [7.745450142783414e-4, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
     3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835],
    [1.0507500716444169e-9, 5.475938084995345e-4, 0.015198666563616457, 0.14810397642748008,
     0.6897673349851, 1.6763848301838038, 2.053191626637759, 1.0],
];
#[rustfmt::skip]
const FAR: Rational = [
    [2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
     0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103],
    [2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 7.868691311456133e-4,
     0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1.0],
];

#[cfg(test)]
mod tests;
