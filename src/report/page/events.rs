//! The events of a run as columns, and which of them are shown when there are too many.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::host::{CallId, Tag};
use crate::kernel::{Fact, Record, Trace};
use crate::load::Recording;

use super::super::json::integer;
use super::texts::Texts;

/// With more events than this, some are left out.
const MOST_EVENTS: usize = 400_000;

/// What stands for "no node".
const NOBODY: i64 = -1;

/// The columns of the events, one number per event and column:
///
/// | column | |
/// |---|---|
/// | `t` | nanoseconds since the event before |
/// | `tag` | the number of its [`Tag`] |
/// | `node`, `peer` | nodes by number; -1 where the tag has none |
/// | `cause` | how many events back its cause stands; 0 for none |
/// | `label` | its kind and content in the table of texts, with a tab between them; of a drop, after another tab, the fault's name |
/// | `number` | a call (request, answer, call_timeout), a fault's place (cut, heal, disturb), why a message died (drop), an epoch (role), an incarnation (start), silent or not (crash), the change (clock), a class (token); else 0 |
///
/// `total` and `messages_total` say how many there were, `dropped_calls` of which call a dropped request or answer was.
pub(super) fn events(trace: &Trace, faults: &[u64], evidence: &BTreeSet<CallId>, texts: &mut Texts) -> Value {
    let records = trace.records();
    let kept = shown(trace, evidence, MOST_EVENTS);
    let place = |number: usize| kept.binary_search(&number).ok();
    let mut columns: [Vec<Value>; 7] = std::array::from_fn(|_| Vec::with_capacity(kept.len()));
    let (mut dropped_calls, mut last) = (Vec::new(), 0);
    for (index, &number) in kept.iter().enumerate() {
        let record = &records[number];
        let Fact { time, tag, a, b, .. } = record.fact;
        let is_about_nodes = Tag::from_number(tag).is_some_and(Tag::is_about_nodes);
        let (node, peer) = if is_about_nodes { (i64::from(a), i64::from(b)) } else { (NOBODY, NOBODY) };
        let back = cause(records, number, place).map_or(0, |cause| index - cause);
        let label = texts.id(trace.label(record.label));
        let (time, number) = (time.as_nanos(), meaning(&record.fact, faults));
        let row = [integer(time - last), json!(tag), json!(node), json!(peer), json!(back), json!(label), number];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        last = time;
        if let Some(call) = CallId::of_dropped(trace.label(record.label)).filter(|_| tag == Tag::Drop as u8) {
            dropped_calls.push([json!(index), integer(call.0)]);
        }
    }
    let [t, tag, node, peer, cause, label, number] = columns;
    json!({
        "total": records.len(),
        "messages_total": records.iter().filter(|record| is_message(record)).count(),
        "t": t, "tag": tag, "node": node, "peer": peer, "cause": cause, "label": label, "number": number,
        "dropped_calls": dropped_calls,
    })
}

/// The calls by which these operations asked.
pub(super) fn calls_of(recording: &Recording, operations: &BTreeSet<usize>) -> BTreeSet<CallId> {
    operations.iter().filter_map(|&operation| recording.calls.get(operation)).flatten().copied().collect()
}

/// The events that are shown, ascending: all; or of many what tells of nodes and links, every so manieth other one,
/// what belongs to `evidence`, and what sent the messages among these.
fn shown(trace: &Trace, evidence: &BTreeSet<CallId>, most: usize) -> Vec<usize> {
    let records = trace.records();
    if records.len() <= most {
        return (0..records.len()).collect();
    }
    let step = records.len().div_ceil(most / 2);
    let mut kept = BTreeSet::new();
    for (number, record) in records.iter().enumerate() {
        let is_evidence = call(trace, record).is_some_and(|call| evidence.contains(&call));
        if number % step == 0 || is_structure(record) {
            kept.insert(number);
            kept.extend(record.cause.and_then(|cause| usize::try_from(cause).ok()));
        } else if is_evidence {
            let before = |&number: &usize| records[number].cause.and_then(|cause| usize::try_from(cause).ok());
            let chain = std::iter::successors(Some(number), before);
            let fresh: Vec<_> = chain.take_while(|number| !kept.contains(number)).collect();
            kept.extend(fresh);
        }
    }
    kept.into_iter().collect()
}

/// The place of the nearest shown event that led to this one.
fn cause(records: &[Record], number: usize, place: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    let before = |&number: &usize| records[number].cause.and_then(|cause| usize::try_from(cause).ok());
    std::iter::successors(before(&number), before).find_map(place)
}

fn meaning(fact: &Fact, faults: &[u64]) -> Value {
    let Some(tag) = Tag::from_number(fact.tag) else { return json!(0) };
    match tag {
        Tag::Cut | Tag::Heal | Tag::Disturb => json!(faults.iter().position(|&fault| fault == fact.c)),
        Tag::Drop => json!(fact.c % 16),
        Tag::Clock => json!(fact.c.cast_signed()),
        Tag::Token => json!(fact.a),
        Tag::Request | Tag::Answer | Tag::CallTimeout | Tag::Role | Tag::Start | Tag::Crash => integer(fact.c),
        _ => json!(0),
    }
}

/// The call that a record is about, if it is about one.
fn call(trace: &Trace, record: &Record) -> Option<CallId> {
    match Tag::from_number(record.fact.tag)? {
        Tag::Request | Tag::Answer | Tag::CallTimeout => Some(CallId(record.fact.c)),
        Tag::Drop => CallId::of_dropped(trace.label(record.label)),
        _ => None,
    }
}

/// Whether a record is the end of a message between two nodes.
fn is_message(record: &Record) -> bool {
    let tag = Tag::from_number(record.fact.tag);
    let is_end = matches!(tag, Some(Tag::Deliver | Tag::Drop | Tag::Request | Tag::Answer));
    is_end && record.fact.a != record.fact.b
}

/// Whether a record tells of what nodes and links are, not of what passes between them.
fn is_structure(record: &Record) -> bool {
    use Tag::{Clock, Crash, Cut, Disturb, Heal, Pause, Ready, Resume, Role, Start};
    let tag = Tag::from_number(record.fact.tag);
    matches!(tag, Some(Start | Crash | Pause | Resume | Cut | Heal | Disturb | Clock | Ready | Role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    fn fact(at: u64, tag: Tag, a: u32, b: u32, c: u64) -> Fact {
        Fact { time: Time::from_nanos(at), tag: tag as u8, a, b, c, payload: 0 }
    }

    #[test]
    fn columns_say_when_who_why_and_what() {
        let mut trace = Trace::keeping();
        trace.enter(fact(5, Tag::Token, 8, 8, 0), None, "");
        trace.enter(fact(7, Tag::Drop, 0, 1, 3 * 16 + 1), Some(0), "request\tcall 6: read k1");
        trace.enter(fact(7, Tag::Cut, 0, 0, 77), None, "");
        trace.enter(fact(9, Tag::Request, 0, 1, 4), Some(0), "read\tread k1");
        let mut texts = Texts::default();
        let columns = events(&trace, &[70, 77], &BTreeSet::new(), &mut texts);
        let expected = json!({
            "total": 4, "messages_total": 2,
            "t": [5, 2, 0, 2], "tag": [21, 2, 13, 3], "node": [-1, 0, -1, 0], "peer": [-1, 1, -1, 1],
            "cause": [0, 1, 0, 3], "label": [0, 1, 0, 2], "number": [8, 1, 1, 4], "dropped_calls": [[1, 6]],
        });
        assert_eq!(columns, expected);
    }

    #[test]
    fn of_too_many_events_a_share_is_shown_with_causes_and_evidence() {
        let mut trace = Trace::keeping();
        for number in 0..1000 {
            match number {
                300 => trace.enter(fact(number, Tag::Crash, 0, 0, 0), None, ""),
                301 => trace.enter(fact(number, Tag::Request, 0, 1, 9), Some(298), "read\tread k1"),
                _ => trace.enter(fact(number, Tag::Deliver, 0, 1, 0), number.checked_sub(1), "m"),
            };
        }
        let kept = shown(&trace, &BTreeSet::from([CallId(9)]), 900);
        assert!(kept.len() < 900, "{} are shown", kept.len());
        assert!([300, 301, 298, 297].iter().all(|number| kept.contains(number)), "{kept:?}");
        let without = shown(&trace, &BTreeSet::new(), 100);
        assert!(without.contains(&300) && !without.contains(&301));
        assert_eq!(cause(trace.records(), 301, |number| (number == 290).then_some(7)), Some(7));
    }
}
