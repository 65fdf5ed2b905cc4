//! What a page knows: one JSON document about one run, or two.
//!
//! `web/model.js` reads it. Times are nanoseconds since the start of the run; what there may be much of stands in
//! columns; texts that recur stand once, in a table (see [`Texts`]). Every figure was computed below.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::check::{Check, Edge, Slice, Verdict, histogram, series, stale_reads, traffic};
use crate::host::Tag;
use crate::kernel::{Span, Time, stable_hash_str};
use crate::load::{Operation, Outcome};
use crate::scenario::{Home, Run, Scenario};

use super::super::figures::{label, words};
use super::super::json::{digest, integer, ratio};
use super::super::side_by_side::Side;
use super::super::trace::{Leg, TraceFile};
use super::events::{calls_of, events};
use super::texts::Texts;

/// The version of the document's form.
const VERSION: u32 = 1;

/// With more operations than this, some are left out.
const MOST_OPERATIONS: usize = 60_000;

/// Into how many slices a run is cut for charts, about.
const SLICES: u64 = 120;

/// The document of a page: `{ "version", "tags": [name by number - 1], "runs": [...] }`.
pub(super) fn document(sides: &[Side<'_>]) -> Value {
    json!({
        "version": VERSION,
        "tags": Tag::ALL.map(Tag::name),
        "runs": sides.iter().map(run).collect::<Vec<_>>(),
    })
}

fn run(side: &Side<'_>) -> Value {
    let Side { name, scenario, run } = *side;
    let mut texts = Texts::default();
    let evidence: BTreeSet<usize> = run.checks.iter().flat_map(telling).collect();
    let shown = shown(run, &evidence);
    let hosts: Vec<u64> = run.faults.iter().map(|fault| stable_hash_str(&fault.id)).collect();
    let events = events(&run.trace, &hosts, &calls_of(&run.recording, &evidence), &mut texts);
    let operations = operations(run, &shown, &mut texts);
    let requests = requests(name, run, &shown, &mut texts);
    let census = &run.census;
    json!({
        "name": name,
        "title": scenario.title,
        "story": scenario.story,
        "question": scenario.question,
        "seed": integer(run.seed),
        "digest": digest(run.digest().value()),
        "verdict": verdict(run.verdict),
        "warm_up": integer(scenario.warm_up.as_nanos()),
        "duration": integer(scenario.duration.as_nanos()),
        "end": integer(run.simulated.as_nanos()),
        "events_total": integer(run.events),
        "checks": run.checks.iter().map(|check| self::check(check, &shown)).collect::<Vec<_>>(),
        "notes": run.notes,
        "chaos": run.chaos,
        "reached": run.reached.iter().map(|&(name, count)| json!([name, integer(count)])).collect::<Vec<_>>(),
        "figures": run.figures.iter().map(|figure| json!([label(figure), words(figure.quantity)])).collect::<Vec<_>>(),
        "census": {
            "sent": integer(census.sent), "duplicated": integer(census.duplicated),
            "delivered": integer(census.delivered), "in_flight": integer(census.in_flight),
            "dropped": census.dropped.iter().map(|(&cause, &n)| (cause.to_owned(), integer(n))).collect::<Map<_, _>>(),
        },
        "zones": keys(&scenario.resolved["hosts"]["zones"]),
        "services": services(scenario),
        "nodes": nodes(scenario, run),
        "clients": run.history().clients,
        "faults": faults(run),
        "operations": operations,
        "requests": requests,
        "events": events,
        "series": slices(run, scenario),
        "texts": texts.json(),
    })
}

fn verdict(verdict: Verdict) -> Value {
    json!({ "name": verdict.name(), "class": verdict.class().map(|class| class.name()) })
}

/// The operations that tell of a check that did not hold.
fn telling(check: &Check) -> impl Iterator<Item = usize> {
    own(check).chain(check.edges.iter().flat_map(|edge| [Some(edge.from), edge.to]).flatten())
}

/// Those of them that the check itself names.
fn own(check: &Check) -> impl Iterator<Item = usize> {
    check.operations.iter().copied().take(if check.verdict == Verdict::Holds { 0 } else { 100 })
}

/// The operations that are shown, ascending: all, or of many every so manieth and the evidence.
fn shown(run: &Run, evidence: &BTreeSet<usize>) -> Vec<usize> {
    let all = run.history().operations.len();
    let step = all.div_ceil(MOST_OPERATIONS).max(1);
    let valid = evidence.iter().copied().filter(|&operation| operation < all);
    (0..all).step_by(step).chain(valid).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A check; its operations are places among those that are shown, the most telling first. An edge is `[from, to, kind,
/// key, words]`; `to` is null for what the replicas hold at the end.
fn check(check: &Check, shown: &[usize]) -> Value {
    let place = |operation: usize| shown.binary_search(&operation).ok();
    let operations = own(check).filter_map(place);
    let edge = |edge: &Edge| {
        let key = edge.key.map(|key| key.to_string());
        json!([place(edge.from), edge.to.and_then(place), edge.kind, key, edge.words])
    };
    json!({
        "name": check.name,
        "phase": check.phase.name(),
        "verdict": verdict(check.verdict),
        "observed": check.observed,
        "expected": check.expected,
        "explanation": check.explanation,
        "operations": operations.collect::<Vec<_>>(),
        "edges": check.edges.iter().map(edge).collect::<Vec<_>>(),
    })
}

/// The columns of the operations: `client`, `number`, `session`; `request`, `answer` and `kind` in the table of texts;
/// `key`, or null; `outcome` (0 ok, 1 no, 2 fail, 3 info); `intended`, `invoked` and `completed`, in nanoseconds, the first
/// since the operation before, the others since the one named before; `calls` by which it asked; `by_design` lists those
/// that could not have been served, `stale` the reads that were stale, `total` says how many operations there were.
fn operations(run: &Run, shown: &[usize], texts: &mut Texts) -> Value {
    let history = run.history();
    let all = || shown.iter().map(|&index| &history.operations[index]);
    let column = |of: &dyn Fn(&Operation) -> Value| all().map(of).collect::<Vec<_>>();
    // Operations stand in the order of their invocation, so that these differences are never negative.
    let mut before = Time::ZERO;
    let mut since_last = |now: Time| integer(now.since(std::mem::replace(&mut before, now)).as_nanos());
    let calls = |&index: &usize| -> Vec<Value> {
        run.recording.calls.get(index).into_iter().flatten().map(|call| integer(call.0)).collect()
    };
    json!({
        "total": history.operations.len(),
        "final_reads": run.final_reads,
        "client": column(&|o| json!(o.client)),
        "number": column(&|o| integer(o.number)),
        "session": column(&|o| integer(o.session)),
        "kind": all().map(|o| texts.id(o.request.kind())).collect::<Vec<_>>(),
        "request": all().map(|o| texts.id(&o.request.to_string())).collect::<Vec<_>>(),
        "answer": all().map(|o| texts.id(&answer(o))).collect::<Vec<_>>(),
        "key": column(&|o| o.request.key().map_or(Value::Null, |key| integer(key.0))),
        "outcome": column(&|o| json!(outcome(o))),
        "invoked": all().map(|o| since_last(o.invoked)).collect::<Vec<_>>(),
        "waited": column(&|o| integer(o.invoked.since(o.intended).as_nanos())),
        "took": column(&|o| integer(o.completed.since(o.invoked).as_nanos())),
        "calls": shown.iter().map(calls).collect::<Vec<_>>(),
        "by_design": (0..shown.len()).filter(|&place| run.unavailable_by_design.get(shown[place]) == Some(&true))
            .collect::<Vec<_>>(),
        "stale": stale_reads(history).iter().filter_map(|stale| shown.binary_search(&stale.read).ok())
            .collect::<Vec<_>>(),
    })
}

const fn outcome(operation: &Operation) -> u8 {
    match operation.outcome {
        Outcome::Ok(_) => 0,
        Outcome::No(_) => 1,
        Outcome::Fail(_) => 2,
        Outcome::Info(_) => 3,
    }
}

/// What it was answered with, or why it was not.
fn answer(operation: &Operation) -> String {
    match &operation.outcome {
        Outcome::Ok(value) | Outcome::No(value) => value.in_brief(),
        Outcome::Fail(why) | Outcome::Info(why) => why.clone(),
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

fn services(scenario: &Scenario) -> Vec<Value> {
    let service = |(name, what): (&str, &dyn crate::scenario::Deployable)| {
        let kind = keys(&scenario.resolved["services"][name]).into_iter().find(|&key| key != "host" && key != "note");
        json!({ "name": name, "kind": kind, "replicas": what.replicas() })
    };
    scenario.services().map(service).collect()
}

/// The nodes by number: replicas of the services, then clients; each with its zone, if zones have names, and its service
/// or the service that it calls.
fn nodes(scenario: &Scenario, run: &Run) -> Vec<Value> {
    let node = |(name, home): (&String, &Home)| {
        let zone = Some(&home.zone).filter(|zone| !zone.is_empty());
        let calls = &scenario.resolved["clients"][name.as_str()]["calls"];
        let calls = if home.service.is_none() { calls } else { &Value::Null };
        json!({ "name": name, "zone": zone, "service": home.service, "calls": calls })
    };
    run.names.iter().zip(&run.homes).map(node).collect()
}

/// What became of each fault; `settings` are those of the resolved scenario.
fn faults(run: &Run) -> Vec<Value> {
    let entries = run.resolved["faults"].as_array().map_or(&[][..], Vec::as_slice);
    let instant = |time: Option<Time>| time.map(|time| integer(time.as_nanos()));
    let fault = |(place, fault): (usize, &crate::fault::FaultReport)| {
        json!({
            "id": fault.id,
            "kind": fault.kind,
            "started": fault.started,
            "start": instant(fault.start),
            "end": instant(fault.end),
            "targets": fault.targets.iter().map(|node| node.0).collect::<Vec<_>>(),
            "touched": integer(fault.touched),
            "touches": fault.tally.to_string(),
            "settings": entries.get(place).map(|entry| &entry[fault.kind]),
        })
    };
    run.faults.iter().enumerate().map(fault).collect()
}

/// How many of the slowest operations are shown with their legs, and of those that were not answered.
const MOST_REQUESTS: usize = 12;

/// The operations that are shown with their legs: the slowest, and the first that were not answered. A leg is `[kind, node,
/// peer, start, end, parent, said, failure]`; `parent` is a place in the same list, `said` and `failure` are texts.
fn requests(name: &str, run: &Run, shown: &[usize], texts: &mut Texts) -> Vec<Value> {
    let Some(trace) = TraceFile::of(name, run) else { return Vec::new() };
    let operations = &run.history().operations;
    let (mut slow, mut unanswered): (Vec<_>, Vec<_>) =
        (0..shown.len()).partition(|&place| operations[shown[place]].outcome.is_answered());
    let took = |place: usize| operations[shown[place]].completed.since(operations[shown[place]].invoked);
    slow.sort_by_key(|&place| (std::cmp::Reverse(took(place)), place));
    slow.truncate(MOST_REQUESTS);
    unanswered.truncate(MOST_REQUESTS);
    let all = slow.into_iter().map(|place| (place, "slow"));
    let all: Vec<_> = all.chain(unanswered.into_iter().map(|place| (place, "unanswered"))).collect();
    let wanted: Vec<_> = all.iter().map(|&(place, _)| shown[place]).collect();
    let mut request = |((place, why), legs): ((usize, &str), Vec<Leg<'_>>)| {
        let legs: Vec<_> = legs.iter().map(|leg| self::leg(leg, texts)).collect();
        json!({ "operation": place, "why": why, "legs": legs })
    };
    all.into_iter().zip(trace.legs_of(&wanted)).map(&mut request).collect()
}

fn leg(leg: &Leg<'_>, texts: &mut Texts) -> Value {
    json!([
        leg.kind.name(),
        leg.node,
        leg.peer,
        integer(leg.start.as_nanos()),
        integer(leg.end.as_nanos()),
        leg.parent,
        texts.id(leg.said),
        leg.failure.as_ref().map(|failure| texts.id(failure)),
    ])
}

/// The run in slices: for each how many operations were meant to start in it and what became of them, the share that was
/// answered, and latencies; null where there was none, `"never"` where that rank was never answered.
fn slices(run: &Run, scenario: &Scenario) -> Value {
    let width = rounded(scenario.duration.as_nanos() / SLICES);
    let slices = series(run.history(), width);
    let traffic = traffic(&run.trace, width);
    let latencies = histogram(&run.metrics);
    let counts = |counts: &[u64]| counts.iter().map(|&count| integer(count)).collect::<Vec<_>>();
    let dropped = traffic.dropped.iter().map(|(&cause, ends)| (cause.to_owned(), json!(counts(ends))));
    let count = |of: &dyn Fn(&Slice) -> u64| slices.iter().map(|slice| integer(of(slice))).collect::<Vec<_>>();
    let latency =
        |of: &dyn Fn(&Slice) -> Option<Span>| slices.iter().map(|slice| span(of(slice))).collect::<Vec<_>>();
    json!({
        "width": integer(width.as_nanos()),
        "invoked": count(&|slice| slice.metrics.invoked),
        "ok": count(&|slice| slice.metrics.ok),
        "no": count(&|slice| slice.metrics.no),
        "fail": count(&|slice| slice.metrics.fail),
        "info": count(&|slice| slice.metrics.info),
        "availability": slices.iter().map(|slice| slice.metrics.availability().map(ratio)).collect::<Vec<_>>(),
        "p50": latency(&|slice| slice.metrics.quantiles().p50),
        "p90": latency(&|slice| slice.metrics.quantiles().p90),
        "p99": latency(&|slice| slice.metrics.quantiles().p99),
        "max": latency(&|slice| slice.metrics.quantiles().max),
        "reads": count(&|slice| slice.reads),
        "stale": count(&|slice| slice.stale_reads),
        "delivered": counts(&traffic.delivered),
        "dropped": dropped.collect::<Map<_, _>>(),
        "histogram": {
            "bounds": latencies.bounds.iter().map(|bound| integer(bound.as_nanos())).collect::<Vec<_>>(),
            "counts": counts(&latencies.counts),
            "never": integer(latencies.never),
        },
    })
}

fn span(span: Option<Span>) -> Value {
    match span {
        None => Value::Null,
        Some(Span::MAX) => json!("never"),
        Some(span) => integer(span.as_nanos()),
    }
}

/// The next number of nanoseconds of the form 1, 2 or 5 times a power of ten.
fn rounded(nanoseconds: u64) -> Span {
    let power = 10u64.pow(nanoseconds.max(1).ilog10());
    let step = [1, 2, 5, 10].into_iter().find(|step| step * power >= nanoseconds).unwrap_or(10);
    Span::from_nanos(step * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_round_widths() {
        let check = |nanoseconds, expected| assert_eq!(rounded(nanoseconds), Span::from_nanos(expected));
        check(0, 1);
        check(1, 1);
        check(3, 5);
        check(5, 5);
        check(51, 100);
        check(1_200_000_000, 2_000_000_000);
    }
}
