//! What a sweep keeps of a run besides its figures, where somebody asks for it: how it went over time, and every request.

use serde::{Deserialize, Serialize};

use crate::check::Phase;
use crate::kernel::{Span, Time};
use crate::load::Outcome;
use crate::scenario::Run;

use super::latencies::{Counts, Latencies, counted};
use super::row::Row;
use super::statistics::{Estimate, batch_means, mean};

/// What else is kept of each run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Detail {
    /// The width of the buckets of its time series, in nanoseconds; `None`: no series.
    pub bucket_ns: Option<u64>,
    /// Whether every request is kept.
    pub requests: bool,
}

/// The operations that were meant to start within one bucket of time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Bucket {
    /// How many there were.
    pub invoked: u64,
    /// How many were answered.
    pub answered: u64,
    /// Their latencies.
    pub latencies: Counts,
}

/// The buckets of a run, from 0 until its last operation was meant to start, warm-up included.
pub(super) fn series(run: &Run, width: Span) -> Vec<Bucket> {
    let mut buckets: Vec<(Bucket, Vec<Span>)> = Vec::new();
    for operation in run.load_operations() {
        let place = (operation.intended.since(Time::ZERO).as_nanos() / width.as_nanos().max(1)) as usize;
        if buckets.len() <= place {
            buckets.resize_with(place + 1, Default::default);
        }
        let (bucket, latencies) = &mut buckets[place];
        bucket.invoked += 1;
        if operation.outcome.is_answered() {
            bucket.answered += 1;
            latencies.push(operation.completed.since(operation.intended));
        }
    }
    let filled = |(bucket, latencies)| Bucket { latencies: counted(latencies), ..bucket };
    buckets.into_iter().map(filled).collect()
}

/// The same bucket of many runs.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Where it begins, in nanoseconds.
    pub start_ns: u64,
    /// The mean of the runs' availabilities in it.
    pub availability: Option<Estimate>,
    /// The latencies of all runs together.
    pub latencies: Latencies,
}

/// How runs whose series have buckets of this width went over time, with intervals of this confidence.
#[must_use]
pub fn over_time<'a>(rows: impl Iterator<Item = &'a Row> + Clone, width: Span, confidence: f64) -> Vec<Moment> {
    let buckets = rows.clone().map(|row| row.series.len()).max().unwrap_or(0);
    let moment = |place: usize| {
        let buckets = rows.clone().filter_map(move |row| row.series.get(place));
        let (mut latencies, mut availabilities) = (Latencies::default(), Vec::new());
        for Bucket { invoked, answered, latencies: counts } in buckets.filter(|bucket| bucket.invoked > 0) {
            latencies.add_all(counts, invoked - answered);
            availabilities.push(*answered as f64 / *invoked as f64);
        }
        let availability = mean(&availabilities, confidence).map(|mean| mean.within(0.0, 1.0));
        Moment { start_ns: place as u64 * width.as_nanos(), availability, latencies }
    };
    (0..buckets).map(moment).collect()
}

/// One operation of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Its stable id.
    pub id: String,
    /// The session that ran it.
    pub session: u64,
    /// What was asked: `read`, `write` ...
    pub operation: String,
    /// Of which object.
    pub key: Option<u64>,
    /// When it was meant to start, in nanoseconds.
    pub intended_ns: u64,
    /// When it did.
    pub invoked_ns: u64,
    /// When it ended.
    pub completed_ns: u64,
    /// `ok`, `no`, `fail` or `info`.
    pub outcome: String,
}

/// The operations of a run, in the order in which they started.
pub(super) fn requests(run: &Run) -> Vec<Asked> {
    let nanos = |time: Time| time.since(Time::ZERO).as_nanos();
    let asked = |operation: &crate::load::Operation| Asked {
        id: run.history().id(operation),
        session: operation.session,
        operation: operation.request.kind().to_owned(),
        key: operation.request.key().map(|key| key.0),
        intended_ns: nanos(operation.intended),
        invoked_ns: nanos(operation.invoked),
        completed_ns: nanos(operation.completed),
        outcome: match operation.outcome {
            Outcome::Ok(_) => "ok",
            Outcome::No(_) => "no",
            Outcome::Fail(_) => "fail",
            Outcome::Info(_) => "info",
        }
        .to_owned(),
    };
    run.load_operations().iter().map(asked).collect()
}

/// A mean within one run, whose operations are not independent, by batch means; in billionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WithinRun {
    /// The mean.
    pub mean: u64,
    /// Its standard error.
    pub error: u64,
}

/// The mean latency of the answered operations, in nanoseconds, and the availability, in parts per billion; each without the
/// warm-up, and `None` where there are too few operations for batches.
pub(super) fn within_run(run: &Run) -> [Option<WithinRun>; 2] {
    let measured = |operation: &&crate::load::Operation| run.windows.contains(Phase::Always, operation.intended);
    let mut operations: Vec<_> = run.load_operations().iter().filter(measured).collect();
    operations.sort_by_key(|operation| operation.intended);
    let answered = operations.iter().filter(|operation| operation.outcome.is_answered());
    let latencies: Vec<f64> =
        answered.map(|operation| operation.completed.since(operation.intended).as_nanos() as f64).collect();
    let served: Vec<f64> =
        operations.iter().map(|operation| if operation.outcome.is_answered() { 1e9 } else { 0.0 }).collect();
    [latencies, served].map(|observations| {
        let (mean, error) = batch_means(&observations)?;
        Some(WithinRun { mean: mean as u64, error: error as u64 })
    })
}
