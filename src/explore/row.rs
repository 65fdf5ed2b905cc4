//! What a sweep keeps of a run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Verdict};
use crate::kernel::Span;
use crate::scenario::Run;

/// One run of a sweep, small enough to keep thousands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its place in the whole sweep, all shards together.
    pub index: u64,
    /// The point of the grid.
    pub point: usize,
    /// The seed.
    pub seed: u64,
    /// The verdict's name.
    pub verdict: String,
    /// The class of a refutation.
    pub class: Option<String>,
    /// By what it failed; none if it held.
    pub failure: Option<Failure>,
    /// The digest of everything that happened.
    pub digest: u64,
    /// When the run ended, in nanoseconds.
    pub simulated_ns: u64,
    /// How many events happened.
    pub events: u64,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were dropped, for whatever cause.
    pub dropped: u64,
    /// Operations, without the warm-up.
    pub invoked: u64,
    /// Those of them that were answered.
    pub answered: u64,
    /// Those that certainly did not happen.
    pub fail: u64,
    /// Those of unknown outcome.
    pub info: u64,
    /// The median of the latencies, in nanoseconds, where an unanswered operation takes for ever: [`u64::MAX`]. None
    /// without an operation; so are the next two.
    pub p50_ns: Option<u64>,
    /// Their 99% quantile.
    pub p99_ns: Option<u64>,
    /// The largest.
    pub max_ns: Option<u64>,
    /// Answered operations by latency, in nanoseconds to three digits.
    pub latencies: Vec<(u64, u64)>,
    /// How often each rare path was reached.
    pub reached: BTreeMap<String, u64>,
}

/// By what a run failed. Runs that fail alike are one failure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The name of the check.
    pub check: String,
    /// The class of the refutation, or `inconclusive`.
    pub class: String,
}

impl Failure {
    /// What decides a verdict that is not "holds".
    #[must_use]
    pub fn of(verdict: Verdict, checks: &[Check]) -> Option<Self> {
        let class = match verdict {
            Verdict::Holds => return None,
            Verdict::Refuted(class) => class.name(),
            other => other.name(),
        };
        let deciding = checks.iter().find(|check| check.verdict == verdict);
        let check = deciding.map_or_else(|| "determinism".to_owned(), |check| check.name.clone());
        Some(Self { check, class: class.to_owned() })
    }
}

impl Row {
    /// The row of a run.
    #[must_use]
    pub fn new(index: u64, point: usize, run: &Run) -> Self {
        let metrics = &run.metrics;
        let quantiles = metrics.quantiles();
        let mut histogram = latency_histogram();
        for latency in metrics.latencies() {
            histogram.record(latency.as_nanos()).expect("the histogram grows");
        }
        Self {
            index,
            point,
            seed: run.seed,
            verdict: run.verdict.name().to_owned(),
            class: run.verdict.class().map(|class| class.name().to_owned()),
            failure: Failure::of(run.verdict, &run.checks),
            digest: run.digest().value(),
            simulated_ns: run.simulated.as_nanos(),
            events: run.events,
            sent: run.census.sent,
            dropped: run.census.dropped.values().sum(),
            invoked: metrics.invoked,
            answered: metrics.answered(),
            fail: metrics.fail,
            info: metrics.info,
            p50_ns: quantiles.p50.map(Span::as_nanos),
            p99_ns: quantiles.p99.map(Span::as_nanos),
            max_ns: quantiles.max.map(Span::as_nanos),
            latencies: histogram
                .iter_recorded()
                .map(|value| (value.value_iterated_to(), value.count_at_value()))
                .collect(),
            reached: run.reached.iter().map(|&(name, count)| (name.to_owned(), count)).collect(),
        }
    }

    /// Whether the hypothesis held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds.name()
    }

    /// Answered over invoked; `None` without an operation.
    #[must_use]
    pub fn availability(&self) -> Option<f64> {
        (self.invoked > 0).then(|| self.answered as f64 / self.invoked as f64)
    }
}

/// A histogram of nanoseconds to three digits.
pub(super) fn latency_histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are allowed");
    histogram.auto(true);
    histogram
}
