//! A run as one row of a table.

use crate::scenario::Run;

use super::json::{digest, ratio};

/// `results.csv`: a header, and a row for each run.
#[must_use]
pub fn results(scenario: &str, runs: &[&Run]) -> String {
    let rows = runs.iter().map(|run| row(scenario, run));
    let header = COLUMNS.map(str::to_owned);
    std::iter::once(header).chain(rows).map(|cells| cells.map(|cell| quoted(&cell)).join(",") + "\n").collect()
}

const COLUMNS: [&str; 17] = [
    "scenario",
    "seed",
    "verdict",
    "class",
    "digest",
    "simulated_ns",
    "events",
    "messages_sent",
    "messages_dropped",
    "invoked",
    "answered",
    "fail",
    "info",
    "availability",
    "p50_ns",
    "p99_ns",
    "max_ns",
];

fn row(scenario: &str, run: &Run) -> [String; 17] {
    let metrics = &run.metrics;
    let quantiles = metrics.quantiles();
    let nanoseconds = |span: Option<crate::kernel::Span>| match span {
        None => String::new(),
        Some(crate::kernel::Span::MAX) => "inf".to_owned(),
        Some(span) => span.as_nanos().to_string(),
    };
    [
        scenario.to_owned(),
        run.seed.to_string(),
        run.verdict.name().to_owned(),
        run.verdict.class().map_or("", |class| class.name()).to_owned(),
        digest(run.digest().value()),
        run.simulated.as_nanos().to_string(),
        run.events.to_string(),
        run.census.sent.to_string(),
        run.census.dropped.values().sum::<u64>().to_string(),
        metrics.invoked.to_string(),
        metrics.answered().to_string(),
        metrics.fail.to_string(),
        metrics.info.to_string(),
        metrics.availability().map_or(String::new(), |availability| ratio(availability).to_string()),
        nanoseconds(quantiles.p50),
        nanoseconds(quantiles.p99),
        nanoseconds(quantiles.max),
    ]
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
