//! The means of figures over the runs of a sweep: as text, as a table, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::explore::{Estimate, FigureMean};

use super::json::{integer, plain};
use super::paired::words;
use super::sweep::{PointSummary, Subject, estimate};
use super::table::line;

/// The means of a point for people.
pub(super) fn tell(text: &mut String, subject: Subject<'_>, figures: &[FigureMean]) {
    let width = figures.iter().map(|figure| figure.column.chars().count()).max().unwrap_or(0);
    let _ = writeln!(text, "  mean of a run, with its interval");
    for FigureMean { column, unit, runs, without, mean: Estimate { value, low, high }, .. } in figures {
        let in_words = |value: f64| words(value, *unit);
        let interval =
            if low.is_finite() { format!(" ({} to {})", in_words(*low), in_words(*high)) } else { String::new() };
        let without = if *without > 0 { format!(", of {runs} runs; {without} have none") } else { String::new() };
        let _ = writeln!(text, "    {column:<width$}  {}{interval}{without}", in_words(*value));
    }
    let _ = writeln!(text, "    each interval has {}% confidence by itself", subject.confidence * 1e2);
}

pub(super) fn document(subject: Subject<'_>, figures: &[FigureMean]) -> Value {
    let figure = |figure: &FigureMean| {
        let needed = figure.runs_for_width(subject.wanted_width, subject.confidence);
        json!({
            "name": figure.column,
            "runs": integer(figure.runs),
            "without": integer(figure.without),
            "mean": estimate(&figure.mean),
            "runs_for_width": needed.map(integer),
        })
    };
    figures.iter().map(figure).collect()
}

/// `figures.csv`: a row for each figure at each point of a sweep. `runs_for_width` says how many runs it takes for an interval of the
/// wanted width.
#[must_use]
pub fn figures_table(subject: Subject<'_>, points: &[PointSummary]) -> String {
    let varied = points.first().map_or(&[][..], |point| &point.values).iter().map(|(pointer, _)| pointer.clone());
    let rest = ["figure", "runs", "without", "mean", "mean_low", "mean_high", "runs_for_width"].map(str::to_owned);
    let mut table = line(["scenario".to_owned()].into_iter().chain(varied).chain(rest));
    let end = |end: f64| if end.is_finite() { end.to_string() } else { String::new() };
    for point in points {
        for figure in &point.summary.figures {
            let FigureMean { column, runs, without, mean: Estimate { value, low, high }, .. } = figure;
            let needed = figure.runs_for_width(subject.wanted_width, subject.confidence);
            let values = point.values.iter().map(|(_, value)| plain(value));
            let cells = [
                column.clone(),
                runs.to_string(),
                without.to_string(),
                value.to_string(),
                end(*low),
                end(*high),
                needed.map_or_else(String::new, |runs| runs.to_string()),
            ];
            table += &line([subject.scenario.to_owned()].into_iter().chain(values).chain(cells));
        }
    }
    table
}
