//! Takes chance out of the network: every message takes the same time and none is lost, except for those that matter, and
//! these are named one by one.
//!
//! Before that a message's fate hangs on how many were sent before it on its link, and so removing an operation changes
//! the fates of messages that have nothing to do with it. After that a fate belongs to its message, and stays with it when
//! operations go ([`Lineage::renumbered`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::host::{NodeId, Passage, SentMessage, Tag, class};
use crate::kernel::{Span, Time};
use crate::load::Operation;
use crate::scenario::{Run, duration as parse_duration};

use super::Shrinker;
use super::ddmin::ddmin;
use super::passes::{named_by_check, scripts};

/// Of a run with more messages than this a part has to go before they can be named.
const MOST_NAMED: usize = 1_000;
/// So many messages a person can follow; if more matter, chance stays.
const MOST_LEFT: usize = 8;
/// What a message takes if none is faster.
const USUAL: Span = Span::from_millis(1);
/// The families of faults that decide the passage of single messages by chance.
const BY_CHANCE: [&str; 6] = ["loss", "burst_loss", "duplication", "reordering", "corruption", "latency"];

/// Replaces chance in the network by the messages that matter, if they are few.
pub(super) fn freeze(shrinker: &mut Shrinker<'_>) {
    let latency = shrinker.best["network"]["latency"].as_str().and_then(|latency| parse_duration(latency).ok());
    if latency.is_some_and(|latency| without_chance(&shrinker.best, latency) == shrinker.best) {
        return;
    }
    let Some(run) = shrinker.traced() else { return };
    let fastest = run.messages.iter().filter_map(|message| match message.passage {
        Passage::Takes { time, .. } => Some(time),
        Passage::Lost | Passage::Barred => None,
    });
    let usual = fastest.min().unwrap_or(USUAL).min(USUAL);
    let mut faults: Vec<(Span, bool, Value)> = Vec::new();
    let core = core(&run);
    for message in &run.messages {
        let of_core = origin(message, &run).is_some_and(|origin| core.contains(&origin));
        let named = named(message, usual, &run, faults.len());
        faults.extend(named.into_iter().map(|fault| (excess(message, usual), of_core, fault)));
    }
    // The slightest first: the largest part that matters stands together at the end.
    faults.sort_by_key(|&(excess, ..)| excess);
    let mut still = without_chance(&shrinker.best, usual);
    // What single messages' faults do is in the log.
    still["faults"]
        .as_array_mut()
        .into_iter()
        .for_each(|faults| faults.retain(|fault| fault.get("message").is_none()));
    let with = |messages: &[Value]| {
        let mut scenario = still.clone();
        let faults = scenario["faults"].as_array_mut();
        faults.into_iter().for_each(|faults| faults.extend(messages.iter().cloned()));
        scenario
    };
    let of_core = faults.iter().filter(|(_, of_core, _)| *of_core).map(|(.., fault)| fault.clone()).collect();
    let all: Vec<Value> = faults.into_iter().map(|(.., fault)| fault).collect();
    // Most likely it is the messages of the operations that the check is about.
    let sufficient = |messages: &Vec<Value>| messages.len() <= MOST_NAMED && shrinker.fails(&with(messages));
    let Some(messages) = [of_core, all].into_iter().find(sufficient) else { return };
    let last = shrinker.runs + shrinker.settings.budget / 5;
    let left = ddmin(messages, |part| shrinker.runs < last && shrinker.fails(&with(part)));
    if left.len() <= MOST_LEFT {
        shrinker.keep(with(&left));
    }
}

/// The operations that the check names, and those on their objects that were open at the same time.
fn core(run: &Run) -> BTreeSet<Origin> {
    let named = named_by_check(run);
    let is_near = |operation: &&Operation| {
        let meets = |other: &Operation| operation.invoked <= other.completed && other.invoked <= operation.completed;
        named.iter().any(|named| named.request.key() == operation.request.key() && meets(named))
    };
    run.history().operations.iter().filter(is_near).map(|operation| begun_by(operation, run)).collect()
}

/// By how much a message differs from one that takes `usual`; one that is lost differs most.
fn excess(message: &SentMessage, usual: Span) -> Span {
    match &message.passage {
        Passage::Takes { time, copies } if copies.is_empty() => *time - usual,
        Passage::Barred => Span::ZERO,
        Passage::Takes { .. } | Passage::Lost => Span::MAX,
    }
}

/// A scenario whose links all take the same time, and lose, copy and damage nothing.
fn without_chance(scenario: &Value, latency: Span) -> Value {
    let mut still = scenario.clone();
    still["network"] = json!({ "latency": latency.to_string() });
    // What priorities held back is among the messages that are named.
    still.as_object_mut().and_then(|still| still.shift_remove("scheduling"));
    if let Some(faults) = still["faults"].as_array_mut() {
        faults.retain(|fault| !BY_CHANCE.iter().any(|family| fault.get(family).is_some()));
    }
    still
}

/// What makes a message fare as it did where all take `usual`: nothing, or faults of this one message.
fn named(message: &SentMessage, usual: Span, run: &Run, so_far: usize) -> Vec<Value> {
    let deeds = match &message.passage {
        Passage::Barred => Vec::new(),
        Passage::Lost => vec![("drop", json!(true))],
        Passage::Takes { time, copies } => {
            let late = *time - usual;
            let delay = (late > Span::ZERO).then(|| ("delay", json!(late.to_string())));
            delay.into_iter().chain(copies.iter().map(|after| ("duplicate", json!(after.to_string())))).collect()
        }
    };
    let (from, to, kind, nth) = (run.name(message.from), run.name(message.to), message.kind, message.nth);
    let fault = |(number, (deed, how)): (usize, (&str, Value))| json!({ "id": format!("message-{number}"), "message": { "from": from, "to": to, "kind": kind, "nth": nth, deed: how } });
    (so_far + 1..).zip(deeds).map(fault).collect()
}

/// A link and a kind of message, by name.
type Route = (String, String, String);
/// What began something: a client, and when.
type Origin = (String, Time);

/// Which operation each message of a run comes of, if it comes of one.
pub(super) struct Lineage {
    /// By route, message by message: which client began what led to it, and when.
    origins: BTreeMap<Route, Vec<Option<Origin>>>,
}

impl Lineage {
    pub(super) fn of(run: &Run) -> Self {
        let mut origins: BTreeMap<Route, Vec<_>> = BTreeMap::new();
        for message in &run.messages {
            let route = (run.name(message.from).to_owned(), run.name(message.to).to_owned(), message.kind.to_owned());
            origins.entry(route).or_default().push(origin(message, run));
        }
        Self { origins }
    }

    /// A scenario with fewer operations than `before`, in which single messages are numbered as they are without those that
    /// came of the others. The fault of a message that came of one of those is left out.
    pub(super) fn renumbered(&self, before: &Value, after: Value) -> Value {
        let begun = |(client, operation): (String, Value)| {
            let at = operation["at"].as_str().and_then(|at| parse_duration(at).ok())?;
            Some((client, Time::ZERO + at))
        };
        let stay: BTreeSet<_> = scripts(&after).into_iter().filter_map(begun).collect();
        let gone: BTreeSet<_> =
            scripts(before).into_iter().filter_map(begun).filter(|one| !stay.contains(one)).collect();
        let is_gone = |origin: &Option<Origin>| origin.as_ref().is_some_and(|origin| gone.contains(origin));
        let mut renumbered = after;
        if let Some(faults) = renumbered["faults"].as_array_mut() {
            faults.retain_mut(|fault| {
                let Some(message) = fault.get_mut("message") else { return true };
                let word = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
                let origins = self.origins.get(&(word("from"), word("to"), word("kind")));
                let (Some(origins), Some(nth)) = (origins, message["nth"].as_u64()) else { return true };
                let earlier =
                    origins.iter().take(usize::try_from(nth).unwrap_or(usize::MAX)).filter(|one| is_gone(one));
                let earlier = earlier.count() as u64;
                let its_own = usize::try_from(nth - 1).ok().and_then(|place| origins.get(place));
                message["nth"] = json!(nth - earlier);
                !its_own.is_some_and(is_gone)
            });
        }
        renumbered
    }
}

/// Follows causes back to a client that began something.
fn origin(message: &SentMessage, run: &Run) -> Option<Origin> {
    let records = run.trace.records();
    let mut next = message.cause;
    while let Some(record) = next.and_then(|number| records.get(usize::try_from(number).ok()?)) {
        if Tag::from_number(record.fact.tag) == Some(Tag::Request) && is_client(run, NodeId(record.fact.b)) {
            // A request that was redirected, or is asked again, comes of the first one.
            if let Some(at) = begun(run, record.cause) {
                return Some((run.name(NodeId(record.fact.b)).to_owned(), at));
            }
        }
        next = record.cause;
    }
    let begun_now = is_client(run, message.from) && message.kind == "request";
    begun_now.then(|| (run.name(message.from).to_owned(), message.at))
}

/// How an operation began.
fn begun_by(operation: &Operation, run: &Run) -> Origin {
    (run.history().clients[operation.client as usize].clone(), operation.invoked)
}

fn is_client(run: &Run, node: NodeId) -> bool {
    run.history().clients.iter().any(|client| client == run.name(node))
}

/// When the client's token came that led to its request.
fn begun(run: &Run, cause: Option<u64>) -> Option<Time> {
    let record = run.trace.records().get(usize::try_from(cause?).ok()?)?;
    let is_token = Tag::from_number(record.fact.tag) == Some(Tag::Token);
    (is_token && record.fact.a == u32::from(class::CLIENT.number())).then_some(record.fact.time)
}
