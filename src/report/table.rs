//! Runs as rows of a table.

use crate::explore::{Bucket, Estimate, Latencies, Measure, Row, WithinRun, batch_interval, figure_columns};
use crate::kernel::Span;

use super::json::{digest, plain};

/// `results.csv`: a header, and a row for each run. Whatever was measured of any run has a column; an empty cell says that there was
/// nothing to measure, `inf` that something never came to an end. Means within a run have intervals of this confidence.
#[must_use]
pub fn results(runs: Runs<'_>, confidence: f64) -> String {
    let measured = figure_columns(runs.rows());
    let mut table = line(runs.header(REST.into_iter().chain(measured.iter().copied()).chain(WITHIN)));
    for row in runs.rows() {
        let measured = measured.iter().map(|column| cell(row.measure(column)));
        let within = [within(row.latency, 1.0, f64::MAX, confidence), within(row.served, 1e-9, 1.0, confidence)];
        table += &line(runs.first(row).chain(rest(row)).chain(measured).chain(within.into_iter().flatten()));
    }
    table
}

/// `series.csv`: a row for each bucket of time of each run.
#[must_use]
pub fn series(runs: Runs<'_>, bucket: Span) -> String {
    let columns = [
        "start_ns",
        "invoked",
        "answered",
        "availability",
        "answered_per_second",
        "p50_ns",
        "p90_ns",
        "p99_ns",
        "max_ns",
    ];
    let mut table = line(runs.header(columns.into_iter()));
    let seconds = bucket.as_nanos() as f64 / 1e9;
    for row in runs.rows() {
        for (number, Bucket { invoked, answered, latencies }) in (0u64..).zip(&row.series) {
            let mut pooled = Latencies::default();
            pooled.add_all(latencies, invoked - answered);
            let availability =
                if *invoked > 0 { (*answered as f64 / *invoked as f64).to_string() } else { String::new() };
            let counts = [number * bucket.as_nanos(), *invoked, *answered].map(|number| number.to_string());
            let rate = (*answered as f64 / seconds).to_string();
            let quantiles =
                [0.5, 0.9, 0.99, 1.0].map(|share| pooled.quantile(share).map_or_else(String::new, nanoseconds));
            table += &line(runs.first(row).chain(counts).chain([availability, rate]).chain(quantiles));
        }
    }
    table
}

/// `requests.csv`: a row for each request of each run.
#[must_use]
pub fn requests(runs: Runs<'_>) -> String {
    let columns =
        ["id", "session", "operation", "key", "intended_ns", "invoked_ns", "completed_ns", "outcome", "latency_ns"];
    let mut table = line(runs.header(columns.into_iter()));
    for row in runs.rows() {
        for asked in &row.requests {
            let is_answered = ["ok", "no"].contains(&asked.outcome.as_str());
            let latency = if is_answered { asked.completed_ns - asked.intended_ns } else { u64::MAX };
            let cells = [
                asked.id.clone(),
                asked.session.to_string(),
                asked.operation.clone(),
                asked.key.map_or_else(String::new, |key| key.to_string()),
                asked.intended_ns.to_string(),
                asked.invoked_ns.to_string(),
                asked.completed_ns.to_string(),
                asked.outcome.clone(),
                nanoseconds(latency),
            ];
            table += &line(runs.first(row).chain(cells));
        }
    }
    table
}

/// Rows in their order, and what they are called in tables.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    scenario: &'a str,
    varied: &'a [String],
    values: &'a [Vec<String>],
    rows: &'a [&'a Row],
}

impl<'a> Runs<'a> {
    /// Rows of a scenario. `varied` are the pointers of a grid, and `values` what was set at each of its points, in the same
    /// order.
    #[must_use]
    pub const fn new(
        scenario: &'a str,
        varied: &'a [String],
        values: &'a [Vec<String>],
        rows: &'a [&'a Row],
    ) -> Self {
        Self { scenario, varied, values, rows }
    }

    fn rows(self) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().copied()
    }

    fn header(self, rest: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
        let varied = self.varied.iter().map(String::as_str);
        ["scenario", "seed"].into_iter().chain(varied).chain(rest).map(str::to_owned)
    }

    /// The cells that say which run it is.
    fn first(self, row: &Row) -> impl Iterator<Item = String> {
        let point = self.values.get(row.point).into_iter().flatten().map(|value| plain(value));
        [self.scenario.to_owned(), row.seed.to_string()].into_iter().chain(point)
    }
}

/// Means within a run, with their intervals by batch means.
const WITHIN: [&str; 6] = [
    "latency_mean_ns",
    "latency_mean_low_ns",
    "latency_mean_high_ns",
    "availability_mean",
    "availability_mean_low",
    "availability_mean_high",
];

fn within(found: Option<WithinRun>, unit: f64, most: f64, confidence: f64) -> [String; 3] {
    found.map_or_else(Default::default, |WithinRun { mean, error }| {
        let interval = batch_interval(mean as f64 * unit, error as f64 * unit, confidence);
        let Estimate { value, low, high } = interval.within(0.0, most);
        [value, low, high].map(|value| value.to_string())
    })
}

fn nanoseconds(nanos: u64) -> String {
    if nanos == u64::MAX { "inf".to_owned() } else { nanos.to_string() }
}

const REST: [&str; 9] =
    ["verdict", "class", "check", "anomaly", "digest", "simulated_ns", "events", "messages_sent", "messages_dropped"];

fn rest(row: &Row) -> [String; 9] {
    let failure = row.failure.as_ref();
    [
        row.verdict.clone(),
        row.class.clone().unwrap_or_default(),
        failure.map(crate::explore::Failure::name).unwrap_or_default(),
        failure.and_then(|failure| failure.anomaly.clone()).unwrap_or_default(),
        digest(row.digest),
        row.simulated_ns.to_string(),
        row.events.to_string(),
        row.sent.to_string(),
        row.dropped.to_string(),
    ]
}

fn cell(measure: Measure) -> String {
    match measure {
        Measure::Count(number) | Measure::Time(number) => number.to_string(),
        Measure::Share(parts) => (parts as f64 / 1e9).to_string(),
        Measure::Never => "inf".to_owned(),
        Measure::Nothing => String::new(),
    }
}

pub(super) fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| quoted(&cell)).collect::<Vec<_>>().join(",") + "\n"
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
