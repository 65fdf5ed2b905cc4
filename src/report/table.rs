//! Runs as rows of a table.

use crate::explore::Row;

use super::json::digest;

/// `results.csv`: a header, and a row for each run. `varied` are the pointers of a grid, and `values` what was set at
/// each of its points, in the same order.
#[must_use]
pub fn results(scenario: &str, varied: &[&str], values: &[Vec<&str>], rows: &[Row]) -> String {
    let header = FIRST.into_iter().chain(varied.iter().copied()).chain(REST);
    let mut table = line(header.map(str::to_owned));
    for row in rows {
        let first = [scenario.to_owned(), row.seed.to_string()];
        let point = values.get(row.point).into_iter().flatten().map(|&value| value.to_owned());
        table += &line(first.into_iter().chain(point).chain(rest(row)));
    }
    table
}

const FIRST: [&str; 2] = ["scenario", "seed"];

const REST: [&str; 16] = [
    "verdict",
    "class",
    "check",
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

fn rest(row: &Row) -> [String; 16] {
    let nanoseconds = |nanos: Option<u64>| match nanos {
        None => String::new(),
        Some(u64::MAX) => "inf".to_owned(),
        Some(nanos) => nanos.to_string(),
    };
    [
        row.verdict.clone(),
        row.class.clone().unwrap_or_default(),
        row.failure.as_ref().map_or(String::new(), |failure| failure.check.clone()),
        digest(row.digest),
        row.simulated_ns.to_string(),
        row.events.to_string(),
        row.sent.to_string(),
        row.dropped.to_string(),
        row.invoked.to_string(),
        row.answered.to_string(),
        row.fail.to_string(),
        row.info.to_string(),
        row.availability().map_or(String::new(), |availability| availability.to_string()),
        nanoseconds(row.p50_ns),
        nanoseconds(row.p99_ns),
        nanoseconds(row.max_ns),
    ]
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| quoted(&cell)).collect::<Vec<_>>().join(",") + "\n"
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
