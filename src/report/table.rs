//! Runs as rows of a table.

use crate::explore::{Measure, Row, figure_columns};

use super::json::digest;

/// `results.csv`: a header, and a row for each run. `varied` are the pointers of a grid, and `values` what was set at
/// each of its points, in the same order. Whatever was measured of any run has a column; an empty cell says that there was
/// nothing to measure, `inf` that something never came to an end.
#[must_use]
pub fn results(scenario: &str, varied: &[&str], values: &[Vec<&str>], rows: &[Row]) -> String {
    let measured = figure_columns(rows);
    let header = FIRST.into_iter().chain(varied.iter().copied()).chain(REST).chain(measured.iter().copied());
    let mut table = line(header.map(str::to_owned));
    for row in rows {
        let first = [scenario.to_owned(), row.seed.to_string()];
        let point = values.get(row.point).into_iter().flatten().map(|&value| value.to_owned());
        let measured = measured.iter().map(|column| cell(row.measure(column)));
        table += &line(first.into_iter().chain(point).chain(rest(row)).chain(measured));
    }
    table
}

const FIRST: [&str; 2] = ["scenario", "seed"];

const REST: [&str; 8] =
    ["verdict", "class", "check", "digest", "simulated_ns", "events", "messages_sent", "messages_dropped"];

fn rest(row: &Row) -> [String; 8] {
    [
        row.verdict.clone(),
        row.class.clone().unwrap_or_default(),
        row.failure.as_ref().map_or(String::new(), |failure| failure.check.clone()),
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
