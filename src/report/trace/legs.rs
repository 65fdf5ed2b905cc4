//! The parts of one operation: the client's calls, what the nodes did for them, the messages between replicas, their
//! disks. What belongs to it is what its calls led to, by the causes of the records, until it ended.

use std::collections::BTreeSet;

use crate::host::Tag;
use crate::kernel::Time;

use super::file::{Operation, TraceFile};
use super::reading::Reading;

/// What a leg is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::report) enum LegKind {
    /// A call, from its request to its end, as the caller sees it.
    Call,
    /// A node has a request, from its receipt until the answer leaves.
    Serve,
    /// A message between replicas, from its sending to its receipt.
    Message,
    /// A disk at work.
    Disk,
    /// A processor at work.
    Work,
}

impl LegKind {
    /// Its name on pages.
    pub(in crate::report) const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Serve => "serve",
            Self::Message => "message",
            Self::Disk => "disk",
            Self::Work => "work",
        }
    }
}

/// A part of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::report) struct Leg<'a> {
    pub(in crate::report) kind: LegKind,
    /// Who does it; of a message, who sends it.
    pub(in crate::report) node: u32,
    /// With whom; of a message, who receives it.
    pub(in crate::report) peer: u32,
    pub(in crate::report) start: Time,
    pub(in crate::report) end: Time,
    /// The leg that it is a part of, by place; `None`: of the operation itself.
    pub(in crate::report) parent: Option<usize>,
    /// What is said: the kind of a message or request.
    pub(in crate::report) said: &'a str,
    /// Why it came to nothing, if it did.
    pub(in crate::report) failure: Option<String>,
}

impl TraceFile {
    /// The legs of some operations, given by their places in the history.
    pub(in crate::report) fn legs_of(&self, operations: &[usize]) -> Vec<Vec<Leg<'_>>> {
        let reading = Reading::new(self);
        let operations = operations.iter().filter_map(|&place| self.header.operations.get(place));
        operations.map(|operation| reading.legs(operation)).collect()
    }
}

impl<'a> Reading<'a> {
    /// The legs of an operation, parents before their parts.
    pub(super) fn legs(&self, operation: &Operation) -> Vec<Leg<'a>> {
        let (_, until) = operation.ends();
        let mut legs = Legs { reading: self, until, legs: Vec::new(), unanswered: Vec::new(), open: Vec::new() };
        for &call in &operation.calls {
            legs.call(call, None);
            legs.follow();
        }
        legs.finish()
    }

    /// The records of an operation: of its calls, and of what they led to until it ended.
    pub(super) fn records_of(&self, operation: &Operation) -> BTreeSet<usize> {
        let (_, until) = operation.ends();
        let calls = operation.calls.iter().filter_map(|call| self.calls.get(call));
        let mut open: Vec<_> = calls
            .flat_map(|call| [call.request, call.lost_request, call.answer, call.lost_answer, call.given_up])
            .flatten()
            .collect();
        let mut found = BTreeSet::new();
        while let Some(record) = open.pop() {
            if found.insert(record) && self.time(record) <= until && self.leads_on(record) {
                open.extend(self.effects(record));
            }
        }
        found
    }

    /// Whether what a record leads to is done for the same operation. A client goes on to others, and a timer is its
    /// node's own.
    fn leads_on(&self, record: usize) -> bool {
        let fact = &self.record(record).fact;
        let is_of_service = self.file.service(fact.a).is_some();
        is_of_service && self.tag(record) != Some(Tag::Timer)
    }
}

struct Legs<'r, 'a> {
    reading: &'r Reading<'a>,
    /// When the operation ended: what starts later is no part of it.
    until: Time,
    legs: Vec<Leg<'a>>,
    /// The places of what a node never answered: it lasts as long as its parts.
    unanswered: Vec<usize>,
    /// Records that were not followed yet, with the leg that what they lead to is part of.
    open: Vec<(usize, usize)>,
}

impl<'a> Legs<'_, 'a> {
    /// A call and what it led to.
    fn call(&mut self, number: u64, parent: Option<usize>) {
        let reading = self.reading;
        let Some(call) = reading.calls.get(&number) else { return };
        let sent = call.request.or(call.lost_request);
        let (caller, callee, said, start) = match (sent.and_then(|sent| reading.message(sent)), call.given_up) {
            (Some(message), _) => (message.from, message.to, message.kind, message.sent),
            // The request was on its way when the run ended.
            (None, Some(given_up)) => {
                let fact = &reading.record(given_up).fact;
                let start = reading.file.cause(given_up).map_or(fact.time, |cause| reading.time(cause));
                (fact.a, fact.b, "request", start)
            }
            (None, None) => return,
        };
        let told = call.answer.or(call.given_up);
        let end = told.map_or(self.until, |told| reading.time(told)).max(start);
        let failure = match (call.answer, call.lost_request.or(call.lost_answer)) {
            (Some(answer), _) => {
                let (kind, _) = reading.file.label(reading.record(answer));
                (kind != "reply").then(|| kind.to_owned())
            }
            (None, lost) => {
                let death = lost.and_then(|lost| reading.message(lost)?.death);
                Some(death.map_or("timeout".to_owned(), |death| format!("timeout: {death}")))
            }
        };
        let place = self.legs.len();
        self.legs.push(Leg { kind: LegKind::Call, node: caller, peer: callee, start, end, parent, said, failure });
        if let Some(request) = call.request {
            let answered = call.answer.or(call.lost_answer).and_then(|answer| reading.file.cause(answer));
            let start = reading.time(request);
            let (kind, parent) = (LegKind::Serve, Some(place));
            let end = answered.map_or(start, |answered| reading.time(answered).max(start));
            let served = self.legs.len();
            self.legs.push(Leg { kind, node: callee, peer: caller, start, end, parent, said, failure: None });
            self.open.push((request, served));
            if answered.is_none() {
                self.unanswered.push(served);
            }
        }
    }

    /// What open records led to.
    fn follow(&mut self) {
        let reading = self.reading;
        while let Some((record, parent)) = self.open.pop() {
            if reading.time(record) > self.until {
                continue;
            }
            for &effect in reading.effects(record) {
                let next = match reading.tag(effect) {
                    Some(Tag::Deliver | Tag::Drop) => self.message(effect, parent),
                    Some(Tag::Disk) => Some(self.own(LegKind::Disk, record, effect, parent)),
                    Some(Tag::WorkDone) => Some(self.own(LegKind::Work, record, effect, parent)),
                    Some(Tag::Request) => {
                        self.call(reading.record(effect).fact.c, Some(parent));
                        None
                    }
                    // The reply to the call that is being served is its end; one to a call of a node's own goes on.
                    Some(Tag::Answer) if reading.file.service(reading.record(effect).fact.a).is_some() => {
                        Some(parent)
                    }
                    _ => None,
                };
                self.open.extend(next.map(|parent| (effect, parent)));
            }
        }
    }

    fn finish(self) -> Vec<Leg<'a>> {
        let Self { mut legs, unanswered, .. } = self;
        let mut latest: Vec<_> = legs.iter().map(|leg| leg.end).collect();
        for place in (0..legs.len()).rev() {
            if let Some(parent) = legs[place].parent {
                latest[parent] = latest[parent].max(latest[place]);
            }
        }
        for place in unanswered {
            legs[place].end = latest[place];
        }
        legs
    }

    /// A message; answers the leg that what it leads to is part of, if it arrived.
    fn message(&mut self, end: usize, parent: usize) -> Option<usize> {
        let message = self.reading.message(end)?;
        if let Some(call) = self.reading.call_of(self.reading.record(end)) {
            // A part of a call that died: told by the call, if it is not the one being served.
            if self.reading.calls.get(&call).is_some_and(|call| call.lost_request == Some(end)) {
                self.call(call, Some(parent));
            }
            return None;
        }
        let failure = message.death.map(str::to_owned);
        self.legs.push(Leg {
            kind: LegKind::Message,
            node: message.from,
            peer: message.to,
            start: message.sent,
            end: message.ended,
            parent: Some(parent),
            said: message.kind,
            failure,
        });
        message.death.is_none().then_some(self.legs.len() - 1)
    }

    /// Something that a node does by itself; answers the leg that what follows is part of.
    fn own(&mut self, kind: LegKind, from: usize, to: usize, parent: usize) -> usize {
        let node = self.reading.record(to).fact.a;
        let (start, end) = (self.reading.time(from), self.reading.time(to));
        let said = match kind {
            LegKind::Disk => "disk",
            _ => "work",
        };
        self.legs.push(Leg { kind, node, peer: node, start, end, parent: Some(parent), said, failure: None });
        parent
    }
}
