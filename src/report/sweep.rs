//! What a sweep found, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::check::Verdict;
use crate::explore::{Coverage, Estimate, FailureGroup, Summary, trials_for_width};
use crate::kernel::Span;

use super::coverage::coverage_document;
use super::json::integer;
use super::means;
use super::text::shell_word;
use super::tolerance::percent;

/// A point of a grid with what its runs came to.
#[derive(Clone, Debug)]
pub struct PointSummary {
    /// What was set there: a JSON Pointer and a JSON text for each dimension.
    pub values: Vec<(String, String)>,
    /// What its runs came to.
    pub summary: Summary,
}

/// What a summary is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the program is called.
    pub program: &'a str,
    /// What the scenario is called.
    pub scenario: &'a str,
    /// What the scenario was changed by: `/pointer=JSON`.
    pub changes: &'a [String],
    /// The confidence of the intervals, between 0 and 1.
    pub confidence: f64,
    /// How wide intervals are to be, for the hints on how many runs that takes: a share, or a part of a mean.
    pub wanted_width: f64,
    /// Whether the means of all figures are told.
    pub tells_figures: bool,
}

/// A sweep as text.
#[must_use]
pub fn sweep_story(subject: Subject<'_>, points: &[PointSummary]) -> String {
    let mut text = String::new();
    for PointSummary { values, summary } in points {
        let set: Vec<_> = values.iter().map(|(pointer, value)| format!("{pointer} = {value}")).collect();
        let at = if set.is_empty() { subject.scenario.to_owned() } else { set.join(", ") };
        let _ = writeln!(text, "{at}: {} runs", summary.runs);
        let verdicts = summary.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
        let _ = writeln!(text, "  verdicts      {}", verdicts.collect::<Vec<_>>().join(", "));
        let _ = writeln!(text, "  rechecked     {}", rechecked(summary.rechecked));
        holding(&mut text, subject, summary);
        if let Some(availability) = &summary.availability {
            let _ = writeln!(text, "  availability  {}", percentages(availability, subject.confidence));
        }
        let quantiles = summary.quantiles.iter().map(|&(share, nanos)| format!("{} {}", name(share), span(nanos)));
        let _ = writeln!(text, "  latency       {}", quantiles.collect::<Vec<_>>().join(", "));
        if subject.tells_figures {
            means::tell(&mut text, subject, &summary.figures);
        }
        for group in &summary.failures {
            failure(&mut text, subject, values, group);
        }
    }
    text
}

fn failure(text: &mut String, subject: Subject<'_>, values: &[(String, String)], group: &FailureGroup) {
    let FailureGroup { failure, runs, lowest_seed, shortest_seed, shortest_events } = group;
    let runs = if *runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let changes = subject.changes.iter().cloned();
    let set = changes.chain(values.iter().map(|(pointer, value)| format!("{pointer}={value}")));
    let set: String = set.map(|change| format!(" --set {}", shell_word(&change))).collect();
    let _ = writeln!(
        text,
        "  {failure}: {runs}; lowest seed {lowest_seed}, shortest run {shortest_seed} ({shortest_events} events)\n    \
         {} run {}{set} --seed {shortest_seed}",
        shell_word(subject.program),
        shell_word(subject.scenario)
    );
}

fn rechecked(runs: u64) -> String {
    match runs {
        0 => "no run was made twice".to_owned(),
        1 => "1 run was made twice, and came to the same".to_owned(),
        runs => format!("{runs} runs were made twice, and came to the same"),
    }
}

/// How many runs hold, of all and of those that were conclusive.
fn holding(text: &mut String, subject: Subject<'_>, summary: &Summary) {
    let Some(holding) = &summary.holding else { return };
    let _ = writeln!(text, "  holding       {}", percentages(holding, subject.confidence));
    if summary.verdicts.contains_key(Verdict::Inconclusive.name()) {
        let conclusive = summary.holding_of_conclusive.as_ref();
        let conclusive = conclusive.map_or("none was".to_owned(), |rate| percentages(rate, subject.confidence));
        let _ = writeln!(
            text,
            "                an inconclusive run counts as not holding; of the conclusive ones {conclusive}"
        );
    }
    if holding.width() > subject.wanted_width {
        let needed = trials_for_width(holding.value, subject.wanted_width, subject.confidence);
        let width = percent(subject.wanted_width);
        let _ = writeln!(text, "                an interval of {width} takes about {needed} runs");
    }
}

/// A sweep as one JSON document.
#[must_use]
pub fn sweep_document(subject: Subject<'_>, points: &[PointSummary], coverage: &Coverage) -> Value {
    let point = |point: &PointSummary| {
        let summary = &point.summary;
        json!({
            "values": point.values.iter().map(|(pointer, value)| (pointer.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "runs": integer(summary.runs),
            "verdicts": summary.verdicts,
            "rechecked": integer(summary.rechecked),
            "holding": summary.holding.as_ref().map(estimate),
            "holding_of_conclusive": summary.holding_of_conclusive.as_ref().map(estimate),
            "runs_for_width": summary.holding.map(|holding| integer(trials_for_width(holding.value, subject.wanted_width, subject.confidence))),
            "figures": means::document(subject, &summary.figures),
            "availability": summary.availability.as_ref().map(estimate),
            "latency_ns": summary.quantiles.iter().map(|&(share, nanos)| (name(share), nanos_or_never(nanos))).collect::<serde_json::Map<_, _>>(),
            "failures": summary.failures.iter().map(group).collect::<Vec<_>>(),
            "reached": summary.reached,
        })
    };
    json!({
        "version": 1,
        "scenario": subject.scenario,
        "confidence": subject.confidence,
        "wanted_width": subject.wanted_width,
        "points": points.iter().map(point).collect::<Vec<_>>(),
        "coverage": coverage_document(coverage),
    })
}

pub(super) fn group(group: &FailureGroup) -> Value {
    json!({
        "check": group.failure.name(),
        "class": group.failure.class,
        "anomaly": group.failure.anomaly,
        "runs": integer(group.runs),
        "lowest_seed": integer(group.lowest_seed),
        "shortest_seed": integer(group.shortest_seed),
        "shortest_events": integer(group.shortest_events),
    })
}

/// An estimate; an end at infinity is null.
pub(super) fn estimate(estimate: &Estimate) -> Value {
    let end = |end: f64| end.is_finite().then_some(end);
    json!({ "value": estimate.value, "low": end(estimate.low), "high": end(estimate.high) })
}

pub(super) fn percentages(estimate: &Estimate, confidence: f64) -> String {
    let Estimate { value, low, high } = estimate;
    if low.is_finite() {
        format!("{:.3}% ({:.3}% to {:.3}%, {}% confidence)", value * 1e2, low * 1e2, high * 1e2, confidence * 1e2)
    } else {
        format!("{:.3}%", value * 1e2)
    }
}

/// `p50`, `p99`, `p999`.
pub(super) fn name(share: f64) -> String {
    let digits = format!("{:.3}", share);
    let digits = digits.trim_start_matches("0.").trim_end_matches('0');
    format!("p{digits:0<2}")
}

pub(super) fn span(nanos: u64) -> String {
    if nanos == u64::MAX { "never".to_owned() } else { Span::from_nanos(nanos).to_string() }
}

pub(super) fn nanos_or_never(nanos: u64) -> Value {
    if nanos == u64::MAX { json!("never") } else { integer(nanos) }
}
