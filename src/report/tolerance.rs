//! How much a system takes, as text, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::explore::{Endurance, Estimate, TestedPoint, Tolerance};

use super::json::{self, integer};
use super::sweep::{Subject, estimate, group, name, nanos_or_never};
use super::table::line;
use super::text::shell_word;

/// How wide the bar of a rate of 100% is.
const BAR: f64 = 40.0;

/// The curve and the cliff as text.
#[must_use]
pub fn tolerance_story(subject: Subject<'_>, tolerance: &Tolerance) -> String {
    let mut text = format!("{}: how much of {} is tolerated?\n\n", subject.scenario, tolerance.pointer);
    let width = tolerance.points.iter().map(|point| plain(point).chars().count()).max().unwrap_or(0);
    for point in &tolerance.points {
        let rate = point.holding.map_or(0.0, |holding| holding.value);
        let bar = "#".repeat((rate * BAR) as usize);
        let share = point.holding.map_or("-".to_owned(), |holding| format!("{:.1}%", holding.value * 1e2));
        let runs = format!("{} runs", point.summary.runs);
        let _ = writeln!(
            text,
            "  {:>width$}  {:<10} {share:>6} of {runs:<9} |{bar:<40}|",
            plain(point),
            point.endurance.name()
        );
    }
    let [high, low, confidence] =
        [tolerance.wanted, tolerance.wanted - tolerance.margin, subject.confidence].map(percent);
    let _ = writeln!(text, "\n{}", sentence(tolerance));
    if tolerance.points.is_empty() {
        return text;
    }
    let _ = writeln!(
        text,
        "Tolerated: the hypothesis holds in more than {low} of the conclusive runs; broken: in less than {high}.\nAll of these \
         answers together are right with {confidence} confidence."
    );
    let broken = tolerance.points.iter().find(|point| point.endurance == Endurance::Broken);
    if let Some((point, group)) = broken.and_then(|point| Some((point, point.gives_way()?))) {
        let _ = writeln!(
            text,
            "\nWhat gives way at {}: {}, {} of {} runs.",
            plain(point),
            group.failure,
            group.runs,
            point.summary.runs
        );
        let (seed, set) = (group.lowest_seed.to_string(), format!("{}={}", tolerance.pointer, point.value));
        let changes = subject.changes.iter().chain([&set]).flat_map(|change| ["--set", change]);
        let words = [subject.program, "run", subject.scenario, "--seed", &seed].into_iter().chain(changes);
        let _ = writeln!(text, "look:  {}", words.map(shell_word).collect::<Vec<_>>().join(" "));
    }
    text
}

/// A value as a person writes it.
fn plain(point: &TestedPoint) -> String {
    json::plain(&point.value)
}

pub(super) fn percent(share: f64) -> String {
    let digits = format!("{:.2}", share * 1e2);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Where the cliff is.
fn sentence(tolerance: &Tolerance) -> String {
    let Tolerance { pointer, points, cliff, .. } = tolerance;
    let so_far = if tolerance.is_interrupted { "Interrupted: what is known so far. " } else { "" };
    let text = match (cliff.map(|(below, above)| (&points[below], &points[above])), points.first(), points.last()) {
        (Some((below, above)), ..) => {
            let before = match below.endurance {
                Endurance::Untested => format!("up to {} nothing was put to the test", plain(below)),
                _ => format!("up to {} is tolerated", plain(below)),
            };
            let behind = match above.endurance {
                Endurance::Undecided => {
                    format!("at {} {} runs do not suffice to tell", plain(above), above.summary.runs)
                }
                _ => format!("{} is not", plain(above)),
            };
            format!("The cliff: of {pointer}, {before}, {behind}.")
        }
        (None, Some(first), _) if first.endurance == Endurance::Broken => {
            format!("No cliff: {pointer} = {} breaks it already.", plain(first))
        }
        (None, Some(first), _) if first.endurance == Endurance::Undecided => {
            format!("No cliff: at {pointer} = {} {} runs do not suffice to tell.", plain(first), first.summary.runs)
        }
        (None, _, Some(last)) if last.endurance == Endurance::Tolerated => {
            format!("No cliff: {pointer} = {} is still tolerated.", plain(last))
        }
        (None, _, Some(last)) => format!("No cliff: at {pointer} = {} nothing was put to the test.", plain(last)),
        (None, ..) => "No point was decided.".to_owned(),
    };
    let mut text = format!("{so_far}{text}");
    let again: Vec<_> = tolerance.again().map(plain).collect();
    if !again.is_empty() {
        let _ = write!(text, " It is not the only one: {} is tolerated again.", again.join(", "));
    }
    text
}

/// The columns before the quantiles of the pooled latencies.
const COLUMNS: [&str; 11] = [
    "value",
    "outcome",
    "runs",
    "held",
    "inconclusive",
    "holding",
    "holding_low",
    "holding_high",
    "availability",
    "availability_low",
    "availability_high",
];

/// `tolerance.csv`: a row for each point of the curve.
#[must_use]
pub fn tolerance_table(tolerance: &Tolerance) -> String {
    let quantiles = tolerance.points.iter().map(|point| point.summary.quantiles.as_slice()).max_by_key(|of| of.len());
    let names = quantiles.unwrap_or_default().iter().map(|&(share, _)| format!("{}_ns", name(share)));
    let mut table = line(COLUMNS.map(str::to_owned).into_iter().chain(names.clone()));
    for point in &tolerance.points {
        let count = |verdict: &str| point.summary.verdicts.get(verdict).copied().unwrap_or(0);
        let first = [
            plain(point),
            point.endurance.name().to_owned(),
            point.summary.runs.to_string(),
            count("holds").to_string(),
            count("inconclusive").to_string(),
        ];
        let intervals = [&point.holding, &point.summary.availability].into_iter().flat_map(interval);
        let quantile =
            |&(_, nanos): &(f64, u64)| if nanos == u64::MAX { "inf".to_owned() } else { nanos.to_string() };
        let quantiles = point.summary.quantiles.iter().map(quantile);
        let rest = quantiles.chain(std::iter::repeat(String::new())).take(names.len());
        table += &line(first.into_iter().chain(intervals).chain(rest));
    }
    table
}

/// An estimate and the ends of its interval; what is not there, or at infinity, is empty.
fn interval(estimate: &Option<Estimate>) -> [String; 3] {
    let cell = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
    estimate.map_or_else(Default::default, |Estimate { value, low, high }| [value, low, high].map(cell))
}

/// The curve and the cliff as one JSON document.
#[must_use]
pub fn tolerance_document(subject: Subject<'_>, tolerance: &Tolerance) -> Value {
    let value = |at: usize| value_of(&tolerance.points[at]);
    json!({
        "version": 1,
        "scenario": subject.scenario,
        "pointer": tolerance.pointer,
        "wanted": tolerance.wanted,
        "margin": tolerance.margin,
        "confidence": subject.confidence,
        "interrupted": tolerance.is_interrupted,
        "points": tolerance.points.iter().map(point).collect::<Vec<_>>(),
        "cliff": tolerance.cliff.map(|(below, above)| json!({ "below": value(below), "above": value(above) })),
        "says": sentence(tolerance),
    })
}

fn point(point: &TestedPoint) -> Value {
    let summary = &point.summary;
    let quantiles = summary.quantiles.iter().map(|&(share, nanos)| (name(share), nanos_or_never(nanos)));
    json!({
        "value": value_of(point),
        "outcome": point.endurance.name(),
        "runs": integer(summary.runs),
        "rechecked": integer(summary.rechecked),
        "verdicts": summary.verdicts,
        "holding": point.holding.as_ref().map(estimate),
        "availability": summary.availability.as_ref().map(estimate),
        "latency_ns": quantiles.collect::<serde_json::Map<_, _>>(),
        "gives_way": point.gives_way().map(group),
    })
}

fn value_of(point: &TestedPoint) -> Value {
    serde_json::from_str(&point.value).unwrap_or_else(|_| json!(point.value))
}
