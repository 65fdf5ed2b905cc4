//! Distributions of durations: `"2ms"`, or a kind such as `{ "lognormal": { "median": "2ms", "p99": "15ms" } }`.

use crate::check::BILLION;
use crate::kernel::{Sampler, SamplerError, Span};

use super::input::{
    Fields, Kind, Shape, duration, either, kind, named, non_empty_list, number, object, positive_duration, ratio,
};

/// A distribution of durations.
pub fn distribution() -> Shape<Sampler> {
    named("distribution", || {
        either(duration().map(Sampler::constant), object(|fields| fields.kind("distribution", kinds())))
    })
}

fn kinds() -> Vec<Kind<Sampler>> {
    vec![
        kind("constant", "Always the same.", duration().map(Sampler::constant)),
        kind("uniform", "Every duration between two is equally likely.", object(uniform)),
        kind(
            "exponential",
            "Memoryless, as the time between independent events; never below `floor`.",
            object(exponential),
        ),
        kind("normal", "A bell curve; what would be negative is 0.", object(normal)),
        kind(
            "lognormal",
            "Many are near the median, a few take much longer: what networks and disks do.",
            object(lognormal),
        ),
        kind("pareto", "A heavy tail: at least `scale`, longer ones by a power law.", object(pareto)),
        kind(
            "empirical",
            "Measured quantiles, ascending, with straight lines between them.",
            non_empty_list(object(quantile)).try_map(|quantiles| said(Sampler::empirical(&quantiles))),
        ),
        kind(
            "mixture",
            "Each of several distributions with a weight of its own.",
            non_empty_list(object(part)).try_map(|parts| said(Sampler::mixture(parts))),
        ),
    ]
}

fn said(sampler: Result<Sampler, SamplerError>) -> Result<Sampler, String> {
    sampler.map_err(|error| error.to_string())
}

/// The sampler, or its objection reported at `field`.
fn accept(fields: &mut Fields<'_>, field: &str, sampler: Result<Sampler, SamplerError>) -> Option<Sampler> {
    sampler.map_err(|error| fields.refuse(field, error.to_string())).ok()
}

fn uniform(fields: &mut Fields<'_>) -> Option<Sampler> {
    let low = fields.required("low", "The shortest.", duration());
    let high = fields.required("high", "The longest.", duration());
    accept(fields, "high", Sampler::uniform(low?, high?))
}

fn exponential(fields: &mut Fields<'_>) -> Option<Sampler> {
    let mean = fields.required("mean", "The mean, apart from the floor.", positive_duration());
    let floor = fields.optional("floor", "Added to every one.", duration(), "0s");
    accept(fields, "mean", Sampler::exponential(mean?, floor?))
}

fn normal(fields: &mut Fields<'_>) -> Option<Sampler> {
    let mean = fields.required("mean", "The mean.", duration());
    let deviation = fields.required("deviation", "The standard deviation.", duration());
    Some(Sampler::normal(mean?, deviation?))
}

fn lognormal(fields: &mut Fields<'_>) -> Option<Sampler> {
    let median = fields.required("median", "Half are shorter.", positive_duration());
    let p99 = fields.required("p99", "99% are shorter.", positive_duration());
    accept(fields, "p99", Sampler::lognormal_by_p99(median?, p99?))
}

fn pareto(fields: &mut Fields<'_>) -> Option<Sampler> {
    let scale = fields.required("scale", "The shortest.", positive_duration());
    let shape = fields.required(
        "shape",
        "The smaller, the heavier the tail; the mean is finite above 1.",
        number(0.01..=1_000.0),
    );
    accept(fields, "shape", Sampler::pareto(scale?, shape?))
}

fn quantile(fields: &mut Fields<'_>) -> Option<(u64, Span)> {
    let share = fields.required("quantile", "Which share is at most `value`: 0.5 for the median.", ratio());
    let value = fields.required("value", "The duration.", duration());
    Some((share?, value?))
}

fn part(fields: &mut Fields<'_>) -> Option<(u64, Sampler)> {
    let weight = fields.required("weight", "How likely this one is, against the other weights.", number(0.0..=1e6));
    let of = fields.required("of", "The distribution.", distribution());
    Some((weight_ppb(weight?), of?))
}

/// A weight as an integer, so that comparing weights is exact everywhere.
pub(super) fn weight_ppb(weight: f64) -> u64 {
    // At most 10^6 * 10^9, far below 2^53: multiplication and rounding are exact enough and the same everywhere.
    (weight * BILLION as f64).round() as u64
}
