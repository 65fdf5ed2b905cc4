//! What a sweep keeps of a run.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::{Check, Figure, Quantity, Subject, Verdict};
use crate::kernel::Span;
use crate::scenario::{Covered, Run};

use super::detail::{Asked, Bucket, Detail, WithinRun, requests, series, within_run};
use super::latencies::{Counts, counted};

/// One run of a sweep, small enough to keep thousands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its place in the whole sweep, all shards together.
    pub index: u64,
    /// The point of the grid.
    pub point: usize,
    /// The seed.
    pub seed: u64,
    /// Whether it was made twice, and the second run was the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rechecked: bool,
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
    /// What was measured, by its column in a table.
    pub figures: Vec<(String, Measure)>,
    /// The mean latency within the run, in nanoseconds.
    pub latency: Option<WithinRun>,
    /// The availability within the run, in parts per billion.
    pub served: Option<WithinRun>,
    /// Latencies of answered operations.
    pub latencies: Counts,
    /// How the run went over time, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Bucket>,
    /// Every request, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Asked>,
    /// What it covered.
    pub covered: Covered,
}

/// How much of something a run had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// So many.
    Count(u64),
    /// A share, in parts per billion.
    Share(u64),
    /// So long, in nanoseconds.
    Time(u64),
    /// It did not come to an end.
    Never,
    /// There was nothing to measure.
    Nothing,
}

/// What the numbers of a figure are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// How many.
    Count,
    /// A share from 0 to 1.
    Share,
    /// Nanoseconds.
    Time,
}

impl Measure {
    /// Its number, by its unit: a count, a share from 0 to 1, nanoseconds. What did not end, or was not there, has none.
    #[must_use]
    pub fn number(self) -> Option<(f64, Unit)> {
        match self {
            Self::Count(count) => Some((count as f64, Unit::Count)),
            Self::Share(parts) => Some((parts as f64 / 1e9, Unit::Share)),
            Self::Time(nanos) => Some((nanos as f64, Unit::Time)),
            Self::Never | Self::Nothing => None,
        }
    }
}

impl From<Quantity> for Measure {
    fn from(quantity: Quantity) -> Self {
        match quantity {
            Quantity::Count(count) => Self::Count(count),
            Quantity::Share(parts) => Self::Share(parts),
            Quantity::Time(span) => Self::Time(span.as_nanos()),
            Quantity::Never => Self::Never,
            Quantity::Nothing => Self::Nothing,
        }
    }
}

/// The column of a figure: `latency_p99_ns`, `shoppers.during.availability`, `store.stale_reads`.
fn column(figure: &Figure) -> String {
    let unit = if figure.is_time() { "_ns" } else { "" };
    match &figure.subject {
        Subject::Run => format!("{}{unit}", figure.name),
        Subject::Client(who) | Subject::Service(who) => format!("{who}.{}{unit}", figure.name),
        Subject::ClientDuringFaults(who) => format!("{who}.during.{}{unit}", figure.name),
    }
}

/// By what a run failed. Runs that fail alike are one failure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The name of the check, without the service that it is about.
    pub check: String,
    /// The service that it is about, where several are called: each is judged by itself, and a bug of one is none of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The class of the refutation, or `inconclusive`.
    pub class: String,
    /// What kind of violation was found, where the check tells several apart ([`Check::anomaly`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<String>,
}

impl Failure {
    /// What decides the verdict of a run that does not hold.
    #[must_use]
    pub fn of_run(run: &Run) -> Option<Self> {
        Self::of(run.verdict, &run.checks)
    }

    /// What decides a verdict that is not "holds".
    #[must_use]
    pub fn of(verdict: Verdict, checks: &[Check]) -> Option<Self> {
        let class = match verdict {
            Verdict::Holds => return None,
            Verdict::Refuted(class) => class.name(),
            other => other.name(),
        };
        let deciding = Self::deciding(verdict, checks);
        let name = deciding.map_or("determinism", |check| check.name.as_str());
        let named = deciding.and_then(|check| check.service.as_deref());
        let named = named.and_then(|service| Some((name.strip_suffix(service)?.strip_suffix(':')?, service)));
        let (check, service) = named.map_or((name, None), |(check, service)| (check, Some(service.to_owned())));
        let anomaly = deciding.and_then(|check| check.anomaly.clone());
        Some(Self { check: check.to_owned(), service, class: class.to_owned(), anomaly })
    }

    /// The check that decides a verdict.
    pub(super) fn deciding(verdict: Verdict, checks: &[Check]) -> Option<&Check> {
        checks.iter().find(|check| check.verdict == verdict)
    }

    /// The check's name as reports have it: `linearizable`, or where several services are called `linearizable:store`.
    #[must_use]
    pub fn name(&self) -> String {
        self.service.as_ref().map_or_else(|| self.check.clone(), |service| format!("{}:{service}", self.check))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.class, self.name())?;
        self.anomaly.as_ref().map_or(Ok(()), |anomaly| write!(f, " ({anomaly})"))
    }
}

impl Row {
    /// The row of a run.
    #[must_use]
    pub fn new(index: u64, point: usize, run: &Run, detail: Detail) -> Self {
        let metrics = &run.metrics;
        let [latency, served] = within_run(run);
        Self {
            index,
            point,
            seed: run.seed,
            is_rechecked: false,
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
            figures: run.figures.iter().map(|figure| (column(figure), figure.quantity.into())).collect(),
            latency,
            served,
            latencies: counted(metrics.latencies().to_vec()),
            series: detail.bucket_ns.map_or_else(Vec::new, |width| series(run, Span::from_nanos(width))),
            requests: if detail.requests { requests(run) } else { Vec::new() },
            covered: run.covered.clone(),
        }
    }

    /// Whether the hypothesis held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds.name()
    }

    /// What was measured under a column's name.
    #[must_use]
    pub fn measure(&self, column: &str) -> Measure {
        self.figures.iter().find(|(name, _)| name == column).map_or(Measure::Nothing, |&(_, measure)| measure)
    }

    /// Answered over invoked; `None` without an operation.
    #[must_use]
    pub fn availability(&self) -> Option<f64> {
        (self.invoked > 0).then(|| self.answered as f64 / self.invoked as f64)
    }
}

/// The columns of all that was measured of any of these runs, in the order in which they come up.
#[must_use]
pub fn figure_columns<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<&'a str> {
    let (mut columns, mut known) = (Vec::new(), BTreeSet::new());
    let names = rows.into_iter().flat_map(|row| &row.figures).map(|(name, _)| name.as_str());
    columns.extend(names.filter(|&name| known.insert(name)));
    columns
}

/// Rows for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::{Measure, Row};

    /// The row of a run with nothing but a seed, a verdict and figures; its place is its seed.
    pub(in super::super) fn row(seed: u64, verdict: &str, figures: Vec<(String, Measure)>) -> Row {
        Row {
            index: seed,
            point: 0,
            seed,
            is_rechecked: false,
            verdict: verdict.to_owned(),
            class: None,
            failure: None,
            digest: 0,
            simulated_ns: 0,
            events: 0,
            sent: 0,
            dropped: 0,
            invoked: 0,
            answered: 0,
            figures,
            latency: None,
            served: None,
            latencies: Vec::new(),
            series: Vec::new(),
            requests: Vec::new(),
            covered: crate::scenario::Covered::default(),
        }
    }
}
