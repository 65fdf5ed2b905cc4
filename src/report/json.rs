//! The one JSON document of a run. It holds no wall-clock fact; integers above 2^53 are strings.

use serde_json::{Map, Value, json};

use crate::check::Check;
use crate::fault::FaultReport;
use crate::host::{End, Point};
use crate::kernel::Span;
use crate::load::Outcome;
use crate::scenario::{Aspect, Run};

/// The version of the document's form.
const VERSION: u32 = 1;

/// The largest integer that every JSON reader reads exactly.
const LARGEST_EXACT: u64 = 1 << 53;

/// The document of a run; `scenario` is what the scenario is called.
#[must_use]
pub fn document(scenario: &str, run: &Run) -> Value {
    json!({
        "version": VERSION,
        "scenario": scenario,
        "seed": integer(run.seed),
        "digest": digest(run.digest().value()),
        "final_state": digest(run.final_state),
        "verdict": run.verdict.name(),
        "class": run.verdict.class().map(|class| class.name()),
        "ended": ended(run.ended_early.as_ref()),
        "simulated_ns": integer(run.simulated.as_nanos()),
        "events": integer(run.events),
        "messages": messages(run),
        "operations": operations(run),
        "availability": run.metrics.availability().map(ratio),
        "latency_ns": latencies(run),
        "figures": super::figures::all(run),
        "checks": run.checks.iter().map(|check| self::check(run, check)).collect::<Vec<_>>(),
        "faults": run.faults.iter().map(|report| fault(run, report)).collect::<Vec<_>>(),
        "reached": run.reached.iter().map(|&(name, count)| (name.to_owned(), integer(count))).collect::<Map<_, _>>(),
        "points": run.points.iter().map(|(name, point)| (name.clone(), self::point(*point))).collect::<Map<_, _>>(),
        "covered": Aspect::ALL.into_iter().map(|aspect| (aspect.name().to_owned(), json!(run.covered.of(aspect)))).collect::<Map<_, _>>(),
        "notes": run.notes,
    })
}

/// A digest, as everywhere in Partita.
pub(super) fn digest(value: u64) -> String {
    format!("{value:016x}")
}

/// An integer that no reader of JSON can get wrong.
pub(crate) fn integer(value: u64) -> Value {
    if value > LARGEST_EXACT { json!(value.to_string()) } else { json!(value) }
}

/// A JSON text as a person writes it: a text without its quotation marks.
pub(super) fn plain(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_else(|_| value.to_owned())
}

/// A ratio in parts per billion as a number from 0 to 1.
pub(super) fn ratio(parts_per_billion: u64) -> Value {
    json!(parts_per_billion as f64 / 1e9)
}

fn point(point: Point) -> Value {
    json!({ "passed": integer(point.passed), "taken": integer(point.taken) })
}

fn messages(run: &Run) -> Value {
    let census = &run.census;
    let dropped: Map<_, _> =
        census.dropped.iter().map(|(&cause, &count)| (cause.to_owned(), integer(count))).collect();
    json!({
        "sent": integer(census.sent),
        "duplicated": integer(census.duplicated),
        "delivered": integer(census.delivered),
        "dropped": dropped,
        "in_flight": integer(census.in_flight),
    })
}

fn operations(run: &Run) -> Value {
    let count =
        |of: fn(&Outcome) -> bool| run.load_operations().iter().filter(|operation| of(&operation.outcome)).count();
    json!({
        "invoked": run.load_operations().len(),
        "ok": count(|outcome| matches!(outcome, Outcome::Ok(_))),
        "no": count(|outcome| matches!(outcome, Outcome::No(_))),
        "fail": count(|outcome| matches!(outcome, Outcome::Fail(_))),
        "info": count(|outcome| matches!(outcome, Outcome::Info(_))),
        "final_reads": run.final_reads,
        "never_started": run.recording.never_started(),
        "unavailable_by_design": run.unavailable_by_design.iter().filter(|&&by_design| by_design).count(),
    })
}

fn latencies(run: &Run) -> Value {
    let quantiles = run.metrics.quantiles();
    // An operation that was never answered took for ever, which no number says.
    let nanoseconds =
        |span: Option<Span>| span.filter(|&span| span != Span::MAX).map(|span| integer(span.as_nanos()));
    json!({
        "p50": nanoseconds(quantiles.p50),
        "p90": nanoseconds(quantiles.p90),
        "p99": nanoseconds(quantiles.p99),
        "p999": nanoseconds(quantiles.p999),
        "max": nanoseconds(quantiles.max),
    })
}

fn check(run: &Run, check: &Check) -> Value {
    let history = run.history();
    let id = |&index: &usize| history.operations.get(index).map(|operation| history.id(operation));
    let ids = check.operations.iter().filter_map(id);
    let prefix = check.prefix.as_ref().map(|prefix| {
        let stuck = prefix.stuck.iter().map(|(operation, why)| json!({ "operation": id(operation), "why": why }));
        json!({
            "linearized": prefix.linearized.iter().filter_map(id).collect::<Vec<_>>(),
            "state_after": prefix.state_after,
            "stuck": stuck.collect::<Vec<_>>(),
        })
    });
    json!({
        "name": check.name,
        "phase": check.phase.name(),
        "verdict": check.verdict.name(),
        "class": check.verdict.class().map(|class| class.name()),
        "anomaly": check.anomaly,
        "observed": check.observed,
        "expected": check.expected,
        "explanation": check.explanation,
        "operations": ids.collect::<Vec<_>>(),
        "longest_prefix": prefix,
    })
}

fn fault(run: &Run, fault: &FaultReport) -> Value {
    json!({
        "id": fault.id,
        "kind": fault.kind,
        "targets": fault.targets.iter().map(|&node| run.name(node)).collect::<Vec<_>>(),
        "start_ns": fault.start.map(|start| integer(start.as_nanos())),
        "end_ns": fault.end.map(|end| integer(end.as_nanos())),
        "found": fault.found.iter().map(|&(node, state)| json!({ "node": run.name(node), "state": state })).collect::<Vec<_>>(),
        "touched": integer(fault.touched),
        "touches": touches(fault),
        "dropped": integer(fault.dropped),
    })
}

/// How often it touched something of each kind that it touched.
pub(super) fn touches(fault: &FaultReport) -> Value {
    fault.tally.iter().map(|(what, times)| (what.name().to_owned(), integer(times))).collect::<Map<_, _>>().into()
}

/// How the run ended, in one word.
fn ended(end: Option<&End>) -> &'static str {
    match end {
        None => "completed",
        Some(End::Panic { .. }) => "node_panic",
        Some(End::EndlessLoop { .. }) => "endless_loop",
        Some(End::BudgetSpent) => "event_budget_spent",
        Some(_) => "numbers_exhausted",
    }
}
